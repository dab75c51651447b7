"""Make a page of the documentation of each notebook, with the output that is stored in it.

python tools/notebook_pages.py NOTEBOOKS FOLDER
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

HIDDEN = "```{{toctree}}\n:maxdepth: 1\n\n{}\n```\n"
HEAD = "# Notebooks\n\nEach is one story, and lies in `notebooks/`. This is what they show when they have run.\n\n"
STORIES = (
    "quickstart", "montecarlo", "sweeps", "hosts", "clusters", "hierarchies", "profiling", "inside", "migration",
    "faults",
)  # fmt: skip
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
ONLY_WIDGETS = {"application/vnd.jupyter.widget-view+json"}


def write_pages(notebooks: Path, folder: Path) -> None:
    """Write them anew, with an index.

    Parameters
    ----------
    notebooks : Path
        Where the notebooks are.
    folder : Path
        Where the pages go; what was there is removed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found = {path.stem for path in notebooks.glob("*.ipynb")}
    names = [*(name for name in STORIES if name in found), *sorted(found - set(STORIES))]
    for name in names:
        _write_page(notebooks / f"{name}.ipynb", folder)
    (folder / "index.md").write_text(HEAD + HIDDEN.format("\n".join(names)), encoding="utf-8")


def _write_page(notebook: Path, folder: Path) -> None:
    read = nbformat.read(notebook, as_version=4)
    for cell in read.cells:
        if cell.cell_type == "code":
            cell.outputs = [_without_headings(output) for output in cell.outputs if not _is_only_widget(output)]
    exporter = MarkdownExporter()
    text, resources = exporter.from_notebook_node(read, {"output_files_dir": f"{notebook.stem}_files"})
    for name, data in resources["outputs"].items():
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(data)
    text = text.replace("](../docs/", "](../")  # the page lies below docs/, the notebook beside it
    (folder / f"{notebook.stem}.md").write_text(_with_note(text, read), encoding="utf-8")


def _is_only_widget(output: nbformat.NotebookNode) -> bool:
    data = output.get("data", {})
    return bool(data) and not (set(data) - ONLY_WIDGETS - {"text/plain"}) and bool(set(data) & ONLY_WIDGETS)


def _without_headings(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Make headings of what a cell shows bold lines: those of a page, and so of the table of contents, are its own."""
    data = output.get("data", {})
    if "text/markdown" in data:
        data["text/markdown"] = _HEADING.sub(r"**\1**", data["text/markdown"])
    return output


def _with_note(text: str, notebook: nbformat.NotebookNode) -> str:
    """Say below the title where no output is stored."""
    if any(cell.get("outputs") for cell in notebook.cells):
        return text
    title, newline, rest = text.lstrip().partition("\n")
    return f"{title}{newline}\n*No output is stored in this one; it takes a minute to run.*\n{rest}"


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]), Path(sys.argv[2]))
