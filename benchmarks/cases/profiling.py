"""What a profile costs: sampling at 100 Hz on items of 1 ms, its part of a live view, and writing a trace."""

from __future__ import annotations

import statistics
import tempfile
import time
from array import array
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from benchmarks.figures import Goal, Outcome, Row, at_most, row_of
from benchmarks.load import RaceFar
from benchmarks.peers.base import Peer
from benchmarks.race import RaceCase
from benchmarks.scene import Scene
from benchmarks.spinning import SpinLoad
from benchmarks.viewing import view_cost
from benchmarks.work import spin
from pathos_nb.dispatch.chunk_log import ChunkLog
from pathos_nb.dispatch.profile_export import export
from pathos_nb.dispatch.profiles import Profile, Source, make_profile
from pathos_nb.events import ChunkDone
from pathos_nb.wire.protocol import Profiled

WITHOUT, SAMPLED, COUNTED = "not profiled", "sampled at 100 Hz", "calls counted"
SHOWN, WRITTEN, N_WRITTEN = "live view of a profile", "trace written", 1_000_000


class ProfiledLoad(SpinLoad):
    """Map items of 1 ms, profiled or not; in turns, so that what the machine does meanwhile hits both."""

    def timed(self, profile: Any) -> float:
        """Give the seconds of a map."""
        begin = time.perf_counter()
        self.peer.pool.map(spin, self.items, profile=profile)  # type: ignore[attr-defined]  # the peer's own pool
        return time.perf_counter() - begin

    bounds: ClassVar[Any] = {
        WITHOUT: lambda load: load.timed(None),
        SAMPLED: lambda load: load.timed(True),
        COUNTED: lambda load: load.timed("deterministic"),
    }


def judge(outcome: Outcome) -> list[Goal]:
    """Under 3 % over the same map without."""
    without, sampled = outcome.value("pathos_nb", WITHOUT), outcome.value("pathos_nb", SAMPLED)
    return [at_most("sampling at 100 Hz", 100 * (sampled / without - 1) if sampled and without else None, 3.0, "%")]


RACE = RaceCase(
    name="profiling",
    title="a profile of 1,000 busy items of 1 ms, its live view, and a trace of 10^6 items",
    judge=judge,
    peers=(),
    ours=(WITHOUT, SAMPLED, COUNTED),
)


class Profiling:
    """The race, then what is measured without workers."""

    name, title = RACE.name, RACE.title

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = RACE.run(scene)
        self._show(scene, outcome)
        self._write(scene, outcome)
        return outcome

    def _show(self, scene: Scene, outcome: Outcome) -> None:
        seconds = 10 if scene.is_quick else 30
        share, n_messages, n_bytes = _shown(seconds)
        outcome.rows.append(Row("pathos_nb", f"{SHOWN}: share of a core", share, "%"))
        outcome.rows.append(Row("pathos_nb", f"{SHOWN}: messages a second", n_messages, ""))
        outcome.rows.append(Row("pathos_nb", f"{SHOWN}: kB a second", n_bytes / 1e3, "kB"))
        outcome.goals.append(at_most(f"{SHOWN}: messages a second", n_messages, 10.5, ""))
        outcome.goals.append(at_most(f"{SHOWN}: kB a second", n_bytes / 1e3, 105.0, "kB"))

    def _write(self, scene: Scene, outcome: Outcome) -> None:
        seconds = [_written(N_WRITTEN) for _ in range(1 if scene.is_quick else min(3, scene.n_reps))]
        outcome.rows.append(row_of("pathos_nb", f"{WRITTEN}, {N_WRITTEN:,} items", seconds, "s"))
        outcome.goals.append(at_most("trace of 10^6 items", statistics.median(seconds), 20.0, "s"))


def _shown(seconds: int) -> tuple[float, float, float]:
    """Give a view's share of a core in per cent, messages and bytes a second, while 8 workers are sampled."""
    profile = make_profile(True)
    assert profile is not None
    return view_cost(seconds, lambda _, step: _sample(profile, step), profile=profile)


def _sample(profile: Profile, step: int) -> None:
    """Add what eight workers see in a tenth of a second: ten samples each, of stacks twelve deep that vary."""
    for worker in range(8):
        frames = [
            (f"function_{depth}_{(step + worker) % (depth + 1)}", "package/module.py", depth) for depth in range(12)
        ]
        stacks = [(tuple(range(depth)), 1, (10_000, 0, 0, 0, 0)) for depth in range(3, 13)]
        profile.add(Source(f"processes-{worker}", "host", worker), Profiled(frames, stacks))


def _written(n_items: int) -> float:
    """Give the seconds that `%pathos profile --export trace.json` takes, of a record that lies on the disk in part."""
    size, chunks = 100, ChunkLog()
    for number in range(n_items // size):
        start = number // 8 * 0.1
        ends = array("d", [start + 0.001 * (i + 1) for i in range(size)])
        indices = range(number * size, number * size + size)
        chunks.append(ChunkDone("r", f"processes-{number % 8}", "host", 1, indices, start, ends, 1, (), ()))
    run: Any = SimpleNamespace(title="bench", started_at=0.0, chunks=chunks, profile=None)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        export(run, Path(folder) / "trace.json", lambda index: f"item {index}")
        return time.perf_counter() - began


CASE = Profiling()


def Far(peer: Peer, is_quick: bool) -> RaceFar:  # noqa: N802 - a class or what makes one
    """Give the far side."""
    return RaceFar(ProfiledLoad(peer, is_quick, [1_000.0] * (250 if is_quick else 1_000)))
