"""Plots in a real JupyterLab: drawn by the front end itself, while points arrive, in the light and in the dark."""

from __future__ import annotations

import pytest

from tests.rig.browser import SHOTS

pytest.importorskip("altair")

LOAD = "%load_ext pathos_nb\nimport altair, matplotlib.figure\n%pmap v for v in range(4)"
SWEEP = (
    "%%pmap -o fits -n 2 --plot --on-error keep for alpha in [10.0 ** (k / 6 - 4) for k in range(25)] for fold in range(4)\n"
    "import math, time\ntime.sleep(0.1)\nif alpha > 0.9 and fold == 2: raise ValueError('too large')\n"
    "math.exp(-(math.log10(alpha) + 2) ** 2) + fold / 20"
)
HEAT = "waves = %pmap x * y for x in range(20) for y in range(12)\nwaves.plot()"
MARKS = "document.querySelectorAll('.jp-RenderedVegaCommon5 canvas, .jp-RenderedVegaCommon5 svg').length"
PIXELS = "[...document.querySelectorAll('.jp-RenderedVegaCommon5 canvas')].map(c => c.toDataURL()).join()"


def test_a_plot_grows_in_its_cell_and_stays(open_notebook):
    tab = open_notebook(LOAD, SWEEP, HEAT)
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.run(0)
    end = tab.begin(1)
    tab.wait(f"{MARKS} > 0", "JupyterLab draws the plot while the cell blocks")
    picture = tab.page.evaluate(PIXELS)
    tab.wait(f"old => {PIXELS} !== old", "it is drawn anew", picture)
    tab.shot("plot-live")
    end()
    tab.run(2)
    tab.wait(f"{MARKS} >= 2", "a heat map")
    tab.shot("plot-light")
    tab.page.locator(".jp-CodeCell").nth(1).locator(".jp-Cell-outputWrapper").screenshot(path=SHOTS / "plot-cell.png")
    tab.dark()
    tab.wait(f"{MARKS} >= 2", "the plots are there in the dark")
    tab.shot("plot-dark")
    for number in range(2):
        plot = tab.page.locator(".jp-RenderedVegaCommon5").nth(number)
        plot.screenshot(path=SHOTS / f"plot-dark-{number}.png")
    assert not [
        url for url in asked if "127.0.0.1" not in url and "localhost" not in url and url[:5] not in ("data:", "blob:")
    ]
