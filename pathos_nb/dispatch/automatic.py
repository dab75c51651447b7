"""The places of ``Pool("auto")``: this machine and the hosts that are connected, as far as they have something to give.

A basic choice: each place is judged by itself, and says why it is taken or left out. Nothing is started or connected
for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

from pathos_nb.dispatch.selecting import Site, chooser
from pathos_nb.errors import NothingFits
from pathos_nb.launchers.contract import Offer
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.inside import is_in_worker
from pathos_nb.launchers.registry import registry
from pathos_nb.launchers.resources import local_resources
from pathos_nb.typed import Any, NamedTuple

__all__ = ["AUTO", "Choice", "choose"]

AUTO = "auto"
_LOCAL = "processes"
_LEAST_FREE = 0.5  # of a core: else whoever is there already fills the machine


class Choice(NamedTuple):
    """The places that were chosen, how many workers at each, and why, a line for each place that there is."""

    places: tuple[str, ...]
    nodes: dict[str, int]
    why: tuple[str, ...]


def choose(where: Any = None, tags: Mapping[str, frozenset[str]] | None = None) -> Choice:
    """Choose places.

    Parameters
    ----------
    where : object, optional
        As of a map: a place of which it does not hold is left out.
    tags : mapping, optional
        What places are called besides.

    Returns
    -------
    Choice

    Raises
    ------
    NothingFits
        There is no place of which `where` holds.
    """
    fits = (lambda site: True) if where is None else chooser(where)
    judged = [(offer, *_judged(offer, fits, tags or {})) for offer in _offers()]
    nodes = {offer.place: offer.nodes or n for offer, n, _ in judged if n}
    why = tuple(f"{offer.place}: {said}" for offer, _, said in judged)
    if nodes:
        return Choice(tuple(nodes), nodes, why)
    if where is not None:
        raise NothingFits(f"no place fits where={where!r}", cause="; ".join(why), cure="connect a host that does")
    return Choice((_LOCAL,), {_LOCAL: 1}, (*why, f"{_LOCAL}: one worker all the same, as there is nothing else"))


def _judged(offer: Offer, fits: Callable[[Site], bool], tags: Mapping[str, frozenset[str]]) -> tuple[int, str]:
    """Give how many workers a place gets, and why."""
    has = f"{offer.cores} core{'' if offer.cores == 1 else 's'}, load {offer.load:.1f}"
    has += f", {offer.memory_bytes / 1e9:.3g} GB" if offer.memory_bytes else ""
    has += f", {len(offer.gpus)} GPUs" if offer.gpus else ""
    named = tags.get(offer.place, frozenset())
    site = Site("", offer.host, offer.place, named, offer.cores, offer.memory_bytes, offer.gpus)
    if offer.problem:
        return 0, f"left out ({has}): {offer.problem}"
    if not fits(site):
        return 0, f"left out ({has}): it is not what where= asks for"
    free = offer.cores - offer.load
    if free < _LEAST_FREE and offer.place != _LOCAL:  # here that may well be what this kernel itself has just done
        return 0, f"left out ({has}): others keep it busy"
    n = max(1, min(offer.cores, round(free)))
    return n, f"taken with {n} worker{'' if n == 1 else 's'} ({has})"


def _offers() -> Iterable[Offer]:
    own, others = _own(), [] if is_in_worker() else list(registry.offered())
    also = next((offer.place for offer in others if offer.host == own.host and not offer.problem), "")
    yield own._replace(problem=f"its cores are those of {also}") if also and own.host else own
    yield from others


def _own() -> Offer:
    cores = usable_cores()
    has = local_resources(cores)
    # Inside of a worker the load is that of its own pool: it has its share, whatever that is.
    load = 0.0 if is_in_worker() or not hasattr(os, "getloadavg") else min(os.getloadavg()[0], float(cores))
    return Offer(_LOCAL, os.uname().nodename if hasattr(os, "uname") else "", cores, load, has.memory_bytes, has.gpus)
