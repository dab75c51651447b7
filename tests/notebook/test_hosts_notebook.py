"""The notebook about other machines: it makes its hosts by itself, and takes them down again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import read

from tests import leftovers
from tests.rig.bed import HOSTS, why_no_bed
from tests.rig.kernels import executed

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "hosts.ipynb"


@pytest.fixture
def notebook():
    return read(NOTEBOOK, as_version=4)


def test_it_has_no_errors_and_no_settings_of_anybodys_machine(notebook):
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    kinds = [output.output_type for cell in notebook.cells for output in cell.get("outputs", [])]
    assert kinds and "error" not in kinds


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_it_runs_on_hosts_of_its_own(notebook, monkeypatch, tmp_path):
    if reason := why_no_bed():
        pytest.skip(reason)
    monkeypatch.setenv("PATHOS_TESTBED_RUN", str(tmp_path / "run"))
    monkeypatch.setenv("HOME", str(tmp_path))
    environ = {
        k: v for k, v in os.environ.items() if k != leftovers.TOKEN.split("=", 1)[0]
    }  # the hosts are no children
    try:
        outputs = executed(notebook, NOTEBOOK.parent, environ)
    finally:
        subprocess.run([sys.executable, str(HOSTS), "down"], env=environ, check=False, capture_output=True, timeout=60)
    text = json.dumps(outputs, default=str, ensure_ascii=False)
    for told in (
        "hello from host1",
        "link lost",
        "80/80",
        "π is about 3.14",
        "this lies on host1",
        "disconnected host1",
    ):
        assert told in text
