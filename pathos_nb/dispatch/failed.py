"""The failures of a run as a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, overload

from pathos_nb.dispatch.tables import BAD, Cell, html_table, html_text, rows_of, text_table
from pathos_nb.errors import Failure, PathosNbError
from pathos_nb.launchers.failing import text_of

__all__ = ["Errors", "describe", "tidy"]

_N_ROWS = 20
_N_CHARACTERS = 160
_INSTALLED = re.compile(r'File "[^"\n]*[/\\](?:site|dist)-packages[/\\]')
_COLUMNS = ("index", "point", "error", "worker")


class Errors(Sequence[Failure]):
    """The failures of a run, which show themselves as a table.

    Parameters
    ----------
    failures : sequence of Failure
        In the order of the items.
    label : callable, optional
        From an index to what the item is called.
    """

    def __init__(self, failures: Sequence[Failure], label: Callable[[int], str] | None = None) -> None:
        self._failures, self._label = list(failures), label or (lambda index: f"item {index}")

    def __len__(self) -> int:
        return len(self._failures)

    @overload
    def __getitem__(self, index: int) -> Failure: ...
    @overload
    def __getitem__(self, index: slice) -> list[Failure]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """Give the n-th failure, or a list of them."""
        return self._failures[index]

    def _rows(self) -> list[Sequence[Cell] | None]:
        return rows_of(self._failures, _N_ROWS, lambda i: self._row(self._failures[i]))

    def _row(self, failure: Failure) -> list[Cell]:
        error = Cell(describe(failure), BAD, tidy(failure.traceback))
        return [Cell(str(failure.index)), Cell(self._label(failure.index)), error, Cell(failure.worker)]

    def _explained(self) -> str:
        """Say where errors of ours are explained at more length; empty where all are the items' own."""
        kinds = {type(failure.error).__name__ for failure in self._failures if isinstance(failure.error, PathosNbError)}
        return ", ".join(f"%pathos help {kind}" for kind in sorted(kinds)) + " explains" if kinds else ""

    def __repr__(self) -> str:
        if not self._failures:
            return "no errors"
        return "\n".join(part for part in (text_table(_COLUMNS, self._rows()), self._explained()) if part)

    def _repr_html_(self) -> str:
        if not self._failures:
            return "no errors"
        told = f"<div>{html_text(self._explained())}</div>" if self._explained() else ""
        return html_table(_COLUMNS, self._rows()) + told


def describe(failure: Failure) -> str:
    """Say what went wrong in one line.

    Parameters
    ----------
    failure : Failure
        What is kept of it.

    Returns
    -------
    str
        The exception's type, the first line of its text, and what to do, where that is known.
    """
    first = text_of(failure.error).strip().partition("\n")[0]
    text = f"{type(failure.error).__name__}: {first}" if first else type(failure.error).__name__
    text = text if len(text) <= _N_CHARACTERS else text[: _N_CHARACTERS - 1] + "…"
    return f"{text}; {failure.cure}" if failure.cure else text


def tidy(traceback: str) -> str:
    """Shorten the paths of installed libraries, which say more of the machine than of the error.

    Parameters
    ----------
    traceback : str
        As the worker formatted it.

    Returns
    -------
    str
        ``File "…/sklearn/base.py"`` in place of the whole path.
    """
    return _INSTALLED.sub('File "…/', traceback)
