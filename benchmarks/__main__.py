"""``python -m benchmarks``: run them all, or some, and say what came out.

Exits 0 when every case ran, whether or not its goals are met; 1 when a case could not be run.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

from benchmarks import cases, machine, peers, report
from benchmarks.figures import Outcome
from benchmarks.process import ROOT
from benchmarks.scene import Scene
from benchmarks.work import ROUNDS_VARIABLE, measure_rounds_per_us


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="pathos_nb against its peers")
    parser.add_argument("--quick", action="store_true", help="scaled down, three repetitions")
    parser.add_argument("--only", action="append", metavar="NAME", choices=cases.NAMES, help=", ".join(cases.NAMES))
    parser.add_argument("--reps", type=int, metavar="N", help="repetitions (7; quick 3)")
    parser.add_argument("--without", action="append", default=[], metavar="PEER", help="leave a peer out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--from-json", type=Path, metavar="FILE", help="run nothing; take these results")
    parser.add_argument("--write-docs", action="store_true", help="write docs/performance.md, or renew what was run")
    return parser.parse_args(arguments)


def scene_of(options: argparse.Namespace) -> Scene:
    """Give the settings that the command line asks for."""
    without = set(options.without)
    if options.quick:
        without |= {"ipyparallel", "dask"}
    return Scene(options.reps or (3 if options.quick else 7), options.quick, say, frozenset(without))


def run_case(name: str, scene: Scene) -> Outcome | None:
    """Run one case and print it; None if it broke."""
    begin = time.perf_counter()
    try:
        outcome: Outcome = cases.load(name).CASE.run(scene)
    except Exception:  # one broken case must not end the run
        traceback.print_exc()
        return None
    outcome.seconds = time.perf_counter() - begin
    say(report.screen(outcome))
    return outcome


def run(options: argparse.Namespace) -> list[Outcome | None]:
    """Run what was asked for; the file of results grows with each case, so that a run that is stopped is not lost."""
    os.environ[ROUNDS_VARIABLE] = str(measure_rounds_per_us())
    say(f"load average at the start: {machine.load_average():.2f}")
    scene = scene_of(options)
    say("\n".join(filter(None, map(peers.missing, peers.EVERY))) or "every peer is here")
    outcomes = []
    for name in options.only or cases.NAMES:
        outcomes.append(run_case(name, scene))
        if options.json:
            write(options.json, outcomes, about(options))
    return outcomes


def about(options: argparse.Namespace) -> dict[str, str]:
    """Tell what the figures belong to: machine, versions, and how the run was made."""
    size = "scaled down (--quick: a fifth to a quarter of the items)" if options.quick else "whole"
    known, when = machine.describe(), time.strftime("%Y-%m-%d")
    run = f"{when}, {size}, {scene_of(options).n_reps} repetitions; {known['processor']}, {known['cores']} cores"
    return {**known, "run": run}


def read(path: Path) -> tuple[list[Outcome | None], dict[str, str]]:
    """Take the results of an earlier run, and what they belong to."""
    data = json.loads(path.read_text())
    return [Outcome.from_json(outcome) for outcome in data["outcomes"]], data["machine"]


def write(path: Path, outcomes: list[Outcome | None], about_run: dict[str, str]) -> None:
    """Keep the results."""
    data = {"machine": about_run, "outcomes": [outcome.to_json() for outcome in outcomes if outcome]}
    path.write_text(json.dumps(data, indent=1))


def main() -> int:
    """Run, print, write; who ends it ends its contenders and hosts too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parse()
    outcomes, about_run = read(options.from_json) if options.from_json else (run(options), about(options))
    done = [outcome for outcome in outcomes if outcome]
    if options.write_docs:
        report.write_page(ROOT / "docs" / "performance.md", done, about_run)
        subprocess.run([sys.executable, ROOT / "tools" / "comparison.py"], timeout=60, check=False)  # the README's
    goals = [goal for outcome in done for goal in outcome.goals]
    say(f"\ngoals met: {sum(goal.is_met is True for goal in goals)} of {len(goals)}")
    return 0 if len(done) == len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
