"""A rank on another node than the pool: it has no way to the pool but MPI, and rank 0 speaks for it.

::

    pool ── mpiexec ══ stdin ══► keeper ── fork ──► rank k: FarMember ◄── MPI ──► rank 0, on the pool's own machine

What it prints goes to rank 0 with the word that it is through with the item. Its keeper ends it when its stdin ends,
which is the pool's, handed on by ``srun``; and ends as it has ended, by which whoever starts ranks ends the whole job.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import stat
from typing import Any

from pathos_nb.launchers.board import Board
from pathos_nb.launchers.child import begin_as, leave
from pathos_nb.launchers.mpi_group import Group
from pathos_nb.launchers.mpi_member import Member
from pathos_nb.launchers.mpi_rank import hang_on, join
from pathos_nb.launchers.shared_file import shared_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal

__all__ = ["FarMember", "keep"]

_SIGNALLED = 128


class FarMember(Member):
    """A member whose output nobody sees but by what it says."""

    def say(self, trouble: Any) -> None:
        """Tell the leader how it went, and what was printed meanwhile."""
        self.group.answer(trouble, self.capture.take())


def keep() -> None:
    """Have a rank here, and end as it ends; never returns."""
    wake_r, wake_w = os.pipe()
    os.set_blocking(wake_w, False)
    signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    lifeline = os.pipe()
    pid = os.fork()
    if not pid:
        signal.set_wakeup_fd(-1)
        os.setpgid(0, 0)
        _be_rank(lifeline)
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)
    status = _ended(pid, wake_r)
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    os._exit(status)


def _ended(pid: int, wake_r: int) -> int:
    """Wait for the rank's end, or for that of the pool; give the exit status."""
    watched = [wake_r] if stat.S_ISCHR(os.fstat(0).st_mode) else [wake_r, 0]  # /dev/null ends at once, and says nothing
    while True:
        ready, _, _ = select.select(watched, [], [])
        if 0 in ready and not os.read(0, 4096):
            return 1
        if wake_r in ready:
            os.read(wake_r, 4096)
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else _SIGNALLED - code


def _be_rank(lifeline: tuple[int, int]) -> None:
    hang_on(lifeline)
    status = 1
    try:
        world = join()
        if world.Get_rank():
            output, board = shared_file("pathos-nb-mpi-rank"), Board()
            status = begin_as(FarMember, output, board.fd, board.take()).serve(Group(world))
        elif world.Get_size() == 1:
            status = 0  # another MPI's: rank 0 where the pool is finds itself alone as well, and says so
        else:
            here = socket.gethostname()
            os.write(2, f"rank 0 of the job is on {here}, and has to be where the pool is\n".encode())
    finally:
        leave(status)
