"""Passwords, passphrases and one-time codes: asked through the notebook, handed on, kept nowhere."""

from __future__ import annotations

import getpass
import threading
from collections.abc import Callable
from typing import Any

from IPython.core.error import StdinNotImplementedError

__all__ = ["asker"]


def asker(shell: Any) -> Callable[[str, bool], str | None] | None:
    """Give what asks the user, if there is one who could answer.

    Parameters
    ----------
    shell : InteractiveShell
        The shell.

    Returns
    -------
    callable or None
        ``ask(prompt, is_secret)`` gives the answer, or None for none. It is None itself where a program runs the
        notebook, and in threads that run behind a cell.
    """
    kernel = getattr(shell, "kernel", None)
    is_mute = kernel is not None and not getattr(kernel, "_allow_stdin", True)
    return None if is_mute or threading.current_thread() is not threading.main_thread() else _ask


def _ask(prompt: str, is_secret: bool) -> str | None:
    if threading.current_thread() is not threading.main_thread():
        return None  # the link is being opened again behind some cell, where the question would appear
    try:
        # Looked up when they are called: the kernel puts its own in their place while a cell runs.
        return getpass.getpass(prompt) if is_secret else input(prompt)
    except (StdinNotImplementedError, EOFError):
        return None
