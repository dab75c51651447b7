"""A store that cannot be used says so in one clear word, and harms no map."""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import shutil
import signal
import socket
import sqlite3
import stat
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.dispatch.store import place, progress
from pathos_nb.dispatch.store.found import code_of, find, listed, loaded
from pathos_nb.dispatch.store.keys import function_key
from pathos_nb.dispatch.store.recorder import Recorder
from pathos_nb.dispatch.store.resume import plan
from pathos_nb.dispatch.store.store import Store, Stores
from pathos_nb.dispatch.store.sweep import Sweep
from pathos_nb.errors import StoreError
from pathos_nb.events import ChunkDone
from pathos_nb.launchers.registry import registry
from tests.store.sweeping import blob, square, swept, swept_while

pytestmark = pytest.mark.leaves("threads")


def unpicklable(x: int) -> Any:
    return (i for i in range(x))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def test_files_are_this_users_alone(path):
    store = Store(path)
    swept(store, rows=["x"], function=len)
    swept(store, function=bytes, rows=[2 << 20])
    store.writer.flush()
    kept = [path, *path.parent.glob("store.sqlite*"), *path.parent.rglob("store.sqlite.values/*/*")]
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept if file.is_file()} == {0o600}
    assert len(list(path.parent.glob("store.sqlite.values/*/*"))) == 1
    assert loaded(store.file, listed(store.file)[-1]).values() == [bytes(2 << 20)]
    store.close()


def test_a_function_that_comes_while_a_failure_is_being_written_down_is_kept(path, monkeypatch):
    write, takes, is_writing, has_come = Recorder.write, Recorder.takes, threading.Event(), threading.Event()

    def writes(recorder: Recorder, connection: sqlite3.Connection) -> None:
        write(recorder, connection)
        is_writing.set()
        assert has_come.wait(60), "no chunk came"

    def heard(recorder: Recorder, event: Any) -> bool:
        if isinstance(event, ChunkDone):
            assert is_writing.wait(60), "the failure, which comes first, is not written"
            is_later = takes(recorder, event)
            has_come.set()
            return is_later
        return takes(recorder, event)

    monkeypatch.setattr(Recorder, "write", writes)
    monkeypatch.setattr(Recorder, "takes", heard)
    store = Store(path)
    swept(store, function=math.sqrt, rows=[-1, 4])
    function, _ = code_of(store.file, listed(store.file)[-1])
    assert function(49) == 7
    store.close()


class SlowToWrite:
    """Takes twenty seconds of a clock that is not real to be pickled, and asks then whether the store is stuck."""

    now_s, ask = 0.0, print

    def __reduce__(self) -> Any:
        SlowToWrite.now_s += 20
        SlowToWrite.ask()
        return int, (3,)


def slow_to_write(x: int) -> Any:
    return SlowToWrite()


def test_a_store_that_is_long_at_many_points_is_not_taken_for_one_that_takes_nothing(path, monkeypatch):
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: SlowToWrite.now_s))
    store, answers = Store(path), list[bool]()
    monkeypatch.setattr(SlowToWrite, "ask", lambda: answers.append(store.writer._recorders[0].is_stuck(30)))
    run = swept(store, slow_to_write, range(6))
    assert answers == [False] * 6 and run.recorder.trouble is None and not run.recorder.n_not_kept
    SlowToWrite.now_s += 31
    assert run.recorder.is_stuck(30) and "took nothing for 30 s" in str(run.recorder.trouble)
    store.close()


def test_a_store_that_others_can_write_is_not_opened(path):
    Store(path).close()
    path.chmod(0o622)
    with pytest.raises(StoreError, match="others can write to .*unpickling, which runs code"):
        Store(path)
    path.chmod(0o600)
    path.parent.chmod(0o777)
    with pytest.raises(StoreError, match="others can write to"):
        Store(path)
    path.parent.chmod(0o700)
    link = path.with_name("link")
    link.symlink_to(path)
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(link)


def test_a_newer_store_a_strange_one_and_a_damaged_one_say_so(path, tmp_path):
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="written by a newer pathos_nb .format 99, here 1.; update"):
        Store(path)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    other.chmod(0o600)
    with pytest.raises(StoreError, match="is a database, but not a store of pathos_nb"):
        Store(other)
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"this is no database at all" * 1000)
    broken.chmod(0o600)
    with pytest.raises(StoreError, match="is damaged.*move it away"):
        Store(broken)


def test_a_store_that_is_damaged_in_mid_run_harms_no_map(path):
    store = Store(path)
    swept(store)
    store.writer.flush()
    with store.file.reading() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))
    with pytest.raises(StoreError, match="is damaged"):
        other = Store(path)
        try:
            listed(other.file)
        finally:
            other.close()
    store.close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    folder = tmp_path / "file"
    folder.write_text("")
    with pytest.raises(StoreError, match=r"cannot be opened: .*; choose another file"):
        Store(folder / "store.sqlite")


def test_a_full_disk_in_mid_run_loses_nothing_of_the_map_and_is_said(path):
    store = Store(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))  # no file may grow beyond that
        run = swept(store, blob, range(200))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert run.result() == [bytes(20_000)] * 200 and run.state == "done"
    assert isinstance(run.recorder.trouble, StoreError) and run.recorder.n_not_kept
    again = swept(store, blob, range(200))
    assert again.result() == [bytes(20_000)] * 200 and again.recorder.trouble is None, "there is room again"
    store.close()


def test_a_value_that_cannot_be_pickled_is_delivered_and_marked(path):
    store = Store(path)
    run = swept(store, unpicklable, range(3))
    assert [list(value) for value in run.result()] == [[], [0], [0, 1]] and run.recorder.n_unpicklable == 3
    store.writer.flush()
    kept = loaded(store.file, listed(store.file)[-1])
    assert all("could not be pickled, and was not stored" in str(value.error) for value in kept)
    assert plan(store, Sweep(unpicklable, function_key(unpicklable), ("x",), [(0,), (1,), (2,)]), "resume").n_kept == 0
    store.close()


def test_a_value_whose_file_is_gone_runs_again(path):
    store = Store(path)
    swept(store, bytes, [3 << 20, 2 << 20])
    store.writer.flush()
    (gone,) = path.parent.glob("store.sqlite.values/*/0")
    gone.unlink()
    run = swept(store, bytes, [3 << 20, 2 << 20], "resume")
    assert run.result() == [bytes(3 << 20), bytes(2 << 20)] and len(list(gone.parent.iterdir())) == 2
    store.close()


def test_two_stores_on_one_file_write_side_by_side(path):
    one, other = Store(path), Store(path)
    swept(one, rows=range(50))
    assert one.writer.flush(60)
    run = swept(other, rows=range(-5, 80), how="resume")
    assert run.result() == [x * x for x in range(-5, 80)] and run.recorder.trouble is None and run.n_before == 50
    assert swept(one, rows=range(50, 60), how="resume").n_before == 10
    assert one.writer.flush(60) and other.writer.flush(60)
    assert [found.n_done for found in listed(one.file)] == [50, 85, 10]
    one.close(), other.close()


def test_on_a_network_file_system_there_is_no_log_and_one_writer(path):
    store = Store(path, is_network=True)
    with store.file.reading() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert swept(store).recorder.trouble is None
    with pytest.raises(StoreError, match="is being written by another kernel"):
        Store(path, is_network=True)
    store.close()


def test_the_kind_of_disk_is_read_from_the_systems_table():
    mounts = (
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 0:40 / /data rw shared:1 - nfs4 server:/data rw\n"
        "31 30 0:41 / /data/me/fast\\040disk rw - xfs /dev/sdb rw\n"
    )
    assert place.file_system(Path("/data/me/s"), mounts) == "nfs4"
    assert place.file_system(Path("/data/me/fast disk/s"), mounts) == "xfs"
    assert place.file_system(Path("/datafile/s"), mounts) == "ext4" and place.file_system(Path("/s"), "") == ""


def test_pruning_forgets_what_is_done_and_keeps_what_was_cut_short(path):
    store = Store(path)
    swept(store, bytes, [3 << 20])
    swept(store, lambda x: 1 // x, [1, 0, 2])
    store.writer.flush()
    n, freed = store.prune()
    assert (n, [run.state for run in listed(store.file)]) == (1, ["failed"]) and freed > 2 << 20
    assert not list(path.parent.rglob("*.values/*/*")) and find(store.file, "sweep") is not None
    assert store.prune(is_all=True)[0] == 1 and not listed(store.file)
    store.close()


def test_a_kernel_that_was_killed_after_its_last_point_is_gone_on_with(path):
    store = Store(path)
    sweep = Sweep(square, function_key(square), ("x",), [(1,), ("x",), (2,)], "sweep", options={"on_error": "keep"})
    registry.observers.append(plan(store, sweep).attach)
    try:
        with Pool("threads", nodes=1) as pool:
            pool.start(square, sweep.rows, star=True, on_error="keep").wait()
    finally:
        registry.observers.pop()
    store.writer.flush()
    (run,) = listed(store.file)
    assert (run.state, run.n_done, run.was_cut_short) == ("failed", 3, False), "its failure is kept, as was asked for"
    gone = json.dumps({"host": socket.gethostname(), "pid": 1 << 22, "since": ""})
    with store.file.writing() as connection:
        connection.execute("UPDATE runs SET state = 'running', owner = ?", (gone,))
    again = plan(store, Sweep(square, function_key(square), ("x",), sweep.rows, "sweep"))
    assert again.n_kept == 2 and list(again.rows()) == [("x",)] and "cut short: 2 of 3 points are there" in again.note
    store.close()


def test_over_its_limit_the_oldest_runs_that_are_done_are_forgotten(path):
    store = Store(path)
    for n in range(6):
        swept(store, bytes, [(1 << 20) + n])
    store.writer.flush()
    store.keep_small(100 << 20)
    assert len(listed(store.file)) == 6
    store.keep_small(5 << 20)
    assert 2 <= len(listed(store.file)) <= 4 and listed(store.file)[-1].run == 6 and store.file.n_used < 4 << 20
    store.close()


def _replace(path: Path) -> None:
    other = path.with_name("other.sqlite")
    Store(other).close()
    for file in path.parent.glob("store.sqlite*"):
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    other.rename(path)


@pytest.mark.parametrize("happens", [lambda path: shutil.rmtree(path.parent), _replace], ids=["removed", "replaced"])
def test_a_store_that_goes_in_mid_run_is_begun_anew_with_all_points(tmp_path, happens):
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    store, run = swept_while(folder / "store.sqlite", happens)
    assert run.result() == [bytes(x << 18) for x in range(12)] and run.recorder.was_begun_again
    assert run.recorder.trouble is None and store.writer.flush(60)
    with contextlib.closing(Store(folder / "store.sqlite")) as seen:
        (found,) = listed(seen.file)
        assert (found.n_done, found.state) == (12, "done")
        assert loaded(seen.file, found).values() == run.result()
    store.close()


def test_a_store_that_cannot_be_begun_anew_is_said_and_the_results_are_there(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)

    def happens(path: Path) -> None:
        shutil.rmtree(folder)
        folder.write_text("a file in its place")

    store, run = swept_while(folder / "store.sqlite", happens)
    assert run.result() == [bytes(x << 18) for x in range(12)] and run.state == "done"
    assert "cannot be opened" in str(run.recorder.trouble) and run.recorder.n_not_kept
    store.close()


@pytest.mark.parametrize("torn", [0, 1, 23, 24, 2000, 5000], ids=lambda n: f"{n} bytes of a write")
def test_a_machine_that_stops_in_mid_write_leaves_what_was_reported(tmp_path, torn):
    told: set[int] = set()

    def crashes(path: Path) -> None:
        """Keep what the disk has at this moment: the shared memory beside it goes with the machine."""
        told.update(place for (place,) in sqlite3.connect(path).execute("SELECT point % (1 << 32) FROM points"))
        after = tmp_path / "after"
        after.mkdir(mode=0o700)
        for name in (path.name, f"{path.name}-wal"):
            shutil.copy(path.with_name(name), after / name)
        shutil.copytree(path.with_name(f"{path.name}.values"), after / f"{path.name}.values")
        with (after / f"{path.name}-wal").open("ab") as log:
            log.write(os.urandom(torn))

    (tmp_path / "before").mkdir(mode=0o700)
    store, _ = swept_while(tmp_path / "before" / "store.sqlite", crashes)
    store.close()
    with contextlib.closing(Store(tmp_path / "after" / "store.sqlite")) as found:
        (run,) = listed(found.file)
        kept = loaded(found.file, run)
        there = {index for index, value in enumerate(kept) if isinstance(value, bytes)}
        assert there == told == set(range(7)) and run.n_done == 7
        assert all(kept[index] == bytes(index << 18) for index in there)


def test_each_commit_is_flushed_to_the_disk(path):
    with contextlib.closing(Store(path)) as store, store.file.reading() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_more_points_of_the_same_name_go_on_in_its_row_and_those_of_another_are_copied(path):
    store = Store(path)
    swept(store, bytes, [1 << 20, 2])
    run = swept(store, bytes, [1 << 20, 2, 3], "resume")
    assert (run.n_before, run.result()) == (2, [bytes(1 << 20), bytes(2), bytes(3)]) and run.recorder.copies == []
    store.writer.flush()
    assert [(found.run, found.n_done, found.total) for found in listed(store.file)] == [(1, 3, 3)]
    run = swept(store, bytes, [5, 2, 1 << 20, 3, 2], "resume")
    assert (run.n_before, run.result()[2]) == (4, bytes(1 << 20)) and len(run.recorder.copies) == 4
    store.writer.flush()
    store.delete(listed(store.file)[:1])
    (left,) = listed(store.file)
    assert [len(value) for value in loaded(store.file, left)] == [5, 2, 1 << 20, 3, 2], "its large value is its own"
    store.close()


def test_a_store_that_was_deleted_is_begun_anew(path):
    stores = Stores()
    stores.get(path)
    for file in path.parent.glob("store.sqlite*"):
        file.unlink()
    swept(stores.get(path))
    assert listed(stores.get(path).file)[0].total == 10
    stores.close()
