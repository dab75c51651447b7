"""The story of a slow function that is looked at until it is fast: it must run, and come out as it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nbformat import read

from tests.rig.kernels import executed

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "profiling.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_it_runs_and_each_look_is_faster():
    pytest.importorskip("sklearn")
    notebook = read(NOTEBOOK, as_version=4)
    outputs = executed(notebook, NOTEBOOK.parent)
    text = json.dumps(outputs, default=str)
    assert text.count("pathos-nb-flame") >= 2, "looks on demand; more, where runs last long enough to be shown"
    assert "difference" in text and "roll" in text
    said = "".join(o.get("text", "") for o in outputs if o.get("name") == "stdout")
    times = [float(line.split()[0]) for line in said.splitlines() if line.endswith("ms a picture")]
    assert times[0] > times[2] and times[1] > times[2]
    assert "12 items as a trace" in said and " functions" in said
