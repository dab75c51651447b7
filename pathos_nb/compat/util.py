"""``pathos.util``: text and bytes, the exception at hand as text, and a forked child with pipes."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["print_exc_info", "spawn", "spawn2"]

_Given = TypeVar("_Given")


def _str(byte: Any, codec: Any = None) -> Any:
    """Give bytes as text.

    Parameters
    ----------
    byte : object
        The bytes; whatever else comes is given back.
    codec : str, optional
        ASCII by default; False leaves everything as it is.

    Returns
    -------
    object
        The text.
    """
    return byte.decode(codec or "ascii") if codec is not False and hasattr(byte, "decode") else byte


def _b(string: Any, codec: Any = None) -> Any:
    """Give text as bytes.

    Parameters
    ----------
    string : object
        The text; whatever else comes is given back.
    codec : str, optional
        ASCII by default; False leaves everything as it is.

    Returns
    -------
    object
        The bytes.
    """
    return string.encode(codec or "ascii") if codec is not False and hasattr(string, "encode") else string


def print_exc_info() -> str:
    """Give the exception that is being handled, with its traceback.

    Returns
    -------
    str
        What Python would print of it.
    """
    return traceback.format_exc()


def spawn(onParent: Callable[..., _Given], onChild: Callable[..., _Given]) -> _Given:  # noqa: N803 - pathos' names
    """Fork, with a pipe from the child to the parent.

    Parameters
    ----------
    onParent : callable
        Called in the parent with the child's process id and the pipe to read from.
    onChild : callable
        Called in the child with its process id and the pipe to write to.

    Returns
    -------
    object
        What the one of the two gives that is called here.
    """
    from_child, to_parent = os.pipe()
    pid = os.fork()
    if pid:
        os.close(to_parent)
        return onParent(pid, os.fdopen(from_child, "rb"))
    os.close(from_child)
    return onChild(os.getpid(), os.fdopen(to_parent, "wb", 0))


def spawn2(onParent: Callable[..., _Given], onChild: Callable[..., _Given]) -> _Given:  # noqa: N803 - pathos' names
    """Fork, with a pipe each way.

    Parameters
    ----------
    onParent : callable
        Called in the parent with the child's process id, the pipe to read from and the pipe to write to.
    onChild : callable
        Called in the child with its process id, the pipe to read from and the pipe to write to.

    Returns
    -------
    object
        What the one of the two gives that is called here.
    """
    from_parent, to_child = os.pipe()

    def parent(pid: int, from_child: Any) -> _Given:
        os.close(from_parent)
        return onParent(pid, from_child, os.fdopen(to_child, "wb", 0))

    def child(pid: int, to_parent: Any) -> _Given:
        os.close(to_child)
        return onChild(pid, os.fdopen(from_parent, "rb"), to_parent)

    return spawn(parent, child)
