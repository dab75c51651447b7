"""The MPI job that this process is a rank of."""

from __future__ import annotations

TYPE_CHECKING = False  # every rank's start waits for this file, so it loads little
if TYPE_CHECKING:
    from typing import Any

__all__ = ["own_world"]


def own_world() -> Any:
    """Give the communicator of the job that this process is a rank of; it joins if it has not yet.

    Returns
    -------
    mpi4py.MPI.Intracomm
    """
    from mpi4py import MPI

    return MPI.COMM_WORLD
