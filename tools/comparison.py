"""Write the README's table of figures from docs/performance.md, which the benchmarks have written.

python tools/comparison.py           write it
python tools/comparison.py --check   say whether it is current
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
README, FIGURES = ROOT / "README.md", ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures: tools/comparison.py writes them from docs/performance.md -->", "<!-- end of figures -->"
WHO = ("pathos_nb", "multiprocessing", "futures", "pathos", "joblib")
HEADS = ("pathos_nb", "multiprocessing", "concurrent.futures", "pathos", "joblib")


class Asked(NamedTuple):
    """A row of the README: a section of the page, the lines in it, and how that is called here."""

    anchor: str
    what: str
    called: str


ASKED = (
    Asked("worker_killed", "answer", "a worker is killed in a map"),
    Asked("driver_killed", "busy", "processes left when the notebook is killed"),
    Asked("lazy_pull", "pulled", "input pulled by one result of a lazy map"),
    Asked("arrays", "default", "64 arrays of 8 MB, there and back"),
    Asked("spin_100us", "default", "10,000 items of 100 µs on two workers"),
    Asked("noop_100k", "default", "100,000 empty items"),
    Asked("one_call", "p50", "one warm call"),
    Asked("start_script", "first result", "a new process to its first result"),
    Asked("idle_memory", "idle", "memory while idle"),
)


def main(argv: list[str]) -> int:
    """Write the table, or compare it; give the exit status."""
    text = README.read_text(encoding="utf-8")
    fresh = renewed(text, FIGURES.read_text(encoding="utf-8"))
    if "--check" in argv:
        print("the figures are current" if fresh == text else "the figures are not current: python tools/comparison.py")
        return int(fresh != text)
    README.write_text(fresh, encoding="utf-8")
    return 0


def renewed(readme: str, page: str) -> str:
    """Give the README with the table as the page has it now.

    Parameters
    ----------
    readme, page : str
        Both texts.

    Returns
    -------
    str
    """
    head, begin, rest = readme.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{README.name} has no place for the figures, {BEGIN!r} to {END!r}")
    return f"{head}{BEGIN}\n\n{table(page)}\n{END}{tail}"


def table(page: str) -> str:
    """Give the table."""
    lines = ["| | " + " | ".join(HEADS) + " |", "|---|" + "---:|" * len(HEADS)]
    lines += [row(asked, dict(figures(page, asked))) for asked in ASKED]
    return "\n".join(lines) + "\n"


def row(asked: Asked, found: dict[str, str]) -> str:
    """Give one row."""
    if "pathos_nb" not in found:
        raise SystemExit(f"docs/performance.md has no line {asked.what!r} of pathos_nb in {asked.anchor!r}")
    cells = [found.get(who, "–") for who in WHO]
    return f"| [{asked.called}](docs/performance.md#{asked.anchor}) | " + " | ".join(cells) + " |"


def figures(page: str, asked: Asked) -> Iterator[tuple[str, str]]:
    """Give who and what was measured, in one section of the page."""
    _, _, rest = page.partition(f'<a id="{asked.anchor}"></a>')
    section = rest.partition('<a id="')[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("| ") else []
        if len(cells) >= 7 and cells[0] in WHO and cells[1] == asked.what:
            yield cells[0], told(cells[2], cells[6])


def told(figure: str, note: str) -> str:
    """Say a figure with what has to be known of it: that it hangs, or gives an error in place of an answer."""
    note = note if re.search(r"hangs|Error|Broken|every result|all there were", note) else ""
    if figure == "–":
        return note or "–"
    return f"{figure}, {note}" if note else figure


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
