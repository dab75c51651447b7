"""``--plot``: a run's plot in its cell, drawn anew while points arrive; the last one stays.

::

    dispatcher's thread            this plot's thread                      main thread, when the cell ends
      ChunkDone ─► a flag    ─►    at most twice a second: draw, send      finish(): the last one

A drawing is of bounded size (`dispatch.using.drawing`). One that takes long to make is made less often.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.using.drawing import Drawing
from pathos_nb.dispatch.using.plot import LACKING, bundle_of, can_plot, preload
from pathos_nb.errors import BadOption
from pathos_nb.events import ChunkDone, Event, RunEnded
from pathos_nb.notebook.outlet import Outlet

__all__ = ["LivePlot", "begin_plot", "check_plot"]

LEAST_S, PART = 0.5, 10.0  # between two drawings: half a second, and ten times what one takes
_JOIN_S = 5.0

_log = logging.getLogger(__name__)
Show = Callable[[Drawing, bool], object]  # a drawing, and whether it is the last


def check_plot() -> None:
    """See that something can draw, before anything is run.

    Raises
    ------
    BadOption
        Neither altair nor matplotlib is installed.
    """
    if not can_plot():
        raise BadOption("--plot has nothing to draw with", cure=LACKING)


class LivePlot:
    """The plot of one run, while it goes on and at its end.

    Parameters
    ----------
    results : Results
        The run's, which fill.
    show : callable
        Shows a drawing; called in one thread at a time.
    is_live : bool
        Whether somebody looks while the run goes on.
    least_s : float
        Seconds between two drawings, at least.
    """

    def __init__(self, results: Results, show: Show, *, is_live: bool, least_s: float = LEAST_S) -> None:
        self._results, self._show, self._least_s = results, show, least_s
        self._news, self._is_over, self._is_final = threading.Event(), threading.Event(), False
        self._lock = threading.Lock()
        self.n_drawn = 0
        self._forget = results.run.subscribe(self._hear)  # type: ignore[union-attr]  # of a run that begins
        if is_live:
            threading.Thread(target=self._go, name="pathos-nb-plot", daemon=True).start()

    def _hear(self, event: Event) -> None:
        if isinstance(event, RunEnded):
            self._is_over.set()
        if isinstance(event, RunEnded | ChunkDone):
            self._news.set()

    def _go(self) -> None:
        """Draw what is new until the run is over, then the last one."""
        preload()
        while not self._is_over.is_set():
            self._news.wait()
            self._news.clear()
            began = time.monotonic()
            if not self._is_over.is_set():
                self._draw(is_final=False)
            self._is_over.wait(max(self._least_s, PART * (time.monotonic() - began)))
        self.finish()

    def finish(self) -> None:
        """Draw the last one, once."""
        if not self._is_over.is_set() and not self._results.run.is_over:
            return  # interrupted on its way: the thread sees the end
        self._is_over.set()
        self._news.set()
        self._forget()
        self._draw(is_final=True)

    def _draw(self, *, is_final: bool) -> None:
        with self._lock:
            if self._is_final:
                return
            self._is_final = is_final
            try:
                self._show(self._results.drawing(), is_final)
                self.n_drawn += 1
            except BadOption as error:  # no number yet, or none at all
                if is_final:
                    sys.stderr.write(f"note: --plot: {error}\n")
            except Exception:  # a plot must not end the run, which keeps its values
                _log.warning("the plot of run %s could not be drawn", self._results.run_id, exc_info=True)


def begin_plot(shell: Any, results: Results, *, is_watched: bool) -> LivePlot:
    """Begin the plot of a run that the running cell starts.

    Parameters
    ----------
    shell : InteractiveShell
        The shell.
    results : Results
        The run's.
    is_watched : bool
        Whether a front end shows what changes; else there is the last one only.

    Returns
    -------
    LivePlot
        To be finished when the cell ends, unless the run outlives it.
    """
    kernel = getattr(shell, "kernel", None)
    has_cell = hasattr(kernel, "get_parent") and hasattr(shell.display_pub, "pub_socket")
    if type(shell.display_pub).__name__ == "CapturingDisplayPublisher" or not has_cell:
        return LivePlot(results, _say, is_live=False)
    return LivePlot(results, _Cell(shell), is_live=is_watched)


def _say(drawing: Drawing, is_final: bool) -> None:
    """Say what would be seen: a terminal shows no pictures."""
    sys.stderr.write(f"{drawing}; .plot().save('plot.png') writes it\n")


class _Cell:
    """Shows drawings in the cell that was running when this was made."""

    def __init__(self, shell: Any) -> None:
        self._outlet, self._is_new = Outlet(shell), True

    def __call__(self, drawing: Drawing, is_final: bool) -> None:
        is_new, self._is_new = self._is_new, False
        self._outlet.show(bundle_of(drawing, is_final=is_final), is_new=is_new)
