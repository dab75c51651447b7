"""Plots: what is chosen from parameters and values, what is sent, and how often while points arrive."""

from __future__ import annotations

import json
import math
import random
import threading
import time
from datetime import date

import pytest

from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.using.altair_plot import MIME, altair_chart, spec_of
from pathos_nb.dispatch.using.drawing import Drawing
from pathos_nb.errors import BadOption
from pathos_nb.notebook import plotting
from tests.notebook.fake_run import FakeRun
from tests.notebook.test_results import failure

pytestmark = [pytest.mark.timeout(120), pytest.mark.leaves("files")]  # matplotlib keeps its fonts open


def of(points: list[tuple], value, names=("a", "b", "c", "d")) -> Results:
    run = FakeRun(len(points), title="fits")
    run.deliver({i: value(*point) for i, point in enumerate(points)})
    run.end()
    return Results(run, names[: len(points[0])], points)


def grid(*sides: list) -> list[tuple]:
    points: list[tuple] = [()]
    for side in sides:
        points = [(*point, value) for point in points for value in side]
    return points


DICE = random.Random(3)
LOGS = [10.0**-k for k in range(6)]
CHOICES = {
    "a number along x": (grid(list(range(9))), lambda a: a, "line", "value over a"),
    "one that was drawn": ([(DICE.random(),) for _ in range(50)], lambda a: a, "scatter", "value over a"),
    "names": (grid(["x", "y"]), lambda a: 1.0, "bar", "value over a"),
    "a number and a few": (grid(LOGS, [0, 1, 2]), lambda a, b: a, "line", "value over a, by b"),
    "a name and a number": (grid(["x", "y"], LOGS), lambda a, b: b, "line", "value over b, by a"),
    "two numbers of a grid": (grid(list(range(9)), list(range(8))), lambda a, b: a * b, "heat", "value over a and b"),
    "two names": (grid(["x", "y"], ["u", "v", "w"]), lambda a, b: 1, "heat", "value over b and a"),
    "two that were drawn": (
        [(DICE.random(), DICE.random()) for _ in range(50)],
        lambda a, b: a,
        "scatter",
        "value over a and b",
    ),
    "small multiples": (grid(LOGS, [0, 1, 2], ["x", "y"]), lambda a, b, c: a, "line", "value over a, by b, 2 panels"),
    "a map a panel": (
        grid(list(range(9)), list(range(8)), ["x", "y"]),
        lambda a, b, c: a,
        "heat",
        "value over a and b, 2 panels",
    ),
    "a parameter too many": (
        grid(LOGS, [0, 1, 2], ["x", "y"], list(range(20))),
        lambda a, b, c, d: d,
        "line",
        "3 panels (mean over c)",
    ),
    "two values": (grid(list(range(9))), lambda a: {"r2": a, "n": 1}, "line", "r2, n over a, 2 panels"),
    "days": (grid([date(2026, 1, d) for d in range(1, 5)]), lambda a: 1, "line", "value over a"),
    "no parameter that varies": (grid([1]) * 5, lambda a: 2, "line", "value over point"),
    "truth": (grid([True, False]), lambda a: 2, "bar", "value over a"),
}


@pytest.mark.parametrize(("points", "value", "kind", "said"), CHOICES.values(), ids=CHOICES.keys())
def test_the_plot_fits_parameters_and_values(points, value, kind, said):
    pytest.importorskip("altair")
    drawing = of(points, value).drawing()
    assert (drawing.kind, said in str(drawing)) == (kind, True), str(drawing)
    json.dumps(spec_of(drawing), allow_nan=False)


def test_it_shows_itself_as_vega_lite_as_a_picture_and_as_text():
    pytest.importorskip("altair")
    pytest.importorskip("matplotlib")
    plot = of(grid(LOGS, [0, 1], ["x", "y"]), lambda a, b, c: a).plot()
    bundle = plot._repr_mimebundle_()
    assert bundle[MIME]["$schema"].endswith("/v5.json") and len(bundle[MIME]["concat"]) == 2
    assert [len(part["data"]["values"]) for part in bundle[MIME]["concat"]] == [12, 12]
    assert len(altair_chart(plot.drawing).to_dict()["concat"]) == 2, "what altair itself makes of it"
    assert bundle["image/png"] and bundle["text/plain"] == str(plot.drawing)


def test_panels_of_one_measure_have_one_height_and_bars_stand_on_zero():
    pytest.importorskip("altair")
    results = of(grid(LOGS, [0, 1], ["x", "y"]), lambda a, b, c: {"u": a + (c == "x"), "v": 3.0})
    parts = spec_of(results.drawing())["concat"]
    assert [part["encoding"]["y"]["scale"] for part in parts] == [
        *[{"domain": [1e-5, 2.0], "nice": True}] * 2,
        *[{"zero": False}] * 2,
    ]
    bars = spec_of(of(grid(["x", "y"]), lambda a: {"x": 5.0, "y": 6.0}[a]).drawing())
    assert bars["encoding"]["y"]["scale"] == {"zero": True}


def test_what_grows_by_factors_is_on_a_logarithmic_axis():
    assert of(grid(LOGS), lambda a: a).drawing().x.is_log
    assert not of(grid(list(range(1, 100))), lambda a: a).drawing().x.is_log
    assert not of(grid([0.0, 0.1, 100.0]), lambda a: a).drawing().x.is_log, "zero has no logarithm"


def test_points_without_a_number_are_left_out():
    results = of(grid(list(range(6))), lambda a: failure(a) if a == 1 else math.nan if a == 2 else a)
    assert results.drawing().panels[0].x == [0, 3, 4, 5]
    with pytest.raises(BadOption, match=r"no numbers to draw; y='seconds' draws a column"):
        of(grid([1, 2]), lambda a: "text").plot()
    with pytest.raises(BadOption, match=r"no point has a value: all 2 failed, or were not run; .errors says why"):
        of(grid([1, 2]), lambda a: failure(a - 1)).plot()
    assert of(grid([1, 2]), lambda a: "text").plot("seconds").drawing.panels[0].y == [1.0, 1.0]


def test_roles_can_be_given():
    results = of(grid(LOGS, ["x", "y"]), lambda a, b: {"u": a, "v": 2})
    drawing = results.plot("v", x="b", color="a", kind="scatter").drawing
    assert (drawing.kind, drawing.x.name, drawing.panels[0].measure) == ("scatter", "b", "v")
    for told in ({"x": "nothing"}, {"y": "nothing"}):
        with pytest.raises(BadOption, match="is 'nothing', which there is not; there are a, b"):
            results.plot(**told)
    with pytest.raises(BadOption, match="kind is 'pie'"):
        results.plot(kind="pie")


def test_many_points_make_a_small_plot():
    points = grid(list(range(500)), list(range(20)))
    drawing = of(points, lambda a, b: a).drawing()
    assert len(drawing.panels[0].x) <= 3000 and "of 10,000 points are drawn" in drawing.note


def test_a_plot_is_written_as_a_file(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("altair")
    plot = of(grid(LOGS, ["$x_", "<b>"]), lambda a, b: a).plot()
    assert plot.save(tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in plot.save(tmp_path / "p.svg").read_bytes()
    assert json.loads(plot.save(tmp_path / "p.json").read_text())["mark"]["type"] == "line"
    with pytest.raises(BadOption, match=r"'p.html'; it may end in .png"):
        plot.save(tmp_path / "p.html")


def test_without_altair_it_is_a_picture_and_without_both_a_word(monkeypatch):
    pytest.importorskip("matplotlib")
    results = of(grid(LOGS), lambda a: a)
    monkeypatch.setitem(__import__("sys").modules, "altair", None)
    bundle = results.plot()._repr_mimebundle_()
    assert set(bundle) == {"image/png", "text/plain"}
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(ImportError, match="need altair or matplotlib: pip install altair"):
        results.plot()


# ------------------------------------------------------------------------------------------------------ while it goes on


class Shown:
    """What was drawn, and when."""

    def __init__(self) -> None:
        self.drawn: list[tuple[Drawing, bool, float]] = []
        self.news = threading.Condition()

    def __call__(self, drawing: Drawing, is_final: bool) -> None:
        with self.news:
            self.drawn.append((drawing, is_final, time.monotonic()))
            self.news.notify_all()

    def wait_for(self, n: int) -> None:
        with self.news:
            assert self.news.wait_for(lambda: len(self.drawn) >= n, 30)


def test_it_is_drawn_while_points_arrive_and_once_at_the_end():
    run, shown = FakeRun(40), Shown()
    results = Results(run, ("a",), [(i,) for i in range(40)])
    plot = plotting.LivePlot(results, shown, is_live=True, least_s=0.2)
    for i in range(20):
        run.deliver({i: i})
    shown.wait_for(1)
    for i in range(20, 40):
        run.deliver({i: i})
    shown.wait_for(2)
    assert not any(is_final for _, is_final, _ in shown.drawn)
    run.end()
    plot.finish()
    plot.finish()
    finals = [drawing for drawing, is_final, _ in shown.drawn if is_final]
    assert len(finals) == 1 and len(finals[0].panels[0].x) == 40 and shown.drawn[-1][1]
    gaps = [b[2] - a[2] for a, b in zip(shown.drawn, shown.drawn[1:], strict=False) if not b[1]]
    assert all(gap > 0.19 for gap in gaps), gaps


def test_a_run_behind_is_drawn_to_its_end_by_itself():
    run, shown = FakeRun(2), Shown()
    plotting.LivePlot(Results(run, ("a",), [(1,), (2,)]), shown, is_live=True)
    run.deliver({0: 1, 1: 2})
    run.end()
    shown.wait_for(1)
    with shown.news:
        assert shown.news.wait_for(lambda: shown.drawn[-1][1], 30)


def test_a_plot_that_breaks_and_points_without_numbers_do_no_harm(capsys, caplog):
    run = FakeRun(1)
    results = Results(run, ("a",), [(1,)])

    def broken(drawing: Drawing, is_final: bool) -> None:
        raise RuntimeError("no screen")

    plots = [plotting.LivePlot(results, broken, is_live=False)]
    run.deliver({0: 1.5})
    run.end()
    plots[0].finish()
    assert "could not be drawn" in caplog.text
    run = FakeRun(1)
    plot = plotting.LivePlot(Results(run, ("a",), [(1,)]), broken, is_live=False)
    run.deliver({0: "text"})
    run.end()
    plot.finish()
    assert "note: --plot: the points gave no numbers" in capsys.readouterr().err


def test_a_whole_number_beyond_all_floats_is_left_out_and_on_an_axis_it_is_a_name():
    drawing = of(grid([0, 1, 2]), lambda a: 10**400 if a == 1 else a).drawing()
    assert drawing.panels[0].y == [0.0, 2.0]
    assert of(grid([1, 2, 10**400]), lambda a: 1.0).plot()._repr_mimebundle_()
    with pytest.raises(BadOption, match="no point has a number"):
        of(grid([0, 1]), lambda a: 10**400).plot()
