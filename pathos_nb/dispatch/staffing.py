"""From the places that a pool was asked for to the kinds of launchers it has, and how many workers each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pathos_nb.dispatch.automatic import AUTO, choose
from pathos_nb.dispatch.options import MapOptions, is_count
from pathos_nb.errors import BadOption, CannotSend, UnknownPlace
from pathos_nb.launchers.contract import Launcher
from pathos_nb.launchers.failing import text_of
from pathos_nb.launchers.inside import process
from pathos_nb.launchers.registry import registry
from pathos_nb.typed import Any
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import INITIALIZE
from pathos_nb.wire.serialization import Payload, dump

__all__ = [
    "checked_offer",
    "checked_size",
    "chosen_places",
    "everywhere_options",
    "kinds_of",
    "parted",
    "setup_frame",
    "size_of",
    "sizes_of",
]

_WORKERS_PER_CORE, _WORKERS_ANYWHERE = 64, 256
_SELECTING = ("where", "memory", "gpus")


def chosen_places(places: tuple[object, ...], nodes: Any, settings: Mapping[str, Any]) -> tuple[Any, Any, str]:
    """Give the places that stand for ``"auto"``, their sizes, and why; what is said by name stays as it is.

    Parameters
    ----------
    places, nodes, settings
        As they were given to the pool.

    Returns
    -------
    tuple
        Places, nodes, and the reasons, a line each.
    """
    if AUTO not in places:
        return places, nodes, ""
    tags = settings.get("tags")
    found = choose(settings.get("where"), None if tags is None else _tags(tags))
    named = [place for place in places if place != AUTO]
    if nodes is None:
        nodes = {place: n for place, n in found.nodes.items() if place not in named}
    elif isinstance(nodes, Mapping):
        nodes = {**found.nodes, **nodes}
    return (*named, *(place for place in found.places if place not in named)), nodes, "\n".join(found.why)


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


def parted(places: Iterable[object], settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part what was said of a pool into what selects workers and gives them their share, and settings of its places.

    Parameters
    ----------
    places, settings
        As of `kinds_of`. What a place takes for itself, as Slurm does ``memory``, is its own.

    Returns
    -------
    tuple of dict
        Options that maps have unless they say otherwise, with ``tags``; and the rest.

    Raises
    ------
    BadOption
        One of the former makes no sense.
    """
    if not any(name in settings for name in (*_SELECTING, "tags")):
        return {}, dict(settings)
    taken = set().union(*(kind.settings for kind in kinds_of(places, {}).values()))
    ours = {name: settings[name] for name in (*_SELECTING, "tags") if name in settings and name not in taken}
    if "tags" in ours:
        ours["tags"] = _tags(ours["tags"])
    MapOptions(**{name: ours[name] for name in _SELECTING if name in ours})
    return ours, {name: value for name, value in settings.items() if name not in ours}


def _tags(tags: Any) -> dict[str, frozenset[str]]:
    if not isinstance(tags, Mapping):
        raise BadOption(f"tags is {tags!r}", cure='it says of places what they are, as in {"node1": "fast"}')
    return {place: frozenset([said] if isinstance(said, str) else said) for place, said in tags.items()}


def everywhere_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Give the options of a map that runs on every worker, which cannot choose any; a BadOption if it wants to."""
    if any(options.get(name) is not None for name in ("where", "gpus")):
        cure = "use map, or leave where= and gpus= out"
        raise BadOption("each runs on every worker, and cannot choose some", cure=cure)
    return {**options, **dict.fromkeys(_SELECTING)}


def _meant(name: str, taken: Iterable[str]) -> str:
    import difflib

    known = ["nodes", "initializer", "initargs", "maxtasksperchild", *sorted(taken)]
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"


def _configured(kind: type[Launcher], settings: Mapping[str, Any]) -> type[Launcher]:
    chosen = {name: value for name, value in settings.items() if name in kind.settings}
    return kind.configured(**chosen) if chosen or kind.wants_settings() else kind


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


def checked_offer(nodes: Any, n_cores: int, where: str, cure: str = "start another one beside it") -> int:
    """Give a number of workers that a machine is to offer; what can only be a slip would fill its memory.

    Parameters
    ----------
    nodes : object
        As it was asked for.
    n_cores : int
        Of the machine; 0 if that is not known.
    where : str
        What the user calls it.
    cure : str
        How to have more than are allowed.

    Returns
    -------
    int

    Raises
    ------
    BadOption
        It is no number of workers, or too large by far.
    """
    n, fits = checked_size(nodes), max(_WORKERS_PER_CORE * n_cores, _WORKERS_ANYWHERE)
    most = min(fits, Launcher.max_size) if n_cores else Launcher.max_size
    if n <= most:
        return n
    has = f", which has {n_cores} cores" if n_cores else ""
    raise BadOption(f"{n} workers are too many for {where}{has}", cure=f"ask for {most} at most; for more, {cure}")


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
