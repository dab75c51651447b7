"""What goes along to another machine besides frames: the user's own modules, and shared values, each once."""

from __future__ import annotations

import sys
import weakref
from typing import Any, Protocol

from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers.agent_beside import Beside
from pathos_nb.wire import protocol
from pathos_nb.wire.framing import Frame

__all__ = ["Luggage", "Way"]


class Way(Protocol):
    """What takes envelopes to the other machine."""

    def send(self, kind: int, slot: int, *frames: Frame) -> None:
        """Send envelopes, without blocking."""


class Luggage:
    """What one machine has been sent.

    Parameters
    ----------
    way : Way
        To that machine.
    """

    def __init__(self, way: Way) -> None:
        self._way, self._beside = way, Beside()
        self._last_body: Any = None
        self._shared: set[bytes] = set()

    def close(self) -> None:
        """Look after the user's files no more."""
        self._beside.close()

    def carry_for(self, frame: Frame) -> None:
        """Send the user's own modules that a payload names, where they are not there as they are now."""
        if frame.body is self._last_body:
            return
        self._last_body = frame.body if frame.kind == protocol.DEFINE else None
        self._carry_shared(frame)
        news = self._beside.news(frame.body, frame.kind != protocol.WORK)
        if news is not None:
            names, packed = news
            self._way.send(messages.CARRY, 0, Frame(0, (names,), packed))

    def _carry_shared(self, frame: Frame) -> None:
        """Send the shared values whose handles stand in a payload, each once."""
        sealed = sys.modules.get("pathos_nb.wire.sealed")  # not loaded: nothing was shared
        keys = [key for key in sealed.owned() if key not in self._shared] if sealed else []
        body = bytes(frame.body) if keys else b""
        for key in keys:
            found = sealed.copy_of(key) if sealed and key in body else None
            if found is not None:
                self._shared.add(key)
                self._way.send(messages.SHARE, 0, Frame(0, (key,), b"", [found[0]]))
                weakref.finalize(found[1], _drop_copy, weakref.ref(self._way), key).atexit = False


def _drop_copy(way: weakref.ref[Way], key: bytes) -> None:
    known = way()
    if known is not None:
        known.send(messages.UNSHARE, 0, Frame(0, (key,)))
