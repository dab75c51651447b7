"""The cases, one file each: `CASE` says what is run and how it is judged, `Far` is its far side.

Their order is the order of the report.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

NAMES = (
    "noop_100k",
    "spin_100us",
    "spin_10ms",
    "sleep_10ms",
    "lognormal",
    "growing",
    "giant_first",
    "giant_middle",
    "giant_last",
    "closure_new",
    "closure_again",
    "arrays",
    "arrays_echo",
    "one_call",
    "start_importable",
    "start_script",
    "scaling",
    "lazy_pull",
    "lazy_memory",
    "idle_memory",
    "driver_killed",
    "interrupt",
    "worker_killed",
    "import_cost",
    "progress_cost",
    "view_cost",
    "profiling",
    "ssh",
    "agents",
    "slurm",
    "rpc_calls",
    "mpi",
    "run_view",
    "dask",
    "heterogeneous",
    "slots",
    "store",
    "many_points",
    "kept_points",
    "forecast",
)


def load(name: str) -> Any:
    """Give a case's module."""
    return import_module(f"{__name__}.{name}")
