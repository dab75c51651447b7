"""A pool's jobs in Slurm's queue: one thread asks for them, hears when they begin, and sees to those that end.

::

    salloc --no-shell ── stderr ──►  queue's thread ── Granted(job), Refused(error), Waiting(text) ──►  launcher
    squeue, scontrol  ◄── asked ──┘

``salloc`` is told by the controller at the moment when a job begins, so that nobody has to ask for it again and again;
only the reason why a job waits is asked for, ever more rarely. Each node is a job of its own, unless they are wanted
together: the first that is free begins at once, and one that is lost takes no other along.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pathos_nb.errors import AllocationLost
from pathos_nb.launchers.slurm_asked import Asked, Outcome
from pathos_nb.launchers.slurm_commands import Job, NoAnswer, cancel, is_hopeless, jobs_named, show
from pathos_nb.launchers.slurm_settings import SlurmSettings
from pathos_nb.launchers.slurm_shepherd import Shepherd

__all__ = ["Listener", "Queue", "Waiting"]

_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.3, 30.0
_ANSWER_S = 60.0  # how long the controller may take to say that it has heard of a job
_CLOSE_S = 5.0
_ALL = 1 << 20


class Waiting(NamedTuple):
    """How many nodes are waited for, why, since when, and when that will be given up."""

    n_nodes: int
    reason: str
    since: float
    until: float


class Listener(NamedTuple):
    """Who hears what, each called in the queue's thread."""

    on_granted: Callable[[Job], None]
    on_refused: Callable[[int, AllocationLost], None]
    on_over: Callable[[Job], None]
    on_waiting: Callable[[Waiting | None], None]


class Queue:
    """The jobs of one pool.

    Parameters
    ----------
    name : str
        Of its jobs, and of no other's.
    settings : SlurmSettings
        What is asked for.
    listener : Listener
        Who hears.

    Raises
    ------
    AllocationLost
        Processes cannot be started here.
    """

    def __init__(self, name: str, settings: SlurmSettings, listener: Listener) -> None:
        self.name, self._settings, self._listener = name, settings, listener
        self._asked: list[Asked] = []
        self._calls: list[Callable[[], object]] = []
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._selector = selectors.DefaultSelector()
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_r, False)
        self._selector.register(self._wake_r, selectors.EVENT_READ)
        self._look_s, self._next_look_s = _FIRST_LOOK_S, float("inf")
        self._told: Waiting | None = None
        self._reason = ""
        self._hopeless: set[str] = set()
        self._shepherd = Shepherd(name)
        self._thread = threading.Thread(target=self._run, name=f"pathos_nb queue {name}", daemon=True)
        self._thread.start()

    # --- for others' threads ---

    def ask(self, n_nodes: int) -> None:
        """Ask for so many nodes more: a job for each, or one for all of them."""
        sizes = [n_nodes] if self._settings.together else [1] * n_nodes
        self.call(lambda: self._ask_for(sizes))

    def look_at(self, number: str) -> None:
        """See whether a job is over, and say so then."""
        self.call(lambda: self._look_at(number, time.monotonic() + _ANSWER_S))

    def withdraw(self) -> None:
        """Cancel what has not begun."""
        self.call(lambda: [self._drop(asked) for asked in list(self._asked)])

    def give_back(self, number: str) -> None:
        """End a job."""
        self.call(lambda: cancel(number))

    def call(self, what: Callable[[], object]) -> None:
        """Have something done in the queue's thread."""
        with self._lock:
            self._calls.append(what)
        self._wake()

    def close(self) -> None:
        """Give all of it back; where the controller is away, the shepherd goes on with that."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._wake()
        self._thread.join(_CLOSE_S)
        for asked in self._asked:
            asked.end()
        has_heard = cancel(f"--name={self.name}")
        for asked in self._asked:
            asked.close()
        is_clear = has_heard and not any(asked.is_undecided for asked in self._asked)
        self._shepherd.dismiss() if is_clear else self._shepherd.leave_it()
        if not self._thread.is_alive():
            self._selector.close()
            os.close(self._wake_r)
            os.close(self._wake_w)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._wake_w, b"!")

    # --- the queue's own thread ---

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._turn()
        except Exception as error:  # ours: whoever waits must hear of it
            told = f"{type(error).__name__}: {error}"
            what = "the thread that watches Slurm's queue failed"
            self._listener.on_refused(_ALL, AllocationLost(what, cause=told, cure="restart() begins anew"))

    def _turn(self) -> None:
        self._do_calls()
        for key, _ in self._selector.select(min(_LONGEST_LOOK_S, max(0.0, self._due_s() - time.monotonic()))):
            if key.fd == self._wake_r:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_r, 4096)
            else:
                self._hear(key.data)
        if time.monotonic() >= self._next_look_s:
            self._look()
        self._give_up_late_ones()

    def _do_calls(self) -> None:
        with self._lock:
            calls, self._calls = self._calls, []
        for call in calls:
            if not self._closing.is_set():
                call()

    def _due_s(self) -> float:
        return min([self._next_look_s, *(asked.until_s for asked in self._asked if not asked.is_settled)])

    def _ask_for(self, sizes: list[int]) -> None:
        for n_nodes in sizes:
            self._ask(n_nodes)

    def _ask(self, n_nodes: int) -> None:
        try:
            asked = Asked(self.name, n_nodes, self._settings, _ANSWER_S)
        except OSError as error:
            what = f"Slurm's salloc cannot be started: {error.strerror}"
            self._listener.on_refused(n_nodes, AllocationLost(what, cure="close files, or raise the limit (ulimit -n)"))
            return
        self._asked.append(asked)
        self._selector.register(asked.fd, selectors.EVENT_READ, asked)
        self._look_s = _FIRST_LOOK_S
        self._next_look_s = min(self._next_look_s, time.monotonic() + self._look_s)

    def _hear(self, asked: Asked) -> None:
        if asked.read():
            self._tell_waiting()
            return
        self._selector.unregister(asked.fd)
        self._asked.remove(asked)
        self._settle(asked, asked.outcome())
        asked.close()

    def _settle(self, asked: Asked, outcome: Outcome) -> None:
        if outcome.error is not None:
            self._listener.on_refused(asked.n_nodes, outcome.error)
        else:
            self._begin(outcome.number, asked.n_nodes)
        self._tell_waiting()

    def _begin(self, number: str, n_nodes: int) -> None:
        """Tell of a job that has begun, with its nodes; the controller may take a while to say which they are."""
        until_s = time.monotonic() + _ANSWER_S
        why = "it has gone before it was used"
        while time.monotonic() < until_s and not self._closing.is_set():
            try:
                job = show(number)
            except NoAnswer as error:
                why = str(error)
                self._closing.wait(0.5)
                continue
            if job is not None and job.cpus and not job.is_over:
                self._listener.on_granted(job)
                return
            why = job.in_words if job is not None and job.is_over else why
            break
        cancel(number)
        self._listener.on_refused(n_nodes, AllocationLost(f"the job {number} has begun, and cannot be used", cause=why))

    def _look(self) -> None:
        """Ask why the jobs wait that do."""
        self._look_s = min(_LONGEST_LOOK_S, 2 * self._look_s)
        self._next_look_s = time.monotonic() + self._look_s if self._asked else float("inf")
        if not self._asked:
            return
        try:
            jobs = [job for job in jobs_named(self.name) if job.state == "PENDING"]
            self._reason = ", ".join(sorted({job.reason for job in jobs} - {"None", ""}))
            self._give_up_hopeless({job.number: job.reason for job in jobs if is_hopeless(job.reason)})
        except NoAnswer as error:
            self._reason = str(error)
        self._tell_waiting()

    def _tell_waiting(self) -> None:
        waiting = None
        queued = [asked for asked in self._asked if asked.number]
        if queued:
            n, since = sum(asked.n_nodes for asked in queued), min(asked.since for asked in queued)
            waiting = Waiting(n, self._reason, since, since + self._settings.start_within)
        if waiting != self._told:
            self._told = waiting
            self._listener.on_waiting(waiting)

    def _give_up_late_ones(self) -> None:
        now = time.monotonic()
        for asked in [asked for asked in self._asked if asked.until_s <= now]:
            error = asked.too_late(self._reason)
            self._drop(asked)
            self._settle(asked, Outcome("", error))

    def _give_up_hopeless(self, reasons: Mapping[str, str]) -> None:
        """Give up what waits for what will not come; seen twice, as a new job may have a reason that soon changes."""
        for asked in [asked for asked in self._asked if asked.number in reasons and asked.number in self._hopeless]:
            self._drop(asked)
            self._settle(asked, Outcome("", asked.hopeless(reasons[asked.number])))
        self._hopeless = set(reasons)

    def _drop(self, asked: Asked) -> bool:
        """Cancel one request, and let go of it."""
        self._selector.unregister(asked.fd)
        self._asked.remove(asked)
        asked.end()
        has_heard = cancel(asked.number) if asked.number else True  # else its command cancels it
        asked.close()
        return has_heard

    def _look_at(self, number: str, until_s: float) -> None:
        """Tell of a job that is over; of one that is about to end, when Slurm knows how."""
        try:
            job = show(number) or Job(number, "COMPLETED")
        except NoAnswer:
            return
        if job.state == "COMPLETING" and job.reason in ("None", "") and time.monotonic() < until_s:
            self._closing.wait(0.1)
            self.call(lambda: self._look_at(number, until_s))
        elif job.is_over:
            self._listener.on_over(job)
