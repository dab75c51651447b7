"""pyina's ``mpi``: the base of its pools, and the world of this process' own MPI job."""

from __future__ import annotations

from typing import Any

from pathos_nb.cluster_pools import Mapper
from pathos_nb.launchers.mpi_world import own_world
from pathos_nb.schedulers import DEFAULTS as defaults

__all__ = ["Mapper", "_debug", "_save", "defaults"]


def _save(boolean: bool) -> None:
    """Keep the files that functions and items go through: here there are none, so this changes nothing."""


def _debug(boolean: bool) -> None:
    """Say what is done, and do nothing: here a run's record says it afterwards, so this changes nothing."""


def __getattr__(name: str) -> Any:
    if name == "world":  # to fetch it is to join MPI, which a notebook need not
        return own_world()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "world"]
