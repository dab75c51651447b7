"""The magics themselves: they parse, hand on, and give back what is shown.

All are ``@no_var_expand``: IPython would otherwise replace ``{m}`` and ``$m`` in the code of a cell's first line.
"""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_cell_magic, line_magic, magics_class, no_var_expand
from traitlets import Bool, Float, Int, Unicode

from pathos_nb.notebook.actions import ACTIONS, Said
from pathos_nb.notebook.cells import CellRunner
from pathos_nb.notebook.commands import PMAP_CELL, PMAP_LINE, PPIPE, VERBS, help_text, split_verb
from pathos_nb.notebook.plain import plainly
from pathos_nb.notebook.views import Look, Views
from pathos_nb.session import Session

__all__ = ["PathosMagics"]


@magics_class
class PathosMagics(Magics):
    """Parallel cells, and the settings that ``%config PathosMagics`` shows.

    Parameters
    ----------
    shell : InteractiveShell
        The shell that they are for.
    """

    pool = Unicode("processes", help="Where cells run: launchers with commas between.").tag(config=True)
    nodes = Int(None, allow_none=True, min=1, help="Workers in each place; None: all cores.").tag(config=True)
    progress = Bool(True, help="Whether runs show themselves in their cell.").tag(config=True)
    show_after = Float(0.5, min=0.0, help="How many seconds a run lasts before it shows itself.").tag(config=True)
    output_cap = Int(20_000, min=0, help="How many characters of what items print a cell shows.").tag(config=True)

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
        self.session, self.runner = session, CellRunner(self.shell, session, views)
        self.observe(lambda change: self._use(), ["pool", "nodes"])
        self._use()

    def _use(self) -> None:
        self.session.places = tuple(part.strip() for part in self.pool.split(",") if part.strip())
        self.session.nodes = self.nodes

    @property
    def look(self) -> Look:
        """The settings of the views."""
        return Look(self.progress, self.show_after, self.output_cap)

    @no_var_expand
    @line_cell_magic
    def pmap(self, line: str, cell: str | None = None) -> Any:
        """Run a cell, or an expression, for every point of a for clause, in parallel; ``%%pmap -h`` tells more."""
        command = PMAP_LINE if cell is None else PMAP_CELL
        values, rest = command.split(line)
        if values["help"]:
            return Said(command.help)
        return self.runner.pmap_line(values, rest) if cell is None else self.runner.pmap_cell(values, rest, cell)

    @no_var_expand
    @cell_magic
    def ppipe(self, line: str, cell: str) -> Any:
        """Run a cell once on a worker, or once on every worker; ``%%ppipe -h`` tells more."""
        values, rest = PPIPE.split(line)
        if values["help"]:
            return Said(PPIPE.help)
        if rest:
            raise UsageError(f"%%ppipe takes options only, not {rest!r}; the code goes into the cell's body")
        return self.runner.ppipe(values, line, cell)

    @no_var_expand
    @line_magic
    def pathos(self, line: str) -> Any:
        """Look after pools and runs; ``%pathos help`` lists the verbs."""
        verb, rest = split_verb(line)
        values = VERBS[verb].parse(rest)
        if values["help"]:
            return Said(VERBS[verb].help)
        if verb == "help":
            return Said(help_text(values["topic"]))
        with plainly(self.shell):
            return ACTIONS[verb](self.session, values)
