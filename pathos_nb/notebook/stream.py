"""The stream of one run's messages to one listener: at most ten a second and, on average, 100 kB a second.

::

    any thread                         the pump thread
      hear(open, look) ─► noted  ───►  tell(now): hello and the whole, then windows, then what is new
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from pathos_nb.notebook.feed import Feed
from pathos_nb.wire.messages import PROTOCOL, Hello, Look

__all__ = ["BYTES_A_SECOND", "INTERVAL_S", "Stream", "hello"]

BYTES_A_SECOND = 100_000
INTERVAL_S = 0.1
_TICK_S = 1.0  # without news: the clock and the time left go on
_PROFILE_S, _PROFILE_SHARE = 1.0, 20.0  # between two parts of a profile, and so many times as long as one takes
_LOOK_S = 0.25  # between two windows: each reads the whole record
_N_LAST = 40  # messages of what is still untold when a run ends
_MOST_LANES_LOOKED_AT = 2000


def hello() -> Hello:
    """Give the first answer to ``open``."""
    return {"type": "hello", "version": PROTOCOL, "package": sys.modules["pathos_nb"].__version__}


class Stream:
    """Messages of a run for a listener.

    Parameters
    ----------
    feed : Feed
        Makes the messages.
    send : callable
        Takes a message; called in the pump thread.
    is_open : bool
        Whether somebody listens from the start; else not before ``open`` was heard.
    """

    def __init__(self, feed: Feed, send: Callable[[Mapping[str, Any]], object], *, is_open: bool = False) -> None:
        self.is_open = self.wants_whole = is_open
        self.is_stale = False  # whether the run has gone on since the last message
        self._feed, self._send = feed, send
        self._look: Look | None = None
        self._is_other_version = False
        self._sent_at, self._free_at, self._looked_at = -math.inf, -math.inf, -math.inf
        self._profile_due = -math.inf
        self._is_closed = False

    def hear(self, message: Mapping[str, Any]) -> bool:
        """Take a message of the listener's; quick, in any thread.

        Parameters
        ----------
        message : mapping
            Anything that came from outside.

        Returns
        -------
        bool
            Whether it was one for a stream.
        """
        kind = message.get("type")
        if kind == "open":
            self._is_other_version = message.get("version") != PROTOCOL
            self.wants_whole = self.is_open = True
        elif kind == "look" and (look := _as_look(message)) is not None:
            self._look = look
            self.wants_whole |= not self.is_open  # its ``open`` was sent to a shell that is busy
            self.is_open = True
        elif kind == "close":
            self.is_open = False
        return kind in ("open", "look", "close")

    def due(self, is_news: bool = False) -> float:
        """Give when something should be sent, by the clock that `tell` is given.

        Parameters
        ----------
        is_news : bool
            Whether the run has gone on, besides `is_stale`.

        Returns
        -------
        float
            Never, if nobody listens.
        """
        if self._is_closed or not (self.is_open or self._is_other_version):
            return math.inf
        if self.wants_whole:
            return self._sent_at + INTERVAL_S
        if self._look is not None:
            return max(self._free_at, self._looked_at + _LOOK_S)
        if self._feed.has_profile and self._profile_due <= self._free_at:
            return self._free_at
        is_news = is_news or self.is_stale or self._feed.has_more
        return self._free_at if is_news else max(self._free_at, self._sent_at + _TICK_S)

    def tell(self, now: float) -> None:
        """Send what is due.

        Parameters
        ----------
        now : float
            The time, by the watch's clock.
        """
        if self.due() == math.inf:
            return
        if self.wants_whole:
            self._tell_whole(now)
        elif self._look is not None and self._looked_at + _LOOK_S <= now:
            look, self._look, self._looked_at = self._look, None, now
            self._post(self._feed.window(look), now)
        elif self._feed.has_profile and self._profile_due <= now:
            self._tell_profile(now)
        else:
            self.is_stale = False
            self._post(self._feed.delta(now), now)

    def _tell_profile(self, now: float) -> None:
        began = time.thread_time()  # what a busy machine adds does not count
        if (part := self._feed.profile()) is not None:
            self._post(part, now)
        self._profile_due = now + max(_PROFILE_S, _PROFILE_SHARE * (time.thread_time() - began))

    def _tell_whole(self, now: float) -> None:
        self.wants_whole = False
        self._post(hello(), now)
        if self._is_other_version:
            self.is_open = self._is_other_version = False
        else:
            self._post(self._feed.whole(now), now)

    def _post(self, message: Mapping[str, Any], now: float) -> None:
        self._send(message)
        size = len(json.dumps(message, ensure_ascii=False))
        self._sent_at, self._free_at = now, now + max(INTERVAL_S, size / BYTES_A_SECOND)

    def rest(self, now: float, n_bytes: int) -> None:
        """Leave room for something else that was sent of this run.

        Parameters
        ----------
        now : float
            The time, by the watch's clock.
        n_bytes : int
            How large it was.
        """
        self._free_at = max(self._free_at, now) + max(INTERVAL_S, n_bytes / BYTES_A_SECOND)

    def finish(self, now: float) -> None:
        """Send what is left of a run that is over, and its end.

        Parameters
        ----------
        now : float
            The time, by the watch's clock.
        """
        if self.is_open and not self._is_closed:
            if self.wants_whole:
                self._tell_whole(now)
            for _ in range(_N_LAST):
                self._send(self._feed.delta(now))
                if not self._feed.has_more:
                    break
            self._tell_profile(now)
            self._send(self._feed.ended(now))
        self.close()

    def close(self) -> None:
        """Send no more."""
        self._is_closed, self.is_open = True, False
        self._feed.close()


def _as_look(message: Mapping[str, Any]) -> Look | None:
    """Check what a listener asks for; None if it makes no sense."""
    try:
        lanes = [int(lane) for lane in message["lanes"][:_MOST_LANES_LOOKED_AT]]
        from_s, to_s = float(message["from_s"]), float(message["to_s"])
        number, n_pixels = int(message["id"]), int(message["n_pixels"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not (math.isfinite(from_s) and math.isfinite(to_s)):
        return None
    return {
        "type": "look",
        "id": number,
        "run": str(message.get("run", "")),
        "lanes": lanes,
        "from_s": from_s,
        "to_s": to_s,
        "n_pixels": n_pixels,
    }
