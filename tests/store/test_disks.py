"""A store on a disk that is full, or that cannot be written: a clear word, and a way out."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pathos_nb.dispatch.store.file import translated
from pathos_nb.dispatch.store.found import listed, loaded
from pathos_nb.dispatch.store.reserve import RESERVE_BYTES
from pathos_nb.dispatch.store.store import Store, Stores
from pathos_nb.errors import StoreError
from tests.store.sweeping import blob, swept, swept_while

pytestmark = pytest.mark.leaves("threads")


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 8 MB, where one can be mounted."""
    if not shutil.which("mount") or os.getuid() != 0:
        pytest.skip("only root mounts a small disk")
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


def filled(path: Path) -> None:
    """Fill the disk of a file."""
    with contextlib.suppress(OSError), path.with_name("other").open("wb", buffering=0) as other:
        while other.write(bytes(4096)):
            pass


@pytest.mark.parametrize("is_opened_again", [False, True])
def test_on_a_full_disk_runs_can_be_forgotten_and_there_is_room_again(small_disk, is_opened_again):
    path = small_disk / "store.sqlite"
    store = Store(path)
    swept(store, blob, range(100))
    store.writer.flush()
    filled(path)
    if is_opened_again:
        store.close()
        store = Store(path)
    run = swept(store, blob, range(500, 600))
    assert run.result() == [bytes(20_000)] * 100 and run.recorder.n_not_kept
    n_runs, n_bytes = store.prune(is_all=True)
    assert n_runs and n_bytes > 1_000_000
    again = swept(store, blob, range(50))
    assert again.result() == [bytes(20_000)] * 50 and again.recorder.trouble is None
    store.close()


def test_a_run_whose_end_found_no_room_can_be_forgotten_too(small_disk):
    store, run = swept_while(small_disk / "store.sqlite", filled)
    assert run.recorder.n_not_kept and listed(store.file)[-1].state == "running"
    assert store.prune() == (0, 0), "it was cut short, and what it has is too much to be written anew"
    n_runs, n_bytes = store.prune(is_all=True)
    assert n_runs == 1 and n_bytes > 1_000_000 and store.file.reserve.path.stat().st_size == RESERVE_BYTES
    again = swept(store, blob, range(20))
    store.writer.flush()
    assert again.recorder.trouble is None and listed(store.file)[-1].state == "done"
    store.close()


def test_a_disk_so_full_that_not_even_forgetting_has_room_says_what_is_left_to_do(small_disk, monkeypatch):
    store = Store(small_disk / "store.sqlite")
    swept(store, bytes, [3 << 20])
    store.writer.flush()
    begun, values = Store._forget, list(small_disk.rglob("*.values/*/*"))

    def finds_no_room(self: Store, runs: Any) -> None:
        with translated(self.file.path):
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Store, "_forget", finds_no_room)
    with pytest.raises(
        StoreError, match=r"not even forgetting has room; .* free some space there, or delete all .* rm -r"
    ):
        store.prune()
    assert values and not list(small_disk.rglob("*.values/*/*")), "large values are gone: they make room"
    monkeypatch.setattr(Store, "_forget", begun)
    assert store.prune()[0] == 1
    store.close()


def test_a_disk_that_is_mounted_read_only_is_named_and_takes_nothing_of_what_it_has(small_disk):
    path = small_disk / "store.sqlite"
    with contextlib.closing(Store(path)) as store:
        swept(store)
    remounted(small_disk, "ro")
    for refused in (path, small_disk / "folder" / "new.sqlite"):
        with pytest.raises(StoreError, match=r"cannot be opened: Read-only file system; choose another file: %config"):
            Store(refused)
    remounted(small_disk, "rw")
    with contextlib.closing(Store(path)) as store:
        assert loaded(store.file, listed(store.file)[-1]).values() == [x * x for x in range(10)]


def test_runs_on_a_disk_that_is_mounted_read_only_are_listed_and_loaded(small_disk):
    path = small_disk / "a store?.sqlite"  # which an address would take for its end
    with contextlib.closing(Store(path)) as store:
        swept(store, bytes, [3, 2 << 20])
        with store.file.writing() as connection:
            connection.execute("DROP TABLE jobs")  # as in the store of an earlier version
    remounted(small_disk, "ro")
    with contextlib.closing(Stores()) as stores:
        looked_at(stores, path, [bytes(3), bytes(2 << 20)])
        with pytest.raises(StoreError, match="Read-only file system"):
            stores.get(path)
        remounted(small_disk, "rw")
        swept(stores.get(path))
        assert [run.total for run in listed(stores.look(path).file)] == [2, 10], "it is written again"


def test_a_store_in_a_folder_that_cannot_be_written_is_listed_and_loaded(tmp_path):
    if os.getuid() == 0:
        pytest.skip("root writes to any folder")
    path = tmp_path / "folder" / "store.sqlite"
    with contextlib.closing(Store(path)) as store:
        swept(store)
    path.parent.chmod(0o500)
    try:
        with contextlib.closing(Stores()) as stores:
            looked_at(stores, path, [x * x for x in range(10)])
    finally:
        path.parent.chmod(0o700)


def test_the_log_of_a_killed_kernel_is_read_on_a_read_only_disk_or_said_to_be_in_need_of_its_index(small_disk):
    path, killed = small_disk / "store.sqlite", small_disk / "killed.sqlite"
    with contextlib.closing(Store(path)) as store:
        swept(store)
        store.writer.flush()
        for ending in ("", "-wal", "-shm"):
            shutil.copy(f"{path}{ending}", f"{killed}{ending}")
    remounted(small_disk, "ro")
    with contextlib.closing(Store(killed, is_read_only=True)) as store:
        assert loaded(store.file, listed(store.file)[-1]).values() == [x * x for x in range(10)]
    remounted(small_disk, "rw")
    killed.with_name("killed.sqlite-shm").unlink()
    remounted(small_disk, "ro")
    with pytest.raises(
        StoreError, match=r"in its log, which cannot be read .* copy both .* \(cp .*killed.sqlite\* FOLDER"
    ):
        Store(killed, is_read_only=True)


def looked_at(stores: Stores, path: Path, values: list[Any]) -> None:
    """Look at a store that cannot be written, and see that it is as it was."""
    before = {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()}
    store = stores.look(path)
    assert store.file.is_read_only and loaded(store.file, listed(store.file)[-1]).values() == values
    with pytest.raises(StoreError, match="cannot be written"), store.file.writing() as connection:
        connection.execute("DELETE FROM runs")
    assert {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()} == before


def remounted(disk: Path, how: str) -> None:
    """Have a disk read-only, or to be written again."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)
