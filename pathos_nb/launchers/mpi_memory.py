"""What MPI libraries leave in ``/dev/shm`` when a rank is killed, and how it is seen to that they do not.

MPICH keeps the name of the memory that its ranks share until `MPI_Finalize`, which a killed rank never reaches. Once
all ranks of the machine have it mapped, nobody needs the name any more.
"""

from __future__ import annotations

import contextlib
import os

__all__ = ["unlink_memory_of"]

_BEGINNINGS = ("/dev/shm/mpich_shm_", "/dev/shm/mpich_")


def unlink_memory_of(pid: int | str = "self") -> None:
    """Take the names away from the memory that a process of an MPI job shares; those who have it mapped keep it.

    Parameters
    ----------
    pid : int or str
        The process; ``"self"`` for this one.
    """
    for path in _shared(pid):
        with contextlib.suppress(OSError):
            os.unlink(path)  # noqa: PTH108 - as a text


def _shared(pid: int | str) -> set[str]:
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - at each rank's start
            lines = file.read().splitlines()
    except OSError:  # it has gone, or this is another system
        return set()
    paths = {line.partition("/")[1] + line.partition("/")[2] for line in lines if "/dev/shm/" in line}
    return {path for path in paths if path.startswith(_BEGINNINGS) and not path.endswith(" (deleted)")}
