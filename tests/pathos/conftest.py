"""What the tests of the pathos names share: the pools are shared by all, so each test ends them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pathos_nb.pools import ParallelPool, ProcessPool, ThreadPool, _clear

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_shared_pool_stays():
    yield
    _clear()


@pytest.fixture(params=[ThreadPool, ProcessPool, ParallelPool], ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


@pytest.fixture
def run_python():
    """Give a function that runs Python on arguments, with a deadline, and gives the finished process."""

    def run(*arguments: str, timeout: float = 50, **kwds):
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        environ = {**os.environ, "PYTHONPATH": path, **kwds.pop("environ", {})}
        return subprocess.run(
            [sys.executable, *arguments],
            env=environ,
            timeout=timeout,
            capture_output=True,
            text=True,
            check=False,
            **kwds,
        )

    return run
