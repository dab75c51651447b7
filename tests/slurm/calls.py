"""What nodes are asked: importable, and light, for each fresh worker imports it."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any


def nap(x: int) -> int:
    time.sleep(0.05)
    return x


def nap_until(path: str, n_free: int, x: int) -> int:
    """Wait, but for the first so many items, until a file is there."""
    time.sleep(0.05)
    while x >= n_free and not Path(path).exists():
        time.sleep(0.05)
    return x


def where(_: object) -> str:
    return socket.gethostname()


def who() -> tuple[str, int]:
    """Give node and process: each node counts its own processes."""
    return socket.gethostname(), os.getpid()


def doors(_: object) -> tuple[bool, list[str]]:
    """Say whether some of ours stand above this process, and at which Unix sockets it and they take calls."""
    import psutil

    family = [p for p in (psutil.Process(), *psutil.Process().parents()) if "pathos_nb" in " ".join(p.cmdline())]
    held = {os.readlink(fd) for p in family for fd in Path(f"/proc/{p.pid}/fd").iterdir() if fd.is_symlink()}
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    opened = [row[-1] for row in rows if row[3] == "00010000" and f"socket:[{row[6]}]" in held]
    return len(family) > 1, opened


def take(n_bytes: int) -> int:
    return len(bytearray(n_bytes))


def gpus(_: Any) -> tuple[str, str | None]:
    time.sleep(0.02)
    return os.environ.get("SLURMD_NODENAME", socket.gethostname()), os.environ.get("CUDA_VISIBLE_DEVICES")


def write(x: int) -> str:
    with Path("in.txt").open() as file:
        Path("out.txt").write_text(file.read(2) * x)
    return os.path.realpath("in.txt")
