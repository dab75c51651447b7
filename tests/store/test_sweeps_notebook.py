"""The notebook about sweeps, whose kernel is restarted in its middle."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbformat import read

from tests.rig.kernels import executed

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "sweeps.ipynb"


@pytest.fixture
def notebook():
    return read(NOTEBOOK, as_version=4)


def test_it_has_no_errors_and_no_settings_of_anybodys_machine(notebook):
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    kinds = [output.output_type for cell in notebook.cells for output in cell.get("outputs", [])]
    assert kinds and "error" not in kinds


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_restart_in_the_middle_costs_only_what_was_being_computed(notebook, monkeypatch, tmp_path):
    pytest.importorskip("sklearn")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for cell in notebook.cells:  # on a busy machine, too, it is not over when the kernel is restarted
        cell.source = cell.source.replace("time.sleep(0.05)", "time.sleep(0.1)")
    executed(notebook, NOTEBOOK.parent)
    said = {tag: text_of(cell) for cell in notebook.cells for tag in cell.metadata.get("tags", [])}
    assert "lost" in said["restart-the-kernel"] and "store.sqlite" in said["restart-the-kernel"]
    assert "fits was cut short" in said["resumed"] and "the rest is computed" in said["resumed"]
    n_kept = int(said["kept"].split()[0])
    assert 25 < n_kept < 80 and f"{n_kept} of 80 points are there" in said["resumed"]
    assert "serial agrees" in said["agrees"]
    assert "80 of 112 points are there already" in said["finer"] and "forgot" in said["pruned"]


def text_of(cell) -> str:
    outputs = cell.get("outputs", [])
    return "".join(o.get("text", "") + str(o.get("data", {}).get("text/plain", "")) for o in outputs)
