"""From the text of a parallel cell to its result: read, start, wait, keep."""

from __future__ import annotations
import __future__

import functools
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pathos_nb.dispatch.pool import Pool
from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.run import Run
from pathos_nb.launchers.sourced import Sourced
from pathos_nb.notebook.body import compile_body, compile_expression, is_silenced
from pathos_nb.notebook.clause import read_clause, read_comprehension
from pathos_nb.notebook.plain import picture_failure, plainly, say_interrupted
from pathos_nb.notebook.usage import given
from pathos_nb.notebook.views import Views
from pathos_nb.session import Session

__all__ = ["CellRunner", "Job"]


@dataclass(frozen=True, slots=True)
class Job:
    """What a cell asks for.

    Parameters
    ----------
    function : Sourced
        Called once for each point.
    names : tuple of str
        The parameters' names.
    points : list of tuple
        The parameters.
    values : mapping
        The options.
    title : str
        What the run is called.
    """

    function: Sourced
    names: tuple[str, ...]
    points: list[tuple[Any, ...]]
    values: Mapping[str, Any]
    title: str


class CellRunner:
    """Runs cells on the session's pools and puts results into the notebook's names.

    Parameters
    ----------
    shell : InteractiveShell
        The notebook's shell.
    session : Session
        Owner of the pools.
    views : Views
        Where runs are shown.
    """

    def __init__(self, shell: Any, session: Session, views: Views) -> None:
        self._shell, self._session, self._views = shell, session, views

    # the magics

    def pmap_cell(self, values: Mapping[str, Any], rest: str, cell: str) -> Results | None:
        """Run a body for every point.

        Parameters
        ----------
        values : mapping
            The options.
        rest : str
            The for clause.
        cell : str
            The body.

        Returns
        -------
        Results or None
            None where the cell asks for quiet.
        """
        body_name, clause_name = self._filenames("%%pmap")
        with plainly(self._shell, clause_name):
            clause = read_clause(rest, "%%pmap", clause_name)
            function = compile_body(
                cell, clause.names, self._shell.user_ns,
                header=f"%%pmap {rest}", filename=body_name, flags=self._flags,
            )  # fmt: skip
            points = clause.points(self._shell.user_ns)
        results = self._run(Job(function, clause.names, points, values, self._title(values, "pmap")))
        return None if is_silenced(cell) else results

    def pmap_line(self, values: Mapping[str, Any], rest: str) -> Results | None:
        """Run an expression for every point.

        Parameters
        ----------
        values : mapping
            The options.
        rest : str
            The comprehension.

        Returns
        -------
        Results or None
            None where the line asks for quiet.
        """
        body_name, clause_name = self._filenames("%pmap")
        with plainly(self._shell, clause_name):
            source, clause = read_comprehension(rest, "%pmap", clause_name)
            function = compile_expression(
                source, clause.names, self._shell.user_ns, filename=body_name, flags=self._flags
            )
            points = clause.points(self._shell.user_ns)
        return self._run(Job(function, clause.names, points, values, self._title(values, "pmap")))

    def ppipe(self, values: Mapping[str, Any], line: str, cell: str) -> Any:
        """Run a body once, or once on every worker.

        Parameters
        ----------
        values : mapping
            The options.
        line : str
            The cell's first line.
        cell : str
            The body.

        Returns
        -------
        object
            The value, or the list of values.
        """
        body_name, _ = self._filenames("%%ppipe")
        name = values["out"]
        with plainly(self._shell):
            function = compile_body(
                cell, (), self._shell.user_ns, header=f"%%ppipe {line}", filename=body_name, flags=self._flags
            )
            if values["each"]:
                value = self._pool(values).each(function)
            else:
                values = {**values, "bg": False, "out": None}
                job = Job(function, (), [()], values, self._title(values, "ppipe"))
                value = self._complete(job)[0]
        self._keep(name, value)
        return None if values["quiet"] or is_silenced(cell) else value

    # their parts

    def _run(self, job: Job) -> Results | None:
        with plainly(self._shell):
            results = self._complete(job)
        return None if job.values["quiet"] or (job.values["bg"] and job.values["out"]) else results

    def _complete(self, job: Job) -> Results:
        """Start the run, and wait for it unless it goes on behind; what is finished is kept in any case."""
        begun: list[Results] = []
        try:
            self._start(job, begun)
            if job.values["bg"]:
                self._views.show_now(begun[0].run.run_id)
            else:
                begun[0].wait()
                self._raise_failure(begun[0], job)
        except KeyboardInterrupt as error:
            if begun:
                say_interrupted(error, begun[0], job.values["out"])
            raise
        finally:
            if begun:
                self._keep(job.values["out"], begun[0])
            self._views.settle()
        return begun[0]

    def _start(self, job: Job, begun: list[Results]) -> None:
        """Start the run; its results are in `begun` even if a pool that runs in this thread is interrupted."""
        options = given(job.values, *(k for k in ("timeout", "retries", "on_error", "seed") if k in job.values))
        if job.values["quiet"]:
            options["progress"] = False

        def hear(run: Run) -> None:
            if run.function is job.function:
                begun.append(Results(run, job.names, job.points))
                if job.names:
                    self._views.name_items(run.run_id, begun[0].label)

        pool = self._pool(job.values)
        with self._session.listening(hear):
            pool.start(job.function, job.points, star=True, title=job.title, **options)

    def _raise_failure(self, results: Results, job: Job) -> None:
        run = results.run
        for failure in list(run.failures.values())[:1]:
            picture_failure(self._shell, failure, results.label(failure.index) if job.names else "the cell")
        run.raise_if_failed()

    def _pool(self, values: Mapping[str, Any]) -> Pool:
        places: tuple[str, ...] = values["pool"] or ()
        if len(places) == 1 and isinstance(pool := self._shell.user_ns.get(places[0]), Pool):
            return pool
        return self._session.pool(places, values["nodes"])

    def _keep(self, name: str | None, value: Any) -> None:
        if name:
            self._shell.user_ns[name] = value

    def _title(self, values: Mapping[str, Any], magic: str) -> str:
        return values["title"] or values["out"] or f"{magic} In[{self._number}]"

    def _filenames(self, magic: str) -> tuple[str, str]:
        cell = f"{magic} In[{self._number}]"
        return f"<{cell}>", f"<{cell}, for clause>"

    @property
    def _number(self) -> int:
        """The cell's number: `execution_count` is that, or one more, depending on IPython's version."""
        return len(self._shell.history_manager.input_hist_raw) - 1

    @property
    def _flags(self) -> int:
        """The notebook's ``from __future__`` imports."""
        flags: int = self._shell.compile.flags
        known: list[int] = [getattr(__future__, name).compiler_flag for name in __future__.all_feature_names]
        return flags & functools.reduce(operator.or_, known)
