"""Before and after: what a map will take, and whether it gave what a serial loop gives."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import pytest

from pathos_nb import Pool, Results, rng
from pathos_nb.dispatch.using.comparing import Tolerance, difference, same
from pathos_nb.dispatch.using.forecast import Forecast, Measured, size
from pathos_nb.dispatch.using.how import How
from pathos_nb.dispatch.using.trial import Ask, foresee, together
from pathos_nb.errors import BadOption, NotTheSame
from pathos_nb.events import ChunkDone

# ------------------------------------------------------------------------------------------------------------ the model

PLAIN = Measured("fits", "processes", 100, 4, 8, [0.1], [0.1], 0.5, 0.01, 1e-4, 600, 20, 20)


def told(**changes) -> Forecast:
    return Forecast(replace(PLAIN, **changes))


def test_points_are_shared_by_the_workers():
    forecast = told()
    assert forecast.serial_s == pytest.approx(10) and forecast.wall_s == pytest.approx(2.51)
    assert forecast.speedup == pytest.approx(3.98, abs=0.01) and forecast.is_worth_it and not forecast.reasons
    assert forecast.verdict.startswith("4.0 times faster: 2.5 s on 4 workers (processes), 10.0 s as a loop here")
    assert "500 ms the first time" in repr(forecast)


def test_few_points_go_in_whole_rounds():
    assert told(n_points=5).work_s == pytest.approx(0.2)
    assert told(n_points=3).work_s == pytest.approx(0.1) and told(n_points=0).wall_s == pytest.approx(0.01)
    assert told(n_points=2, n_workers=16).reasons == ["2 points keep 2 of 16 workers busy"]


REASONS = {
    "tiny points": (
        {"here_s": [1e-6], "there_s": [1e-6], "trip_s": 1e-5, "n_points": 10**6, "n_cores": 4},
        "let one point do more",
    ),
    "large values": (
        {"here_s": [1e-3], "there_s": [1e-3], "trip_s": 1e-2, "value_bytes": 1e7, "n_cores": 4},
        r"with 20 bytes there and 10 MB back",
    ),
    "a large function": ({"start_s": 20.0, "function_bytes": 2e9}, r"starting takes 20.0 s: 2 GB go to each worker"),
    "several at once": ({"there_s": [0.5]}, "takes 5.0 times as long on a worker as here"),
    "one worker": ({"n_workers": 1}, "there is one worker"),
}


@pytest.mark.parametrize(("changes", "why"), REASONS.values(), ids=REASONS.keys())
def test_it_says_when_parallel_would_be_slower_and_why(changes, why):
    forecast = told(**changes)
    assert forecast.speedup < 1.1 and "parallel would" in forecast.verdict, forecast
    assert any(why in reason for reason in forecast.reasons), forecast.reasons


def test_sending_is_hidden_behind_the_work_where_a_core_is_left():
    assert told(trip_s=0.02).trips_s == 0.0 and told(trip_s=0.02, n_cores=4).trips_s == pytest.approx(2.0)
    assert told(trip_s=0.2).trips_s == pytest.approx(17.5)


def test_an_input_without_an_end_is_foreseen_by_the_thousand():
    assert "end unknown; the figures are for 1,000" in repr(told(n_points=None))


def test_what_is_shown_is_escaped():
    html = told(title="<script>", failed=["ValueError: <b>"], heavy=[("<i>", 30_000_000)])._repr_html_()
    assert "<script" not in html and "<b>:" not in html and "pathos_nb.share(&lt;i&gt;)" in html and "30 MB" in html


def test_sizes_are_said_as_a_person_would():
    assert [size(n) for n in (12, 1200, 3.4e6, 2e9)] == ["12 bytes", "1.2 kB", "3.4 MB", "2 GB"]


# -------------------------------------------------------------------------------------------------- against a real run

# How well a forecast meets the run that follows is measured by `python -m benchmarks --only forecast`, not here: it is a matter
# of what else the machine does.


def sleeping(x: int) -> int:
    time.sleep(0.02)
    return x


def tiny(x: int) -> int:
    return x + 1


def test_a_forecast_stands_on_what_was_measured():
    points = [(i,) for i in range(60)]
    with Pool("processes", nodes=2) as pool:
        forecast = foresee(pool, Ask(sleeping, points, 60), {})
        assert pool.n_runs == 0 and pool.map(sleeping, [1]) == [1], "nothing of it is left on the pool"
    measured = forecast.measured
    assert measured.n_workers == 2 and measured.n_points == 60 and measured.first_s > 0 and not measured.failed
    assert min(*measured.here_s, *measured.there_s) >= 0.02, "each sample slept"
    assert forecast.serial_s >= 60 * 0.02 and forecast.work_s >= 30 * 0.02


def test_samples_that_raise_and_large_values_are_told():
    numpy = pytest.importorskip("numpy")
    big = numpy.zeros(1_500_000)

    def reads(x: int) -> float:
        if x == 1:
            raise ValueError("one")
        return float(big[x])

    with Pool("threads", nodes=2) as pool:
        forecast = foresee(pool, Ask(reads, [(i,) for i in range(3)], 3, 3), {})
        assert any("big (12 MB) goes to every worker" in text for text in forecast.warnings)
        assert any("a sample raised: ValueError: one" in text for text in forecast.warnings)
        with pytest.raises(BadOption, match="there is no point to try"):
            foresee(pool, Ask(reads, [], 0), {})


def test_threads_are_foreseen_by_what_they_achieve_together():
    threads = {"places": "threads", "n_workers": 2, "here_s": [0.1], "there_s": [0.1]}
    free, locked = told(**threads, together_s=0.05), told(**threads, together_s=0.12)
    assert free.speedup == pytest.approx(2, rel=0.01) and not free.reasons
    assert locked.speedup == pytest.approx(0.1 / 0.12, rel=0.01) and "parallel would be slower" in locked.verdict
    assert any("2.4 times as long" in why and "threads share Python's lock" in why for why in locked.reasons)
    assert told(**threads, together_s=0.001).speedup <= 2, "never more times than there are workers"


def test_what_workers_achieve_together_is_counted_while_all_are_busy():
    def chunk(worker: str, started: float, *ends: float) -> ChunkDone:
        return ChunkDone("run", worker, "here", 1, range(len(ends)), started, ends, 1, (), ())

    side_by_side = [chunk("a", 0.0, 1.0, 2.0), chunk("b", 0.0, 1.0, 2.0)]
    assert together(side_by_side, 2) == pytest.approx(0.5)
    in_turns = [chunk("a", 0.0, 2.0, 4.0), chunk("b", 0.0, 2.0, 4.0), chunk("b", 4.0, 5.0)]
    assert together(in_turns, 2) == pytest.approx(1.0), "the one that works on alone at the end does not count"
    assert together([chunk("a", 0.0, 1.0)], 2) == pytest.approx(0.5) and together([], 2) == 0.0


def test_samples_that_raise_are_in_no_figure_and_are_told_once():
    def raises(x: int) -> float:
        return 1 / 0 if x else time.sleep(0.01) or 1.0

    with Pool("threads", nodes=2) as pool:
        some = foresee(pool, Ask(raises, [(i,) for i in range(4)], 4, 4), {})
        none = foresee(pool, Ask(raises, [(1,), (2,)], 2), {})
    assert len(some.measured.here_s) == 1 and min(*some.measured.here_s, *some.measured.there_s) >= 0.01
    assert some.warnings == none.warnings == ["a sample raised: ZeroDivisionError: division by zero"]
    assert none.verdict == "nothing can be foreseen: no sample came to its end" and not none.reasons
    assert not none.is_worth_it and "times" not in repr(none) and "a loop here" not in none._repr_html_()


def test_seeded_points_can_be_tried():
    with Pool("threads", nodes=2) as pool:
        forecast = foresee(pool, Ask(lambda x: rng().random(), [(1,), (2,)], 2, seed=3), {"seed": 3, "n_workers": 1})
    assert not forecast.measured.failed and forecast.measured.n_workers == 1


# --------------------------------------------------------------------------------------------------------- verification


def results_of(there, here, n: int = 20) -> Results:
    points = [(i,) for i in range(n)]
    with Pool("serial") as pool:
        run = pool.start(there, points, star=True, on_error="keep", title="fits")
        run.wait()
    return Results(run, ("x",), points, How(here))


def test_points_that_are_the_same_are_said_to_be():
    found = results_of(lambda x: x / 3, lambda x: x / 3).verify(5)
    assert found.is_same and len(found.indices) == 5
    assert repr(found) == "verified 5 of 20 points of fits, computed here one by one: all exactly the same"
    assert found.indices == results_of(tiny, tiny).verify(5).indices != results_of(tiny, tiny).verify(5, seed=1).indices
    found.raise_if_different()


def test_a_tolerance_is_said():
    results = results_of(lambda x: 1 + x, lambda x: (1 + x) * (1 + 1e-12))
    found = results.verify(20)
    assert found.is_same and found.n_exact < 20 and "the others within 1e-09 of the value" in found.verdict
    exact = results.verify(20, relative=0)
    assert not exact.is_same and "differ (exactly)" in exact.verdict


def test_differences_are_shown_and_raised():
    results = results_of(lambda x: {"r2": x / 2, "n": [x, 1]}, lambda x: {"r2": x / 2, "n": [x, 2 if x > 9 else 1]})
    found = results.verify(20)
    assert len(found.differences) == 10 and found.n_exact == 10
    assert "x=10" in repr(found) and "['n'][1]: 1 is not 2, 1 apart" in repr(found) and "x=10" in found._repr_html_()
    with pytest.raises(NotTheSame, match=r"10 differ.*x=10\['n'\]\[1\]: 1 is not 2.*want --seed"):
        found.raise_if_different()


def test_a_point_that_raises_here_differs_and_one_that_failed_is_not_compared():
    def fails(x: int) -> int:
        raise ValueError("<b>here</b>")

    found = results_of(tiny, fails).verify(2)
    assert "raises ValueError here: <b>here</b>" in repr(found) and "&lt;b&gt;" in found._repr_html_()
    assert results_of(fails, tiny).verify().verdict == "nothing to compare: no point of fits has a value"
    with pytest.raises(BadOption, match="the function of these results is not here"):
        Results(results_of(tiny, tiny).run, ("x",), [(i,) for i in range(20)]).verify()
    with pytest.raises(BadOption, match="a number of points from 1"):
        results_of(tiny, tiny).verify(0)


numpy = pytest.importorskip("numpy")
pandas = pytest.importorskip("pandas")
FRAME = pandas.DataFrame({"a": [1.0, math.nan], "b": ["x", "y"]})
SAME = {
    "nan": (math.nan, math.nan),
    "arrays": (numpy.array([1, math.nan]), numpy.array([1, math.nan])),
    "an int and a float": (1, 1.0),
    "a numpy number": (numpy.float64(0.5), 0.5),
    "frames": (FRAME, FRAME.copy()),
    "nested": ({"a": [1, (math.nan, "x")]}, {"a": [1, (math.nan, "x")]}),
    "arrays of texts": (numpy.array(["a", None], dtype=object), numpy.array(["a", None], dtype=object)),
    "objects": (How(seed=3), How(seed=3)),
    "infinity": (math.inf, math.inf),
    "complex": (1 + 2j, 1 + 2j),
}
DIFFERENT = {
    "numbers": (1.0, 2.0, "1.0 is not 2.0, 1 apart"),
    "nan and a number": (math.nan, 1.0, "nan is not 1.0"),
    "infinities": (math.inf, -math.inf, "inf is not -inf"),
    "shapes": (numpy.zeros(2), numpy.zeros(3), "shape (2,) is not (3,)"),
    "arrays": (numpy.zeros((2, 2)), numpy.eye(2), "[0, 0]: 0.0 is not 1.0; 2 of 4 entries differ"),
    "frames": (FRAME, FRAME.assign(b=["x", "z"]), "['b'][1]: 'y' is not 'z'"),
    "labels": (FRAME, FRAME.set_index(pandas.Index([5, 6])), ".index: other labels"),
    "kinds": ([1], (1,), "[1] (list) is not (1,) (tuple)"),
    "lengths": ([1, 2], [1], "2 entries are not 1"),
    "keys": ({"a": 1}, {"b": 1}, "['a']: only in one of them"),
    "texts": ("a", "b", "'a' is not 'b'"),
    "an array and a list": (numpy.zeros(2), [0.0, 0.0], "(ndarray) is not [0.0, 0.0] (list)"),
}


@pytest.mark.parametrize(("found", "expected"), SAME.values(), ids=SAME.keys())
def test_what_is_the_same_is_the_same(found, expected):
    assert same(found, expected)


@pytest.mark.parametrize(("found", "expected", "said"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_what_differs_is_told_where(found, expected, said):
    assert said in difference(found, expected)


def test_a_tolerance_holds_for_numbers_wherever_they_are():
    near = Tolerance(1e-6)
    assert same({"a": numpy.array([1.0, math.nan])}, {"a": numpy.array([1.0 + 1e-9, math.nan])}, near)
    assert same(FRAME, FRAME.assign(a=[1.0 + 1e-9, math.nan]), near) and not same(1.0, 1.001, near)
    assert same(0.0, 1e-12, Tolerance(0.0, 1e-9)) and not same(0.0, 1e-12, near)
