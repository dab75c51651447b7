"""One connection to or from a ppft server, and how each side proves to the other that it knows the secret.

::

    server                                   caller
      ppft's version, a challenge   ──►
                                    ◄──      sha1(challenge + login word)            ppft's own login
      "OK"                          ──►
                                    ◄──      "EXEC 1 <caller's nonce>"
      a signed word: HELLO          ──►      checked: so the server knows the secret too

The login word is made of the secret and is not the secret, so that a stranger at the other end learns nothing from
sha1. The key of all that follows is made of the secret and of both nonces. Until HELLO, a message has at most a
kilobyte, all of it together has a deadline, and nothing that came is unpickled; nor is HELLO, which is JSON.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

from ppft import __version__ as PPFT_VERSION  # noqa: N812 - a constant of theirs
from ppft.transport import CSocketTransport

from pathos_nb.launchers.ppft_wire import REVISION, NotPpft, fields_of, is_word, word
from pathos_nb.wire.signing import Checker, NotAuthentic, Signer, derive

__all__ = ["Line", "NoLine", "answer", "facts", "greet", "knock"]

LOGIN_S = 10.0
_MAX_LOGIN_BYTES = 1024
_MAX_WORD_BYTES = 1 << 16
_SIZE = struct.Struct("!Q")
_KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 60_000))


class NoLine(OSError):
    """The peer is not a server, or a caller, of ours."""


class Line(CSocketTransport):  # type: ignore[misc]  # ppft has no types
    """ppft's transport over a socket, with a deadline and a limit to sizes.

    Parameters
    ----------
    sock : socket
        Connected or not; closed with the line.
    timeout_s : float
        For all of the login together.
    """

    def __init__(self, sock: socket.socket, timeout_s: float = LOGIN_S) -> None:
        super().__init__(sock, timeout_s)
        self._deadline_s = time.monotonic() + timeout_s
        self.max_bytes = _MAX_LOGIN_BYTES
        self.key = self.nonce = b""

    def tune(self) -> None:
        """Send small messages at once, and find out when the peer's machine has gone."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if hasattr(socket, name):
                self.socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def receive(self, preprocess: Any = None) -> bytes:
        """Give the next message.

        Raises
        ------
        NoLine
            It is too large or too late, or the connection has ended.
        """
        size = _SIZE.unpack(self._exactly(_SIZE.size))[0]
        if size > self.max_bytes:
            raise NoLine(f"a message of {size} bytes is not part of a login")
        return self._exactly(size)

    def _exactly(self, n_bytes: int) -> bytes:
        data = bytearray()
        while len(data) < n_bytes:
            left_s = self._deadline_s - time.monotonic()
            if left_s <= 0:
                raise NoLine("it does not answer in time")
            self.socket.settimeout(left_s)
            try:
                piece = self.socket.recv(n_bytes - len(data))
            except TimeoutError:
                continue
            if not piece:
                raise NoLine("it closed the connection")
            data += piece
        return bytes(data)

    def say(self, message: bytes) -> None:
        """Send one whole message."""
        self.socket.sendall(_SIZE.pack(len(message)) + message)


def _login_word(secret: bytes) -> bytes:
    return derive(secret, b"pathos_nb ppft login").hex().encode()


def _proof(challenge: bytes, secret: bytes) -> bytes:
    return hashlib.sha1(challenge + _login_word(secret), usedforsecurity=False).hexdigest().encode()


def facts() -> dict[str, Any]:
    """Tell which machine, and which Python, this is."""
    minor = list(sys.version_info[:2])
    return {"host": socket.gethostname(), "machine": _machine(), "minor": minor, "python": sys.executable}


def _machine() -> str:
    """Name this machine and account, so that two processes can tell that they have the same files around them."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    root = os.stat("/")  # noqa: PTH116 - containers of one machine differ in it
    return f"{socket.gethostname()}/{boot}/{os.getuid() if hasattr(os, 'getuid') else ''}/{root.st_dev}/{root.st_ino}"


# --- the caller's side ---


def knock(line: Line, address: tuple[str, int], secret: bytes, wish: str) -> dict[str, Any]:
    """Connect to a server and go through the login.

    Parameters
    ----------
    line : Line
        On a fresh socket.
    address : tuple
        Where the server is.
    secret : bytes
        What both sides know.
    wish : str
        ``EXEC`` for a worker, ``STAT`` to be told of the server only.

    Returns
    -------
    dict
        What the server says of itself, and how much its clock is ahead; ``line.key`` is the conversation's.

    Raises
    ------
    OSError
        Nobody is there, or nobody of ours; the text says which.
    """
    line.socket.settimeout(LOGIN_S)
    host, port = address
    line._connect("127.0.0.1" if host == "localhost" else host, port)  # asks nobody for the name
    line.tune()
    version = line.receive()
    if version != PPFT_VERSION.encode():
        raise NoLine(f"it is no ppft server of version {PPFT_VERSION}, but says {version[:40]!r}")
    line.say(_proof(line.receive(), secret))
    asked_s = time.perf_counter()
    if line.receive() != b"OK":
        raise NoLine("it has another secret")
    trip_s = time.perf_counter() - asked_s
    nonce = secrets.token_bytes(16)
    line.say(f"{wish} {REVISION} {nonce.hex()}".encode())
    line.max_bytes = _MAX_WORD_BYTES
    fields = _hello(line, secret, nonce)
    there = fields.get("time")
    ahead_s = there - (time.time() - trip_s / 2) if isinstance(there, float) else 0.0
    return {**fields, "clock_ahead_s": ahead_s}


def _hello(line: Line, secret: bytes, nonce: bytes) -> dict[str, Any]:
    message = line.receive()
    theirs, told = message[:16], message[16:]
    if not is_word(told):
        raise NoLine("it has not proven that it knows the secret")
    line.key = derive(secret, b"pathos_nb ppft", nonce, theirs)
    try:
        fields = fields_of(Checker(line.key, b"hello"), told, of_word=True)
    except (NotAuthentic, NotPpft, ValueError):
        raise NoLine("it has not proven that it knows the secret") from None
    if "refused" in fields:
        raise NoLine(str(fields["refused"]))
    return fields


# --- the server's side ---


def answer(line: Line, secret: bytes) -> str:
    """Let a caller log in.

    Parameters
    ----------
    line : Line
        On an accepted socket.
    secret : bytes
        What both sides know.

    Returns
    -------
    str
        What it wishes: ``EXEC`` or ``STAT``.

    Raises
    ------
    OSError
        It is none of ours.
    """
    line.tune()
    challenge = secrets.token_hex(16).encode()
    line.say(PPFT_VERSION.encode())
    line.say(challenge)
    if not hmac.compare_digest(line.receive(), _proof(challenge, secret)):
        line.say(b"FAILED")
        raise NoLine("a caller has another secret")
    line.say(b"OK")
    words = line.receive().decode("ascii", "replace").split()
    if len(words) != 3 or words[0] not in ("EXEC", "STAT") or words[1] != str(REVISION):
        raise NoLine("a caller speaks another language")
    try:
        theirs = bytes.fromhex(words[2])
    except ValueError:
        raise NoLine("a caller has no nonce") from None
    line.nonce = secrets.token_bytes(16)
    line.key = derive(secret, b"pathos_nb ppft", theirs, line.nonce)
    return words[0]


def greet(line: Line, **fields: Any) -> None:
    """Say what the server is, or ``refused=`` why it does not serve.

    Parameters
    ----------
    line : Line
        After `answer`.
    **fields
        What to say.
    """
    signed = word(Signer(line.key, b"hello"), time=time.time(), **fields)[_SIZE.size :]
    line.say(line.nonce + signed)
