"""One run on its way to the disk.

::

    dispatcher's thread                 writer's thread, at most 50 ms later
      run.tell(ChunkDone) ──► takes ──►  write: blocks of points, values of the items   ─┐ one transaction
                                         committed ──► run.tell_now(ChunkDone)          ◄┘ for all runs
      run over? ──► settle ───────────►  ... nothing left: callback

What waits is the events alone: values are taken from the run's own result when they are written, so a slow disk costs
no memory and loses nothing. A store that cannot be written harms no run: events are told all the same, it is tried
again each second and once more at the end, and the run says how many points are not kept.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pathos_nb.dispatch.ended import in_parts
from pathos_nb.dispatch.keepers import MISSING, ListKeeper
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.store.file import PLACES, point_id
from pathos_nb.dispatch.store.kept_profile import ProfileWriter
from pathos_nb.dispatch.store.owners import me
from pathos_nb.dispatch.store.progress import Progress
from pathos_nb.dispatch.store.stretches import Stretch, copy_stretch
from pathos_nb.dispatch.store.sweep import BLOCK, Sweep, environment
from pathos_nb.dispatch.store.values import NotStorable, Values
from pathos_nb.errors import Cancelled, Failure, StoreError
from pathos_nb.events import ChunkDone, Event, ItemFailed, RunEnded
from pathos_nb.launchers.codec import ByValue
from pathos_nb.wire.serialization import dump

if TYPE_CHECKING:
    import sqlite3

__all__ = ["DONE", "FAILED", "NOT_STORED", "Recorder"]

DONE, FAILED, NOT_STORED = 1, 2, 3
_N_POINTS, _N_BLOCKS = 5000, 16  # in one transaction, but for a chunk that has more
_TOGETHER = 4096
_SAVE = "keep the result by its save(FILE)"
_COPY_S = 0.05  # in one transaction
_CODE_BYTES = 16 << 20
_IN_BAND = 1 << 62
_POINT = "INSERT OR REPLACE INTO points (point, state, value, started, ended, worker) VALUES (?, ?, ?, ?, ?, ?)"
_Told = tuple[int, float | None, float | None, int]  # an item: its index, from when to when, by whom
_FAILURE = "INSERT OR REPLACE INTO failures (point, failure) VALUES (?, ?)"


class Recorder:
    """Hears a run, and writes it when it is asked to.

    Parameters
    ----------
    run : Run
        It keeps its values in a list.
    sweep : Sweep
        What the run is of.
    values : Values
        Packs values.
    wake : callable
        Tells the writer that there is something to write, and whether it is in a hurry.
    row : int, optional
        The run's row, where it goes on with one that was cut short.
    progress : Progress, optional
        The writer's.
    """

    def __init__(
        self, run: Run, sweep: Sweep, values: Values, wake: Callable[[bool], None], row: int | None = None,
        *, progress: Progress | None = None,
    ) -> None:  # fmt: skip
        self.run, self.sweep, self.row = run, sweep, row
        self.trouble: StoreError | None = None
        self.n_unpicklable = 0
        self.copies: list[Stretch] = []  # points of other runs that are these ones
        self.places: Sequence[int] | None = None  # where each item stands among the points, if not at its own place
        self._values, self._wake = values, wake
        self._waiting: deque[Event] = deque()
        self._taken: list[Event] = []
        self._told: set[int] = set()  # events that were told before they were written
        self._state = "running"  # how it ended, once that was taken to be written
        self.generation = 0  # of the file that it writes to
        self.was_begun_again = False
        self._n_before, self._n_written = len(run.chunks), 0  # chunks that it has not heard, and those that are kept
        self._again: Iterator[Event] | None = None  # what was kept already, where the store begins anew
        self._taken_again: list[Event] = []
        self._n_blocked, self._n_copied, self._is_begun, self.is_given_up = 0, 0, False, False
        self._is_again, self._has_ended = row is not None, False
        self._before = (row, 0, 0, False)  # what the four were at the last commit
        self._code: bytes | None = None
        self._is_code_taken = self._is_code_written = False
        self._progress = progress or Progress()
        self._progress.step()
        self._callback: Callable[[], None] | None = None
        self._workers: dict[tuple[str, str, int], int] = {}
        self._lock = threading.Lock()
        self._profile = ProfileWriter(run)

    # what the dispatcher calls

    def takes(self, event: Event) -> bool:
        """Hear an event; say whether it is told later."""
        if isinstance(event, ChunkDone):
            if self._code is None:
                self._code = self._packed_code()
            self._waiting.append(event)
            is_later = self.trouble is None and not self.run.is_over
            if not is_later:
                self._told.add(id(event))
            self._wake(False)
            return is_later
        if isinstance(event, ItemFailed):
            self._waiting.append(event)
            self._wake(False)
        elif isinstance(event, RunEnded):
            self._release()
            self._waiting.append(event)
            self._has_ended = True
            self._wake(True)
        return False

    @property
    def path(self) -> Path:
        """The store's file."""
        return self._values.path

    def settle(self, callback: Callable[[], None]) -> bool:
        """Say whether nothing is left to write; if something is, it is written at once, and the callback called."""
        with self._lock:
            if not self.has_more or self.is_given_up:
                return True
            if self._callback is None:
                self._callback = callback
        self._wake(True)
        return False

    def _release(self) -> None:
        """Tell what is not told yet: the run ends without waiting any longer."""
        for event in [*self._taken, *self._waiting]:
            if isinstance(event, ChunkDone) and id(event) not in self._told:
                self._told.add(id(event))
                self.run.tell_now(event)

    def _packed_code(self) -> bytes:
        """Give the function as the workers got it; nothing where it is too large to be kept."""
        try:
            payload = self.run.payloads.get(ByValue)
            if payload is None:
                payload = dump((self.run.function, dict(self.run.options.kwargs)))
            if payload.nbytes > _CODE_BYTES:
                return b""
            parts = bytes(payload.body), [bytes(buffer) for buffer in payload.buffers], payload.by_value
            return bytes(dump(parts, _IN_BAND).body)
        except Exception:  # threads take what cannot be pickled, whatever it raises
            return b""

    # what the writer calls

    @property
    def has_more(self) -> bool:
        """Whether there is something to write."""
        return bool(self._waiting or self._taken or self._taken_again or self._again) or self._is_behind

    @property
    def _is_behind(self) -> bool:
        return (
            not self._is_begun
            or self._n_copied < len(self.copies)
            or (self._n_blocked < len(self.sweep.rows) and self.places is None)
        )

    @property
    def is_settling(self) -> bool:
        """Whether somebody waits for the last of it."""
        return self._callback is not None

    @property
    def is_over(self) -> bool:
        """Whether it has nothing to do any more: the end was heard, which comes a little after the run is over."""
        return self._has_ended and (self.is_given_up or not self.has_more)

    @property
    def is_wanted(self) -> bool:
        """Whether something is to be written, or is just about to be."""
        return not self.is_given_up and (self.has_more or (self.run.is_over and not self._has_ended))

    def write(self, connection: sqlite3.Connection) -> None:
        """Write some of what waits, inside of a transaction."""
        taken, n = self._taken, self._take_again()
        while self._waiting and n < _N_POINTS:
            event = self._waiting.popleft()
            taken.append(event)
            n += _n_points(event)
        if not self._is_begun:
            self._begin(connection)
        self._write_code(connection)
        self._write_blocks(connection)
        self._copy(connection)
        self._write_points(connection, [*self._taken_again, *taken])
        self._write_state(connection, taken)
        assert self.row is not None
        self._profile.write(connection, self.row, self.places, any(isinstance(event, RunEnded) for event in taken))

    def _take_again(self) -> int:
        """Take some of what has to be written once more, and say how many points that is."""
        n = sum(map(_n_points, self._taken_again))
        while self._again is not None and n < _N_POINTS:
            event = next(self._again, None)
            if event is None:
                self._again = None
            else:
                self._taken_again.append(event)
                n += _n_points(event)
        return n

    def is_at(self, generation: int) -> bool:
        """Say whether it writes to the file that there is; all of it, if its own was removed or replaced.

        Parameters
        ----------
        generation : int
            Of that file.

        Returns
        -------
        bool
            False for points that run again: the run that they belong to is gone.
        """
        if generation == self.generation:
            return True
        self.generation = generation
        if self.places is None:
            self._begin_again()
            return True
        self.trouble = StoreError("the run that they belong to is not in its store any more", cure=_SAVE)
        self.is_given_up = True
        self._release()
        self._call_back()
        return False

    def hand_over(self) -> None:
        """Write nothing more: another recorder has the row from now on."""
        self.is_given_up = self._has_ended = True
        self._release()
        self._call_back()

    def _begin_again(self) -> None:
        """Have all of the run written once more, what was kept before included."""
        self.was_begun_again = True
        self._before = None, 0, 0, False
        self.row, self._n_blocked, self._n_copied, self._is_begun = self._before
        self._is_code_written, self.n_unpicklable, self.copies = False, 0, []
        self._workers.clear()
        self._profile.begin_again()
        there = islice(self.run.chunks, self._n_before + self._n_written)
        self._again, self._taken_again = chain(there, self._failed_alone()), []

    def _failed_alone(self) -> Iterator[Event]:
        return (ItemFailed(self.run.run_id, failure) for failure in list(self.run.failures.values()))

    def _write_state(self, connection: sqlite3.Connection, taken: list[Event]) -> None:
        if self.places is not None:
            connection.execute(
                "UPDATE runs SET seen = ?1, state = CASE WHEN total = (SELECT count(*) FROM points WHERE state = ?2"
                " AND point BETWEEN ?3 AND ?4) THEN 'done' ELSE state END WHERE run = ?5",
                (time.time(), DONE, point_id(self.row or 0, 0), point_id(self.row or 0, PLACES - 1), self.row),
            )
            return
        self._state = next((event.state for event in taken if isinstance(event, RunEnded)), self._state)
        is_whole = not self._waiting and self._again is None and not self._is_behind
        state = self._state if is_whole else "running"
        connection.execute(
            "UPDATE runs SET state = ?, seen = ?, seconds = ?, total = ? WHERE run = ?",
            (state, time.time(), self.run.seconds + self.run.earlier_s, self.run.total, self.row),
        )

    def committed(self) -> None:
        """Tell what is on the disk now."""
        taken, self._taken, self._taken_again = self._taken, [], []
        self._n_written += sum(isinstance(event, ChunkDone) for event in taken)
        self._before = (self.row, self._n_blocked, self._n_copied, True)
        self._is_code_written = self._is_code_taken  # what came since the transaction began is not in it
        self._progress.step()
        self._profile.committed()
        for event in taken:
            if isinstance(event, ChunkDone) and id(event) not in self._told:
                self.run.tell_now(event)
            self._told.discard(id(event))
        self.trouble = None
        if not self.has_more:
            self._call_back()

    def failed(self, error: StoreError) -> None:
        """Take in that it could not be written; the next time all of it is tried again."""
        self.trouble = error
        self.row, self._n_blocked, self._n_copied, self._is_begun = self._before
        self._workers.clear()
        self._profile.failed()
        self._release()
        if self.is_settling or self.run.is_over:
            self.is_given_up = True
            self._call_back()

    def is_stuck(self, seconds: float) -> bool:
        """Give up if the writer has not come on for so long: a network file system may hang for ever."""
        if self._progress.still_s < seconds:
            return False
        self.trouble = StoreError(f"the store took nothing for {seconds:.0f} s", cure="look after its disk")
        self.is_given_up = True
        self._call_back()
        return True

    @property
    def n_not_kept(self) -> int:
        """How many finished items wait, or were never written."""
        events = [*self._taken, *self._waiting]
        if self._again is not None or self._taken_again:
            return self.run.n_done
        n_of_others = sum(stretch.n for stretch in self.copies[self._n_copied :])
        return n_of_others + sum(event.n_items for event in events if isinstance(event, ChunkDone))

    def _call_back(self) -> None:
        with self._lock:
            callback, self._callback = self._callback, None
        if callback is not None:
            callback()

    # its parts

    def _begin(self, connection: sqlite3.Connection) -> None:
        sweep = self.sweep
        function = _function_row(connection, sweep.key.digest)
        if self.places is not None:
            pass
        elif self.row is not None:
            connection.execute(
                "UPDATE runs SET id = ?, title = ?, owner = ?, state = 'running', environment = ? WHERE run = ?",
                (self.run.run_id, self.run.title, me(), environment(), self.row),
            )
            (self._n_blocked,) = connection.execute(
                "SELECT coalesce(max(start + n), 0) FROM blocks WHERE run = ?", (self.row,)
            ).fetchone()
        else:
            told = (json.dumps(sweep.names), json.dumps(sweep.options), sweep.source, environment(), me())
            row = (self.run.run_id, self.run.title, function, *told, self.run.total, self.run.started_at, time.time())
            self.row = connection.execute(
                "INSERT INTO runs (id, title, function, names, options, source, environment, owner, total, state,"
                " started, seen, seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'running', ?, ?, 0)",
                row,
            ).lastrowid
        self._is_begun = True

    def _write_code(self, connection: sqlite3.Connection) -> None:
        self._is_code_taken = self._code is not None
        if self._is_code_taken and not self._is_code_written:
            connection.execute(
                "UPDATE functions SET code = ? WHERE digest = ? AND code IS NULL", (self._code, self.sweep.key.digest)
            )

    def _write_blocks(self, connection: sqlite3.Connection) -> None:
        if self.places is not None:
            return
        taken = [*self._taken_again, *self._taken]
        last = max((max(e.indices) for e in taken if isinstance(e, ChunkDone)), default=0)
        n_needed = -(-(last + 1 - self._n_blocked) // BLOCK)
        for block in self.sweep.blocks(self._n_blocked, max(n_needed, _N_BLOCKS)):
            connection.execute(
                "INSERT OR REPLACE INTO blocks (run, start, n, rows, keys) VALUES (?, ?, ?, ?, ?)",
                (self.row, block.start, block.n, block.rows, block.keys),
            )
            self._n_blocked = block.start + block.n
            self._progress.step()

    def _copy(self, connection: sqlite3.Connection) -> None:
        """Have points of other runs that are these ones as well; some of them at a time."""
        assert self.row is not None
        until = time.monotonic() + _COPY_S
        while self._n_copied < len(self.copies) and time.monotonic() < until:
            stretch = self.copies[self._n_copied]
            copy_stretch(connection, stretch, point_id(self.row, stretch.place), self._values)
            self._n_copied += 1
            self._progress.step()

    def _write_points(self, connection: sqlite3.Connection, taken: list[Event]) -> None:
        rows = self._told_of(connection, taken)
        while some := list(islice(rows, _TOGETHER)):  # a chunk of very short items may have a million of them
            points: list[tuple[Any, ...]] = []
            failures: list[tuple[int, bytes]] = []
            for told in some:
                self._add(points, failures, told)
            connection.executemany(_POINT, points)
            if self._is_again:
                connection.executemany("DELETE FROM failures WHERE point = ?", [(point[0],) for point in points])
            connection.executemany(_FAILURE, failures)

    def _told_of(self, connection: sqlite3.Connection, taken: list[Event]) -> Iterator[_Told]:
        for event in taken:
            if isinstance(event, ChunkDone):
                worker = self._worker(connection, event)
                yield from ((index, start, end, worker) for index, start, end in _stamped(event))
            elif isinstance(event, ItemFailed):
                yield event.failure.index, None, None, 0

    def _add(self, points: list[Any], failures: list[Any], told: _Told) -> None:
        index, start, end, worker = told
        self._progress.step()
        kept = self.run.keeper.values if isinstance(self.run.keeper, ListKeeper) else []
        value = kept[index] if index < len(kept) else MISSING
        if value is MISSING or (isinstance(value, Failure) and isinstance(value.error, Cancelled)):
            return  # it runs again, or did not run
        assert self.row is not None
        place = index if self.places is None else self.places[index]
        point, state, packed = point_id(self.row, place), DONE, None
        if isinstance(value, Failure):
            state = FAILED
            failures.append((point, bytes(dump(in_parts(value), _IN_BAND).body)))
        else:
            try:
                packed = self._values.pack(value, f"{self.row}/{place}")
            except NotStorable:
                state = NOT_STORED
                self.n_unpicklable += 1
        points.append((point, state, packed, start, end, worker))

    def _worker(self, connection: sqlite3.Connection, chunk: ChunkDone) -> int:
        who = chunk.worker, chunk.host, chunk.pid
        if who not in self._workers:
            connection.execute("INSERT OR IGNORE INTO workers (name, host, pid) VALUES (?, ?, ?)", who)
            (self._workers[who],) = connection.execute(
                "SELECT worker FROM workers WHERE name = ? AND host = ? AND pid = ?", who
            ).fetchone()
        return self._workers[who]


def _n_points(event: Event) -> int:
    return event.n_items if isinstance(event, ChunkDone) else 1


def _function_row(connection: sqlite3.Connection, digest: bytes) -> int:
    connection.execute("INSERT OR IGNORE INTO functions (digest) VALUES (?)", (digest,))
    (row,) = connection.execute("SELECT function FROM functions WHERE digest = ?", (digest,)).fetchone()
    return int(row)


def _stamped(chunk: ChunkDone) -> Iterator[tuple[int, float, float]]:
    """Give each item of a chunk with its start and its end; those of one stamp share its time."""
    start, indices, block = chunk.started, chunk.indices, chunk.block
    for number, end in enumerate(chunk.ends):
        part = indices[number * block : (number + 1) * block]
        each = (end - start) / len(part) if part else 0.0
        for place, index in enumerate(part):
            yield index, start + place * each, start + (place + 1) * each
        start = end
