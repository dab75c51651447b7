"""Functions that take and give what does not travel: importable, and light, for each fresh worker imports it."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.faults import objects
from tests.faults.acts import BAD


def place(x: Any) -> Any:
    return x if isinstance(x, int) else BAD


def give_bad(name: str, x: int) -> Any:
    return getattr(objects, name)() if x == BAD else x


class Giver(NamedTuple):
    bad: str

    def __call__(self, x: int) -> Any:
        return getattr(objects, self.bad)(0) if x == BAD and self.bad.startswith("Kills") else give_bad(self.bad, x)


class Raiser(NamedTuple):
    bad: str

    def __call__(self, x: int) -> Any:
        if x == BAD:
            raise ValueError("with a bad field", Giver(self.bad)(x))
        return x


class Bound(NamedTuple):
    bad: Any

    def __call__(self, x: int) -> int:
        return x


def keyed(x: int, key: Any) -> int:
    return x


def size_of(pool: Any) -> tuple[Any, Any]:
    with pool:
        return pool.places, pool.nodes
