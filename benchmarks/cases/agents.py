"""Agents on hosts by ssh, against what the same ssh does bare: first result, one item, tiny items, large arrays."""

from __future__ import annotations

import math
import pickle
import statistics
from operator import neg

from benchmarks import work
from benchmarks.figures import Outcome, Row, at_least, at_most, ratio, row_of
from benchmarks.hosts import Hosts, NoBed, hosts, seconds, times
from benchmarks.scene import Scene
from pathos_nb import Pool
from pathos_nb.launchers.agent_messages import BEAT_S

MS = 1e3
ARRAY_BYTES = 8 << 20
DELAY_S = 0.01


class Agents:
    """Two hosts of the bed; each figure beside that of the bare channel, in turns."""

    name = "agents"
    title = "agents on hosts by ssh"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        try:
            with hosts("host1", "host2", "host3") as bed:
                for part in (self._first, self._one_item, self._arrays, self._tiny_items, self._cut, self._far):
                    part(bed, scene, outcome)
        except NoBed as error:
            outcome.rows.append(Row("pathos_nb", "first result", None, "ms", note=str(error)))
        return outcome

    def _first(self, bed: Hosts, scene: Scene, outcome: Outcome) -> None:
        def first() -> None:
            with Pool("host1", nodes=1) as pool:
                assert pool.map(neg, [1]) == [-1]

        bed.bed.on("host1", "rm -rf ~/.cache/pathos_nb")
        cold, warm, bare = seconds(first), [], []
        for _ in range(scene.n_reps):
            warm.append(seconds(first))
            bare.append(seconds(bed.bare_exec))
        self._note(outcome, "first result, archive to be carried", [cold])
        self._note(outcome, "first result", warm)
        self._note(outcome, "exec of python3 -c pass", bare, "paramiko")
        got, limit = min(warm) * MS, (min(bare) + 0.5) * MS
        outcome.goals.append(at_most("first result, over a bare exec plus 0.5 s", got, limit, "ms"))
        outcome.goals.append(at_most("with the archive to be carried: 2 s more", cold * MS, limit + 2000, "ms"))

    def _one_item(self, bed: Hosts, scene: Scene, outcome: Outcome) -> None:
        calls: list[float] = []
        echoes: list[float] = []
        n = 40 if scene.is_quick else 200
        with Pool("host1", nodes=1) as pool, bed.echo() as echo:
            times(20, lambda: pool.pipe(neg, 1))
            for _ in range(5):
                calls += times(n, lambda: pool.pipe(neg, 1))
                echoes += times(n, echo)
        self._note(outcome, "one item", calls)
        self._note(outcome, "one byte", echoes, "channel")
        got = (statistics.median(calls) - statistics.median(echoes)) * MS
        outcome.goals.append(at_most("one item over the channel's echo", got, 1.0, "ms"))

    def _tiny_items(self, bed: Hosts, scene: Scene, outcome: Outcome) -> None:
        n = 100_000
        with Pool("host1", "host2", nodes=1) as pool, Pool("processes", nodes=2) as local:
            there: list[float] = []
            here: list[float] = []
            for _ in range(scene.n_reps + 1):
                there.append(seconds(lambda: pool.map(neg, range(n))))
                here.append(seconds(lambda: local.map(neg, range(n))))
        self._note(outcome, "100k items on two hosts", there[1:])
        self._note(outcome, "100k items here", here[1:], "processes")
        n_mib = len(pickle.dumps(list(map(neg, range(n))))) / (1 << 20)  # the values; the items travel as a range
        carried = MS * n_mib / (outcome.value("paramiko", "arrays from a host") or math.inf)
        limit = statistics.median(here[1:]) * MS + 30 * (outcome.value("channel", "one byte") or 0.0) + carried
        got = statistics.median(there[1:]) * MS
        text = "100k items, over here + 30 round trips + bytes ÷ paramiko's own stream"
        outcome.goals.append(at_most(text, got, limit, "ms"))

    def _arrays(self, bed: Hosts, scene: Scene, outcome: Outcome) -> None:
        import numpy as np

        n = 8 if scene.is_quick else 32
        array, n_mib = np.ones(ARRAY_BYTES // 8), n * ARRAY_BYTES >> 20
        found: dict[tuple[str, str], list[float]] = {}
        with Pool("host1", nodes=1) as pool:
            pool.map(len, [array] * 2, chunksize=1)
            for _ in range(scene.n_reps):
                up = seconds(lambda: pool.map(len, [array] * n, chunksize=1))
                down = seconds(lambda: pool.map(np.ones, [array.size] * n, chunksize=1))
                found.setdefault(("pathos_nb", "arrays to a host"), []).append(n_mib / up)
                found.setdefault(("pathos_nb", "arrays from a host"), []).append(n_mib / down)
                for who, is_tuned in (("paramiko", False), ("paramiko, on our connection", True)):
                    found.setdefault((who, "arrays to a host"), []).append(bed.stream_up(n_mib, is_tuned=is_tuned))
                    found.setdefault((who, "arrays from a host"), []).append(bed.stream_down(n_mib, is_tuned=is_tuned))
        outcome.rows += [row_of(who, what, values, "MiB/s") for (who, what), values in found.items()]
        for what in ("arrays to a host", "arrays from a host"):
            ours, bare = (statistics.median(found[who, what]) for who in ("pathos_nb", "paramiko"))
            outcome.goals.append(at_least(f"{what}, over paramiko's own stream", ratio(ours, bare), 0.75))

    def _cut(self, bed: Hosts, scene: Scene, outcome: Outcome) -> None:
        if not bed.bed.facts["features"].get("cut"):
            return
        n = 300 if scene.is_quick else 900
        with Pool("host2", "host3", nodes=1) as pool:
            on_two = seconds(lambda: pool.map(work.sleep, [0.01] * n))
        with Pool("host1", "host2", "host3", nodes=1) as pool:
            run = pool.start(work.sleep, [0.01] * n)
            while run.n_done < n // 10:
                run.wait(0.01)
            bed.bed("cut", "host1")
            run.wait()
            cut = run.seconds
        bed.bed("heal", "host1")
        self._note(outcome, f"{n} naps of 10 ms on two hosts", [on_two])
        self._note(outcome, "the same on three, one cut in mid-map", [cut])
        limit = 1.3 * on_two + 3 * BEAT_S
        outcome.goals.append(at_most("one of three cut: 1.3 times two, and three beats", cut, limit, "s"))

    def _far(self, bed: Hosts, scene: Scene, outcome: Outcome) -> None:
        if not bed.bed.facts["features"].get("slow"):
            return
        for host in ("host1", "host2"):
            bed.bed("slow", host, "--delay", f"{DELAY_S * MS:g}ms")
        with Pool("host1", "host2", nodes=1) as pool:
            pool.map(neg, range(100_000))
            there = times(scene.n_reps, lambda: pool.map(neg, range(100_000)))
        self._note(outcome, "100k items on two hosts, 20 ms away", there)
        here = outcome.value("processes", "100k items here") or 0.0
        limit = here + 30 * 2 * DELAY_S * MS
        text = "100k items 20 ms away, over here + 30 round trips"
        outcome.goals.append(at_most(text, statistics.median(there) * MS, limit, "ms"))

    def _note(self, outcome: Outcome, what: str, values: list[float], who: str = "pathos_nb") -> None:
        outcome.rows.append(row_of(who, what, [value * MS for value in values], "ms", is_bound=who != "pathos_nb"))


CASE = Agents()
