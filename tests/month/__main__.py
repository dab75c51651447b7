"""``make month``: 50,000 maps, 1,000 pools, 500 interrupts and 100 restarts of a kernel, or a share of all that."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.month.month import Figures, Month

_ASKED = {"maps": 50_000, "pools": 1_000, "interrupts": 500, "restarts": 100}


def main(words: Sequence[str]) -> int:
    """Live it; give the number of promises that did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.month", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="how much of it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    asked = parser.parse_args(words)
    counts = {name: max(1, round(n * asked.share)) for name, n in _ASKED.items()}
    began = time.monotonic()
    with Month(asked.seed) as month:
        figures = month.live(**counts)
    sys.stdout.write(_told(figures, asked.seed, time.monotonic() - began))
    if asked.json is not None:
        asked.json.write_text(json.dumps(figures._asdict()))
    return len(figures.broken)


def _told(figures: Figures, seed: int, seconds: float) -> str:
    faults = "\n".join(figures.broken) or "all held"
    return (
        f"seed {seed}: {figures.n_maps:,} maps, {figures.n_pools:,} pools, {figures.n_interrupts} interrupts "
        f"({figures.n_in_time} in time), {figures.n_restarts} restarts in {seconds:.0f} s\n"
        f"memory: {figures.bytes_a_map:.0f} bytes a map; {figures.bytes_a_pool:.0f} a pool; "
        f"{figures.bytes_an_interrupt:,.0f} an interrupt\n"
        f"descriptors {figures.more_files:+d}, threads {figures.more_threads:+d}, "
        f"processes {figures.more_children:+d}; left by restarts: {figures.n_left}\n{faults}\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
