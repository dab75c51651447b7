"""The timeline of a run: who did what, and when. Made from its chunks, of bounded size whatever the run."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pathos_nb.dispatch.spans import SpanStore, span_of
from pathos_nb.events import ChunkDone, WorkerDown
from pathos_nb.wire.messages import Items, Lane

__all__ = [
    "MOST_LANES", "MOST_SPANS", "Part", "Timeline", "cut", "items_between", "no_items", "outstanding_items",
    "spans_between",
]  # fmt: skip

MOST_LANES, MOST_SPANS = 1000, 8192
_MOST_NAMES = 20_000  # of workers that share the last lane: so far they are counted
_NAME, _REASON, _LABEL = 80, 200, 120
_DIGITS = 6
_WITHIN = " › "  # between a worker and the one that works for it


def cut(text: str, most: int) -> str:
    """Shorten a text in the middle, so that its end, where errors say what they are, stays.

    Parameters
    ----------
    text : str
        Any.
    most : int
        Characters to leave, at least 3.

    Returns
    -------
    str
        With a mark where something is left out.
    """
    if len(text) <= most:
        return text
    head = most // 3
    return f"{text[:head]}…{text[head + 1 - most :]}"


@dataclass(slots=True)
class _Row:
    lane: int
    worker: str
    host: str
    place: str
    pid: int
    n_items: int = 0
    busy_s: float = 0.0
    is_up: bool = True
    reason: str = ""
    parent: int = -1

    def told(self) -> Lane:
        return {
            "lane": self.lane,
            "worker": cut(self.worker, _NAME),
            "host": cut(self.place or self.host, _NAME),
            "machine": cut(self.host, _NAME) if self.place not in ("", self.host) else "",
            "pid": self.pid,
            "n_items": self.n_items,
            "busy_s": round(self.busy_s, _DIGITS),
            "is_up": self.is_up,
            "reason": cut(self.reason, _REASON),
            "parent": self.parent,
        }


class Timeline:
    """Lanes and spans of a run.

    Parameters
    ----------
    started_at : float
        When the run began, in seconds since the epoch.
    most_lanes, most_spans : int
        How much to keep. The last lane is for all workers that are too many.

    Attributes
    ----------
    busy_s : float
        What all workers worked, together.
    spans : SpanStore
        What they did.
    """

    def __init__(self, started_at: float, most_lanes: int = MOST_LANES, most_spans: int = MOST_SPANS) -> None:
        self.started_at, self.busy_s = started_at, 0.0
        self.spans = SpanStore(max(most_spans, 2 * most_lanes))
        self._rows: list[_Row] = []
        self._by_worker: dict[str, _Row] = {}
        self._more: set[str] = set()
        self._n_inner = 0
        self._most_lanes = most_lanes

    @property
    def n_lanes(self) -> int:
        """How many lanes there are."""
        return len(self._rows)

    @property
    def n_more_lanes(self) -> int:
        """How many workers share the last lane."""
        return len(self._more)

    @property
    def n_workers(self) -> int:
        """How many workers have taken part; those of maps inside of items work for these, and do not count."""
        return len(self._rows) - self._n_inner - bool(self._more) + self.n_more_lanes

    def take(self, chunk: ChunkDone) -> int:
        """Take a chunk in.

        Parameters
        ----------
        chunk : ChunkDone
            The next one of the run.

        Returns
        -------
        int
            Its lane.
        """
        row = self._by_worker.get(chunk.worker) or self._new_row(chunk)
        if row.pid != chunk.pid and row.worker == chunk.worker:  # one that died has a successor of the same name
            row.pid, row.is_up, row.reason = chunk.pid, True, ""
        span = span_of(chunk, self.started_at)
        row.n_items += span.n_items
        row.busy_s += span.busy_s
        self.busy_s += span.busy_s
        self.spans.add(row.lane, span)
        return row.lane

    def take_inner(self, above: Sequence[str], chunk: ChunkDone) -> int | None:
        """Take in a chunk of a map inside of an item.

        Parameters
        ----------
        above : sequence of str
            The workers that its worker works for, the run's own first.
        chunk : ChunkDone
            Of the inner map.

        Returns
        -------
        int or None
            Its lane; None where there is room for no more.
        """
        name = _WITHIN.join([*above, chunk.worker])
        row = self._by_worker.get(name) or self._new_inner(name, above, chunk)
        if row is None:
            return None
        row.pid, span = chunk.pid, span_of(chunk, self.started_at)
        row.n_items += span.n_items
        row.busy_s += span.busy_s
        self.spans.add(row.lane, span)
        return row.lane

    def add_inner(self, store: SpanStore, part: Part) -> None:
        """Add the spans of maps inside of items to those of a part, as fine as they are here."""
        for lane, span in self.spans:
            if self._rows[lane].parent >= 0 and part.has(lane, span.start_s, span.end_s):
                store.add(lane, span.copy())

    def _new_inner(self, name: str, above: Sequence[str], chunk: ChunkDone) -> _Row | None:
        if len(self._rows) >= self._most_lanes // 2 or self._more:
            return None
        return self._inner_row(name, self._above(above, chunk), chunk)

    def _above(self, above: Sequence[str], chunk: ChunkDone) -> _Row:
        """Give the row of the worker whose item a map is in; it may have reported nothing yet."""
        name = _WITHIN.join(above)
        row = self._by_worker.get(name)
        if row is None and len(above) > 1:
            row = self._inner_row(name, self._above(above[:-1], chunk), chunk)
        elif row is None:
            row = self._by_worker[name] = _Row(len(self._rows), name, chunk.host, chunk.place, 0)
            self._rows.append(row)
        return row

    def _inner_row(self, name: str, parent: _Row, chunk: ChunkDone) -> _Row:
        row = self._by_worker[name] = _Row(
            len(self._rows), name, chunk.host, chunk.place, chunk.pid, parent=parent.lane
        )
        self._rows.append(row)
        self._n_inner += 1
        return row

    def _new_row(self, chunk: ChunkDone) -> _Row:
        if len(self._rows) < self._most_lanes - 1:
            row = _Row(len(self._rows), chunk.worker, chunk.host, chunk.place, chunk.pid)
            self._rows.append(row)
            self._by_worker[chunk.worker] = row
            return row
        if not self._more:
            self._rows.append(_Row(len(self._rows), "more workers", "", "", 0))
        if len(self._more) < _MOST_NAMES:
            self._more.add(chunk.worker)
        return self._rows[-1]

    def shares(self) -> list[tuple[str, int]]:
        """Give each worker's name and how many items it has finished."""
        return [(row.worker, row.n_items) for row in list(self._rows) if row.parent < 0]

    def lose(self, event: WorkerDown) -> int | None:
        """Note that a worker has gone; gives its lane, if it has one."""
        row = self._by_worker.get(event.worker)
        if row is None or row.pid != event.pid:
            return None
        row.is_up, row.reason = False, event.reason
        return row.lane

    def lane_of(self, worker: str) -> int:
        """Give the lane of a worker that has taken part."""
        row = self._by_worker.get(worker)
        return row.lane if row else len(self._rows) - 1

    def lanes(self, numbers: Iterable[int] | None = None) -> list[Lane]:
        """Give lanes as they are.

        Parameters
        ----------
        numbers : iterable of int, optional
            Which; all if None.

        Returns
        -------
        list of Lane
            For a message.
        """
        return [row.told() for row in (self._rows if numbers is None else [self._rows[n] for n in numbers])]

    def folded(self, most: int) -> tuple[list[Lane], dict[int, int], int]:
        """Give fewer lanes.

        Parameters
        ----------
        most : int
            How many; the last one is what the others did together.

        Returns
        -------
        tuple
            The lanes, the new number of each, and how many workers share the last one.
        """
        if len(self._rows) <= most:
            return self.lanes(), {}, self.n_more_lanes
        rest = self._rows[most - 1 :]
        sums = sum(row.n_items for row in rest), sum(row.busy_s for row in rest)
        last = _Row(most - 1, "more workers", "", "", 0, *sums)
        moved = {row.lane: most - 1 for row in rest}
        return [*self.lanes(range(most - 1)), last.told()], moved, self.n_workers - (most - 1)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the timeline.

    Parameters
    ----------
    lanes : frozenset of int
        Which lanes.
    from_s, to_s : float
        From when to when.
    """

    lanes: frozenset[int]
    from_s: float
    to_s: float

    def has(self, lane: int, start_s: float, end_s: float) -> bool:
        """Tell whether some of a span is in it."""
        return end_s >= self.from_s and start_s <= self.to_s and lane in self.lanes


def spans_between(timeline: Timeline, chunks: Iterable[ChunkDone], part: Part, most: int) -> SpanStore:
    """Give the spans of a part of a run, as fine as its record has them.

    Parameters
    ----------
    timeline : Timeline
        It knows the lanes.
    chunks : iterable of ChunkDone
        The record.
    part : Part
        Which part.
    most : int
        How many spans at most.

    Returns
    -------
    SpanStore
        Chunks, put together where there are too many.
    """
    store = SpanStore(most)
    for chunk, lane in _inside(timeline, chunks, part):
        store.add(lane, span_of(chunk, timeline.started_at))
    return store


def items_between(
    timeline: Timeline, chunks: Iterable[ChunkDone], part: Part, most: int, label: Callable[[int], str]
) -> Items:
    """Give the single items of a part of a run.

    Parameters
    ----------
    timeline, chunks, part
        As in `spans_between`.
    most : int
        If there are more, none is given.
    label : callable
        From an index to what the item is called.

    Returns
    -------
    Items
        For a message.
    """
    items = no_items()
    inside = list[tuple[ChunkDone, int]]()
    for chunk, lane in _inside(timeline, chunks, part):
        most -= _n_between(chunk, part, timeline.started_at)
        if most < 0:  # the rest need not be read
            return items
        inside.append((chunk, lane))
    for chunk, lane in inside:
        failed = {failure.index for failure in chunk.failures}
        for start, end, index in _times(chunk, timeline.started_at):
            if end >= part.from_s and start <= part.to_s:
                _add(items, _Item(lane, start, end, index, index in failed), label)
    return items


class _Item(NamedTuple):
    lane: int
    start_s: float
    end_s: float
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    is_failed: bool


def no_items() -> Items:
    """Give columns without a row."""
    return {"lane": [], "start_s": [], "end_s": [], "index": [], "label": [], "is_failed": []}


def _add(items: Items, item: _Item, label: Callable[[int], str]) -> None:
    items["lane"].append(item.lane)
    items["start_s"].append(round(item.start_s, _DIGITS))
    items["end_s"].append(round(item.end_s, _DIGITS))
    items["index"].append(int(item.index))
    items["label"].append(cut(label(item.index), _LABEL))
    items["is_failed"].append(item.is_failed)


def outstanding_items(
    timeline: Timeline, chunks: Iterable[ChunkDone], most: int, label: Callable[[int], str], but: Collection[int] = ()
) -> Items:
    """Give the single items of a run: all if they are few, else those that failed or took longest.

    Parameters
    ----------
    timeline, chunks, label
        As in `items_between`; all chunks are read.
    most : int
        How many at most.
    but : collection of int
        Lanes to leave out.

    Returns
    -------
    Items
        For a record, lane by lane in the order of their starts.
    """
    chosen = heapq.nlargest(
        most, _all_items(timeline, chunks), key=lambda one: (one.is_failed, one.end_s - one.start_s)
    )
    items = no_items()
    for item in sorted(chosen):
        if item.lane not in but:
            _add(items, item, label)
    return items


def _all_items(timeline: Timeline, chunks: Iterable[ChunkDone]) -> Iterable[_Item]:
    for chunk in chunks:
        lane, failed = timeline.lane_of(chunk.worker), {failure.index for failure in chunk.failures}
        for start, end, index in _times(chunk, timeline.started_at):
            yield _Item(lane, start, end, index, index in failed)


def _inside(timeline: Timeline, chunks: Iterable[ChunkDone], part: Part) -> Iterable[tuple[ChunkDone, int]]:
    begin, end, zero = part.from_s + timeline.started_at, part.to_s + timeline.started_at, timeline.started_at
    for chunk in chunks:
        if chunk.started <= end and chunk.ends and (chunk.ends[-1] >= begin or chunk.started < zero):
            lane, span = timeline.lane_of(chunk.worker), span_of(chunk, zero)
            if part.has(lane, span.start_s, span.end_s):
                yield chunk, lane


def _n_between(chunk: ChunkDone, part: Part, zero: float) -> int:
    """Count the items of a chunk in a part, by blocks: there may be a million."""
    start, n = max(0.0, chunk.started - zero), 0
    shift = start - chunk.started
    for number, end in enumerate(chunk.ends):
        if end + shift >= part.from_s and start <= part.to_s:
            n += len(chunk.indices[number * chunk.block : (number + 1) * chunk.block])
        start = end + shift
    return n


def _times(chunk: ChunkDone, zero: float) -> Iterable[tuple[float, float, int]]:
    """Give start, end and index of each item; those of a block share its time in equal parts."""
    start = max(0.0, chunk.started - zero)
    shift = start - chunk.started
    for number, end in enumerate(chunk.ends):
        block = chunk.indices[number * chunk.block : (number + 1) * chunk.block]
        step = (end + shift - start) / max(1, len(block))
        for place, index in enumerate(block):
            yield start + place * step, start + (place + 1) * step, index
        start = end + shift
