"""The story of clusters: it must run to its end, and what a place has to say for itself must be in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbformat import read

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "clusters.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.leaves("files", "threads")  # the event loop and the channels of nbclient
def test_it_runs_on_what_is_here(request, monkeypatch):
    if not request.config.getoption("--everywhere"):
        pytest.skip("it starts a cluster in a kernel: --everywhere runs it")
    pytest.importorskip("distributed", reason="dask is not installed")
    notebook = read(NOTEBOOK, as_version=4)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    client = NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = "".join(output.get("text", "") for output in outputs if output.get("name") == "stdout")
    assert "dask: can be used here" in said
    assert "3.14 by 2 workers" in said
    assert "[0.0, 1.0, 1.41, 1.73, 2.0, 2.24]" in said
    assert "['dask', 'processes']" in said
    failed = [line for line in said.splitlines() if line.startswith("failed: ")]
    assert failed == ["failed: ValueError", "failed: WorkerLost", "failed: ItemTimeout"]
    assert said.endswith("the cluster has ended\n")
