"""How much a host may send that nobody has taken yet: little at first, and more while that is what holds it back.

A window that is too small costs a round trip again and again; one that is too large fills the queues on the way until
they drop something, and then TCP starts over slowly. So it begins with what paramiko has by itself, and is doubled when
all of it was taken within little more than a round trip: then the host had to wait for leave to send.

References
----------
W. Feng et al., *Dynamic right-sizing*, LACSI 2001; RFC 4254, 5.2.
"""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["FIRST_BYTES", "LONGEST_BYTES", "Credit"]

FIRST_BYTES = 2 << 20
LONGEST_BYTES = 32 << 20  # 20 ms of round trip at 1.6 GB/s
_WAITED = 1.5  # round trips


class Credit:
    """The window of one channel.

    Parameters
    ----------
    trip_s : float
        The round trip to the host; 0 if the window is not to grow.
    clock : callable
        Gives seconds.

    Attributes
    ----------
    window_bytes : int
        How much may be under way.
    """

    def __init__(self, trip_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.window_bytes = FIRST_BYTES
        self._trip_s, self._clock = trip_s, clock
        self._taken_bytes, self._since_s = 0, clock()

    def more(self, n_bytes: int) -> int:
        """Hear how much was taken, and give how much the host may send besides that.

        Parameters
        ----------
        n_bytes : int
            Taken since the last time.

        Returns
        -------
        int
            0 as a rule.
        """
        self._taken_bytes += n_bytes
        if self._taken_bytes < self.window_bytes:
            return 0
        now = self._clock()
        took_s, self._since_s, self._taken_bytes = now - self._since_s, now, 0
        if took_s > _WAITED * self._trip_s:
            return 0
        grown = min(self.window_bytes, LONGEST_BYTES - self.window_bytes)
        self.window_bytes += grown
        return grown
