"""Values that need not be computed again, wherever they lie: in a store of ours, or in an archive of klepto's.

::

    pool.map(f, xs, cache=True) ──► keys of f and of each x ──► there? its value is placed, and nothing is sent
                                                            └─► not there: sent, computed, and put there

The keys are ours: an archive gets them as text of 32 hexadecimal digits.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from pathos_nb.dispatch.store.resume import path_of
from pathos_nb.dispatch.store.store import Store
from pathos_nb.dispatch.store.values import NotStorable
from pathos_nb.errors import BadOption

__all__ = ["MISSING", "ArchiveCache", "StoreCache", "as_cache", "look_up"]

_DIGITS = 32
MISSING = object()
Pairs = Sequence[tuple[bytes, Any]]


class StoreCache:
    """A cache in a store of ours.

    Parameters
    ----------
    path : Path, optional
        Its file; the user's own by default.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._store = Store(path)

    def get(self, key: bytes) -> Any:
        """Give the value of a key.

        Raises
        ------
        KeyError
            It is not there, or cannot be read any more.
        """
        with self._store.file.reading() as connection:
            row = connection.execute("SELECT value FROM entries WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        try:
            return self._store.file.values.unpack(row[0])
        except Exception as error:  # a file that is gone, a class that is not here any more: it is computed again
            raise KeyError(key) from error

    def put(self, pairs: Pairs) -> None:
        """Keep values; those that cannot be pickled are left out."""
        packed = [(key, raw, time.time()) for key, value in pairs if (raw := self._packed(key, value)) is not None]
        with self._store.file.writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO entries (key, value, stored) VALUES (?, ?, ?)", packed)

    def _packed(self, key: bytes, value: Any) -> bytes | None:
        try:
            return self._store.file.values.pack(value, f"cache/{key.hex()}")
        except NotStorable:
            return None

    def items(self) -> Iterator[tuple[bytes, Any]]:
        """Give all keys and values that can be read."""
        with self._store.file.reading() as connection:
            keys = [key for (key,) in connection.execute("SELECT key FROM entries")]
        for key in keys:
            value = look_up(self, key)
            if value is not MISSING:
                yield key, value

    def close(self) -> None:
        """Let the file go."""
        self._store.close()


class ArchiveCache:
    """A cache in a mapping: a dict, or an archive of klepto's, in memory or not.

    Parameters
    ----------
    archive : mutable mapping
        Given text as keys. One that is a dict before an archive (klepto's ``cached=True``) is written through.
    """

    def __init__(self, archive: MutableMapping[str, Any]) -> None:
        self._archive = archive
        _free(getattr(archive, "archive", archive))
        self._is_before = hasattr(archive, "archive") and hasattr(archive, "dump") and hasattr(archive, "load")
        self._lock = threading.Lock()

    def get(self, key: bytes) -> Any:
        """Give the value of a key.

        Raises
        ------
        KeyError
            It is not there.
        """
        name = key.hex()
        with self._lock:
            try:
                if self._is_before and name not in self._archive:
                    self._archive.load(name)  # type: ignore[attr-defined]
                return self._archive[name]
            except Exception as error:
                return self._twin(error)[name]

    def put(self, pairs: Pairs) -> None:
        """Keep values, all together: a file of klepto's is written anew each time."""
        named = {key.hex(): value for key, value in pairs}
        with self._lock:
            try:
                self._archive.update(named)
                if self._is_before:
                    self._archive.dump(*named)  # type: ignore[attr-defined]
            except Exception as error:
                _put_each(self._twin(error), named)

    def _twin(self, error: Exception) -> MutableMapping[str, Any]:
        """Open a SQL archive anew for this thread; what went wrong is raised where that is no cure.

        Without SQLAlchemy, klepto's SQL archives can be used by the thread only that has opened them.
        """
        state = getattr(getattr(self._archive, "archive", self._archive), "__state__", None) or {}
        root = str(state.get("root", ""))
        if type(error).__name__ != "ProgrammingError" or not root.startswith("sqlite:") or "memory" in root:
            raise error
        from klepto.archives import sqltable_archive

        name, kinds = f"{root}?table={state['id']}", ("serialized", "protocol")
        twin: MutableMapping[str, Any] = sqltable_archive(name, cached=False, **{kind: state[kind] for kind in kinds})
        return twin

    def items(self) -> Iterator[tuple[bytes, Any]]:
        """Give all keys of ours, and their values."""
        with self._lock:
            if self._is_before:
                self._archive.load()  # type: ignore[attr-defined]
            # klepto's HDF archives cannot be iterated (0.2.7): they call themselves without end
            found = list(getattr(self._archive, "__asdict__", lambda: self._archive)().items())
        for name, value in found:
            if len(name) == _DIGITS:
                yield bytes.fromhex(name), value

    def close(self) -> None:
        """Nothing: it is the caller's."""


def _free(archive: Any) -> None:
    """Have a SQL archive in memory usable in all threads: its connection is copied to one that is.

    Without SQLAlchemy, klepto's belongs to the thread that has opened it, which is mostly the one that asks for a map;
    values come in others. Where it is yet another thread, or with SQLAlchemy, it stays as it is.
    """
    root = str((getattr(archive, "__state__", None) or {}).get("root", ""))
    if not root.startswith("sqlite:") or "memory" not in root:
        return
    import sqlite3

    old = getattr(archive, "_conn", None)
    if not isinstance(old, sqlite3.Connection):
        return
    with contextlib.suppress(sqlite3.ProgrammingError):
        if ("THREADSAFE=1",) not in old.execute("PRAGMA compile_options").fetchall():
            return
        new = sqlite3.connect(":memory:", check_same_thread=False)
        old.backup(new)
        archive._conn, archive._engine = new, new.cursor()
        old.close()


def _put_each(archive: MutableMapping[str, Any], named: dict[str, Any]) -> None:
    """Put what can be put; the first refusal is raised in the end."""
    refusals: list[Exception] = []
    for name, value in named.items():
        try:
            archive[name] = value
        except Exception as error:  # of a value that it has no type for
            refusals.append(error)
    if refusals:
        raise refusals[0]


def as_cache(what: Any) -> StoreCache | ArchiveCache:
    """Make a cache of what a caller gives for one.

    Parameters
    ----------
    what : True, str, Path, mutable mapping or cache
        The user's own store; the file of one; an archive.

    Returns
    -------
    StoreCache or ArchiveCache

    Raises
    ------
    BadOption
        It is none of these.
    StoreError
        The store cannot be opened.
    """
    if isinstance(what, StoreCache | ArchiveCache):
        return what
    if what is True:
        return StoreCache()
    if isinstance(what, str | os.PathLike):
        return StoreCache(path_of(os.fspath(what)))
    if isinstance(what, MutableMapping) or (hasattr(what, "__setitem__") and hasattr(what, "update")):
        return ArchiveCache(what)
    raise BadOption(
        f"cache is {what!r}", cure="it may be True, the path of a store, or an archive of klepto's or a dict"
    )


def look_up(cache: StoreCache | ArchiveCache, key: bytes) -> Any:
    """Give the value of a key, or `MISSING`.

    Parameters
    ----------
    cache : StoreCache or ArchiveCache
        Where.
    key : bytes
        From `CallKeys.key`.

    Returns
    -------
    object
    """
    with contextlib.suppress(KeyError):
        return cache.get(key)
    return MISSING
