"""How much of an infinite generator one `next()` on a lazy map pulls."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

from benchmarks.figures import Outcome, Row, at_most
from benchmarks.peers.base import Peer
from benchmarks.process import ContenderError
from benchmarks.scene import Scene
from benchmarks.work import noop

PEERS = ("multiprocessing", "pathos", "mpire", "joblib", "ipyparallel")
LIMIT = 20_000
N_WORKERS = 2


class Far:
    """One peer over a generator that counts."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        self.peer = peer
        self.n_pulled = 0

    def warm(self) -> None:
        """Open the pool."""
        self.peer.open()

    def pull(self) -> int:
        """Take one result, wait a little, and give how many items have been pulled.

        The generator ends at `LIMIT`, so that a peer that pulls without end does not eat the machine.
        """
        stream = self.peer.imap(noop, self._count())
        assert next(iter(stream)) == 0
        time.sleep(0.5)
        return self.n_pulled

    def _count(self) -> Iterator[int]:
        for number in itertools.islice(itertools.count(), LIMIT):
            self.n_pulled += 1
            yield number


class LazyPull:
    """Each peer once."""

    name = "lazy_pull"
    title = "items pulled from an infinite generator by one next() of a lazy map, two workers"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title, [self._row(scene, name) for name in scene.peers(PEERS)])
        got = outcome.value("pathos_nb")
        outcome.goals = [at_most("items pulled a worker", got / N_WORKERS if got else None, 16)]
        return outcome

    def _row(self, scene: Scene, name: str) -> Row:
        try:
            with scene.open_contender(self.name, name) as contender:
                n_pulled = contender.ask("pull", 40)
        except ContenderError as error:
            return Row(name, "pulled", None, "items", note=str(error))
        return Row(name, "pulled", n_pulled, "items", note="all there were" if n_pulled == LIMIT else "")


CASE = LazyPull()
