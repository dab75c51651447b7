"""A few points of a map, run here and on the workers, to know what all of them will take.

The pool is the one that the map would use, so afterwards its workers are warm: the first time is told apart. Short
points are run several times, and as many at once as there are workers, since they share what the machine has.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pathos_nb.dispatch.captured import heavy
from pathos_nb.dispatch.record import item_times
from pathos_nb.dispatch.using.forecast import Forecast, Measured
from pathos_nb.errors import BadOption, Failure
from pathos_nb.events import ChunkDone
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.failing import text_of
from pathos_nb.launchers.seeding import seeded
from pathos_nb.wire.serialization import dump

__all__ = ["Ask", "foresee", "together"]

_ENOUGH_S, _LONG_S = 0.05, 30.0  # for the samples of short points; no new sample here after that of long ones
_MOST_REPEATS, _MOST_AT_ONCE = 200, 64
_TRIPS, _MOST_TRIPS, _MOST_TRIP_BYTES = 64, 4096, 64 << 20
_clock = time.perf_counter


class Ask(NamedTuple):
    """What is to be foreseen.

    Attributes
    ----------
    function : callable
        Called with the parameters of a point.
    points : sequence of tuple
        Those that are known.
    n_points : int or None
        How many there are.
    n_samples : int
        How many to try.
    title : str
        What the run would be called.
    seed : object
        The run's seed.
    """

    function: Callable[..., Any]
    points: Sequence[tuple[Any, ...]]
    n_points: int | None
    n_samples: int = 5
    title: str = ""
    seed: Any = None


class _Here(NamedTuple):
    samples: list[tuple[Any, ...]]
    times: list[float]
    values: list[Any]
    failed: list[str]


class _There(NamedTuple):
    times: list[float]
    failed: list[str]
    together_s: float  # from one item to the next, while all workers are busy


class Loaded:
    """Has a worker load a function, and do nothing with it.

    Parameters
    ----------
    function : callable
        What is loaded.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self) -> None:
        """Do nothing."""


class Given:
    """Takes what a point takes and gives what one gave, without its work.

    Parameters
    ----------
    values : sequence
        They are given in turn.
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values

    def __call__(self, place: int, *point: Any) -> Any:
        """Give one."""
        return self.values[place]


def foresee(pool: Any, ask: Ask, asked: Mapping[str, Any]) -> Forecast:
    """Give what a map will take.

    Parameters
    ----------
    pool : Pool
        Where it would run.
    ask : Ask
        What would run.
    asked : mapping
        What is asked of the pool, as ``n_workers``.

    Returns
    -------
    Forecast

    Raises
    ------
    BadOption
        There is no point.
    CannotSend
        The function cannot go to a worker.
    """
    if not ask.points:
        raise BadOption("there is no point to try", cure="the for clause gives none")
    chosen = random.Random(0).sample(range(len(ask.points)), min(ask.n_samples, len(ask.points)))
    samples = [ask.points[index] for index in sorted(chosen)]
    n_workers = max(1, min(int(asked.get("n_workers") or pool.nodes), pool.nodes))
    here = _run_here(_called(ask), samples)
    samples = here.samples
    options = {**asked, "on_error": "keep", "progress": False, "title": f"{ask.title} (dry run)"}
    first_s, start_s = (_start(pool, ask.function, options) for _ in range(2))
    there = _There([], [], 0.0)
    if samples:
        there = _run_there(pool, ask.function, _repeated(samples, here.times, n_workers), options, n_workers)
    trip_s = _trip(pool, samples, here.values, start_s, options) if samples else 0.0
    failed = tuple(dict.fromkeys([*here.failed, *there.failed]))
    return Forecast(
        Measured(
            ask.title or "map", ", ".join(pool.places), ask.n_points, n_workers, usable_cores(),
            here.times, there.times, first_s, start_s, trip_s,
            _bytes([ask.function]), _bytes(samples), _bytes(here.values), heavy(ask.function), failed,
            there.together_s if set(pool.places) == {"threads"} and n_workers > 1 else 0.0,
        )
    )  # fmt: skip


def _called(ask: Ask) -> Callable[..., Any]:
    """Give the function as an item calls it: seeded, where the run is; which seed makes no difference here."""
    if ask.seed is None:
        return ask.function

    def call(*point: Any) -> Any:
        with seeded(ask.seed, 0):
            return ask.function(*point)

    return call


def _run_here(function: Callable[..., Any], samples: Sequence[tuple[Any, ...]]) -> _Here:
    """Run samples in this process; short ones several times, the first of which is left out.

    Those that raise are told, and are in no figure: they may end early, or late.
    """
    here, began = _Here([], [], [], []), _clock()
    for point in samples:
        if here.times and _clock() - began > _LONG_S:
            break
        seconds, value, text = _once(function, point)
        if text:
            here.failed.append(text)
            continue
        repeats = min(_MOST_REPEATS, int(_ENOUGH_S / len(samples) / max(seconds, 1e-9)))
        if repeats > 1:
            times = [_once(function, point)[0] for _ in range(repeats)]
            seconds = sum(times) / len(times)
        here.samples.append(point)
        here.times.append(seconds)
        here.values.append(value)
    return here


def _once(function: Callable[..., Any], point: tuple[Any, ...]) -> tuple[float, Any, str]:
    start = _clock()
    try:
        value = function(*point)
    except (Exception, SystemExit) as error:  # a point may call sys.exit()
        return _clock() - start, None, f"{type(error).__name__}: {text_of(error)}".partition("\n")[0]
    return _clock() - start, value, ""


def _repeated(samples: Sequence[tuple[Any, ...]], times: Sequence[float], n_workers: int) -> list[tuple[Any, ...]]:
    """Give the samples as often as it takes to keep all workers busy for a moment."""
    once = sum(times)
    fill = -(-min(n_workers, _MOST_AT_ONCE) // len(samples)) if once < 1.0 * len(samples) else 1
    enough = int(_ENOUGH_S * n_workers / max(once, 1e-9))
    return [*samples] * max(fill, min(enough, _MOST_REPEATS), 1)


def _start(pool: Any, function: Callable[..., Any], options: dict[str, Any]) -> float:
    """Give the seconds until every worker has the function, and has said so."""
    began = _clock()
    run = pool.start(Loaded(function), [()] * pool.nodes, star=True, everywhere=True, **_without_limit(options))
    run.wait()
    if run.failures and pool.nodes == len(run.failures):
        next(iter(run.failures.values())).reraise()
    if run.error is not None:
        raise run.error
    return _clock() - began


def _without_limit(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "n_workers"}


def _run_there(
    pool: Any, function: Callable[..., Any], rows: list[tuple[Any, ...]], options: dict[str, Any], n_workers: int
) -> _There:
    chunksize = max(1, len(rows) // (8 * pool.nodes))
    run = pool.start(function, rows, star=True, chunksize=chunksize, **options)
    run.wait()
    if run.error is not None:
        raise run.error
    failed = [f"{type(f.error).__name__}: {text_of(f.error)}".partition("\n")[0] for f in run.failures.values()]
    chunks = list(run.chunks)
    seconds = enumerate(item_times(chunks, len(rows)).seconds)
    times = [s for index, s in seconds if s is not None and index not in run.failures]
    return _There(times, failed, together([chunk for chunk in chunks if chunk.ends], n_workers))


def together(chunks: Sequence[ChunkDone], n_workers: int) -> float:
    """Give the seconds from one item to the next while all workers that took part were busy.

    Parameters
    ----------
    chunks : sequence of ChunkDone
        The record of a run.
    n_workers : int
        How many there are; where fewer took part, the others are taken to be as fast beside them.

    Returns
    -------
    float
        Of all workers together, so that what they wait for each other is in it; 0 if they never were all busy.
    """
    spans: dict[str, list[float]] = {}
    for chunk in chunks:
        known = spans.setdefault(chunk.worker, [chunk.started, chunk.ends[-1]])
        known[:] = min(known[0], chunk.started), max(known[1], chunk.ends[-1])
    begin = max((span[0] for span in spans.values()), default=0.0)
    end = min((span[1] for span in spans.values()), default=0.0)
    n = sum(_within(chunk, begin, end) for chunk in chunks)
    return (end - begin) / n * len(spans) / max(n_workers, len(spans)) if n > 0 and end > begin else 0.0


def _within(chunk: ChunkDone, begin: float, end: float) -> float:
    """Give how many of a chunk's items, and parts of items, lie between two times."""
    n, start = 0.0, chunk.started
    for number, stop in enumerate(chunk.ends):
        n_items = len(chunk.indices[number * chunk.block : (number + 1) * chunk.block])
        if stop > start:
            n += n_items * max(0.0, min(stop, end) - max(start, begin)) / (stop - start)
        start = stop
    return n


def _trip(pool: Any, samples: Sequence[Any], values: Sequence[Any], start_s: float, options: dict[str, Any]) -> float:
    """Give what a point costs besides its work."""
    each = max(1.0, _bytes(samples) + _bytes(values))
    n = max(1, min(_TRIPS, int(_MOST_TRIP_BYTES / each)))
    while True:
        rows = [(i % len(samples), *samples[i % len(samples)]) for i in range(n)]
        began = _clock()
        run = pool.start(Given(values), rows, star=True, **options)
        run.wait()
        seconds = _clock() - began
        if any(isinstance(f, Failure) for f in run.failures.values()):  # a value that cannot travel: told by the run
            return 0.0
        more = min(n * 8, _MOST_TRIPS, int(_MOST_TRIP_BYTES / each))
        if seconds - start_s > _ENOUGH_S or more <= n:
            return max(0.0, seconds - min(start_s, _start(pool, Given(values), options))) / n
        n = more


def _bytes(things: Sequence[Any]) -> float:
    """Give how large they are on average when pickled; those that cannot be count as nothing."""
    sizes = [_size(thing) for thing in itertools.islice(things, _MOST_AT_ONCE)]
    return sum(sizes) / len(sizes) if sizes else 0.0


def _size(thing: Any) -> int:
    try:
        return dump(thing).nbytes
    except Exception:  # whatever its own pickling raises; the run says it
        return 0
