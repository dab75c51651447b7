"""A member: a rank other than 0 of a worker, which does with each item what the leader does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pathos_nb.launchers.board import Cells
from pathos_nb.launchers.failing import report
from pathos_nb.launchers.mpi_group import END, FRAME, GO, LEAVE, Group
from pathos_nb.launchers.seeding import seeded
from pathos_nb.launchers.worker import Chunk, Worker
from pathos_nb.wire import protocol
from pathos_nb.wire.framing import Frame

__all__ = ["Member"]


class Member(Worker):
    """A worker that begins an item when the leader does, and whose values are not wanted."""

    group: Group
    _trouble: Any = None

    def serve(self, group: Group) -> int:
        """Do what the leader says, until it says that this is the end; give the exit status."""
        self.group, self.cells = group, Cells()  # the page that the pool sees is the leader's
        while True:
            verb, told = group.hear()
            if verb == LEAVE:
                return 0
            if verb == FRAME:
                self._take(told)
            elif verb == GO:  # of a chunk that could not be loaded here
                group.answer(self._trouble)

    def _take(self, frame: Frame) -> None:
        reply = self.handle(frame)
        if frame.kind == protocol.INITIALIZE:
            self.group.answer(None if reply is None else reply.meta)
        elif reply is not None and protocol.Report(*reply.meta).undecodable:
            what, error, trace = protocol.Report(*reply.meta).undecodable.split("\n", 2)
            self._trouble = (0, protocol.RAISED, None, "ImportError", f"the {what} cannot be loaded: {error}", trace)

    def _done(self, doing: Chunk) -> Frame:
        columns = doing.columns
        rows: Iterator[Any] = iter(doing.rows or ()) if columns is None else zip(*columns, strict=True)
        place = 0
        while True:
            verb, _ = self.group.hear()
            if verb == END:
                return Frame(protocol.DONE, tuple(protocol.Report(doing.number, 0, 0.0, b"", 1, (), (), "")))
            self.group.answer(self._outcome(doing, place, next(rows)))
            place += 1

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
            return tuple(report(place, protocol.RAISED, error))
        return None
