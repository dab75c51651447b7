"""The README's figures are those of docs/performance.md, with what has to be known of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = """
<a id="killed"></a>
| who | what | figure | ÷ | spread | n | |
|---|---|---:|---:|---:|---:|---|
| pathos_nb | answer | 0.2 s | 1.00 | | 1 | every result |
| pathos | answer | – | | | 1 | hangs (> 15 s) |
| pathos | other | 7 s | | | 1 | |
| joblib | answer | 0.1 s | | | 1 | 3 processes |
<a id="next"></a>
| multiprocessing | answer | 5 s | | | 1 | |
"""


@pytest.fixture
def comparison(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import comparison

    yield comparison
    sys.modules.pop("comparison", None)


def test_a_row_has_the_figures_of_its_section_and_says_what_hangs(comparison):
    asked = comparison.Asked("killed", "answer", "a kill")
    found = dict(comparison.figures(PAGE, asked))
    assert found == {"pathos_nb": "0.2 s, every result", "pathos": "hangs (> 15 s)", "joblib": "0.1 s"}
    line = comparison.row(asked, found)
    assert line == ("| [a kill](docs/performance.md#killed) | 0.2 s, every result | – | – | hangs (> 15 s) | 0.1 s |")


def test_a_section_that_is_missing_is_said(comparison):
    with pytest.raises(SystemExit, match="no line 'answer' of pathos_nb in 'gone'"):
        comparison.row(comparison.Asked("gone", "answer", ""), {})
    with pytest.raises(SystemExit, match="no place for the figures"):
        comparison.renewed("a README without marks", PAGE)


def test_each_figure_of_the_readme_is_asked_of_a_section_that_is_there(comparison):
    page = comparison.FIGURES.read_text(encoding="utf-8")
    assert len(comparison.table(page).splitlines()) == 2 + len(comparison.ASKED)


def test_the_readme_is_current(comparison, request):
    if not request.config.getoption("--everywhere"):
        pytest.skip("whoever measures writes both, one after the other: --everywhere")
    assert comparison.main(["--check"]) == 0
