"""What an item is called with, as short text: ``alpha=0.1, fold=2`` where the function tells the names."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence

from pathos_nb.typed import Any

__all__ = ["called_with", "name_of"]

_N_CHARACTERS = 120
_MOST_DEPTH = 10


def name_of(function: Any) -> str:
    """Give a function's name; that of the user's own where it is wrapped.

    Parameters
    ----------
    function : callable
        What is called.

    Returns
    -------
    str
    """
    found = getattr(function, "func", function)
    return str(getattr(found, "__name__", None) or type(found).__name__)


def called_with(function: Any, row: Sequence[Any]) -> str:
    """Give a short text of what an item is called with, whatever its ``repr`` does.

    Parameters
    ----------
    function : callable or None
        What is called; it need not tell the names of its parameters.
    row : sequence
        The item's arguments.

    Returns
    -------
    str
        Such as ``x=3``; ``(3)`` where no name is known.
    """
    try:
        names = _names(function)
        if 0 < len(row) <= len(names):
            text = ", ".join(f"{name}={_short(value)}" for name, value in zip(names, row, strict=False))
        else:
            text = reprlib.repr(tuple(row)) if len(row) != 1 else f"({_short(row[0])})"
    except Exception as error:  # the user's own repr, or attributes
        return f"<no repr: {type(error).__name__}>"
    return text if len(text) <= _N_CHARACTERS else f"{text[:_N_CHARACTERS]}..."


def _short(value: Any) -> str:
    """Give a value as its point is called in tables: a number of numpy's is a number."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value) if getattr(value, "shape", None) == () else reprlib.repr(value)


def _names(function: Any) -> tuple[str, ...]:
    """Give the names of the parameters that an item's arguments go to; nothing where they are not known."""
    n_bound = 0
    for _ in range(_MOST_DEPTH):
        if hasattr(function, "__func__"):  # a method
            function, n_bound = function.__func__, n_bound + 1
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif hasattr(function, "__code__"):
            code = function.__code__
            return tuple(code.co_varnames[n_bound : code.co_argcount])
        elif hasattr(function, "func") and hasattr(function, "args"):
            function, n_bound = function.func, n_bound + len(function.args)
        elif hasattr(function, "function"):  # a cell's body
            function = function.function
        else:
            return ()
    return ()
