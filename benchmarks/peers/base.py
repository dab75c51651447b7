"""What every peer is asked to do; one file a peer fills it in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar


class Peer(ABC):
    """A library's pool behind one face.

    ``chunksize=None`` means the library's own defaults, whole; a number means its tuned use with chunks of that size.

    Parameters
    ----------
    n_workers : int
        How many workers the pool has.
    """

    name: ClassVar[str]
    distribution: ClassVar[str | None] = None
    can_send_closures: ClassVar[bool] = True
    """Whether functions made inside functions can be mapped; if not, a `functools.partial` stands in."""

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers

    @abstractmethod
    def open(self) -> None:
        """Import the library and start its workers."""

    @abstractmethod
    def map(self, function: Callable[..., Any], items: Sequence[Any], chunksize: int | None = None) -> list[Any]:
        """Give the results in order."""

    @abstractmethod
    def call(self, function: Callable[..., Any], argument: Any) -> Any:
        """Run one call on a worker and give its value."""

    def imap(self, function: Callable[..., Any], items: Iterable[Any]) -> Iterator[Any]:
        """Give the results in order, one by one; peers without a lazy map refuse."""
        raise NotImplementedError(f"{self.name} has no lazy map")

    @abstractmethod
    def close(self) -> None:
        """End the workers."""
