"""A member: a rank other than 0 of a worker, which does with each item what the leader does."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

from pathos_nb.launchers.board import Cells
from pathos_nb.launchers.chunk import Chunk
from pathos_nb.launchers.failing import report
from pathos_nb.launchers.mpi_group import END, FRAME, GO, LEAVE, Group, flush, speak_in_lines
from pathos_nb.launchers.seeding import seeded
from pathos_nb.launchers.worker import Worker
from pathos_nb.wire import protocol
from pathos_nb.wire.framing import Frame

__all__ = ["Member"]

_PATIENCE_S = 6.0  # three times the leader's own
_CALLED = {"time": "items"}


class Member(Worker):
    """A worker that begins an item when the leader does, and whose values are not wanted."""

    group: Group
    _trouble: Any = None

    def serve(self, group: Group) -> int:
        """Do what the leader says, until it says that this is the end; give the exit status."""
        speak_in_lines()
        self.group, self.cells = group, Cells()  # the page that the pool sees is the leader's
        while True:
            verb, told = group.hear()
            if verb == LEAVE:
                return 0
            if verb == FRAME:
                self._take(told)
            elif verb == GO:  # of a chunk that could not be loaded here
                self.group.clear()
                self.say(self._trouble)

    def say(self, trouble: Any) -> None:
        """Tell the leader how it went: what was raised, or nothing."""
        self.group.answer(trouble)

    def _take(self, frame: Frame) -> None:
        reply = self.handle(frame)
        if frame.kind == protocol.INITIALIZE:
            flush()
            self.say(None if reply is None else reply.meta)
        elif reply is not None and protocol.Report(*reply.meta).undecodable:
            what, error, trace = protocol.Report(*reply.meta).undecodable.split("\n", 2)
            told = f"the {_CALLED.get(what, what)} cannot be loaded: {error}"
            self._trouble = (0, protocol.RAISED, None, "ImportError", told, trace)

    def _done(self, doing: Chunk) -> Frame:
        columns = doing.columns
        rows: Iterator[Any] = iter(doing.rows or ()) if columns is None else zip(*columns, strict=True)
        place, trouble, limits = 0, None, doing.run_of.spec.limits
        while self._goes_on(trouble):
            self.limits.hold(limits)
            trouble = self._outcome(doing, place, next(rows))
            self.limits.lift(limits)
            flush()
            self.say(trouble)
            place += 1
        return Frame(protocol.DONE, tuple(protocol.Report(doing.number, 0, 0.0, b"", 1, (), (), "")))

    def _goes_on(self, trouble: Any) -> bool:
        """Wait for the next item, with which all begin together, or the end of the chunk.

        A leader that waits in MPI for this rank, which has raised, says so in time, unless it holds the interpreter as
        it waits, or its MPI has no threads: then this rank ends, and the job with it.
        """
        try:
            verb, _ = self.group.hear(math.inf if trouble is None else _PATIENCE_S)
            if verb != END:
                self.group.clear()
            return verb != END
        except TimeoutError:
            os.write(2, f"rank {self.group.rank} of {self.group.size}: {trouble[-1]}".encode("utf-8", "replace"))
            os._exit(1)

    def _outcome(self, doing: Chunk, place: int, row: Any) -> Any:
        """Run an item; give nothing, or what was raised."""
        spec = doing.run_of.spec
        try:
            self.in_item = True
            if spec.seed is None:
                doing.function(*row)
            else:  # the same numbers each time, and others than the leader's
                seeds = [spec.seed] if isinstance(spec.seed, int) else list(spec.seed)
                with seeded([*seeds, self.group.rank], doing.indices[place], restore=True):
                    doing.function(*row)
            self.in_item = False
        except BaseException as error:
            self.in_item = False
            self.limits.lift(spec.limits)  # to tell of it takes memory too
            return tuple(report(place, protocol.RAISED, error))
        return None
