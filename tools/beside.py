"""What the peers do at the same: run by `tools/reliability.py --peers`, and put beside the promises."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))

from benchmarks.behaviours import BEHAVIOURS, WHO, told_by  # noqa: E402 - where this lies, they are found

__all__ = ["BEHAVIOURS", "cell", "key", "section", "tried"]

Kept = Mapping[str, Mapping[str, str]]
_NO_DISTRIBUTION = ("multiprocessing", "futures")


def key(behaviour: str) -> str:
    """Give the name under which it is kept."""
    return f"beside {behaviour}"


def tried(behaviour: str) -> dict[str, str]:
    """Have everybody do one of them; give who did what, and when that was."""
    found = {who: told_by(behaviour, who) for who in WHO}
    return {**found, "date": time.strftime("%Y-%m-%d"), "versions": _versions()}


def _versions() -> str:
    names = [name for name in WHO[1:] if name not in _NO_DISTRIBUTION]
    known = {dist.metadata["Name"]: dist.version for dist in metadata.distributions()}
    told = [f"{name} {known[name]}" for name in names if name in known]
    return ", ".join([f"Python {'.'.join(map(str, sys.version_info[:3]))}", *told])


def cell(behaviours: Iterable[str], known: Kept) -> str:
    """Say what the peers do at some of them, those that do the same together."""
    told = []
    for behaviour in behaviours:
        kept, alike = known.get(key(behaviour), {}), defaultdict(list)
        for who in WHO[1:]:
            if who in kept:
                alike[kept[who]].append(who)
        groups = "; ".join(f"{', '.join(who)} {answer}" for answer, who in alike.items())
        told.append(f"*{BEHAVIOURS[behaviour]}:* {groups or 'not run yet'}")
    return "<br>".join(told) or "–"


def section(known: Kept) -> str:
    """Give the table of all of them, ourselves first."""
    lines = [f"| | {' | '.join(WHO)} |", f"|---|{'---|' * len(WHO)}"]
    for behaviour, called in BEHAVIOURS.items():
        kept = known.get(key(behaviour), {})
        lines.append(f"| {called} | {' | '.join(kept.get(who, 'not run yet') for who in WHO)} |")
    runs = sorted({(kept["date"], kept["versions"]) for b in BEHAVIOURS if (kept := known.get(key(b)))})
    when = f"\nLast run {runs[-1][0]}: {runs[-1][1]}.\n" if runs else ""
    return "\n".join(lines) + "\n" + when
