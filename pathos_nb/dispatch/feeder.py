"""Sending: which worker gets which items next, and what is taken back from whom.

Each worker has at most two chunks, one at work and one waiting, so that it never waits for us. When nothing is left to
send, a worker without work takes over half of what another has not begun (`stealing`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from pathos_nb.dispatch.captured import HEAVY_BYTES, heavy
from pathos_nb.dispatch.chunking import CUT_S, FAR_S, MAX_CHUNK_S, Measured, next_size, stream_size, trial_size
from pathos_nb.dispatch.crew import Chunk, Crew, Seat
from pathos_nb.dispatch.keepers import StreamKeeper
from pathos_nb.dispatch.run import Pace, Run, Task
from pathos_nb.dispatch.sites import Sites
from pathos_nb.dispatch.stealing import Stealing
from pathos_nb.dispatch.tail import FEW, Tail
from pathos_nb.dispatch.under_way import UnderWay, is_spent
from pathos_nb.dispatch.unsendable import cannot_send, other_python
from pathos_nb.errors import CannotSend, Failure, PathosNbError
from pathos_nb.launchers.codec import ByReference, ByValue
from pathos_nb.launchers.contract import Hub
from pathos_nb.launchers.failing import text_of
from pathos_nb.typed import Any
from pathos_nb.wire import protocol
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import RunSpec
from pathos_nb.wire.serialization import MINOR, Payload

WINDOW = 16
WINDOW_BYTES = 1 << 20
DEPTH = 2
_GRACE_S = 0.5
_SHORT_S = 1e-3
_MEASURED_S = 5e-3
_NO_BOUND = 1 << 60
_TRIPS_A_CHUNK = 5.0  # with an overhead of a tenth, a chunk lasts two round trips: the next is there before it ends


class Feeder:
    """Keeps the workers busy.

    Parameters
    ----------
    crew : Crew
        The workers.
    runs : UnderWay
        The maps under way.
    hub : Hub
        For timers.
    fail_item, fail_run : callable
        Take what cannot be sent.
    """

    def __init__(
        self,
        crew: Crew,
        runs: UnderWay,
        hub: Hub,
        fail_item: Callable[[Run, Task, int, BaseException], None],
        fail_run: Callable[[Run, BaseException], None],
    ) -> None:
        self.crew, self.runs, self.hub = crew, runs, hub
        self._fail_item, self._fail_run = fail_item, fail_run
        self.sites = Sites(crew)
        self._to_weigh: list[Run] = []
        self._stealing = Stealing(crew, hub, self._may_serve, self._send, self.feed)
        self._tail = Tail(crew, runs, hub, self.feed)

    def feed(self) -> None:
        """Send what can be sent."""
        if not self.runs:
            self.crew.loads.changed.clear()
            return
        seats = self._with_room()
        self.sites.refuse(self.runs, self._fail_run)
        for depth in range(1, DEPTH + 1):
            if not self._has_more() or (depth > 1 and self.runs.is_kept_waiting()):
                break
            for seat in seats:
                while len(seat.in_flight) < depth and not seat.retiring and self._feed_one(seat):
                    if seat.slot.inline:
                        break
        if self.runs and 1 < len(self.crew.seats) > len(self.crew.loads.busy):
            self._stealing.take_back()
        if self._to_weigh:
            self._weigh()

    def _weigh(self) -> None:
        """Find out what makes functions heavy, while they are on their way."""
        while self._to_weigh:
            run = self._to_weigh.pop()
            if run.function is not None:
                run.heavy = heavy(run.function)

    def _with_room(self) -> Sequence[Seat]:
        """Give the seats that may have got room: of many, those that have reported, unless there is other news."""
        loads, runs = self.crew.loads, self.runs
        changed, loads.changed = loads.changed, {}
        if len(self.crew.seats) <= FEW or len(runs) != 1:
            return self.crew.seats
        run = next(iter(runs))
        is_plain = run.n_sent and not (
            run.again or run.is_stream or run.pins or run.source.left is None or run.source.comes_late or run.files
        )
        return list(changed) if is_plain else self.crew.seats

    def _has_more(self) -> bool:
        return any(map(_has_more, self.runs.asked()))

    def _feed_one(self, seat: Seat) -> bool:
        if seat.slot.inline and seat.in_flight:
            return False
        is_ahead = bool(seat.in_flight) and seat.slot.latency_s <= FAR_S
        for run in self.runs.asked(is_ahead):
            task = self._next_task(run, seat)
            if task is not None:
                self._send(seat, run, task)
                self.runs.sent(run)  # the next seat begins with another run
                return True
            if is_spent(run):
                self.runs.rest(run)
        return False

    def _next_task(self, run: Run, seat: Seat) -> Task | None:
        ready = run.source.ready
        if run.stopping or run.held_for or not (ready or run.again):
            return None
        if (seat.slot.inline and run.unattended and not run.pins) or not self._may_serve(run, seat):
            return None
        if run.pins:
            return self._pinned(run, seat)
        if run.again:
            return self._first_of(run, seat)
        size = min(self.size_for(run, seat), ready)
        return Task(*run.source.take(size)) if size > 0 else None

    def _may_serve(self, run: Run, seat: Seat) -> bool:
        if seat.slot.minor != MINOR and not self._can_read(run, seat):
            return False
        if run.is_choosy and not (self.sites.fits(run, seat) and self.sites.has_files(run, seat)):
            return False
        most = run.options.n_workers
        if most is None:
            return True
        run.team.intersection_update(map(id, self.crew.seats))
        if len(run.team) < most:
            run.team.add(id(seat))
        return id(seat) in run.team

    def _can_read(self, run: Run, seat: Seat) -> bool:
        """Whether the worker's Python can load the function; if no worker's can, the run fails."""
        payload = self._payload(run, ByValue)
        if payload is None:
            return False
        if not payload.by_value:
            return not (run.has_code_in_items and self._has_own_python())
        if not self._has_own_python():
            self._fail_run(run, other_python(run.function, seat))
        return False

    def _has_own_python(self) -> bool:
        """Whether there is a worker of this Python, or will be again."""
        seats = itertools.chain(self.crew.seats, *self.crew.vacant.values())
        return any(seat.slot.minor == MINOR for seat in seats)

    def _pinned(self, run: Run, seat: Seat) -> Task | None:
        index = run.pins.pop(id(seat), None)
        if index is None:
            index = self._orphaned(run)
        if index is None and not run.source.ready and run.again:
            return run.again.popleft()
        if index is None:
            return None
        _, items = run.source.take(1)
        return Task(range(index, index + 1), items)

    def _orphaned(self, run: Run) -> int | None:
        """Give the index of an item that was meant for a seat that is no more."""
        crew = self.crew
        known = {id(seat) for seats in (crew.seats, *crew.vacant.values()) for seat in seats}
        gone = next((key for key in run.pins if key not in known), None)
        return None if gone is None else run.pins.pop(gone)

    def size_for(self, run: Run, seat: Seat) -> int:
        """How many items the seat should get next."""
        room = self._room(run)
        if run.options.chunksize is not None:
            size = int(run.options.chunksize)
        elif run.options.timeout is not None and not seat.launcher.can_stop_items:
            size = 1
        else:
            size = self._adapted(run, seat, room)
        return min(size, room) if seat.most_items is None else min(size, room, seat.items_left())

    def _adapted(self, run: Run, seat: Seat, room: int) -> int:
        item_s = run.item_s.get(id(seat))
        if item_s is None:
            return self._trial(run, seat)
        overhead_s = seat.overhead_s + seat.slot.latency_s / _TRIPS_A_CHUNK
        measured = Measured(item_s, overhead_s, run.item_bytes, seat.last_size)
        left = run.source.left
        if left is None or run.is_stream:
            return stream_size(measured, room)
        left += sum(len(task.indices) for task in itertools.islice(run.again, WINDOW))
        if left <= 0:
            return 0
        share = self._share(run, seat)
        return 0 if self._tail.leaves(run, seat, left, share) else next_size(measured, left, share)

    def _trial(self, run: Run, seat: Seat) -> int:
        """Give the size of the first chunk; it is cut short in the worker if its items are not short."""
        source, is_far = run.source, seat.slot.latency_s > FAR_S
        if seat.in_flight and not is_far:
            return 0
        if run.is_stream or source.total is None or not source.is_light():
            return 1
        n_in_all = source.n_taken + (source.left or 0)  # of those that were chosen, where not all are wanted
        return trial_size(n_in_all, run.options.n_workers or len(self.crew.seats), 2 if is_far else 1)

    def _first_of(self, run: Run, seat: Seat) -> Task | None:
        """Take what is to run again from the queue: as much of it as a chunk may last."""
        task = run.again[0]
        if task.alone or run.options.chunksize is not None:
            return run.again.popleft()
        most = max(1, int(MAX_CHUNK_S / max(run.item_s.get(id(seat), 0.0), 1e-9)))
        if run.source.left is not None and not run.is_stream:
            most = min(most, self._adapted(run, seat, 0))
        if not most:
            return None
        run.again.popleft()
        if len(task.indices) <= most:
            return task
        run.requeue(task.part(most, len(task.indices), run.source.star, alone=False), first=True)
        return task.part(0, most, run.source.star, alone=False)

    def _share(self, run: Run, seat: Seat) -> float:
        """Give a seat's part of the speed of all; even shares until enough is measured to tell speed from noise."""
        n = len(self.crew.seats)
        pace = run.pace
        if pace.n_seats != n or run.n_sent >= pace.until:
            run.pace = pace = self._pace(run, n)
        own = run.item_s[id(seat)]
        if not pace.speed or run.worked_s.get(id(seat), 0.0) < _MEASURED_S:
            return 1 / n
        return min(1.0, 1 / max(own, 1e-9) / pace.speed)

    def _pace(self, run: Run, n: int) -> Pace:
        """Put together how fast all seats are; those that are not known for as fast as the others."""
        worked, item_s = run.worked_s, run.item_s
        speeds = [
            1 / max(item_s[key], 1e-9)
            for key in map(id, self.crew.seats)
            if worked.get(key, 0.0) >= _MEASURED_S and key in item_s
        ]
        speed = sum(speeds) * n / len(speeds) if speeds else 0.0
        return Pace(speed, n, run.n_sent + n // FEW)

    def _room(self, run: Run) -> int:
        """How many more items of a run may be taken from its source: no bound where its values are kept anyway."""
        keeper = run.keeper
        if not isinstance(keeper, StreamKeeper):
            return _NO_BOUND
        return keeper.room(run.source.n_taken, self.window(run))

    def window(self, run: Run) -> int:
        """How many items of a stream may be pulled and not taken."""
        n_seats = max(1, len(self.crew.seats))
        if all(seat.slot.inline for seat in self.crew.seats):
            slowest = max(run.item_s.values(), default=1.0)
            return WINDOW if slowest < _SHORT_S / WINDOW else 1
        has_given = isinstance(run.keeper, StreamKeeper) and run.keeper.n_given
        grown = 4 * run.largest if has_given else 0
        return max(WINDOW, int(min(grown, WINDOW_BYTES / max(run.item_bytes, run.value_bytes, 1.0)))) * n_seats

    def wanted(self, run: Run) -> int:
        """How many items its owner should pull from the input now."""
        room = self._room(run)
        n_seats = max(1, len(self.crew.seats))
        return min(room, max(WINDOW // 2 * n_seats, 2 * run.largest * n_seats))

    # --- sending ---

    def _send(self, seat: Seat, run: Run, task: Task) -> None:
        codec = ByReference if seat.launcher.shares_memory else ByValue
        frames: list[Frame] = []
        try:
            payload = codec.dump(task.items)
            if codec is ByValue and payload.by_value and seat.slot.minor != MINOR:
                if self._has_own_python():
                    run.has_code_in_items = True
                    run.requeue(task, first=True)
                    return
                raise other_python(task.items, seat)
        except BaseException as error:
            self._not_sent(run, task, error)
            return
        if run.number not in seat.defined:  # only now that it goes: it has what changed around the caller
            define = self._definition(run, seat, codec)
            if define is None:
                return
            frames.append(define)
            seat.defined.add(run.number)
        number = seat.next_number()
        meta = (number, run.number, run.drawn(task.indices), len(task.indices))
        frames.append(Frame(protocol.WORK, meta, payload.body, payload.buffers))
        self.note(seat, run, Chunk(run, task, number, 0 if codec is ByReference else payload.nbytes))
        seat.send(frames)

    def note(self, seat: Seat, run: Run, chunk: Chunk) -> None:
        """Take note of a chunk that is being sent: all of it may begin, as long as no limit is set."""
        n = chunk.limit
        seat.put(chunk)
        seat.last_size = n
        seat.n_items += n
        run.n_sent += 1
        run.item_bytes = chunk.size_bytes / n
        run.largest = max(run.largest, n)
        if run.options.timeout is not None:
            grace = _GRACE_S if seat.launcher.can_stop_items else 0.0
            allowed_s = run.options.timeout + grace
            if not seat.slot.watch(chunk.number, allowed_s, TIMED_OUT):
                self._watch(seat, chunk, allowed_s, allowed_s)

    def _definition(self, run: Run, seat: Seat, codec: Any) -> Frame | None:
        payload = self._payload(run, codec)
        if payload is None:
            return None
        context = seat.launcher.context()
        changed = context is not None and context != seat.context
        seat.context = context
        options = run.options
        minor = MINOR if payload.by_value else None
        chunk_s = CUT_S if options.chunksize is None else None
        known = context if changed else None
        how = tuple(run.profile.how) if run.profile is not None else None
        asked = run.source.star, options.seed, options.timeout
        ends = options.on_error in run.ending_on and not options.retry_on
        spec = RunSpec(*asked, minor, known, chunk_s, how, run.above, self.sites.limits(run, seat), ends)
        return Frame(protocol.DEFINE, (run.number, tuple(spec)), payload.body, payload.buffers)

    def _payload(self, run: Run, codec: Any) -> Payload | None:
        if codec not in run.payloads:
            try:
                function = run.function if run.files is None else run.files.wrapped(run.function)
                run.payloads[codec] = codec.dump((function, dict(run.options.kwargs)))
            except PathosNbError as error:  # says what there is to say, as a closed share does
                self._fail_run(run, error)
                return None
            except BaseException as error:
                self._fail_run(run, cannot_send(run.function, error))
                return None
            if run.payloads[codec].nbytes >= HEAVY_BYTES and codec is ByValue:
                self._to_weigh.append(run)
        payload: Payload = run.payloads[codec]
        return payload

    def _not_sent(self, run: Run, task: Task, error: BaseException) -> None:
        n = len(task.indices)
        if n > 1:
            star = run.source.star
            for i in reversed(range(n)):
                run.requeue(task.part(i, i + 1, star, alone=True), first=True)
            return
        told = CannotSend(
            "the argument cannot be sent to a worker",
            cause=f"{type(error).__name__}: {text_of(error)}",
            cure="make it inside of the function, or use threads",
            index=task.indices[0],
        )
        told.__cause__ = error
        self._fail_item(run, task, 0, told)

    # --- time ---

    def _watch(self, seat: Seat, chunk: Chunk, delay_s: float, allowed_s: float) -> None:
        def look() -> None:
            if seat.in_flight.get(chunk.number) is not chunk:
                return
            running = seat.slot.running()
            is_at_it = running is not None and running.chunk == chunk.number
            left_s = running.left_s(allowed_s) if running is not None and is_at_it else allowed_s
            if left_s <= 0:
                seat.kill(TIMED_OUT)
            else:
                self._watch(seat, chunk, max(1e-3, left_s), allowed_s)

        chunk.timer = self.hub.call_later(delay_s, look)


TIMED_OUT = "its item ran past its timeout"


def _has_more(run: Run) -> bool:
    return not (run.stopping or run.held_for) and bool(run.again or run.source.ready)


def failure_of(run: Run, task: Task, place: int, error: BaseException, seat: Seat) -> Failure:
    """Make the failure of an item that was sent to a seat."""
    index = task.indices[place]
    failure = Failure(index, error, argument=run.argument_of(task, place), attempt=run.attempts.get(index, 0) + 1)
    failure.worker, failure.host = seat.slot.name, seat.slot.host
    return failure
