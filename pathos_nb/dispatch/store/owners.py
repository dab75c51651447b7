"""Which kernel writes a run, and whether it is still there."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from pathlib import Path

__all__ = ["is_alive", "is_mine", "is_there", "me", "said"]

_ELSEWHERE_S = 600.0  # on another machine, somebody who has not been heard of for so long is gone


def me() -> str:
    """Give what this process is known by, as text."""
    return json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": _born(os.getpid())})


def is_mine(owner: str) -> bool:
    """Whether a run belongs to this process.

    Parameters
    ----------
    owner : str
        From `me`.

    Returns
    -------
    bool
    """
    return owner == me()


def is_alive(owner: str, seen: float) -> bool:
    """Whether the process that writes a run is there.

    Parameters
    ----------
    owner : str
        From `me`, of that process.
    seen : float
        When it wrote last, in seconds since the epoch.

    Returns
    -------
    bool
        Of a process on another machine that is not known: then, whether it wrote not long ago.
    """
    told = json.loads(owner)
    if told["host"] != socket.gethostname():
        return time.time() - seen < _ELSEWHERE_S
    return is_there(owner)


def is_there(owner: str) -> bool:
    """Whether a process is known to be there: one of this machine's.

    Parameters
    ----------
    owner : str
        From `me`, of that process.

    Returns
    -------
    bool
        False too of a process on another machine, of which nobody knows.
    """
    told = json.loads(owner)
    if told["host"] != socket.gethostname():
        return False
    try:
        os.kill(told["pid"], 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's: the number is used again
        return False
    return bool(_born(told["pid"]) == told["since"])


def said(owner: str) -> str:
    """Say which process it is.

    Parameters
    ----------
    owner : str
        From `me`.

    Returns
    -------
    str
        Such as ``process 4711 on node7``.
    """
    told = json.loads(owner)
    return f"process {told['pid']} on {told['host']}"


def _born(pid: int) -> str:
    """Give when a process began, so that a number that is used again is another one; empty where nothing tells."""
    with contextlib.suppress(OSError, IndexError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return f"{boot} {fields[19]}" if fields[0] != "Z" else ""
    return ""
