"""The first paint of a run in a real JupyterLab: from the click that runs a cell to the frame that shows its lanes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["NoLabError", "first_paints"]

SETUP = "%load_ext pathos_nb\n%config PathosMagics.store = 'off'"
# Long enough to be worth showing: a run that will be over in half a second is not.
SWEEP = "%%pmap -n 2 for v in range(24)\nimport time\ntime.sleep(0.08)\nv"

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
    with tempfile.TemporaryDirectory() as folder, browsers.browser() as chromium:
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
