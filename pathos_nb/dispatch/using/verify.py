"""Points of a result, computed again in this process and compared, to see that parallel is serial."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pathos_nb.dispatch.tables import BAD, GOOD, Cell, html_table, html_text, text_table
from pathos_nb.dispatch.using.comparing import EXACT, Tolerance, difference
from pathos_nb.errors import NotTheSame
from pathos_nb.launchers.failing import text_of

__all__ = ["Verified", "compare"]

_MOST_TOLD = 10
_ROWS = ("point", "difference: parallel is not serial")


@dataclass(frozen=True, slots=True, repr=False)
class Verified:
    """What a comparison gave.

    Parameters
    ----------
    title : str
        Of what.
    indices : sequence of int
        Which points were compared.
    n_points : int
        Of how many.
    n_exact : int
        How many are the same to the last bit.
    differences : sequence of (int, str, str)
        Place, label and difference of those that lie outside the tolerance.
    tolerance : Tolerance
        How far numbers may lie apart.
    """

    title: str
    indices: Sequence[int]
    n_points: int
    n_exact: int
    differences: Sequence[tuple[int, str, str]]
    tolerance: Tolerance

    @property
    def is_same(self) -> bool:
        """Whether all that were compared are the same."""
        return not self.differences

    @property
    def verdict(self) -> str:
        """In one sentence."""
        n, of = len(self.indices), f"of {self.n_points:,} points of {self.title}, computed here one by one"
        if not n:
            return f"nothing to compare: no point of {self.title} has a value"
        if self.n_exact == n:
            return f"verified {n} {of}: all exactly the same"
        if self.is_same:
            return f"verified {n} {of}: {self.n_exact} exactly the same, the others {self.tolerance}"
        return f"verified {n} {of}: {len(self.differences)} differ ({self.tolerance})"

    def raise_if_different(self) -> None:
        """Raise `NotTheSame` where they differ."""
        if self.differences:
            _, label, told = self.differences[0]
            cause = f"{label}{told}"
            cure = "points that draw random numbers want --seed (in threads pathos_nb.rng() besides); others may depend"
            cure += " on what ran before in their process"
            raise NotTheSame(self.verdict, cause=cause, cure=cure)

    def _rows(self) -> list[list[Cell]]:
        return [[Cell(label), Cell(told.removeprefix(": "))] for _, label, told in self.differences[:_MOST_TOLD]]

    def __repr__(self) -> str:
        return "\n".join([self.verdict, *([text_table(_ROWS, self._rows())] if self.differences else [])])

    def _repr_html_(self) -> str:
        dot = f'<span style="color:{GOOD if self.is_same else BAD}">●</span>'
        table = html_table(_ROWS, self._rows()) if self.differences else ""
        return f'<div class="pathos-nb-verified">{dot} {html_text(self.verdict)}{table}</div>'


def compare(
    values: Sequence[Any], candidates: Sequence[int], call: Callable[[int], Any], how: tuple[int, int, Tolerance]
) -> tuple[list[int], int, list[tuple[int, str]]]:
    """Compare points with what they give in this process.

    Parameters
    ----------
    values : sequence
        What the run gave.
    candidates : sequence of int
        Points that may be compared.
    call : callable
        Computes one, by its place.
    how : tuple
        How many; the seed of their choice; the tolerance.

    Returns
    -------
    tuple
        Which points were compared; how many are exactly the same; place and difference of those that are not.
    """
    n, seed, tolerance = how
    chosen = sorted(candidates[i] for i in random.Random(seed).sample(range(len(candidates)), min(n, len(candidates))))
    n_exact, found = 0, list[tuple[int, str]]()
    for index in chosen:
        try:
            expected = call(index)
        except (Exception, SystemExit) as error:  # a point may call sys.exit()
            found.append((index, f": raises {type(error).__name__} here: {text_of(error)}".partition("\n")[0]))
            continue
        if not difference(values[index], expected, EXACT):
            n_exact += 1
        elif told := difference(values[index], expected, tolerance):
            found.append((index, told))
    return chosen, n_exact, found
