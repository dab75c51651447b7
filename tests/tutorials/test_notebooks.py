"""The notebooks that need nothing but this machine: they run, come out as they say, and show it when opened cold."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbformat import read

from tests.rig.kernels import executed

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
TOLD = {
    "faults": ("ZeroDivisionError: division by zero", "WorkerLost", "ItemTimeout", "CannotSend", "CannotReturn",
               "did you mean --timeout?", "BadOption", "PoolClosed", "works on"),
    "inside": ("omega = 2.0", "damping = 0.3", "best depth"),
    "migration": ("joblib by itself and on pathos_nb agree", "pathos and pathos_nb agree", "multiprocessing, futures and pathos_nb agree"),
    "montecarlo": ("equal to the last digit", "a script gives the same", "80 batches"),
}  # fmt: skip
# Those whose own tests run them (tests/notebook/).
STORED = {
    **TOLD,
    "migration": (*TOLD["migration"], "ipyparallel and pathos_nb agree"),
    "clusters": ("dask: can be used here", "3.14 by 2 workers", "that is all"),
    "quickstart": ("48/48", "InvalidParameterError", "image/png", "speed-up"),
    "sweeps": ("the rest is computed", "lost", "serial agrees", "80 of 112 points are there already"),
    "hosts": ("hello from host1", "link lost", "this lies on host1", "disconnected host1"),
    "hierarchies": ("the same four numbers as two loops give", "10 of 12 were chosen", "InputFailed", "OutOfMemory"),
    "profiling": ("ms a picture", "a trace for Perfetto", "pathos-nb-flame"),
}
NEEDED = {"inside": ("emcee", "scipy", "sklearn"), "migration": ("joblib", "pathos"), "montecarlo": ("numpy", "pandas")}


def outputs(notebook) -> str:
    return str([output for cell in notebook.cells for output in cell.get("outputs", [])])


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", sorted(TOLD))
def test_it_runs_and_comes_out_as_it_says(name):
    for library in NEEDED.get(name, ()):
        pytest.importorskip(library)
    notebook = read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    executed(notebook, NOTEBOOKS)
    assert [told for told in TOLD[name] if told not in outputs(notebook)] == []


def test_each_notebook_says_first_what_it_needs_and_how_long_it_takes():
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    assert {path.stem for path in paths} == set(STORED)
    for path in paths:
        first = read(path, as_version=4).cells[0].source
        assert "**Needs:**" in first and "**Takes**" in first, path.name


@pytest.mark.parametrize("name", sorted(STORED))
def test_what_is_stored_is_what_it_tells_and_has_no_error_but_those_on_purpose(name):
    notebook = read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert [told for told in STORED[name] if told not in outputs(notebook)] == []
    for cell in notebook.cells:
        wrong = [output for output in cell.get("outputs", []) if output.output_type == "error"]
        assert not wrong or "raises-exception" in cell.metadata.get("tags", [])
