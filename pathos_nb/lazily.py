"""Names of a module that are fetched from where they are made when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(module: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Give the ``__getattr__`` of a module some of whose names cost too much to import at once.

    Parameters
    ----------
    module : str
        The module's own name.
    homes : mapping of str to str
        For each name ``"package.module:name"``, or ``"package.module"`` for the module itself.

    Returns
    -------
    callable
        To be assigned to ``__getattr__`` in the module.
    """

    def fetch(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, _, made = homes[name].partition(":")
        found = import_module(home)
        return getattr(found, made) if made else found

    return fetch
