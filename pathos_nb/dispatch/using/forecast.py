"""What a map will take, from a few of its points: a pure function of what was measured.

::

    wall = start + work + trips
    work = points × seconds on a worker / workers, never less than rounds of whole points
    trips = points × what sending one, and taking its value, costs besides; hidden behind the work where cores are left

References: R. Jain, *The Art of Computer Systems Performance Analysis*, 1991, on sampling; G. M. Amdahl, AFIPS 1967, on
what cannot be shared out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pathos_nb.dispatch.record import duration
from pathos_nb.dispatch.tables import BAD, GOOD, Cell, html_table, html_text, text_table

__all__ = ["Forecast", "Measured", "size"]

_UNKNOWN_POINTS = 1000  # of an input whose end nobody knows
_MANY_ROUNDS = 4
_SLOWER_THERE, _WORTH, _GOOD = 1.5, 1.1, 0.7


def size(n_bytes: float) -> str:
    """Say a number of bytes.

    Parameters
    ----------
    n_bytes : float
        At least 0.

    Returns
    -------
    str
        Such as ``12 kB`` or ``3.4 MB``.
    """
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= step:
            return f"{n_bytes / step:.3g} {unit}"
    return f"{n_bytes:.0f} bytes"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a few points showed; seconds and bytes.

    Parameters
    ----------
    title : str
        What the run would be called.
    places : str
        Where it would run.
    n_points : int or None
        How many points there are, if that is known.
    n_workers, n_cores : int
        Workers that would take part; cores that this process may use.
    here_s, there_s : sequence of float
        Each sample in this process, and on the workers, as many at once as there are workers.
    first_s, start_s : float
        From the call until every worker has the function: the first time, with what it imports, and then.
    trip_s : float
        What a point costs besides its work: sent, and its value taken.
    function_bytes, point_bytes, value_bytes : float
        Sizes when pickled.
    heavy : sequence of (str, int)
        Large values that go along with the function.
    failed : sequence of str
        What samples raised; those are in no figure.
    together_s : float
        Of threads in this process: from one point to the next while all are busy, so that what they wait for each
        other (for Python's lock above all) is in it. 0 where each worker runs by itself.
    """

    title: str
    places: str
    n_points: int | None
    n_workers: int
    n_cores: int
    here_s: Sequence[float]
    there_s: Sequence[float]
    first_s: float
    start_s: float
    trip_s: float
    function_bytes: float
    point_bytes: float
    value_bytes: float
    heavy: Sequence[tuple[str, int]] = ()
    failed: Sequence[str] = ()
    together_s: float = 0.0


def _mean(times: Sequence[float]) -> float:
    return sum(times) / len(times) if times else 0.0


@dataclass(frozen=True, slots=True, repr=False)
class Forecast:
    """What a map will take.

    Parameters
    ----------
    measured : Measured
        What is known.
    """

    measured: Measured

    @property
    def n_points(self) -> int:
        """How many points it is for."""
        known = self.measured.n_points
        return _UNKNOWN_POINTS if known is None else known

    @property
    def is_known(self) -> bool:
        """Whether any sample came to its end, here and there."""
        return bool(self.measured.here_s and self.measured.there_s)

    @property
    def there_s(self) -> float:
        """What a point takes on a worker, all being busy."""
        seen = self.measured
        if seen.together_s <= 0:
            return _mean(seen.there_s)
        return max(seen.together_s * seen.n_workers, _mean(seen.here_s))  # one process: n threads are n loops at best

    @property
    def serial_s(self) -> float:
        """What a loop in this process would take."""
        return self.n_points * _mean(self.measured.here_s)

    @property
    def work_s(self) -> float:
        """How long the workers would be at work."""
        seen, n = self.measured, self.n_points
        mean, longest = self.there_s, max(seen.there_s, default=0.0)
        rounds = n / seen.n_workers
        rounds = math.ceil(rounds) if rounds <= _MANY_ROUNDS else rounds
        return max(rounds * mean, longest if n else 0.0)

    @property
    def trips_s(self) -> float:
        """What sending points and taking values would add."""
        seen = self.measured
        trips = self.n_points * seen.trip_s
        is_hidden = seen.n_workers < seen.n_cores  # a core is left for this process
        return max(0.0, trips - self.work_s) if is_hidden else trips

    @property
    def wall_s(self) -> float:
        """What the map would take, by a watch on the wall."""
        return self.measured.start_s + self.work_s + self.trips_s

    @property
    def speedup(self) -> float:
        """How many times faster than the loop."""
        return self.serial_s / self.wall_s if self.wall_s > 0 else 1.0

    @property
    def efficiency(self) -> float:
        """The part of the workers' time that the loop's work fills."""
        return self.speedup / self.measured.n_workers

    @property
    def is_worth_it(self) -> bool:
        """Whether it is faster than the loop."""
        return self.is_known and self.speedup >= _WORTH

    @property
    def verdict(self) -> str:
        """In one sentence."""
        if not self.is_known:
            return "nothing can be foreseen: no sample came to its end"
        told = f"{duration(self.wall_s)} on {_workers(self.measured)}, {duration(self.serial_s)} as a loop here"
        if self.speedup < 1:
            return f"parallel would be slower: {told}"
        if not self.is_worth_it:
            return f"parallel would gain nothing: {told}"
        return f"{self.speedup:.1f} times faster: {told}; efficiency {min(self.efficiency, 1.0):.0%}"

    @property
    def reasons(self) -> list[str]:
        """Why it is not as fast as it could be; nothing where it is."""
        if not self.is_known or (self.efficiency >= _GOOD and self.is_worth_it):
            return []
        seen, here, there = self.measured, _mean(self.measured.here_s), self.there_s
        told: list[str] = []
        if seen.n_workers == 1:
            told.append("there is one worker: nothing runs side by side")
        if 0 < self.n_points < seen.n_workers:
            told.append(f"{self.n_points} points keep {self.n_points} of {seen.n_workers} workers busy")
        if self.trips_s > 0.3 * self.wall_s:
            told.append(self._why_trips())
        if seen.start_s > 0.3 * self.wall_s:
            told.append(f"starting takes {duration(seen.start_s)}: {size(seen.function_bytes)} go to each worker first")
        if here > 0 and there / here > _SLOWER_THERE:
            cause = "several at once share memory and caches, or one uses several cores here"
            if seen.together_s > 0:
                cause = "threads share Python's lock, one computes at a time; -p processes has no such lock"
            told.append(f"a point takes {there / here:.1f} times as long on a worker as here: {cause}")
        return told

    def _why_trips(self) -> str:
        seen = self.measured
        told = f"a point computes for {duration(_mean(seen.there_s))} and costs {duration(seen.trip_s)} to send"
        if seen.point_bytes + seen.value_bytes > 1e5:
            told += f", with {size(seen.point_bytes)} there and {size(seen.value_bytes)} back"
            return f"{told}; pathos_nb.share(x) sends a large value once, and a smaller value comes back sooner"
        return f"{told}; let one point do more: a block of values, a whole row"

    @property
    def warnings(self) -> list[str]:
        """What should be looked at before."""
        told = [
            f"{name} ({size(n_bytes)}) goes to every worker along with the function; pathos_nb.share({name}) puts it "
            "where all of them see it"
            for name, n_bytes in self.measured.heavy
        ]
        return [*told, *(f"a sample raised: {text}" for text in dict.fromkeys(self.measured.failed))]

    def _rows(self) -> list[list[Cell]]:
        seen = self.measured
        n = f"{self.n_points:,}" if seen.n_points is not None else f"end unknown; the figures are for {self.n_points:,}"
        rows = {
            "points": n,
            "a point here": _spread(seen.here_s),
            "a point on a worker": _spread(seen.there_s),
            "what goes there, what comes back": f"{size(seen.point_bytes)}, {size(seen.value_bytes)}",
            "sending and taking, a point": duration(seen.trip_s),
            "the function": f"{size(seen.function_bytes)}, {duration(seen.start_s)} until all workers have it"
            + (f" ({duration(seen.first_s)} the first time)" if seen.first_s > 2 * seen.start_s else ""),
            "as a loop here": duration(self.serial_s),
            f"on {_workers(seen)}": duration(self.wall_s),
        }
        if not self.is_known:
            rows = {name: text for name, text in rows.items() if name in ("points", "the function")}
        return [[Cell(name), Cell(text)] for name, text in rows.items()]

    def __repr__(self) -> str:
        lines = [f"{self.measured.title}: {self.verdict}", *(f"  because {text}" for text in self.reasons)]
        lines += [f"  note: {text}" for text in self.warnings]
        return "\n".join([*lines, text_table(("", ""), self._rows()).lstrip("\n ")])

    def _repr_html_(self) -> str:
        color = GOOD if self.is_worth_it else BAD
        head = (
            f'<span style="color:{color}">●</span> <b>{html_text(self.measured.title)}</b>: {html_text(self.verdict)}'
        )
        rest = [f"because {text}" for text in self.reasons] + [f"note: {text}" for text in self.warnings]
        told = "".join(f"<div>{html_text(text)}</div>" for text in rest)
        return f'<div class="pathos-nb-forecast"><div>{head}</div>{told}{html_table(("", ""), self._rows())}</div>'


def _workers(seen: Measured) -> str:
    return f"{seen.n_workers} worker{'' if seen.n_workers == 1 else 's'} ({seen.places})"


def _spread(times: Sequence[float]) -> str:
    if not times:
        return "not known"
    least, most = min(times), max(times)
    return duration(_mean(times)) + (f" ({duration(least)} to {duration(most)})" if most > 1.2 * least else "")
