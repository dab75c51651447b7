"""Execute the quickstart in a real kernel, print its result table, and keep the executed notebook and its HTML.

    python tools/demo.py NOTEBOOK FOLDER

The result table is the last table of the cell that is tagged ``result-table``; without such a cell, of the notebook.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

TIMEOUT_S = 300


def main(argv: list[str]) -> int:
    """Run the demo; give the exit code."""
    source, folder = Path(argv[0]), Path(argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    use_this_environment(folder)
    notebook = nbformat.read(source, as_version=4)
    started = time.monotonic()
    error = execute(notebook, source.parent)
    written = [keep(notebook, folder / source.name), keep_html(notebook, folder / f"{source.stem}.html")]
    if error:
        print(error, file=sys.stderr)
    print(result_table(notebook.cells) or "the notebook shows no table")
    print(f"\n{source} ran in {time.monotonic() - started:.1f} s{' and FAILED' if error else ''}; written:")
    print("\n".join(f"  {path}" for path in written))
    return 1 if error else 0


def use_this_environment(folder: Path) -> None:
    """Take the kernel of this environment, and none of the settings of the user's own IPython."""
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ["IPYTHONDIR"] = str((folder / "ipython").resolve())


def execute(notebook: nbformat.NotebookNode, folder: Path) -> str:
    """Run all cells; give the error's text, or an empty one."""
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=TIMEOUT_S, kernel_name="python3", resources=resources)
    client.extra_arguments = ["--log-level=ERROR"]
    try:
        client.execute()
    except CellExecutionError as error:
        return str(error)
    return ""


def keep(notebook: nbformat.NotebookNode, path: Path) -> Path:
    """Write the executed notebook."""
    nbformat.write(notebook, path)
    return path


def keep_html(notebook: nbformat.NotebookNode, path: Path) -> Path:
    """Write the executed notebook as one page."""
    html, _ = HTMLExporter().from_notebook_node(notebook)
    path.write_text(html, encoding="utf-8")
    return path


def result_table(cells: list[Any]) -> str:
    """Give the last table of the tagged cell, or else of all cells, as text."""
    tagged = [cell for cell in cells if "result-table" in cell.metadata.get("tags", [])]
    tables = list(tables_of(tagged)) or list(tables_of(cells))
    return tables[-1] if tables else ""


def tables_of(cells: Iterable[Any]) -> Iterable[str]:
    """Give the text of each output that has a table in its HTML."""
    for cell in cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "<table" in data.get("text/html", "") and data.get("text/plain"):
                yield data["text/plain"]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
