"""``%load_ext pathos_nb`` and ``%unload_ext``: everything that is put into IPython, and its removal."""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from collections.abc import Iterable
from typing import Any

from pathos_nb.dispatch.kept import KeptRun
from pathos_nb.dispatch.pool import Pool
from pathos_nb.dispatch.store.found import StoredRun
from pathos_nb.launchers.registry import registry
from pathos_nb.notebook.asking import asker
from pathos_nb.notebook.commands import TOPICS, VERBS, help_alone
from pathos_nb.notebook.completion import make_matcher
from pathos_nb.notebook.graph_view import GraphFollower
from pathos_nb.notebook.live import warm_up
from pathos_nb.notebook.magics import PathosMagics
from pathos_nb.notebook.panel import Panel
from pathos_nb.notebook.screen import screen_for
from pathos_nb.notebook.views import Views
from pathos_nb.session import close_session, current_session

__all__ = ["Extension", "load", "unload"]

_RICH = "pathos_nb.launchers.rich:install"  # what items display() is to travel

_OF_A_RUN = ("pathos_nb.dispatch.maps", "pathos_nb.launchers.processes", "cloudpickle")


class Extension:
    """What one loaded extension has put into a shell.

    Parameters
    ----------
    shell : InteractiveShell
        The shell.
    """

    def __init__(self, shell: Any) -> None:
        self.shell, self.turn = shell, 0
        self.session = current_session()
        self.magics = PathosMagics(shell=shell)
        self.views = Views(lambda: screen_for(shell, lambda: self.turn), lambda: self.magics.look)
        self.matcher = make_matcher(self._offers())
        self.panel = Panel(self.session, self._own_pools, self.views)
        self.graphs: GraphFollower | None = None
        self.magics.begin(self.session, self.views)

    def _offers(self) -> dict[str, Any]:
        hosts = self.session.hosts
        remote = {"hosts": hosts.names, "connected": lambda: hosts.connected, "services": self._services}
        remote["copies"] = lambda: [f"{name}:" for name in hosts.connected]
        named = {"pools": self._pools, "open": lambda: self.session.pools, "runs": self._runs, "going": self._going}
        return {**named, "verbs": lambda: VERBS, "topics": lambda: TOPICS, **remote}

    def _services(self) -> list[str]:
        return list(self.session.services.running)

    def install(self) -> None:
        """Put everything in its place."""
        self.shell.register_magics(self.magics)
        self.shell.Completer.custom_matchers.append(self.matcher)
        self.shell.input_transformers_cleanup.append(help_alone)
        self.shell.events.register("post_execute", self.end_turn)
        self.session.views.append(self.views.begin)
        self.session.hosts.asker = lambda: self.panel.asker(lambda: asker(self.shell))
        self.session.hosts.truster = self.panel.truster
        self.panel.register()
        self.magics.runner.values.install()
        registry.worker_hooks.append(_RICH)
        registry.cell_of = self._cell_of
        if hasattr(getattr(self.shell, "kernel", None), "get_parent"):
            self.graphs = GraphFollower.of_shell(self.shell)
            self.graphs.install(self.shell)
            threading.Thread(target=_get_ready, name="pathos-nb-preload", daemon=True).start()

    def remove(self) -> None:
        """Take everything out again, and end the session with its pools."""
        shell = self.shell
        shell.events.unregister("post_execute", self.end_turn)
        with contextlib.suppress(ValueError):  # somebody has put others in their place
            shell.input_transformers_cleanup.remove(help_alone)
        with contextlib.suppress(ValueError):  # a new completer was made meanwhile
            shell.Completer.custom_matchers.remove(self.matcher)
        manager = shell.magics_manager
        for table in manager.magics.values():
            for name in [name for name, found in table.items() if getattr(found, "__self__", None) is self.magics]:
                del table[name]
        manager.registry.pop(type(self.magics).__name__, None)
        shell.configurables.remove(self.magics)
        registry.worker_hooks.remove(_RICH)
        registry.cell_of = None
        self.magics.runner.values.remove()
        if self.graphs is not None:
            self.graphs.remove(shell)
        self.panel.close()
        close_session()
        self.views.close()

    def _cell_of(self, file: str) -> str:
        cell = self.shell.compile.format_code_name(file)
        return cell[1] if cell else ""

    def end_turn(self) -> None:
        """Finish the pictures of the cell that ends."""
        self.views.settle()
        self.turn += 1
        for name, size in self.session.heavy():
            text = f"{name} ({size / 1e6:,.0f} MB) went to the workers along with the function"
            sys.stderr.write(f"note: {text}; pathos_nb.share({name}) puts it where all of them see it\n")

    def _pools(self) -> list[str]:
        own = self._own_pools()
        return list(dict.fromkeys([*registry.names(), *self.session.pools, *own, *self.session.hosts.names()]))

    def _own_pools(self) -> dict[str, Pool]:
        named = list(self.shell.user_ns.items())  # at once: a cell may be at work on it
        return {name: value for name, value in named if isinstance(value, Pool) and name[:1] != "_"}

    def _runs(self) -> list[str]:
        return _names_of([*reversed(self.session.runs), *self._earlier()])

    def _going(self) -> list[str]:
        here = [run for run in reversed(self.session.runs) if not run.is_over]
        return _names_of([*here, *(run for run in self._earlier() if run.is_detached)])

    def _earlier(self) -> list[StoredRun]:
        return [run for _, run in reversed(self.magics.runner.sweeps.earlier())]


def _names_of(runs: Iterable[KeptRun | StoredRun]) -> list[str]:
    """Give titles and names of runs, as they can be typed."""
    names = dict.fromkeys(name for run in runs for name in (run.title, run.run_id))
    return [name for name in names if name and " " not in name]


def _get_ready() -> None:
    """Do what the first run would have to wait for, while its cell is typed: widgets, launchers, imports; 0.4 s."""
    with contextlib.suppress(Exception):  # who needs it will be told
        warm_up()
        registry.names()
        for module in _OF_A_RUN:
            importlib.import_module(module)


def load(ipython: Any) -> None:
    """Begin: called by ``%load_ext pathos_nb``.

    Parameters
    ----------
    ipython : InteractiveShell
        The shell.
    """
    if _loaded(ipython) is None:
        extension = Extension(ipython)
        extension.install()
        extension.magics.extension = extension


def unload(ipython: Any) -> None:
    """End: called by ``%unload_ext pathos_nb``; nothing stays behind.

    Parameters
    ----------
    ipython : InteractiveShell
        The shell.
    """
    extension = _loaded(ipython)
    if extension is not None:
        extension.remove()


def _loaded(ipython: Any) -> Extension | None:
    magics = ipython.magics_manager.registry.get(PathosMagics.__name__)
    found: Extension | None = getattr(magics, "extension", None)
    return found
