"""The profile of a run, put together while its workers report: what each was at, and what each step cost it.

Everything here is bounded, whatever is run and however long: nodes of the tree, entries of workers, points.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pathos_nb.dispatch.calltree import ROOT, CallTree, Times
from pathos_nb.launchers.registry import registry
from pathos_nb.wire.protocol import Cost, Profiled, Profiling

__all__ = ["Point", "Profile", "Ran", "Source", "Traffic", "Usage", "make_profile"]

MOST_ENTRIES, MOST_WORKERS, MOST_POINTS, MOST_NOTES = 200_000, 2_000, 20, 5
MORE_WORKERS = "more workers"
_MOST_CALLS, _MOST_NAME = 20_000, 200


class Source(NamedTuple):
    """Who measured."""

    worker: str
    host: str
    pid: int


class Ran(NamedTuple):
    """Which items a chunk was of, their stamps (the start first), items a stamp, and what an item is called with."""

    indices: Sequence[int]
    stamps: Sequence[float]
    block: int
    argument: Callable[[int], str]


class Traffic(NamedTuple):
    """Bytes that went to the worker and came back, and when the report was heard, in seconds since the epoch."""

    bytes_out: int
    bytes_in: int
    heard_at: float


class Point(NamedTuple):
    """An item that stands out: `amount` is seconds or bytes."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    amount: float
    worker: str
    argument: str


@dataclass(slots=True)
class Usage:
    """What a worker's time was spent on; seconds and bytes, summed up over chunks."""

    worker: str
    host: str
    pid: int
    n_chunks: int = 0
    n_items: int = 0
    n_samples: int = 0
    run_s: float = 0.0
    load_s: float = 0.0
    dump_s: float = 0.0
    wait_s: float = 0.0
    transfer_s: float = 0.0
    cpu_s: float = 0.0
    bytes_out: int = 0
    bytes_in: int = 0
    peak_bytes: int = 0
    own: dict[int, Times] = field(default_factory=dict)

    @property
    def busy_s(self) -> float:
        """All that it did for the run."""
        return self.run_s + self.load_s + self.dump_s

    def plus(self, other: Usage, name: str) -> Usage:
        """Give both together, under another name."""
        summed = {key: getattr(self, key) + getattr(other, key) for key in _SUMMED}
        peak = max(self.peak_bytes, other.peak_bytes)
        return Usage(name, self.host, 0, **summed, peak_bytes=peak)


_SUMMED: tuple[str, ...] = (
    "n_chunks",
    "n_items",
    "n_samples",
    "run_s",
    "load_s",
    "dump_s",
    "wait_s",
    "transfer_s",
    "cpu_s",
)
_SUMMED += ("bytes_out", "bytes_in")


def make_profile(option: Any) -> Profile | None:
    """Give an empty profile as the option ``profile`` asks for; None where it asks for none."""
    if option is None or option is False:
        return None
    rate = 100.0 if isinstance(option, bool | str) else float(option)
    return Profile(Profiling(rate, option == "deterministic", option == "whole"))


class Profile:
    """What is known of a run's work.

    Parameters
    ----------
    how : Profiling
        What workers measure.

    Attributes
    ----------
    tree : CallTree
        Functions by their callers.
    own : dict
        Node → what was seen in it, of all workers.
    workers : dict
        A worker's name → its usage.
    calls : dict
        A function's number → primitive calls, calls, own seconds, seconds, callers; where calls are counted.
    longest, heaviest : list of Point
        Items that took the most time, and that were seen to hold the most memory.
    notes : list of str
        What is missing, and why.
    version : int
        Grows with everything that comes.
    """

    def __init__(self, how: Profiling) -> None:
        self.how = how
        self.tree = CallTree()
        self.own: dict[int, Times] = {}
        self.workers: dict[str, Usage] = {}
        self.calls: dict[int, list[Any]] = {}
        self.longest: list[Point] = []
        self.heaviest: list[Point] = []
        self.notes: list[str] = []
        self.version, self._n_entries = 0, 0
        self.lock = threading.RLock()

    def __repr__(self) -> str:
        with self.lock:
            n = sum(usage.n_samples for usage in self.workers.values())
            workers = len(self.workers)
        return f"<Profile: {n:,} samples of {workers:,} workers; Results(run, names, points).profile shows it>"

    def __getstate__(self) -> dict[str, Any]:
        with self.lock:
            return {name: value for name, value in self.__dict__.items() if name != "lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, lock=threading.RLock())

    def add(self, source: Source, told: Profiled) -> None:
        """Take in what was sampled.

        Parameters
        ----------
        source : Source
            By whom.
        told : Profiled
            What.
        """
        with self.lock:
            usage = self._usage(source)
            frames = [self.tree.frame((_text(name), _file(file), int(line))) for name, file, line in told.frames]
            for path, n, times in told.stacks:
                node = self.tree.node(frames[place] for place in path)
                seen = [n, *times]
                usage.n_samples += n
                _add(self.own, node, seen)
                if node in usage.own or self._n_entries < MOST_ENTRIES:
                    self._n_entries += node not in usage.own
                    _add(usage.own, node, seen)
            self._count(frames, told.calls)
            if told.note and told.note not in self.notes and len(self.notes) < MOST_NOTES:
                self.notes.append(told.note)
            self.version += 1

    def hear(self, who: tuple[str, str, int], told: Sequence[Any]) -> None:
        """Take in what was sampled, as fields of `Source` and of `Profiled`."""
        self.add(Source(*who), Profiled(*told))

    def hear_chunk(
        self, who: tuple[str, str, int], told: Sequence[Any], ran: Sequence[Any], traffic: Sequence[Any]
    ) -> None:
        """Take in what was sampled of a chunk that is done, and what it cost, as fields."""
        self.hear(who, told)
        self.add_chunk(Source(*who), Profiled(*told), Ran(*ran), Traffic(*traffic))

    def _usage(self, source: Source) -> Usage:
        name = source.worker
        if name not in self.workers and len(self.workers) >= MOST_WORKERS:
            source = Source(name := MORE_WORKERS, "", 0)
        usage = self.workers.get(name)
        if usage is None:
            usage = self.workers[name] = Usage(*source)
        usage.pid = source.pid  # one that died has a successor of the same name
        return usage

    def _count(self, frames: Sequence[int], calls: Iterable[tuple[Any, ...]]) -> None:
        for place, *numbers, callers in calls:
            number = frames[place]
            if number not in self.calls and len(self.calls) >= _MOST_CALLS:
                continue
            known = self.calls.setdefault(number, [0, 0, 0.0, 0.0, {}])
            known[:4] = map(operator.add, known[:4], numbers)
            for caller, *told in callers:
                by = known[4].setdefault(frames[caller], [0, 0, 0.0, 0.0])
                by[:] = map(operator.add, by, told)

    def add_chunk(self, source: Source, told: Profiled, ran: Ran, traffic: Traffic) -> None:
        """Take in what a chunk cost.

        Parameters
        ----------
        source : Source
            Who ran it.
        told : Profiled
            As for `add`, with a cost.
        ran : Ran
            Its items.
        traffic : Traffic
            What went and came.
        """
        if told.cost is None:
            return
        cost = Cost(*told.cost)
        with self.lock:
            usage = self._usage(source)
            usage.n_chunks += 1
            usage.n_items += len(ran.indices)
            usage.run_s += cost.run_s
            usage.load_s += cost.load_s
            usage.dump_s += cost.dump_s
            usage.wait_s += cost.wait_s
            usage.cpu_s += cost.cpu_s
            usage.transfer_s += max(0.0, traffic.heard_at - (ran.stamps[0] + cost.told_s))
            usage.bytes_out += traffic.bytes_out
            usage.bytes_in += traffic.bytes_in
            usage.peak_bytes = max(usage.peak_bytes, cost.peak_bytes)
            self._note_points(source, told, ran)

    def join(self, other: Profile, places: Sequence[int] | None = None) -> None:
        """Take in another profile: of points of this run that have run again, or had run before.

        Parameters
        ----------
        other : Profile
            It stays as it is.
        places : sequence of int, optional
            Where its items stand here; where they stand there if None.
        """
        with other.lock, self.lock:
            frames = [self.tree.frame(frame) for frame in other.tree.frames]
            nodes = [ROOT]
            for parent, frame in zip(other.tree.parent_of[1:], other.tree.frame_of[1:], strict=True):
                nodes.append(self.tree.below(nodes[parent], frames[frame]))
            for node, seen in other.own.items():
                _add(self.own, nodes[node], seen)
            for theirs in other.workers.values():
                self._join_usage(theirs, nodes)
            self._count(frames, [(n, *known[:4], _callers(known[4])) for n, known in other.calls.items()])
            moved = (lambda index: index) if places is None else places.__getitem__
            self.longest = _most(self.longest, [p._replace(index=moved(p.index)) for p in other.longest])
            self.heaviest = _most(self.heaviest, [p._replace(index=moved(p.index)) for p in other.heaviest])
            self.notes = list(dict.fromkeys([*self.notes, *other.notes]))[:MOST_NOTES]
            self.version += 1

    def _join_usage(self, theirs: Usage, nodes: Sequence[int]) -> None:
        usage = self._usage(Source(theirs.worker, theirs.host, theirs.pid))
        for name in _SUMMED:
            setattr(usage, name, getattr(usage, name) + getattr(theirs, name))
        usage.peak_bytes = max(usage.peak_bytes, theirs.peak_bytes)
        for node, seen in theirs.own.items():
            if nodes[node] in usage.own or self._n_entries < MOST_ENTRIES:
                self._n_entries += nodes[node] not in usage.own
                _add(usage.own, nodes[node], seen)

    def _note_points(self, source: Source, told: Profiled, ran: Ran) -> None:
        spans = list(map(operator.sub, ran.stamps[1:], ran.stamps))
        if spans:
            place = max(range(len(spans)), key=spans.__getitem__)
            first = place * ran.block
            n = max(1, min(ran.block, len(ran.indices) - first))
            _note(self.longest, source, ran, first, spans[place] / n)
        for offset, n_bytes in told.peaks:
            _note(self.heaviest, source, ran, offset, n_bytes)


def _callers(known: dict[int, list[Any]]) -> list[tuple[Any, ...]]:
    return [(caller, *told) for caller, told in known.items()]


def _most(points: Sequence[Point], others: Sequence[Point]) -> list[Point]:
    """Give those of both that stand out most, each item once."""
    found: dict[int, Point] = {}
    for point in sorted([*points, *others], key=lambda point: -point.amount):
        found.setdefault(point.index, point)
    return list(found.values())[:MOST_POINTS]


def _text(text: str) -> str:
    """Give what any file can hold: names come from outside."""
    return str(text)[:_MOST_NAME].encode("utf-8", "replace").decode()


def _file(file: str) -> str:
    """Give what the user calls a file: a cell by its number, whose own name is that of a file which there never was."""
    cell = registry.cell_of(str(file)) if registry.cell_of is not None else ""
    return _text(cell or file)


def _add(own: dict[int, Times], node: int, seen: Sequence[int]) -> None:
    known = own.get(node)
    if known is None:
        own[node] = list(seen)
        return
    for place, amount in enumerate(seen):
        known[place] += amount


def _note(points: list[Point], source: Source, ran: Ran, place: int, amount: float) -> None:
    """Put an item among those that stand out, if it does; what it is called with is only asked then."""
    if not 0 <= place < len(ran.indices) or (len(points) >= MOST_POINTS and amount <= points[-1].amount):
        return
    index = int(ran.indices[place])
    if (known := next((point for point in points if point.index == index), None)) is not None:
        if known.amount >= amount:
            return
        points.remove(known)
    points.append(Point(index, amount, source.worker, ran.argument(place)))
    points.sort(key=lambda point: -point.amount)
    del points[MOST_POINTS:]
