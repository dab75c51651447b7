"""The pages: the ten-minute tutorial runs as it stands, links lead somewhere, and the documentation builds."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.rig.kernels import executed

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!`)!?\[[^\]\n]*\]\(([^)\s]+)\)")
PICTURE = re.compile(r'(?:src|srcset)="([^"]+)"')
MADE = {"_build", "notebooks"}  # when the pages are built


@pytest.mark.timeout(200)
def test_the_ten_minutes_and_the_five_lines_run_as_they_stand(tmp_path):
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    readme = (
        (ROOT / "README.md").read_text(encoding="utf-8").partition("## Five lines")[2].partition("And two commands")[0]
    )
    assert readme.count("```python") == 3
    cells = [new_code_cell(block) for block in [*BLOCK.findall(text), *BLOCK.findall(readme)]]
    assert len(cells) > 15
    notebook = new_notebook(cells=cells)
    executed(notebook, tmp_path)
    told = str(notebook.cells)
    assert "ZeroDivisionError" in told, "the failed point is listed"
    assert "3.14" in str(notebook.cells[-1].outputs), "the five lines give their table"
    assert "mean" in told and "std" in told, "the table is there"


def test_each_link_of_a_page_leads_to_a_file():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    pages = [page for page in pages if not MADE & set(page.relative_to(ROOT).parts[:-1])]
    assert len(pages) > 30
    dead = {str(page.relative_to(ROOT)): found for page in pages if (found := dead_links(page))}
    assert dead == {}


def test_each_link_into_a_page_leads_to_a_heading_or_an_anchor():
    pages = {page.resolve(): anchors(page) for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]}
    dead = []
    for page in pages:
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            dead += [(page.name, link)] if anchor and anchor not in pages.get(target, {anchor}) else []
    assert dead == []
    assert "pathos-use" in pages[ROOT / "docs" / "reference" / "magics.md"], "anchors are found"


def anchors(page: Path) -> set[str]:
    """Give what a link into a page may name: its headings, as GitHub and MyST write them, and anchors of HTML."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)"', text))


def test_each_picture_is_there_by_day_and_by_night_and_is_taken_by_the_script():
    folder = ROOT / "docs" / "pictures"
    script = (ROOT / "tools" / "screenshots.py").read_text(encoding="utf-8")
    light = {path.stem for path in folder.glob("*.png") if not path.stem.endswith("-dark")}
    assert {path.stem for path in folder.glob("*.png")} == {name for stem in light for name in (stem, f"{stem}-dark")}
    assert {name for name in re.findall(r'keep\(tab, "([\w-]+)"', script)} == light


def dead_links(page: Path) -> set[str]:
    """Give the links to files that are not there."""
    text = page.read_text(encoding="utf-8")
    found = {link.partition("#")[0] for link in [*LINK.findall(text), *PICTURE.findall(text)]}
    here = {link for link in found if link and "://" not in link and not MADE & set(Path(link).parts)}
    return {link for link in here if not (page.parent / link).exists()}


def test_what_a_notebook_shows_adds_no_heading_to_its_page(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import notebook_pages

    shown = nbformat.v4.new_output("display_data", {"text/markdown": "# WorkerLost\n\nIt died.\n\n## Why\n\nMemory."})
    told = new_notebook(cells=[nbformat.v4.new_markdown_cell("# A story"), new_code_cell("show()", outputs=[shown])])
    (tmp_path / "notebooks").mkdir()
    nbformat.write(told, tmp_path / "notebooks" / "story.ipynb")
    notebook_pages.write_pages(tmp_path / "notebooks", tmp_path / "pages")
    page = (tmp_path / "pages" / "story.md").read_text(encoding="utf-8")
    assert re.findall(r"^#+ .*$", page, re.MULTILINE) == ["# A story"]
    assert "**WorkerLost**" in page and "**Why**\n\nMemory." in page


def test_the_documentation_builds_without_a_warning(request, tmp_path):
    if not request.config.getoption("--everywhere"):
        pytest.skip("half a minute: --everywhere, or make docs")
    if not all(map(find_spec, ("sphinx", "myst_parser", "numpydoc"))):
        pytest.skip("sphinx, myst-parser and numpydoc are not all installed: make docs installs them")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(ROOT / "docs"), str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "WorkerLost" in (tmp_path / "errors" / "WorkerLost.html").read_text(encoding="utf-8")
    made = {page: page.read_text(encoding="utf-8") for page in tmp_path.rglob("*.html")}
    anchors = {page: set(re.findall(r'(?:id|name)="([^"]+)"', text)) for page, text in made.items()}
    assert {(page.name, link) for page, text in made.items() for link in lost(page, text, anchors)} == set()


def lost(page: Path, text: str, anchors: dict[Path, set[str]]) -> Iterator[str]:
    """Give the links and pictures of a page that was made which lead nowhere."""
    for link in re.findall(r'(?:href|src)="([^"]+)"', text):
        name, _, anchor = html.unescape(link).partition("#")
        if "://" in name or name.startswith(("data:", "mailto:")):
            continue
        found = (page.parent / name.partition("?")[0]).resolve() if name else page
        if not found.exists() or (anchor and found in anchors and anchor not in anchors[found]):
            yield link
