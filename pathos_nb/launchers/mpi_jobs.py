"""The MPI jobs of a pool, each one worker of it: started, let in, signalled, and seen to their end.

::

    pool ── mpiexec -n k ──► keeper 0 … keeper k-1          each comes in by the door, and says which job's it is
    pool ── "fork" + the worker's descriptors ──► each      its rank joins the job, and says so on the worker's channel
    pool ◄── "exit" ─────────────────────────── any         the first rank that ends is the job's end
    pool ── closes what leads to the keepers ──► all        which kill their ranks; then mpiexec ends by itself

A job of one worker's own means: an item's ``COMM_WORLD`` is that of its ranks and of no others, and what dies with an
item is its own job.
"""

from __future__ import annotations

import array
import contextlib
import functools
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pathos_nb.launchers.callers_context import CallersContext
from pathos_nb.launchers.contract import Hub, Timer
from pathos_nb.launchers.mpi_door import Door, peer_pid
from pathos_nb.launchers.shared_file import shared_file
from pathos_nb.launchers.zygote_start import REQUEST_BYTES

__all__ = ["End", "JobOrder", "MpiJobs"]

_CLOSE_S = 2.0
STOPPED_S = 5.0
_LOG_BYTES = 2000
_LOOK_S = 0.1
_SILENT_S = 60.0  # a keeper speaks as soon as it is in
_WORD_BYTES, _LARGEST = 200, 1 << 31


class JobOrder(NamedTuple):
    """How jobs are started.

    Attributes
    ----------
    command : callable
        Takes the door's address and the job's number, gives the words to run.
    environ : callable
        Gives the environment.
    limits : dict
        What ranks have in it besides.
    n_ranks : int
        How many ranks a job has.
    start_s : float
        How long they may take to come.
    lingers : bool
        Whether the program that starts them stays for a while when they have ended, so that it is better killed.
    is_across : bool
        Whether ranks may be on other nodes.
    """

    command: Callable[[str, int], list[str]]
    environ: Callable[[], dict[str, str]]
    limits: dict[str, str]
    n_ranks: int
    start_s: float
    lingers: bool
    is_across: bool = False


class End(NamedTuple):
    """How a job ended: which rank did, how (as a process' status), or why it never began; and what mpiexec wrote."""

    rank: int = 0
    status: int | None = None
    why: str = ""
    cure: str = ""
    log: str = ""


class _Keeper:
    """The connection to one keeper."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self.heard, self.pid, self.child, self.rank = connection, b"", 0, 0, -1
        self.stop_timer: Timer | None = None
        self.silence: Timer | None = None

    def ask(self, verb: str, first: int, second: int, descriptors: Sequence[int] = ()) -> None:
        """Send a request, as to a zygote."""
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        with contextlib.suppress(OSError):  # its end is news of its own
            self.connection.sendmsg([f"{verb} {first} {second}".encode().ljust(REQUEST_BYTES)], passed)


class Job:
    """One MPI job."""

    def __init__(self, index: int, passed: list[int], process: subprocess.Popen[bytes], log_fd: int) -> None:
        self.index, self.passed, self.process, self.log_fd = index, passed, process, log_fd
        self.keepers: list[_Keeper] = []
        self.n_entered, self.n_came, self.is_over = 0, 0, False
        self.timers: list[Timer] = []
        self.pidfd = _pidfd(process.pid)

    def log(self) -> str:
        """Give the end of what mpiexec wrote."""
        size = os.lseek(self.log_fd, 0, os.SEEK_END)
        return os.pread(self.log_fd, _LOG_BYTES, max(0, size - _LOG_BYTES)).decode("utf-8", "replace").strip()

    def let_go_of_passed(self) -> None:
        """Close what all ranks have been handed."""
        for fd in self.passed:
            os.close(fd)
        self.passed.clear()

    def kill(self) -> None:
        """Kill mpiexec and the keepers, which have had their time."""
        if self.process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
        for keeper in self.keepers:
            with contextlib.suppress(OSError):
                os.kill(keeper.pid, signal.SIGKILL)


def _pidfd(pid: int) -> int:
    """Give a descriptor that is readable when a process has ended; -1 where there is none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # another system, or a sandbox that does not know it
        return -1


class MpiJobs:
    """Starts a job for each worker; see `pathos_nb.launchers.processes.Starter`.

    Parameters
    ----------
    hub : Hub
        Where to wait.
    tell : callable
        Takes (index, `End`) when a job has ended.
    on_stopped : callable
        Takes the index of a job of which a rank has been stopped (SIGSTOP) for a while.
    order : JobOrder
        How they are started.

    Raises
    ------
    OSError
        There are no descriptors left.
    """

    is_gone = False

    def __init__(
        self, hub: Hub, tell: Callable[[int, End], None], on_stopped: Callable[[int], None], order: JobOrder
    ) -> None:
        self._hub, self._tell, self._on_stopped, self._order = hub, tell, on_stopped, order
        self._callers = CallersContext(order.limits)
        self._jobs: dict[int, Job] = {}
        self._dying: list[Job] = []
        self._number = 0
        self._numbers: dict[int, Job] = {}
        self._strangers: set[_Keeper] = set()
        self._door = Door()
        hub.watch(self._door.fileno(), self._on_knock)

    # --- what the slots want ---

    def fork(self, index: int, descriptors: Sequence[int]) -> None:
        """Start a job whose rank 0 is handed the descriptors.

        Raises
        ------
        OSError
            It cannot be started.
        """
        self._number += 1
        number, log_fd, passed = self._number, shared_file("pathos-nb-mpi"), []
        try:
            passed = [os.dup(fd) for fd in descriptors]
            process = self._start(number, log_fd)
            job = self._jobs[index] = self._numbers[number] = Job(index, passed, process, log_fd)
        except BaseException:
            for fd in (log_fd, *passed):
                os.close(fd)
            raise
        self._watch(job)

    def _start(self, number: int, log_fd: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._order.command(self._door.address, number),
            env=self._order.environ(),
            stdin=subprocess.PIPE if self._order.is_across else subprocess.DEVNULL,  # by its end far ranks hear of ours
            stdout=log_fd,
            stderr=log_fd,
            start_new_session=True,
        )

    def _watch(self, job: Job) -> None:
        job.timers.append(self._hub.call_later(self._order.start_s, lambda: self._too_late(job)))
        if job.pidfd >= 0:
            self._hub.watch(job.pidfd, lambda: self._on_mpiexec(job))
        else:
            self._look_at(job)

    def _look_at(self, job: Job) -> None:
        """See whether mpiexec has ended, where there is no event of it."""
        if job.process.poll() is None:
            job.timers.append(self._hub.call_later(_LOOK_S, lambda: self._look_at(job)))
        else:
            self._on_mpiexec(job)

    def came(self, index: int, rank: int, pid: int) -> bool:
        """Note that a rank has joined its job; tell whether all have."""
        job = self._jobs.get(index)
        if job is None:
            return False
        for keeper in job.keepers:
            keeper.rank = rank if keeper.child == pid else keeper.rank
        job.n_came += 1
        if rank == 0:  # which says so when all have joined, and is the only one that must be here
            job.timers[0].cancel()
            job.let_go_of_passed()
        return rank == 0

    def fail(self, index: int, why: str, cure: str = "") -> None:
        """Give a job up that cannot begin."""
        job = self._jobs.get(index)
        if job is not None:
            self._over(job, End(why=why, cure=cure, log=job.log()))

    def let_go(self, index: int) -> None:
        """Let a worker's job end, whose worker nobody knows any more; a second time nothing happens."""
        job = self._jobs.get(index)
        if job is not None:
            self._send_away(job, is_killed=False)
            job.timers.append(self._hub.call_later(_CLOSE_S, job.kill))

    def signal(self, index: int, number: int) -> None:
        """Send a signal to all ranks of a worker; one that kills also ends a job that is still to begin."""
        job = self._jobs.get(index)
        if job is None:
            return
        children = [keeper for keeper in job.keepers if keeper.child]
        for keeper in children:
            keeper.ask("kill", keeper.child, number)
        if not children and number == signal.SIGKILL:
            self._dismiss(job)

    def kill(self, pid: int, number: int) -> None:
        """Send a signal to the worker of that process."""
        for job in list(self._jobs.values()):
            if any(keeper.child == pid for keeper in job.keepers):
                self.signal(job.index, number)

    def log(self) -> str:
        """Give what was written by the first job that has written something."""
        return next(filter(None, (job.log() for job in self._jobs.values())), "")

    def context(self) -> tuple[Any, ...]:
        """Give current folder, module path and environment, as ranks are to have them."""
        return self._callers.context()

    # --- the door ---

    def _on_knock(self) -> None:
        while (connection := self._door.take()) is not None:
            keeper = _Keeper(connection)
            self._strangers.add(keeper)
            keeper.silence = self._hub.call_later(_SILENT_S, functools.partial(self._drop, keeper))
            self._hub.watch(connection.fileno(), functools.partial(self._on_words, keeper, None))

    def _on_words(self, keeper: _Keeper, job: Job | None) -> None:
        try:
            data = keeper.connection.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._on_gone(keeper, job)
            return
        *lines, keeper.heard = (keeper.heard + data).split(b"\n")
        for word in map(_word, lines if len(keeper.heard) <= _WORD_BYTES else [*lines, keeper.heard]):
            if word is None:
                self._on_gone(keeper, job, "the process that keeps it said what no keeper would")
                return
            if job is not None:
                self._on_word(keeper, job, *word)
            elif (job := self._let_in(keeper, *word)) is None:
                return

    def _let_in(self, keeper: _Keeper, verb: str, number: int, pid: int) -> Job | None:
        """Hand a keeper the worker's descriptors; one whose job is over, or has all its ranks, is sent away."""
        job = self._numbers.get(number) if verb == "keeper" else None
        if job is None or job.is_over or job.n_entered >= self._order.n_ranks:
            self._drop(keeper)
            return None
        self._know(keeper, pid)
        job.keepers.append(keeper)
        self._hub.unwatch(keeper.connection.fileno())
        self._hub.watch(keeper.connection.fileno(), lambda: self._on_words(keeper, job))
        keeper.ask("fork", job.index, 0, job.passed)
        job.n_entered += 1
        if job.n_entered == self._order.n_ranks:
            job.let_go_of_passed()
        return job

    def _know(self, keeper: _Keeper, pid: int) -> None:
        """Note that one who has come in is a keeper."""
        self._strangers.discard(keeper)
        if keeper.silence is not None:
            keeper.silence.cancel()
        keeper.pid = peer_pid(keeper.connection, pid)

    def _on_word(self, keeper: _Keeper, job: Job, verb: str, first: int, second: int) -> None:
        if verb == "forked":
            keeper.child = second
        elif verb == "unable":
            self._over(job, End(why=f"a rank could not be forked: {os.strerror(second)}", log=job.log()))
        elif job.is_over:
            return
        elif verb == "exit":
            self._over(job, End(max(0, keeper.rank), second, log=job.log()))
        elif verb == "stop":
            keeper.stop_timer = self._hub.call_later(STOPPED_S, lambda: self._on_stopped(job.index))
            job.timers.append(keeper.stop_timer)
        elif verb == "cont" and keeper.stop_timer is not None:
            keeper.stop_timer.cancel()

    def _drop(self, keeper: _Keeper) -> None:
        self._strangers.discard(keeper)
        if keeper.silence is not None:
            keeper.silence.cancel()
        if keeper.connection.fileno() >= 0:
            self._hub.unwatch(keeper.connection.fileno())
            keeper.connection.close()

    def _on_gone(self, keeper: _Keeper, job: Job | None, why: str = "the process that keeps it was killed") -> None:
        self._drop(keeper)
        if job is None:
            return
        job.keepers.remove(keeper)
        if not job.is_over:
            if keeper.child:  # whose parent has been killed
                with contextlib.suppress(OSError):
                    os.killpg(keeper.child, signal.SIGKILL)
            self._over(job, End(max(0, keeper.rank), why=why, log=job.log()))
        elif not job.keepers and self._order.lingers:
            job.process.kill()

    def _dismiss(self, job: Job) -> None:
        """End mpiexec, as it likes it best."""
        if self._order.lingers:
            job.process.kill()
        elif job.n_entered or job.process.poll() is not None:
            job.process.terminate()
        else:  # it may be a script around mpiexec, which does not end what it has started
            with contextlib.suppress(OSError):
                os.killpg(job.process.pid, signal.SIGTERM)

    # --- the end of a job ---

    def _too_late(self, job: Job) -> None:
        n_ranks, start_s = self._order.n_ranks, self._order.start_s
        if self._order.is_across:
            why = f"the {n_ranks} ranks have not all joined within {start_s:g} s; {job.n_entered} are on this machine"
        elif job.n_entered < n_ranks:
            why = f"{n_ranks - job.n_entered} of {n_ranks} ranks have not been started within {start_s:g} s"
        else:
            why = f"{n_ranks - job.n_came} of {n_ranks} ranks are still in MPI_Init after {start_s:g} s"
        cure = "start_timeout= gives them longer; else see what the program that starts them waits for (mpiexec=)"
        self._over(job, End(why=why, cure=cure, log=job.log()))

    def _on_mpiexec(self, job: Job) -> None:
        """See that mpiexec has ended: last of all as a rule, first of all if it could start nothing."""
        if not job.n_entered:  # before its number is free: a script around mpiexec may have left what it started
            with contextlib.suppress(OSError):
                os.killpg(job.process.pid, signal.SIGKILL)
        status = job.process.wait()
        if not job.is_over:
            told = f"mpiexec ended with status {status}" + ("" if job.n_came else " before a rank had come")
            cure = (
                "" if job.n_came else "mpiexec= names the program that starts ranks here; try it by hand: -n 1 hostname"
            )
            self._over(job, End(why=told, cure=cure, log=job.log()))
        self._bury(job)

    def _over(self, job: Job, end: End) -> None:
        """Let a job end, and say that it has."""
        if job.is_over:
            return
        self._send_away(job, is_killed=True)
        job.timers.append(self._hub.call_later(_CLOSE_S, job.kill))
        self._tell(job.index, end)

    def _send_away(self, job: Job, is_killed: bool) -> None:
        """Have the keepers end; those at rest leave by themselves, if they may."""
        job.is_over = True
        if job.process.stdin is not None:
            job.process.stdin.close()
        self._jobs.pop(job.index, None)
        self._dying.append(job)
        for timer in job.timers:
            timer.cancel()
        job.timers.clear()
        job.let_go_of_passed()
        for keeper in job.keepers:
            if keeper.child and is_killed:
                keeper.ask("kill", keeper.child, signal.SIGKILL)
            with contextlib.suppress(OSError):
                keeper.connection.shutdown(socket.SHUT_WR)
        if job.n_entered < self._order.n_ranks or not job.keepers:
            self._dismiss(job)  # ranks that are on their way will find the door closed to them

    def _bury(self, job: Job) -> None:
        for timer in job.timers:
            timer.cancel()
        job.timers.clear()
        for keeper in job.keepers:
            self._drop(keeper)
        if job in self._dying:
            self._dying.remove(job)
            os.close(job.log_fd)
            if job.pidfd >= 0:
                self._hub.unwatch(job.pidfd)
                os.close(job.pidfd)
        self._numbers = {number: known for number, known in self._numbers.items() if known is not job}

    def close(self) -> None:
        """End all jobs; returns when they are gone."""
        for job in list(self._jobs.values()):
            self._send_away(job, is_killed=False)
        deadline = time.monotonic() + _CLOSE_S
        while living := [job for job in self._dying if job.process.poll() is None]:
            if time.monotonic() > deadline:
                for job in living:
                    job.kill()
                deadline += _CLOSE_S
            self._await_keepers(living)
        for job in list(self._dying):
            self._bury(job)
        for keeper in list(self._strangers):
            self._drop(keeper)
        self._hub.unwatch(self._door.fileno())
        self._door.close()

    def _await_keepers(self, jobs: Sequence[Job]) -> None:
        """Hear which keepers have ended, or wait for a millisecond: the end of a child has no descriptor everywhere."""
        waited_for = {keeper.connection.fileno(): (keeper, job) for job in jobs for keeper in job.keepers}
        poll = select.poll()  # a pool of many ranks has descriptors that select() cannot be told of
        for fd in waited_for:
            poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(100 if waited_for else 1):
            self._on_words(*waited_for[fd])


def _word(line: bytes) -> tuple[str, int, int] | None:
    """Read what a keeper says, a verb and two numbers; None if it is nothing of that kind."""
    words = line[: _WORD_BYTES + 1].split()
    if len(line) > _WORD_BYTES or len(words) != 3:
        return None
    try:
        verb, first, second = words[0].decode("ascii"), int(words[1]), int(words[2])
    except ValueError:
        return None
    return (verb, first, second) if max(abs(first), abs(second)) < _LARGEST else None
