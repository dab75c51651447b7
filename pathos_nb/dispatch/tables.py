"""Tables as text and as HTML: escaped, without script or style sheet, readable in the light and in the dark.

Notebook front ends strip ``<style>``, ``<script>`` and inline SVG from documents that they do not trust, so all looks
are inline, and colours are those that stand out on white and on black.
"""

from __future__ import annotations

import itertools
import re
import reprlib
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any, NamedTuple

__all__ = ["BAD", "FAINT", "GOOD", "Cell", "html_table", "html_text", "pick_rows", "short", "text_table"]

# What a text may not do to the text around it: move the cursor, or turn the direction of reading.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Colours and links of a terminal: what is left without the first character would be read as text.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")

GOOD, BAD, FAINT = "#2a9d5c", "#d9534f", "opacity:0.65"
_N_CHARACTERS, _N_UNBROKEN = 60, 24


class Cell(NamedTuple):
    """One entry of a table: its text, its colour if any, a longer text that unfolds, and one under the pointer."""

    text: str
    color: str = ""
    more: str = ""
    note: str = ""


def short(value: object, n_characters: int = _N_CHARACTERS) -> str:
    """Give a value in a few characters, whatever its ``repr`` does.

    Parameters
    ----------
    value : object
        Anything.
    n_characters : int
        At most so many.

    Returns
    -------
    str
        One line. Arrays and tables are given by type and shape.
    """
    try:
        text = _described(value)
    except Exception as error:  # a repr of the user's: it must not break the table
        text = f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return text if len(text) <= n_characters else text[: n_characters - 1] + "…"


def _described(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"{type(value).__name__} {' × '.join(map(str, shape))}"
    if isinstance(shape, tuple) and hasattr(value, "item"):  # a numpy scalar: without its type's name
        return _described(value.item())
    if isinstance(value, str | bytes | list | tuple | dict | set | frozenset):
        return _shortener.repr(value)
    return " ".join(repr(value).split())


def _make_shortener() -> reprlib.Repr:
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = _N_CHARACTERS
    return shortener


_shortener = _make_shortener()


def pick_rows(n: int, most: int, wanted: Iterable[int] = ()) -> list[int | None]:
    """Choose the rows to show: all, or the first, the last and those that must not be missed.

    Parameters
    ----------
    n : int
        How many there are.
    most : int
        How many to show.
    wanted : iterable of int
        Rows to show in any case; not more than `most` of them.

    Returns
    -------
    list of int or None
        In order; None stands for a gap.
    """
    if n <= most + 2:  # a gap of two rows would save nothing
        return list(range(n))
    head = (most + 1) // 2
    shown = sorted({*range(head), *range(n - (most - head), n), *itertools.islice(wanted, most)})
    with_gaps: list[int | None] = []
    for before, index in zip([-1, *shown], shown, strict=False):
        with_gaps += [None, index] if index > before + 1 else [index]
    return with_gaps


def text_table(columns: Sequence[str], rows: Iterable[Sequence[Cell] | None]) -> str:
    """Lay a table out for a terminal.

    Parameters
    ----------
    columns : sequence of str
        The headings.
    rows : iterable
        Each as long as `columns`, or None for a gap.

    Returns
    -------
    str
        Lines of equal columns.
    """
    grid = [list(columns), *([cell.text for cell in row] if row else ["…"] * len(columns) for row in rows)]
    widths = [max(len(line[i]) for line in grid) for i in range(len(columns))]
    return "\n".join("  ".join(t.ljust(w) for t, w in zip(line, widths, strict=True)).rstrip() for line in grid)


def html_text(text: str) -> str:
    """Make a text from outside fit for HTML.

    Parameters
    ----------
    text : str
        Anything.

    Returns
    -------
    str
        Escaped, and without characters that are not seen but do something.
    """
    return escape(_UNSEEN.sub("", _ESCAPES.sub("", text)))


def html_table(columns: Sequence[str], rows: Iterable[Sequence[Cell] | None]) -> str:
    """Lay a table out for a notebook.

    Parameters
    ----------
    columns, rows
        As in `text_table`.

    Returns
    -------
    str
        A ``<table>``; everything in it is escaped.
    """
    head = "".join(f'<th style="text-align:left">{escape(name)}</th>' for name in columns)
    gap = f'<tr><td colspan="{len(columns)}" style="text-align:center;{FAINT}">…</td></tr>'
    lines = [gap if row is None else f"<tr>{''.join(map(_html_cell, row))}</tr>" for row in rows]
    return (
        '<table class="pathos-nb-table" style="border-collapse:collapse;margin:4px 0">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    )


def _html_cell(cell: Cell) -> str:
    look = f"text-align:left;vertical-align:top{f';color:{cell.color}' if cell.color else ''}"
    # A text without spaces is as wide as it is long, and would push what stands behind it out of sight.
    look += ";white-space:nowrap" if len(cell.text) <= _N_UNBROKEN else ";max-width:32em;overflow-wrap:anywhere"
    inner = html_text(cell.text)
    if cell.more:
        inner = f"<details><summary>{inner}</summary>{html_pre(html_text(cell.more))}</details>"
    note = f' title="{html_text(cell.note)}"' if cell.note else ""
    return f'<td style="{look}"{note}>{inner}</td>'


def html_pre(inner: str) -> str:
    """Frame lines that are already HTML.

    Parameters
    ----------
    inner : str
        Escaped.

    Returns
    -------
    str
        A ``<pre>`` that wraps long lines and scrolls when tall.
    """
    look = "margin:2px 0 4px 0;padding:4px 8px;white-space:pre-wrap;max-height:320px;overflow:auto;text-align:left"
    return f'<pre style="{look};font-size:12px;line-height:1.35;background:rgba(128,128,128,0.12)">{inner}</pre>'


def rows_of(
    items: Sequence[Any], most: int, row: Callable[[int], Sequence[Cell]], wanted: Iterable[int] = ()
) -> list[Sequence[Cell] | None]:
    """Make the rows that are shown.

    Parameters
    ----------
    items : sequence
        What the table is about; only its length counts.
    most : int
        How many rows to show.
    row : callable
        From an index to the cells.
    wanted : iterable of int
        Rows to show in any case.

    Returns
    -------
    list
        For `text_table` or `html_table`.
    """
    return [None if i is None else row(i) for i in pick_rows(len(items), most, wanted)]
