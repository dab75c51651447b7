"""How much memory a lazy map takes while its first item is slow and the others are not."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

from benchmarks.figures import Outcome, Row, at_most
from benchmarks.peers.base import Peer
from benchmarks.process import Contender, ContenderError, marked, pss_bytes
from benchmarks.scene import Scene
from benchmarks.work import SLOW_S, noop, slow_first

PEERS = ("multiprocessing", "pathos", "mpire", "joblib", "ipyparallel")
LIMIT = 200_000


class Far:
    """One peer over a long generator of quick items behind a slow one."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        self.peer = peer

    def warm(self) -> None:
        """Open the pool."""
        self.peer.open()
        self.peer.map(noop, range(8))

    def first(self) -> float:
        """Wait for the first result; give the seconds."""
        begin = time.perf_counter()
        stream: Iterator[bytes] = iter(self.peer.imap(slow_first, itertools.islice(itertools.count(), LIMIT)))
        assert len(next(stream)) == 1000
        return time.perf_counter() - begin


class LazyMemory:
    """Each peer once; all of its processes are counted."""

    name = "lazy_memory"
    title = "growth of all processes (PSS) behind a first item of 4 s, results of 1 kB, up to 200,000 items"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title, [self._row(scene, name) for name in scene.peers(PEERS)])
        outcome.goals = [at_most("growth", outcome.value("pathos_nb"), 10.0, "MB")]
        return outcome

    def _row(self, scene: Scene, name: str) -> Row:
        try:
            with scene.open_contender(self.name, name) as contender:
                growth, seconds = self._watch(contender)
        except ContenderError as error:
            return Row(name, "growth", None, "MB", note=str(error))
        return Row(name, "growth", growth / 1e6, "MB", note=f"first result after {seconds:.1f} s")

    def _watch(self, contender: Contender) -> tuple[int, float]:
        before = total_pss(contender)
        contender.tell("first")
        peak, end = before, time.monotonic() + SLOW_S + 0.5
        while time.monotonic() < end:
            time.sleep(0.25)
            peak = max(peak, total_pss(contender))
        return peak - before, contender.hear(60)


def total_pss(contender: Contender) -> int:
    """Give the proportional set size of a contender's processes together."""
    return sum(map(pss_bytes, marked(contender.mark)))


CASE = LazyMemory()
