"""A sweep of very many points: what the kernel holds of it besides its results is a few bytes a point."""

from __future__ import annotations

import contextlib
import gc
import json
import shutil
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.dispatch import chunk_log
from pathos_nb.dispatch.profile_export import export
from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.store.found import listed, loaded
from pathos_nb.dispatch.store.keys import function_key
from pathos_nb.dispatch.store.resume import plan
from pathos_nb.dispatch.store.store import Store
from pathos_nb.dispatch.store.sweep import Sweep
from pathos_nb.errors import Cancelled, Failure
from pathos_nb.launchers.registry import registry

pytestmark = pytest.mark.leaves("threads")

FEW, MANY = 10_000, 24_000
LIST, STAMP, SLACK = 8, 8, 24  # bytes a point: its place in the list of values, its end on the record, what varies


def nothing(x: int) -> None:
    """Give what takes no memory, so that all that is counted is the kernel's own."""


def sweep(n: int) -> Sweep:
    return Sweep(nothing, function_key(nothing), ("x",), [(x,) for x in range(n)], "sweep")


@pytest.fixture(scope="module", autouse=True)
def _few_stamps() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(chunk_log, "MOST_STAMPS", 2_000)
        yield


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool("serial") as pool:
        yield pool


def swept(pool: Pool, store: Store, asked: Sweep, how: str = "", chunksize: int = 500) -> Any:
    """Sweep to the end, all of it on the disk."""
    found = plan(store, asked, how)
    registry.observers.append(found.attach)
    try:
        run = pool.start(asked.function, found.rows(), star=True, progress=False, chunksize=chunksize)
        run.wait()
        assert store.writer.flush(100)
        return run
    finally:
        registry.observers.remove(found.attach)


def counted(act: Callable[[], Any]) -> tuple[int, int]:
    """Give the bytes that something holds in the end, and those at its peak."""
    gc.collect()
    tracemalloc.start()
    try:
        kept = act()
        gc.collect()
        return tracemalloc.get_traced_memory() if kept is not None else (0, 0)
    finally:
        tracemalloc.stop()


def each(few: tuple[int, int], many: tuple[int, int]) -> tuple[float, float]:
    """Give what each point more holds, and what it takes at the peak."""
    return (many[0] - few[0]) / (MANY - FEW), (many[1] - few[1]) / (MANY - FEW)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Mapping[int, tuple[Path, tuple[int, int]]]:
    """Two stores, by their points, and what the kernel held when it had made them."""
    made = {}
    for n in (FEW, MANY):
        path, asked = tmp_path_factory.mktemp("kept") / "s.sqlite", sweep(n)
        with contextlib.closing(Store(path)) as store:
            swept(pool, store, Sweep(abs, function_key(abs), ("x",), [(1,)]))  # what is made once
            made[n] = path, counted(lambda store=store, asked=asked: swept(pool, store, asked))
    return made


@pytest.fixture
def cut_short(kept: Any, tmp_path: Path) -> Callable[[int, str], Path]:
    """Give ``cut_short(n, where)``: a copy of a store some of whose points are not finished, as after a kill."""

    def make(n: int, where: str) -> Path:
        path = tmp_path / f"{n}.sqlite"
        for file in kept[n][0].parent.glob("s.sqlite*"):
            if file.is_file():
                shutil.copy2(file, path.with_name(file.name.replace("s.sqlite", path.name)))
        with contextlib.closing(Store(path)) as store, store.file.writing() as connection:
            connection.execute(f"DELETE FROM points WHERE {where}")
            connection.execute("UPDATE runs SET state = 'cancelled'")
        return path

    return make


def test_a_kept_sweep_holds_its_results_and_a_few_bytes_a_point(kept):
    held, _ = each(*(memory for _, memory in kept.values()))
    assert held <= LIST + STAMP + SLACK


def test_one_that_goes_on_reads_what_is_there_into_its_results(cut_short, pool):
    found, memory = [], []
    for n in (FEW, MANY):
        store, asked = Store(cut_short(n, "point % 2000 = 77")), sweep(n)
        memory.append(counted(lambda store=store, asked=asked: found.append(plan(store, asked, "resume")) or found))
        assert found[-1].n_kept == n - len(range(77, n, 2000)) == n - len(found[-1].rows())
        run = swept(pool, store, asked, "resume")
        assert (run.n_before, run.state, run.n_done) == (found[-1].n_kept, "done", n)
        assert run.result() == [None] * n
        store.close()
    held, peak = each(*memory)
    assert held <= LIST + STAMP + SLACK and peak <= 2 * (LIST + STAMP) + SLACK, "a dictionary would be 100 more"


def test_points_that_were_not_run_take_nothing_in_a_result_that_is_looked_at(cut_short):
    def look(store: Store, n: int) -> Results:
        found = loaded(store.file, listed(store.file)[-1])
        assert "not run" in repr(found) and not found.errors
        assert sum(isinstance(value, Failure) for value in found) == n // 2
        return found

    memory = []
    for n in (FEW, MANY):
        with contextlib.closing(Store(cut_short(n, f"point % (1 << 32) >= {n // 2}"))) as store:
            memory.append(counted(lambda store=store, n=n: look(store, n)))
    point, time = 8 + 48 + 32, 12  # a tuple of one number in the list of parameters; how long a point took, and where
    held, peak = each(*memory)
    assert held <= point + LIST + time + STAMP + SLACK, "a Failure for each would be 500 more"
    assert peak <= point + LIST + 3 * time + 4 * STAMP + SLACK


def test_what_was_not_run_is_a_failure_wherever_one_looks(tmp_path, pool):
    with contextlib.closing(Store(tmp_path / "s.sqlite")) as store:
        swept(pool, store, sweep(10))
        with store.file.writing() as connection:
            connection.execute("DELETE FROM points WHERE point % 2 = 1")
        found = loaded(store.file, listed(store.file)[-1])
    assert [isinstance(value, Failure) for value in found] == [False, True] * 5
    assert found[3] is found[3] and found[3].index == 3 and isinstance(found[3].error, Cancelled)
    assert [failure.index for failure in found[4:7] if isinstance(failure, Failure)] == [1]
    assert [failure.index for failure in found.values()[5:] if isinstance(failure, Failure)] == [5, 7, 9]
    with pytest.raises(IndexError):
        found[10]
    assert found == found[:] and found.run.n_done == 5 and not found.errors
    found.save(tmp_path / "found")
    again = Results.load(tmp_path / "found")
    assert again == found and again.to_dict() == found.to_dict()
    again.retry(pool, function=nothing)
    assert list(again) == [None] * 10 and again.run.state == "done" and again.run.n_done == 10


def test_stamps_that_were_spilled_count_as_the_stores_and_are_found_in_it_by_the_next_kernel(tmp_path, pool):
    path, moved, n = tmp_path / "s.sqlite", tmp_path / "elsewhere.sqlite", 6_000
    with contextlib.closing(Store(path)) as store:
        run = swept(pool, store, sweep(n), chunksize=10)
        assert run.chunks.n_in_memory <= 2_000 and run.chunks.n_bytes > 0
        assert store.n_bytes == store.file.n_bytes + run.chunks.n_bytes, "what is shown as its size"
        assert store.prune(is_all=True)[0] == 1
        assert sum(len(chunk.indices) for chunk in run.chunks) == n, "the result has its record still"
        with_record = store.n_bytes
        del run
        gc.collect()
        assert store.n_bytes < with_record, "the room is given back with the result"
        swept(pool, store, sweep(n))
    path.rename(moved)
    with contextlib.closing(Store(moved)) as store, contextlib.closing(Store(moved)) as other:
        found, too = (loaded(each.file, listed(each.file)[-1]) for each in (store, other))
        assert found.timing.n_items == too.timing.n_items == n
        export(found.run, tmp_path / "trace.json", found.label)
        events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
        assert sum(event.get("cat") == "item" for event in events) == n
