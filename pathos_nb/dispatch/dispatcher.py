"""The dispatcher: runs on one side, workers on the other, and whoever waits does the work in between.

::

    caller's thread                     any thread that attends              worker
      start(run) ── feed ──────────────────────────────── frames ──────────►  items
      wait(run) ──► attend: hub.wait ◄──────────────────── frames ──────────  reports
                      │  receiver: place values, once each
                      │  feeder: send what can be sent
                      └► run over

* There is one lock. It is held while state changes, never while anybody waits, and never while a user's code runs.
* One thread at a time attends: it waits for events and handles them for all (`attendance`).
* Maps that nobody waits for (``amap``, ``imap`` between two items) are attended by a thread of the pool, started when
  it is first wanted.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable

from pathos_nb.dispatch.absences import Absences
from pathos_nb.dispatch.alone import send_alone
from pathos_nb.dispatch.attendance import Attendance
from pathos_nb.dispatch.cancelling import Cancelling
from pathos_nb.dispatch.crew import Crew, Plan, Seat, WorkerInfo
from pathos_nb.dispatch.deliveries import Deliveries, complain
from pathos_nb.dispatch.feeder import Feeder, failure_of
from pathos_nb.dispatch.interrupts import Interrupts
from pathos_nb.dispatch.keepers import StreamKeeper
from pathos_nb.dispatch.nested import watch
from pathos_nb.dispatch.receiver import Receiver
from pathos_nb.dispatch.run import Keeping, Run, Task
from pathos_nb.dispatch.steward import Steward
from pathos_nb.dispatch.stranded import Stranded
from pathos_nb.dispatch.under_way import UnderWay
from pathos_nb.dispatch.waiting import Waiting
from pathos_nb.errors import PoolBroken, PoolClosed
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.hub import EventHub, Ready
from pathos_nb.launchers.import_lock import let_go_of_imports
from pathos_nb.launchers.inside import here, working
from pathos_nb.launchers.registry import registry
from pathos_nb.typed import Any

_SETTLE_S = 2.0
_BRIEF_S = 1e-4
_STUCK_S = 30.0
_run_numbers = itertools.count(1)


def _is_brief(seat: Seat) -> bool:
    """Whether what a seat has in flight takes no longer than a sleep and a waking; the first items are tried."""
    if seat.slot.latency_s:  # it comes by a thread of ours, which would wait for the interpreter
        return False
    key, seconds = id(seat), 0.0
    for chunk in seat.in_flight.values():
        seconds += chunk.limit * chunk.run.item_s.get(key, 0.0)
    return seconds < _BRIEF_S


def _new_hub() -> EventHub:
    try:
        return EventHub()
    except OSError as error:
        what = f"a pool cannot be started: {error.strerror}"
        raise PoolBroken(what, cure="close files, or raise the limit (ulimit -n)") from error


class Dispatcher:
    """Runs maps on a crew of workers.

    Parameters
    ----------
    plan : Plan
        Which workers it has.
    """

    def __init__(self, plan: Plan) -> None:
        self.lock = threading.RLock()
        self.runs = UnderWay()
        self.deliveries = Deliveries()
        self.unattended: set[Run] = set()
        self.broken: PoolBroken | None = None
        self._token, self._n_cores = os.urandom(3).hex(), usable_cores()
        self.is_closed = False
        self.hub = _new_hub()
        self.attendance = Attendance(self)
        self.crew = Crew(plan, self.hub)
        self._steward = Steward(self.attendance, self._is_left_alone, self._break, self.deliveries)
        self._cancelling = Cancelling(self.crew, self.hub)
        self.absences = Absences(self.crew, self.runs)
        self.receiver = Receiver(self.crew, self.fail_run, self._break, self._check_over, self.absences)
        try:
            self.crew.begin(self.receiver.take)
        except BaseException:
            self.hub.close()
            raise
        self.feeder = Feeder(self.crew, self.runs, self.hub, self._fail_unsent, self.fail_run)
        self._stranded = Stranded(self.crew, self.attendance, self.lock)
        self.waiting = Waiting(self.hub, self._check_over, self.fail_run, self.stop)
        self._may_step = any(seat.slot.inline for seat in self.crew.seats)
        self.is_inline = self._may_step and len(self._inline) == len(self.crew.seats)

    @property
    def _inline(self) -> list[Any]:
        """Seats whose worker is the thread that waits."""
        return [seat for seat in self.crew.seats if seat.slot.inline] if self._may_step else []

    def _is_left_alone(self) -> bool:
        """Whether there is something to attend to for which nobody may wait."""
        return bool(self.unattended or self.crew.leaving or self.deliveries.are_waiting)

    # --- runs ---

    def start(self, run: Run, attended: bool) -> None:
        """Begin a run.

        Parameters
        ----------
        run : Run
            Not begun yet.
        attended : bool
            Whether the caller will wait for it at once.

        Raises
        ------
        PoolClosed, PoolBroken
            There is nobody to run it.
        """
        with self.lock:
            self.check_open()
            run.unattended = not attended
            run.workers_n = len(self.crew.seats)
            is_sent = not self.runs and send_alone(run, self.crew, self.feeder.note)
            self.runs.add(run)
            if (worker := working()) is not None:
                watch(run, worker)
            if run.options.progress or (worker is None and not self.waiting.is_step(run)):
                self._show(run)  # else it is seen under its outer item, or in its graph
            run.begin()
            self.absences.begin(run)
            self.waiting.begin(run)
            if self.crew.vacant:
                for launcher in list(self.crew.vacant):
                    launcher.wake()
            if not is_sent:
                if (n_ready := run.source.ready) or not run.source.comes_late:
                    self.runs.offer(run)
                if not n_ready:
                    self._check_over(run)
                self.feeder.feed()
            if run.unattended and not self.is_inline and not run.is_over:
                self.unattended.add(run)
                self._steward.wake()
        if self.attendance.is_led:
            self.hub.wake()
        self.deliver()

    def deliver(self) -> None:
        """Make deliveries, if this thread is free to run what may use the pool."""
        if self.deliveries.are_waiting and not self.is_mine():
            self._steward.look_out()
            self.deliveries.make()

    def deliver_inside(self) -> None:
        """Make deliveries in an item that may wait for them: it may be this thread that runs it."""
        if self.deliveries.are_waiting and not self._is_at_work():
            self.deliveries.make()

    def is_mine(self) -> bool:
        """Whether this thread is in the midst of this dispatcher's work, and so must not wait for it."""
        return self._is_at_work() or self._is_stepping()

    def _is_stepping(self) -> bool:
        """Whether this thread is in an item that it runs as the worker."""
        me = threading.get_ident()
        return self._may_step and any(seat.slot.stepping == me for seat in self._inline)

    def _is_at_work(self) -> bool:
        """Whether this thread leads, or changes state."""
        return self.attendance.leader == threading.get_ident() or self.lock._is_owned()  # type: ignore[attr-defined]

    @staticmethod
    def _show(run: Run) -> None:
        for observer in tuple(registry.observers):
            run.is_recorded = True
            try:
                observer(run)
            except Exception:  # a view that breaks must not break the run
                complain("an observer of runs failed")

    def check_open(self) -> None:
        """Refuse what is asked of a pool that is closed or broken."""
        if self.is_closed:
            raise PoolClosed("the pool is closed", cure="make a new one, or call its restart()")
        if self.broken is not None:
            raise self.broken

    @property
    def token(self) -> str:
        """A name that no other pool has."""
        return self.hub.token

    def new_number(self) -> tuple[int, str]:
        """Give a number that no other run of this process has, and a name that no other run has."""
        number = next(_run_numbers)
        return number, f"{number}-{self._token}"

    def stop(self, run: Run, state: str, interrupt: bool) -> None:
        """Begin nothing more of a run.

        Parameters
        ----------
        run : Run
            Any.
        state : str
            What it will have been: ``cancelled`` or ``failed``.
        interrupt : bool
            Whether to interrupt items that are at work.
        """
        with self.lock:
            if run.is_over or run.stopping:
                return
            run.stopping = state
            run.again.clear()
            run.source.end()
            self._cancelling.hold_all(run, interrupt)
            self._check_over(run)
            if not run.is_over:
                self.unattended.add(run)
                if not self.is_inline:
                    self._steward.wake()
        self.hub.wake()
        self.deliver()

    def drop(self, run: Run) -> None:
        """Cancel a run that nobody holds any more; the collector may call from anywhere, even from under the lock."""
        if self.is_mine() or not self.lock.acquire(blocking=False):
            self.hub.post(run.cancel)
            return
        try:
            run.cancel()
        finally:
            self.lock.release()

    def give_up(self, run: Run) -> None:
        """Stop a run whose caller was interrupted, and wait until nothing of it is at work.

        A second interrupt kills what is.
        """
        let_go_of_imports()
        try:
            with Interrupts(self.hub):
                self.stop(run, "cancelled", interrupt=True)
            self.attend(lambda: run.is_over, _SETTLE_S, None)
        except KeyboardInterrupt:
            with Interrupts(self.hub), self.lock:
                self._cancelling.kill_those_at(run, patient=False)
        with Interrupts(self.hub), self.lock:
            if not run.is_over:
                self._finish(run)
            if not self.runs:
                self.crew.stop_waiting()

    def fail_run(self, run: Run, error: BaseException) -> None:
        """End a run with an error of its own."""
        run.error = run.error or error
        self.stop(run, "failed", interrupt=True)

    def _fail_unsent(self, run: Run, task: Task, place: int, error: BaseException) -> None:
        seat = self.crew.seats[0]
        failure = failure_of(run, task, place, error, seat)
        failure.worker = failure.host = ""
        run.fail(failure)  # before it is placed: who takes it looks whether it is one
        run.keeper.place(task.indices, [failure])
        run.n_done += 1
        self.attendance.stir()
        self._check_over(run)

    def _check_over(self, run: Run) -> None:
        """Act on a run's failures, and end it if nothing is left to do."""
        if run.is_over:
            return
        if run.failures and not run.stopping and run.options.on_error in run.ending_on:
            self.stop(run, "failed", interrupt=run.options.on_error == "raise")
            return
        if run.held_for is not None and not run.stopping:
            self._cancelling.hold_all(run, interrupt=False)
            return
        if run.source.error is not None and not run.is_stream and not run.stopping:
            self.fail_run(run, run.source.error)
            return
        if not run.n_in_flight and (run.stopping or (run.source.is_exhausted and not run.again)) and self._is_kept(run):
            self._finish(run)

    def _is_kept(self, run: Run) -> bool:
        """Whether what the run gave is on the disk, if somebody keeps it there; who does has some time for it."""
        recorder = run.recorder
        if recorder is None or recorder.settle(lambda: self.hub.post(lambda: self._check_over(run))):
            return True
        if not run.is_settling:
            run.is_settling = True
            self._look_after(run, recorder)
        return False

    def _look_after(self, run: Run, recorder: Keeping) -> None:
        """Do not wait for ever for a disk that takes nothing."""

        def look() -> None:
            if not run.is_over and not recorder.is_stuck(_STUCK_S):
                self._look_after(run, recorder)

        run.timers.append(self.hub.call_later(_STUCK_S, look))

    def _finish(self, run: Run) -> None:
        self.runs.remove(run)
        self.unattended.discard(run)
        number = run.number
        if run.payloads:  # it was told to workers by itself, and not with its only item
            is_heavy = run.is_heavy
            for seat in self.crew.seats:
                if number in seat.defined:
                    seat.forget(number, is_heavy)
        run.finish()
        self.attendance.stir()

    def _break(self, error: PoolBroken) -> None:
        self.broken = error
        self.receiver.is_closing = True
        for seat in self.crew.seats:
            seat.take_all()
            seat.kill("the pool is broken")
        for run in list(self.runs):
            run.error = error
            run.stopping = "failed"
            self._finish(run)

    def feed(self) -> None:
        """Send what can be sent, now that there is room."""
        with Interrupts(self.hub), self.lock:
            self.feeder.feed()

    def let_streams_run(self) -> None:
        """Let iterators whose input is known run to its end, though nobody may take their values for a while."""
        with self.lock:
            for run in list(self.runs):
                if isinstance(run.keeper, StreamKeeper):
                    run.source.know_all()
                    self.runs.offer(run)
                    run.take_hits()
                    run.keeper.is_unbounded = run.source.left is not None
                    self._check_over(run)
            self.feeder.feed()
        self.hub.wake()

    def resize(self, n: int) -> None:
        """Have that many workers at the first place."""
        with self.lock:
            self.check_open()
            launcher = self.crew.launchers[0]
            self.crew.resize(launcher, n)
            self.feeder.feed()
            if self.crew.leaving:  # what is not needed any more is given back when they have gone, be there no map
                self._steward.wake()
        self.hub.wake()

    # --- what those who wait have to do ---

    def attend(self, is_done: Callable[[], bool], timeout_s: float | None, owner: Run | None) -> bool:
        """Keep things going until something is done; see `Attendance.attend`, and `Stranded` for who is in an item."""
        if timeout_s is None and owner is not None and here.worker is not None:
            return self._stranded.attend(is_done, owner)
        return self.attendance.attend(is_done, timeout_s, owner)

    def handle(self, ready: Ready) -> None:
        """Handle events, and send what can be sent then; the lock is held."""
        self.hub.handle(ready)
        self.feeder.feed()

    def is_brief(self) -> bool:
        """Whether a report is likely to come at once, and a core is free to look out for it."""
        seats = self.crew.loads.busy
        if not 0 < len(seats) < self._n_cores:
            return False
        with self.lock:  # other threads begin runs meanwhile
            return all(map(_is_brief, seats))

    def has_deliveries(self) -> bool:
        """Whether there are deliveries that this thread may make: in the midst of one it may not."""
        return self.deliveries.are_waiting and not (self.deliveries.is_mine() or self._is_stepping())

    # A user's code, be it the input's or an item's on the serial launcher, runs in the thread that waits for its run,
    # while that thread neither holds the lock nor attends: so it may use the pool.

    def has_own_work(self, run: Run) -> bool:
        """Whether there is output to write, input to pull, or an item to run that only who waits may do."""
        if run.unwritten:
            return True
        if self._n_to_pull(run) > 0:
            return True
        return self._may_step and any(seat.slot.has_work for seat in self._inline)

    def _n_to_pull(self, run: Run) -> int:
        source = run.source
        if source.left is not None or run.stopping or run.is_over:
            return 0
        wanted = self.feeder.wanted(run)
        return wanted if wanted > source.ready and not source.is_being_pulled() else 0

    def do_own_work(self, run: Run) -> None:
        """Do it."""
        n = self._n_to_pull(run)
        if n:
            run.source.pull(n)
        for seat in self._inline:
            self._step(seat.slot)
        if n or self._inline:
            with Interrupts(self.hub), self.lock:
                for seat in self._inline:
                    seat.slot.hand_up()
                run.take_hits()
                self._check_over(run)
                if n:
                    self.runs.offer(run)
                self.feeder.feed()
                if self._inline or run.source.is_shared:  # what was done or sent here may be what another waits for
                    self.attendance.stir()
            self.deliver()
        run.flush_output()

    def _step(self, slot: Any) -> None:
        """Have a worker that is this thread do what it was sent."""
        interrupts = Interrupts(self.hub)
        with interrupts:
            interrupts.item = slot.worker
            try:
                with interrupts.let_through():
                    while slot.step():
                        pass
            finally:
                interrupts.item = None
                with self.lock:
                    slot.hand_up()
                    self.attendance.stir()  # they saw that somebody steps, and left it to that one

    # --- the end ---

    def close(self) -> None:
        """End everything now: runs are cancelled, workers killed. Returns when nothing is left."""
        with self.lock:
            if self.receiver.is_closing and self.is_closed:
                return
            self.is_closed = self.receiver.is_closing = True
            for seat in self.crew.seats:
                seat.take_all()
            for run in list(self.runs):
                run.stopping = run.stopping or "cancelled"
                self._finish(run)
            self._steward.end()
        is_ours = False
        try:
            self.hub.wake()
            self._steward.join(_SETTLE_S)
            is_ours = self.attendance.take_the_lead(_SETTLE_S)
            self.deliver()
        finally:  # whatever came in between, an interrupt too: this is done once and must be done
            with self.lock:
                try:
                    self.crew.close()
                finally:
                    self.hub.close()
        if is_ours:
            self.attendance.leave()

    def workers(self) -> list[WorkerInfo]:
        """Give the workers as they are now."""
        with self.lock:
            return [WorkerInfo(s.name, s.slot.host, s.slot.pid, s.slot.place) for s in self.crew.seats if not s.leaving]

    def has_any(self, which: Callable[[Run], bool]) -> bool:
        """Whether one of the runs under way is of that kind."""
        with self.lock:
            return any(map(which, self.runs))

    @property
    def n_busy(self) -> int:
        """How many workers have been sent something that they have not reported."""
        with self.lock:
            return len(self.crew.loads.busy)

    def pin_everywhere(self, run: Run) -> None:
        """Have the run's items run once on each worker."""
        run.pins = {id(seat): i for i, seat in enumerate(self.crew.seats)}
