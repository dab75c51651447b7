"""Live figures of the hosts, measured while somebody looks at them and at no other time.

::

    pump (a host is on show) ──► keep(): a thread for each connected host ──► Gauge.read, every few seconds
    pump (none is)           ──► stop(): the threads end, their channels are closed

Each host has its own thread, so that one that does not answer delays no other.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from pathos_nb.errors import HostError
from pathos_nb.joined.host import Host
from pathos_nb.secure.gauge import Gauge

__all__ = ["Figures", "Gauges"]

EVERY_S = 3.0
PAUSE_S = 10.0  # after a failure: the link's own thread opens it again
_MOST = 32  # each takes a channel and some threads
_TRIPS = 60
_JOIN_S = 2.0


@dataclass(slots=True)
class Figures:
    """What was measured of a host: the latest round trips, load and free memory."""

    round_trips_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_TRIPS))
    load: float | None = None
    free_bytes: int | None = None


class Gauges:
    """The figures of all hosts by name; they stay when nobody looks, and go with the host."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._figures: dict[str, Figures] = {}
        self._watches: dict[str, _Watch] = {}

    def of(self, name: str) -> Figures:
        """Give what is known of a host; empty if nothing is.

        Parameters
        ----------
        name : str
            What cells call it.

        Returns
        -------
        Figures
        """
        return self._figures.get(name) or Figures()

    def keep(self, hosts: Mapping[str, Host]) -> None:
        """See that each of these hosts, and no other, is being measured.

        Parameters
        ----------
        hosts : mapping
            The connected hosts by name.
        """
        for name in [name for name, watch in self._watches.items() if hosts.get(name) is not watch.host]:
            self._watches.pop(name).stop()
            self._figures.pop(name, None)
        for name, host in hosts.items():
            if name not in self._watches and len(self._watches) < _MOST:
                figures = self._figures.setdefault(name, Figures())
                self._watches[name] = _Watch(host, figures, self._every_s)

    def stop(self, *, wait: bool = False) -> None:
        """Measure no more.

        Parameters
        ----------
        wait : bool
            Whether to wait, not long, until all threads have ended.
        """
        watches, self._watches = list(self._watches.values()), {}
        for watch in watches:
            watch.stop()
        deadline = time.monotonic() + _JOIN_S
        for watch in watches if wait else ():
            watch.thread.join(max(0.0, deadline - time.monotonic()))


class _Watch:
    """The thread of one host."""

    def __init__(self, host: Host, figures: Figures, every_s: float) -> None:
        self.host, self._figures, self._every_s = host, figures, every_s
        self._gauge: Gauge | None = None
        self._stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"pathos-nb gauge {host.name}", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if (gauge := self._gauge) is not None:
            threading.Thread(target=gauge.close, name="pathos-nb gauge ends", daemon=True).start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(HostError, OSError):
                self._measure()
            self._figures.load = self._figures.free_bytes = None  # not known any more
            self._stopped.wait(PAUSE_S)

    def _measure(self) -> None:
        gauge = self._gauge = Gauge(self.host.remote)
        try:
            while not self._stopped.is_set():
                found = gauge.read()
                self._figures.round_trips_ms.append(round(found.round_trip_s * 1e3, 2))
                self._figures.load, self._figures.free_bytes = found.load, found.free_bytes
                self._stopped.wait(self._every_s)
        finally:
            self._gauge = None
            gauge.close()
