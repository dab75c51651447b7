"""pathos' XML-RPC server."""

from __future__ import annotations

import contextlib
import socket
import threading
import xmlrpc.client

import pytest

from pathos_nb.compat.xmlrpc import XMLRPCServer
from pathos_nb.errors import BadOption


@pytest.fixture
def server():
    one = XMLRPCServer("localhost", 0)
    one.register_function(pow)
    one.register_function(lambda: 1 / 0, "fails")
    one.activate()
    thread = threading.Thread(target=one.serve, args=(0.05,))
    thread.start()
    yield one
    one.deactivate()
    thread.join(20)


def test_calls_are_answered(server):
    with xmlrpc.client.ServerProxy(f"http://localhost:{server.port}") as proxy:
        assert [proxy.pow(2, n) for n in range(5)] == [1, 2, 4, 8, 16]
        with pytest.raises(xmlrpc.client.Fault, match="ZeroDivisionError"):
            proxy.fails()
        with pytest.raises(xmlrpc.client.Fault, match="not supported"):
            proxy.no_such_function()


@pytest.mark.parametrize("text", [b"", b"garbage\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: 99999999999999\r\n\r\n",
                                  b"POST / HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc"])  # fmt: skip
def test_garbage_does_no_harm(server, text):
    with socket.create_connection(("localhost", server.port), 10) as stream:
        stream.sendall(text)
        stream.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            stream.recv(1 << 16)
    with xmlrpc.client.ServerProxy(f"http://localhost:{server.port}") as proxy:
        assert proxy.pow(3, 2) == 9


def test_it_listens_on_loopback_only(server):
    assert server._socket.getsockname()[0] == "127.0.0.1"
    with pytest.raises(BadOption, match="does not listen on 0.0.0.0"):
        XMLRPCServer("0.0.0.0", 0)
