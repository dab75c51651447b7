"""The far side of a race: what is timed, in the contender's own process."""

from __future__ import annotations

import gc
import hashlib
import pickle
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from benchmarks.peers.base import Peer
from benchmarks.work import noop


class Load(ABC):
    """The work of one race.

    Parameters
    ----------
    peer : Peer
        Who does it.
    is_quick : bool
        Whether to scale it down.
    """

    bounds: ClassVar[dict[str, Callable[[Any], float]]] = {}
    """Each runs a bound on the load and gives its seconds."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        self.peer, self.is_quick = peer, is_quick

    def prepare(self) -> None:  # noqa: B027 - most need nothing
        """Make what each repetition needs anew; not timed."""

    @abstractmethod
    def run(self, chunksize: int | None) -> Any:
        """Do the work; timed."""

    def fingerprint(self, result: Any) -> str:
        """Give a digest that differs where the results do."""
        return hashlib.blake2b(pickle.dumps(result, protocol=4), digest_size=8).hexdigest()


class RaceFar:
    """The commands of a race."""

    def __init__(self, load: Load) -> None:
        self.load = load

    def warm(self) -> None:
        """Open the pool and use it a little."""
        self.load.peer.open()
        self.load.peer.map(noop, list(range(8)))

    def rep(self, chunksize: int | None) -> dict[str, Any]:
        """Run once."""
        self.load.prepare()
        gc.collect()
        begin = time.perf_counter()
        result = self.load.run(chunksize)
        seconds = time.perf_counter() - begin
        return {"seconds": seconds, "fingerprint": self.load.fingerprint(result)}

    def bound(self, name: str) -> dict[str, Any]:
        """Run a bound once."""
        self.load.prepare()
        gc.collect()
        return {"seconds": self.load.bounds[name](self.load), "fingerprint": ""}
