"""A ppft server on a host that was sent all it needs: what `agent_boot` runs there in an agent's place.

The secret came by stdin, in the order; when stdin ends, the server ends, and its workers with it. So it does when the
way is cut without a word: it says a byte now and then, and looks whether anybody acknowledges it. Behind a jump host
that cannot be seen; there it ends when it has not been spoken to for as long as the last byte from here said: not three
beats, or half a minute if this process was once late with it (`agent_patience`).
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable, Mapping
from typing import Any

from pathos_nb.launchers.agent_messages import BEAT_S, BRIEF, JUMP_BEATS, SILENCE_BEATS
from pathos_nb.launchers.agent_silence import is_cut
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.ppft_process import serve

__all__ = ["main"]

_LOOK_S = 0.5


def main(in_fd: int, out_fd: int, order: Mapping[str, Any], say: Callable[..., None], kept: str) -> None:
    """Be a server until the stream ends.

    Parameters
    ----------
    in_fd, out_fd : int
        The stream.
    order : mapping
        ``port``, ``nodes`` (0 for as many as there are cores), ``secret``, and ``orphan``: how many seconds of silence
        are borne at first, and by who is told to be patient.
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
        orphan_s = float(order["orphan"])
        serve(int(order["port"]), nodes, secret, tell, lambda: _until_over((in_fd, out_fd), parent, orphan_s))
    except (OSError, ImportError) as error:
        say(error=str(error))


def _until_over(stream: tuple[int, int], parent: int, orphan_s: float) -> None:
    """Wait until the stream has ended, is cut or silent, or the process that started this one is gone."""
    in_fd, out_fd = stream
    os.set_blocking(out_fd, False)
    spoke_s = heard_s = time.monotonic()
    borne_s = orphan_s
    while os.getppid() == parent and not _is_forgotten(time.monotonic() - heard_s, borne_s):
        if select.select([in_fd], [], [], _LOOK_S)[0]:
            if not (said := os.read(in_fd, 4096)):
                return
            heard_s = time.monotonic()
            borne_s = min(orphan_s, JUMP_BEATS * BEAT_S) if said.endswith(BRIEF) else orphan_s
        if time.monotonic() - spoke_s >= BEAT_S:
            spoke_s = time.monotonic()
            with contextlib.suppress(BlockingIOError):
                os.write(out_fd, b".")


def _is_forgotten(silent_s: float, borne_s: float) -> bool:
    return silent_s > borne_s or (silent_s > SILENCE_BEATS * BEAT_S and is_cut())
