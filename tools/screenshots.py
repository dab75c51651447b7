"""Take the pictures of README and documentation anew, in a real JupyterLab in Chromium, light and dark.

    python tools/screenshots.py [NAME …]        into docs/pictures/; names are those of `PICTURES`

Those of the panel have an ssh host in them, one of ``tests/testbed``; where there is none they stay as they are.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.e2e.side_panel import SidePanel  # noqa: E402 - it is found by the line above
from tests.rig.bed import Bed, why_no_bed  # noqa: E402
from tests.rig.browser import Tab, browser, play, why_no_browser  # noqa: E402
from tests.rig.jupyter import Jupyter, why_no_jupyter  # noqa: E402

WHERE = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 1280, 760
HOST = "host2"
DIGITS = """%load_ext pathos_nb
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold
from sklearn.svm import SVC

X, y = load_digits(return_X_y=True)
folds = list(KFold(8, shuffle=True, random_state=0).split(X))
gammas, costs = np.logspace(-4, -2.5, 6), [100, 10, 1, 0.1, 0]
ready = %pmap -q SVC().kernel for worker in range(2)"""  # each worker imports scikit-learn, which takes a second
SWEEP = """%%pmap -o fits --on-error keep for gamma in gammas for C in costs for fold in range(8)
train, test = folds[fold]
SVC(gamma=gamma, C=C).fit(X[train], y[train]).score(X[test], y[test])"""
LOAD = "%load_ext pathos_nb\n%pmap v for v in range(4)"
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
HITS = """%%pmap -o hits --seed 7 for handful in range(300)
import random

sum(random.random() ** 2 + random.random() ** 2 < 1 for _ in range(250_000))"""
_DONE = (
    "n => [...document.querySelectorAll('.jp-OutputArea section.pathos-nb-run[data-state=running]')].some(e =>"
    " parseInt((e.innerText.match(/([\\d,]+) \\/ /) ?? ['', '0'])[1].replace(',', '')) >= n)"
)
_SAVED = "document.querySelector('.pathos-nb-saved section.pathos-nb-run') !== null"
_PLOT = "document.querySelectorAll('.jp-RenderedVegaCommon5 canvas, .jp-RenderedVegaCommon5 svg').length > 0"


class Act(Protocol):
    """What is done before a picture is taken."""

    def __call__(self, tab: Tab, bed: Bed | None) -> None:
        """Do it, and take the pictures."""


class Scene(NamedTuple):
    """What one or more pictures are of."""

    act: Act
    cells: tuple[str, ...]
    has_host: bool = False


def _sweep(tab: Tab, _: Bed | None) -> None:
    panel = SidePanel(tab)
    panel.show()
    tab.run(0)
    end = tab.begin(1)
    tab.wait(_DONE, "the sweep is more than half way", 150)
    panel.element.get_by_text("running").first.wait_for()
    keep(tab, "run-live")
    end()
    tab.wait(_SAVED, "what stays is shown")
    panel.element.get_by_text("240 of 240 done").first.wait_for()
    keep(tab, "run-after")


def _profile(tab: Tab, _: Bed | None) -> None:
    tab.run(0)
    tab.run(1)
    tab.page.wait_for_selector(".pathos-nb-saved .pathos-nb-box:has-text('squeeze')")
    keep(tab, "profile", ".jp-CodeCell:has(.pathos-nb-box) .jp-OutputArea")


def _plot(tab: Tab, _: Bed | None) -> None:
    tab.run(0)
    tab.run(1)
    tab.wait(_PLOT, "the plot is drawn")
    keep(tab, "plot", ".jp-RenderedVegaCommon5")


def _panel(tab: Tab, bed: Bed | None) -> None:
    """Somebody reaches a host that is not known yet, with a password, and runs cells there and here."""
    assert bed
    panel = SidePanel(tab)
    panel.show()
    panel.load()
    form = panel.form("hosts")
    form.get_by_label("From ~/.ssh/config").select_option(HOST)
    form.get_by_label("User").fill("pwuser")
    form.get_by_label("Workers").fill("2")
    panel.press("Connect", form)
    panel.question.locator(".pathos-nb-panel-fingerprint").wait_for()
    keep(tab, "panel-unknown-key")
    panel.press("It is the same: trust it")
    panel.answer(bed.password)
    panel.wait_for_note(f"{HOST} is connected as pwuser@{HOST}")
    form = panel.form("pools")
    for place in (HOST, "processes"):
        form.locator(f"[data-name={place}] input").check()
    form.get_by_label("Name").fill("both")
    panel.press("Start", form)
    panel.wait_for_note("cells run on both")
    _dismiss(panel)
    tab.begin(0)
    tab.wait(_DONE, "the sweep is under way", 80)
    panel.state("runs", panel.names("runs")[0], "running")
    keep(tab, "panel-sweep")


def _dismiss(panel: SidePanel) -> None:
    """Take away what the panel says of what was done."""
    closers = panel.element.locator(".pathos-nb-panel-note-close")
    while closers.count():
        closers.first.click()


def keep(tab: Tab, name: str, of: str = "") -> None:
    """Keep a picture of what is shown, as light or dark as it is."""
    is_dark = tab.page.evaluate("document.body.dataset.jpThemeLight === 'false'")
    shutil.copyfile(tab.shot(name, of), WHERE / f"{name}{'-dark' if is_dark else ''}.png")


PICTURES = {
    "run": Scene(_sweep, (DIGITS, SWEEP)),
    "profile": Scene(_profile, (LOAD, PROFILED)),
    "plot": Scene(_plot, (LOAD, DRAWN)),
    "panel": Scene(_panel, (HITS,), has_host=True),
}


def main(names: Sequence[str]) -> int:
    """Take them; give the exit status."""
    if reason := why_no_jupyter() or why_no_browser():
        print(reason)
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="pathos-nb-shots-") as folder,
        play() as playing,
        browser(playing) as chromium,
    ):
        server = Jupyter(Path(folder))
        try:
            for name in names or PICTURES:
                _take_both(chromium, server, name)
        finally:
            server.close()
    return 0


def _take_both(chromium: Any, server: Jupyter, name: str) -> None:
    scene = PICTURES[name]
    if scene.has_host and (reason := why_no_bed()):
        print(f"{name}: as it was; {reason}")
        return
    with _host() if scene.has_host else _nothing() as bed:
        for is_dark in (False, True):
            _take(chromium, server, name, bed, is_dark=is_dark)
            print(f"{name}, {'dark' if is_dark else 'light'}", flush=True)


@contextmanager
def _host() -> Iterator[Bed]:
    with tempfile.TemporaryDirectory(prefix="pathos-nb-bed-") as folder:
        bed = Bed(Path(folder) / "run", 2)
        try:
            bed.up()
            yield bed
        finally:
            bed("down")


@contextmanager
def _nothing() -> Iterator[None]:
    yield None


def _take(chromium: Any, server: Jupyter, name: str, bed: Bed | None, *, is_dark: bool) -> None:
    server.clear()
    if bed:
        _configure(server, bed)
    page = chromium.new_context(viewport={"width": WIDTH, "height": HEIGHT}).new_page()
    tab = Tab(page, server)
    try:
        tab.open(*PICTURES[name].cells, name=name)
        if is_dark:
            tab.dark()
        PICTURES[name].act(tab, bed)
    finally:
        page.context.close()
        server.end_kernels()


def _configure(server: Jupyter, bed: Bed) -> None:
    """Give the kernels a configuration of ssh that names the hosts, and knows none of their keys."""
    folder = server.home / ".ssh"
    folder.mkdir(mode=0o700)
    text = Path(bed.config).read_text(encoding="utf-8")
    own = re.sub(r"(?im)^(\s*UserKnownHostsFile).*$", rf"\1 {folder}/known_hosts", text)
    (folder / "config").write_text(own, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
