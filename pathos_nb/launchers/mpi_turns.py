"""A number that the ranks of an MPI job count up together: who is free takes the next one, and nobody hands it out."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["Turns"]


class Turns:
    """The next number, for all ranks.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Whose ranks count; all of them make it, and all of them `close` it.

    Notes
    -----
    It lies with rank 0, and is counted by `MPI_Fetch_and_op`: within a machine at once, whatever rank 0 is doing;
    between machines MPI may have to wait until rank 0 is in a call of its own.
    """

    def __init__(self, comm: Any) -> None:
        from mpi4py import MPI

        self._kind, self._sum, self._replace = MPI.INT64_T, MPI.SUM, MPI.REPLACE
        size = self._kind.Get_size()
        self._window = MPI.Win.Allocate(size if comm.Get_rank() == 0 else 0, size, comm=comm)
        if comm.Get_rank() == 0:
            self._swap(0, self._replace)
        comm.Barrier()

    def take(self) -> int:
        """Give the next number, which nobody else gets."""
        return self._swap(1, self._sum)

    def end_at(self, number: int) -> None:
        """Go on from this number: if it is behind the last, nobody begins anything more."""
        self._swap(number, self._replace)

    def close(self) -> None:
        """Let go of it, with all others."""
        self._window.Free()

    def _swap(self, number: int, how: Any) -> int:
        size = self._kind.Get_size()
        given, was = bytearray(number.to_bytes(size, _ORDER)), bytearray(size)
        self._window.Lock(0)
        self._window.Fetch_and_op([given, self._kind], [was, self._kind], 0, 0, how)
        self._window.Unlock(0)
        return int.from_bytes(was, _ORDER, signed=True)


_ORDER: Any = sys.byteorder
