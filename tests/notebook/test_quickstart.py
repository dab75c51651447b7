"""The first notebook that a newcomer runs: it must run, and be quick."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nbformat import read

from tests.rig.kernels import executed

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "quickstart.ipynb"


@pytest.fixture
def notebook():
    return read(NOTEBOOK, as_version=4)


def test_it_has_no_errors_and_no_settings_of_anybodys_machine(notebook):
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    kinds = [output.output_type for cell in notebook.cells for output in cell.get("outputs", [])]
    assert "error" not in kinds


def test_one_cell_is_marked_as_the_result(notebook):
    tagged = [cell for cell in notebook.cells if "result-table" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1 and tagged[0].cell_type == "code"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_it_runs_and_parallel_agrees_with_serial(notebook):
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    outputs = executed(notebook, NOTEBOOK.parent)
    text = json.dumps(outputs, default=str)
    assert "48/48" in text, "the run's last picture stays in the document"
    assert "InvalidParameterError" in text, "the failed point is shown"
    assert "Traceback" not in "".join(o.get("text", "") for o in outputs)
    assert sum("image/png" in o.get("data", {}) for o in outputs) == 2
