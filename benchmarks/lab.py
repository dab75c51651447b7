"""Runs in a real JupyterLab: from the click on a cell to the frame that shows its lanes; a thousand workers' lanes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["NoLabError", "first_paints", "many_workers"]

SETUP = "%load_ext pathos_nb\n%config PathosMagics.store = 'off'"
# Long enough to be worth showing: a run that will be over in half a second is not.
SWEEP = "%%pmap -n 2 for v in range(24)\nimport time\ntime.sleep(0.08)\nv"
# Two thousand items a second on a thousand workers, each of which has a lane; the kernel says what that cost it.
MANY = (
    "import time\nbegan = time.process_time()\n"
    "%pmap {quiet}-p threads -n 1000 (time.sleep(0.5), v)[1] for v in range({n})\n"
    "print('cost', time.process_time() - began)"
)
_LIVE = ".jp-OutputArea section.pathos-nb-run[data-state=running]"

# A frame is painted when what was asked of it has run, and a message to oneself after that has come.
_WATCH = """index => new Promise((resolve, fail) => {
    const found = {}, book = jupyterapp.shell.currentWidget, session = book.context.sessionContext;
    const selector = '.jp-OutputArea section.pathos-nb-run[data-state=running] canvas';
    const since = () => performance.now() - begun;
    const hear = (_, message) => { found[message.header.msg_type] ??= since(); };
    session.iopubMessage.connect(hear);
    const painted = () => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => { found.painted ??= since(); };
        channel.port2.postMessage(null);
    };
    const look = new MutationObserver(() => {
        const cell = document.querySelectorAll('.jp-Notebook .jp-CodeCell')[index];
        if (!cell.querySelector(selector)) return;
        look.disconnect();
        found.mounted = since();
        requestAnimationFrame(painted);
    });
    look.observe(document.body, { subtree: true, childList: true, attributes: true });
    book.content.deselectAll();
    book.content.activeCellIndex = index;
    const begun = performance.now();
    jupyterapp.commands.execute('notebook:run-cell').then(() => {
        look.disconnect();
        session.iopubMessage.disconnect(hear);
        found.over = since();
        resolve(found);
    }, fail);
})"""


class NoLabError(Exception):
    """There is no JupyterLab, or no browser, to measure in."""


@contextmanager
def _notebook(cells: list[str]) -> Iterator[Any]:
    browsers, servers = import_module("tests.rig.browser"), import_module("tests.rig.jupyter")
    if reason := servers.why_no_jupyter() or browsers.why_no_browser():
        raise NoLabError(reason)
    with tempfile.TemporaryDirectory() as folder, browsers.play() as playing, browsers.browser(playing) as chromium:
        server = servers.Jupyter(Path(folder))
        try:
            page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
            tab = browsers.Tab(page, server)
            tab.open(*cells)
            yield tab
        finally:
            server.end_kernels()
            server.close()


def first_paints(n_runs: int) -> list[dict[str, float]]:
    """Run cells, and note when their views come.

    Parameters
    ----------
    n_runs : int
        How many; the first one starts the pool too.

    Returns
    -------
    list of dict
        For each, in milliseconds since the click: ``status`` (the kernel has it), ``comm_open``, ``display_data``,
        ``mounted``, ``painted``, ``over``.

    Raises
    ------
    NoLabError
        There is nothing to measure in.
    """
    with _notebook([SETUP, *[SWEEP] * n_runs]) as tab:
        tab.run(0)
        tab.page.wait_for_timeout(2_000)  # as a person does, who types her first cell
        return [tab.page.evaluate(_WATCH, number) for number in range(1, n_runs + 1)]


def many_workers(n_items: int, task_ms: Callable[[bytes], float], heap_mb: Callable[[Any], float]) -> dict[str, float]:
    """Run a thousand workers in a notebook, look at their lanes from afar and closely, and measure the page meanwhile.

    Parameters
    ----------
    n_items : int
        Items; two thousand are done a second.
    task_ms : callable
        Gives the longest task of a trace.
    heap_mb : callable
        Gives what a page's objects take.

    Returns
    -------
    dict
        ``task_ms``, the longest one; ``heap_mb``, what the page has more than before; ``page``, its share of a core in
        per cent; ``kernel``, what a run costs it with the view and without (``kernel_quiet``), in seconds of processor.

    Raises
    ------
    NoLabError
        There is nothing to measure in.
    """
    with _notebook([SETUP, MANY.format(quiet="-q ", n=n_items), MANY.format(quiet="", n=n_items)]) as tab:
        tab.run(0)
        quiet, bare = _cost(tab.run(1)), heap_mb(tab.page)
        end = tab.begin(2)
        tab.page.locator(_LIVE).get_by_text("1,000").first.wait_for()
        session = tab.page.context.new_cdp_session(tab.page)
        session.send("Performance.enable")
        browser, before = tab.page.context.browser, _metrics(session)
        browser.start_tracing(page=tab.page, categories=["toplevel", "devtools.timeline"])
        _look_around(tab)
        trace, after = browser.stop_tracing(), _metrics(session)
        heap = heap_mb(tab.page) - bare
        share = (after["TaskDuration"] - before["TaskDuration"]) / (after["Timestamp"] - before["Timestamp"])
        kernel = {"kernel": _cost(end()), "kernel_quiet": quiet}
        return {"task_ms": task_ms(trace), "heap_mb": heap, "page": 100 * share, **kernel}


def _look_around(tab: Any) -> None:
    """Scroll through the lanes, zoom in, move, and zoom out again, for some seconds."""
    scroller = tab.page.locator(f"{_LIVE} .pathos-nb-scroller")
    scroller.scroll_into_view_if_needed()
    tab.page.wait_for_timeout(2_000)
    scroller.hover()
    for _ in range(10):
        tab.page.mouse.wheel(0, 400)
        tab.page.wait_for_timeout(100)
    scroller.focus()
    for key in ("+",) * 5 + ("ArrowLeft",) * 3 + ("0",):
        tab.page.keyboard.press(key)
        tab.page.wait_for_timeout(200)
    tab.page.wait_for_timeout(2_000)


def _metrics(session: Any) -> dict[str, float]:
    return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}


def _cost(output: str) -> float:
    return float(output.split("cost ")[1].split()[0])
