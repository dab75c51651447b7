"""A rank: a fresh fork of its keeper that joins the MPI job, and then works.

A job of one rank is a worker like any other. In a larger one, rank 0 has the stream to the pool, and what comes over it
goes on to the others (`mpi_group.py`); its ``MPI.COMM_WORLD`` is the job, and nothing else is in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os

from pathos_nb.launchers.child import begin, begin_as, leave, serve
from pathos_nb.launchers.failing import text_of
from pathos_nb.launchers.mpi_memory import unlink_memory_of
from pathos_nb.launchers.mpi_world import own_world
from pathos_nb.wire.framing import Frame, pack
from pathos_nb.wire.protocol import CAME

TYPE_CHECKING = False  # every rank's start waits for this file, so it loads little
if TYPE_CHECKING:
    import signal
    import socket
    from typing import Any

    from pathos_nb.launchers.mpi_group import Group
else:
    import _signal as signal  # signal.py and socket.py make enums of all their numbers, while every start waits
    import _socket as socket

__all__ = ["hang_on", "join", "main"]


def main(channel_fd: int, output_fd: int, board_fd: int, index: int, lifeline: tuple[int, int]) -> None:
    """Run as a rank; never returns.

    Parameters
    ----------
    channel_fd : int
        The stream to the pool: all ranks say there that they have come, and rank 0 keeps it.
    output_fd : int
        The file for what items write.
    board_fd, index : int
        The board, and which part of it is this worker's.
    lifeline : tuple of int
        A pipe of which the keeper has the other end, and which says nothing.
    """
    hang_on(lifeline)
    status = 1
    try:
        with contextlib.closing(socket.socket(fileno=channel_fd)) as channel:
            status = _work(channel, (output_fd, board_fd, index))
    except (BrokenPipeError, ConnectionResetError):
        status = 0  # the pool has gone, and so shall we
    finally:
        leave(status)


def hang_on(lifeline: tuple[int, int]) -> None:
    """Have the system kill this process, whatever it is doing, when its keeper has been killed (on Linux)."""
    os.close(lifeline[1])
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline[0], fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline[0], fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline[0], fcntl.F_SETFL, os.O_RDONLY | os.O_ASYNC)


def _work(channel: socket.socket, given: tuple[int, int, int]) -> int:
    try:
        world = join()
    except BaseException as error:
        _say_came(channel, -1, 0, f"{type(error).__name__}: {text_of(error)}")
        return 1
    _say_came(channel, world.Get_rank(), world.Get_size(), "")
    if world.Get_size() == 1:
        return serve(channel, begin(*given))
    from pathos_nb.launchers.mpi_group import Group

    group = Group(world)
    return _follow(channel, given, group) if group.rank else _lead(channel, given, group)


def _follow(channel: socket.socket, given: tuple[int, int, int], group: Group) -> int:
    from pathos_nb.launchers.mpi_member import Member

    channel.close()
    return begin_as(Member, *given).serve(group)


def _lead(channel: socket.socket, given: tuple[int, int, int], group: Group) -> int:
    from pathos_nb.launchers.mpi_leader import Leader

    leader = begin_as(Leader, *given)
    leader.take_up(group)
    try:
        return serve(channel, leader)
    finally:
        leader.dismiss()


def _first(one: Any, other: Any) -> Any:
    return one


def join() -> Any:
    """Join the job; give its communicator, when all ranks have."""
    world = own_world()
    # From here on all have mapped what they share. And mpi4py's first collective that pickles makes a communicator, and
    # holds the interpreter meanwhile: a rank that waited in that for one which has raised could not be helped.
    world.allreduce(None, op=_first)
    unlink_memory_of()
    return world


def _say_came(channel: socket.socket, *told: Any) -> None:
    rank, size, trouble = told
    channel.sendall(b"".join(pack(Frame(CAME, (rank, size, os.getpid(), trouble)))))
