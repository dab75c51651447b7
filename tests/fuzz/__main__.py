"""``make fuzz``: all targets in turn, for a while, with other inputs each time; what is found is told with its input."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings

from tests.fuzz.probe import Target, probe
from tests.fuzz.targets import TARGETS

_TOGETHER, _CHARACTERS = 400, 2500


def main(words: Sequence[str]) -> int:
    """Try; give the number of targets where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=[target.name for target in TARGETS])
    parser.add_argument("--guided", action="store_true", help="by atheris, which looks at the lines that are reached")
    asked = parser.parse_args(words)
    try_one = _guide if asked.guided else _try
    targets = [target for target in TARGETS if asked.only in (None, target.name)]
    n_found = sum(try_one(target, asked.seconds / len(targets), asked.seed) for target in targets)
    sys.stdout.write(f"seed {asked.seed}: {len(targets)} targets, {n_found} with findings\n")
    return min(n_found, 100)


def _try(target: Target, seconds: float, first_seed: int) -> bool:
    """Try one target for so long; say whether something was found."""
    n_tried, turn, until_s = 0, first_seed * 1_000_003, time.monotonic() + seconds

    def one(value: object) -> None:
        nonlocal n_tried
        n_tried += 1
        probe(target, value)

    while time.monotonic() < until_s:
        turn += 1
        held = settings(max_examples=_TOGETHER, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        try:
            seed(turn)(held(given(target.inputs)(one)))()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            found = getattr(error, "exceptions", (error,))  # several at once are a group
            told = "\n".join(map(_told, found))
            again = f"python -m tests.fuzz --only {target.name!r} --seed {first_seed}"
            sys.stdout.write(f"FOUND in {target.name} after {n_tried} inputs; {again}\n{told}\n")
            sys.stdout.flush()
            return True
    sys.stdout.write(f"{target.name}: {n_tried} inputs\n")
    sys.stdout.flush()
    return False


def _guide(target: Target, seconds: float, first_seed: int) -> bool:
    """Have atheris try one target for so long, in a process of its own; say whether it found something."""
    if find_spec("atheris") is None:
        raise SystemExit("atheris is not installed here: pip install atheris")
    folder = Path("build") / "fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    words = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tests.fuzz.guided",
        target.name,
        f"-max_total_time={max(1, int(seconds))}",
    ]
    limits = [f"-seed={first_seed}", "-rss_limit_mb=0", "-print_final_stats=1", f"-artifact_prefix={folder}/"]
    done = subprocess.run([*words, *limits], capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    n_tried = re.search(r"number_of_executed_units: (\d+)", told)
    sys.stdout.write(f"{target.name}: {n_tried[1] if n_tried else 'some'} inputs\n")
    if done.returncode:
        sys.stdout.write(f"FOUND in {target.name}, by atheris\n{told[-_CHARACTERS:]}\n")
    sys.stdout.flush()
    return done.returncode != 0


def _told(error: BaseException) -> str:
    """Say where it was raised, and by which input."""
    lines = traceback.format_exception(error.with_traceback(error.__traceback__), limit=-3)
    return "".join(lines[-8:])[-_CHARACTERS:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
