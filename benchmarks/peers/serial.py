"""No pool: the truth that every result is checked against, and the time that every pool divides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from benchmarks.peers.base import Peer


class Serial(Peer):
    """The builtin map."""

    name = "serial"

    def open(self) -> None:
        """Nothing to start."""

    def map(self, function: Callable[..., Any], items: Sequence[Any], chunksize: int | None = None) -> list[Any]:
        return list(map(function, items))

    def call(self, function: Callable[..., Any], argument: Any) -> Any:
        return function(argument)

    def imap(self, function: Callable[..., Any], items: Iterable[Any]) -> Iterator[Any]:
        return map(function, items)

    def close(self) -> None:
        """Nothing to end."""


PEER = Serial
