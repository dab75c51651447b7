"""Exchanging keys anew on a connection that lasts: as seldom as ``ssh`` does, and without two faults of paramiko's.

While keys are exchanged nothing else may be sent, so paramiko has whoever sends wait. But when the host closes a
channel just then, it is the transport's own thread that wants to answer: it waits for what only itself can finish, and
after half a minute the whole connection is given up. Here what that thread has to say is said by another one.

And who was about to write to that channel writes when the keys are there, after its close has been answered: to a
channel that is no more, for which a host ends the connection. Here what comes too late is left out.

References
----------
RFC 4253, section 9; RFC 4344, section 3.2: a cipher with blocks of 128 bits is good for 2**32 of them. RFC 4254,
section 5.3: nothing is sent on a channel after its close.
"""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko

__all__ = ["Patient", "rekey_as_ssh_does"]

_BYTES = 1 << 35  # half of the 64 GiB: the other side counts as well
_MODERN = "aes"
_LOOK_S = 0.1
_FOR_A_CHANNEL, _CLOSE = range(93, 101), 97  # RFC 4254, section 9


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
    """Says what is to be said on a connection: while keys are exchanged later, and of a closed channel nothing.

    Parameters
    ----------
    transport : paramiko.Transport
        Not started yet.
    """

    def __init__(self, transport: paramiko.Transport) -> None:
        self._transport = transport
        self._channels: dict[int, paramiko.Channel] = {}  # the latest of each number that the host has given
        self._ended: weakref.WeakSet[paramiko.Channel] = weakref.WeakSet()
        self._kept: deque[tuple[paramiko.Message, paramiko.Channel | None]] = deque()
        self._lock = threading.Lock()
        transport._send_user_message = self.send  # type: ignore[attr-defined]

    def send(self, message: paramiko.Message) -> None:
        """Send a message, in place of the transport's own method; in order, as far as one thread says them."""
        transport, said = self._transport, (message, self._channel_of(message))
        if threading.current_thread() is not transport:
            return self._say(*said)
        with self._lock:
            must_keep = bool(self._kept) or not transport.clear_to_send.is_set()
            if must_keep:
                self._kept.append(said)
                if len(self._kept) == 1:
                    threading.Thread(target=self._say_kept, name="pathos-nb rekeying", daemon=True).start()
        if not must_keep:
            self._say(*said)

    def _channel_of(self, message: paramiko.Message) -> paramiko.Channel | None:
        """Give the channel that a message is for, if it is for one."""
        head = bytes(message.packet.getbuffer()[:5])
        if head[0] not in _FOR_A_CHANNEL:
            return None
        number = int.from_bytes(head[1:], "big")
        known = self._channels.get(number)
        if known is None or known.closed:  # its number may have been given to another one
            for channel in self._transport._channels.values():  # type: ignore[attr-defined]
                if channel.active and not channel.closed and channel.remote_chanid == number:
                    self._channels[number] = known = channel
        return known

    def _say(self, message: paramiko.Message, channel: paramiko.Channel | None) -> None:
        """Send a message when that is allowed; not if its channel's close has been sent."""
        import paramiko

        transport = self._transport
        deadline = time.monotonic() + transport.clear_to_send_timeout
        while transport.active:  # type: ignore[attr-defined]
            transport.clear_to_send.wait(_LOOK_S)
            with transport.clear_to_send_lock:
                if transport.clear_to_send.is_set():
                    return self._send(message, channel)
            if time.monotonic() > deadline:
                raise paramiko.SSHException("the keys were not exchanged in time")

    def _send(self, message: paramiko.Message, channel: paramiko.Channel | None) -> None:
        if channel is not None and channel in self._ended:
            return
        self._transport._send_message(message)  # type: ignore[attr-defined]
        if channel is not None and message.packet.getbuffer()[0] == _CLOSE:
            self._ended.add(channel)

    def _say_kept(self) -> None:
        import paramiko

        while True:
            with contextlib.suppress(
                paramiko.SSHException, OSError, EOFError
            ):  # the transport's end is news of its own
                self._say(*self._kept[0])
            with self._lock:
                self._kept.popleft()
                if not self._kept:
                    return
