"""One call on a warm pool: how long a user waits for it, and what the pool burns while nobody calls."""

from __future__ import annotations

import time
from contextlib import ExitStack

from benchmarks import bounds
from benchmarks.figures import Goal, Outcome, Row, at_most, percentile, ratio, spread
from benchmarks.peers import EVERY
from benchmarks.peers.base import Peer
from benchmarks.process import Contender, ContenderError, cpu_seconds, marked
from benchmarks.scene import Scene
from benchmarks.work import noop

P50, P99, RESTED, IDLE = "p50", "p99", "p50, 20 ms after the last", "processor time while idle"
IDLE_S = 2.0
TRIP = "pipe round trip"


class Far:
    """One peer that is called again and again."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        self.peer = peer

    def warm(self) -> None:
        """Open the pool and call a few times."""
        self.peer.open()
        for number in range(20):
            assert self.peer.call(noop, number) == number

    def calls(self, n_calls: int, pause_s: float) -> list[float]:
        """Give the microseconds of each call."""
        return [self._call(number, pause_s) for number in range(n_calls)]

    def _call(self, number: int, pause_s: float) -> float:
        if pause_s:
            time.sleep(pause_s)
        begin = time.perf_counter()
        value = self.peer.call(noop, number)
        seconds = time.perf_counter() - begin
        assert value == number
        return seconds * 1e6

    def trips(self, n_trips: int) -> list[float]:
        """Give the microseconds of each bare round trip over pipes."""
        return [seconds * 1e6 for seconds in bounds.pipe_round_trips(n_trips)]


class OneCall:
    """Every peer calls in turns."""

    name = "one_call"
    title = "one warm call"

    def run(self, scene: Scene) -> Outcome:
        """Measure, and give p50 and p99 in microseconds."""
        outcome = Outcome(self.name, self.title)
        with ExitStack() as stack:
            serial = stack.enter_context(scene.open_contender(self.name, "serial"))
            open_ones = self._open(stack, scene, outcome)
            times = self._turns(scene, serial, open_ones)
            idle = {c.peer: idle_share(c) for c in open_ones}
        outcome.rows += [row for name, series in times.items() for row in self._rows(name, series)]
        outcome.rows += [Row(name, IDLE, share, "% of a core") for name, share in idle.items()]
        outcome.goals = self._judge(outcome)
        return outcome

    def _open(self, stack: ExitStack, scene: Scene, outcome: Outcome) -> list[Contender]:
        opened = []
        for name in scene.peers(EVERY):
            try:
                opened.append(stack.enter_context(scene.open_contender(self.name, name)))
            except ContenderError as error:
                outcome.rows.append(Row(name, P50, None, "µs", note=str(error)))
        return opened

    def _turns(self, scene: Scene, serial: Contender, others: list[Contender]) -> dict[str, dict[str, list[float]]]:
        times: dict[str, dict[str, list[float]]] = {c.peer: {P50: [], RESTED: []} for c in others}
        times[TRIP] = {P50: []}
        n_calls = 100 if scene.is_quick else 300
        for _ in range(scene.n_reps):
            times[TRIP][P50] += serial.ask("trips", 60, n_trips=n_calls)
            for contender in others:
                times[contender.peer][P50] += contender.ask("calls", 60, n_calls=n_calls, pause_s=0.0)
                times[contender.peer][RESTED] += contender.ask("calls", 60, n_calls=10, pause_s=0.02)
        return times

    def _rows(self, name: str, series: dict[str, list[float]]) -> list[Row]:
        quick = series[P50]
        rows = [
            Row(name, P50, percentile(quick, 50), "µs", spread(quick), len(quick), is_bound=name == TRIP),
            Row(name, P99, percentile(quick, 99), "µs", n=len(quick), is_bound=name == TRIP),
        ]
        rested = series.get(RESTED)
        return rows + ([Row(name, RESTED, percentile(rested, 50), "µs", spread(rested), len(rested))] if rested else [])

    def _judge(self, outcome: Outcome) -> list[Goal]:
        best = outcome.best_peer(what=P50)
        ours = outcome.value("pathos_nb", P50)
        return [
            at_most(
                f"p50 ÷ best peer's ({best.who if best else 'none'})", ratio(ours, best.value if best else None), 0.5
            ),
            at_most("p99", outcome.value("pathos_nb", P99), 500.0, "µs"),
            at_most("processor time while idle", outcome.value("pathos_nb", IDLE), 0.5, "% of a core"),
        ]


def idle_share(contender: Contender) -> float:
    """Give the share of a core, in percent, that a peer's processes use while nobody asks anything of them."""
    pids = marked(contender.mark)
    before = sum(map(cpu_seconds, pids))
    time.sleep(IDLE_S)
    return 100 * (sum(map(cpu_seconds, pids)) - before) / IDLE_S


CASE = OneCall()
