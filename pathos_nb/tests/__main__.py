"""``python -m pathos_nb.tests``: try everything that can run here, and show it as a table.

    python -m pathos_nb.tests                            all that is here
    python -m pathos_nb.tests threads me@node7           these places only, hosts too
    python -m pathos_nb.tests slurm time=5 partition=x   with settings of the place

The exit status is 0 if nothing failed, 1 if something did or a place that was named is not here, 2 for misuse.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping

from pathos_nb.about import installed_version
from pathos_nb.errors import PathosNbError
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.registry import registry
from pathos_nb.tests import surroundings
from pathos_nb.tests.exams import examine
from pathos_nb.tests.trial import FAILED, NOT_HERE, NOT_TRIED, PASSED, Row, run_place

TIMEOUT_S = 30.0
# What asks others for something is tried only if it is named.
ASKING = {"slurm": "it would queue a job; to try it: python -m pathos_nb.tests slurm time=5"}
_WIDTHS = (11, 9, 7)


def main(argv: list[str] | None = None) -> int:
    """Run the command; give its exit status."""
    said = _parser().parse_args(argv)
    places, settings = _parted(said.place)
    if said.attempt:
        return _try(said.attempt, settings)
    if settings and len(places) != 1:
        _parser().error("settings KEY=VALUE go with one place")
    try:
        return _show(places, _rows(places, settings, said.timeout))
    except KeyboardInterrupt:
        sys.stdout.write("\ninterrupted; what was being tried has been ended\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pathos_nb.tests", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("place", nargs="*", help="launchers, hosts, and KEY=VALUE; by default all launchers")
    parser.add_argument("--timeout", type=float, default=TIMEOUT_S, metavar="SECONDS", help="for each of them (30)")
    parser.add_argument("--try", dest="attempt", default="", help=argparse.SUPPRESS)
    return parser


def _parted(words: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    places, settings = list[str](), dict[str, str]()
    for word in words:
        key, is_setting, value = word.partition("=")
        if is_setting and key.isidentifier():
            settings[key] = value
        else:
            places.append(word)
    return places, settings


# ----------------------------------------------------------------------------------------------- in the trial's process


def _try(place: str, settings: Mapping[str, str]) -> int:
    """Be the process in which a place is tried: say what begins, and how it ended."""
    try:
        examine(place, settings, lambda part: _say(begins=part))
    except PathosNbError as error:
        _say(ended=f"{type(error).__name__}: {error}")
    except Exception as error:
        _say(ended=f"{type(error).__name__}: {error}")
        raise
    else:
        _say(ended="")
        return 0
    return 1


def _say(**what: str) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


# ------------------------------------------------------------------------------------------------------------ the table


def _rows(places: list[str], settings: Mapping[str, str], timeout_s: float) -> Iterator[Row]:
    known = registry.launchers()
    for place in places or known:
        score, reason = known.get(place, (1.0, ""))
        if not score:
            yield Row(place, NOT_HERE, reason)
        elif place in ASKING and not places:
            yield Row(place, NOT_TRIED, ASKING[place])
        elif not places and (lacking := registry.lacks(place)):
            yield Row(place, NOT_TRIED, f"{lacking}; to try it: python -m pathos_nb.tests {place} KEY=VALUE")
        else:
            yield run_place(place, settings, timeout_s)
    if not places:
        yield surroundings.cell(timeout_s)
        yield surroundings.panel()


def _show(named: list[str], rows: Iterable[Row]) -> int:
    """Write the rows as they come; give the exit status."""
    write = sys.stdout.write
    machine = f"{platform.system()} {platform.machine()}, {usable_cores()} cores that this process may use"
    write(f"pathos_nb {installed_version()}, Python {platform.python_version()}, {machine}\n\n")
    write(_line("place", "verdict", "seconds", "what passed, or why not"))
    shown = list[Row]()
    for row in rows:
        shown.append(row)
        write(_line(row.name, row.verdict, f"{row.seconds:.1f}" if row.seconds else "", row.told))
        write("".join(f"{'':13}| {line}\n" for line in row.tail.splitlines()))
        sys.stdout.flush()
    counts = {
        verdict: sum(row.verdict == verdict for row in shown) for verdict in (PASSED, FAILED, NOT_HERE, NOT_TRIED)
    }
    write("\n" + ", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n) + "\n")
    return int(bool(counts[FAILED] or (named and counts[NOT_HERE])))


def _line(*columns: str) -> str:
    padded = [f"{text:<{width}}" for text, width in zip(columns, _WIDTHS, strict=False)]
    return "  ".join(["", *padded, " ".join(columns[-1].split())]).rstrip() + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
