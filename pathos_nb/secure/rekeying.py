"""Exchanging keys anew on a connection that lasts: as seldom as ``ssh`` does, and without a deadlock of paramiko's.

While keys are exchanged nothing else may be sent, so paramiko has whoever sends wait. But when the host closes a
channel just then, it is the transport's own thread that wants to answer: it waits for what only itself can finish, and
after half a minute the whole connection is given up. Here what that thread has to say is said by another one.

References
----------
RFC 4253, section 9; RFC 4344, section 3.2: a cipher with blocks of 128 bits is good for 2**32 of them.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko

__all__ = ["Patient", "rekey_as_ssh_does"]

_BYTES = 1 << 35  # half of the 64 GiB: the other side counts as well
_MODERN = "aes"


def rekey_as_ssh_does(transport: paramiko.Transport) -> None:
    """Have keys exchanged anew after 32 GiB instead of 512 MiB, where the ciphers allow it.

    Parameters
    ----------
    transport : paramiko.Transport
        It has agreed with the host on ciphers.
    """
    ciphers = transport.local_cipher, transport.remote_cipher  # type: ignore[attr-defined]
    if all(cipher.startswith(_MODERN) for cipher in ciphers):
        transport.packetizer.REKEY_BYTES = _BYTES
        transport.packetizer.REKEY_BYTES_OVERFLOW_MAX = _BYTES


class Patient:
    """Says what a transport's own thread has to say while keys are exchanged, when they are.

    Parameters
    ----------
    transport : paramiko.Transport
        Not started yet.
    """

    def __init__(self, transport: paramiko.Transport) -> None:
        self._transport, self._send = transport, transport._send_user_message  # type: ignore[attr-defined]
        self._kept: deque[paramiko.Message] = deque()
        self._lock = threading.Lock()
        transport._send_user_message = self.send  # type: ignore[attr-defined]

    def send(self, message: paramiko.Message) -> None:
        """Send a message, in place of the transport's own method; in order, as far as one thread says them."""
        if threading.current_thread() is not self._transport:
            return self._send(message)  # type: ignore[no-any-return]
        with self._lock:
            must_keep = bool(self._kept) or not self._transport.clear_to_send.is_set()
            if must_keep:
                self._kept.append(message)
                if len(self._kept) == 1:
                    threading.Thread(target=self._say, name="pathos-nb rekeying", daemon=True).start()
        if not must_keep:
            self._send(message)

    def _say(self) -> None:
        import paramiko

        while True:
            with contextlib.suppress(
                paramiko.SSHException, OSError, EOFError
            ):  # the transport's end is news of its own
                self._send(self._kept[0])
            with self._lock:
                self._kept.popleft()
                if not self._kept:
                    return
