"""A connection of ours handed to an ``ssh`` that others go over, as ``ssh -W`` hands it its own stdin and stdout.

::

    client ══ our listener              │  the messages of the control socket are those of OpenSSH's PROTOCOL.mux;
                 │ its descriptor       │  the descriptor goes along with them
                 ▼                      │
              control socket ──► ssh ══ sshd ══ the service        no byte goes through this process any more
"""

from __future__ import annotations

import contextlib
import socket
import struct

from pathos_nb.secure.endings import Ending, Endings

__all__ = ["Handed", "Refused", "hand_over"]

HELLO, STDIO_FORWARD = 0x00000001, 0x10000008
OPENED = 0x80000006
VERSION = 4
LONGEST_BYTES = 1 << 16
OURS = 1  # the number of our one request


class Refused(Exception):
    """The ssh does not do it, and why."""


class Handed:
    """A connection that ssh carries.

    Parameters
    ----------
    line : socket.socket
        The control connection: it lives as long as what was asked for by it.
    ending : Ending
        Is told when all that the service said was written.
    """

    def __init__(self, line: socket.socket, ending: Ending) -> None:
        self._line, self.ending = line, ending

    def wait(self) -> None:
        """Wait until ssh has done with it, or has ended."""
        with contextlib.suppress(OSError):
            while self._line.recv(1):
                pass

    def close(self) -> None:
        """Have ssh end it; who waits for it is let go."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """Let go of the control connection."""
        self._line.close()


def hand_over(control: str, client: socket.socket, host: str, port: int, endings: Endings) -> Handed:
    """Have an ssh lead a connection to a port, as its host sees it.

    Parameters
    ----------
    control : str
        The path of its control socket.
    client : socket.socket
        The connection; from now on it is ssh that reads and writes.
    host, port : str, int
        Where to.
    endings : Endings
        What that ssh tells.

    Returns
    -------
    Handed
        Once the service has been reached.

    Raises
    ------
    Refused
        It was not reached, or may not be.
    OSError
        The ssh is gone.
    """
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.connect(control)
        _send(line, struct.pack(">II", HELLO, VERSION))
        _receive(line)  # its own HELLO
        where = host.encode()
        wish = struct.pack(">IIII", STDIO_FORWARD, OURS, 0, len(where)) + where + struct.pack(">I", port)
        with endings.asking(line):
            _send(line, wish)
            for _ in range(2):  # what is to be its stdin, and its stdout
                socket.send_fds(line, [b"\0"], [client.fileno()])
            line.recv(1, socket.MSG_PEEK)  # waits, and leaves it there
            return Handed(line, endings.answered(line, lambda: _channel_in(_receive(line))))
    except BaseException:
        line.close()
        raise


def _channel_in(answer: bytes) -> int:
    kind, _, number = struct.unpack_from(">III", answer.ljust(12, b"\0"))
    if kind == OPENED:
        return int(number)
    raise Refused(answer[12 : 12 + number].decode("utf-8", "replace"))  # the number of bytes of its reason


def _send(line: socket.socket, message: bytes) -> None:
    line.sendall(struct.pack(">I", len(message)) + message)


def _receive(line: socket.socket) -> bytes:
    (n_bytes,) = struct.unpack(">I", _exactly(line, 4))
    if not 4 <= n_bytes <= LONGEST_BYTES:
        raise ConnectionError(f"a message of {n_bytes} bytes is none of ssh's")
    return _exactly(line, n_bytes)


def _exactly(line: socket.socket, n_bytes: int) -> bytes:
    data = b""
    while len(data) < n_bytes:
        block = line.recv(n_bytes - len(data))
        if not block:
            raise ConnectionError("ssh closed its control socket")
        data += block
    return data
