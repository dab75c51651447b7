"""Items of several ranks: the group's own COMM_WORLD, what its ranks say and draw, and who raises what."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.errors import Cancelled, Failure, OutOfMemory, PoolBroken, RemoteError, WorkerLost
from tests.mpi import calls
from tests.rig.census import until
from tests.rig.kinds import KINDS
from tests.rig.sampling import seldom

pytestmark = [pytest.mark.timeout(120), pytest.mark.leaves("children", "threads", "files")]  # the fixture counts


@pytest.mark.parametrize("kind", KINDS)
def test_every_map_runs_items_as_mpi_programs(pairs: Any, kind: str) -> None:
    assert KINDS[kind](pairs, calls.total, range(8)) == [(3 * x, 2) for x in range(8)]


def test_a_pipe_is_an_mpi_program_too(pairs: Any) -> None:
    assert pairs.pipe(calls.gathered, "x") == [(0, "x"), (1, "x")]
    assert pairs.apipe(calls.gathered, "y").get(60) == [(0, "y"), (1, "y")]


def test_functions_of_the_caller_and_large_arrays_reach_every_rank(pairs: Any) -> None:
    np = pytest.importorskip("numpy")
    large = np.arange(400_000, dtype=float)

    def part(x: np.ndarray) -> float:
        from mpi4py import MPI

        own = MPI.COMM_WORLD.rank
        return float(MPI.COMM_WORLD.allreduce(float(x[own::2].sum() + large[own::2].sum())))

    sums = pairs.map(part, [large, 2 * large])
    assert sums == pytest.approx([2 * large.sum(), 3 * large.sum()])


def test_a_message_that_a_failed_item_has_left_is_not_the_next_ones(pairs: Any) -> None:
    got = pairs.map(calls.hand_over, range(8), on_error="keep", n_workers=1)
    assert str(got.pop(3).error) == "no 3"
    assert got == [0, 1, 2, 4, 5, 6, 7]


def test_what_all_ranks_print_is_the_items_in_whole_lines(pairs: Any) -> None:
    run = pairs.start(calls.speak, range(4))
    assert run.wait(60)
    said: dict[int, list[str]] = {}
    for chunk in run.chunks:
        for index, text in chunk.output:
            said.setdefault(index, []).extend(text.split("\n")[:-1])
    assert {x: sorted(lines) for x, lines in said.items()} == {
        x: [f"rank 0 has {x}", f"rank 1 has {x}"] for x in range(4)
    }


def test_ranks_draw_numbers_of_their_own_and_the_same_again(pairs: Any) -> None:
    first = pairs.map(calls.draw, range(6), seed=7)
    assert pairs.map(calls.draw, range(6), seed=7) == first
    assert len({number for numbers in first for number in numbers}) == 12


def test_no_item_receives_what_an_earlier_one_has_sent(pairs: Any) -> None:
    got = pairs.map(calls.leave_behind, range(6), chunksize=6)
    assert [told for told in got if told] == [("sent by", x) for x in (1, 3, 5)]
    first = set(pairs.each(os.getpid))
    got = pairs.map(calls.broadcast, range(5), on_error="keep", chunksize=5)
    assert [each for each in got if isinstance(each, tuple)] == [(x, x) for x in (0, 1, 3, 4)]
    assert len(first & set(pairs.each(os.getpid))) == 1, "a broadcast that is half done goes with its job"


def test_an_error_of_mpis_own_comes_with_its_text_and_joins_no_mpi_here(pairs: Any) -> None:
    [failed] = pairs.map(calls.send_to_nobody, [1], on_error="keep")
    assert isinstance(failed.error, RemoteError)
    assert failed.error.type_name == "mpi4py.MPI.Exception"
    assert "Invalid rank" in str(failed.error)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_raises_fails_its_item_while_others_wait_for_it(pairs: Any, rank: int) -> None:
    got = pairs.map(partial(calls.raise_on, rank), range(6), on_error="keep")
    assert [x for x in got if isinstance(x, int)] == [0, 2, 4, 8, 10]
    assert isinstance(got[3].error, ValueError)
    assert str(got[3].error) == f"no 3 on {rank}"
    assert "raise_on" in got[3].traceback
    assert rank == 0 or "rank 1 of 2" in got[3].traceback


@pytest.mark.parametrize("rank", [0, 1])
def test_each_rank_has_the_memory_limit(pairs: Any, rank: int) -> None:
    ys = pairs.map(partial(calls.take_on, rank), [10**6, 10**9, 10**5], memory="300 MB", on_error="keep", chunksize=1)
    assert [type(y.error) if isinstance(y, Failure) else y for y in ys] == [10**6, OutOfMemory, 10**5]


def test_ranks_of_an_item_have_one_folder_and_its_files_come_back(pairs: Any, tmp_path: Path) -> None:
    run = pairs.start(
        calls.write_on_each, [str(tmp_path)] * 3, collect="out-*", collect_to=tmp_path / "kept", chunksize=1
    )
    assert run.result() == [True] * 3
    assert {n: [path.name for path in paths] for n, paths in run.collected.items()} == {
        n: ["out-0", "out-1"] for n in range(3)
    }


@pytest.mark.parametrize("how", ["killed", "left"])
def test_a_rank_that_dies_is_its_items_loss_and_nobody_elses(pairs: Any, how: str) -> None:
    got = pairs.map(partial(calls.end_on, 1, how), range(6), on_error="keep", retries=0)
    assert [x for x in got if isinstance(x, int)] == [0, 2, 4, 8, 10]
    assert isinstance(got[3].error, WorkerLost)
    told = str(got[3].error)
    assert "rank 1 of its MPI job" in told and ("SIGKILL" if how == "killed" else "status 7") in told


@pytest.mark.parametrize("rank", [1, *seldom(0)])
def test_an_item_that_has_mpi_abort_its_job_gives_no_value(pairs: Any, rank: int) -> None:
    got = pairs.map(partial(calls.abort_on, rank), range(6), on_error="keep", retries=0)
    assert [x for x in got if isinstance(x, int)] == [0, 2, 4, 8, 10]
    assert isinstance(got[3].error, WorkerLost)
    assert "MPI_Abort" in str(got[3].error)


def test_a_cancelled_item_that_waits_in_mpi_is_stopped(pairs: Any, tmp_path: Any) -> None:
    path = tmp_path / "begun"
    handle = pairs.amap(calls.hang_on, [str(path)] * 2)
    assert until(lambda: path.exists() and len(path.read_text().split()) == 2, 30)
    handle.cancel()
    with pytest.raises(Cancelled, match="cancel"):
        handle.get(60)
    assert pairs.map(calls.total, [1]) == [(3, 2)]


def test_an_item_past_its_timeout_is_stopped_where_it_waits_in_mpi(pairs: Any, tmp_path: Any) -> None:
    [got] = pairs.map(calls.hang_on, [str(tmp_path / "begun")], timeout=0.5, on_error="keep")
    assert isinstance(got.error, TimeoutError)


def test_an_initializer_runs_on_each_rank_and_one_that_raises_breaks_the_pool() -> None:
    with (
        pytest.raises(PoolBroken, match=r"on rank 1: RuntimeError: no licence on this rank"),
        Pool("mpi", nodes=1, ranks_per_item=2, initializer=calls.begin_badly) as pool,
    ):
        pool.map(abs, [1])
