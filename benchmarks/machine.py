"""The machine and the versions that a table of figures belongs to."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from benchmarks import peers


def describe() -> dict[str, str]:
    """Give what a reader needs to know about where the figures come from."""
    return {
        "processor": processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        **peers.versions(),
    }


def processor() -> str:
    """Give the processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def load_average() -> float:
    """Give how many processes wanted to run over the last minute."""
    return os.getloadavg()[0]
