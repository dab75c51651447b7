"""A function that carries its source, so that a traceback made in a worker shows the lines of the cell.

The text of a notebook's cell is in no file: `linecache` knows it in the kernel only. `Sourced` pickles as the plain
function plus a note to the worker's own `linecache`; once there, nothing of the wrapper is left.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any

__all__ = ["Sourced", "remember", "unpack"]


def remember(filename: str, source: str) -> None:
    """Let tracebacks of this process show the lines of a text that is in no file.

    Parameters
    ----------
    filename : str
        The name its code was compiled with.
    source : str
        The whole text.
    """
    # A time stamp of None keeps `linecache.checkcache` from looking for a file and dropping the entry.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)


def unpack(function: Callable[..., Any], filename: str, source: str) -> Callable[..., Any]:
    """Give the function as it was, in the process that got it.

    Parameters
    ----------
    function : callable
        The bare function.
    filename, source : str
        What `remember` takes.

    Returns
    -------
    callable
        `function` itself: a call in a worker pays nothing for having travelled so.
    """
    remember(filename, source)
    return function


class Sourced:
    """A function together with the text that it was compiled from.

    Parameters
    ----------
    function : callable
        What is called.
    filename : str
        The name that its code was compiled with, such as ``<%%pmap In[3]>``.
    source : str
        The text.
    """

    __slots__ = ("filename", "function", "source")

    def __init__(self, function: Callable[..., Any], filename: str, source: str) -> None:
        remember(filename, source)
        self.function, self.filename, self.source = function, filename, source

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return unpack, (self.function, self.filename, self.source)

    def __repr__(self) -> str:
        return f"<Sourced {self.filename}>"
