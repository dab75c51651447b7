"""A ppft server on a host that was sent all it needs: what `agent_boot` runs there in an agent's place.

The secret came by stdin, in the order; when stdin ends, the server ends, and its workers with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.ppft_process import serve, until_over

__all__ = ["main"]


def main(in_fd: int, out_fd: int, order: Mapping[str, Any], say: Callable[..., None], kept: str) -> None:
    """Be a server until the stream ends.

    Parameters
    ----------
    in_fd, out_fd : int
        The stream.
    order : mapping
        ``port``, ``nodes`` (0 for as many as there are cores) and ``secret``.
    say : callable
        Tells the other end where it listens, or what is in the way.
    kept : str
        Why the archive could not be kept.
    """
    parent, nodes = os.getppid(), int(order["nodes"]) or usable_cores()

    def tell(**told: Any) -> None:
        say(kept=kept, nodes=nodes, **told)

    try:
        secret = str(order["secret"]).encode()
        serve(int(order["port"]), nodes, secret, tell, lambda: until_over(in_fd, parent))
    except (OSError, ImportError) as error:
        say(error=str(error))
