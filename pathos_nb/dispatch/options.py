"""What may be said of a map: one frozen value, checked in one place."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from types import MappingProxyType

from pathos_nb.dispatch.selecting import as_bytes, check_where
from pathos_nb.errors import BadOption
from pathos_nb.typed import Any, NamedTuple

ON_ERROR = ("raise", "keep", "stop")
PROFILES, MOST_HZ = ("sampling", "deterministic", "whole"), 1000


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


def _check_seed(seed: Any) -> None:
    parts = seed if isinstance(seed, list | tuple) else () if seed is None else (seed,)
    is_empty = isinstance(seed, list | tuple) and not seed
    if is_empty or not all(is_count(part) and part >= 0 for part in parts):
        raise BadOption(f"seed is {seed!r}", cure="it must be a whole number, 0 or more, or several of them")


def _check_profile(value: Any) -> None:
    is_rate = is_count(value) and 1 <= value <= MOST_HZ
    if not (value is None or isinstance(value, bool) or is_rate or (isinstance(value, str) and value in PROFILES)):
        words = ", ".join(map(repr, PROFILES))
        raise BadOption(f"profile is {value!r}", cure=f"it may be True, {words} or 1 to {MOST_HZ} samples a second")


def _with_files(made: MapOptions) -> MapOptions:
    """Give options whose files and patterns are tuples of text."""
    if made.collect_to is not None and not isinstance(made.collect_to, str | os.PathLike):
        raise BadOption(f"collect_to is {made.collect_to!r}", cure="it must be a folder")
    if made.cache is not None and made.cache is not False:
        raise BadOption(
            "files and a cache do not go together", cure="a value out of a cache has no files: leave one out"
        )
    files, patterns = _texts("files", made.files), _texts("collect", made.collect)
    for pattern in patterns or ():
        parts = pattern.split("/")
        if pattern.startswith("/") or "\\" in pattern or not {"", ".", ".."}.isdisjoint(parts):
            raise BadOption(f"collect has {pattern!r}", cure="it may name what lies in the item's own folder")
    return made._replace(files=files, collect=patterns)


def _texts(name: str, value: Any) -> tuple[str, ...] | None:
    """Give one path or several as a tuple."""
    if value is None:
        return None
    several = [value] if isinstance(value, str | os.PathLike) else value
    is_known = isinstance(several, list | tuple | set | frozenset)
    if not is_known or not several or not all(isinstance(each, str | os.PathLike) and str(each) for each in several):
        raise BadOption(f"{name} is {value!r}", cure="it must be a path, a pattern, or a list of these")
    texts = tuple(os.fspath(each) for each in several)
    if any(not isinstance(text, str) or "\0" in text for text in texts):
        raise BadOption(f"{name} is {value!r}", cure="it must be text")
    return texts


def _exceptions(value: Any) -> tuple[type[BaseException], ...]:
    kinds = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
        raise BadOption(f"retry_on is {value!r}", cure="it must be an exception class or a tuple of them")
    return kinds


class _Values(NamedTuple):
    chunksize: int | None = None
    timeout: float | None = None
    retries: int = 1
    retry_on: Any = ()
    on_error: str = "raise"
    seed: Any = None
    progress: bool | None = None
    title: str = ""
    kwargs: Mapping[str, Any] = MappingProxyType({})
    n_workers: int | None = None
    profile: Any = None
    cache: Any = None
    where: Any = None
    memory: Any = None
    gpus: int | None = None
    files: Any = None
    collect: Any = None
    collect_to: Any = None


class MapOptions(_Values):
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
        Exceptions of the item after which it is run again; one that ran past its `timeout` never is.
    on_error : {"raise", "keep", "stop"}
        What an item that fails does to the map.
    seed : int, optional
        Seeds each item's random numbers, by its index: `random`, numpy's, and those of `pathos_nb.rng`. In threads,
        which share the first two, those of `rng` alone.
    progress : bool, optional
        Whether to show progress; None leaves it to the notebook.
    title : str
        What to call the run.
    kwargs : mapping, optional
        Fixed keyword arguments of the function.
    n_workers : int, optional
        How many of the pool's workers to use at most.
    profile : bool, int or str, optional
        Whether to sample the workers: True (100 times a second), a number of times a second, ``"deterministic"`` (each
        call is counted besides), ``"whole"`` (with this package's own frames).
    cache : True, str, Path or mutable mapping, optional
        Where values are looked for before they are computed, and kept: the user's own store, the file of one, a dict or
        an archive of klepto's.
    where : str, collection of str, mapping or callable, optional
        Which workers may run it: names of places, hosts, workers or tags, one of which must hold; a mapping of some of
        ``host place worker tag cores memory gpus``, all of which must hold; or a function of a
        `pathos_nb.dispatch.selecting.Site`.
    memory : int or str, optional
        How much memory an item may take, such as ``"2 GB"``; one that wants more fails with an `OutOfMemory`.
    gpus : int, optional
        How many GPUs each worker has for itself, by ``CUDA_VISIBLE_DEVICES``; workers for whom there are none take no
        part.
    files : str, path or collection of them, optional
        Files and folders here, or patterns of them (``"data/*.csv"``): each item runs in a folder of its own in which
        they lie. To another machine they are carried once.
    collect : str or collection of str, optional
        Names or patterns of files that items write (``"out-*.txt"``), which come back; each item then runs in a
        folder of its own.
    collect_to : str or path, optional
        Where they go, into a folder for each item; ``collected/RUN`` if left out. Nothing is overwritten.
    """

    __slots__ = ()

    def __new__(cls, **given: Any) -> MapOptions:
        """Check what is given.

        Raises
        ------
        BadOption
            A value makes no sense.
        """
        kwargs = given.get("kwargs")
        if not isinstance(kwargs, Mapping | None):
            raise BadOption(f"kwargs is {kwargs!r}", cure="it must be a mapping of names to values")
        given["kwargs"] = dict(kwargs or {})
        given["retry_on"] = _exceptions(given.get("retry_on", ()))
        made = super().__new__(cls, **given)
        _check_count("chunksize", made.chunksize, 1)
        _check_count("n_workers", made.n_workers, 1)
        _check_count("retries", made.retries, 0)
        _check_timeout(made.timeout)
        _check_seed(made.seed)
        _check_profile(made.profile)
        check_where(made.where)
        _check_count("gpus", made.gpus, 1)
        if made.files is not None or made.collect is not None or made.collect_to is not None:
            made = _with_files(made)
        if made.memory is not None:
            made = made._replace(memory=as_bytes(made.memory))
        if made.progress not in (None, True, False):
            raise BadOption(f"progress is {made.progress!r}", cure="it may be True, False or None")
        if made.on_error not in ON_ERROR:
            raise BadOption(f"on_error is {made.on_error!r}", cure=f"it may be {', '.join(map(repr, ON_ERROR))}")
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]:
        """Tell copy and pickle that it is made by keyword."""
        return (), self._asdict()


NAMES = frozenset(MapOptions._fields)
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
    if fixed and isinstance(options.get("kwargs", {}), Mapping):
        options["kwargs"] = {**options.get("kwargs", {}), **fixed}
    return MapOptions(**options)
