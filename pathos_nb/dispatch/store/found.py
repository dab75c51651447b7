"""What a store has: its runs, their points, their values; what was finished, found again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from pathos_nb.dispatch.chunk_log import ChunkLog
from pathos_nb.dispatch.ended import EndedRun
from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.store.file import PLACES, StoreFile, damaged, point_id
from pathos_nb.dispatch.store.kept_profile import read_profile
from pathos_nb.dispatch.store.keys import KEY_BYTES
from pathos_nb.dispatch.store.owners import is_alive, is_mine
from pathos_nb.dispatch.store.points import kept_points, without_collecting
from pathos_nb.dispatch.store.sweep import NOT_KEPT, Block, Row, rows_of_block
from pathos_nb.dispatch.using.how import How
from pathos_nb.errors import Cancelled, StoreError
from pathos_nb.wire.quick import loads

__all__ = [
    "StoredRun", "code_of", "find", "job_folders", "keys_of", "listed", "loaded", "matches",
    "of_function", "points_of", "run_of", "written_blocks",
]  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")

# Of the columns below: SQLite keeps what it is given, whatever the column's own type.
_KINDS = (int, *(str,) * 7, int | None, str, *(float | int,) * 3, bytes, int, int, int)
_SPAN = f"BETWEEN runs.run * {PLACES} AND runs.run * {PLACES} + {PLACES} - 1"
_COLUMNS = (
    "runs.run, id, title, names, options, source, environment, owner, total, state, started, seen, seconds, digest,"
    f" (SELECT count(*) FROM points WHERE point {_SPAN}), (SELECT count(*) FROM failures WHERE point {_SPAN}),"
    " (SELECT count(*) FROM jobs WHERE jobs.run = runs.run AND jobs.state IN ('submitting', 'submitted'))"
)
_FROM = f"SELECT {_COLUMNS} FROM runs JOIN functions USING (function)"


def _telling(read: Callable[Concatenate[StoreFile, P], R]) -> Callable[Concatenate[StoreFile, P], R]:
    """Have a reader say, of a file that SQLite takes for whole and whose content makes no sense, that it is damaged."""

    @wraps(read)
    def telling(file: StoreFile, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return read(file, *args, **kwargs)
        except StoreError:
            raise
        except Exception as error:  # a pickle, or JSON, of anything
            raise damaged(file.path, error) from error

    return telling


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A row of a run.

    Attributes
    ----------
    run : int
        Its row.
    run_id, title, source : str
        Its name, what the user called it, and the text it was made from.
    names : tuple of str
        Its parameters.
    options : dict
        What it was asked with.
    environment : dict
        Versions, machine and folder.
    owner, state : str
        The kernel that wrote it, and how far it came.
    total : int or None
        How many points it has.
    started, seen, seconds : float
        When it began, when it was written last, and how long it took.
    digest : bytes
        Of its function.
    n_done, n_failed : int
        Points that were run, and how many of these failed.
    n_jobs : int
        Jobs of batch queues that are at it, or may be.
    """

    run: int
    run_id: str
    title: str
    names: tuple[str, ...]
    options: dict[str, Any]
    source: str
    environment: dict[str, Any]
    owner: str
    total: int | None
    state: str
    started: float
    seen: float
    seconds: float
    digest: bytes
    n_done: int
    n_failed: int
    n_jobs: int = 0

    @property
    def is_detached(self) -> bool:
        """Whether a batch queue is at it now, or may be."""
        return self.n_jobs > 0

    @property
    def is_running(self) -> bool:
        """Whether some kernel, or a queue, is at it now."""
        return self.is_detached or (self.state == "running" and is_alive(self.owner, self.seen))

    @property
    def is_running_elsewhere(self) -> bool:
        """Whether another kernel, or a queue, is at it now."""
        return self.is_running and (self.is_detached or not is_mine(self.owner))

    @property
    def is_mine(self) -> bool:
        """Whether this process wrote it."""
        return is_mine(self.owner)

    @property
    def end(self) -> str:
        """How it ended: ``lost`` where its kernel did before it; ``detached`` if a queue is at it."""
        if self.is_detached:
            return "detached"
        return "lost" if self.state == "running" and not self.is_running else self.state

    @property
    def was_cut_short(self) -> bool:
        """Whether it ended before it was done; a point that failed and was to be kept does not count.

        A kernel that is killed after its last point has left all of them and no end: that is found again as well.
        """
        if self.is_running or self.state == "done":
            return False
        if self.end == "lost":
            return True
        return self.total is None or self.n_done < self.total or self.options.get("on_error") != "keep"


def _run(row: Sequence[Any]) -> StoredRun:
    if not all(map(isinstance, row, _KINDS)):
        raise TypeError("a run has values of other kinds than its columns")
    run, run_id, title, *plain, owner, total, state, started, seen, seconds, digest, n_done, n_failed, n_jobs = row
    names, options, source, environment = json.loads(plain[0]), json.loads(plain[1]), plain[2], json.loads(plain[3])
    kinds = isinstance(names, list), isinstance(options, dict), isinstance(environment, dict)
    if not all(kinds) or not 0 <= (total or 0) <= PLACES:
        raise ValueError("a run has names, options or a number of points that make no sense")
    return StoredRun(
        run, run_id, title, tuple(map(str, names)), options, source, environment, owner, total, state, started, seen,
        seconds, digest, n_done, n_failed, n_jobs,
    )  # fmt: skip


@_telling
def listed(file: StoreFile, n_most: int = 100) -> list[StoredRun]:
    """Give the runs, the latest last.

    Parameters
    ----------
    file : StoreFile
        The store.
    n_most : int
        How many.

    Returns
    -------
    list of StoredRun
    """
    with file.reading() as connection:
        rows = connection.execute(f"{_FROM} ORDER BY seen DESC, run DESC LIMIT ?", (n_most,)).fetchall()
    return [_run(row) for row in reversed(rows)]


@_telling
def find(file: StoreFile, name: str) -> StoredRun | None:
    """Find a run.

    Parameters
    ----------
    file : StoreFile
        The store.
    name : str
        Its id, or its title.

    Returns
    -------
    StoredRun or None
        The latest that fits.
    """
    order = "ORDER BY id = ?1 DESC, seen DESC, run DESC LIMIT 1"
    with file.reading() as connection:
        row = connection.execute(f"{_FROM} WHERE id = ?1 OR title = ?1 {order}", (name,)).fetchone()
    return _run(row) if row else None


@_telling
def run_of(file: StoreFile, run_id: str) -> StoredRun | None:
    """Give the run of that very name.

    Parameters
    ----------
    file : StoreFile
        The store.
    run_id : str
        Its id.

    Returns
    -------
    StoredRun or None
    """
    with file.reading() as connection:
        row = connection.execute(f"{_FROM} WHERE id = ?", (run_id,)).fetchone()
    return _run(row) if row else None


@_telling
def job_folders(file: StoreFile, run: StoredRun) -> list[str]:
    """Give the folders in which batch jobs of a run have their files."""
    with file.reading() as connection:
        return [
            folder for (folder,) in connection.execute("SELECT DISTINCT folder FROM jobs WHERE run = ?", (run.run,))
        ]


@_telling
def of_function(file: StoreFile, digest: bytes, n_most: int = 50) -> list[StoredRun]:
    """Give the runs of one function, the latest first.

    Parameters
    ----------
    file : StoreFile
        The store.
    digest : bytes
        The function's.
    n_most : int
        How many.

    Returns
    -------
    list of StoredRun
    """
    with file.reading() as connection:
        query = f"{_FROM} WHERE digest = ? ORDER BY seen DESC, run DESC LIMIT ?"
        return [_run(row) for row in connection.execute(query, (digest, n_most))]


@_telling
def keys_of(file: StoreFile, run: int) -> bytes:
    """Give the keys of a run's points, 16 bytes each, as far as they were written."""
    with file.reading() as connection:
        rows = connection.execute("SELECT keys FROM blocks WHERE run = ? ORDER BY start", (run,))
        return b"".join(keys for (keys,) in rows)


def written_blocks(file: StoreFile, run: int) -> Iterator[Block]:
    """Give the points of a run as they were written, block by block."""
    query, start = "SELECT start, n, rows, keys FROM blocks WHERE run = ? AND start >= ? ORDER BY start LIMIT 1", 0
    while True:  # one at a time: nothing is held while somebody looks at it, and ten million points are not in memory
        with file.reading() as connection:
            row = connection.execute(query, (run, start)).fetchone()
        if row is None:
            return
        if not isinstance(row[0], int) or not isinstance(row[1], int):
            raise damaged(file.path, TypeError("a block of points does not say which they are"))
        yield Block(*row)
        start = row[0] + max(1, row[1])


@_telling
def points_of(file: StoreFile, run: StoredRun) -> list[Row]:
    """Give the arguments of a run's points.

    Parameters
    ----------
    file : StoreFile
        The store.
    run : StoredRun
        Which.

    Returns
    -------
    list of tuple
        As far as they were written; `NOT_KEPT` stands for what was too large.
    """
    with file.reading() as connection:
        rows = connection.execute("SELECT rows FROM blocks WHERE run = ? ORDER BY start", (run.run,)).fetchall()
    return [row for (packed,) in rows for row in rows_of_block(packed, len(run.names))]


@_telling
def matches(file: StoreFile, run: StoredRun, wanted: Mapping[bytes, int]) -> dict[int, int]:
    """Find points in a run, finished or not.

    Parameters
    ----------
    file : StoreFile
        The store.
    run : StoredRun
        Of the same function.
    wanted : mapping of bytes to int
        The keys of the points that are wanted, each with its place among them.

    Returns
    -------
    dict of int to int
        From the place of a point to the row of the one that is the same.
    """
    found = {}
    for block in written_blocks(file, run.run):
        first = point_id(run.run, block.start)
        each = (block.keys[at : at + KEY_BYTES] for at in range(0, len(block.keys), KEY_BYTES))
        found.update({wanted[key]: first + place for place, key in enumerate(each) if key in wanted})
    return found


@_telling
def loaded(file: StoreFile, run: StoredRun) -> Results:
    """Give the result of a run, as its cell did.

    Parameters
    ----------
    file : StoreFile
        The store.
    run : StoredRun
        Which.

    Returns
    -------
    Results
        What was finished; a `Failure` in the place of each point that failed or was not run.
    """
    with without_collecting():
        points, kept = points_of(file, run), kept_points(file, run.run)
    total = run.total if run.total is not None else len(points)
    points += [(NOT_KEPT,) * len(run.names)] * (total - len(points))
    failed = {i: failure for i, failure in kept.failures.items() if i not in kept.values and i < total}
    state = run.end if run.end in ("done", "failed", "cancelled") else "cancelled"
    found = kept.values.whole(total)
    record = ChunkLog()
    record.take_over(kept.chunks, run.run_id)
    n_run = sum(1 for failure in failed.values() if not isinstance(failure.error, Cancelled))
    ended = EndedRun(
        run.run_id, run.title, state, len(kept.values) + n_run, n_run, total, run.started, run.seconds, found, failed,
        record, profile=read_profile(file, run.run),
    )  # fmt: skip
    known = {name: str(value) for name, value in run.environment.items()}
    told = {"code": run.source, "environment": known}
    how = How(seed=run.options.get("seed"), kept=lambda: code_of(file, run)[0], told=told)
    return Results(ended, run.names, points, how)


def code_of(file: StoreFile, run: StoredRun) -> Any:
    """Give the function of a run, with its fixed keyword arguments.

    Parameters
    ----------
    file : StoreFile
        The store.
    run : StoredRun
        Which.

    Returns
    -------
    tuple of callable and dict

    Raises
    ------
    StoreError
        It is of another Python, or was too large to be kept.
    """
    with file.reading() as connection:
        row = connection.execute("SELECT code FROM functions WHERE digest = ?", (run.digest,)).fetchone()
    python = ".".join(str(run.environment.get("python", "?")).split(".")[:2])
    cure = "run its cell again: what it has finished is found there"
    if not row or not row[0]:
        raise StoreError(f"{run.title} was kept without its function, which was too large or not begun", cure=cure)
    if python != ".".join(map(str, sys.version_info[:2])):
        raise StoreError(f"{run.title} is of Python {python}, whose code no other can run", cure=cure)
    try:
        body, buffers, _ = loads(row[0])
        return loads(body, buffers=buffers)
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise StoreError(f"the function of {run.title} cannot be loaded", cause=cause, cure=cure) from error
