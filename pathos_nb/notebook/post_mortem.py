"""IPython's own debugger on a traceback: what ``results.debug()`` opens in a notebook."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from pathos_nb.notebook.watched import has_kernel, is_watched

__all__ = ["post_mortem_of"]


def post_mortem_of(shell: Any) -> Callable[[TracebackType], None]:
    """Give what looks into a traceback.

    Parameters
    ----------
    shell : InteractiveShell
        The notebook's.

    Returns
    -------
    callable
        Takes a traceback; it is left with ``q``. Where a front end answers no questions, the frames are written, and
        nothing is asked.
    """

    def post_mortem(at: TracebackType) -> None:
        debugger = shell.InteractiveTB.debugger_cls()
        debugger.reset()
        if has_kernel(shell) and not is_watched(shell):
            debugger.cmdqueue = ["where", "quit"]
        debugger.interaction(None, at)

    return post_mortem
