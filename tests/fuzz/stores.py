"""What lies on the disk: a store's file with wounds in its pages and in its rows, files of results, parcels of a queue."""

from __future__ import annotations

import functools
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from pathos_nb import Pool
from pathos_nb.dispatch.profiles import Profile
from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.store import found
from pathos_nb.dispatch.store.file import StoreFile
from pathos_nb.dispatch.store.kept_profile import packed_profile, read_profile
from pathos_nb.dispatch.store.keys import KEY_BYTES, function_key
from pathos_nb.dispatch.store.resume import plan
from pathos_nb.dispatch.store.store import Store
from pathos_nb.dispatch.store.sweep import Sweep
from pathos_nb.dispatch.using.files import read_pickled, write_pickled
from pathos_nb.errors import BadFile, StoreError
from pathos_nb.launchers.registry import registry
from pathos_nb.wire.protocol import Profiling
from tests.fuzz.probe import Target
from tests.fuzz.spoiling import Cut, spoil, wounds

__all__ = ["TARGETS"]


def _root(x: Any) -> Any:
    return x**-1


@functools.cache
def _good_store() -> bytes:
    """Give the file of a store that has two runs, failures, a profile and a cache in it."""
    with tempfile.TemporaryDirectory(prefix="pathos-nb-fuzz-") as folder:
        path = Path(folder) / "store.sqlite"
        store = Store(path, is_network=False)
        for rows in (range(40), ["text", 2, None, 0]):
            _sweep(store, [(row,) for row in rows])
        store.writer.flush()
        with store.file.writing() as connection:
            connection.execute("INSERT INTO profiles VALUES (1, ?)", (packed_profile(Profile(Profiling())),))
        store.close()
        with Pool("serial") as pool:
            pool.map(_root, [1, 2, 4], cache=path)
        with sqlite3.connect(path) as settled:
            settled.execute("PRAGMA journal_mode = DELETE")
        settled.close()
        return path.read_bytes()


def _sweep(store: Store, points: list[tuple[Any, ...]]) -> None:
    planned = plan(store, Sweep(_root, function_key(_root), ("x",), points, "sweep"), "")
    registry.observers.append(planned.attach)
    try:
        with Pool("serial") as pool:
            pool.start(_root, planned.rows(), star=True, title="sweep", on_error="keep").wait()
    finally:
        registry.observers.remove(planned.attach)


@contextmanager
def _file(data: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pathos-nb-fuzz-") as folder:
        path = Path(folder) / "store.sqlite"
        path.touch(0o600)
        path.write_bytes(data)
        yield path


def _read_all(path: Path) -> None:
    file = StoreFile(path, is_network=False)
    try:
        for run in found.listed(file):
            for read in _READERS:
                try:
                    read(file, run)
                except StoreError:  # of this run; another one may be whole
                    continue
        found.find(file, "sweep")
        found.run_of(file, "no such run")
    finally:
        file.close()


def _loaded(file: StoreFile, run: Any) -> None:
    results = found.loaded(file, run)
    assert isinstance(results, Results)
    assert len(list(results)) == len(results)


_READERS: tuple[Callable[[StoreFile, Any], Any], ...] = (
    _loaded,
    found.points_of,
    found.code_of,
    found.job_folders,
    lambda file, run: found.matches(file, run, {found.keys_of(file, run.run)[:KEY_BYTES]: 0}),
    lambda file, run: list(found.written_blocks(file, run.run)),
    lambda file, run: found.of_function(file, run.digest),
    lambda file, run: read_profile(file, run),
)


def _pages(given: list[Cut] | bytes) -> None:
    with _file(spoil(_good_store(), given)) as path:
        _read_all(path)


_odd = st.none() | st.integers(-5, 5000) | st.integers(1 << 40, 1 << 62) | st.floats() | st.text(max_size=8)
_odd |= st.binary(max_size=40) | st.sampled_from(["{}", "[]", "null", '["x"]', '{"seed": []}', "[1, 2]", "\ud7ff"])


@functools.cache
def _columns() -> list[tuple[str, str]]:
    with _file(_good_store()) as path, sqlite3.connect(path) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        told = [(t, row[1]) for t in sorted(tables) for row in connection.execute(f"PRAGMA table_info({t})")]
    connection.close()
    return [pair for pair in told if not pair[0].startswith("sqlite_")]


def _rows(given: list[tuple[int, Any]]) -> None:
    with _file(_good_store()) as path:
        connection = sqlite3.connect(path)
        for number, value in given:
            table, column = _columns()[number % len(_columns())]
            try:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? WHERE rowid IN (SELECT max(rowid) FROM {table})", (value,)
                )
            except sqlite3.Error:  # it does not fit there
                continue
        connection.commit()
        connection.close()
        _read_all(path)


def _results(given: list[Cut] | bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="pathos-nb-fuzz-") as folder:
        path = Path(folder) / "fits.results"
        write_pickled(path, {"values": list(range(30)), "b": bytes(100)}, {"about": "fits"})
        path.write_bytes(spoil(path.read_bytes(), given))
        assert read_pickled(path) == {"values": list(range(30)), "b": bytes(100)}, "damage was not noticed"


TARGETS = (
    Target("pages of a store", wounds(4), _pages, (StoreError,), 60),
    Target("rows of a store", st.lists(st.tuples(st.integers(0, 99), _odd), max_size=3), _rows, (StoreError,), 60),
    Target("files of results", wounds(3), _results, (BadFile,), 40),
)
