"""What is done with a result: parts, grids, files, points that run again or are looked into."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys

import pytest

from pathos_nb import Pool
from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.using.how import How
from pathos_nb.errors import BadFile, BadOption, CannotReturn, Failure
from tests.notebook.fake_run import FakeRun
from tests.notebook.test_results import failure

GRID = [(alpha, fold) for alpha in (0.1, 0.2, 0.3) for fold in range(2)]


def swept(values=None, points=GRID, names=("alpha", "fold"), how: How | None = None, n_begun: int = 1) -> Results:
    run = FakeRun(len(points))
    values = {i: i for i in range(len(points))} if values is None else values
    half = len(values) // 2
    run.deliver(dict(list(values.items())[:half]), worker="p1", start=0.0)
    run.deliver(dict(list(values.items())[half:]), worker="p2", start=10.0)
    run.attempts = {0: n_begun - 1}
    run.end("failed" if run.failures else "done" if len(values) == len(points) else "cancelled")
    return Results(run, names, points, how)


# ---------------------------------------------------------------------------------------------------------------- parts


def test_a_slice_is_a_result_that_compares_as_a_list_does():
    results = swept()
    part = results[2:5]
    assert isinstance(part, Results) and part == [2, 3, 4] and part != [2, 3] and part != [2, 3, 5]
    assert part == results[[2, 3, 4]] and part == results[[False, False, True, True, True, False]]
    assert part.to_dict()["alpha"] == [0.2, 0.2, 0.3] and part.to_dict()["worker"] == ["p1", "p2", "p2"]
    assert "part of fits: 3 points" in repr(part) and part.run_id == results.run_id
    assert part[::-1] == [4, 3, 2] and part[1:][0] == 3 and part[-1] == 4
    with pytest.raises(IndexError):
        results[[7]]
    with pytest.raises(TypeError, match="places, slices and masks"):
        results["alpha"]
    with pytest.raises(BadOption, match="the mask has 2 entries for 6 points"):
        results[[True, False]]


def test_a_place_that_there_is_not_says_how_many_there_are():
    for ask in (lambda: swept()[6], lambda: swept()[-7], lambda: swept()[[0, 6]], lambda: swept().debug(6)):
        with pytest.raises(IndexError, match=r"there is no point at -?\d: there are 6 points, counted from 0"):
            ask()


def test_a_point_that_is_asked_for_twice_is_told_of_twice():
    results = swept()
    table = results[[1, 0, 1, 1]].to_dict()
    whole = results.to_dict()
    for column in ("seconds", "worker", "value"):
        assert table[column] == [whole[column][i] for i in (1, 0, 1, 1)] and None not in table[column]


def test_results_of_arrays_compare_to_one_truth():
    numpy = pytest.importorskip("numpy")
    results = swept({i: numpy.array([i, math.nan]) for i in range(6)})
    assert results == swept({i: numpy.array([i, math.nan]) for i in range(6)})
    assert results != swept({i: numpy.array([i, 0.0]) for i in range(6)})


def test_a_numpy_mask_of_the_table_picks_points():
    results = swept()
    frame = results.to_pandas()
    assert results[frame.value > 3] == results[(frame.value > 3).to_numpy()] == [4, 5]


def test_where_asks_for_parameters():
    results = swept()
    assert results.where(alpha=0.2) == [2, 3]
    assert results.where(alpha=0.1 + 0.2) == [4, 5], "0.30000000000000004 is 0.3"
    assert results.where(alpha=[0.1, 0.3], fold=1) == [1, 5]
    assert results.where(alpha=lambda a: a > 0.15).where(fold=0) == [2, 4]
    assert results.where(alpha=7) == [] and len(results.where(alpha=7).to_pandas()) == 0
    with pytest.raises(BadOption, match="no parameter 'alhpa'; the parameters are alpha, fold"):
        results.where(alhpa=1)


def test_where_takes_a_function_of_columns():
    results = swept({0: 5, 1: failure(1), 2: 1, 3: 7})
    assert results.where(lambda value, alpha: value > 4 and alpha < 0.2) == [5]
    assert [f.index for f in results.where(lambda error: error == "ValueError: bad").errors] == [0], "its place there"
    assert results.where(lambda seconds: seconds >= 1) == [5, 1, 7], "points without a value are not asked"
    with pytest.raises(BadOption, match="asks for valeu, which is no column; there are alpha, fold, value"):
        results.where(lambda valeu: True)


def test_where_asks_for_the_keys_of_a_value():
    results = swept({i: {"r2": i / 10, "n": i} for i in range(6)})
    assert [v["n"] for v in results.where(lambda r2: r2 > 0.35)] == [4, 5]
    assert [v["n"] for v in results.where(lambda value: value["n"] == 2)] == [2]


def test_a_parameter_may_be_an_array():
    numpy = pytest.importorskip("numpy")
    points = [(numpy.arange(3),), (numpy.ones(3),)]
    assert swept(points=points, names=("x",)).where(x=numpy.ones(3)) == [1]


def test_a_part_has_its_own_times_and_failures():
    results = swept({0: 0, 1: failure(1), 2: 2, 3: failure(3), 4: 4, 5: 5})
    part = results.where(alpha=[0.2, 0.3])
    assert [f.index for f in part.errors] == [1] and "alpha=0.2, fold=1" in repr(part.errors)
    assert (part.run.state, part.run.n_done, part.run.n_failed) == ("failed", 4, 1)
    assert (part.timing.work_seconds, part.timing.n_workers, part.timing.n_items) == (4.0, 2, 4)
    assert results[:1].run.state == "done" and part[0] == 2 and isinstance(part[1], Failure)
    again = pickle.loads(pickle.dumps(part))
    assert again.to_dict() == part.to_dict() and repr(again) == repr(part)


def test_a_part_fills_while_the_run_goes_on():
    run = FakeRun(4)
    results = Results(run, ("x",), [(i,) for i in range(4)])
    part = results[1:3]
    assert "0 finished, running" in repr(part)
    run.deliver({1: 11})
    assert part[0] == 11 and not part.is_over
    run.deliver({0: 10, 2: 12, 3: 13})
    run.end()
    assert part == [11, 12] and part.is_over


def test_attempts_are_told():
    table = swept({0: 1, 1: 1, 2: failure(2)}, n_begun=3).to_dict()
    assert table["attempt"] == [3, 1, 1, None, None, None] and table["host"][3] == ""


# ---------------------------------------------------------------------------------------------------------------- grids


def test_a_grid_is_labelled_by_its_parameters():
    pytest.importorskip("xarray")
    data = swept({0: 0.5, 1: 1, 2: failure(2), 3: 3, 5: 5}).to_xarray()
    assert dict(data.sizes) == {"alpha": 3, "fold": 2} and data["value"].dims == ("alpha", "fold")
    assert data["value"].sel(alpha=0.3, fold=1) == 5 and math.isnan(data["value"].sel(alpha=0.2, fold=0))
    assert data["error"].sel(alpha=0.2, fold=0).item() == "ValueError: bad" and data.attrs["title"] == "fits"
    assert data["worker"].sel(alpha=0.1, fold=0).item() == "p1"


def test_points_that_a_filter_left_out_are_nan():
    pytest.importorskip("xarray")
    points = [(i, j) for i in range(4) for j in range(4) if j <= i]
    data = swept(points=points, names=("i", "j")).to_xarray()
    assert data["value"].isnull().sum() == 6 and data["value"].sel(i=3, j=3) == 9
    assert swept().to_xarray()["value"].dtype.kind == "i", "a full grid of whole numbers stays one"


def test_arrays_and_keys_have_their_own_dimensions_and_variables():
    numpy = pytest.importorskip("numpy")
    pytest.importorskip("xarray")
    data = swept({i: {"curve": numpy.arange(5) * i, "name": f"n{i}"} for i in range(6)}).to_xarray()
    assert data["curve"].dims == ("alpha", "fold", "curve_0") and data["curve"].shape == (3, 2, 5)
    assert data["name"].sel(alpha=0.2, fold=1).item() == "n3"


NO_GRID = {
    "zip": ([(i, i * i) for i in range(5)], r"a and b move together.*to_xarray\(\['a'\]\) gives b along a"),
    "twice": ([(1, 2), (2, 2), (1, 2), (2, 3), (3, 3)], "those at 0 and 2 have the same a=1, b=2"),
    "scattered": ([(i, (i * 7919) % 10007 // 2) for i in range(10_000)], "are no grid of 10,000 ×"),
}


@pytest.mark.parametrize(("points", "said"), NO_GRID.values(), ids=NO_GRID.keys())
def test_points_that_are_no_grid_say_so(points, said):
    pytest.importorskip("xarray")
    with pytest.raises(BadOption, match=said):
        swept(points=points, names=("a", "b")).to_xarray()


def test_parameters_that_move_together_lie_along_one_dimension():
    pytest.importorskip("xarray")
    data = swept(points=[(i, i * i) for i in range(5)], names=("a", "b")).to_xarray("a")
    assert data["value"].dims == ("a",) and data["b"].dims == ("a",) and data["b"].sel(a=3) == 9
    with pytest.raises(BadOption, match="no parameter 'c'"):
        swept().to_xarray("c")


def test_a_parameter_may_be_anything():
    numpy = pytest.importorskip("numpy")
    pytest.importorskip("xarray")
    models, arrays = [object(), object()], [numpy.ones(2), numpy.zeros(3)]
    points = [(m, a) for m in models for a in arrays]
    data = swept(points=points, names=("m", "a")).to_xarray()
    assert data["value"].shape == (2, 2) and list(data["a"].values) == [0, 1]
    assert list(data["m"].values) == models
    assert [list(value) for value in data["a_values"].values] == [[1, 1], [0, 0, 0]]


def test_lists_are_the_same_by_what_they_hold():
    pytest.importorskip("xarray")
    points = [([k, k], b, key) for k in range(3) for b in range(2) for key in "x"]  # each list is an object of its own
    data = swept(points=points, names=("k", "b", "k_values")).to_xarray()
    assert dict(data.sizes) == {"k": 3, "b": 2, "k_values": 1} and list(data["k_values_"].values) == [
        [0, 0],
        [1, 1],
        [2, 2],
    ]


# ---------------------------------------------------------------------------------------------------------------- files


def test_a_file_gives_the_results_back(tmp_path):
    results = swept({0: 0.5, 1: failure(1), 2: {"a": 1}}, how=How(test_attempts_are_told))
    path = results.save(tmp_path / "fits.results")
    again = Results.load(path)
    assert again.to_dict() == results.to_dict() and repr(again) == repr(results)
    assert again.errors[0].traceback == "Trace <x>" and "test_attempts" in again.how.code
    assert again.how.environment["python"].startswith("3.") and again[1:2].errors
    assert path.stat().st_mode & 0o777 == 0o600 and list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = swept().save(tmp_path / "fits")
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="its disk is full"):
        swept({0: 1}).save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_value_that_cannot_be_written_is_told(tmp_path):
    class Stubborn:
        def __reduce__(self):
            raise RuntimeError("not me")

    with pytest.raises(CannotReturn, match=r"cannot be written.*RuntimeError: not me; .*to_pandas\(\)"):
        swept({0: Stubborn()}).save(tmp_path / "fits")
    assert not list(tmp_path.iterdir())


def _flip(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


SPOILED = {
    "foreign": (lambda raw: pickle.dumps([1]), "is not a file of results"),
    "empty": (lambda raw: b"", "is not a file of results"),
    "cut": (lambda raw: raw[:-10], "is damaged"),
    "cut in the header": (lambda raw: raw[:60], "is damaged"),
    "one bit": (_flip, "is damaged"),
    "longer": (lambda raw: raw + b"x", "is damaged"),
    "newer": (lambda raw: raw.replace(b'"version": 1', b'"version": 9', 1), "written by a newer pathos_nb"),
    "no header": (lambda raw: raw.replace(b'"version"', b'"varsion"', 1), "is damaged"),
    "huge sizes": (lambda raw: raw.replace(b'"sizes": [', b'"sizes": [99999999999, ', 1), "is damaged"),
    "other code": (
        lambda raw: raw.replace(b'"by_value": false', b'"by_value": true ', 1).replace(
            f'"python": [{sys.version_info[0]}, {sys.version_info[1]}]'.encode(), b'"python": [3, 7]', 1
        ),
        "holds code of Python 3.7",
    ),
}


@pytest.mark.parametrize(("spoil", "said"), SPOILED.values(), ids=SPOILED.keys())
def test_a_file_that_is_not_what_was_written_is_refused(tmp_path, spoil, said):
    path = swept().save(tmp_path / "fits")
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(BadFile, match=said):
        Results.load(path)


# --------------------------------------------------------------------------------------------------------------- points


def halve(x: int, bad: list[int]) -> float:
    if x in bad:
        raise ValueError(f"{x} is bad")
    return x / 2


POINTS = [(x, [1, 3]) for x in range(5)]


def begun(pool: Pool, **options) -> Results:
    run = pool.start(halve, POINTS, star=True, on_error="keep", **options)
    run.wait()
    return Results(run, ("x", "bad"), POINTS, How(halve))


def test_failed_points_run_again_on_a_pool_of_a_script(tmp_path):
    with Pool("threads", nodes=2) as pool:
        results = begun(pool)
        part = results[2:]
        assert [f.index for f in results.errors] == [1, 3]
        POINTS[3][1].clear()
        assert part.retry(pool) is part and part == [1.0, 1.5, 2.0]
        assert [f.index for f in results.errors] == [1] and results[3] == 1.5, "the part's points are the result's"
        assert results.to_dict()["attempt"] == [1, 1, 1, 2, 1]
        loaded = Results.load(results.save(tmp_path / "fits"))
        with pytest.raises(BadOption, match="there is no function"):
            loaded.retry(pool)
        kept = loaded[1:2]
        kept.retry(pool, function=lambda x, bad: -x)
        assert kept == [-1] and not kept.errors
        assert loaded == [0.0, -1, 1.0, 1.5, 2.0] and loaded.run.state == "done" and not loaded.errors
        assert loaded.to_dict()["attempt"] == [1, 2, 1, 2, 1]
        POINTS[3][1].extend([1, 3])
        with pytest.raises(ValueError, match="1 is bad"):
            results.retry(pool)
        assert results[3] == 1.5 and len(results.errors) == 1
        failed = sorted(failure.index for chunk in results.run.chunks for failure in chunk.failures)
        assert failed == [1, 1, 3], "a point that fails again is seen to fail in its lane, too"
        assert results.retry(pool, is_all=True, function=lambda x, bad: x) == [0, 1, 2, 3, 4]
    with pytest.raises(BadOption, match="there is no pool"):
        begun_part = swept({0: 1}, how=How(halve))
        begun_part.retry()


def test_the_failed_point_is_looked_into_here(capsys):
    with Pool("serial") as pool:
        results = begun(pool)
    assert results.debug(commands=["p x + 100", "p bad"]) is None
    said = capsys.readouterr()
    assert "101" in said.out and "[1, 3]" in said.out and "x=1, bad=[1, 3]: ValueError: 1 is bad" in said.err
    results.debug(results.errors[1], commands="p x + 100")
    assert "103" in capsys.readouterr().out
    assert results.debug(-1) == 2.0, "a point that raises nothing gives its value"
    assert results[3:].debug(commands="p x") is None and "3" in capsys.readouterr().out
    with pytest.raises(BadOption, match="no point has failed"):
        results[:1].debug()
    with pytest.raises(BadOption, match="the function of these results is not here any more"):
        pickle.loads(pickle.dumps(results)).debug(0)


def test_the_debugger_is_the_users_in_a_terminal():
    code = (
        "from tests.notebook.test_using_results import begun, Pool\n"
        "with Pool('serial') as pool:\n    begun(pool).debug()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="p x * 1000 + 7\nq\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "1007" in done.stdout, done.stderr


def test_a_seeded_point_draws_here_what_it_drew_there():
    from pathos_nb import rng

    pytest.importorskip("numpy")
    points = [(i,) for i in range(4)]
    draw = lambda i: rng().random()  # noqa: E731
    with Pool("threads", nodes=2) as pool:
        run = pool.start(draw, points, star=True, seed=3)
        run.wait()
    results = Results(run, ("i",), points, How(draw, 3))
    assert results.debug(2) == results[2] and results[1:][1:].debug(0) == results[2]


@pytest.mark.parametrize("place", ["serial", "threads", "processes"])
def test_a_seeded_point_that_runs_again_draws_what_it_drew_the_first_time(place):
    from pathos_nb import rng

    pytest.importorskip("numpy")
    points = [(i,) for i in range(6)]
    draw = lambda i: rng().random()  # noqa: E731
    with Pool(place, nodes=1 if place == "serial" else 2) as pool:
        run = pool.start(draw, points, star=True, seed=3)
        run.wait()
        results = Results(run, ("i",), points, How(draw, 3))
        first = list(results)
        for again in (results[4:], results[2:3], results):
            again.retry(is_all=True, pool=pool)
            assert list(results) == first


def test_a_point_that_ends_the_process_is_looked_into_too(capsys):
    def ends(x: int) -> None:
        raise SystemExit(3)

    with Pool("threads", nodes=1) as pool:
        run = pool.start(ends, [(1,)], star=True, on_error="keep")
        run.wait()
    Results(run, ("x",), [(1,)], How(ends)).debug(commands="p x + 41")
    assert "42" in capsys.readouterr().out
