"""The maps and calls under way, and which of them are asked for work.

::

    add ──► all of them                                        its items are sent, or wait for inputs
              │ it has something to send                              ▲
              └────────► asked, whose turn it is first ── sent ── spent? ── no ──► its turn comes last
                                      ▲
                        offer: its inputs are there, or some of it runs again

So a step of the feeder costs as much as there are runs that have something to send, however many wait for others. While
one of them has nothing at any worker, none gets more ahead: a worker becomes idle, and that one's turn comes.
"""

from __future__ import annotations

import heapq
import itertools
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from pathos_nb.dispatch.run import Run

__all__ = ["UnderWay", "is_spent"]


class UnderWay(OrderedDict[Run, int]):
    """The runs of a pool that are not over, in the order in which they began, each with its turn.

    Attributes
    ----------
    doubtful : dict
        Runs that not every worker will do for, as far as nobody knows yet that one will.
    """

    def __init__(self) -> None:
        super().__init__()
        self._asked, self._ahead = _Queue(), _Queue()
        self._choosy: dict[Run, None] = {}
        self.doubtful: dict[Run, None] = {}
        self._next = itertools.count(1)

    def add(self, run: Run) -> None:
        """Have one more."""
        self[run] = next(self._next)
        run.under_way = self
        if run.is_choosy:
            self._choosy[run] = self.doubtful[run] = None

    def remove(self, run: Run) -> None:
        """Have one less."""
        turn = self.pop(run, 0)
        self._asked.runs.pop(turn, None)
        self._ahead.runs.pop(turn, None)
        if run.is_choosy:
            self._choosy.pop(run, None)
            self.doubtful.pop(run, None)
        run.under_way = None

    def offer(self, run: Run) -> None:
        """Ask a run for work, in its turn, now that it may have some."""
        turn = self.get(run)
        if turn is not None:
            self._asked.put(turn, run)
            if run.again or not _is_for_idle(run):
                self._ahead.put(turn, run)

    def rest(self, run: Run) -> None:
        """Do not ask a run until it is offered."""
        turn = self.get(run, 0)
        self._asked.runs.pop(turn, None)
        self._ahead.runs.pop(turn, None)

    def sent(self, run: Run) -> None:
        """Take note that something of a run was sent: the others have their turn before it."""
        if len(self._asked.runs) > 1:
            self.rest(run)
            if not is_spent(run):
                self[run] = next(self._next)
                self.offer(run)

    def asked(self, ahead: bool = False) -> Iterable[Run]:
        """Give those to ask, in turn; they may change meanwhile.

        Parameters
        ----------
        ahead : bool
            Only those of which a worker may get something before it has done what it has.
        """
        queue = self._ahead if ahead else self._asked
        return queue.in_turn() if len(queue.runs) > 1 else list(queue.runs.values())

    def is_kept_waiting(self) -> bool:
        """Whether a run of which no worker has anything waits for one that others keep at work."""
        return len(self._asked.runs) > 1 and any(map(_is_kept_waiting, self._asked.runs.values()))

    def doubt(self) -> None:
        """Ask anew whether there is a worker that will do: some have gone."""
        self.doubtful = dict(self._choosy)


class _Queue:
    """Runs by their turns; one may be dropped wherever it stands."""

    def __init__(self) -> None:
        self.runs: dict[int, Run] = {}
        self._heap: list[int] = []  # with turns that were dropped since, which hold nothing

    def put(self, turn: int, run: Run) -> None:
        if turn not in self.runs:
            if not self.runs:
                self._heap.clear()
            self.runs[turn] = run
            heapq.heappush(self._heap, turn)

    def in_turn(self) -> Iterator[Run]:
        """Give all in turn: the first at once, as it mostly is enough."""
        heap, runs = self._heap, self.runs
        while heap[0] not in runs:
            heapq.heappop(heap)
        first = heap[0]
        yield runs[first]
        for turn in sorted(runs):
            if turn != first and turn in runs:
                yield runs[turn]


def is_spent(run: Run) -> bool:
    """Whether a run has nothing to send, and says so itself when that changes."""
    source = run.source
    return not (run.again or source.ready) and (source.comes_late or source.left == 0)


def _is_kept_waiting(run: Run) -> bool:
    is_held = run.stopping or run.held_for or run.is_choosy or run.pins or run.options.n_workers is not None
    return not (run.n_in_flight or is_held) and bool(run.source.ready or run.again)


def _is_for_idle(run: Run) -> bool:
    """Whether nothing of a run is sent to a worker that has some work: one call, which nobody has measured."""
    options = run.options
    return run.total == 1 and options.chunksize is None and options.timeout is None and not run.pins
