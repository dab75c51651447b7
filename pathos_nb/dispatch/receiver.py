"""Receiving: what workers report, and what becomes of the items of a worker that died.

An item's own exception is its failure. A death is nobody's: the items that the worker had not begun, and those before
the one it died in, run again; the one it died in counts an attempt. Where only a block of items is known, its halves
are tried alone until the item that kills is found; it fails alone.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence

from pathos_nb.dispatch.absences import Absences
from pathos_nb.dispatch.alone import place_alone
from pathos_nb.dispatch.crew import Chunk, Crew, Seat
from pathos_nb.dispatch.feeder import TIMED_OUT, failure_of
from pathos_nb.dispatch.lacking import lacking
from pathos_nb.dispatch.reported import said_and_shown, seconds_of, take_inner, take_profile
from pathos_nb.dispatch.run import Run, Task
from pathos_nb.errors import (
    CannotReturn,
    CannotSend,
    Failure,
    FilesFailed,
    ItemTimeout,
    OutOfMemory,
    PoolBroken,
    WorkerLost,
)
from pathos_nb.events import ChunkDone, ItemRetried, WorkerDown
from pathos_nb.launchers.board import FINISHED
from pathos_nb.launchers.codec import ByReference, ByValue
from pathos_nb.launchers.contract import (
    Launcher,
    News,
    Reply,
    Running,
    SlotDown,
    SourceBroken,
    SourceLost,
    SourceQueued,
    SourceReady,
    TakenBack,
)
from pathos_nb.launchers.failing import revive, text_of
from pathos_nb.typed import Any
from pathos_nb.wire import protocol
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import ItemReport, Report
from pathos_nb.wire.serialization import MINOR, carries_code

_MIN_OVERHEAD_S = 1e-4  # what a chunk costs here, though the worker has the next one meanwhile and does not wait
_MAX_OVERHEAD_S = 2e-3
_WAYS_LOST = 4  # links are lost without any item's doing; so often with the same one at work is no chance


class Receiver:
    """Takes news in.

    Parameters
    ----------
    crew : Crew
        The workers.
    fail_run : callable
        Takes (run, error) when the whole run is lost.
    break_pool : callable
        Takes the error when no worker can be had.
    check_over : callable
        Is told of each run that may be over.
    absences : Absences
        Tells runs which places are lost.
    """

    def __init__(
        self,
        crew: Crew,
        fail_run: Callable[[Run, BaseException], None],
        break_pool: Callable[[PoolBroken], None],
        check_over: Callable[[Run], None],
        absences: Absences,
    ) -> None:
        self._crew, self._fail_run, self._absences = crew, fail_run, absences
        self._break_pool, self._check_over = break_pool, check_over
        self.is_closing = False

    def take(self, news: News) -> None:
        """Take one piece of news in.

        Parameters
        ----------
        news : Reply, SlotDown or SourceBroken
            From a launcher.
        """
        if isinstance(news, Reply):
            slot, frame = news
            seat = self._crew.seat_of(slot)
            if seat is not None:
                try:
                    self._on_frame(seat, frame)
                except Exception as error:  # fields of a frame can be anything: an item may have written it
                    self._break_pool(_nonsense(seat, error))
        elif isinstance(news, SlotDown):
            seat = self._crew.seat_of(news.slot)
            if seat is not None and not self.is_closing:
                self._on_down(seat, news)
        elif isinstance(news, TakenBack):
            seat = self._crew.seat_of(news.slot)
            if seat is not None:
                self._on_taken_back(seat, news.chunk, news.n_items)
        elif isinstance(news, SourceReady):
            self._crew.fill(news.launcher)
            self._crew.change(news.launcher, news.n_more)
            self._absences.back(news.launcher)
        elif isinstance(news, SourceQueued):
            self._absences.queued(news)
        elif isinstance(news, SourceLost):
            self._absences.lost(news)
        elif isinstance(news, SourceBroken):
            self._on_source_broken(news)

    # --- reports ---

    def _on_frame(self, seat: Seat, frame: Frame) -> None:
        if frame.kind == protocol.DONE:
            report = Report(*frame.meta)
            chunk = seat.take(report.chunk)
            if chunk is not None:
                if chunk.timer is not None:
                    chunk.timer.cancel()
                if chunk.is_call and place_alone(chunk, report, frame):
                    self._crew.stillborn = 0
                    self._record(seat, chunk, report, [], array("d", report.ends))
                    self._check_over(chunk.run)
                else:
                    self._on_report(seat, chunk, report, frame)
        elif frame.kind == protocol.BROKEN:
            text, trace = frame.meta
            self._break_pool(PoolBroken(f"the initializer failed on {seat.name}: {text}", tail=trace))
        elif frame.kind == protocol.FAILED:
            chunk = seat.in_flight.get(frame.meta[0])
            if chunk is not None:
                chunk.run.held_for = chunk
                self._check_over(chunk.run)
        elif frame.kind == protocol.INNER:
            chunk = seat.in_flight.get(frame.meta[0])
            if chunk is not None:
                take_inner(chunk.run, seat, frame.meta[1])
        elif frame.kind == protocol.PROFILE:
            chunk = seat.in_flight.get(frame.meta[0])
            if chunk is not None and chunk.run.profile is not None:
                chunk.run.profile.hear((seat.name, seat.slot.host, seat.slot.pid), frame.meta[1])

    def _on_report(self, seat: Seat, chunk: Chunk, report: Report, frame: Frame) -> None:
        run = chunk.run
        run.let_go(chunk)
        self._crew.stillborn = 0
        seat.n_items -= len(chunk.task.indices) - report.n_run
        if report.profile is not None and run.profile is not None:
            take_profile(seat, chunk, report, frame)
        if report.inner:
            take_inner(run, seat, report.inner)
        if report.undecodable:
            self._on_undecodable(seat, chunk, report.undecodable)
        elif report.n_run:
            ends = array("d", report.ends)
            self._measure(seat, chunk, report, frame, ends)
            self._deliver(seat, chunk, report, frame, ends)
        if report.n_run < chunk.limit and not report.undecodable and not run.stopping:
            rest = chunk.task.part(report.n_run, chunk.limit, run.source.star, alone=False)
            run.requeue(rest, first=bool(run.again) and rest.indices[0] < run.again[0].indices[0])
            seat.last_size = min(seat.last_size, max(1, report.n_run))
        if seat.most_items is not None and not seat.items_left() and not seat.in_flight:
            seat.retiring = True
            seat.slot.retire()
        self._check_over(run)

    def _deliver(self, seat: Seat, chunk: Chunk, report: Report, frame: Frame, ends: array[float]) -> None:
        codec = ByReference if seat.launcher.shares_memory else ByValue
        task = chunk.task
        try:
            if seat.slot.minor != MINOR and carries_code(frame.body):
                raise ImportError(f"it has code of Python {'.'.join(map(str, seat.slot.minor))} in it")
            values = codec.load(frame)
        except BaseException as error:
            self._not_returned(seat, chunk, report, error)
            return
        failures = self._failures(seat, chunk, report) if report.failures else []
        again = [failure for failure in failures if self._tries_again(chunk, failure)] if failures else []
        indices = task.indices if len(values) == len(task.indices) else task.indices[: len(values)]
        if again or (task.contested and not chunk.run.keeper.lacks(indices)):
            self._deliver_some(chunk, values, failures, again)
        else:
            self._place(chunk.run, indices, values, failures, task.contested)
        self._record(seat, chunk, report, failures, ends)

    def _place(
        self, run: Run, indices: Sequence[int], values: list[Any], failures: list[Failure], contested: bool = False
    ) -> None:
        if run.files is not None:
            self._take_files(run, indices, values, failures)
        for failure in failures:
            values[indices.index(failure.index)] = failure
            run.fail(failure)
        run.keeper.place(indices, values, contested)
        run.n_done += len(values)

    def _take_files(self, run: Run, indices: Sequence[int], values: list[Any], failures: list[Failure]) -> None:
        """Put what items have given back into its place; what cannot be put there makes the item fail."""
        for place, index in enumerate(indices):
            try:
                values[place] = run.files.take(index, values[place])
            except FilesFailed as error:
                failures.append(Failure(index, error, attempt=run.attempts.get(index, 0) + 1))

    def _deliver_some(self, chunk: Chunk, values: list[Any], failures: list[Failure], again: list[Failure]) -> None:
        """Deliver what has not been delivered, and is not to be tried again."""
        run, task = chunk.run, chunk.task
        failed = {failure.index: failure for failure in failures}
        tried = {failure.index for failure in again}
        for place, (index, value) in enumerate(zip(task.indices, values, strict=False)):
            if task.contested and run.keeper.has(index):
                continue
            if index in tried:
                run.requeue(task.part(place, place + 1, run.source.star, alone=True))
                run.attempts[index] = run.attempts.get(index, 0) + 1
                reason = f"{type(failed[index].error).__name__}: {text_of(failed[index].error)}"
                run.tell(ItemRetried(run.run_id, index, run.attempts[index] + 1, reason))
                continue
            self._place(run, (index,), [value], [failed[index]] if index in failed else [], task.contested)

    def _tries_again(self, chunk: Chunk, failure: Failure) -> bool:
        options = chunk.run.options
        wanted = isinstance(failure.error, options.retry_on) and not isinstance(failure.error, ItemTimeout)
        return wanted and failure.attempt <= options.retries and not chunk.run.stopping

    def _failures(self, seat: Seat, chunk: Chunk, report: Report) -> list[Failure]:
        return [self._failure(seat, chunk, report, ItemReport(*raw)) for raw in report.failures]

    def _failure(self, seat: Seat, chunk: Chunk, report: Report, item: ItemReport) -> Failure:
        run, index = chunk.run, chunk.task.indices[item.offset]
        where: dict[str, Any] = {"index": index, "worker": seat.name, "host": seat.slot.host}
        error: BaseException
        if item.kind == protocol.TIMED_OUT:
            error = _timeout(run, where)
        elif item.kind == protocol.OUT_OF_MEMORY:
            error = _out_of_memory(run, where)
        elif item.kind == protocol.NOT_RETURNED:
            cause = f"{item.type_name}: {item.text}"
            cure = "return plain data, or what the function makes of it"
            error = CannotReturn("the result cannot be brought back", cause=cause, cure=cure, **where)
        else:
            if seat.slot.minor != MINOR and carries_code(item.error or b""):
                item = item._replace(error=None)
            error = revive(item)
        failure = failure_of(run, chunk.task, item.offset, error, seat)
        failure.seconds, failure.traceback = seconds_of(report, item.offset), item.traceback
        if lacks := lacking(seat.slot, f"{item.type_name}: {item.text}"):
            failure.cure = f"{lacks.what}; {lacks.cure}"
        return failure

    def _record(self, seat: Seat, chunk: Chunk, report: Report, failures: list[Failure], ends: array[float]) -> None:
        run, task, slot = chunk.run, chunk.task, seat.slot
        if not (run.is_recorded or report.output or run.recorder is not None):
            return
        indices = task.indices if report.n_run == len(task.indices) else task.indices[: report.n_run]
        output, pictures = said_and_shown(run, task, report) if report.output else ((), ())
        done = ChunkDone(
            run.run_id, seat.name, slot.host, slot.pid, indices, report.started, ends, report.block, tuple(failures),
            output, pictures, seat.called_host,
        )  # fmt: skip
        run.note(done)

    def _measure(self, seat: Seat, chunk: Chunk, report: Report, frame: Frame, ends: array[float]) -> None:
        now = time.perf_counter()
        work = ends[-1] - report.started if ends and ends[-1] > report.started else 0.0
        overhead = min(now - max(chunk.sent_s, seat.last_reply_s) - work, _MAX_OVERHEAD_S)
        overhead = max(overhead, _MIN_OVERHEAD_S)
        before = seat.overhead_s
        # The fixed part: what grows with the chunk, pickling above all, is no reason for larger chunks.
        seat.overhead_s = overhead if overhead < before else before + 0.1 * (overhead - before)
        seat.last_reply_s = now
        run, key = chunk.run, id(seat)
        run.item_s[key] = work / report.n_run
        run.worked_s[key] = run.worked_s.get(key, 0.0) + work
        if not seat.launcher.shares_memory:
            run.value_bytes = (len(frame.body) + sum(map(len, frame.buffers))) / report.n_run

    # --- what cannot be read ---

    def _on_undecodable(self, seat: Seat, chunk: Chunk, told: str) -> None:
        what, summary, trace = (told.split("\n", 2) + ["", ""])[:3]
        run = chunk.run
        lacks = lacking(seat.slot, summary)
        if lacks is not None:
            self._fail_run(run, lacks.at(chunk.task.indices[0]))
        elif what == "call":  # function and item came together: apart, it is known which of them cannot be loaded
            run.requeue(chunk.task._replace(alone=True))
            chunk.limit = 0
        elif what == "function":
            cure = "see that its modules can be imported in a worker"
            error = CannotSend(f"{seat.name} cannot load the function", cause=summary, cure=cure, tail=trace)
            self._fail_run(run, error)
        elif len(chunk.task.indices) > 1:  # also where only one is left of them: another may be the bad one
            self._one_by_one(chunk)
        elif what == "time":
            where: dict[str, Any] = {"index": chunk.task.indices[0], "worker": seat.name, "host": seat.slot.host}
            cure = "look at its class's __setstate__, or give it more time"
            what = f"the argument took longer to load than the item's timeout of {run.options.timeout} s"
            self._fail_item(seat, run, chunk.task, ItemTimeout(what, cure=cure, **where), trace)
        else:
            told_error = CannotSend(
                "the argument cannot be loaded in a worker", cause=summary, index=chunk.task.indices[0],
                worker=seat.name,
            )  # fmt: skip
            self._fail_item(seat, chunk.run, chunk.task, told_error, trace)

    def _not_returned(self, seat: Seat, chunk: Chunk, report: Report, error: BaseException) -> None:
        if report.n_run > 1:
            self._one_by_one(chunk)
            return
        index = chunk.task.indices[0]
        told = CannotReturn(
            "the result cannot be loaded here", cause=f"{type(error).__name__}: {text_of(error)}", index=index,
            worker=seat.name,
        )  # fmt: skip
        told.__cause__ = error
        self._fail_item(seat, chunk.run, chunk.task, told)

    def _one_by_one(self, chunk: Chunk) -> None:
        star, task = chunk.run.source.star, chunk.task
        for i in range(chunk.limit):
            chunk.run.requeue(task.part(i, i + 1, star, alone=True))
        chunk.limit = 0

    def _fail_item(self, seat: Seat, run: Run, task: Task, error: BaseException, trace: str = "") -> None:
        if task.contested and run.keeper.has(task.indices[0]):
            return
        failure = failure_of(run, task, 0, error, seat)
        failure.traceback = trace
        self._place(run, task.indices, [failure], [failure], task.contested)

    # --- what is taken back ---

    def _on_taken_back(self, seat: Seat, number: int, n_items: int) -> None:
        """Have others do what a worker elsewhere has said that it will not begin."""
        chunk = seat.in_flight.get(number)
        if chunk is None:
            return
        chunk.asked_back = False
        if n_items < chunk.limit and not chunk.run.stopping:
            chunk.task = chunk.task._replace(contested=True)  # it may have begun them all the same
            part = chunk.task.part(n_items, chunk.limit, chunk.run.source.star, alone=False)
            chunk.limit = n_items
            chunk.run.requeue(part)

    # --- deaths ---

    def _on_source_broken(self, news: SourceBroken) -> None:
        """Do without a place, if there is another: what it was sent goes there."""
        crew = self._crew
        others = [launcher for launcher in crew.launchers if launcher is not news.launcher]
        if not others:
            self._break_pool(self._absences.last_error(news))
            return
        self.do_without(news.launcher, news.reason)
        news.launcher.close()

    def do_without(self, launcher: Launcher, reason: str) -> None:
        """Have others do what a launcher's workers were sent; it is no longer one of the pool's."""
        for seat in self._crew.drop(launcher):
            lost = seat.take_all()
            for chunk in lost:
                _call_off(chunk)
                self._salvage(seat, chunk, None, reason, "")
        self._absences.gone(launcher, reason)

    def _on_down(self, seat: Seat, news: SlotDown) -> None:
        reason, tail = news.reason, news.tail
        running, lost = seat.slot.running() if news.is_workers else None, seat.take_all()
        slot, was_retired = seat.slot, seat.retiring or not news.is_workers
        for at, chunk in enumerate(lost):
            _call_off(chunk)
            chunk.run.let_go(chunk)
            if at or news.is_workers or not self._is_deadly(seat, chunk, reason, tail):
                self._salvage(seat, chunk, running, reason, tail)
        for run in {id(chunk.run): chunk.run for chunk in lost}.values():
            run.tell(WorkerDown(seat.name, slot.host, slot.pid, reason))
        try:
            if not was_retired:
                self._crew.mourn(seat, running is not None or not lost, reason, tail)
            if seat.leaving:
                self._crew.remove(seat)
            else:
                self._crew.replace(seat)
        except PoolBroken as error:
            self._break_pool(error)
        for chunk in lost:
            self._check_over(chunk.run)

    def _is_deadly(self, seat: Seat, chunk: Chunk, reason: str, tail: str) -> bool:
        """Whether an item takes its machine's agent along: the way was lost too often while the chunk was at work."""
        run, index = chunk.run, chunk.task.indices[0]
        n = run.ways_lost[index] = run.ways_lost.get(index, 0) + 1
        if run.stopping or not chunk.limit or n < _WAYS_LOST + run.options.retries:
            return False
        if chunk.limit > 1:
            self._one_by_one(chunk)
            return True
        error = WorkerLost(
            f"the way to its worker was lost while this item was at work, {n} times", cause=reason, tail=tail,
            cure="see whether it takes more memory than its machine or its job has; retries= has it tried more often",
            index=index, worker=seat.name, host=seat.slot.host,
        )  # fmt: skip
        self._fail_item(seat, run, chunk.task, error)
        return True

    def _salvage(self, seat: Seat, chunk: Chunk, running: Running | None, reason: str, tail: str) -> None:
        run, task, star = chunk.run, chunk.task, chunk.run.source.star
        if run.inner:
            run.inner.lose(task.indices)
        if run.stopping or not chunk.limit:  # all of it was taken over by another
            return
        if running is None or running.chunk != chunk.number:
            run.requeue(task.part(0, chunk.limit, star, alone=False))
            return
        first, last = running.offset, min(running.offset + running.width, chunk.limit)
        if first == FINISHED:  # it died with its report under way: any of them may be why, if it does so again
            first, last = 0, chunk.limit
        for start, stop in ((0, first), (last, chunk.limit)):
            if stop > start:
                run.requeue(task.part(start, stop, star, alone=False))
        if last - first > 1:
            middle = (first + last) // 2
            run.requeue(task.part(first, middle, star, alone=True), first=True)
            run.requeue(task.part(middle, last, star, alone=True), first=True)
        elif last > first and min(running.offset + running.width, len(task.indices)) > last:
            run.requeue(task.part(first, last, star, alone=True), first=True)  # one taken over may have done it
        elif last > first:
            self._blame(seat, run, task.part(first, last, star, alone=True), reason, tail)

    def _blame(self, seat: Seat, run: Run, task: Task, reason: str, tail: str) -> None:
        """Count a death against the item the worker died in."""
        index = task.indices[0]
        if task.contested and run.keeper.has(index):
            return
        where: dict[str, Any] = {"index": index, "worker": seat.name, "host": seat.slot.host}
        if reason == TIMED_OUT:
            self._fail_item(seat, run, task, _timeout(run, where))
            return
        attempts = run.attempts.get(index, 0) + 1
        if attempts > run.options.retries:
            cure = "the other items are not affected"
            tried = (
                f"the worker was lost in this item, {attempts} times"
                if attempts > 1
                else "the worker was lost in this item"
            )
            error = WorkerLost(tried, cause=reason, cure=cure, tail=tail, **where)
            self._fail_item(seat, run, task, error)
            return
        run.attempts[index] = attempts
        run.requeue(task)
        run.tell(ItemRetried(run.run_id, index, attempts + 1, reason))


def _out_of_memory(run: Run, where: dict[str, Any]) -> OutOfMemory:
    what = f"the item wanted more than the {run.options.memory / 1e9:.3g} GB that it may take"
    return OutOfMemory(what, cure="give it more by memory=, or have it hold less at a time", **where)


def _call_off(chunk: Chunk) -> None:
    if chunk.timer is not None:
        chunk.timer.cancel()


def _nonsense(seat: Seat, error: Exception) -> PoolBroken:
    cause = (
        f"{type(error).__name__}: {error}; an item wrote to a descriptor that it did not open, or it is another version"
    )
    broken = PoolBroken(f"{seat.name} reports what makes no sense", cause=cause, cure="pool.restart() begins anew")
    broken.__cause__ = error
    return broken


def _timeout(run: Run, where: dict[str, Any]) -> ItemTimeout:
    return ItemTimeout(f"the item ran longer than its timeout of {run.options.timeout} s", **where)
