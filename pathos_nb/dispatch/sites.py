"""The workers of a pool as sites: which of them may run a map, and what each has for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

from pathos_nb.dispatch.crew import Crew, Seat
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.selecting import Site, chooser, describe
from pathos_nb.dispatch.under_way import UnderWay
from pathos_nb.errors import BadOption, FilesFailed, NothingFits
from pathos_nb.launchers.resources import Resources
from pathos_nb.typed import Any

__all__ = ["Sites"]

_UNKNOWN = Resources(0)


class Sites:
    """What is known of a crew's workers.

    Parameters
    ----------
    crew : Crew
        The workers.

    Attributes
    ----------
    tags : mapping
        A place's name → what its workers are called besides.
    """

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self.tags: Mapping[str, frozenset[str]] = {}
        self._has: dict[Any, Resources] = {}
        self._numbers: dict[object, dict[int, int]] = {}
        self._asked_at = 0

    def site(self, seat: Seat) -> Site:
        """Give a worker as ``where=`` sees it."""
        slot, has, place = seat.slot, self._resources(seat), seat.launcher.name
        tags = self.tags.get(place, frozenset()) | has.tags
        return Site(seat.name, slot.host, place, tags, has.cores, has.memory_bytes, has.gpus)

    def _resources(self, seat: Seat) -> Resources:
        launcher = seat.launcher
        if (own := seat.slot.resources()) is not None:
            return own
        if launcher not in self._has:
            found = launcher.resources()
            if found is None:
                return _UNKNOWN
            self._has[launcher] = found
        return self._has[launcher]

    def fits(self, run: Run, seat: Seat) -> bool:
        """Whether a worker is what a run wants, and has what it needs."""
        key = id(seat), seat.slot.host
        if key not in run.fitting:
            run.fitting[key] = self._does_fit(run, seat)
        return run.fitting[key]

    def _does_fit(self, run: Run, seat: Seat) -> bool:
        options = run.options
        if options.where is not None and not chooser(options.where)(self.site(seat)):
            return False
        wants_process = any(each is not None for each in (options.memory, options.gpus, run.files))
        if wants_process and seat.launcher.shares_memory:
            return False
        return options.gpus is None or self._devices(seat, options.gpus) is not None

    def has_files(self, run: Run, seat: Seat) -> bool:
        """Whether a run's files are where the worker sees them; they are brought there if they are not."""
        if run.files is None:
            return True
        problem = seat.slot.stage(run.files.inputs)
        if problem:
            run.fitting[id(seat), seat.slot.host] = False
            self._asked_at = -1
            run.files.problems[seat.slot.host] = problem
        return problem == ""

    def _devices(self, seat: Seat, n: int) -> str | None:
        """Give a worker's own GPUs, as many as that; None if those before it have taken all."""
        number = self._number(seat)
        found = self._resources(seat).gpus[number * n : (number + 1) * n]
        return ",".join(found) if len(found) == n else None

    def _number(self, seat: Seat) -> int:
        """Give a worker's number among those of its machine, which it keeps, whoever comes and goes."""
        machine = seat.slot.machine
        if machine is None:
            return int(seat.name.rpartition("-")[2]) - 1
        known = self._numbers.setdefault(machine, {})
        if id(seat) not in known:
            there = {id(each) for each in self._crew.seats if each.slot.machine is machine}
            for gone in known.keys() - there:
                del known[gone]
            known[id(seat)] = next(n for n in itertools.count() if n not in known.values())
        return known[id(seat)]

    def limits(self, run: Run, seat: Seat) -> tuple[int | None, str | None] | None:
        """Give what a worker may take for a run, as it is told."""
        options = run.options
        if options.memory is None and options.gpus is None:
            return None
        return options.memory, None if options.gpus is None else self._devices(seat, options.gpus)

    def refuse(self, runs: UnderWay, fail_run: Callable[[Run, BaseException], None]) -> None:
        """Fail those runs that nobody can do; one that somebody can is asked again when workers have come or gone."""
        if self._asked_at != self._crew.n_changes:
            self._asked_at = self._crew.n_changes
            runs.doubt()
        for run in list(runs.doubtful):
            if run.stopping:
                continue
            if (error := self.why_not(run)) is not None:
                fail_run(run, error)
            elif any(self.fits(run, seat) for seat in self._crew.seats):
                runs.doubtful.pop(run, None)

    def why_not(self, run: Run) -> BaseException | None:
        """Give the error of a run that no worker can do, now or later; None if one can."""
        seats = [*self._crew.seats, *(seat for row in self._crew.vacant.values() for seat in row)]
        try:
            if not seats or any(self.fits(run, seat) for seat in seats):
                return None
        except Exception as error:  # the user's own function
            what = f"where={run.options.where!r} raised {type(error).__name__}: {error}"
            refused = BadOption(what, cure="it takes a Site, and says whether that will do")
            refused.__cause__ = error
            return refused
        if any(launcher.waits for launcher in self._crew.launchers) or not all(seat.slot.is_known for seat in seats):
            return None  # who is still to come may be the one
        if run.files is not None and run.files.problems:
            told = "; ".join(f"{host}: {problem}" for host, problem in run.files.problems.items())
            return FilesFailed("no worker of the pool can have the files", cause=told, cure="begin the map again")
        cause = f"there is {describe(map(self.site, seats))}"
        return NothingFits(f"no worker of the pool fits {_wanted(run)}", cause=cause, cure=_cure(run, seats))


def _wanted(run: Run) -> str:
    options = run.options
    said = {
        "where": options.where, "memory": options.memory, "gpus": options.gpus, "files": options.files,
        "collect": options.collect,
    }  # fmt: skip
    return ", ".join(f"{name}={value!r}" for name, value in said.items() if value is not None)


_NEEDS_PROCESSES = "limits, GPUs and files need workers that are processes of their own, on this machine or another"


def _cure(run: Run, seats: list[Seat]) -> str:
    here = [seat.launcher.shares_memory for seat in seats]
    if all(here):
        return _NEEDS_PROCESSES
    options = run.options
    wants = (options.memory, options.gpus, options.files, options.collect)
    may_be_that = any(here) and any(each is not None for each in wants)
    return "ask for less, or add a place that has it" + f"; {_NEEDS_PROCESSES}" * may_be_that
