"""The slice of ``make matrix`` that is for every day: the engine on the Pythons of this machine, an older ipykernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebook.kernel import Kernel
from tests.rig.kernels import ROOT
from tests.rig.pythons import MINORS, other_pythons, pure_packages

pytestmark = pytest.mark.timeout(240)
OLDER = ROOT / "build" / "older-ipykernel"  # by tools/older.sh


@pytest.mark.parametrize("minor", [minor for minor in MINORS if minor != sys.version_info[1]])
def test_the_engine_runs_on_another_python(minor: int, tmp_path: Path) -> None:
    python = other_pythons().get(minor)
    if python is None:
        pytest.skip(f"Python 3.{minor} is not on this machine")
    path = f"{ROOT}{os.pathsep}{pure_packages(tmp_path)}"
    words = [python, "-W", "error", "-m", "tests.environments.engine"]
    environ = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=200, check=False)
    assert done.stdout == f"Python 3.{minor}: all is well\n", done.stdout[-1000:] + done.stderr[-4000:]


@pytest.mark.leaves("files")  # the loop that jupyter_client makes for a kernel's end, and keeps
def test_an_older_ipykernel_runs_cells() -> None:
    if not OLDER.exists():
        pytest.skip("there is no older ipykernel beside the newest: tools/older.sh installs one")
    kernel = Kernel(first=OLDER)
    try:
        asked = kernel.run("import ipykernel; ipykernel.__version__", 60)
        assert asked.result.startswith("'6."), asked
        assert kernel.run("%load_ext pathos_nb", 60).status == "ok"
        assert kernel.run("k = 3").status == "ok"
        ran = kernel.run("%%pmap -p processes -n 2 -o values for x in range(6)\nx * k", 60)
        assert ran.status == "ok", ran.traceback
        assert kernel.value("list(values)") == [0, 3, 6, 9, 12, 15]
        failed = kernel.run("%%pmap -p processes -n 2 for x in range(3)\n1 / x", 60)
        assert failed.ename == "ZeroDivisionError"
    finally:
        kernel.close()
