"""pyina's worker pool, for programs that ``mpiexec`` has started: each rank takes its next item when it is free."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pathos_nb.compat.pyina_ranks import WORLD, Part, check_ranks, gather, of_world
from pathos_nb.launchers.mpi_turns import Turns
from pathos_nb.launchers.mpi_world import own_world

__all__ = ["master", "parallel_map"]

master = 0


def parallel_map(func: Callable[..., Any], *seq: Sequence[Any], **kwds: Any) -> list[Any]:
    """Call a function for each item, on all ranks of this program's MPI job.

    Parameters
    ----------
    func : callable
        What is called, with one argument from each sequence.
    *seq : sequence
        One or more, the same on all ranks.
    **kwds : object
        ``onall=False`` leaves rank 0 out.

    Returns
    -------
    list
        On rank 0 the results, in the order of the items; elsewhere as many empty texts.

    Raises
    ------
    ValueError
        There is no rank to work.
    Exception
        What an item has raised, on every rank.
    """
    onall = bool(kwds.get("onall", True))
    n_items, world = check_ranks(seq, onall), own_world()
    part, turns = Part(func, seq), Turns(world)
    if (onall or world.Get_rank() != master) and not part.do(_taken(turns, n_items)):
        turns.end_at(n_items)
    turns.close()
    return gather(part, n_items)


def _taken(turns: Turns, n_items: int) -> Iterator[int]:
    while (index := turns.take()) < n_items:
        yield index


def __getattr__(name: str) -> Any:
    return of_world(name, __name__)


def __dir__() -> list[str]:
    return [*__all__, *WORLD]
