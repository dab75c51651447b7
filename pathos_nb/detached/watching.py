"""A detached sweep as this kernel sees it: an ordinary `Run`, which a thread fills with what comes.

::

    collector's thread                                              the cell's thread
      results/… new? ──► values placed, chunks noted ──► recorder, views
      the queue, now and then ──► who waits, who runs, who has ended        run.wait(): until it is over
      all ended ──► what is missing fails, by the name of its task's end
                ──► all on the disk ──► the job is closed ──► the run is over

To stop waiting stops nothing: the queue goes on. Only to cancel ends the job. Another kernel may do the same at the
same time: each place is written with the same value.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pathos_nb.detached.fate import DONE, Fate
from pathos_nb.detached.jobs import OVER, REFUSED, SUBMITTED, SUBMITTING, Job, update_job
from pathos_nb.detached.looking import Look, Standing, look_at, tail_of
from pathos_nb.detached.order import Folder
from pathos_nb.detached.parcels import Parcel, unpack
from pathos_nb.detached.queues import Queue
from pathos_nb.dispatch.keepers import ListKeeper
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.store.found import run_of
from pathos_nb.dispatch.store.points import kept_points
from pathos_nb.dispatch.store.recorder import Recorder
from pathos_nb.dispatch.store.store import Store
from pathos_nb.errors import BadFile, Failure, PathosNbError, QueueError, StoreError, TaskEnded
from pathos_nb.events import PlaceQueued, WorkerDown

__all__ = ["Patience", "Watching"]

_log = logging.getLogger(__name__)
_DAMAGED_AFTER = 3
_STUCK_S = 60.0


class Patience(NamedTuple):
    """How often a sweep is looked after, in seconds.

    Attributes
    ----------
    files_s, most_files_s : float
        Between two looks into its folder: at first, and when nothing has come for long.
    queue_s, most_queue_s : float
        The same for the queue, whose controller has others to serve.
    late_s : float
        How long a file that a task has written may need to be seen here, over a network file system.
    """

    files_s: float = 0.5
    most_files_s: float = 5.0
    queue_s: float = 2.0
    most_queue_s: float = 30.0
    late_s: float = 90.0


class Watching:
    """Fills a run with what a job has finished.

    Parameters
    ----------
    store : Store
        It has the run and the job.
    run_id : str
        What the run is called.
    patience : Patience
        How often to look.
    """

    def __init__(self, store: Store, run_id: str, patience: Patience) -> None:
        self.run_id, self.standing = run_id, Standing()
        self.job: Job | None = None
        self.trouble = ""
        self._store, self._patience = store, patience
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_left = self._is_cancelled = self._has_cancelled = False
        self._read: set[str] = set()
        self._damaged: dict[str, int] = {}
        self._ended: dict[int, Fate] = {}
        self._late_since: float | None = None
        self._run: Run | None = None
        self._workers: dict[int, set[tuple[str, str, int]]] = {}  # of tasks that are not known to be over

    # what a run asks of whom it waits for

    @property
    def token(self) -> str:
        """A name that no pool has: what runs in a queue runs inside of none."""
        return self.run_id

    def new_number(self) -> tuple[int, str]:
        """Give the run's number, which nobody asks for, and its name."""
        return 0, self.run_id

    def attend(self, is_done: Callable[[], bool], timeout_s: float | None, owner: Run | None) -> bool:
        """Wait until it is done, or this kernel ends."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while not is_done() and not self._is_left:
                left_s = 1.0 if until is None else min(1.0, until - time.monotonic())
                if left_s <= 0:
                    break
                self._changed.wait(left_s)
        return is_done()

    def stop(self, run: Run, state: str, interrupt: bool) -> None:
        """Have the job cancelled; what is finished is collected."""
        with self._changed:
            if not self._is_left:
                self._is_cancelled = True
                self._changed.notify_all()

    def give_up(self, run: Run) -> None:
        """Wait no longer; the queue goes on."""

    # life

    def begin(self, run: Run, job: Job | None, queue: Queue | None) -> None:
        """Take up a run.

        Parameters
        ----------
        run : Run
            Begun, its recorder writing.
        job : Job or None
            What computes it; None if all its points are there.
        queue : Queue or None
            Where.
        """
        self.job, self._run = job, run
        if job is None or queue is None:
            self._end(run, "")
            return
        self._thread = threading.Thread(
            target=self._work, args=(run, job, queue), name=f"pathos-nb-detached-{self.run_id}", daemon=True
        )
        self._thread.start()

    def leave(self) -> None:
        """Look after it no longer: the kernel ends, or somebody else does. The job goes on."""
        with self._changed:
            self._is_left = True
            self._changed.notify_all()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(5.0)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to watch."""
        return self._is_left or self._run is None or self._run.is_over

    def hand_over(self) -> None:
        """Look after it no longer, since another run of this kernel does."""
        self.leave()
        run = self._run
        if run is not None and not run.is_over:
            recorder, run.recorder = run.recorder, None
            if isinstance(recorder, Recorder):
                recorder.hand_over()
            run.stopping = "cancelled"
            self._finish(run)

    def _work(self, run: Run, job: Job, queue: Queue) -> None:
        try:
            self._watch(run, job, queue)
        except Exception as error:  # ours: nobody may wait for it for ever
            _log.debug("the sweep %s is not watched any more", self.run_id, exc_info=True)
            run.error = PathosNbError(
                "the detached sweep cannot be watched", cause=f"{type(error).__name__}: {error}",
                cure=f"%pathos load {run.title or self.run_id} begins again: its job goes on",
            )  # fmt: skip
            run.recorder = None
            run.stopping = "failed"
            self._finish(run)

    def _watch(self, run: Run, job: Job, queue: Queue) -> None:
        patience = self._patience
        files_s, queue_s, next_look = patience.files_s, patience.queue_s, 0.0
        while not self._is_left:
            if self._is_cancelled and not self._has_cancelled:
                self._cancel(job, queue)
                queue_s, next_look = patience.queue_s, 0.0
            has_come = self._collect(run, job)
            if time.monotonic() >= next_look:
                look = look_at(job, queue)
                if self._is_being_left():  # not all has been collected, perhaps: nothing may be called lost
                    return
                if self._is_over(run, job, look):
                    self._end(run, "cancelled" if self._is_cancelled else "")
                    return
                has_changed = look.standing != self.standing
                self.standing = look.standing
                if has_changed:
                    self._tell_queue(run, job)
                self._tell_ended(run, job, look)
                queue_s = patience.queue_s if has_changed else min(1.5 * queue_s, patience.most_queue_s)
                next_look = time.monotonic() + queue_s
            files_s = patience.files_s if has_come else min(1.2 * files_s, patience.most_files_s)
            self._sleep(max(0.01, min(files_s, next_look - time.monotonic())))

    def _is_being_left(self) -> bool:
        return self._is_left

    def _tell_queue(self, run: Run, job: Job) -> None:
        """Have views say what is in the queue, and why."""
        news = PlaceQueued(
            run.run_id, job.called, self.standing.waiting, job.submitted, math.inf, self.standing.running
        )
        if run.places and isinstance(run.places[-1], PlaceQueued):
            run.places.pop()  # the record keeps the last word
        run.places.append(news)
        run.tell(news)

    def _tell_ended(self, run: Run, job: Job, look: Look) -> None:
        """Have views know whose task is over; one that is done is no loss, and has no reason."""
        for task in [task for task in self._workers if task in look.ended]:
            fate, said = look.ended[task], look.said.get(task) or [{}]
            if (fate.how == DONE or task in job.told) and self._has_files(job, task, said[-1]):
                for worker, host, pid in self._workers.pop(task):
                    run.tell(WorkerDown(worker, host, pid, "" if fate.how == DONE else fate.how))

    def _sleep(self, seconds: float) -> None:
        is_asked = self._is_cancelled
        with self._changed:
            self._changed.wait_for(lambda: self._is_left or self._is_cancelled != is_asked, seconds)

    def _cancel(self, job: Job, queue: Queue) -> None:
        try:
            Folder(Path(job.folder)).void(job.number).touch(0o600)
            queue.cancel(job.id, job.name)
            self._has_cancelled, self.trouble = True, ""
        except (QueueError, OSError) as error:  # tried again
            self.trouble = f"it cannot be cancelled yet: {error}"

    # what comes

    def _collect(self, run: Run, job: Job) -> bool:
        """Take in result files that are new; say whether there were any."""
        folder, has_come = Folder(Path(job.folder)), False
        for name in folder.listed(folder.results, f"{job.number}."):
            if name in self._read or self._is_left:
                continue
            try:
                parcel = unpack(folder.read_result(name))
            except FileNotFoundError:  # another kernel has closed the job
                continue
            except (BadFile, StoreError, OSError, ValueError, EOFError) as error:
                self._note_damaged(name, error)
                continue
            self._read.add(name)
            has_come = self._take(run, parcel) or has_come
        return has_come

    def _note_damaged(self, name: str, error: Exception) -> None:
        self._damaged[name] = self._damaged.get(name, 0) + 1
        if self._damaged[name] >= _DAMAGED_AFTER:
            self._read.add(name)
            _log.warning("a result file of %s is left out: %s", self.run_id, error)

    def _take(self, run: Run, parcel: Parcel) -> bool:
        keeper = run.keeper
        assert isinstance(keeper, ListKeeper)
        fresh = {place: value for place, value in parcel.found().items() if not keeper.has(place)}
        for place, value in sorted(fresh.items()):
            keeper.place([place], [value])
            run.n_done += 1
            if isinstance(value, Failure):
                run.fail(value)
        for chunk in parcel.record(run.run_id):
            if not fresh.keys().isdisjoint(chunk.indices):
                task = chunk.worker.removeprefix("task").partition("-")[0]
                self._workers.setdefault(int(task), set()).add((chunk.worker, chunk.host, chunk.pid))
                failures = tuple(v for i in chunk.indices if isinstance(v := fresh.get(i), Failure))
                run.note(chunk._replace(failures=failures))
        return bool(fresh)

    # the end

    def _is_over(self, run: Run, job: Job, look: Look) -> bool:
        """Whether nothing more will come; how tasks ended is written down, since the queue forgets it."""
        if look.is_void:
            with contextlib.suppress(OSError):
                Folder(Path(job.folder)).void(job.number).touch(0o600)
            job.state = REFUSED
            self._ended = dict.fromkeys(range(job.n_tasks), _NEVER)
            return True
        if job.id and job.state == SUBMITTING:
            job.state = SUBMITTED
            self._write(job)
        have_all_ended, keeper = len(look.ended) == job.n_tasks, run.keeper
        if have_all_ended and isinstance(keeper, ListKeeper) and all(map(keeper.has, range(run.total or 0))):
            return True  # whether the queue answers or not
        if look.standing.trouble:
            return False
        self._note_ends(job, look)
        return have_all_ended and self._is_all_here(run, job, look)

    def _write(self, job: Job) -> None:
        """Write what has become of a job; where the store refuses, it is found out again by the next kernel."""
        with contextlib.suppress(StoreError):
            update_job(self._store.file, job)

    def _note_ends(self, job: Job, look: Look) -> None:
        """Take in how tasks ended; one that is seen so for the first time may be queued again the next moment."""
        settled = {number: fate for number, fate in look.ended.items() if self._seen_before(number, fate)}
        self._ended = look.ended
        fresh = {n: list(fate) for n, fate in settled.items() if n not in job.told and fate.how != DONE}
        if fresh:
            job.told.update(fresh)
            self._write(job)

    def _seen_before(self, number: int, fate: Fate) -> bool:
        return fate.how == DONE or self._ended.get(number) == fate

    def _is_all_here(self, run: Run, job: Job, look: Look) -> bool:
        """Whether all files are seen here that tasks say they have written; on a network file system they come late."""
        if any(number not in job.told and fate.how != DONE for number, fate in look.ended.items()):
            return False  # seen so for the first time
        missing = any(not self._has_files(job, number, said[-1]) for number, said in look.said.items() if said)
        if not missing:
            self._collect(run, job)
            return not self._is_left
        self._late_since = self._late_since or time.monotonic()
        return time.monotonic() - self._late_since > self._patience.late_s

    def _has_files(self, job: Job, task: int, said: dict[str, Any]) -> bool:
        if said.get("how") != DONE:
            return True
        start = f"{job.number}.{task}.{said.get('stamp')}."
        return sum(name.startswith(start) for name in self._read) >= int(said.get("files", 0))

    def _end(self, run: Run, state: str) -> None:
        """End the run, once all of it is on the disk."""
        run.stopping = state
        self._take_from_store(run)
        if state != "cancelled":
            self._fail_missing(run)
        self._settle(run)
        if getattr(run.recorder, "trouble", None) is None:
            self._close()  # before anybody hears that it is over: who then asks for the rest must not find this job
        self._finish(run)

    def _take_from_store(self, run: Run) -> None:
        """Take what another kernel has collected, and whose files are not there any more."""
        keeper = run.keeper
        assert isinstance(keeper, ListKeeper)
        if all(map(keeper.has, range(run.total or 0))):
            return
        with contextlib.suppress(StoreError):
            stored = run_of(self._store.file, run.run_id)
            kept = kept_points(self._store.file, stored.run) if stored is not None else None
            for place, value in (kept.values if kept is not None else {}).items():
                if not keeper.has(place):
                    keeper.place([place], [value])
                    run.n_done += 1

    def _fail_missing(self, run: Run) -> None:
        job, keeper = self.job, run.keeper
        if job is None or not isinstance(keeper, ListKeeper):
            return
        with contextlib.suppress(OSError, BadFile, StoreError):
            folder = Folder(Path(job.folder))
            for task, places in enumerate(folder.places(job.number)):
                self._fail_task(run, (task, [place for place in places if not keeper.has(place)]), folder, job)
        for place in range(run.total or 0):
            if not keeper.has(place):  # of nobody's hand: the folder has gone
                self._fail(run, place, _no_trace(job, place))

    def _fail_task(self, run: Run, hand: tuple[int, list[int]], folder: Folder, job: Job) -> None:
        task, places = hand
        fate = self._ended.get(task, _NEVER)
        tail = tail_of(folder, job.number, task) if places else ""
        for place in places:
            lost = fate.how == DONE
            what = f"task {task} of {job.called}"
            what += _LOST if lost else f" ended before this point: {fate.how}"
            told = TaskEnded(
                what, cause="" if lost else fate.cause, cure=fate.cure or _AGAIN, tail=tail, index=place, how=fate.how
            )
            self._fail(run, place, told)

    @staticmethod
    def _fail(run: Run, place: int, error: TaskEnded) -> None:
        failure = Failure(place, error, worker="", attempt=1)
        run.keeper.place([place], [failure])
        run.n_done += 1
        run.fail(failure)

    @staticmethod
    def _settle(run: Run) -> None:
        """Wait until all is on the disk, but not for ever."""
        recorder, settled = run.recorder, threading.Event()
        if recorder is None or recorder.settle(settled.set):
            return
        while not settled.wait(1.0) and not recorder.is_stuck(_STUCK_S):
            pass

    def _finish(self, run: Run) -> None:
        run.finish()
        with self._changed:
            self._changed.notify_all()

    def _close(self) -> None:
        """Close the job: all that it has written is in the store. Logs stay, as long as the run is kept."""
        job = self.job
        if job is None:
            return
        job.state = REFUSED if job.state == REFUSED else OVER
        with contextlib.suppress(StoreError):
            update_job(self._store.file, job)
            folder = Folder(Path(job.folder))
            for name in folder.listed(folder.results, f"{job.number}."):
                with contextlib.suppress(OSError):
                    (folder.results / name).unlink()


def _no_trace(job: Job, place: int) -> TaskEnded:
    return TaskEnded(f"{job.called} has left no result", cure=_AGAIN, index=place, how="gone")


_LOST = " is done, and its result file is missing or damaged"
_AGAIN = "run its cell again: the missing points are submitted anew"
_NEVER = Fate("not submitted", "the kernel ended before the queue had taken the job", _AGAIN)
