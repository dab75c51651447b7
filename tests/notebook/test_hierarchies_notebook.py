"""The notebook about hierarchies: on hosts of its own where these can be, on threads elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import read

from tests import leftovers
from tests.rig.bed import HOSTS
from tests.rig.kernels import executed

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "hierarchies.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_it_runs_on_what_there_is(monkeypatch, tmp_path):
    notebook = read(NOTEBOOK, as_version=4)
    monkeypatch.setenv("PATHOS_TESTBED_RUN", str(tmp_path / "run"))
    monkeypatch.setenv("HOME", str(tmp_path))
    # The hosts are no children of this test.
    environ = {name: value for name, value in os.environ.items() if name != leftovers.TOKEN.split("=", 1)[0]}
    try:
        outputs = executed(notebook, NOTEBOOK.parent, environ)
    finally:
        subprocess.run([sys.executable, str(HOSTS), "down"], env=environ, check=False, capture_output=True, timeout=60)
    text = json.dumps(outputs, default=str, ensure_ascii=False)
    for told in (
        "item 0 › chain 0: 8 of 8 done",
        "the same four numbers as two loops give",
        "pathos-nb-graph",
        "10 of 12 were chosen",
        "InputFailed: not run: its input, find the peak",
        "caused by ValueError",
        "OutOfMemory: the item wanted more than the 0.3 GB",
        "processes: taken with",
    ):
        assert told in text
