"""Say what the tests took, folder by folder, beside the seconds that tests/README.md allows each of them."""

from __future__ import annotations

import argparse
import collections
import re
import sys
import xml.etree.ElementTree as xml
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUDGET = ROOT / "tests" / "README.md"
REST = "the files beside the folders"
Row = tuple[str, int, float, float | None]


def budgets(text: str) -> dict[str, float]:
    """Give the seconds of each folder, from the table's lines: ``| faults | 300 |``."""
    found = re.findall(r"^\| ([\w ]+?) +\| +(\d+) \|", text, re.MULTILINE)
    return {name: float(seconds) for name, seconds in found}


def durations(report: Path) -> Iterator[tuple[str, str, float]]:
    """Give folder, name and seconds of each test."""
    for case in xml.parse(report).getroot().iter("testcase"):
        parts = case.get("classname", "").split(".")
        folder = parts[1] if len(parts) > 2 else REST
        yield folder, f"{'/'.join(parts)}::{case.get('name')}", float(case.get("time", 0))


def rows(tests: list[tuple[str, str, float]], allowed: Mapping[str, float]) -> list[Row]:
    """Give folder, number, seconds and allowed seconds, the longest first."""
    seconds: dict[str, float] = collections.defaultdict(float)
    for folder, _, took_s in tests:
        seconds[folder] += took_s
    numbers = collections.Counter(folder for folder, _, _ in tests)
    longest = sorted(seconds, key=lambda folder: -seconds[folder])
    return [(folder, numbers[folder], seconds[folder], allowed.get(folder)) for folder in longest]


def is_over(row: Row) -> bool:
    """Say whether a folder has used more than it has; one that nobody has thought of has nothing."""
    return row[2] > (row[3] or 0)


def line(row: Row) -> str:
    """Write a row as text."""
    folder, number, took_s, allowed_s = row
    told = "none" if allowed_s is None else f"{allowed_s:.0f}"
    return f"{folder:30} {number:6} {took_s:8.0f} {told:>8}{'  over' if is_over(row) else ''}"


def main() -> int:
    """Print the table; the exit status is 1 where a folder has used more than it has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", nargs="?", type=Path, default=ROOT / "build" / "tests.xml")
    parser.add_argument("--slowest", type=int, default=0, metavar="N", help="name the N longest tests too")
    words = parser.parse_args()
    tests, allowed = list(durations(words.report)), budgets(BUDGET.read_text(encoding="utf-8"))
    found = rows(tests, allowed)
    total: Row = ("in all", len(tests), sum(row[2] for row in found), sum(allowed.values()))
    print(f"{'folder':30} {'tests':>6} {'seconds':>8} {'budget':>8}", *map(line, [*found, total]), sep="\n")
    for _, name, took_s in sorted(tests, key=lambda test: -test[2])[: words.slowest]:
        print(f"{took_s:8.1f}  {name}")
    return int(any(map(is_over, found)))


if __name__ == "__main__":
    sys.exit(main())
