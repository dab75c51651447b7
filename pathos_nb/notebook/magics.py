"""The magics themselves: they parse, hand on, and give back what is shown.

All are ``@no_var_expand``: IPython would otherwise replace ``{m}`` and ``$m`` in the code of a cell's first line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.display_functions import display
from IPython.core.error import UsageError
from IPython.core.magic import (
    Magics,
    cell_magic,
    line_cell_magic,
    line_magic,
    magics_class,
    needs_local_scope,
    no_var_expand,
)
from traitlets import Bool, Float, Int, TraitError, Unicode, validate

from pathos_nb.errors import UnknownPlace
from pathos_nb.notebook.acting import act
from pathos_nb.notebook.cells import CellRunner
from pathos_nb.notebook.commands import PMAP_CELL, PMAP_LINE, PPIPE, VERBS, help_text, split_verb
from pathos_nb.notebook.panel_view import view_of
from pathos_nb.notebook.plain import plainly
from pathos_nb.notebook.said import Said, Shown
from pathos_nb.notebook.views import Look, Views
from pathos_nb.session import Session, current_session

__all__ = ["PathosMagics"]

_show: Callable[..., Any] = display
_AT_ONCE = ("connect",)  # what it says has to be seen wherever in its cell it stands


@magics_class
class PathosMagics(Magics):
    """Parallel cells, and the settings that ``%config PathosMagics`` shows.

    Parameters
    ----------
    shell : InteractiveShell
        The shell that they are for.
    """

    pool = Unicode("processes", help="Where cells run: launchers with commas between.").tag(config=True)
    nodes = Int(None, allow_none=True, help="Workers in each place; None: all cores.").tag(config=True)
    progress = Bool(True, help="Whether runs show themselves in their cell.").tag(config=True)
    show_after = Float(0.05, min=0.0, help="How many seconds a run lasts before it shows itself.").tag(config=True)
    output_cap = Int(20_000, min=0, help="How many characters of what items print a cell shows.").tag(config=True)

    store = Unicode("", help="The file of finished points; empty: your own; off: none.").tag(config=True)
    ssh_config = Unicode("", help="The configuration of ssh, instead of ~/.ssh/config.").tag(config=True)

    runner: CellRunner
    session: Session
    extension: Any = None  # whoever installed it, for the removal

    def begin(self, session: Session, views: Views) -> None:
        """Take up work.

        Parameters
        ----------
        session : Session
            The kernel's.
        views : Views
            Where runs are shown.
        """
        self.session, self.runner = session, CellRunner(self.shell, session, views, lambda: self.store)
        session.sweeps = self.runner.sweeps
        self.observe(lambda change: self._use(), ["pool", "nodes"])
        self.observe(lambda change: self._reach(), ["ssh_config"])
        self._use()
        self._reach()

    def _reach(self) -> None:
        self.session.hosts.config = self.ssh_config

    def _use(self) -> None:
        self.session.places = self.session.home = _places(self.pool)
        self.session.nodes = self.nodes

    @validate("pool")
    def _check_pool(self, proposal: Any) -> str:
        text: str = proposal["value"]
        try:
            if not _places(text):
                raise UnknownPlace("the setting wants places with commas between, such as processes")
            current_session().check(_places(text))
        except UnknownPlace as error:
            raise self._refused("pool", str(error)) from None
        return text

    @validate("nodes")
    def _check_nodes(self, proposal: Any) -> int | None:
        n: int | None = proposal["value"]
        if n is not None and n < 1:
            raise self._refused("nodes", f"it must be a whole number from 1, or None, not {n}")
        return n

    def _refused(self, name: str, why: str) -> TraitError:
        """Forget the value, which would else come again with the next setting."""
        self.config.get(type(self).__name__, {}).pop(name, None)
        return TraitError(f"PathosMagics.{name} stays as it was: {why}")

    @property
    def look(self) -> Look:
        """The settings of the views."""
        return Look(self.progress, self.show_after, self.output_cap)

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def pmap(self, line: str, cell: str | None = None, local_ns: Any = None) -> Any:
        """Run a cell, or an expression, for every point of a for clause, in parallel; ``%pmap -h`` tells more."""
        command = PMAP_LINE if cell is None else PMAP_CELL
        values, rest = command.split(line)
        if values["help"]:
            return Said(help_text("pmap"))
        if cell is None:
            return self.runner.pmap_line(values, rest, local_ns)
        return self.runner.pmap_cell(values, rest, cell)

    @no_var_expand
    @cell_magic
    def ppipe(self, line: str, cell: str) -> Any:
        """Run a cell once on a worker, or once on every worker; ``%pathos help ppipe`` tells more."""
        values, rest = PPIPE.split(line)
        if values["help"]:
            return Said(PPIPE.help)
        if rest:
            raise UsageError(f"%%ppipe takes options only, not {rest!r}; the code goes into the cell's body")
        return self.runner.ppipe(values, line, cell)

    @no_var_expand
    @line_magic
    def pathos(self, line: str) -> Any:
        """Look after hosts, pools and runs; ``%pathos help`` lists the verbs."""
        verb, rest = split_verb(line)
        values = VERBS[verb].parse(rest)
        with plainly(self.shell):
            if verb == "panel" and not values["help"]:
                has_kernel = hasattr(self.shell, "kernel")
                return view_of(self.extension.panel, self.session, values, has_kernel=has_kernel)
            found = act(self.session, verb, values)
        if verb not in _AT_ONCE or values["help"]:
            return found
        _show(found)
        return Shown(found)


def _places(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
