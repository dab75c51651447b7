"""Attributes that are made when they are first wanted."""

from __future__ import annotations

from collections.abc import Callable

from pathos_nb.typed import Any

__all__ = ["WhenWanted"]


class _WhenWanted:
    """An attribute that is made when it is first wanted, which in most calls is never.

    Parameters
    ----------
    make : callable
        Gives it.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, run: Any, owner: type) -> Any:
        return self if run is None else run.__dict__.setdefault(self._name, self._make())  # whoever comes first


WhenWanted: Any = _WhenWanted  # each is seen as what it gives
