"""Points that follow each other in two runs, so that a million are read and copied in some hundred statements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from pathos_nb.dispatch.store.file import PLACES
from pathos_nb.dispatch.store.values import Values

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Stretch", "copy_stretch", "stretches"]

_MOST = 4096


class Stretch(NamedTuple):
    """The place of the first point in a sweep, its row in the store, and how many follow each other in both."""

    place: int
    point: int
    n: int

    @property
    def span(self) -> tuple[int, int]:
        """The first row and the last."""
        return self.point, self.point + self.n - 1


def stretches(found: Mapping[int, int]) -> list[Stretch]:
    """Put points together that follow each other.

    Parameters
    ----------
    found : mapping of int to int
        From the place of a point to its row.

    Returns
    -------
    list of Stretch
        In the order of the places; of 4,096 points at most.
    """
    return list(_stretches(found))


def _stretches(found: Mapping[int, int]) -> Iterator[Stretch]:
    first = first_point = n = 0
    for place in sorted(found):
        if n and place == first + n and found[place] == first_point + n and n < _MOST:
            n += 1
            continue
        if n:
            yield Stretch(first, first_point, n)
        first, first_point, n = place, found[place], 1
    if n:
        yield Stretch(first, first_point, n)


def copy_stretch(connection: sqlite3.Connection, stretch: Stretch, point: int, values: Values) -> None:
    """Write points a second time, as those of another run; a value's file has two names then.

    Parameters
    ----------
    connection : sqlite3.Connection
        Inside of a transaction.
    stretch : Stretch
        The points.
    point : int
        The row of the first of them in the other run, which is that of `stretch.place`.
    values : Values
        Where large ones lie.
    """
    connection.execute(
        "INSERT OR REPLACE INTO points (point, state, value, started, ended, worker)"
        " SELECT point + ?, state, value, started, ended, worker FROM points WHERE point BETWEEN ? AND ?",
        (point - stretch.point, *stretch.span),
    )
    in_files = connection.execute(
        "SELECT point, value FROM points WHERE point BETWEEN ? AND ? AND substr(value, 1, 1) = x'66'",
        (point, point + stretch.n - 1),
    ).fetchall()
    for each, value in in_files:
        run, place = divmod(each, PLACES)
        linked = values.linked(value, f"{run}/{place}")
        connection.execute("UPDATE points SET value = ? WHERE point = ?", (linked, each))
