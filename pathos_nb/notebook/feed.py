"""A run as messages: the whole of it, then what is new, each of bounded size. What a view is fed with.

::

    Watch ──(lane, chunk)──► Feed ──► whole() delta() ended() window()      asked for by the one pump thread
                             what is new since the last message, put together where it is much

A feed is for one stream of messages: the views of one widget, or one panel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pathos_nb.dispatch.failed import describe, tidy
from pathos_nb.dispatch.spans import SpanStore, as_columns, span_of
from pathos_nb.dispatch.timeline import (
    MOST_LANES,
    Part,
    cut,
    items_between,
    no_items,
    outstanding_items,
    spans_between,
)
from pathos_nb.errors import Failure
from pathos_nb.events import ChunkDone
from pathos_nb.notebook.profile_feed import ProfileFeed
from pathos_nb.notebook.watch import Watch
from pathos_nb.wire.messages import (
    PROTOCOL,
    FailureRow,
    Figures,
    Head,
    InnerRow,
    Items,
    Look,
    PrintedRow,
    RunDelta,
    RunEnd,
    RunProfile,
    RunRecord,
    RunWhole,
    Window,
)

__all__ = ["SAVED", "Bounds", "Feed", "figures_of", "head_of", "record_of"]

_TITLE, _LABEL, _ERROR, _TRACEBACK = 200, 120, 300, 1500
_N_NAMES, _N_FAILURES, _N_PRINTED, _N_WAITS = 50, 50, 60_000, 5
_N_INNER = 25
_WINDOW_SPANS, _WINDOW_ITEMS = 1200, 400
_MOST_READ = 5_000  # of runs with more items only spans are kept: to look for those that stand out would take its time


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a run a record has.

    Parameters
    ----------
    n_lanes, n_spans, n_failures : int
        Rows.
    n_printed : int
        Characters of output.
    n_items : int
        Single items of a run that is over.
    """

    n_lanes: int
    n_spans: int
    n_failures: int
    n_printed: int
    n_items: int = 0


LIVE = Bounds(MOST_LANES, 3000, _N_FAILURES, _N_PRINTED)
SAVED = Bounds(200, 1500, 25, 30_000, 400)
STEP = Bounds(120, 600, 8, 12_000)  # of one delta


def figures_of(watch: Watch, now: float) -> Figures:
    """Give a run's numbers.

    Parameters
    ----------
    watch : Watch
        The run.
    now : float
        The time, by the watch's clock.

    Returns
    -------
    Figures
        For a message.
    """
    run, rate = watch.run, watch.rate(now)
    is_known = not run.is_over and run.total is not None and rate > 0
    return {
        "state": run.state,  # type: ignore[typeddict-item]  # one of RunState
        "n_done": run.n_done,
        "n_failed": run.n_failed,
        "total": run.total,
        "rate": round(rate, 3),
        "left_s": round(((run.total or 0) - run.n_done) / rate, 1) if is_known else None,
        "elapsed_s": round(run.seconds, 3),
        "busy_s": round(watch.timeline.busy_s, 6),
        "n_slots": watch.timeline.n_workers,
        "waits": [cut(line, _ERROR) for line in watch.waits()[:_N_WAITS]],
    }


def head_of(watch: Watch, *, can_retry: bool = False) -> Head:
    """Say what a run is.

    Parameters
    ----------
    watch : Watch
        The run.
    can_retry : bool
        Whether its failed points could run again.

    Returns
    -------
    Head
        For a message.
    """
    run = watch.run
    return {
        "run": run.run_id,
        "title": cut(run.label, _TITLE),
        "names": [cut(name, _LABEL) for name in watch.names[:_N_NAMES]],
        "started_at": run.started_at,
        "can_cancel": not run.is_over,
        "can_retry": can_retry,
    }


def record_of(watch: Watch, now: float, bounds: Bounds, *, can_retry: bool = False) -> RunRecord:
    """Give a whole run.

    Parameters
    ----------
    watch : Watch
        The run.
    now : float
        The time, by the watch's clock.
    bounds : Bounds
        How much of it.
    can_retry : bool
        As in `head_of`.

    Returns
    -------
    RunRecord
        What is left out of it is counted in it.
    """
    watch.catch_up()
    with watch.lock:
        lanes, moved, n_more = watch.timeline.folded(bounds.n_lanes)
        spans = as_columns(watch.timeline.spans.copied(bounds.n_spans, moved))
        printed, n_more_printed = _printed(watch, watch.output, bounds.n_printed)
        n_more_printed += watch.n_cut
    failures = [_failure_row(watch, failure) for failure in watch.failures(0, bounds.n_failures)]
    items = _items(watch, bounds.n_items, moved)
    return {
        "version": PROTOCOL,
        "head": head_of(watch, can_retry=can_retry),
        "figures": figures_of(watch, now),
        "lanes": lanes,
        "n_more_lanes": n_more,
        "spans": spans,
        "items": items,
        "failures": failures,
        "n_more_failures": max(0, watch.run.n_failed - len(failures)),
        "printed": printed,
        "n_more_printed": n_more_printed,
        "n_printed": watch.n_printed,
        "inner": _inner_rows(watch),
        "n_more_inner": max(0, watch.run.inner.n_runs - _N_INNER),
        "profile": None if (profile := _profile_feed(watch)) is None else profile.whole(watch.run.seconds),
    }


def _items(watch: Watch, most: int, moved: Mapping[int, int]) -> Items:
    run = watch.run
    if not most or not run.is_over or run.n_done - run.n_before > _MOST_READ:
        return no_items()
    return outstanding_items(watch.timeline, run.chunks, most, lambda index: _called(watch, index), moved)


def _called(watch: Watch, index: int) -> str:
    """Give what an item is called with, or nothing."""
    try:
        return cut(watch.called(index), _LABEL)
    except Exception as error:  # as in `_label`
        return f"<{type(error).__name__}>"


def _failure_row(watch: Watch, failure: Failure) -> FailureRow:
    return {
        "index": int(failure.index),
        "label": _label(watch, failure.index),
        "error": cut(describe(failure), _ERROR),
        "worker": cut(f"{failure.worker} on {failure.host}" if failure.worker else "", _LABEL),
        "traceback": cut(tidy(failure.traceback), _TRACEBACK),
    }


def _inner_rows(watch: Watch) -> list[InnerRow]:
    return [
        {
            "run": run.run_id,
            "label": cut(label, _LABEL),
            "title": cut(run.title, _LABEL),
            "state": run.state,
            "n_done": run.n_done,
            "n_failed": run.n_failed,
            "total": run.total,
            "seconds": round(run.seconds, 1),
        }
        for label, run in watch.inner(_N_INNER)
    ]


def _profile_feed(watch: Watch) -> ProfileFeed | None:
    """Give what tells of the run's profile, if it has one."""
    if watch.run.profile is None:
        return None
    return ProfileFeed(watch.run.profile, lambda p: _label(watch, p.index) if watch.names else p.argument)


def _label(watch: Watch, index: int) -> str:
    try:
        return cut(watch.label(index), _LABEL)
    except Exception as error:  # the user's own repr, or a point that has not been read yet
        return f"item {index} <{type(error).__name__}>"


def _printed(watch: Watch, rows: list[tuple[int, str]], room: int) -> tuple[list[PrintedRow], int]:
    """Give rows of output as far as there is room, and the characters of the rest."""
    told: list[PrintedRow] = []
    n_more = 0
    for index, text in rows:
        kept = text[: max(0, room)]
        room -= len(kept) + 1
        n_more += len(text) - len(kept)
        if kept:
            told.append({"index": int(index), "label": _label(watch, index), "text": kept})
    return told, n_more


class Feed:
    """Messages of one run.

    Parameters
    ----------
    watch : Watch
        The run.
    can_retry : callable
        Whether its failed points could run again.
    """

    def __init__(self, watch: Watch, can_retry: Callable[[], bool] = lambda: False) -> None:
        self._watch, self._can_retry = watch, can_retry
        self._spans, self._lanes = SpanStore(2 * MOST_LANES), dict[int, None]()
        self._n_failures = self._n_rows = self._n_characters = self._n_skipped = 0
        self._profile = _profile_feed(watch)
        self._inner: list[InnerRow] = []
        with watch.lock:
            watch.followers.append(self)

    def close(self) -> None:
        """Hear no more."""
        with self._watch.lock:
            if self in self._watch.followers:
                self._watch.followers.remove(self)

    def note(self, lane: int, chunk: ChunkDone | None) -> None:
        """Hear of a chunk, or that a worker has gone."""
        self._lanes[lane] = None
        if chunk is not None:
            self._spans.add(lane, span_of(chunk, self._watch.timeline.started_at))

    def whole(self, now: float) -> RunWhole:
        """Give the run as it is; what comes after is new to it.

        Parameters
        ----------
        now : float
            The time, by the watch's clock.

        Returns
        -------
        RunWhole
            At most about 500 kB.
        """
        with self._watch.lock:
            record = record_of(self._watch, now, LIVE, can_retry=self._can_retry())
            if self._profile is not None:
                record["profile"] = self._profile.whole(self._watch.run.seconds)
            self._spans.clear()
            self._lanes.clear()
            self._n_failures, self._n_rows = len(record["failures"]), len(self._watch.printed)
            self._n_characters = sum(len(row["text"]) for row in record["printed"])
            self._n_skipped = record["n_more_printed"] - self._watch.n_cut
        return {"type": "run", "record": record}

    @property
    def has_more(self) -> bool:
        """Whether another delta would have more than figures."""
        return bool(self._lanes or self._spans.n_spans)

    def delta(self, now: float) -> RunDelta:
        """Give what is new, and not yet told; what is too much for one message waits for the next.

        Parameters
        ----------
        now : float
            The time, by the watch's clock.

        Returns
        -------
        RunDelta
            At most about 100 kB.
        """
        watch = self._watch
        watch.catch_up()
        with watch.lock:
            numbers = list(self._lanes)[: STEP.n_lanes]
            for number in numbers:
                del self._lanes[number]
            lanes, spans = watch.timeline.lanes(numbers), as_columns(self._spans.part(STEP.n_spans))
            printed = self._new_output()
        failures = self._new_failures()
        return {
            "type": "delta",
            "run": watch.run.run_id,
            "figures": figures_of(watch, now),
            "lanes": lanes,
            "spans": spans,
            "failures": failures,
            "n_more_failures": max(0, watch.run.n_failed - self._n_failures),
            "printed": printed,
            "n_more_printed": self._n_skipped + watch.n_cut,
            "n_printed": watch.n_printed,
            "inner": self._new_inner(),
            "n_more_inner": max(0, watch.run.inner.n_runs - _N_INNER),
        }

    def _new_inner(self) -> list[InnerRow]:
        """Give the maps inside of items, if anything has changed about them."""
        rows = _inner_rows(self._watch)
        is_new, self._inner = rows != self._inner, rows
        return rows if is_new else []

    def _new_failures(self) -> list[FailureRow]:
        most = min(STEP.n_failures, LIVE.n_failures - self._n_failures)
        rows = [_failure_row(self._watch, f) for f in self._watch.failures(self._n_failures, max(0, most))]
        self._n_failures += len(rows)
        return rows

    def _new_output(self) -> list[PrintedRow]:
        rows, room = list[tuple[int, str]](), STEP.n_printed
        for index, text in self._watch.printed[self._n_rows :]:
            if rows and len(text) > room:
                break
            rows.append((index, text))
            room -= len(text) + _LABEL
            if room < 0:
                break
        self._n_rows += len(rows)
        told, n_more = _printed(self._watch, rows, max(0, LIVE.n_printed - self._n_characters))
        self._n_characters += sum(len(row["text"]) for row in told)
        self._n_skipped += n_more
        return told

    @property
    def has_profile(self) -> bool:
        """Whether there is something new to tell of the run's profile."""
        return self._profile is not None and self._profile.has_news

    def profile(self) -> RunProfile | None:
        """Give what has changed of the run's profile; None if it has none."""
        if self._profile is None:
            return None
        return {"type": "profile", "run": self._watch.run.run_id, "part": self._profile.part(self._watch.run.seconds)}

    def ended(self, now: float) -> RunEnd:
        """Give the last message."""
        return {"type": "ended", "run": self._watch.run.run_id, "figures": figures_of(self._watch, now)}

    def window(self, look: Look) -> Window:
        """Give a part of the timeline, closer.

        Parameters
        ----------
        look : Look
            Which part.

        Returns
        -------
        Window
            As fine as the record is; of a stream without end, only its last part has one.
        """
        watch = self._watch
        watch.catch_up()
        part = Part(frozenset(look["lanes"]), float(look["from_s"]), float(look["to_s"]))
        most = max(1, min(_WINDOW_SPANS, int(look["n_pixels"]) * max(1, len(part.lanes))))
        store = spans_between(watch.timeline, self._chunks(part), part, most)
        with watch.lock:
            watch.timeline.add_inner(store, part)
        spans = store.part(_WINDOW_SPANS)
        chunks = self._chunks(part)
        items = items_between(watch.timeline, chunks, part, _WINDOW_ITEMS, lambda index: _called(watch, index))
        return {
            "type": "window",
            "id": int(look["id"]),
            "run": watch.run.run_id,
            "from_s": part.from_s,
            "to_s": part.to_s,
            "spans": as_columns(spans),
            "items": items,
        }

    def _chunks(self, part: Part) -> Iterable[ChunkDone]:
        """Give what there is of a part; no more is read of what lies on the disk."""
        zero = self._watch.timeline.started_at
        return self._watch.run.chunks.between(part.from_s + zero, part.to_s + zero, zero)
