"""pathos' XML-RPC server: on loopback, one request after the other, on the standard library's dispatcher.

It has no password: every user of this machine may call what is registered. So it listens nowhere else, and takes no
dotted names.
"""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from typing import Any, cast
from xmlrpc.client import Fault, dumps
from xmlrpc.server import SimpleXMLRPCDispatcher

from pathos_nb.errors import BadOption
from pathos_nb.server import Server

__all__ = ["XMLRPCRequestHandler", "XMLRPCServer"]

__path__: list[str] = []  # a package in pathos: `pathos.xmlrpc.server` is this module as well

LOOPBACK = {"localhost", "127.0.0.1", ""}
MAX_BYTES = 1 << 26
PATIENCE_S = 30.0  # for a client that says nothing more


class XMLRPCServer(Server, SimpleXMLRPCDispatcher):
    """Answers calls of functions that were registered.

    Parameters
    ----------
    host : str
        ``localhost``.
    port : int
        Where to listen; 0 takes a free port.

    Raises
    ------
    BadOption
        The host is not this machine's loopback.
    """

    def __init__(self, host: str, port: int) -> None:
        Server.__init__(self)
        SimpleXMLRPCDispatcher.__init__(self, allow_none=False, encoding=None)
        if host not in LOOPBACK:
            raise BadOption(
                f"a server without a password does not listen on {host}", cure="use localhost, and a tunnel"
            )
        self._socket = socket.create_server(("127.0.0.1", port))
        self.host, self.port = host, int(self._socket.getsockname()[1])

    def activate(self, onTimeout: Any = None, selector: Any = None) -> None:  # noqa: N803 - pathos' name
        """Begin to listen for calls; `serve` answers them."""
        super().activate(onTimeout, selector)
        self._selector.notifyOnReadReady(self._socket, self._answer)
        self._selector.notifyWhenIdle(lambda selector: True)

    def serve(self, timeout: Any = 0.5) -> None:
        """Answer calls until `deactivate`."""
        try:
            super().serve(timeout)
        finally:
            self._socket.close()

    def _answer(self, selector: Any, listener: socket.socket) -> bool:
        client, _ = listener.accept()
        with client:
            client.settimeout(PATIENCE_S)
            XMLRPCRequestHandler(self, client).handle()
        return True


class XMLRPCRequestHandler(BaseHTTPRequestHandler):
    """Reads one call and answers it.

    Parameters
    ----------
    server : XMLRPCServer
        Has the functions.
    socket : socket.socket
        The caller.
    """

    def __init__(self, server: XMLRPCServer, socket: socket.socket) -> None:
        self._server, self.connection = server, socket
        self.client_address = (server.host, server.port)
        self.rfile = socket.makefile("rb")
        self.wfile = cast("BufferedIOBase", socket.makefile("wb"))

    def handle(self) -> None:
        """Answer one request; a caller that breaks off, or says nothing, is left."""
        self.close_connection = True
        try:
            self.handle_one_request()
            self.wfile.flush()
        except OSError:
            return
        finally:
            self.rfile.close()

    def do_POST(self) -> None:  # noqa: N802 - the standard library's name
        """Answer a call."""
        text = self.headers.get("content-length", "")
        if not text.isdecimal() or int(text) > MAX_BYTES:
            self.send_error(413 if text.isdecimal() else 411)
            return
        data = self.rfile.read(int(text))
        try:
            answer = cast("Any", self._server._marshaled_dispatch(data))
        except Exception as error:  # what is no XML at all
            answer = dumps(Fault(1, f"{type(error).__name__}: {error}")).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
