"""What workers did, as spans: chunks, and where there are too many of them, several put together.

Nothing is lost by that but detail: items, failures and busy seconds add up to the same sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pathos_nb.events import ChunkDone
from pathos_nb.wire.messages import Spans

__all__ = ["Span", "SpanStore", "as_columns", "span_of"]

_DIGITS = 5  # of seconds: 10 µs


@dataclass(slots=True)
class Span:
    """A time in which a worker was at work, if not all of it.

    Parameters
    ----------
    start_s, end_s : float
        Since the start of the run.
    busy_s : float
        How much of it was work.
    first : int
        The first item's index.
    n_items, n_failed : int
        Items that ended in it.
    """

    start_s: float
    end_s: float
    busy_s: float
    first: int
    n_items: int
    n_failed: int

    def take_in(self, other: Span) -> None:
        """Become one with another."""
        if other.start_s < self.start_s:
            self.start_s, self.first = other.start_s, other.first
        self.end_s = max(self.end_s, other.end_s)
        self.busy_s += other.busy_s
        self.n_items += other.n_items
        self.n_failed += other.n_failed

    def copy(self) -> Span:
        """Give one that changes by itself."""
        return Span(self.start_s, self.end_s, self.busy_s, self.first, self.n_items, self.n_failed)


def span_of(chunk: ChunkDone, started_at: float) -> Span:
    """Give a chunk as a span.

    Parameters
    ----------
    chunk : ChunkDone
        It has at least one item.
    started_at : float
        When the run began, in seconds since the epoch.

    Returns
    -------
    Span
        A clock that is behind does not put it before the start.
    """
    start, busy = max(0.0, chunk.started - started_at), max(0.0, chunk.seconds)
    return Span(start, start + busy, busy, chunk.indices[0], len(chunk.indices), len(chunk.failures))


class SpanStore:
    """Spans by lane, never more than a given number of them.

    Parameters
    ----------
    most : int
        How many to keep; at least twice as many as there are lanes.

    Notes
    -----
    When there are too many, those of a lane that begin in the same *grain* of time become one, and the grain doubles
    until only half are left. So the cost of a span is constant on average.
    """

    def __init__(self, most: int) -> None:
        self.grain_s, self.n_spans = 0.0, 0
        self._most, self._lanes = most, dict[int, list[Span]]()

    def add(self, lane: int, span: Span) -> None:
        """Take a span; it belongs to the store from now on.

        Parameters
        ----------
        lane : int
            Whose.
        span : Span
            What was done.
        """
        row = self._lanes.setdefault(lane, [])
        if row and self.grain_s and row[-1].start_s // self.grain_s == span.start_s // self.grain_s:
            row[-1].take_in(span)
            return
        row.append(span)
        self.n_spans += 1
        if self.n_spans > self._most:
            self.coarsen(self._most // 2)

    def coarsen(self, most: int) -> None:
        """Put spans together until few are left; one for each lane stays in any case.

        Parameters
        ----------
        most : int
            How many may be left.
        """
        least = max(most, len(self._lanes))
        while self.n_spans > least:
            self.grain_s = self.grain_s * 2 or self._first_grain(least)
            for row in self._lanes.values():
                self._join(row)
            self.n_spans = sum(map(len, self._lanes.values()))

    def _first_grain(self, most: int) -> float:
        end = max(span.end_s for row in self._lanes.values() for span in row)
        return max(end * len(self._lanes) / (2 * most), 1e-6)

    def _join(self, row: list[Span]) -> None:
        row.sort(key=_start)
        kept: list[Span] = []
        for span in row:
            if kept and kept[-1].start_s // self.grain_s == span.start_s // self.grain_s:
                kept[-1].take_in(span)
            else:
                kept.append(span)
        row[:] = kept

    def __iter__(self) -> Iterator[tuple[int, Span]]:
        """Give (lane, span), lane by lane."""
        return ((lane, span) for lane, row in self._lanes.items() for span in row)

    def copied(self, most: int, lane_of: dict[int, int] | None = None) -> SpanStore:
        """Give another store with the same sums.

        Parameters
        ----------
        most : int
            Of how many spans at most; never fewer than it has lanes.
        lane_of : dict, optional
            New numbers of lanes; several may get one.

        Returns
        -------
        SpanStore
            What happens to it does not touch this one.
        """
        copy = SpanStore(max(self.n_spans, most) + 1)
        for lane, span in self:
            copy.add(lane_of.get(lane, lane) if lane_of else lane, span.copy())
        copy.coarsen(most)
        return copy

    def part(self, most: int) -> SpanStore:
        """Take some spans out, those first that have waited longest.

        Parameters
        ----------
        most : int
            How many at most; the others are put together first, as far as they can be.

        Returns
        -------
        SpanStore
            What was taken out.
        """
        self.coarsen(most)
        taken = SpanStore(most)
        while self._lanes and taken.n_spans < most:
            lane, row = next(iter(self._lanes.items()))
            some = row[: most - taken.n_spans]
            for span in some:
                taken.add(lane, span)
            del row[: len(some)]
            self.n_spans -= len(some)
            if not row:
                del self._lanes[lane]
        if not self.n_spans:
            self.grain_s = 0.0
        return taken

    def clear(self) -> None:
        """Forget all."""
        self._lanes.clear()
        self.grain_s, self.n_spans = 0.0, 0


def _start(span: Span) -> float:
    return span.start_s


def as_columns(store: SpanStore) -> Spans:
    """Give spans as columns.

    Parameters
    ----------
    store : SpanStore
        Any.

    Returns
    -------
    Spans
        For a message.
    """
    rows = list(store)
    return {
        "lane": [lane for lane, _ in rows],
        "start_s": [round(span.start_s, _DIGITS) for _, span in rows],
        "end_s": [round(span.end_s, _DIGITS) for _, span in rows],
        "busy_s": [round(span.busy_s, _DIGITS) for _, span in rows],
        "first": [int(span.first) for _, span in rows],
        "n_items": [span.n_items for _, span in rows],
        "n_failed": [span.n_failed for _, span in rows],
    }
