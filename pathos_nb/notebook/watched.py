"""Whether a person looks at what a cell shows, and could answer."""

from __future__ import annotations

from typing import Any

__all__ = ["has_kernel", "is_watched"]


def has_kernel(shell: Any) -> bool:
    """Tell whether a front end shows what the shell sends, rather than a terminal."""
    return hasattr(getattr(shell, "kernel", None), "get_parent")


def is_watched(shell: Any) -> bool:
    """Tell whether a person may look: programs that run notebooks say that they cannot answer `input()`.

    Parameters
    ----------
    shell : InteractiveShell
        The shell.

    Returns
    -------
    bool
        False also where there is no kernel.
    """
    kernel: Any = getattr(shell, "kernel", None)
    if not has_kernel(shell):
        return False
    request = kernel.get_parent("shell") or {}
    return bool(request.get("content", {}).get("allow_stdin", True))
