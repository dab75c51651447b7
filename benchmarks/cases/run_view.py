"""The view of a run in Chromium: 1,000 lanes and a million items, streamed a span an item, which no kernel does.

Looked at from afar, with a host's workers open, and closely, each for a third of the time. Then the whole way in a real
JupyterLab, from the click that runs a cell to the frame that shows its lanes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.figures import Outcome, Row, at_most, row_of
from benchmarks.lab import NoLabError, first_paints, many_workers
from benchmarks.process import ROOT
from benchmarks.scene import Scene

N_LANES, N_HOSTS = 1_000, 20
MESSAGE_S = 0.1
STARTED, OPENED = (
    "first paint of 1,000 lanes, in a browser that has just started",
    "first paint of 1,000 lanes, in a page",
)
CLICK, BEGUN = "a run, from the click to its paint", "a run, from the kernel's start of the cell to its paint"
FIRST_PAINT_MS, FRAME_MS, STATE_MB = 150, 50, 200
PAGE = Path(__file__).parents[1] / "pages" / "run_view.html"
BUNDLE = ROOT / "pathos_nb" / "static" / "run.js"


class NoBrowserError(Exception):
    """There is no browser to measure in."""


@contextmanager
def chromium() -> Iterator[Any]:
    """Give a headless Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise NoBrowserError("playwright is not installed") from error
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise NoBrowserError("there is no Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def page(browser: Any) -> Any:
    """Give a new page; what it asks for is handed to it, no server runs."""
    tab = browser.new_page(viewport={"width": 1200, "height": 800})
    tab.route("**/run.js", lambda route: route.fulfill(path=BUNDLE, content_type="text/javascript"))
    tab.route("**/page.html", lambda route: route.fulfill(path=PAGE, content_type="text/html"))
    tab.goto("http://localhost/page.html")
    return tab


def heap_mb(tab: Any) -> float:
    """Give what the page's objects and arrays take, after the rubbish is gone."""
    session = tab.context.new_cdp_session(tab)
    session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    session.detach()
    return float(usage["usedSize"] + usage.get("backingStorageSize", 0)) / 1e6


def longest_task_ms(trace: bytes) -> float:
    """Give what the page computed at most without a pause, by its thread's own clock: other programs do not count."""
    events = json.loads(trace)["traceEvents"]
    names = [event for event in events if event.get("name") == "thread_name"]
    pages = {(event["pid"], event["tid"]) for event in names if event["args"].get("name") == "CrRendererMain"}
    tasks = (event for event in events if event.get("name", "").endswith("RunTask"))
    return max(event.get("tdur", 0) for event in tasks if (event["pid"], event["tid"]) in pages) / 1000


def watch(tab: Any, n_messages: int) -> None:
    """Look at the stream from afar, then at a host's workers, then closely."""
    heard = "n => (window.heard ?? 0) >= n"
    tab.wait_for_function(heard, arg=n_messages // 3, timeout=600_000)
    box = tab.locator(".pathos-nb-scroller").bounding_box()
    tab.mouse.click(box["x"] + 30, box["y"] + 30)  # the second host's name
    tab.wait_for_function(heard, arg=2 * n_messages // 3, timeout=600_000)
    tab.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 80)
    tab.keyboard.down("Control")
    for _ in range(6):
        tab.mouse.wheel(0, -200)
        tab.wait_for_timeout(50)
    tab.keyboard.up("Control")
    tab.wait_for_function(heard, arg=n_messages, timeout=600_000)
    tab.wait_for_timeout(1_000)


class RunView:
    """One page, one stream."""

    name = "run_view"
    title = "the view of a run in Chromium: 1,000 lanes, a million items"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        try:
            with chromium() as browser:
                self._open(browser, outcome, 3 if scene.is_quick else 9)
                self._measure(page(browser), scene, outcome)
            self._paint(outcome, 4 if scene.is_quick else 9)
            self._crowd(outcome, 20_000 if scene.is_quick else 60_000)
        except (NoBrowserError, NoLabError) as error:
            outcome.rows.append(Row("pathos_nb", "frames", None, "ms", note=str(error)))
        return outcome

    def _paint(self, outcome: Outcome, n_runs: int) -> None:
        first, *later = first_paints(n_runs)
        since_kernel = [paint["painted"] - paint["status"] for paint in later]
        for name, values in (
            ("the first run of a kernel, from the click to its paint", [first["painted"]]),
            ("a run, from the click to its display", [paint["display_data"] for paint in later]),
            (CLICK, [paint["painted"] for paint in later]),
            (BEGUN, since_kernel),
        ):
            outcome.rows.append(row_of("pathos_nb", name, values, "ms"))
        for name in (CLICK, BEGUN):
            outcome.goals.append(at_most(name, outcome.value("pathos_nb", name), FIRST_PAINT_MS, "ms"))

    def _crowd(self, outcome: Outcome, n_items: int) -> None:
        """A thousand workers of a real kernel, in a real notebook."""
        found = many_workers(n_items, longest_task_ms, heap_mb)
        for name, key, unit in (
            ("1,000 workers in a notebook: longest task", "task_ms", "ms"),
            ("1,000 workers in a notebook: what the page has more", "heap_mb", "MB"),
            ("1,000 workers in a notebook: the page's share of a core", "page", "%"),
            ("1,000 workers in a notebook: what the run costs the kernel", "kernel", "s"),
            ("1,000 workers in a notebook: what it costs without a view", "kernel_quiet", "s"),
        ):
            outcome.rows.append(row_of("pathos_nb", name, [found[key]], unit))
        for row, limit in zip(outcome.rows[-5:-3], (FRAME_MS, STATE_MB), strict=True):
            outcome.goals.append(at_most(row.what, row.value, limit, row.unit))

    def _open(self, browser: Any, outcome: Outcome, n_pages: int) -> None:
        """Draw the run for the first time, in a browser that has just started, and in pages after that."""
        paints = []
        for _ in range(1 + n_pages):
            tab = page(browser)
            paints.append(tab.evaluate("plan => begin(plan)", {"lanes": N_LANES, "hosts": N_HOSTS}))
            tab.close()
        for name, values in ((STARTED, paints[:1]), (OPENED, paints[1:])):
            outcome.rows.append(row_of("pathos_nb", name, values, "ms"))
            outcome.goals.append(at_most(name, outcome.value("pathos_nb", name), FIRST_PAINT_MS, "ms"))

    def _measure(self, tab: Any, scene: Scene, outcome: Outcome) -> None:
        n_items = 200_000 if scene.is_quick else 1_000_000
        n_messages = n_items // 5_000
        bare = heap_mb(tab)
        tab.evaluate("plan => begin(plan)", {"lanes": N_LANES, "hosts": N_HOSTS})
        plan = {"lanes": N_LANES, "hosts": N_HOSTS, "items": n_items, "messages": n_messages}
        browser = tab.context.browser
        browser.start_tracing(page=tab, categories=["toplevel", "devtools.timeline"])
        tab.evaluate("plan => stream(plan)", plan)
        watch(tab, n_messages)
        computed = longest_task_ms(browser.stop_tracing())
        frames = [ms for ms in tab.evaluate("frames") if ms > 0]
        state = heap_mb(tab) - bare
        share = 100 * sum(frames) / (n_messages * MESSAGE_S * 1000)
        outcome.rows += [
            row_of("pathos_nb", "longest frame", [max(frames)], "ms"),
            row_of("pathos_nb", "longest task, computing alone", [computed], "ms"),
            row_of("pathos_nb", "frames, median", [sorted(frames)[len(frames) // 2]], "ms"),
            row_of("pathos_nb", "state", [state], "MB"),
            row_of("pathos_nb", "share of a core", [share], "%"),
        ]
        outcome.goals += [
            at_most("longest frame while streaming", max(frames), FRAME_MS, "ms"),
            at_most("longest task while streaming, computing alone", computed, FRAME_MS, "ms"),
            at_most("state", state, STATE_MB, "MB"),
        ]


CASE = RunView()
