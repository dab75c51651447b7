"""What a function takes along: the names that its code uses, which of them cannot travel, and which are heavy.

Asked only when something went wrong, or when what was sent is large; the way of a usual map does not come by here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType, FunctionType

from pathos_nb.typed import Any
from pathos_nb.wire.serialization import dump

__all__ = ["HEAVY_BYTES", "culprit", "heavy", "name_of"]

HEAVY_BYTES = 10 << 20
_DEPTH = 5


def name_of(function: Callable[..., Any]) -> str:
    """Give what the user knows a function by.

    Parameters
    ----------
    function : callable
        Anything that a map may be given.

    Returns
    -------
    str
        Such as ``the function f`` or ``the body of %%pmap In[3]``.
    """
    filename = getattr(function, "filename", "")
    if filename:
        return f"the body of {filename.strip('<>')}"
    return f"the function {getattr(function, '__qualname__', type(function).__name__)}"


def culprit(function: Callable[..., Any]) -> str:
    """Name what keeps a function from travelling.

    Parameters
    ----------
    function : callable
        It could not be pickled.

    Returns
    -------
    str
        Such as ``conn`` or ``load, which uses conn``; empty if it is nothing that its code names.
    """
    return ", which uses ".join(_trail(function, _DEPTH))


def _trail(function: Any, depth: int) -> list[str]:
    for name, value in _captured(function) if depth else ():
        if not _travels(value):
            return [name, *_trail(value, depth - 1)]
    return []


def _travels(value: Any) -> bool:
    try:
        dump(value)
    except BaseException:  # whatever the value's own pickling raises
        return False
    return True


def heavy(function: Callable[..., Any], at_least: int = HEAVY_BYTES) -> tuple[tuple[str, int], ...]:
    """Name the large values that a function takes along.

    Parameters
    ----------
    function : callable
        It has been pickled.
    at_least : int
        From how many bytes on a value is large.

    Returns
    -------
    tuple of (str, int)
        Names and bytes, the largest first.
    """
    sizes = {name: size for name, value in _captured(function) if (size := _size(value)) >= at_least}
    return tuple(sorted(sizes.items(), key=lambda pair: -pair[1]))


def _size(value: Any) -> int:
    try:
        return dump(value).nbytes  # arrays are not copied for that
    except BaseException:  # whatever the value's own pickling raises; it is told elsewhere
        return 0


def _captured(function: Any) -> Iterator[tuple[str, Any]]:
    """Give the names that a function's code uses, with their values."""
    function = getattr(function, "function", function)  # with its source around it
    while hasattr(function, "func"):
        function = function.func
    function = getattr(function, "__func__", function)
    if not isinstance(function, FunctionType):
        return
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue
    space = function.__globals__
    yield from ((name, space[name]) for name in _global_names(function.__code__) if name in space)


def _global_names(code: CodeType) -> list[str]:
    import dis

    names = [step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")]
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return list(dict.fromkeys([*names, *(name for each in inner for name in _global_names(each))]))
