"""The result object: values with their parameters, times, workers and errors."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import NamedTuple

import pytest

from pathos_nb.dispatch.record import duration, item_times, timing_of
from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.tables import pick_rows, short
from pathos_nb.errors import Failure
from pathos_nb.events import ChunkDone
from tests.notebook.fake_run import FakeRun

POINTS = [(0.1, "a"), (0.1, "b"), (0.2, "a"), (0.2, "b")]


def failure(index: int, text: str = "bad") -> Failure:
    return Failure(
        index, ValueError(text), argument="(0.1)", worker="p2", host="here", seconds=0.5, traceback="Trace <x>"
    )


def finished(values: dict, points=POINTS, names=("alpha", "kind")) -> Results:
    run = FakeRun(len(points))
    run.deliver(values)
    run.end("failed" if any(isinstance(v, Failure) for v in values.values()) else "done")
    return Results(run, names, points)


def test_a_long_argument_without_spaces_leaves_the_error_in_sight():
    html = finished({0: failure(0), 1: 11}, points=[("x" * 5000, "\U0001f600" * 300), ("b", "c")])._repr_html_()
    row = html[html.index("<tbody>") : html.index("ValueError")]
    cells = re.findall(r'<td style="([^"]*)">([^<]*)<', row)
    long = [look for look, text in cells if len(text) > 24]
    assert len(long) == 2 and all("overflow-wrap:anywhere" in look for look in long)
    assert all(len(unescape(text)) <= 60 for _, text in cells)


def test_it_is_a_sequence_of_the_values():
    results = finished({0: 10, 1: 11, 2: 12, 3: 13})
    assert list(results) == [10, 11, 12, 13]
    assert (results[0], results[-1], results[1:3], len(results)) == (10, 13, [11, 12], 4)
    assert 12 in results and results.index(12) == 2


def test_the_table_has_parameters_value_and_what_is_known_of_the_run():
    table = finished({0: 10, 1: failure(1), 2: 12, 3: 13}).to_dict()
    assert list(table) == ["alpha", "kind", "value", "seconds", "worker", "host", "attempt", "error"]
    assert table["alpha"] == [0.1, 0.1, 0.2, 0.2]
    assert table["value"] == [10, None, 12, 13]
    assert table["seconds"] == [1.0, 1.0, 1.0, 1.0]
    assert (table["host"], table["attempt"]) == (["here"] * 4, [1] * 4)
    assert table["error"] == [None, "ValueError: bad", None, None]


def test_values_that_are_dicts_become_columns():
    table = finished({0: {"r2": 1, "n": 5}, 1: failure(1), 2: {"r2": 2}, 3: {"r2": 3, "n": 7}}).to_dict()
    assert list(table) == ["alpha", "kind", "r2", "n", "seconds", "worker", "host", "attempt", "error"]
    assert table["r2"] == [1, None, 2, 3]
    assert table["n"] == [5, None, None, 7]


def test_values_that_are_named_tuples_become_columns():
    class Fit(NamedTuple):
        slope: float
        offset: float

    table = finished({i: Fit(i, -i) for i in range(4)}).to_dict()
    assert table["slope"] == [0, 1, 2, 3]


def test_a_parameter_called_value_keeps_its_column():
    table = finished({0: 1}, points=[(5,)], names=("value",)).to_dict()
    assert (table["value"], table["value_"]) == ([5], [1])


def test_pandas_gets_one_row_for_each_point():
    frame = finished({0: 10, 1: failure(1), 2: 12, 3: 13}).to_pandas()
    assert list(frame.columns) == ["alpha", "kind", "value", "seconds", "worker", "host", "attempt", "error"]
    assert frame.groupby("alpha")["value"].mean().tolist() == [10.0, 12.5]


def test_pandas_keeps_arrays_and_lists_whole():
    numpy = pytest.importorskip("numpy")
    frame = finished({0: numpy.zeros(3), 1: [1, 2], 2: numpy.zeros((2, 2)), 3: None}).to_pandas()
    assert frame["value"][0].shape == (3,) and frame["value"][1] == [1, 2]


def test_errors_are_the_failures_with_their_points():
    errors = finished({0: 10, 1: failure(1), 2: 12, 3: failure(3)}).errors
    assert [f.index for f in errors] == [1, 3]
    assert "alpha=0.1, kind='b'" in repr(errors) and "ValueError: bad" in repr(errors)
    assert "Trace &lt;x&gt;" in errors._repr_html_()
    assert repr(finished({0: 1, 1: 2, 2: 3, 3: 4}).errors) == "no errors"


def test_a_traceback_names_no_folder_of_the_machine():
    far = failure(0)
    far.traceback = 'Trace\n  File "/srv/env/lib/python3.11/site-packages/sklearn/base.py", line 3, in fit\n'
    results = finished({0: far}, points=[(1,)], names=("x",))
    for html in (results._repr_html_(), results.errors._repr_html_()):
        assert "srv" not in html and "File &quot;…/sklearn/base.py&quot;, line 3" in html


def test_timing_compares_the_work_with_the_clock():
    run = FakeRun(4)
    run.deliver({0: 1, 1: 1}, worker="p1", step=2.0)
    run.deliver({2: 1, 3: 1}, worker="p2", step=1.0)
    run.end(seconds=4.0)
    timing = Results(run, ("alpha", "kind"), POINTS).timing
    assert (timing.seconds, timing.work_seconds, timing.n_workers, timing.speedup) == (4.0, 6.0, 2, 1.5)
    assert (timing.shortest, timing.longest, timing.slowest) == (1.0, 2.0, 0)
    assert str(timing) == "4.0 s for 6.0 s of work on 2 workers"


def test_it_fills_while_the_run_goes_on():
    run = FakeRun(4)
    results = Results(run, ("alpha", "kind"), POINTS)
    assert "4 points, 0 finished, running" in repr(results)
    run.deliver({0: 10, 2: 12})
    assert [bool(v) for v in results] == [True, False, True, False]
    assert results.to_dict()["error"] == [None] * 4, "what may still come is no error"
    run.deliver({1: 11, 3: 13})
    run.end()
    assert list(results) == [10, 11, 12, 13]
    assert "running" not in repr(results)


def test_what_an_interrupted_run_has_finished_stays():
    run = FakeRun(4)
    run.deliver({0: 10})
    run.end("cancelled")
    results = Results(run, ("alpha", "kind"), POINTS)
    assert results[0] == 10
    assert results.to_dict()["error"] == [None, "not run", "not run", "not run"]
    assert "1 finished" in results.summary() and "failed" not in results.summary()
    assert not results.errors


def test_wait_and_cancel_are_those_of_the_run():
    run = FakeRun(4)
    results = Results(run, ("alpha", "kind"), POINTS)
    assert results.wait(0) is False
    results.cancel()
    assert run.is_cancelled


def test_the_html_is_escaped_and_has_neither_script_nor_style_sheet():
    values = {0: "<script>alert(1)</script>", 1: failure(1, "<img onerror=x>"), 2: "<b>", 3: "&"}
    html = finished(values, points=[("<i>", i) for i in range(4)])._repr_html_()
    for bad in ("<script", "<img", "<style", "<i>", "<b>'"):
        assert bad not in html
    assert "&lt;script&gt;" in html


def test_a_failed_point_is_shown_wherever_it_is():
    values = {i: failure(i) if i == 47 else i for i in range(100)}
    results = finished(values, points=[(i,) for i in range(100)], names=("x",))
    assert re.search(r"^47 .*ValueError: bad", repr(results), re.MULTILINE)
    assert len(repr(results).splitlines()) < 20


def test_no_points_are_no_trouble():
    results = finished({}, points=[])
    assert list(results) == [] and results.to_dict()["value"] == []
    assert "0 points" in repr(results) and results._repr_html_() and len(results.to_pandas()) == 0


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Array:
    shape = (3, 4)


SHORT = {
    "a long float": (0.1 + 0.2, "0.3"),
    "a small one": (1e-6, "1e-06"),
    "an array": (Array(), "Array 3 × 4"),
    "a rude object": (Rude(), "<Rude whose repr raises RuntimeError>"),
    "two lines": (type("L", (), {"__repr__": lambda self: "a\n  b"})(), "a b"),
}


@pytest.mark.parametrize(("value", "text"), SHORT.values(), ids=SHORT.keys())
def test_values_are_shown_in_a_few_characters(value, text):
    assert short(value) == text


def test_a_numpy_number_is_shown_as_a_number():
    numpy = pytest.importorskip("numpy")
    assert (short(numpy.float64(0.25)), short(numpy.int32(3)), short(numpy.str_("a"))) == ("0.25", "3", "'a'")


def test_long_values_are_cut():
    assert len(short("x" * 1000)) <= 62 and len(short(list(range(10_000)))) <= 62


ROWS = {
    (5, 10): [0, 1, 2, 3, 4],
    (12, 10): list(range(12)),
    (20, 4): [0, 1, None, 18, 19],
    (20, 3): [0, 1, None, 19],
}


@pytest.mark.parametrize(("n", "most"), ROWS, ids=str)
def test_rows_are_the_first_and_the_last(n, most):
    assert pick_rows(n, most) == ROWS[n, most]


def test_wanted_rows_are_among_them():
    assert pick_rows(20, 4, [7, 8, 0]) == [0, 1, None, 7, 8, None, 18, 19]


def test_items_that_share_a_stamp_share_the_time():
    chunk = ChunkDone("r", "p1", "h", 1, range(1, 6), 0.0, [4.0, 5.0], 4, (), ())
    times = item_times([chunk], 7)
    assert times.seconds == [None, 1.0, 1.0, 1.0, 1.0, 1.0, None]
    assert times.workers == ["", "p1", "p1", "p1", "p1", "p1", ""]


def test_the_work_of_an_item_whose_worker_died_counts():
    timing = timing_of(item_times([], 4), [failure(3)], 1.0)
    assert (timing.work_seconds, timing.slowest) == (0.5, 3)
    assert timing_of(item_times([], 0), [], 0.0).speedup == 0.0


def test_parameters_may_have_the_names_of_our_columns():
    values = {0: {"value": 1, "error": 2}, 1: failure(1)}
    results = finished(values, points=[("soon", 5), ("late", 6)], names=("seconds", "error"))
    assert list(results.to_dict()) == [
        "seconds",
        "error",
        "value",
        "error_",
        "seconds_",
        "worker",
        "host",
        "attempt",
        "error__",
    ]
    assert "'soon'" in repr(results) and "ValueError: bad" in repr(results)


def test_a_hundred_thousand_points_are_shown_at_once():
    n = 100_000
    run = FakeRun(n)
    run.deliver(dict.fromkeys(range(n), 1))
    run.end()
    start = time.process_time()
    assert "100,000 points" in repr(Results(run, ("x",), [(i,) for i in range(n)]))
    assert time.process_time() - start < 2.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (4e-7, "0.4 µs"),
        (0.00002, "20 µs"),
        (0.012, "12 ms"),
        (3.44, "3.4 s"),
        (125, "2 min 05 s"),
        (4800, "1 h 20 min"),
    ],
)
def test_durations_are_said_as_a_person_would(seconds, text):
    assert duration(seconds) == text
