"""A run's view in its cell, live: a widget that is fed while the run goes on, if there is a front end for it.

Whether a front end has widgets is known when its view says ``open``, and not before. So the picture is shown together
with the widget, and drawn again when nobody has opened the widget after a while; one that is opened late comes back.

A kernel without subshells hears nothing while a cell blocks. There the picture is drawn as ever, but for runs that go
on behind.

The display has the run's record too: a page that is loaded when the kernel is gone finds no widget and draws that. It
is renewed now and then, less and less often, where the page says that it does not draw the view anew for it: a page
with our extension does (``labextension/src/lab/living_run.ts``).

The view's code is large and sent once. A widget's own module is a few lines that look for the code in the page, where
an earlier run or our extension has left it, then in the widget's state, and else ask for it.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pathos_nb.notebook.feed import Bounds, Feed, record_of
from pathos_nb.notebook.outlet import Outlet
from pathos_nb.notebook.stream import Stream
from pathos_nb.notebook.watch import Watch
from pathos_nb.wire.messages import RUN_MIME, RunRecord

__all__ = ["Controls", "LiveView", "ViewCode", "can_answer", "preload", "warm_up"]

STATIC = Path(__file__).parents[1] / "static"
CODE, LOADER = STATIC / "run.js", STATIC / "loader.js"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
# A cell that blocks may keep the kernel from hearing any page. One that does not waits longer, as a page on a slow
# machine takes its time for its first widget; but not again where nobody has opened one.
_PATIENCE_S, _PATIENCE_BEHIND_S = 2.0, 10.0
# A page that is still loading a widget complains when its comm is closed. Who has opened it has loaded it, but there
# may be other pages; where nobody has, the page is slow.
_LAST_WORDS_S, _SLOW_PAGE_S = 3.0, 20.0
_FIRST = Bounds(200, 500, 10, 5_000)
# What a saved notebook would have is renewed so long after the last time, and after a part of the time that it went on.
_KEEP_S, _KEEP_SHARE, _SOONEST_S = 10.0, 0.25, 1.0

_log = logging.getLogger(__name__)


def preload() -> type[Any] | None:
    """Import what widgets need; None if they cannot be shown here.

    Returns
    -------
    type or None
        The widget's class.
    """
    if not (CODE.is_file() and LOADER.is_file()):
        return None
    try:
        from pathos_nb.notebook.run_widget import RunWidget
    except Exception:  # whatever an installation that is not whole raises: pictures need none of it
        _log.debug("no widgets", exc_info=True)
        return None
    return RunWidget


class _Nowhere:
    """An outlet that leads nowhere."""

    def send(self, *_: object) -> None:
        """Send nothing."""


def warm_up() -> None:
    """Make a widget that nobody hears of, and the code that it would bring: the first one of a kernel takes a while."""
    kind = preload()
    if kind is not None:
        kind(_Nowhere(), ViewCode(), lambda: None, lambda said: None).close()


def can_answer(kernel: Any) -> bool:
    """Tell whether a kernel hears views while a cell blocks.

    Parameters
    ----------
    kernel : Kernel
        ipykernel's, of any version.

    Returns
    -------
    bool
        Whether it has subshells.
    """
    return bool(getattr(kernel, "_supports_kernel_subshells", False))


class ViewCode:
    """The code of the view, read when it is first wanted, and whether a page has it already.

    Attributes
    ----------
    is_known : bool
        Some page has it; another one asks.
    is_unwanted : bool
        The last view that was to be opened was opened by nobody.
    """

    def __init__(self) -> None:
        self.is_known = self.is_unwanted = False

    def patience_s(self, *, is_behind: bool) -> float:
        """Give how long to wait for somebody to open a view, before the picture is drawn again."""
        return _PATIENCE_BEHIND_S if is_behind and not self.is_unwanted else _PATIENCE_S

    @cached_property
    def text(self) -> str:
        """The view, as a JavaScript module."""
        return CODE.read_text(encoding="utf-8")

    @cached_property
    def loader(self) -> str:
        """The few lines that find it."""
        return LOADER.read_text(encoding="utf-8")

    @cached_property
    def digest(self) -> str:
        """Its name in a page."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]


@dataclass(slots=True)
class Controls:
    """What a view's buttons do, and what views share.

    Parameters
    ----------
    wake : callable
        Tells the pump that there is something to answer.
    code : ViewCode
        Of all of them.
    retry : callable, optional
        Has the failed points of the run run again.
    """

    wake: Callable[[], object]
    code: ViewCode
    retry: Callable[[], object] | None = None


@dataclass(slots=True)
class _Life:
    """What a view needs as long as its run goes on, and must not keep after that: the results hang on it."""

    watch: Watch
    controls: Controls
    stream: Stream
    now: float

    def record(self) -> RunRecord:
        return record_of(self.watch, self.now, _FIRST, can_retry=self.controls.retry is not None)


class LiveView:
    """The widget of one run.

    Parameters
    ----------
    outlet : Outlet
        The cell's.
    watch : Watch
        The run.
    controls : Controls
        What its buttons do.
    now : float
        The time, by the watch's clock.
    is_behind : bool
        Whether its cell does not wait for it.

    Attributes
    ----------
    gives_up_at : float
        Till when somebody may open it; after the end, till when a page may be loading it.
    is_heard : bool
        Whether a view of it has said something.
    is_kept : bool
        Whether the pages that show it do not draw it anew when its output is.

    Raises
    ------
    RuntimeError
        There are no widgets here.
    """

    def __init__(
        self, outlet: Outlet, watch: Watch, controls: Controls, now: float, *, is_behind: bool = False
    ) -> None:
        kind = preload()
        if kind is None:
            raise RuntimeError("no widgets here")
        self.gives_up_at = now + controls.code.patience_s(is_behind=is_behind)
        self.is_heard = self.is_kept = False
        self._began = self._kept_at = now
        stream = Stream(Feed(watch, lambda: controls.retry is not None), self._send)
        self._life: _Life | None = _Life(watch, controls, stream, now)
        self._last: RunRecord | None = None
        self._widget = kind(outlet, controls.code, self._record, self.hear)

    @property
    def stream(self) -> Stream | None:
        """Its messages; None when it has ended."""
        return self._life.stream if self._life is not None else None

    @property
    def is_open(self) -> bool:
        """Whether somebody has opened it."""
        return self._life is not None and self._life.stream.is_open

    def _record(self) -> RunRecord | None:
        life = self._life
        return life.record() if life is not None else self._last

    @property
    def bundle(self) -> dict[str, Any]:
        """What shows it, in a display; and the run as it is, for a page that finds no widget any more."""
        shown = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
        return {WIDGET_MIME: shown, RUN_MIME: self._record()}

    @property
    def keep_due(self) -> float:
        """When its display should be renewed, if there is news, for the case that the notebook is saved meanwhile."""
        if not self.is_kept:
            return math.inf
        so_far = self._kept_at - self._began
        return self._kept_at + min(_KEEP_S, max(_SOONEST_S, _KEEP_SHARE * so_far))

    def _send(self, message: Mapping[str, Any]) -> None:
        self._widget.send(message)

    def is_in_use(self, now: float) -> bool:
        """Tell whether somebody has opened it, or may do so soon."""
        if self._life is None:
            return now < self.gives_up_at
        self._life.now = now
        if not self.is_open and now >= self.gives_up_at:
            self._life.controls.code.is_unwanted = not self.is_heard
            return False
        return True

    def kept(self, now: float) -> None:
        """Note that its display is as new as it can be."""
        self._kept_at = now

    def hear(self, message: Any) -> None:
        """Take what a view says: quick, and in any thread."""
        life = self._life
        if life is None or not isinstance(message, Mapping):
            return
        if message.get("type") == "cancel":
            life.watch.run.cancel()
        elif message.get("type") == "keep":
            self.is_kept = True
            life.controls.wake()
        elif message.get("type") == "code":
            self._send({"type": "code", "text": life.controls.code.text})
        elif message.get("type") == "retry" and life.controls.retry is not None:
            life.controls.retry()
        elif life.stream.hear(message):
            life.controls.code.is_known = self.is_heard = True
            life.controls.code.is_unwanted = False
            life.controls.wake()

    def end(self, now: float) -> None:
        """Say no more; the widget is to be closed at `gives_up_at`. A page that comes to it late is told the end.

        Parameters
        ----------
        now : float
            The time.
        """
        if self._life is not None:
            self._life.now = now
            self._last = self._life.record()
            self._life.stream.close()
            self._life = None
        self.gives_up_at = now + (_LAST_WORDS_S if self.is_heard else _SLOW_PAGE_S)

    def close(self) -> None:
        """Take the widget away: no model of it is to be saved."""
        if self._life is not None:
            self._life.stream.close()
        self._widget.close()
