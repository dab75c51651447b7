"""The story of clusters: it must run to its end, and what a place has to say for itself must be in it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from nbformat import read

from pathos_nb.launchers.registry import registry
from tests import leftovers
from tests.rig.cluster import why_no_cluster
from tests.rig.kernels import executed

ROOT = Path(__file__).resolve().parents[2]
SLURM = ROOT / "tests" / "testbed" / "slurm"
NOTEBOOK = ROOT / "notebooks" / "clusters.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_it_runs_on_what_is_here(monkeypatch, tmp_path):
    pytest.importorskip("distributed", reason="dask is not installed")
    notebook = read(NOTEBOOK, as_version=4)
    short = tempfile.TemporaryDirectory(prefix="pathos-nb-slurm-")  # the daemons' sockets lie below it
    monkeypatch.setenv("PATHOS_TESTBED_SLURM", f"{short.name}/run")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)  # of the cluster that other tests have here
    environ = {k: v for k, v in os.environ.items() if k != leftovers.TOKEN.split("=", 1)[0]}  # nodes are no children
    try:
        outputs = executed(notebook, NOTEBOOK.parent, environ)
    finally:
        subprocess.run([sys.executable, str(SLURM), "down"], env=environ, check=False, capture_output=True, timeout=60)
        short.cleanup()
    said = "".join(output.get("text", "") for output in outputs if output.get("name") == "stdout")
    assert "dask: can be used here" in said
    assert "3.14 by 2 workers" in said
    assert "[0.0, 1.0, 1.41, 1.73, 2.0, 2.24]" in said
    assert "['dask', 'processes']" in said
    failed = [line for line in said.splitlines() if line.startswith("failed: ")]
    assert failed == ["failed: ValueError", "failed: WorkerLost", "failed: ItemTimeout"]
    assert "the cluster has ended\n" in said
    if registry.launchers()["mpi"].score:
        assert "[(0, 2), (3, 2), (6, 2), (9, 2), (12, 2), (15, 2)]" in said
        assert "in a cell: [(3, 2), (6, 2)]\n" in said
        assert "0\n2\n4\nValueError: not 3\n8\n" in said
        assert "[1, 64, 2187]" in said
    if not why_no_cluster():
        assert "no Slurm here" not in said, said
        assert "100 points on " in said
        assert "[0, 0, 1, 2, 2, 4, 3, 6, 4, 8, 5, 10]" in said
    assert said.endswith("that is all\n")
