"""Which batch systems there are, by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from pathos_nb.detached.queues import Queue
from pathos_nb.errors import UnknownPlace

__all__ = ["QUEUES", "is_queue", "queue_of"]

QUEUES: Mapping[str, str] = {"slurm": "pathos_nb.detached.slurm:SlurmQueue"}


def is_queue(name: str) -> bool:
    """Whether a place is a batch system that takes detached sweeps."""
    return name in QUEUES


def queue_of(name: str) -> Queue:
    """Give the batch system of that name.

    Parameters
    ----------
    name : str
        One of `QUEUES`.

    Returns
    -------
    Queue

    Raises
    ------
    UnknownPlace
        There is none of that name.
    """
    if name not in QUEUES:
        cure = f"detached sweeps go to {', '.join(QUEUES)}: %%pmap --detach -p slurm …"
        raise UnknownPlace(f"no batch queue is called {name!r}", cure=cure)
    module, _, attribute = QUEUES[name].partition(":")
    queue: Queue = getattr(importlib.import_module(module), attribute)()
    return queue
