"""Which launchers there are: found by entry point, ours as anybody's, and named nowhere else.

This is one of the three places that keep module state: the launchers found, who resolves names of hosts, and who wants
to hear of each run.
"""

from __future__ import annotations

import importlib
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator

from pathos_nb.errors import BadOption, LauncherUnavailable, UnknownPlace
from pathos_nb.launchers.contract import Availability, Launcher, Offer
from pathos_nb.typed import Any

GROUP = "pathos_nb.launchers"
RESOLVER = "pathos_nb.session:resolve"

Resolver = Callable[[str], type[Launcher] | None]


class Registry:
    """Finds launchers by name.

    Attributes
    ----------
    observers : list of callable
        Each is called with a run when it begins.
    resolver : callable or None
        Gives a launcher for a name that no entry point has, such as a host's; without it, the session's is looked for.
    offers : callable or None
        Gives the hosts that an automatic choice of places may take.
    worker_hooks : list of str
        ``module:function`` names, each called once in each worker before it loads anything of a run.
    cell_of : callable or None
        Gives what a notebook's user calls a file that code was compiled from; empty if it is no cell.
    handles : WeakSet
        The results to come that somebody has: where there are none, no argument can be one.
    """

    def __init__(self) -> None:
        self.observers: list[Callable[[Any], None]] = []
        self.resolver: Resolver | None = None
        self.offers: Callable[[], Iterable[Offer]] | None = None
        self.worker_hooks: list[str] = []
        self.cell_of: Callable[[str], str] | None = None
        self.handles: weakref.WeakSet[Any] = weakref.WeakSet()
        self._known: dict[str, str | type[Launcher]] = {
            "serial": "pathos_nb.launchers.serial:SerialLauncher",
            "threads": "pathos_nb.launchers.threads:ThreadsLauncher",
            "processes": "pathos_nb.launchers.processes:ProcessesLauncher",
            "ppft": "pathos_nb.launchers.ppft:PpftLauncher",
            "mpi": "pathos_nb.launchers.mpi:MpiLauncher",
            "dask": "pathos_nb.launchers.dask:DaskLauncher",
            "slurm": "pathos_nb.launchers.slurm:SlurmLauncher",
        }
        self._scanned, self._scanning = False, threading.Lock()

    def register(self, name: str, launcher: type[Launcher] | str) -> None:
        """Add a launcher by hand.

        Parameters
        ----------
        name : str
            What users call it.
        launcher : type or str
            The class, or ``module:class``.
        """
        self._known[name] = launcher

    def names(self) -> list[str]:
        """Give the names of all launchers, scanning the entry points."""
        self._scan()
        return list(self._known)

    def get(self, name: str) -> type[Launcher]:
        """Give the launcher of a name.

        Parameters
        ----------
        name : str
            A launcher, ``launcher:address``, or whatever the resolver knows.

        Returns
        -------
        type

        Raises
        ------
        UnknownPlace
            There is none; the message lists those that there are.
        LauncherUnavailable
            It cannot be loaded, or cannot run here.
        """
        if name not in self._known:
            self._scan()
        if name in self._known:
            launcher = self.load(name)
            availability = launcher.availability()
            if not availability.score:
                raise LauncherUnavailable(f"the launcher {name!r} cannot run here", cause=availability.reason)
            return launcher
        kind, _, address = name.partition(":")
        if address and kind in self._known:
            return self.get(kind).at(address)
        found = (self.resolver or _resolver_of_the_house())(name)
        if found is None:
            known = ", ".join(self._known)
            from difflib import get_close_matches

            near = "".join(f"; did you mean {each!r}?" for each in get_close_matches(name, self._known, 1))
            raise UnknownPlace(f"there is no launcher or host {name!r}", cure=f"there are: {known}{near}")
        return found

    def of(self, thing: object) -> type[Launcher] | None:
        """Give the launcher for an object that was given as a place.

        Parameters
        ----------
        thing : object
            Not a name.

        Returns
        -------
        type or None
            None if no launcher knows what to do with it.
        """
        for name in self.names():
            try:
                found = self.load(name).of(thing)
            except LauncherUnavailable:
                continue
            if found is not None:
                return found
        return None

    def launchers(self) -> dict[str, Availability]:
        """Tell of each launcher whether it can run here, and why not."""
        return dict(self._availabilities())

    def offered(self) -> Iterator[Offer]:
        """Give what an automatic choice may take: connected hosts, and what launchers find to be the user's."""
        if self.offers is not None:
            yield from self.offers()
        for name, (score, _) in self._availabilities():
            if score:
                yield from self.load(name).offers()

    def _availabilities(self) -> Iterator[tuple[str, Availability]]:
        for name in self.names():
            try:
                yield name, self.load(name).availability()
            except LauncherUnavailable as error:
                yield name, Availability(0.0, error.cause)

    def load(self, name: str) -> type[Launcher]:
        """Give the launcher of a name whether it can run here or not.

        Parameters
        ----------
        name : str
            One of `names`.

        Returns
        -------
        type

        Raises
        ------
        LauncherUnavailable
            Its module cannot be imported.
        """
        found = self._known[name]
        if not isinstance(found, str):
            return found
        module, _, attribute = found.partition(":")
        try:
            launcher: type[Launcher] = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise LauncherUnavailable(f"the launcher {name!r} cannot be loaded", cause=_missing(error)) from error
        self._known[name] = launcher
        return launcher

    def lacks(self, name: str) -> str:
        """Say what a launcher wants to be told before it can run; empty if it runs as it is.

        Parameters
        ----------
        name : str
            One of `names`, which can be loaded.

        Returns
        -------
        str
        """
        kind = self.load(name)
        try:
            if kind.wants_settings():
                kind.configured()
        except BadOption as error:
            return str(error)
        return ""

    def _scan(self) -> None:
        with self._scanning:  # a thread may be at it already
            if self._scanned:
                return
            from importlib.metadata import entry_points

            for entry in entry_points(group=GROUP):
                self._known.setdefault(entry.name, entry.value)
            self._scanned = True


def _missing(error: ImportError | AttributeError) -> str:
    """Say why a launcher's module cannot be loaded: mostly somebody else's that is not installed."""
    name = getattr(error, "name", "") if isinstance(error, ModuleNotFoundError) else ""
    return f"{name} is not installed (pip install {name})" if name and not name.startswith("pathos_nb") else str(error)


def _resolver_of_the_house() -> Resolver:
    """Give the resolver that makes a session, found by name as launchers are: a script that names a host gets one."""
    module, _, attribute = RESOLVER.partition(":")
    resolver: Resolver = getattr(importlib.import_module(module), attribute)
    return resolver


registry = Registry()
