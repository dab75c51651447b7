"""pyina's ``mpi``: the base of its pools, and the world of this process' own MPI job."""

from __future__ import annotations

from typing import Any

from pathos_nb.cluster_pools import Mapper
from pathos_nb.launchers.mpi_rank import own_world
from pathos_nb.schedulers import DEFAULTS as defaults

__all__ = ["Mapper", "defaults"]


def __getattr__(name: str) -> Any:
    if name == "world":  # to fetch it is to join MPI, which a notebook need not
        return own_world()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
