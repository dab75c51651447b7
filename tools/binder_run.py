"""Run a page of binder/ as its session would, and say what it took: ``make binder``.

    python tools/binder_run.py NOTEBOOK

A JupyterLab server is begun, and beside it the page is executed in a kernel. Told are the seconds from the kernel's
start to the end of its first finished sweep (the cell that is tagged ``first-sweep``), those of the whole page, and the
highest sum of memory (PSS, where what is shared counts once) of the server, the kernel and its workers.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))  # the last: pathos_nb is the one that is installed

from benchmarks.process import MARK_VARIABLE, marked, pss_bytes  # noqa: E402 - it is found by the line above

START_S, CELL_S, PAUSE_S = 60.0, 120, 0.1
TAG = "first-sweep"


class Sampler:
    """The highest sum of memory of all that bears a mark, looked at until the end of the block."""

    def __init__(self, mark: str) -> None:
        self.mark, self.peak_bytes = mark, 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(PAUSE_S):
            self.peak_bytes = max(self.peak_bytes, sum(map(pss_bytes, marked(self.mark))))


def main(argv: list[str]) -> int:
    """Do it; give the exit status."""
    page, mark = Path(argv[0]), secrets.token_hex(8)
    notebook = nbformat.read(page, as_version=4)
    os.environ[MARK_VARIABLE] = mark  # what is begun from here on inherits it; this process itself does not bear it
    with server(), Sampler(mark) as sampler:
        sweep_s, page_s = execute(notebook, page.parent)
    print(
        f"{page.stem}: {sweep_s:.1f} s from its kernel's start to the first finished sweep, {page_s:.1f} s to its last "
        f"cell; at most {sampler.peak_bytes / 1e6:.0f} MB of server, kernel and workers"
    )
    return 0


@contextlib.contextmanager
def server() -> Iterator[None]:
    """Have a JupyterLab server at work, at a port and with a token that it chooses."""
    with tempfile.TemporaryDirectory(prefix="pathos-nb-binder-") as folder:
        environ = {**os.environ, "JUPYTER_RUNTIME_DIR": folder}
        options = ["--no-browser", "--allow-root", "--ServerApp.port=0", "--ServerApp.log_level=ERROR"]
        with subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], env=environ) as process:
            try:
                _wait_for(Path(folder), process)
                yield
            finally:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(START_S)
                process.kill()  # nothing, where it has ended


def _wait_for(folder: Path, process: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + START_S
    while not list(folder.glob("jpserver-*.json")):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"JupyterLab did not start within {START_S:.0f} s (exit status {process.poll()})")
        time.sleep(PAUSE_S)


def execute(notebook: nbformat.NotebookNode, folder: Path) -> tuple[float, float]:
    """Run all cells; give the seconds from the kernel's start to the end of the tagged one, and of the last."""
    ended: list[float] = []

    def note(cell: Any, **_: Any) -> None:
        if TAG in cell.metadata.get("tags", []):
            ended.append(time.monotonic())

    begun = time.monotonic()
    client = NotebookClient(
        notebook, timeout=CELL_S, kernel_name="python3", resources={"metadata": {"path": str(folder)}},
        on_cell_executed=note,
    )  # fmt: skip
    client.execute()
    if len(ended) != 1:
        raise SystemExit(f"one cell should be tagged {TAG}, and {len(ended)} are")
    return ended[0] - begun, time.monotonic() - begun


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
