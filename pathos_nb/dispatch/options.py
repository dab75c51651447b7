"""What may be said of a map: one frozen value, checked in one place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pathos_nb.errors import BadOption

ON_ERROR = ("raise", "keep", "stop")


def _check_count(name: str, value: Any, least: int) -> None:
    if value is None:
        return
    if not is_count(value) or value < least:
        raise BadOption(f"{name} is {value!r}", cure=f"it must be a whole number, {least} or more")


def is_count(value: Any) -> bool:
    """Whether it is a whole number (numpy's too), and not a bool."""
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _check_timeout(value: Any) -> None:
    is_number = isinstance(value, int | float) or hasattr(value, "__float__")
    if value is None:
        return
    if not is_number or isinstance(value, bool | str) or not float(value) > 0 or math.isinf(float(value)):
        raise BadOption(f"timeout is {value!r}", cure="it must be a number of seconds above 0, or None")


def _exceptions(value: Any) -> tuple[type[BaseException], ...]:
    kinds = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
        raise BadOption(f"retry_on is {value!r}", cure="it must be an exception class or a tuple of them")
    return kinds


@dataclass(frozen=True)
class MapOptions:
    """Options of a map.

    Parameters
    ----------
    chunksize : int, optional
        Items sent together; measured and adapted if not given.
    timeout : float, optional
        Seconds an item may run.
    retries : int
        How often an item is run again whose worker was lost, or that raised one of `retry_on`.
    retry_on : type or tuple of types
        Exceptions of the item after which it is run again.
    on_error : {"raise", "keep", "stop"}
        What an item that fails does to the map.
    seed : int, optional
        Seeds each item's random numbers, by its index.
    progress : bool, optional
        Whether to show progress; None leaves it to the notebook.
    title : str
        What to call the run.
    kwargs : mapping, optional
        Fixed keyword arguments of the function.
    n_workers : int, optional
        How many of the pool's workers to use at most.
    """

    chunksize: int | None = None
    timeout: float | None = None
    retries: int = 1
    retry_on: Any = ()
    on_error: str = "raise"
    seed: Any = None
    progress: bool | None = None
    title: str = ""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    n_workers: int | None = None

    def __post_init__(self) -> None:
        _check_count("chunksize", self.chunksize, 1)
        _check_count("n_workers", self.n_workers, 1)
        _check_count("retries", self.retries, 0)
        _check_timeout(self.timeout)
        if self.on_error not in ON_ERROR:
            raise BadOption(f"on_error is {self.on_error!r}", cure=f"it may be {', '.join(map(repr, ON_ERROR))}")
        object.__setattr__(self, "kwargs", dict(self.kwargs or {}))
        object.__setattr__(self, "retry_on", _exceptions(self.retry_on))


NAMES = frozenset(f.name for f in fields(MapOptions))
DEFAULT = MapOptions()


def read_options(given: dict[str, Any]) -> MapOptions:
    """Sort keywords of a map into options and the function's own.

    Parameters
    ----------
    given : dict
        Everything that was given by keyword.

    Returns
    -------
    MapOptions
        Keywords that are no option are in `kwargs`.

    Raises
    ------
    BadOption
        A value makes no sense.
    """
    if not given:
        return DEFAULT
    options = {name: value for name, value in given.items() if name in NAMES}
    fixed = {name: value for name, value in given.items() if name not in NAMES}
    return MapOptions(**{**options, "kwargs": {**dict(options.get("kwargs") or {}), **fixed}})
