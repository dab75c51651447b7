"""The launcher "mpi": each worker is an MPI job, started by ``mpiexec``, of one rank or more.

::

    pool ◄──── socket pair ────► rank 0 ◄── MPI ──► rank 1 … k-1         frames; on to the other ranks by MPI
    pool ───── board, output ─── rank 0                                  as for every worker of this machine
    pool ◄──── door ───────────► keepers ── fork ──► rank 0 … k-1        one a rank, from mpiexec: how ranks end
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from pathos_nb.errors import BadOption, LauncherUnavailable, PoolBroken
from pathos_nb.launchers.contract import Availability, Launcher, SourceBroken
from pathos_nb.launchers.cores import inner_threads, usable_cores
from pathos_nb.launchers.mpi_command import (
    across_nodes,
    find_mpiexec,
    job_environment,
    lingers,
    rank_settings,
    reaches_nodes,
    starts_ranks,
)
from pathos_nb.launchers.mpi_jobs import End, JobOrder, MpiJobs
from pathos_nb.launchers.processes import ProcessesLauncher, ProcessSlot, Starter, told_exit
from pathos_nb.launchers.zygote_start import ZygoteStart, preloads, program
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import CAME

__all__ = ["MpiLauncher"]

_MAX_RANKS = 4096
_NO_MPIEXEC = "no mpiexec beside the interpreter or on the path (pip install mpich, or load your centre's MPI)"
_NO_SUCH_CURE = "mpiexec= names the program that starts ranks; leave it out for the one that is found"
_WRONG_MPI = "mpi4py was built for another MPI than this mpiexec is of"
_WRONG_MPI_CURE = (
    "use the mpiexec of mpi4py's own MPI (mpiexec=), or build mpi4py with this one (pip install --no-binary)"
)


class MpiSlot(ProcessSlot):
    """One MPI job, as a worker."""

    launcher: MpiLauncher
    place = "mpi"

    def _hand_up(self, frame: Frame) -> None:
        if frame.kind == CAME:
            self.launcher.on_came(self, *frame.meta)
        else:
            super()._hand_up(frame)

    def _signal(self, number: int) -> None:
        if not self._ended:
            self.launcher.jobs.signal(self.index, number)


class MpiLauncher(ProcessesLauncher):
    """Workers as MPI jobs of this machine."""

    name = "mpi"
    settings: ClassVar[frozenset[str]] = frozenset({"ranks_per_item", "mpiexec", "start_timeout"})
    ranks_per_item: ClassVar[int] = 1
    mpiexec: ClassVar[tuple[str, ...]] = ()
    start_s: ClassVar[float] = 60.0
    jobs: MpiJobs

    @classmethod
    def availability(cls) -> Availability:
        """Tell whether it can run here."""
        if not hasattr(os, "fork"):
            return Availability(0.0, "this system cannot fork")
        if not sys.executable:
            return Availability(0.0, "sys.executable does not say where the interpreter is")
        if importlib.util.find_spec("mpi4py") is None:
            return Availability(0.0, "mpi4py is not installed (pip install mpi4py)")
        if not cls.mpiexec and not find_mpiexec():
            return Availability(0.0, _NO_MPIEXEC)
        return Availability(0.7, "")

    @classmethod
    def configured(cls, **settings: Any) -> type[Launcher]:
        """Give this launcher with settings; see `Launcher.configured`.

        Parameters
        ----------
        **settings
            ``ranks_per_item``: how many ranks an item has, which all call the function (1). ``mpiexec``: the program
            that starts ranks, with words for it if need be. ``start_timeout``: how many seconds ranks may take to come
            (60).

        Returns
        -------
        type

        Raises
        ------
        BadOption
            A value makes no sense.
        """
        chosen: dict[str, Any] = {}
        if "ranks_per_item" in settings:
            chosen["ranks_per_item"] = _ranks(settings["ranks_per_item"])
        if "mpiexec" in settings:
            chosen["mpiexec"] = _words(settings["mpiexec"])
        if "start_timeout" in settings:
            chosen["start_s"] = _seconds(settings["start_timeout"])
        return type(cls.__name__, (cls,), {**chosen, "__doc__": cls.__doc__})

    @classmethod
    def default_size(cls) -> int:
        """How many jobs of so many ranks fit this machine."""
        return max(1, usable_cores() // cls.ranks_per_item)

    def _starter(self, head_start: ZygoteStart | None = None) -> Starter:
        words = across_nodes(self.mpiexec or (find_mpiexec(),))
        if shutil.which(words[0]) is None:
            cause = f"{words[0]} is not on the path" if os.sep not in words[0] else f"{words[0]} is no program"
            raise LauncherUnavailable("the launcher 'mpi' cannot run here", cause=cause, cure=_NO_SUCH_CURE)
        is_across = reaches_nodes(words)
        limits = rank_settings(inner_threads(self.n_expected * self.ranks_per_item), is_across)
        keeper, k = program("mpi_keeper"), self.ranks_per_item

        def command(address: str, number: int) -> list[str]:
            place = f"{os.uname().nodename}|{address}"
            return starts_ranks(words, k, [*keeper, place, str(number), *preloads()])

        order = JobOrder(command, lambda: job_environment(limits), limits, k, self.start_s, lingers(words), is_across)
        try:
            self.jobs = MpiJobs(self.hub, self._on_job_over, self._on_stopped, order)
        except OSError as error:
            raise PoolBroken(f"MPI jobs cannot be started: {error.strerror}") from error
        return self.jobs

    def _slot(self, name: str, index: int) -> ProcessSlot:
        return MpiSlot(self, name, index)

    def forget(self, slot: ProcessSlot) -> None:
        """Free a slot's place, and let its job end, whose stream may be all that has."""
        super().forget(slot)
        self.jobs.let_go(slot.index)

    # --- news of jobs ---

    def on_came(self, slot: ProcessSlot, rank: int, size: int, pid: int, trouble: str) -> None:
        """Hear that a process of a job has joined it, or why not."""
        if trouble:
            self.jobs.fail(slot.index, f"a rank could not join: {trouble}", _WRONG_MPI_CURE)
        elif size != self.ranks_per_item:
            why = f"{_WRONG_MPI}: each of {self.ranks_per_item} ranks found itself in a job of {size}"
            self.jobs.fail(slot.index, why, _WRONG_MPI_CURE)
        else:
            self.jobs.came(slot.index, rank, pid)
            if rank == 0:
                slot.forked(pid)

    def _on_stopped(self, index: int) -> None:
        if (slot := self.slots.get(index)) is not None:
            slot.kill("it was stopped (SIGSTOP) for 5 s")

    def _on_job_over(self, index: int, end: End) -> None:
        slot = self.slots.get(index)
        if slot is None:
            return
        if end.status is None and not slot.pid and not slot._reason:
            error = PoolBroken("an MPI job could not be started", cause=end.why, cure=end.cure, tail=end.log)
            slot.ended(end.why)
            self.tell(SourceBroken(self, str(error), error))
            return
        slot.ended(self._told(end))

    def _told(self, end: End) -> str:
        how = end.why if end.status is None else told_exit(end.status)
        how += " (MPI_Abort, or abort() of C)" if end.status == -signal.SIGABRT else ""
        return how if self.ranks_per_item == 1 else f"rank {end.rank} of its MPI job: {how}"


def _ranks(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_RANKS:
        raise BadOption(f"ranks_per_item is {value!r}", cure=f"it must be a whole number from 1 to {_MAX_RANKS}")
    return value


def _words(value: Any) -> tuple[str, ...]:
    words = tuple(shlex.split(value) if isinstance(value, str) else value if isinstance(value, Sequence) else ())
    if not words or not all(isinstance(word, str) for word in words):
        raise BadOption(f"mpiexec is {value!r}", cure='it must be a program, as in mpiexec="mpirun --oversubscribe"')
    return words


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise BadOption(f"start_timeout is {value!r}", cure="it must be a number of seconds above 0")
    return float(value)
