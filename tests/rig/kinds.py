"""The kinds of map, as one table: ``KINDS[name](pool, f, xs, **options)`` gives the list of what the map gave.

An unordered kind is sorted by place, for functions whose value is their index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pathos_nb.errors import Failure

Kind = Callable[..., list[Any]]


def place(value: Any) -> Any:
    """Give the index of a failure, or the value itself."""
    return value.index if isinstance(value, Failure) else value


def _rows(xs: Iterable[Any]) -> Iterator[tuple[Any]]:
    return ((x,) for x in xs)


KINDS: dict[str, Kind] = {
    "map": lambda pool, f, xs, **o: pool.map(f, xs, **o),
    "starmap": lambda pool, f, xs, **o: pool.starmap(f, _rows(xs), **o),
    "imap": lambda pool, f, xs, **o: list(pool.imap(f, xs, **o)),
    "istarmap": lambda pool, f, xs, **o: list(pool.istarmap(f, _rows(xs), **o)),
    "uimap": lambda pool, f, xs, **o: sorted(pool.uimap(f, xs, **o), key=place),
    "uistarmap": lambda pool, f, xs, **o: sorted(pool.uistarmap(f, _rows(xs), **o), key=place),
    "amap": lambda pool, f, xs, **o: pool.amap(f, xs, **o).get(60),
    "astarmap": lambda pool, f, xs, **o: pool.astarmap(f, _rows(xs), **o).get(60),
}
DOORS = ("map", "imap", "uimap", "amap")
