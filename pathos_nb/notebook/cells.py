"""From the text of a parallel cell to its result: read, start, wait, keep."""

from __future__ import annotations
import __future__

import functools
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pathos_nb.dispatch.pool import Pool
from pathos_nb.dispatch.profiles import Profile
from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.store.resume import Plan
from pathos_nb.dispatch.using.forecast import Forecast
from pathos_nb.dispatch.using.how import How
from pathos_nb.dispatch.using.trial import Ask, foresee
from pathos_nb.errors import BadOption, Cancelled
from pathos_nb.launchers.registry import registry
from pathos_nb.notebook.body import assigned_last, compile_body, compile_expression, is_silenced
from pathos_nb.notebook.checking import check
from pathos_nb.notebook.clause import Clause, read_clause, read_comprehension
from pathos_nb.notebook.commands import PMAP_LINE
from pathos_nb.notebook.detaching import Detaching
from pathos_nb.notebook.outlet import said_later
from pathos_nb.notebook.plain import picture_failure, plainly, say_interrupted
from pathos_nb.notebook.plotting import LivePlot, begin_plot, check_plot
from pathos_nb.notebook.points import Points
from pathos_nb.notebook.post_mortem import post_mortem_of
from pathos_nb.notebook.repeats import Job, Repeats
from pathos_nb.notebook.sweeps import OFF, Sweeps
from pathos_nb.notebook.usage import given, refuse_settings
from pathos_nb.notebook.values import Values
from pathos_nb.notebook.views import Views
from pathos_nb.notebook.watched import is_watched
from pathos_nb.session import Session

__all__ = ["CellRunner"]

_NOT_MEASURED = "it went on without --profile: what ran then is not in it"


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
    store : callable
        Gives where cells keep their points; see `Sweeps`.
    """

    def __init__(self, shell: Any, session: Session, views: Views, store: Callable[[], str] = lambda: OFF) -> None:
        self._shell, self._session, self._views = shell, session, views
        self._hinted: set[str] = set()
        self._plots: list[LivePlot] = []
        self.values = Values(shell)
        self._repeats = Repeats(session, views, self._complete, self._renew)
        self.sweeps = Sweeps(session, store, self._complete, lambda: shell.user_ns, post_mortem_of(shell))
        self._detaching = Detaching(session, self.sweeps.store)

    # the magics

    def pmap_cell(self, values: Mapping[str, Any], rest: str, cell: str) -> Results | Forecast | None:
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
        Results or Forecast or None
            None where the cell asks for quiet.
        """
        body_name, clause_name = self._filenames("%%pmap")
        with plainly(self._shell, clause_name):
            clause = read_clause(rest, "%%pmap", clause_name)
            function = compile_body(
                cell, clause.names, self._shell.user_ns,
                header=f"%%pmap {rest}", filename=body_name, flags=self._flags,
            )  # fmt: skip
            points = self._points(clause, self._shell.user_ns, values)
        self._hint(cell)
        job = Job(
            function, clause.names, points.read, points.rows(), values, self._title(values, "pmap"), (clause_name,)
        )
        results = self._run(job)
        return None if is_silenced(cell) else results

    def pmap_line(
        self, values: Mapping[str, Any], rest: str, local_ns: Mapping[str, Any] | None = None
    ) -> Results | Forecast | None:
        """Run an expression for every point.

        Parameters
        ----------
        values : mapping
            The options.
        rest : str
            The comprehension.
        local_ns : mapping, optional
            The names of the function in which the line stands.

        Returns
        -------
        Results or Forecast or None
            None where the line asks for quiet.
        """
        body_name, clause_name = self._filenames("%pmap")
        with plainly(self._shell, clause_name):
            source, clause = read_comprehension(rest, "%pmap", clause_name)
            names = self._shell.user_ns
            if local_ns is not None and local_ns is not names:
                names = {**names, **local_ns}
            function = compile_expression(source, clause.names, names, filename=body_name, flags=self._flags)
            points = self._points(clause, names, values)
        title = self._title(values, "pmap")
        return self._run(Job(function, clause.names, points.read, points.rows(), values, title, (clause_name,)))

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
            points: list[tuple[Any, ...]] = [()] * (self._pool(values)[0].nodes if values["each"] else 1)
            values = {**values, "bg": False, "out": None}
            self._hint(cell)
            found = list(self._complete(Job(function, (), points, points, values, self._title(values, "ppipe"))))
        value = found if values["each"] else found[0]
        self._keep(name, value)
        return None if values["quiet"] or is_silenced(cell) else value

    # their parts

    def _points(self, clause: Clause, names: dict[str, Any], values: Mapping[str, Any]) -> Points:
        refuse_settings(values, PMAP_LINE)
        points = clause.points(names)
        if values["bg"] or values["resume"] or values["detach"]:
            points.read_all()
        return points

    def _hint(self, body: str) -> None:
        """Say, once a body, that it gives nothing back."""
        name = assigned_last(body)
        if name and not is_silenced(body) and body not in self._hinted:
            self._hinted.add(body)
            text = f"the body ends by assigning {name}, so each value is None; a last line {name} gives it back"
            sys.stderr.write(f"note: {text}\n")

    def _run(self, job: Job) -> Results | Forecast | None:
        with plainly(self._shell, *job.filenames):
            if job.values["detach"]:
                job = replace(job, values={**job.values, "bg": True})
            if job.values["dry_run"] and not job.values["detach"]:
                with self._session.forgetting():
                    return foresee(*self._ask(job))
            results = self._complete(job)
            if job.values["verify"] and results.is_over:
                check(results, job.values["verify"])
        return None if job.values["quiet"] or (job.values["bg"] and job.values["out"]) else results

    def _complete(self, job: Job) -> Results:
        """Start the run, and wait for it unless it goes on behind; what is finished is kept in any case."""
        if job.values.get("plot"):
            check_plot()
        if job.values.get("verify") and job.values["bg"] and not job.values.get("detach"):
            cure = "results.verify(k) compares them when it is over"
            raise BadOption("--verify compares when the cell ends, and with --bg the run goes on then", cure=cure)
        begun: list[Results] = []
        later = said_later(self._shell)
        try:
            self._start(job, begun)
            if job.values["bg"]:
                self._views.show_now(begun[0].run.run_id)
            else:
                begun[0].wait()
        except KeyboardInterrupt as error:
            if begun:
                say_interrupted(error, begun[0], job.values["out"])
            raise
        finally:
            if begun:
                self._keep(job.values["out"], begun[0])
                self.sweeps.after(begun[0], later)
            self._views.settle()
            self._end_plots(begun)
        if not job.values["bg"]:
            self._raise_failure(begun[0], job)
        return begun[0]

    def _ask(self, job: Job) -> tuple[Pool, Ask, dict[str, Any]]:
        """Give what a dry run is to try, and where."""
        pool, asked = self._pool(job.values)
        options = {
            **asked,
            **_given(job.values, "timeout", "retries", "seed", "files" if job.values.get("files") else "collect"),
        }
        n_points = len(job.points) if job.rows is job.points else None
        ask = Ask(job.function, job.points, n_points, job.values["dry_run"], job.title, job.values["seed"])
        return pool, ask, options

    def _end_plots(self, begun: Sequence[Results]) -> None:
        plots, self._plots = self._plots, []
        for plot in plots:
            if begun and begun[0].is_over:
                plot.finish()

    def _start(self, job: Job, begun: list[Results]) -> None:
        """Start the run; its results are in `begun` even if a pool that runs in this thread is interrupted."""
        options = _given(job.values, "timeout", "retries", "on_error", "seed", "files", "collect", "collect_to")
        if job.values["quiet"]:
            options["progress"] = False
        if job.values.get("profile") or job.values.get("count_calls"):
            options["profile"] = "deterministic" if job.values["count_calls"] else True
        if job.values.get("each"):
            options["everywhere"] = True

        is_detached = bool(job.values.get("detach"))
        plan = None if is_detached else self.sweeps.plan(job)

        def hear(run: Run) -> None:
            if run.function is job.function:
                if plan is not None:
                    plan.attach(run)
                    self._join_profile(run, plan)
                how = How(job.function, job.values.get("seed"), post_mortem=post_mortem_of(self._shell))
                begun.append(Results(run, job.names, job.points, how))
                if job.values.get("plot"):
                    self._plots.append(begin_plot(self._shell, begun[0], is_watched=is_watched(self._shell)))
                if job.names:
                    self._views.name_items(run.run_id, begun[0].label, job.names)
                    self._repeats.offer(begun[0], job)
                    self._expect(begun[0], job)

        if is_detached:
            with self._session.listening(hear):
                self._detaching.begin(job)
            return
        pool, asked = self._pool(job.values)
        with self._session.listening(hear):
            rows = plan.rows() if plan is not None and plan.n_kept else job.rows
            drawn_at = job.into[1] if job.into is not None else None
            pool.start(job.function, rows, star=True, drawn_at=drawn_at, title=job.title, **options, **asked)

    def _join_profile(self, run: Run, plan: Plan) -> None:
        """Put the profile of a run that was cut short into that of the one that goes on with it."""
        cut_short = plan.first.run_id if plan.first is not None and plan.places is None else None
        earlier = next((kept.profile for kept in self._session.runs if kept.run_id == cut_short), None)
        if (earlier := earlier or plan.earlier_profile) is None:
            return
        if run.profile is not None:
            run.profile.join(earlier)
        else:  # not measured any more; what is known of it stays with it
            run.when_over(functools.partial(_take_over, earlier))

    def _expect(self, results: Results, job: Job) -> None:
        """See that the value that the cell shows stays what it is; a run behind has none of its points yet."""
        if job.into is None:
            self.values.expect(results.run.run_id)
        if job.values["bg"] and isinstance(results.run, Run):
            self.values.renew_at_the_end(results, results.run)

    def _renew(self, results: Results) -> None:
        """Show a result anew in its cell: points of it have run again."""
        if isinstance(results.run, Run):
            self._views.renew(results.run, results.label, results.names)
        self.values.renew(results)

    def _raise_failure(self, results: Results, job: Job) -> None:
        """Raise the first failure, if the run was to end with it."""
        failure = next(iter(results.run.failures.values()), None)
        try:
            results.run.raise_if_failed()
        except Cancelled as error:
            if failure is None:
                say_interrupted(error, results, job.values["out"])
            raise
        except Exception as error:
            if failure is not None and error is not results.run.error:
                label = results.label(failure.index) if job.names else "the cell"
                picture_failure(self._shell, error, failure, label)
            raise

    def _pool(self, values: Mapping[str, Any]) -> tuple[Pool, dict[str, Any]]:
        """Give the pool that the options ask for, and what to ask of it."""
        places: tuple[str, ...] = values["pool"] or ()
        nodes: int | None = values["nodes"]
        made = self._made(places[0]) if len(places) == 1 else None
        if made is None:
            return self._session.pool(places, nodes), {}
        return made, {"n_workers": nodes} if nodes else {}

    def _made(self, name: str) -> Pool | None:
        """Give a pool that the user has made: as a variable, or with ``%pathos pool``."""
        found = self._shell.user_ns.get(name)
        if isinstance(found, Pool):
            return found
        return None if name in registry.names() else self._session.pools.get(name)

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


def _take_over(earlier: Profile, run: Run) -> None:
    """Give a run that went on without being profiled the profile of the one that it went on with."""
    profile = Profile(earlier.how)
    profile.join(earlier)
    if _NOT_MEASURED not in profile.notes:
        profile.notes.append(_NOT_MEASURED)
    run.profile = profile


def _given(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Give those options that were typed, of those that there are: a cell of one call has not got all of them."""
    return given(values, *(key for key in keys if key in values))
