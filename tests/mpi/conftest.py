"""Jobs of two ranks, kept warm, and programs in place of mpiexec."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pathos_nb import Pool
from pathos_nb.launchers.mpi import MpiLauncher
from tests.rig.census import until

SHARED_MEMORY = Path("/dev/shm")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip where there is no MPI, with the launcher's own reason."""
    score, reason = MpiLauncher.availability()
    for item in items:
        if not score and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=f"mpi: {reason}"))


def left_in_memory() -> set[str]:
    """Give the names of memory that MPI libraries share, or shared: no process has it mapped any more."""
    names = {path.name for path in SHARED_MEMORY.glob("mpich*")} if SHARED_MEMORY.is_dir() else set()
    return {name for name in names if not is_mapped(f"{SHARED_MEMORY}/{name}")} if names else names


def is_mapped(path: str) -> bool:
    """Say whether a process has a file mapped: that of another test's job, while it begins, is not left by this one's."""
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            if path in maps.read_text(encoding="utf-8", errors="replace"):
                return True
    return False


@pytest.fixture(scope="session")
def open_pairs() -> Iterator[Any]:
    """Two jobs of two ranks each; when they are closed, nothing may be left of them."""
    shared = left_in_memory()
    with Pool("mpi", nodes=2, ranks_per_item=2) as pool:
        ranks = [psutil.Process(pid) for pid in pool.each(os.getpid)]
        yield pool
    assert not psutil.wait_procs(ranks, timeout=30)[1]
    assert until(lambda: left_in_memory() <= shared, 60)  # a neighbour's job, too, which begins or ends


@pytest.fixture
def pairs(open_pairs: Any) -> Iterator[Any]:
    """The same; a job that begins again has begun when the test is over: the next one here counts processes."""
    yield open_pairs
    assert until(lambda: len(open_pairs.workers()) == 2, 60)
    assert len(open_pairs.each(os.getpid)) == 2


@pytest.fixture
def fake_mpiexec(tmp_path: Path) -> Callable[[str], str]:
    """Give what writes a program to be called in place of mpiexec: ``-n K PROGRAM…`` are its words."""

    def write(body: str) -> str:
        path = tmp_path / "mpiexec"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return str(path)

    return write
