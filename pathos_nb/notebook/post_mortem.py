"""IPython's own debugger on a traceback: what ``results.debug()`` opens in a notebook."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

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
        Takes a traceback; it is left with ``q``. Where a front end answers no questions, what it says is written,
        and nothing is asked.
    """

    def post_mortem(at: TracebackType) -> None:
        debugger = shell.InteractiveTB.debugger_cls()
        debugger.reset()
        if not _is_answered(shell):
            debugger.cmdqueue = ["where", "quit"]
        debugger.interaction(None, at)

    return post_mortem


def _is_answered(shell: Any) -> bool:
    kernel: Any = getattr(shell, "kernel", None)
    if not hasattr(kernel, "get_parent"):
        return True
    request = kernel.get_parent("shell") or {}
    return bool(request.get("content", {}).get("allow_stdin", True))
