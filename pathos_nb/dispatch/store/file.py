"""The file of a store: SQLite, one connection a process, every access in turn.

::

    functions   digest, code                     what a sweep calls, by value
    runs        id, title, function, state …     one row a sweep; a sweep that is resumed keeps its row
    blocks      run, start: arguments, keys      the points of a run, 4,096 together
    points      run and place: state, value      what is finished, committed with fsync
    failures    run and place: error             what failed
    entries     key: value                       what `cache=` keeps
    jobs        run, queue, id, state            what a batch queue computes, or has computed
    profiles    run: profile                     where the time of a run went, if it was profiled

Write-ahead log, every commit flushed to the disk. On a network file system there is no such log, since it needs memory
that all writers share, and only one process writes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pathos_nb.dispatch.store.place import check_owned, is_on_network, prepare
from pathos_nb.dispatch.store.read_only import connected
from pathos_nb.dispatch.store.reserve import Reserve
from pathos_nb.dispatch.store.values import Values
from pathos_nb.errors import StoreError

if TYPE_CHECKING:
    import sqlite3

__all__ = ["PLACES", "StoreFile", "damaged", "is_full", "point_id", "translated"]

_FORMAT = 1
_APPLICATION = 0x50617468  # "Path"
_BUSY_S = 2.0
_ASIDE = "move it away, and a new one is begun: %pathos runs --set-aside (in a shell: mv FILE* ELSEWHERE)"
PLACES = 1 << 32  # the row of a point is that of its run times this, and its place

_SCHEMA = """
CREATE TABLE functions (function INTEGER PRIMARY KEY, digest BLOB UNIQUE NOT NULL, code BLOB);
CREATE TABLE runs (
    run INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, title TEXT NOT NULL, function INTEGER NOT NULL,
    names TEXT NOT NULL, options TEXT NOT NULL, source TEXT NOT NULL, environment TEXT NOT NULL, owner TEXT NOT NULL,
    total INTEGER, state TEXT NOT NULL, started REAL NOT NULL, seen REAL NOT NULL, seconds REAL NOT NULL
);
CREATE INDEX runs_of_function ON runs (function);
CREATE TABLE blocks (
    run INTEGER NOT NULL, start INTEGER NOT NULL, n INTEGER NOT NULL, rows BLOB, keys BLOB NOT NULL,
    PRIMARY KEY (run, start)
);
CREATE TABLE workers (worker INTEGER PRIMARY KEY, name TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL);
CREATE UNIQUE INDEX workers_by_name ON workers (name, host, pid);
CREATE TABLE points (
    point INTEGER PRIMARY KEY, state INTEGER NOT NULL, value BLOB, started REAL, ended REAL, worker INTEGER
);
CREATE TABLE failures (point INTEGER PRIMARY KEY, failure BLOB NOT NULL);
CREATE TABLE entries (key BLOB PRIMARY KEY, value BLOB NOT NULL, stored REAL NOT NULL) WITHOUT ROWID;
"""
# Added to older stores as well, which are none the worse for it.
_PROFILES = "CREATE TABLE IF NOT EXISTS profiles (run INTEGER PRIMARY KEY, profile BLOB NOT NULL)"
_JOBS = """
CREATE TABLE IF NOT EXISTS jobs (
    job INTEGER PRIMARY KEY, run INTEGER NOT NULL, number INTEGER NOT NULL, queue TEXT NOT NULL, name TEXT NOT NULL,
    id TEXT NOT NULL, folder TEXT NOT NULL, n_tasks INTEGER NOT NULL, ask TEXT NOT NULL, state TEXT NOT NULL,
    told TEXT NOT NULL, submitted REAL NOT NULL
)
"""


def point_id(run: int, place: int) -> int:
    """Give the row of a point.

    Parameters
    ----------
    run, place : int
        Its run's row, and its place among the points.

    Returns
    -------
    int
        Those of one run follow each other.
    """
    return run * PLACES + place


class StoreFile:
    """An open store.

    Parameters
    ----------
    path : Path
        Made if it is missing.
    is_network : bool, optional
        Whether it lies on a network file system; found out if it is not given.
    is_read_only : bool
        Open one that is there, on a disk that cannot be written: its runs can be listed and loaded.

    Attributes
    ----------
    generation : int
        How many times the file was found removed, or another one in its place, and was opened anew.

    Raises
    ------
    StoreError
        It cannot be opened: it is damaged, of a newer pathos_nb, not this user's, or not to be written.
    """

    def __init__(self, path: Path, is_network: bool | None = None, *, is_read_only: bool = False) -> None:
        self.path, self.is_read_only = path.expanduser().absolute(), is_read_only
        self._prepare()
        self.is_network = is_on_network(self.path) if is_network is None else is_network
        self.values = Values(self.path.with_name(f"{self.path.name}.values"))
        self._lock = threading.RLock()
        self._pid, self._depth = os.getpid(), 0
        self.generation = 0
        with translated(self.path):
            self._connection, self._identity = self._open(), _identity(self.path)
        self.reserve = Reserve(self.path, is_held=not is_read_only)
        self.is_closed = False

    def _prepare(self) -> None:
        """See that it is this user's; made if it is missing, and may be."""
        if not self.is_read_only:
            prepare(self.path)
            return
        with translated(self.path):
            check_owned(self.path)
            check_owned(self.path.parent, is_folder=True)

    def _open(self) -> sqlite3.Connection:
        import sqlite3

        if self.is_read_only:
            return self._open_to_read()
        connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            if self.is_network:
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                connection.execute("PRAGMA journal_mode = DELETE")
            else:
                connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cache_size = -16384")
            connection.execute("PRAGMA secure_delete = FAST")  # to forget writes little, as the disk may be full
            connection.execute("PRAGMA trusted_schema = OFF")
            self._settle_format(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open_to_read(self) -> sqlite3.Connection:
        connection = connected(self.path)
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            self._check_format(connection)
            for name, table in (("jobs", _JOBS), ("profiles", _PROFILES)):  # an older store may have none
                if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone():
                    connection.execute(table.replace("CREATE TABLE", "CREATE TEMP TABLE"))
        except BaseException:
            connection.close()
            raise
        return connection

    def _settle_format(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {_FORMAT}")
            self._check_format(connection)
            connection.execute(_JOBS)
            connection.execute(_PROFILES)
        finally:
            connection.execute("COMMIT")

    def _check_format(self, connection: sqlite3.Connection) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != _APPLICATION:
            cure = "give another file by --store PATH"
            raise StoreError(f"{self.path} is a database, but not a store of pathos_nb", cure=cure)
        if version > _FORMAT:
            what = f"the store {self.path} was written by a newer pathos_nb (format {version}, here {_FORMAT})"
            raise StoreError(what, cure=f"update pathos_nb, or give another file by --store PATH, or {_ASIDE}")

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection, for what only reads.

        Yields
        ------
        sqlite3.Connection
            Nobody else uses it meanwhile.

        Raises
        ------
        StoreError
            The file cannot be read.
        """
        with self._lock, translated(self.path), self._in_use():
            yield self._connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside of a transaction, which is on the disk when the block has ended.

        Yields
        ------
        sqlite3.Connection
            Nobody else uses it meanwhile.

        Raises
        ------
        StoreError
            It could not be written; nothing of the block has been.
        """
        with self._lock, translated(self.path), self._in_use():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep the other threads of this process away, inside the block."""
        with self._lock:
            yield

    def _check(self) -> None:
        if self.is_closed:
            raise StoreError(f"the store {self.path} is closed", cure="the next cell opens it again")
        if os.getpid() != self._pid:
            raise StoreError("a store that a fork has inherited is not its own", cure="open it there again")

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        self._check()
        if not self._depth and _identity(self.path) != self._identity:
            self._open_anew()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def _open_anew(self) -> None:
        """Open what is at the path now, made if it is missing: what the old file gets nobody finds again."""
        self._prepare()
        before, self._connection = self._connection, self._open()
        self._identity = _identity(self.path)
        self.generation += 1
        self.reserve.hold()
        before.close()

    @property
    def is_there(self) -> bool:
        """Whether there is a file at its path."""
        return self.path.exists()

    @property
    def n_bytes(self) -> int:
        """What it takes on the disk, large values included."""
        files = [self.path, self.path.with_name(f"{self.path.name}-wal")]
        return sum(map(_size, files)) + self._beside

    @property
    def n_used(self) -> int:
        """What of it is in use: the rest is filled before the file grows."""
        pages, free = self._pages()
        return pages - free + self._beside

    def _pages(self) -> tuple[int, int]:
        """Give how many bytes of pages there are, in the file and in the log, and how many of these are free."""
        with self.reading() as connection:
            (size,) = connection.execute("PRAGMA page_size").fetchone()
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        return size * pages, size * free

    @property
    def _beside(self) -> int:
        return sum(map(_size, self.values.folder.rglob("*"))) if self.values.folder.is_dir() else 0

    def shrink(self) -> None:
        """Give back to the disk what is not used any more, if there is room to write what is used anew.

        To begin without would fill the disk to its last byte with the log, which then cannot be emptied.
        """
        pages, free = self._pages()
        if self._has_room(2 * (pages - free)):  # in the log; and on the way there, which may be on this disk too
            with self.reading() as connection:
                connection.execute("VACUUM")

    def settle(self) -> None:
        """Put what is written where it stays, if there is room, so that the log takes none."""
        if self._has_room(self._pages()[0] - _size(self.path)):
            with self.reading() as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _has_room(self, n_bytes: int) -> bool:
        return n_bytes <= shutil.disk_usage(self.path.parent).free

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            if not self.is_closed and os.getpid() == self._pid:
                self.is_closed = True
                self._connection.close()


def _identity(path: Path) -> tuple[int, int] | None:
    """Give what tells a file from another one of the same name; None if there is none."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def _size(path: Path) -> int:
    try:
        found = path.stat()
    except OSError:
        return 0
    return found.st_size if not path.is_dir() else 0


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Say in plain words what SQLite says in its own, inside the block.

    Parameters
    ----------
    path : Path
        The store's file.

    Raises
    ------
    StoreError
        In place of an error of SQLite's or of the disk's.
    """
    import sqlite3

    try:
        yield
    except sqlite3.Error as error:
        what, cure = _plain_words(str(error))
        raise StoreError(f"the store {path} {what}", cause=str(error), cure=cure) from error
    except UnicodeDecodeError as error:  # of a message of SQLite's about names in a damaged file
        raise damaged(path, error) from error
    except OSError as error:
        what, cure = _plain_words(os.strerror(error.errno) if error.errno else str(error))
        raise StoreError(f"the store {path} {what}", cause=str(error), cure=cure) from error


def is_full(error: StoreError) -> bool:
    """Say whether it was for want of room on the disk.

    Parameters
    ----------
    error : StoreError
        Of writing.

    Returns
    -------
    bool
    """
    return _plain_words(str(error.__cause__)) == _plain_words("full")


def damaged(path: Path, error: Exception) -> StoreError:
    """Give what is to be said of a store whose content makes no sense.

    Parameters
    ----------
    path : Path
        The store's file.
    error : Exception
        What came of reading it.

    Returns
    -------
    StoreError
    """
    what, cure = _plain_words("malformed")
    return StoreError(f"the store {path} {what}", cause=f"{type(error).__name__}: {error}", cure=cure)


_WORDS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("full", "no space", "quota"), "has no room: the disk is full", "%pathos runs --prune, or free some space"),
    (("locked", "busy"), "is being written by another kernel", "end what runs there, or give another by --store PATH"),
    (
        ("readonly", "read-only", "permission", "unable to open"),
        "cannot be written",
        "give a file of your own by --store PATH",
    ),
    (
        ("malformed", "not a database", "corrupt", "file is encrypted", "no such table", "no such column"),
        "is damaged",
        f"{_ASIDE}; sqlite3 FILE .recover may save its rows",
    ),
)


def _plain_words(text: str) -> tuple[str, str]:
    low = text.lower()
    for marks, what, cure in _WORDS:
        if any(mark in low for mark in marks):
            return what, cure
    return "cannot be used", "give another file by --store PATH"
