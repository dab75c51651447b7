"""What the README says, sentence by sentence and row by row, so that none of it is a promise that nothing holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

__all__ = ["statements", "unclaimed", "unsaid"]

_FIGURES = re.compile(r"<!-- figures:.*?<!-- end of figures -->", re.DOTALL)  # docs/performance.md has each of them
_CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_PICTURE = re.compile(r"<picture>.*?</picture>|!\[[^\]]*\]\([^)]*\)", re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_END = re.compile(r"(?<=[.:;?])\s+(?=[A-Z`\[*])")
_AFTER = "## How to help"


def plain(text: str) -> str:
    """Give a text without links' targets and with one space between words."""
    return " ".join(_LINK.sub(r"\1", text).split())


def statements(readme: str) -> Iterator[str]:
    """Give the sentences and the rows of tables of a README, as far as it says what the package does."""
    body = readme.partition(_AFTER)[0]
    for pattern in (_FIGURES, _CODE, _PICTURE):
        body = pattern.sub("\n\n", body)
    for block in re.split(r"\n\s*\n", body):
        lines = [line for line in block.strip().splitlines() if not line.startswith(("#", "<!--"))]
        if lines and lines[0].startswith("|"):
            yield from (plain(row) for row in lines[2:])  # after the head and its line
        elif text := plain(" ".join(lines)):
            yield from _END.split(text)


def unclaimed(readme: str, quotes: Iterable[str]) -> list[str]:
    """Give the statements that hold none of some quotes."""
    known = [plain(quote) for quote in quotes]
    return [said for said in statements(readme) if not any(quote in said for quote in known)]


def unsaid(readme: str, quotes: Iterable[str]) -> list[str]:
    """Give the quotes that stand nowhere in the README."""
    whole = plain(readme)
    return [quote for quote in quotes if plain(quote) not in whole]
