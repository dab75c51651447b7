"""Unnamed files: memory that processes hand each other by descriptor, and that nothing is left of when they end."""

from __future__ import annotations

import os


def shared_file(name: str) -> int:
    """Open an unnamed file in memory, or on disk where the system has no such thing.

    Parameters
    ----------
    name : str
        Shows up in ``/proc`` only.

    Returns
    -------
    int
        The descriptor, not inherited by programs.
    """
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name)
    import tempfile

    with tempfile.TemporaryFile(prefix=name) as file:
        return os.dup(file.fileno())
