"""Write docs/reliability.md: each promise, what holds it, and what came of that the last time.

python tools/reliability.py                  write the page from the figures that are kept
python tools/reliability.py --check          say whether it is current, and that each holder is there
python tools/reliability.py --run [WORD …]   run what holds the promises that have the words in them (all, if none)
python tools/reliability.py --run soak --scale 0.01      the long runs shortened
python tools/reliability.py --from build/tests.xml       take the tests' figures from what `make test` has written
python tools/reliability.py --cells LOG …    take the environments' from what runs of tools/matrix.py have said
python tools/reliability.py --soaks LOG …    take the soak's from what runs of `make soak SECONDS=120` have said
python tools/reliability.py --peers [NAME …] have the peers do what is promised here (benchmarks/behaviours.py)
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

import beside
from matrix import cells
from promises import LONG_RUNS, SECTIONS, Promise, quotes
from said import unclaimed, unsaid

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGE, KEPT = ROOT / "docs" / "reliability.md", ROOT / "docs" / "reliability.json"
HEAD = """# Reliability

What is promised, what holds it, and what came of that when it was last run. This page is written by

    python tools/reliability.py --run

(`--run WORD` for some rows, `--from build/tests.xml` for those of the last `make test`, `--peers` for what
[the peers](#beside-the-peers) do; `docs/reliability.json` keeps the figures). Do not edit it by hand. A figure of tests
is that of one machine with everything installed: of every test there is (`--everywhere`), or of those that *make test*
runs, where it says so. Long runs say how long they were. A dash is where no peer promises the like.

"""
BESIDE = """## Beside the peers

What comes of what goes wrong, here and at the peers: two workers, default settings, each in a process of its own with a
deadline of 15 seconds. "Then" is what the pool says to the next map. `python tools/reliability.py --peers` runs it;
what things cost beside the peers is in [performance.md](performance.md).

"""
_LINE_S, _SOAK_S = 4 * 3600.0, 120.0


def main(words: Sequence[str]) -> int:
    """Do what is asked; give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--run", nargs="*", metavar="WORD")
    parser.add_argument("--from", dest="record", type=Path, metavar="XML")
    parser.add_argument("--cells", nargs="+", default=[], type=Path, metavar="LOG")
    parser.add_argument("--soaks", nargs="+", default=[], type=Path, metavar="LOG")
    parser.add_argument("--peers", nargs="*", metavar="NAME", choices=beside.BEHAVIOURS)
    parser.add_argument("--scale", type=float, default=1.0, help="how much of the long runs")
    asked = parser.parse_args(words)
    if asked.check:
        wrong = list(faults())
        print("\n".join(wrong) or "docs/reliability.md is current")
        return int(bool(wrong))
    n_failed = sum(_run(promise, asked.scale) for promise in _meant(asked.run)) if asked.run is not None else 0
    n_failed += _take(asked.record) if asked.record is not None else 0
    n_failed += _take_cells(asked.cells) if asked.cells else 0
    n_failed += _take_soaks(asked.soaks) if asked.soaks else 0
    if asked.peers is not None:
        _try_peers(asked.peers or list(beside.BEHAVIOURS))
    PAGE.write_text(page(), encoding="utf-8")
    return min(n_failed, 100)


def faults() -> Iterator[str]:
    """Say what is wrong with the page, and with the table."""
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        yield "docs/reliability.md is not current: python tools/reliability.py"
    for promise in promises():
        for holder in promise.holders:
            if holder not in LONG_RUNS and not _is_there(holder):
                yield f"{holder}, which is to hold {promise.text!r}, is not there"
    readme = README.read_text(encoding="utf-8")
    for said in unclaimed(readme, quotes()):
        yield f"the README says {said!r}: put words of it into the row of tools/promises.py that holds it"
    for words in unsaid(readme, quotes()):
        yield f"the README does not say {words!r} any more (tools/promises.py)"


def _is_there(holder: str) -> bool:
    path, _, name = holder.partition("::")
    return (ROOT / path).is_file() and f"def {name}" in (ROOT / path).read_text(encoding="utf-8")


def promises() -> list[Promise]:
    """Give all rows."""
    return [promise for rows in SECTIONS.values() for promise in rows]


def page() -> str:
    """Give the page's text."""
    known = figures()
    told = [HEAD]
    for section, rows in SECTIONS.items():
        told.append(f"## {section}\n\n| promise | held by | last figure | the peers at the same |\n|---|---|---|---|\n")
        told += [_row(promise, known) for promise in rows]
        told.append("\n")
    told.append(f"{BESIDE}{beside.section(known)}")
    return "".join(told).rstrip("\n") + "\n"


def _row(promise: Promise, known: dict[str, dict[str, str]]) -> str:
    cells = (promise.text, _held_by(promise), _figure(promise, known), beside.cell(promise.beside, known))
    return f"| {' | '.join(cells)} |\n"


def figures() -> dict[str, dict[str, str]]:
    """Give what is kept, by the holder."""
    return dict(json.loads(KEPT.read_text(encoding="utf-8"))) if KEPT.exists() else {}


def _held_by(promise: Promise) -> str:
    shown = [f"`make {'soak-store' if h == 'kills' else h}`" for h in promise.holders if h in LONG_RUNS]
    files = dict.fromkeys(h.partition("::")[0].removeprefix("tests/") for h in promise.holders if h not in LONG_RUNS)
    return ", ".join([*shown, *(f"`{file}`" for file in files)])


def _figure(promise: Promise, known: dict[str, dict[str, str]]) -> str:
    told = [known[key] for key in _keys(promise) if key in known]
    return "; ".join(f"{one['figure']} ({one['date']})" for one in told) or "not run yet"


def _keys(promise: Promise) -> list[str]:
    """Give under which names the figures of a promise are kept: the long runs, and all of its tests together."""
    tests = [h for h in promise.holders if h not in LONG_RUNS]
    return [*(h for h in promise.holders if h in LONG_RUNS), *([" ".join(tests)] if tests else [])]


def _meant(words: Sequence[str]) -> list[Promise]:
    def fits(promise: Promise) -> bool:
        text = " ".join([promise.text, *promise.holders]).lower()
        return not words or any(word.lower() in text for word in words)

    return list(filter(fits, promises()))


def _run(promise: Promise, scale: float) -> int:
    """Run what holds a promise, and keep the figures; give how many did not hold."""
    n_failed = 0
    for key in _keys(promise):
        print(f"== {promise.text}: {key}", flush=True)
        is_good, figure = _long_run(key, scale) if key in LONG_RUNS else _tests(key.split())
        print(f"   {figure}", flush=True)
        n_failed += not is_good
        _keep({key: figure})
        PAGE.write_text(page(), encoding="utf-8")
    return n_failed


def _keep(found: dict[str, str]) -> None:
    today = time.strftime("%Y-%m-%d")
    _write(figures() | {key: {"figure": figure, "date": today} for key, figure in found.items()})


def _write(kept: dict[str, dict[str, str]]) -> None:
    KEPT.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n", encoding="utf-8")


def _take(record: Path) -> int:
    """Keep the tests' figures of a record of pytest's; give how many rows did not hold."""
    cases = list(ElementTree.parse(record).getroot().iter("testcase"))
    keys = {key for promise in promises() for key in _keys(promise) if key not in LONG_RUNS}
    found = {key: _counted([case for case in cases if _is_of(case, key.split())]) for key in keys}
    _keep({key: f"{_told(*counts)} in *make test*" for key, counts in found.items() if any(counts[:2])})
    return sum(n_bad > 0 for _, n_bad, _ in found.values())


def _take_cells(logs: Sequence[Path]) -> int:
    """Keep the environments' figure of runs of some of them each; give whether one failed."""
    figure = _sum_of_cells("\n".join(log.read_text(encoding="utf-8") for log in logs))
    _keep({"matrix": figure})
    return "**" in figure


def _take_soaks(logs: Sequence[Path]) -> int:
    """Keep the soak's figure of runs that have been; give how many failed."""
    text = "\n".join(log.read_text(encoding="utf-8") for log in logs)
    verdicts = re.findall(r"^.*seed \d+ (?:PASSED|FAILED): .*$", text, re.MULTILINE)
    _keep({"soak": _sum_of_soaks(verdicts, _SOAK_S)})
    return sum(" PASSED: " not in verdict for verdict in verdicts)


def _try_peers(names: Sequence[str]) -> None:
    """Have the peers do some of what is promised here, and keep what came."""
    for name in names:
        found = beside.tried(name)
        print(
            f"== {beside.BEHAVIOURS[name]}", *(f"  {who}: {told}" for who, told in found.items()), sep="\n", flush=True
        )
        _write(figures() | {beside.key(name): found})


def _is_of(case: ElementTree.Element, holders: list[str]) -> bool:
    file = case.get("classname", "").replace(".", "/") + ".py"
    return file in holders or f"{file}::{case.get('name', '').partition('[')[0]}" in holders


def _counted(cases: list[ElementTree.Element]) -> tuple[int, int, int]:
    """Give how many passed, did not pass, and were left out."""
    n_bad = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    n_skipped = sum(case.find("skipped") is not None for case in cases)
    return len(cases) - n_bad - n_skipped, n_bad, n_skipped


def _told(n_good: int, n_bad: int, n_skipped: int) -> str:
    told = [f"{n_good} passed", *([f"**{n_bad} failed**"] if n_bad else [])]
    return ", ".join([*told, *([f"{n_skipped} skipped"] if n_skipped else [])])


def _tests(holders: list[str]) -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.xml"
        command = [sys.executable, "-m", "pytest", "-q", "--everywhere", f"--junitxml={record}", *holders]
        status = subprocess.run(command, cwd=ROOT, timeout=_LINE_S, check=False).returncode
        if not record.exists():
            return False, "**could not be run**"
        counts = _counted(list(ElementTree.parse(record).getroot().iter("testcase")))
    return status == 0, _told(*counts)


def _long_run(name: str, scale: float) -> tuple[bool, str]:
    """Run one of the long runs; give whether it held, and its last words."""
    seconds = {"soak": 120.0, "fuzz": 600.0}.get(name, 0.0) * scale
    seeds = range(1, 1 + max(1, round(20 * scale))) if name == "soak" else range(1, 2)
    said = [_said(_command(name, max(5.0, seconds), scale, seed)) for seed in seeds]
    texts = [text for _, text in said]
    sums: dict[str, Callable[[], str]] = {
        "soak": lambda: _sum_of_soaks(texts, seconds),
        "matrix": lambda: _sum_of_cells(texts[-1]),
        "kills": lambda: texts[-1].splitlines()[-1] if texts[-1] else "it said nothing",
    }
    figure = sums.get(name, lambda: _words(texts[-1]))()
    return all(is_good for is_good, _ in said), figure


def _command(name: str, seconds: float, scale: float, seed: int) -> list[str]:
    if name == "kills":
        return ["tests.store.kills", str(seed), str(max(5, round(200 * scale)))]
    if name == "matrix":
        return ["tools/matrix.py"]
    if name == "month":
        return ["tests.month", "--share", str(scale), "--seed", str(seed)]
    return [f"tests.{name}", "--seconds", str(seconds), "--seed", str(seed)]


def _said(words: list[str]) -> tuple[bool, str]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *(["-m"] if words[0].startswith("tests.") else []), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_LINE_S,
        check=False,
    )
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-4000:], flush=True)
    return done.returncode == 0, done.stdout.strip()


def _sum_of_soaks(texts: list[str], seconds: float) -> str:
    found = [
        re.search(r"(\d+) rounds, (\d+) items compared, (\d+) faults in time, .* (\d+) failed", text) for text in texts
    ]
    rounds, items, n_faults, failed = (sum(int(one[i]) for one in found if one) for i in range(1, 5))
    broken = sum(one is None for one in found)
    told = f"{len(texts)} seeds of {seconds:.0f} s: {rounds:,} rounds, {items:,} items, {n_faults:,} faults"
    whole = sum("; every fault came, at every place" in text for text in texts)
    everywhere = f", every fault at every place in {whole} of them" if whole else ""
    return f"{told}, {f'**{failed + broken} failed**' if failed + broken else 'none failed'}{everywhere}"


def _sum_of_cells(text: str) -> str:
    """Count the environments that were tried, the last time counts, and name those where something failed."""
    ends = re.findall(r"^== matrix\n((?:  \S+: .*(?:\n|$))*)", text, re.MULTILINE)
    told = dict(re.findall(r"^  (\S+): (.*)$", "\n".join(ends), re.MULTILINE))
    failed = [name for name, how in told.items() if "failed" in how or "error" in how or "**" in how]
    absent = [name for name, how in told.items() if how.endswith("not here")]
    untried = [cell.name for cell in cells() if cell.name not in told]
    parts = [f"{len(told) - len(failed) - len(absent)} environments passed"]
    parts += [f"**failed: {', '.join(failed)}**"] if failed else []
    parts += [f"not here: {', '.join(absent)}"] if absent else []
    return ", ".join([*parts, *([f"not tried: {', '.join(untried)}"] if untried else [])])


def _words(text: str) -> str:
    """Make one line of what was said; of fuzzing the inputs are counted."""
    inputs = re.findall(r": (\d+) inputs$", text, re.MULTILINE)
    last = text.splitlines()[-1] if text else "it said nothing"
    if inputs:
        return f"{sum(map(int, inputs)):,} inputs; {last}"
    return "; ".join(line for line in text.splitlines()[-4:] if line.strip())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
