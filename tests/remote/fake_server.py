"""An ssh server of paramiko's for what the bed's sshd cannot do: one-time codes, and several things at once."""

from __future__ import annotations

import contextlib
import socket
import threading

import paramiko

from pathos_nb.secure.remote import Remote


class _Rules(paramiko.ServerInterface):
    def __init__(self, server: FakeServer) -> None:
        self.server, self.passed = server, False

    def get_allowed_auths(self, username):
        if self.server.wants_both:
            return "keyboard-interactive" if self.passed else "password"
        other = "keyboard-interactive" if self.server.codes else "password"
        return f"publickey,{other}" if self.server.user_key else other

    def check_auth_password(self, username, password):
        if password != self.server.password:
            return paramiko.AUTH_FAILED
        self.passed = True
        return paramiko.AUTH_PARTIALLY_SUCCESSFUL if self.server.wants_both else paramiko.AUTH_SUCCESSFUL

    def check_auth_publickey(self, username, key):
        return paramiko.AUTH_SUCCESSFUL if key.asbytes() == self.server.user_key else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username, submethods):
        return paramiko.InteractiveQuery("Your second factor:", "", ("Code: ", False))

    def check_auth_interactive_response(self, responses):
        return paramiko.AUTH_SUCCESSFUL if responses == self.server.codes else paramiko.AUTH_FAILED


class FakeServer:
    """Listens on loopback until the end of its block."""

    def __init__(self, *, password: str = "", codes: list[str] | None = None, wants_both: bool = False) -> None:
        self.password, self.codes, self.wants_both = password, codes or [], wants_both
        self.key = paramiko.ECDSAKey.generate()
        self.user_key = b""  # the public key that lets in
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        self._thread = threading.Thread(target=self._serve, name="fake ssh server", daemon=True)

    def __enter__(self) -> FakeServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        for transport in self._transports:
            transport.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                stream, _ = self._listener.accept()
                transport = paramiko.Transport(stream)
                transport.daemon = True
                self._transports.append(transport)
                transport.add_server_key(self.key)
                with contextlib.suppress(paramiko.SSHException, EOFError):
                    transport.start_server(server=_Rules(self))

    def introduce(self, home) -> None:
        """Let a home folder know it as ``me@fake``."""
        (home / ".ssh").mkdir(exist_ok=True)
        known = f"[127.0.0.1]:{self.port} {self.key.get_name()} {self.key.get_base64()}\n"
        (home / ".ssh" / "known_hosts").write_text(known)
        (home / ".ssh" / "config").write_text(f"Host fake\n  HostName 127.0.0.1\n  Port {self.port}\n  User me\n")

    def connect(self, home, **options: object) -> Remote:
        """Connect to it as ``me@fake``."""
        self.introduce(home)
        return Remote("fake", **options)
