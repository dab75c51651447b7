"""Which workers may run a map: chosen by ``where=``, and by what they have for ``memory=`` and ``gpus=``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pathos_nb.errors import BadOption
from pathos_nb.typed import Any, NamedTuple

__all__ = ["Site", "as_bytes", "check_where", "chooser", "describe"]

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = r"(?i)\s*(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?\s*"
_MOST_TAGS = 8
_FIELDS = ("host", "place", "worker", "tag", "cores", "memory", "gpus")


class Site(NamedTuple):
    """A worker and the machine that it is on, as ``where=`` sees them.

    Attributes
    ----------
    worker, host, place : str
        Its name, its machine's own name, and the place of the pool.
    tags : frozenset of str
        What the pool's ``tags=`` says of the place; of a worker of dask's, its name and its resources there.
    cores, memory_bytes : int
        Of the machine; 0 where that is not known.
    gpus : tuple of str
        Of the machine.
    """

    worker: str
    host: str
    place: str
    tags: frozenset[str] = frozenset()
    cores: int = 0
    memory_bytes: int = 0
    gpus: tuple[str, ...] = ()


def as_bytes(size: Any, name: str = "memory") -> int:
    """Give a size in bytes.

    Parameters
    ----------
    size : int, float or str
        Such as ``"2 GB"`` or ``"512 MiB"``; a number is one of bytes.
    name : str
        What it is called.

    Returns
    -------
    int

    Raises
    ------
    BadOption
        It is none.
    """
    n_bytes: Any = size
    if isinstance(size, str):
        import re

        found = re.fullmatch(_SIZE, size)
        n_bytes = float(found[1]) * _UNITS[(found[2] or "").lower()] if found else None
    if not isinstance(n_bytes, int | float) or isinstance(n_bytes, bool) or n_bytes < 1:
        raise BadOption(f"{name} is {size!r}", cure='it must be a size such as "2 GB", or a number of bytes')
    return int(n_bytes)


def check_where(where: Any) -> None:
    """Refuse what says nothing about workers; a BadOption."""
    if where is None or callable(where) or isinstance(where, str):
        return
    if isinstance(where, Mapping):
        if unknown := set(where) - set(_FIELDS):
            raise BadOption(
                f"where speaks of {sorted(map(str, unknown))}", cure=f"it may speak of {', '.join(_FIELDS)}"
            )
        if "memory" in where:
            as_bytes(where["memory"])
        return
    if not isinstance(where, list | tuple | set | frozenset) or not all(isinstance(each, str) for each in where):
        raise BadOption(f"where is {where!r}", cure="it may be names or tags, a mapping, or a function of a Site")


def chooser(where: Any) -> Callable[[Site], bool]:
    """Make of what a user said a function that says whether a worker will do."""
    if callable(where):
        return lambda site: bool(where(site))
    if isinstance(where, Mapping):
        return lambda site: all(_holds(site, name, wanted) for name, wanted in where.items())
    names = [part.strip() for part in where.split(",")] if isinstance(where, str) else list(where)
    return lambda site: _is_named(site, names)


def _is_named(site: Site, names: Iterable[str]) -> bool:
    return not {site.worker, site.host, site.place, *site.tags}.isdisjoint(names)


def _holds(site: Site, name: str, wanted: Any) -> bool:
    if name == "memory":
        return site.memory_bytes >= as_bytes(wanted)
    if name == "gpus":
        return len(site.gpus) >= int(wanted)
    if name == "cores":
        return site.cores >= int(wanted)
    names = {wanted} if isinstance(wanted, str) else set(wanted)
    has = site.tags if name == "tag" else {getattr(site, name)}
    return not names.isdisjoint(has)


def describe(sites: Iterable[Site]) -> str:
    """Say in a line what there is, each machine once."""
    told: dict[tuple[str, str], str] = {}
    tags: dict[tuple[str, str], set[str]] = {}
    for site in sites:
        called = tags.setdefault((site.place, site.host), set())
        called |= site.tags
        parts = [
            f"{site.cores} cores" if site.cores else "",
            f"{site.memory_bytes / 1e9:.3g} GB" if site.memory_bytes else "",
        ]
        parts += [
            f"{len(site.gpus)} GPUs" if site.gpus else "no GPU",
            ", ".join([*sorted(called)[:_MOST_TAGS], *["…"] * (len(called) > _MOST_TAGS)]),
        ]
        told[site.place, site.host] = f"{site.place} on {site.host} ({', '.join(filter(None, parts))})"
    return "; ".join(told.values()) or "no worker at all"
