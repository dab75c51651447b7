"""The record of a run of very many items lies on the disk for the most part, and reads as if it were a list."""

from __future__ import annotations

import copy
import errno
import gc
import os
import pickle
import threading
from array import array

import pytest

from pathos_nb import Pool
from pathos_nb.dispatch import chunk_log, spill
from pathos_nb.dispatch.chunk_log import ChunkLog
from pathos_nb.dispatch.results import Results
from pathos_nb.errors import Failure
from pathos_nb.events import ChunkDone

MOST = 1_000


@pytest.fixture(autouse=True)
def _beside_the_store(tmp_path, monkeypatch):
    (tmp_path / "pathos_nb").mkdir()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def chunk(number: int, n: int = 10, block: int = 1) -> ChunkDone:
    """Give a chunk of items that took a second each, one after the other."""
    indices = range(number * n, number * n + n)
    ends = array("d", [float(index + block) for index in indices[::block]])
    failed = (Failure(number * n, ValueError(number)),) if number % 50 == 0 else ()
    said = ((number * n, f"item {number}\n"),) if number % 7 == 0 else ()
    return ChunkDone("r", f"p{number % 2}", "here", 1, indices, float(number * n), ends, block, failed, said)


def filled(n: int, **options) -> tuple[ChunkLog, list[ChunkDone]]:
    chunks = [chunk(number) for number in range(n)]
    return ChunkLog(chunks, **{"most": MOST, **options}), chunks


def test_the_earlier_chunks_go_to_the_disk_and_come_back_as_they_were():
    log, chunks = filled(500)
    assert log.n_in_memory <= MOST < sum(len(each.ends) for each in chunks)
    assert list(log) == chunks and len(log) == 500
    assert (log[0], log[-1], log[77], log[-400], log[3:5]) == (
        chunks[0], chunks[-1], chunks[77], chunks[-400], chunks[3:5],
    )  # fmt: skip
    with pytest.raises(IndexError):
        log[500]
    assert log[-1] is chunks[-1], "who follows a run knows the latest by what they are"
    assert log[0].failures[0] is chunks[0].failures[0], "an error is the one that the result has"


def test_what_is_asked_of_a_part_reads_no_other(monkeypatch):
    log, chunks = filled(500)
    reads = []
    monkeypatch.setattr(log._file, "read", lambda at, size, read=log._file.read: reads.append(at) or read(at, size))
    found = list(log.between(1010.0, 1030.0, 0.0))
    assert len(reads) == 1, "one segment of many"
    assert [each for each in chunks if each.ends[-1] >= 1010.0 and each.started <= 1030.0] == [
        each for each in found if each.ends[-1] >= 1010.0 and each.started <= 1030.0
    ]
    n_segments = len(log._segments)
    del reads[:]
    assert list(log.between(4990.0, 5000.0, 1e9))[0] == chunks[0] and len(reads) == n_segments, "all is older than that"


def test_a_full_disk_costs_memory_and_no_record(monkeypatch):
    def full(*words):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(spill.os, "pwrite", full)
        log, chunks = filled(300)
        assert list(log) == chunks and log.n_in_memory == 3000
    more = [chunk(number) for number in range(300, 7500)]
    log += more
    assert list(log) == chunks + more and log.n_in_memory <= MOST, "there is room again"


def test_a_stream_without_end_keeps_its_last_part_and_writes_nothing():
    log, chunks = filled(500, is_endless=True)
    assert log.n_in_memory <= MOST and log._file is None
    assert list(log) == chunks[-len(log) :] and len(log) > 30
    log.forget(10)
    assert list(log) == chunks[-len(log) :]


def test_copies_have_all_of_it():
    log, chunks = filled(300)
    assert [c.ends for c in copy.deepcopy(log)] == [c.ends for c in chunks]
    assert [c.ends for c in pickle.loads(pickle.dumps(log))] == [c.ends for c in chunks]


def test_the_file_has_no_name_and_ends_with_the_record(tmp_path):
    n_before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    log, _ = filled(300)
    place = os.fstat(log._file._file.fileno())
    assert place.st_dev == os.stat(tmp_path).st_dev and place.st_nlink == 0
    assert place.st_mode & 0o077 == 0
    assert not list((tmp_path / "pathos_nb").iterdir())
    del log
    gc.collect()
    if n_before:
        assert len(os.listdir("/proc/self/fd")) <= n_before  # others in this process may have let go of theirs


def test_it_is_read_while_it_grows():
    log, seen, is_over = ChunkLog(most=MOST), [], threading.Event()

    def look():
        while not is_over.is_set():
            found = [each.indices.start for each in log]
            seen.append(found == [10 * number for number in range(len(found))])

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(600):
        log.append(chunk(number))
    is_over.set()
    for thread in threads:
        thread.join()
    assert seen and all(seen)


def test_a_real_run_has_its_times_from_there(monkeypatch):
    monkeypatch.setattr(chunk_log, "MOST_STAMPS", 500)
    with Pool("threads", nodes=2) as pool:
        run = pool.start(abs, range(4000), chunksize=20, progress=False)
        run.wait()
    results = Results(run, ("x",), [(x,) for x in range(4000)])
    assert run.chunks.n_in_memory < 4000 and list(results) == list(range(4000))
    assert results.timing.n_items == 4000 and None not in results.to_dict()["seconds"]
    assert set(results.to_dict()["worker"]) == {chunk.worker for chunk in run.chunks}
    again = pickle.loads(pickle.dumps(results))
    assert again.to_dict() == results.to_dict()


def test_a_table_of_very_many_points_is_made_of_the_rows_that_are_shown():
    with Pool("serial") as pool:
        run = pool.start(_odd_fails, range(30_000), progress=False, on_error="keep")
        run.wait()
    results = Results(run, ("x",), [(x,) for x in range(30_000)])
    shown = repr(results)
    assert "29,999" in shown or "29999" in shown
    assert "ValueError: 20000" in shown, "one that failed is among them"
    assert results._final_table is None
    assert results.timing.n_items == 30_000 and results.timing.n_workers == 1


def _odd_fails(x):
    if x == 20_000:
        raise ValueError(x)
    return x
