"""The first thing an agent does: start the process that forks its workers, then import the rest, while that boots."""

from __future__ import annotations

import os

from pathos_nb.launchers.zygote_start import ZygoteStart
from pathos_nb.wire.carried import HOLDER

TYPE_CHECKING = False  # an agent's start waits for this file, so it loads little
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["main"]

# What the kernel's code by value needs in every worker: imported once, before they are forked.
_PRELOAD = ("cloudpickle",)


def main(in_fd: int, out_fd: int, order: Mapping[str, Any], say: Callable[..., None], kept: str) -> None:
    """Serve the pool at the other end; never returns.

    Parameters
    ----------
    in_fd, out_fd : int
        The stream.
    order : mapping
        ``key``, ``n`` (how many workers there will be), ``beat`` and ``orphan``.
    say : callable
        Tells the other end the last thing before the envelopes.
    kept : str
        Why the archive could not be kept.
    """
    os.environ[HOLDER] = str(os.getpid())
    start = ZygoteStart(int(order["n"]), preload=_PRELOAD)
    from pathos_nb.launchers.agent_far import Stream, serve

    serve(Stream(in_fd, out_fd), order, start, say, kept)
