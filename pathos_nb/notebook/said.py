"""What verbs give to be shown: a text, or a table."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pathos_nb.dispatch.record import moment
from pathos_nb.dispatch.tables import Cell, html_table, html_text, text_table

__all__ = ["Page", "Said", "Shown", "Table", "began", "workers"]


class Said(str):
    """A text that shows itself without quotation marks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Page(Said):
    """A text in Markdown, which front ends set as such."""

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        return str(self)


class Table:
    """Rows that show themselves as a table.

    Parameters
    ----------
    columns : sequence of str
        The headings.
    rows : sequence of sequence of Cell
        The entries.
    head : str
        A line above.
    """

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[Cell]], head: str = "") -> None:
        self.columns, self.rows, self.head = columns, rows, head

    def __repr__(self) -> str:
        return "\n".join(part for part in (self.head, text_table(self.columns, self.rows)) if part)

    def _repr_html_(self) -> str:
        lines = "<br>".join(map(html_text, self.head.split("\n")))
        head = f"<div>{lines}</div>" if self.head else ""
        return f'<div class="pathos-nb-verb">{head}{html_table(self.columns, self.rows)}</div>'


class Shown:
    """What has been shown already, for the end of a cell, where it would be shown again.

    Parameters
    ----------
    what : object
        That.
    """

    def __init__(self, what: object) -> None:
        self.what = what

    def __repr__(self) -> str:
        return repr(self.what)

    def _ipython_display_(self) -> None:
        """Show nothing."""


def began(at: float) -> Cell:
    """Say when a run began, which tells it from others of its name.

    Parameters
    ----------
    at : float
        In seconds since the epoch.

    Returns
    -------
    Cell
        The time of day, with the date for who asks.
    """
    return Cell(moment(at, time.time()), note=time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)))


def workers(n: int) -> str:
    """Say how many workers.

    Parameters
    ----------
    n : int
        How many.

    Returns
    -------
    str
        Such as ``1 worker``.
    """
    return f"{n} worker" + ("" if n == 1 else "s")
