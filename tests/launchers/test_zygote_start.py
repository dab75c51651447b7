"""What the process that forks workers imports before it does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pathos_nb

ROOT = Path(pathos_nb.__file__).parents[1]
ASK = """
from pathos_nb import Pool
with Pool("processes", nodes=1) as pool:
    print(pool.pipe(eval, "'cloudpickle' in __import__('sys').modules"))
"""


@pytest.mark.parametrize(
    ("before", "has_pickler"),
    [("", False), ("from math import floor", False), ("def own(x): return x", True), ("own = lambda x: x", True)],
    ids=["no_code", "imported_code", "a_function", "a_lambda"],
)
def test_workers_of_a_script_with_code_of_its_own_have_its_pickler_from_the_start(tmp_path, before, has_pickler):
    script = tmp_path / "script.py"
    script.write_text(before + ASK)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, check=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert done.stdout.strip() == str(has_pickler)
