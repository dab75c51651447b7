"""Plots in a real JupyterLab: drawn by the front end itself, while points arrive, in the light and in the dark.

A profile too, in the same page: the flame graph grows while an item runs, can be entered, and stays in the cell.
"""

from __future__ import annotations

import pytest

from pathos_nb.notebook.live import CODE
from tests.e2e.test_run_view import DONE
from tests.rig.browser import SHOTS

pytest.importorskip("altair")

LOAD = "%load_ext pathos_nb\nimport altair, matplotlib.figure\n%pmap v for v in range(4)"
LONG = (
    "%%pmap -o slow -n 2 --plot for k in range(600) for fold in range(4)\nimport time\ntime.sleep(0.1)\nk / 100 + fold"
)
FITS = (
    "%%pmap -o fits -n 2 --plot for alpha in [10.0 ** (k / 6 - 4) for k in range(25)] for fold in range(4)\n"
    "import math, time\ntime.sleep(0.01)\nmath.exp(-(math.log10(alpha) + 2) ** 2) + fold / 20"
)
HEAT = "waves = %pmap x * y for x in range(20) for y in range(12)\nwaves.plot()"
PROFILED = """%%pmap --profile -n 2 -o profiled for v in range(1000)
import time, zlib
def crunch(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(200))
def squeeze():
    for _ in range(4):
        zlib.compress(bytes(range(256)) * 12_000, 9)
crunch(0.8)
squeeze()
time.sleep(0.2)
v"""
LIVE = "section.pathos-nb-run[data-state=running]"
MARKS = "document.querySelectorAll('.jp-RenderedVegaCommon5 canvas, .jp-RenderedVegaCommon5 svg').length"
PIXELS = "[...document.querySelectorAll('.jp-RenderedVegaCommon5 canvas')].map(c => c.toDataURL()).join()"


def test_a_plot_grows_in_its_cell_and_stays_and_so_does_a_flame_graph(open_notebook):
    tab = open_notebook(LOAD, LONG, FITS, HEAT, PROFILED)
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.run(0)
    end = tab.begin(1)
    tab.wait(f"{MARKS} > 0", "JupyterLab draws the plot while the cell blocks")
    picture = tab.page.evaluate(PIXELS)
    tab.wait(f"old => {PIXELS} !== old", "it is drawn anew", picture)
    tab.shot("plot-live")
    tab.command("notebook:interrupt-kernel")
    assert "points are finished, kept in slow" in end()
    if CODE.is_file():  # else the view's code has not been built: make bundles
        enter_a_flame_graph(tab)
    tab.run(2)
    tab.run(3)
    tab.wait(f"{MARKS} >= 3", "what an interrupted run has is drawn, and a line plot, and a heat map")
    tab.page.locator(".jp-CodeCell").nth(2).locator(".jp-Cell-outputWrapper").screenshot(path=SHOTS / "plot-cell.png")
    tab.dark()
    tab.wait(f"{MARKS} >= 3", "the plots are there in the dark")
    for number in range(3):
        plot = tab.page.locator(".jp-RenderedVegaCommon5").nth(number)
        plot.screenshot(path=SHOTS / f"plot-dark-{number}.png")
    own = ("127.0.0.1", "localhost")
    assert not [url for url in asked if url[:5] not in ("data:", "blob:") and not any(name in url for name in own)]


def enter_a_flame_graph(tab) -> None:
    """Run a profiled cell, and click on a function while it works."""
    end = tab.begin(4)
    tab.page.wait_for_selector(f"{LIVE} .pathos-nb-box:has-text('crunch')")
    tab.shot("profile-live")
    tab.page.locator(f"{LIVE} .pathos-nb-box:has-text('crunch')").first.click()
    tab.page.wait_for_selector(f"{LIVE} .pathos-nb-profile > .pathos-nb-small:visible")
    assert tab.page.locator(f"{LIVE} .pathos-nb-box:has-text('squeeze')").count() == 0
    tab.wait(DONE, "items are done", 2)
    tab.command("notebook:interrupt-kernel")
    assert "points are finished, kept in profiled" in end()
    tab.page.wait_for_selector(".pathos-nb-saved .pathos-nb-box:has-text('squeeze')")
    tab.shot("profile-saved")
