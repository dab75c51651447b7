"""Take the pictures of README and documentation anew, in a real JupyterLab in Chromium, light and dark.

python tools/screenshots.py [NAME …]        into docs/pictures/; names are those of `PICTURES`
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.rig.browser import SHOTS, Tab, browser, why_no_browser  # noqa: E402 - it is found by the line above
from tests.rig.jupyter import Jupyter, why_no_jupyter  # noqa: E402

WHERE = ROOT / "docs" / "pictures"
LOAD = "%load_ext pathos_nb\n%pmap v for v in range(4)"
SWEEP = """%%pmap -o fits -n 4 --on-error keep for alpha in [10 ** (k / 8 - 4) for k in range(60)] for fold in range(5)
import time
time.sleep(0.05 + 0.1 * alpha ** 0.25 * (1 + fold) / 4)
if fold == 3 and 0.9 < alpha < 1.4:
    raise ValueError(f"did not converge at alpha={alpha:.3g}")
alpha / (1 + alpha) + fold / 50"""
PROFILED = """%%pmap --profile -n 2 -o slow for v in range(6)
import time, zlib
def crunch(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(200))
def squeeze():
    for _ in range(4):
        zlib.compress(bytes(range(256)) * 12_000, 9)
crunch(0.5)
squeeze()
time.sleep(0.2)
v"""
DRAWN = """%%pmap -o fits -n 2 --plot for alpha in [10.0 ** (k / 6 - 4) for k in range(25)] for fold in range(4)
import math, time
time.sleep(0.01)
math.exp(-(math.log10(alpha) + 2) ** 2) + fold / 20"""
LIVE = "section.pathos-nb-run[data-state=running]"
_DONE = (
    "n => [...document.querySelectorAll('.jp-OutputArea " + LIVE + "')].some(e =>"
    " parseInt((e.innerText.match(/([\\d,]+) \\/ /) ?? ['', '0'])[1].replace(',', '')) >= n)"
)
_SAVED = "document.querySelector('.pathos-nb-saved section.pathos-nb-run') !== null"
_PLOT = "document.querySelectorAll('.jp-RenderedVegaCommon5 canvas, .jp-RenderedVegaCommon5 svg').length > 0"


def _sweep(tab: Tab) -> None:
    tab.run(0)
    end = tab.begin(1)
    tab.wait(_DONE, "the sweep is half way", 150)
    keep(tab, "run-live")
    end()
    tab.wait(_SAVED, "what stays is shown")
    keep(tab, "run-after")


def _profile(tab: Tab) -> None:
    tab.run(0)
    tab.run(1)
    tab.page.wait_for_selector(".pathos-nb-saved .pathos-nb-box:has-text('squeeze')")
    keep(tab, "profile", ".jp-CodeCell:has(.pathos-nb-box) .jp-OutputArea")


def _plot(tab: Tab) -> None:
    tab.run(0)
    tab.run(1)
    tab.wait(_PLOT, "the plot is drawn")
    keep(tab, "plot", ".jp-RenderedVegaCommon5")


def keep(tab: Tab, name: str, of: str = "") -> None:
    """Keep a picture of what is shown, as light or dark as it is."""
    is_dark = tab.page.evaluate("document.body.dataset.jpThemeLight === 'false'")
    shutil.copyfile(tab.shot(name, of), WHERE / f"{name}{'-dark' if is_dark else ''}.png")


PICTURES: dict[str, tuple[Callable[[Tab], None], str]] = {
    "run": (_sweep, SWEEP),
    "profile": (_profile, PROFILED),
    "plot": (_plot, DRAWN),
}


def main(names: Sequence[str]) -> int:
    """Take them; give the exit status."""
    if reason := why_no_jupyter() or why_no_browser():
        print(reason)
        return 1
    SHOTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pathos-nb-shots-") as folder, browser() as chromium:
        server = Jupyter(Path(folder))
        try:
            for name in names or PICTURES:
                for is_dark in (False, True):
                    _take(chromium, server, name, is_dark)
                    print(f"{name}, {'dark' if is_dark else 'light'}", flush=True)
        finally:
            server.close()
    return 0


def _take(chromium: Any, server: Jupyter, name: str, is_dark: bool) -> None:
    act, cell = PICTURES[name]
    server.clear()
    page = chromium.new_context(viewport={"width": 1280, "height": 760}).new_page()
    tab = Tab(page, server)
    try:
        tab.open(LOAD, cell, name=name)
        if is_dark:
            tab.dark()
        act(tab)
    finally:
        page.context.close()
        server.end_kernels()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
