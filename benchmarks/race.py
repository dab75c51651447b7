"""A race: the same map by every peer, in turns, with the bounds of physics running in the same turns.

1. Every contender starts, in a process of its own, and warms up.
2. Each chunk size that a peer may be tuned with is tried; the best one races as "tuned".
3. In each round everybody runs once: serial, bounds, pathos_nb, each peer at its defaults and tuned; the order rotates.
4. Every result's fingerprint must be the serial one's, or the row says "wrong result".

A setting whose time is used up (`BUDGET_S`) sits out the later rounds; the table shows how many repetitions it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks import peers
from benchmarks.figures import Goal, Outcome, Row, row_of
from benchmarks.process import Contender, ContenderError
from benchmarks.scene import START_DEADLINE_S, Scene

BUDGET_S = 25.0
DEADLINE_S = 60.0
SLOW_S = 1.0


@dataclass(frozen=True)
class RaceCase:
    """What a race is made of.

    Parameters
    ----------
    name, title : str
        As on the command line, and in words.
    judge : callable
        Makes goals of the outcome.
    chunks : sequence of int
        The sizes that peers may be tuned with.
    bounds : sequence of str
        Names of the bounds that the case's far side can run.
    peers : sequence of str
        Who takes part besides serial and pathos_nb.
    only_tuned : sequence of str
        Peers whose defaults would take minutes: they run tuned only.
    ours : sequence of str
        Names of further things that pathos_nb's far side runs, for comparison with itself.
    """

    name: str
    title: str
    judge: Callable[[Outcome], list[Goal]]
    chunks: Sequence[int] = ()
    bounds: Sequence[str] = ()
    peers: Sequence[str] = peers.LOCAL
    only_tuned: Sequence[str] = ()
    ours: Sequence[str] = ()

    def run(self, scene: Scene) -> Outcome:
        """Race."""
        return Race(self, scene).run()


@dataclass
class Lane:
    """One contender with one setting, and its times so far."""

    contender: Contender
    who: str
    what: str
    op: str
    args: dict[str, int | str | None]
    times: list[float] = field(default_factory=list)
    note: str = ""
    is_bound: bool = False

    @property
    def is_out(self) -> bool:
        """Whether it failed or used up its time."""
        return bool(self.note) or sum(self.times) > BUDGET_S

    def run(self) -> str | None:
        """Run once; give the fingerprint, None on failure."""
        try:
            reply = self.contender.ask(self.op, DEADLINE_S, **self.args)
        except ContenderError as error:
            self.note = str(error)
            return None
        self.times.append(reply["seconds"])
        fingerprint: str = reply["fingerprint"]
        return fingerprint

    def row(self, scale: float, unit: str) -> Row:
        """Sum up."""
        return row_of(self.who, self.what, [scale * t for t in self.times], unit, self.note, is_bound=self.is_bound)


class Race:
    """One run of a `RaceCase`."""

    def __init__(self, case: RaceCase, scene: Scene) -> None:
        self.case, self.scene = case, scene
        self.outcome = Outcome(case.name, case.title)
        self.truth: str | None = None

    def run(self) -> Outcome:
        """Race, and give what came out, in milliseconds."""
        with ExitStack() as stack:
            lanes = self._lanes(stack)
            self._rounds(lanes)
        self.outcome.rows += [lane.row(1000.0, "ms") for lane in lanes]
        self.outcome.goals = self.case.judge(self.outcome)
        return self.outcome

    def _lanes(self, stack: ExitStack) -> list[Lane]:
        serial = self._start(stack, "serial")
        assert serial is not None
        first = Lane(serial, "serial", "serial", "rep", {"chunksize": None})
        self.truth = first.run()
        bounds = [Lane(serial, name, "bound", "bound", {"name": name}, is_bound=True) for name in self.case.bounds]
        lanes = [first, *bounds]
        for name in self.scene.peers(tuple(self.case.peers)):
            contender = self._start(stack, name)
            if contender:
                lanes += self._peer_lanes(contender)
        return lanes

    def _start(self, stack: ExitStack, name: str) -> Contender | None:
        contender = stack.enter_context(self.scene.contender(self.case.name, name))
        try:
            contender.ask("warm", START_DEADLINE_S)
            return contender
        except ContenderError as error:
            self.outcome.rows.append(Row(name, "default", None, "ms", note=f"does not start: {error}"))
            return None

    def _peer_lanes(self, contender: Contender) -> list[Lane]:
        name = contender.peer
        lanes = []
        if name not in self.case.only_tuned:
            lanes.append(Lane(contender, name, "default", "rep", {"chunksize": None}))
        if name == "pathos_nb":
            lanes += [Lane(contender, name, what, "bound", {"name": what}) for what in self.case.ours]
        elif self.case.chunks:
            lanes.append(self._tuned(contender))
        return lanes

    def _tuned(self, contender: Contender) -> Lane:
        tried = [
            Lane(contender, contender.peer, f"tuned: chunks of {size}", "rep", {"chunksize": size})
            for size in self.case.chunks
        ]
        for lane in tried:
            lane.run()
            if not (lane.is_out or self.scene.is_quick) and lane.times[0] < SLOW_S:
                lane.run()
        best = min(tried, key=lambda lane: min(lane.times, default=float("inf")))
        self.scene.say(f"  {contender.peer}: {best.what}")
        best.times.clear()
        return best

    def _rounds(self, lanes: list[Lane]) -> None:
        lanes[0].times.clear()
        for number in range(self.scene.n_reps):
            turn = number % len(lanes)
            for lane in lanes[turn:] + lanes[:turn]:
                if not lane.is_out:
                    self._check(lane, lane.run())

    def _check(self, lane: Lane, fingerprint: str | None) -> None:
        if fingerprint is not None and lane.op == "rep" and fingerprint != self.truth:
            lane.note = "wrong result"
