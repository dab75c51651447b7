"""What ``mpiexec`` starts as each rank: a keeper, which forks the process that joins the MPI job, and sees how it ends.

::

    pool ── "fork" + descriptors ──► keeper ── fork ──► rank: MPI_Init, then the worker
    pool ◄── "exit 4711 -9" ──────── keeper ◄── SIGCHLD

It is a zygote (`zygote.py`) that comes in by the pool's door, of one child. It never touches MPI, runs no code of the
user's, and is idle: so a rank that is stuck in C is still stopped, what it died of is known to the signal, and when the
pool has gone, for whatever reason, the rank is killed with all that it started. ``mpiexec`` itself tells none of that
(gforker gives status 0 for a rank that was killed).
"""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import struct
import sys

from pathos_nb.launchers import mpi_rank
from pathos_nb.launchers.mpi_memory import unlink_memory_of
from pathos_nb.launchers.zygote import Zygote

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
else:
    import _signal as signal
    import _socket as socket  # signal.py and socket.py make enums of all its numbers, while every start waits

__all__ = ["enter", "main"]

_CREDENTIALS = struct.Struct("3i")


class Keeper(Zygote):
    """The parent of one rank."""

    def send_signal(self, pid: int, number: int) -> None:
        """Send a signal to the rank's process group; what it shares with other ranks is left nameless first."""
        unlink_memory_of(pid)
        super().send_signal(pid, number)

    def on_interrupt(self, number: int, at: object) -> None:
        """End the rank: so ``mpiexec`` has the job end in which one has called MPI_Abort."""
        for pid in self.children:
            self.send_signal(pid, signal.SIGABRT)

    def end(self) -> None:
        """End the rank."""
        for pid in self.children:
            unlink_memory_of(pid)
        super().end()


def main() -> None:
    """Serve the pool whose host and door are the first argument; the second is the job's number. Never returns."""
    place, job, *preload = sys.argv[2:]
    host, _, address = place.partition("|")
    if host != os.uname().nodename:
        from pathos_nb.launchers.mpi_far import keep

        keep()
    control = enter(address)
    control.sendall(f"keeper {job} {os.getpid()}\n".encode())
    for module in preload:
        with contextlib.suppress(ImportError):
            __import__(module)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    keeper = Keeper(control, functools.partial(mpi_rank.main, lifeline=os.pipe()))
    gc.freeze()
    try:
        keeper.serve()
    finally:
        keeper.end()
        os._exit(0)


def enter(address: str) -> socket.socket:
    """Connect to a pool's door.

    Parameters
    ----------
    address : str
        As the door has it.

    Returns
    -------
    socket

    Raises
    ------
    OSError
        It is closed, not on this machine, or another user's.
    """
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    found.connect("\0" + address[1:] if address.startswith("@") else address)
    if address.startswith("@"):
        told = found.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        if _CREDENTIALS.unpack(told)[1] != os.getuid():
            raise PermissionError(f"{address} is another user's")
    return found
