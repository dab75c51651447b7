"""From the places that a pool was asked for to the kinds of launchers it has, and how many workers each."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pathos_nb.dispatch.options import is_count
from pathos_nb.errors import BadOption, CannotSend, UnknownPlace
from pathos_nb.launchers.contract import Launcher
from pathos_nb.launchers.failing import text_of
from pathos_nb.launchers.inside import process
from pathos_nb.launchers.registry import registry
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import INITIALIZE
from pathos_nb.wire.serialization import Payload, dump

__all__ = ["checked_size", "kinds_of", "setup_frame", "size_of", "sizes_of"]

Kinds = Mapping[str, type[Launcher]]


def kinds_of(places: Iterable[object], settings: Mapping[str, Any]) -> dict[str, type[Launcher]]:
    """Give the launchers of places, each with the settings that its kind takes.

    Parameters
    ----------
    places : iterable of object
        Names, or objects that a launcher takes for a place, such as a client of dask.
    settings : mapping
        What was said of them; each setting goes to every kind that takes it.

    Returns
    -------
    dict
        A place's name → its launcher; an object is called as its launcher is.

    Raises
    ------
    UnknownPlace, LauncherUnavailable
        There is no such place, or it cannot be used here.
    BadOption
        No place takes one of the settings, or its value makes no sense.
    """
    kinds = dict(map(_named, places))
    taken = set().union(*(kind.settings for kind in kinds.values()))
    for name in settings:
        if name not in taken:
            raise BadOption(f"{', '.join(kinds)}: no setting is called {name!r}", cure=_meant(name, taken))
    return {place: _configured(kind, settings) for place, kind in kinds.items()}


def _meant(name: str, taken: Iterable[str]) -> str:
    known = ["nodes", "initializer", "initargs", "maxtasksperchild", *sorted(taken)]
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"


def _configured(kind: type[Launcher], settings: Mapping[str, Any]) -> type[Launcher]:
    chosen = {name: value for name, value in settings.items() if name in kind.settings}
    return kind.configured(**chosen) if chosen else kind


def _named(place: object) -> tuple[str, type[Launcher]]:
    if isinstance(place, str):
        return place, _kind(place)
    if (found := registry.of(place)) is None:
        what = f"a pool cannot have its workers at {type(place).__name__} {place!r:.80}"
        raise UnknownPlace(what, cure='places are names, as in Pool("processes", nodes=2), or a client of dask')
    return found.name, found


def _kind(place: str) -> type[Launcher]:
    """Give a place's launcher; on a host, where places that a pool was made for may be out of reach, the serial one."""
    try:
        return registry.get(place)
    except UnknownPlace:
        if process.is_worker and registry.resolver is None and process.has_travelled(place):
            return registry.get("serial")
        raise


def sizes_of(kinds: Kinds, nodes: Any) -> dict[type[Launcher], int]:
    """Give how many workers there are to be of each kind.

    Parameters
    ----------
    kinds : mapping
        As `kinds_of` gives them.
    nodes : int, mapping or None
        What was asked for: a number for each place, or by place.

    Returns
    -------
    dict

    Raises
    ------
    BadOption
        It makes no sense.
    """
    if isinstance(nodes, Mapping):
        if not nodes:
            raise BadOption("nodes is an empty mapping", cure="give a number, or one for each place")
        if unknown := set(nodes) - set(kinds):
            raise BadOption(f"nodes speaks of {sorted(unknown)}", cure=f"the pool's places are {list(kinds)}")
        return {kind: size_of(kind, nodes.get(place)) for place, kind in kinds.items()}
    return {kind: size_of(kind, nodes) for kind in kinds.values()}


def size_of(kind: type[Launcher], nodes: Any) -> int:
    """Give how many workers there are to be at one place; a BadOption if that makes no sense."""
    if nodes is None:
        return kind.default_size()
    if (n := checked_size(nodes)) > kind.max_size:
        raise BadOption(f"nodes is {nodes!r}", cure=f"a pool has at most {kind.max_size} workers at {kind.name!r}")
    return n


def checked_size(nodes: Any) -> int:
    """Give a number of workers; a BadOption if it is none."""
    if not is_count(nodes) or nodes < 1:
        raise BadOption(f"nodes is {nodes!r}", cure="it must be a whole number of workers, 1 or more")
    return int(nodes)


def setup_frame(kind: type[Launcher], setup: tuple[Any, Any]) -> Frame | None:
    """Give what each new worker is sent first.

    Parameters
    ----------
    kind : type
        The launcher that sends it.
    setup : tuple
        The initializer, or None, and its arguments.

    Returns
    -------
    Frame or None

    Raises
    ------
    CannotSend
        They cannot be pickled.
    """
    initializer, arguments = setup
    if initializer is None:
        return None
    if kind.shares_memory:
        return Frame(INITIALIZE, (), (initializer, arguments))  # type: ignore[arg-type]
    payload = _dump_setup(initializer, arguments)
    return Frame(INITIALIZE, (), payload.body, payload.buffers)


def _dump_setup(initializer: Callable[..., Any], arguments: Any) -> Payload:
    try:
        return dump((initializer, arguments))
    except Exception as error:
        cause = f"{type(error).__name__}: {text_of(error)}"
        cure = "make in it what cannot be sent, or use threads"
        raise CannotSend("the initializer or its arguments cannot be sent", cause=cause, cure=cure) from error
