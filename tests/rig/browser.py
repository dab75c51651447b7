"""Notebooks in a real, headless browser: opened, run, waited for, looked at. Every wait has a deadline."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from tests.rig.jupyter import ROOT, Jupyter

__all__ = ["SHOTS", "Tab", "browser", "play", "profile", "why_no_browser"]

SHOTS = ROOT / "build" / "e2e"
DEADLINE_S = 60.0
_OWN_SCHEMES, _LOOPBACK = ("data", "blob", "about", "chrome-error"), ("127.0.0.1", "localhost")
UI = Literal["lab", "notebook"]

_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
# Notebook 7 says these at its start, with no extension at all (that of `last_modified`: 7.2).
# Besides: what JupyterLab leaves of a question to a kernel that was ended meanwhile, and of one to its server that
# Chromium gave up, as it does when an interface of the machine comes or goes.
_NOT_OURS = (
    "reading 'schema'", "Command 'filebrowser:open-path' not registered", "reading 'last_modified'", "Failed to fetch",
    "Canceled future for create_subshell_request", "Canceled future for kernel_info_request",
)  # fmt: skip
_KERNEL = "window.jupyterapp?.shell.currentWidget?.context?.sessionContext?.session?.kernel"
# A kernel answers in order: when this one is answered, so is all that the page has asked a new kernel.
_ANSWERED = f"""() => Promise.race([{_KERNEL}.requestKernelInfo().then(() => true), new Promise((_, fail) =>
    setTimeout(() => fail(new Error('the kernel did not answer within 60 s')), 60000))])"""
_RESTORED = """() => Promise.race([jupyterapp.restored.then(() => null), new Promise((_, fail) =>
    setTimeout(() => fail(new Error('the layout was not restored within 60 s')), 60000))])"""
_DISTURBED, _MOST_LOADS, LOAD_S = "ERR_NETWORK_CHANGED", 4, 40.0
_OUTPUTS = """() => [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')].map(cell =>
    [...cell.querySelectorAll('.jp-OutputArea-output')].map(o => o.innerText).join('\\n').trim())"""
_RUN = """index => {
    const book = jupyterapp.shell.currentWidget.content;
    book.deselectAll(); book.activeCellIndex = index;
    const run = { is_over: false, error: '' };
    (window.testRuns ??= []).push(run);
    jupyterapp.commands.execute('notebook:run-cell').then(
        () => { run.is_over = true; }, e => { run.is_over = true; run.error = String(e); });
    return window.testRuns.length - 1;
}"""


def why_no_browser() -> str:
    """Say what is missing for a browser; nothing if it can be started."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed: pip install playwright"
    if _chromium() is None:
        return "chromium is not installed: tools/testbed.sh installs it (Debian, root), or CHROMIUM names it"
    return ""


def _chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    return shutil.which(named) if named else shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def play() -> Iterator[Any]:
    """Give what starts browsers; a thread has it once at a time."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as made:
        yield made


@contextmanager
def browser(playing: Any) -> Iterator[Any]:
    """Give a browser without a window; it is closed at the end."""
    made = playing.chromium.launch(executable_path=_chromium(), args=list(_FLAGS))
    yield made
    made.close()


@contextmanager
def profile(playing: Any, folder: Path) -> Iterator[Any]:
    """Give a browser with a profile on disk: from its third page on, it compiles JupyterLab's code no more.

    A page takes two thirds of the processor's time then. Pages share what they store; it is closed at the end.
    """
    made = playing.chromium.launch_persistent_context(folder, executable_path=_chromium(), args=list(_FLAGS))
    yield made
    made.close()


class Tab:
    """One notebook in one page.

    Parameters
    ----------
    page : playwright.sync_api.Page
        The page; whatever Playwright can do is done with it.
    server : Jupyter
        Where the notebook lies.
    ui : str
        ``lab`` or ``notebook`` (Notebook 7).
    """

    def __init__(self, page: Any, server: Jupyter, ui: UI = "lab") -> None:
        self.page, self.server, self.ui = page, server, ui
        self.errors: list[str] = []
        self.said: list[str] = []
        self.strangers: list[str] = []  # what it has asked for beyond this machine
        page.on("request", lambda request: self._note_request(request.url))
        page.set_default_timeout(DEADLINE_S * 1e3)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("console", lambda line: self.said.append(f"{line.type}: {line.text}"))

    def _note(self, error: str) -> None:
        if not any(words in error for words in _NOT_OURS):
            self.errors.append(error)

    def _note_request(self, url: str) -> None:
        asked = urlsplit(url)
        if asked.scheme not in _OWN_SCHEMES and asked.hostname not in _LOOPBACK:
            self.strangers.append(url)

    def open(self, *cells: str, name: str = "test", kernel: bool = True) -> None:
        """Make a notebook of these cells, open it, and wait for its kernel."""
        (self.server.root / f"{name}.ipynb").write_text(json.dumps(_notebook(cells)))
        way = f"lab/workspaces/{name}/tree/" if self.ui == "lab" else "notebooks/"
        self._load(lambda: self.page.goto(self.server.url(f"{way}{name}.ipynb")), kernel=kernel)

    def reload(self, *, kernel: bool = True) -> None:
        """Load the page again, as a person does; one whose kernel is at work does not wait for it."""
        self._load(self.page.reload, kernel=kernel)

    def _load(self, load: Callable[[], Any], *, kernel: bool = True) -> None:
        """Load a page and wait until all of it is there, again if need be.

        Chromium gives up what it is loading when an interface of the machine comes or goes, as those of a bed do.
        """
        from playwright.sync_api import Error

        for attempt in range(_MOST_LOADS):
            self.said.clear()
            try:
                load()
                self.wait("window.jupyterapp !== undefined", "the page is there", seconds=LOAD_S)
                self.page.evaluate(_RESTORED)
                if kernel:
                    self.wait_for_kernel()
                if not self._was_disturbed():
                    return
            except (AssertionError, Error):
                if attempt == _MOST_LOADS - 1 or not self._was_disturbed():
                    raise

    def _was_disturbed(self) -> bool:
        return any(_DISTURBED in line for line in self.said)

    def wait_for_kernel(self) -> None:
        """Wait until the kernel is there, idle, and has answered what the page asked it."""
        self.wait(f"{_KERNEL}?.status === 'idle'", "the kernel is idle")
        self.page.evaluate(_ANSWERED)

    def wait(self, condition: str, what: str, arg: Any = None, seconds: float = DEADLINE_S) -> None:
        """Wait for something in the page, a JavaScript expression or function of ``arg``."""
        from playwright.sync_api import TimeoutError as Late

        try:
            self.page.wait_for_function(condition, arg=arg, timeout=seconds * 1e3)
        except Late:
            raise AssertionError(f"{what}: not within {seconds:g} s; {self.outputs()}") from None

    def begin(self, cell: int) -> Callable[[], str]:
        """Run a cell; what is returned waits for its end, and gives its output."""
        number = self.page.evaluate(_RUN, cell)

        def end() -> str:
            self.wait("n => window.testRuns[n].is_over", f"cell {cell} ends", number)
            assert self.page.evaluate("n => window.testRuns[n].error", number) == ""
            return self.outputs()[cell]

        return end

    def run(self, cell: int) -> str:
        """Run a cell to its end, and give its output."""
        return self.begin(cell)()

    def command(self, name: str, **args: Any) -> Any:
        """Do what a command of JupyterLab's palette does."""
        call = "([name, args]) => Promise.resolve(jupyterapp.commands.execute(name, args)).then(() => null)"
        return self.page.evaluate(call, [name, args])

    def outputs(self) -> list[str]:
        """Give the text of the code cells' outputs."""
        texts: list[str] = self.page.evaluate(_OUTPUTS)
        return texts

    def dark(self) -> None:
        """Change to JupyterLab's dark theme."""
        self.command("apputils:change-theme", theme="JupyterLab Dark")
        self.wait("document.body.dataset.jpThemeLight === 'false'", "the theme is dark")

    def shot(self, name: str, of: str = "") -> Path:
        """Take a picture, of the page or of one element, for whoever wants to look."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        file = SHOTS / f"{name}.png"
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        (self.page.locator(of).first if of else self.page).screenshot(path=file)
        return file


def _notebook(cells: tuple[str, ...]) -> dict[str, Any]:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = [
        {
            "cell_type": "code",
            "id": f"cell-{i}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for i, source in enumerate(cells)
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": made}
