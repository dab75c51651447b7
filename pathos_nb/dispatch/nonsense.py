"""A worker that reports what no worker of ours would: what is to be said of it."""

from __future__ import annotations

from pathos_nb.errors import PoolBroken

__all__ = ["nonsense"]


def nonsense(worker: str, error: Exception) -> PoolBroken:
    """Give the error of a pool whose worker makes no sense.

    Parameters
    ----------
    worker : str
        Its name.
    error : Exception
        What came of reading its message.

    Returns
    -------
    PoolBroken
    """
    told = f"{type(error).__name__}: {error}"
    cause = f"{told}; an item wrote to a descriptor that it did not open, or it is another version"
    broken = PoolBroken(f"{worker} reports what makes no sense", cause=cause, cure="pool.restart() begins anew")
    broken.__cause__ = error
    return broken
