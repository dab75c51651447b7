"""The three demonstrations for Binder run, and what opens them names what is there."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from nbformat import read

from tests.rig.kernels import executed

ROOT = Path(__file__).parents[2]
BINDER = ROOT / "binder"
NAMES = ("one-cell", "survives", "panel")


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", NAMES)
def test_a_demonstration_runs(name, request):
    if name != "one-cell" and not request.config.getoption("--everywhere"):
        pytest.skip("ten seconds each: --everywhere")
    notebook = read(BINDER / f"{name}.ipynb", as_version=4)
    executed(notebook, BINDER)
    told = str(notebook.cells)
    expected = {"one-cell": "24 points on 4 workers", "survives": "was cut short", "panel": "ZeroDivisionError"}
    assert expected[name] in told


@pytest.mark.parametrize("name", NAMES)
def test_what_opens_a_demonstration_names_its_notebook_and_the_panel(name):
    workspace = json.loads((BINDER / f"{name}.jupyterlab-workspace").read_text(encoding="utf-8"))
    panel = re.search(
        r"PANEL_ID = '([\w-]+)'", (ROOT / "labextension/src/lab/side_panel.ts").read_text(encoding="utf-8")
    )
    assert panel and workspace["data"]["layout-restorer:data"]["left"]["current"] == panel[1]
    assert workspace["metadata"]["id"] == name
    paths = [entry["data"]["path"] for key, entry in workspace["data"].items() if key.startswith("notebook:")]
    assert paths == [f"binder/{name}.ipynb"] and (ROOT / paths[0]).is_file()


def test_each_page_says_which_of_its_cells_ends_its_first_sweep():
    for name in NAMES:
        cells = read(BINDER / f"{name}.ipynb", as_version=4).cells
        tagged = [cell.source for cell in cells if "first-sweep" in cell.metadata.get("tags", [])]
        assert len(tagged) == 1 and "--bg" not in tagged[0]  # one that goes on in the background has not ended


def test_each_page_says_that_its_points_sleep():
    for name in NAMES:
        first = read(BINDER / f"{name}.ipynb", as_version=4).cells[0].source
        assert "one core and 2 GB" in first and "**sleep**" in first


@pytest.mark.parametrize("script", ["postBuild", "start"])
def test_a_script_can_be_run_and_stops_at_the_first_fault(script):
    text = (BINDER / script).read_text(encoding="utf-8")
    assert os.access(BINDER / script, os.X_OK)
    assert text.startswith("#!/bin/bash\n") and "\nset -eu" in text
    assert "sshd" not in text
    assert script != "start" or text.endswith('exec "$@"\n')
