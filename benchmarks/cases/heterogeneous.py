"""One map over unlike workers: the bound (work over the sum of speeds) ÷ makespan, on hosts of the bed and simulated.

Items sleep, as a few cores carry all hosts: what is measured is who gets what, and when, not how fast anybody counts.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from benchmarks.figures import Outcome, Row, at_least
from benchmarks.hosts import Hosts, NoBed, hosts
from benchmarks.scene import Scene
from benchmarks.simulated import simulated
from pathos_nb import Pool
from pathos_nb.launchers.registry import registry

ITEM_S, DELAY_MS, SLOWER = 0.04, 25, 10
Speeds = Mapping[str, float]
Slow = tuple[str, float]
NEVER: Slow = ("", 0.0)


def nap(seconds: float, speeds: Speeds, slow: Slow = NEVER) -> float:
    """Sleep as long as this host takes for an item; one host takes ten times as long from some moment on."""
    me, (host, since) = socket.gethostname(), slow
    speed = speeds.get(me, 1.0) / (SLOWER if host == me and time.time() > since else 1)
    time.sleep(seconds / speed)
    return seconds


def bound(work_s: float, speeds: list[float], slowed: float = 0.0, after_s: float = float("inf")) -> float:
    """Give the seconds that work takes at least, if one of the speeds falls to a tenth after a while."""
    speed = sum(speeds)
    if work_s <= speed * after_s:
        return work_s / speed
    return after_s + (work_s - speed * after_s) / (speed - slowed + slowed / SLOWER)


class Heterogeneous:
    """4:1, far away, and slowed in the middle; then everything at once."""

    name = "heterogeneous"
    title = "one map over workers of different speed and distance (sleeping items)"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        work_s = 8.0 if scene.is_quick else 24.0
        self._simulate(work_s, outcome)
        try:
            with hosts("host1", "host2", "host3") as bed:
                for _ in range(1 if scene.is_quick else 2):
                    self._on_hosts(bed, work_s, outcome)
                self._all_kinds(work_s, outcome)
        except NoBed as error:
            outcome.rows.append(Row("pathos_nb", "on hosts", None, "", note=str(error)))
        self._judge(outcome)
        return outcome

    def _simulate(self, work_s: float, outcome: Outcome) -> None:
        for what, places, slowed in (
            ("4:1", [(4.0, 0.0), (1.0, 0.0)], None),
            ("4:1, 50 ms away", [(4.0, 0.05), (1.0, 0.05)], None),
            ("one of four slowed tenfold", [(1.0, 0.0)] * 4, 1),
        ):
            kinds = [simulated(f"simulated{i}", *place) for i, place in enumerate(places)]
            for kind in kinds:
                registry.register(kind.name, kind)
            speeds = [speed for speed, _ in places]
            after_s = work_s / sum(speeds) / 2
            with Pool(*(kind.name for kind in kinds), nodes=1) as pool:
                if slowed is not None:
                    kinds[slowed].slow_at = time.time() + after_s
                took_s = seconds(pool, abs, work_s)
            at_least_s = bound(work_s, speeds, *([] if slowed is None else [speeds[slowed], after_s]))
            outcome.rows.append(Row("pathos_nb", f"{what} (simulated slots)", at_least_s / took_s, ""))

    def _on_hosts(self, bed: Hosts, work_s: float, outcome: Outcome) -> None:
        names = {name: bed.bed.on(name, "hostname").strip() for name in ("host1", "host2", "host3")}
        unlike = {names["host1"]: 4.0}

        def note(what: str, places: Sequence[str], at_least_s: float, speeds: Speeds, slow: Slow = NEVER) -> None:
            with Pool(*places, nodes=1) as pool:
                took_s = seconds(pool, partial(nap, speeds=speeds), work_s, slow)
            outcome.rows.append(Row("pathos_nb", f"{what} (hosts of the bed)", at_least_s / took_s, ""))

        note("4:1", ("host1", "host2"), bound(work_s, [4.0, 1.0]), unlike)
        after_s = work_s / 3 / 2
        at_least_s = bound(work_s, [1.0] * 3, 1.0, after_s)
        note("one of three slowed tenfold", tuple(names), at_least_s, {}, (names["host2"], after_s))
        if bed.bed.facts["features"].get("slow"):
            with far_away(bed, "host1", "host2"):
                note("4:1, 50 ms away", ("host1", "host2"), bound(work_s, [4.0, 1.0]), unlike)

    def _all_kinds(self, work_s: float, outcome: Outcome) -> None:
        """Local cores, ssh hosts and a cluster of dask's in one map: one joins, one leaves."""
        with ExitStack() as held:
            client = held.enter_context(_cluster()) if registry.launchers()["dask"].score else None
            places: list[Any] = ["processes", "host1", *([client] if client is not None else [])]
            pool = held.enter_context(Pool(*places, nodes=1))
            n = len(places)
            took_s = seconds(pool, partial(nap, speeds={}), work_s)
            what = "cores, a host" + (" and dask" if client is not None else "")
            outcome.rows.append(Row("pathos_nb", f"{what} at once", work_s / n / took_s, ""))
            begin = time.perf_counter()
            run = pool.start(partial(nap, speeds={}), [ITEM_S] * round(work_s / ITEM_S))
            run.wait(work_s / n / 4)
            pool.add_place("host2", nodes=1)
            joined_s = time.perf_counter() - begin
            run.wait(work_s / n / 4)
            pool.drop_place("host1")
            left_s = time.perf_counter() - begin
            run.wait()
            took_s = time.perf_counter() - begin
            done_s = n * joined_s + (n + 1) * (left_s - joined_s)
            at_least_s = left_s + max(0.0, work_s - done_s) / n
            outcome.rows.append(Row("pathos_nb", "one joins and one leaves in the middle", at_least_s / took_s, ""))

    def _judge(self, outcome: Outcome) -> None:
        for what, limit in (("4:1", 0.95), ("4:1, 50 ms away", 0.9), ("slowed tenfold", 0.9)):
            for where in ("hosts of the bed", "simulated slots"):
                found = [row.value for row in outcome.rows if _is(row.what, what, where) and row.value is not None]
                if found:
                    outcome.goals.append(at_least(f"{what}: bound ÷ makespan ({where})", max(found), limit))


def _is(told: str, what: str, where: str) -> bool:
    case, _, rest = told.partition(" (")
    return rest == f"{where})" and (case == what or (what == "slowed tenfold" and case.endswith(what)))


def seconds(pool: Pool, item: Any, work_s: float, slow: Slow = NEVER) -> float:
    """Give the seconds of a map, after one that has everybody know the function's modules.

    A host may be slow from so many seconds after its begin on.
    """
    pool.each(item, 0.0) if item is not abs else pool.map(abs, [1e-6] * 4)
    host, after_s = slow
    item = partial(item, slow=(host, time.time() + after_s)) if host else item
    begin = time.perf_counter()
    pool.map(item, [ITEM_S] * round(work_s / ITEM_S))
    return time.perf_counter() - begin


@contextmanager
def far_away(bed: Hosts, *names: str) -> Iterator[None]:
    """Have hosts be a round trip of 50 ms away."""
    try:
        for name in names:
            bed.bed("slow", name, "--delay", f"{DELAY_MS}ms")
        yield
    finally:
        for name in names:
            bed.bed("heal", name)


def _cluster() -> Any:
    from distributed import Client

    quiet = {"dashboard_address": "127.0.0.1:0", "host": "127.0.0.1", "memory_limit": 0}
    return Client(n_workers=1, threads_per_worker=1, **quiet)


CASE = Heterogeneous()
