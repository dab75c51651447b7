"""What pyina's two strategies have in common where a program calls them that ``mpiexec`` has started.

All ranks run the same program and call with the same arguments; each does its part, and rank 0 gets the results. An
item that raises ends the map, on every rank, by what it raised.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pathos_nb.errors import RemoteTraceback
from pathos_nb.launchers.failing import report, revive
from pathos_nb.launchers.mpi_world import own_world
from pathos_nb.wire import protocol
from pathos_nb.wire.protocol import ItemReport

__all__ = ["WORLD", "Part", "check_ranks", "gather", "of_world"]

WORLD = ("comm", "rank", "size")
_Value = tuple[int, bytes, bool]
_Failed = tuple[int, bytes, tuple[Any, ...]]


class Part:
    """What one rank has done of a map.

    Parameters
    ----------
    func : callable
        What is called.
    seq : tuple of sequence
        Its arguments, a sequence for each.
    """

    def __init__(self, func: Callable[..., Any], seq: Sequence[Sequence[Any]]) -> None:
        self._func, self._seq = func, seq
        self.values: list[_Value] = []
        self.failed: list[_Failed] = []

    def do(self, indices: Iterable[int]) -> bool:
        """Run items, up to one that raises; tell whether none has."""
        for index in indices:
            try:
                value = self._func(*(each[index] for each in self._seq))
                self.values.append((index, *_pickled(value)))
            except Exception as error:
                self.failed.append((index, _whole(error), tuple(report(0, protocol.RAISED, error))))
                return False
        return True


def _pickled(value: Any) -> tuple[bytes, bool]:
    """Pickle by name what the program defines, for every rank runs it; what that refuses, by dill: tell which it is."""
    try:
        return pickle.dumps(value, 5), False
    except Exception:
        import dill

        return bytes(dill.dumps(value)), True


def _loaded(value: bytes, is_dill: bool) -> Any:
    if not is_dill:
        return pickle.loads(value)
    import dill

    return dill.loads(value)


def _whole(error: Exception) -> bytes:
    """Pickle an exception by the name of its class, if it comes back from that; else give nothing."""
    try:
        data = pickle.dumps(error, 5)
        pickle.loads(data)
    except Exception:
        return b""
    return data


def check_ranks(seq: Sequence[Sequence[Any]], onall: bool) -> int:
    """Give how many items there are, for ranks that can do them.

    Raises
    ------
    ValueError
        There is no sequence, or no rank beside the one that is left out.
    """
    if not seq:
        raise ValueError("parallel_map needs a function and one sequence or more")
    if not onall and own_world().Get_size() < 2:
        raise ValueError("with onall=False there must be 2 ranks or more: start it as mpiexec -n 2 …")
    return min(map(len, seq))


def gather(part: Part, n_items: int) -> list[Any]:
    """Give rank 0 all results, in order, and the others as many empty texts; on all ranks.

    Raises
    ------
    Exception
        What the first item that failed has raised, on every rank.
    """
    world = own_world()
    failed = min((each for told in world.allgather(part.failed) for each in told), default=None)
    if failed is not None:
        raise _error_of(*failed)
    found = world.gather(part.values, 0)
    results: list[Any] = [""] * n_items
    for index, *value in (each for told in found or () for each in told):
        results[index] = _loaded(*value)
    return results


def _error_of(index: int, whole: bytes, told: tuple[Any, ...]) -> BaseException:
    item = ItemReport(*told)
    error: BaseException = pickle.loads(whole) if whole else revive(item)
    error.__cause__ = RemoteTraceback(item.traceback, index, "", "a rank", "this job")
    return error


def of_world(name: str, module: str) -> Any:
    """Give ``comm``, ``size`` or ``rank``, as pyina's modules have them: to fetch one is to join MPI.

    Raises
    ------
    AttributeError
        It is another name.
    """
    if name not in WORLD:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    world = own_world()
    return world if name == "comm" else world.Get_size() if name == "size" else world.Get_rank()
