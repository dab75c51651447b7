"""What every result can do beyond being a sequence: parts, grids, files, points that run again or under a debugger."""

from __future__ import annotations

import sys
from abc import abstractmethod
from array import array
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pathos_nb.dispatch.again import missing, run_again
from pathos_nb.dispatch.failed import Errors
from pathos_nb.dispatch.options import is_count
from pathos_nb.dispatch.using import picking
from pathos_nb.dispatch.using.comparing import Tolerance
from pathos_nb.dispatch.using.debugging import call_here, first_failed, look_into, where_it_failed
from pathos_nb.dispatch.using.files import read_pickled, write_pickled
from pathos_nb.dispatch.using.grids import to_dataset
from pathos_nb.dispatch.using.how import How
from pathos_nb.dispatch.using.selected import Selected
from pathos_nb.dispatch.using.verify import Verified, compare
from pathos_nb.dispatch.writing import writing
from pathos_nb.errors import BadFile, BadOption, Failure, plain
from pathos_nb.launchers.failing import text_of

__all__ = ["Uses"]

S = TypeVar("S", bound="Uses")


class Uses(Sequence[Any]):
    """What can be done with a result."""

    run: Any
    names: tuple[str, ...]
    points: Sequence[tuple[Any, ...]]
    how: How
    whole: Uses | None = None  # what this is a part of

    @abstractmethod
    def values(self) -> list[Any]:
        """Give all values."""

    @abstractmethod
    def forget(self) -> None:
        """Forget what was made of the run."""

    @abstractmethod
    def label(self, index: int) -> str:
        """Say which point it is."""

    @abstractmethod
    def _columns(self) -> Mapping[str, list[Any]]:
        """Give the table, not to be changed."""

    @property
    @abstractmethod
    def errors(self) -> Errors:
        """The points that failed."""

    @abstractmethod
    def _part(self: S, run: Selected, points: Sequence[tuple[Any, ...]]) -> S:
        """Give a result of some of the points."""

    # parts

    @plain
    def where(self: S, question: Any = None, /, **wanted: Any) -> S:
        """Give the points that fit, as a result of its own, which fills as this one does.

        Parameters
        ----------
        question : callable or sequence of bool, optional
            A mask with one entry for each point; or a function whose parameters are called as columns of `to_dict`,
            such as ``lambda alpha, value: value > alpha``. Points without a value are left out, unless the function
            asks for ``error``.
        **wanted : object
            Parameters of the point: a value; a list, set or range of values; or a function of the value. Floats fit
            if they differ in their last digits only.

        Returns
        -------
        Results
            In the order of the points.

        Raises
        ------
        BadOption
            There is no such parameter or column, or the mask is of another length.

        Notes
        -----
        ``fits.where(alpha=0.1, fold=range(3))``, ``fits.where(lambda alpha, value: value > alpha)``.
        """
        table, values = self._columns(), self.values()
        chosen: Sequence[int] = picking.where(table, self.names, wanted)
        if question is not None:
            if callable(question):
                fit = set(picking.asked(table, values, question))
            else:
                fit = set(picking.picked(question, len(values)))
            chosen = [index for index in chosen if index in fit]
        return self._picked(chosen)

    def _picked(self: S, indices: Sequence[int]) -> S:
        part = self._part(Selected(self, indices), [self.points[index] for index in indices])
        part.whole, part.how = self, self.how
        return part

    def _root(self, index: int) -> int:
        """Give a point's place in the run itself."""
        return index if self.whole is None else self.whole._root(self.run.indices[index])

    # tables

    @plain
    def to_xarray(self, dims: Sequence[str] | str | None = None) -> Any:
        """Give a sweep over a grid as labelled arrays.

        Parameters
        ----------
        dims : sequence of str, optional
            Which parameters are the dimensions, by default all; the others become coordinates along these.

        Returns
        -------
        xarray.Dataset
            One variable for each other column of `to_dict`; NaN or None where there is no point or no value. Values
            that are arrays of one shape have dimensions of their own, ``value_0`` and so on.

        Raises
        ------
        BadOption
            The points are no grid: two have the same parameters, or parameters move together, as ``zip`` makes them.
        ImportError
            Where xarray is not installed.
        """
        chosen = [dims] if isinstance(dims, str) else dims
        told = {"title": self.run.title or "", "run_id": self.run.run_id}
        return to_dataset(self.names, self._columns(), chosen, told)

    # points

    def debug(
        self,
        point: int | Failure | None = None,
        *,
        commands: str | Sequence[str] | None = None,
        function: Callable[..., Any] | None = None,
    ) -> Any:
        """Run one point in this process, and look into it with the debugger where it raises.

        Parameters
        ----------
        point : int or Failure, optional
            Which one: its place, or an entry of `errors`; the first that failed if it is not given.
        commands : str or sequence of str, optional
            What the debugger is to do, such as ``["p alpha", "where"]``; it then asks nobody. By default it is
            yours: IPython's in a notebook, pdb elsewhere.
        function : callable, optional
            What to call with the parameters, where the results come from a file.

        Returns
        -------
        object
            The point's value if nothing is raised; None else.

        Raises
        ------
        BadOption
            No point has failed, or there is no function to call.
        """
        if point is None:
            point = first_failed(self.errors)
        index = picking.place_of(point.index if isinstance(point, Failure) else point, len(self))
        how = self.how.ready() if function is None else How(function, self.how.seed, post_mortem=self.how.post_mortem)
        try:
            value = call_here(how, self.points[index], self._root(index))
        except BadOption:
            raise
        except (Exception, SystemExit) as error:  # a point may call sys.exit()
            at = where_it_failed(error)
            first = text_of(error).partition("\n")[0]
            sys.stderr.write(f"{self.label(index) or 'the point'}: {type(error).__name__}: {first}\n")
            if at is not None:
                look_into(how, at, [commands] if isinstance(commands, str) else commands)
            return None
        if isinstance(self[index], Failure):
            sys.stderr.write(f"note: {self.label(index)} raises nothing here, in this process\n")
        return value

    @plain
    def retry(
        self: S, pool: Any = None, *, function: Callable[..., Any] | None = None, is_all: bool = False, **options: Any
    ) -> S:
        """Run the points that have no value again; what comes of them is put into these results.

        Parameters
        ----------
        pool : Pool, optional
            Where; needed outside a notebook. In one it is where the cell ran.
        function : callable, optional
            What to call, where the results come from a file, or the function was mended.
        is_all : bool
            Whether to run all of these points, not only those that failed or were not run.
        **options : object
            Of the map; for a pool that is given.

        Returns
        -------
        Results
            These.

        Raises
        ------
        BadOption
            There is neither a pool nor a notebook to run them, or no function; or they are still running.
        BaseException
            What a point raises, if the run was to raise it.
        """
        if not self.run.is_over:
            raise BadOption(f"{self.run.title or self.run.run_id} is still running", cure="wait for its end")
        places = range(len(self)) if is_all else missing(self)
        indices, root = [self._root(index) for index in places], self._top()
        if indices:
            try:
                self._run_again(root, indices, pool, function, options)
            finally:
                self.forget()
        return self

    def _run_again(self, root: Uses, indices: Sequence[int], pool: Any, function: Any, options: Any) -> None:
        if pool is None and function is None and root.how.again is not None:
            root.how.again(indices)
            return
        call = function or (root.how.ready().function if pool is not None else root.how.function)
        if pool is None or call is None:
            lacking = "pool" if pool is None else "function"
            cure = "results.retry(pool, function=f) has both"
            raise BadOption(f"there is no {lacking} to run the points again", cure=cure)
        if root.how.seed is not None:
            options = {"seed": root.how.seed, **options}
        run_again(root, pool, call, indices, options)

    def _top(self) -> Uses:
        return self if self.whole is None else self.whole._top()

    @plain
    def verify(
        self,
        k: int = 5,
        *,
        seed: int = 0,
        relative: float = 1e-9,
        absolute: float = 0.0,
        function: Callable[..., Any] | None = None,
    ) -> Verified:
        """Compute some points again, one by one in this process, and compare.

        Parameters
        ----------
        k : int
            How many, drawn from those that have a value.
        seed : int
            Of the draw.
        relative, absolute : float
            How far numbers may lie apart, in parts of the value and besides; 0 and 0 is exactly. NaN is NaN.
        function : callable, optional
            What to call with the parameters, where the results come from a file.

        Returns
        -------
        Verified
            What differs, and how many are exactly the same; ``raise_if_different()`` raises.

        Raises
        ------
        BadOption
            There is no function to call, or `k` makes no sense.
        """
        if not is_count(k) or k < 1 or relative < 0 or absolute < 0:
            raise BadOption("verify wants a number of points from 1, and tolerances from 0")
        how = self.how.ready() if function is None else How(function, self.how.seed)
        tolerance = Tolerance(relative, absolute)
        there = array("q", (index for index, value in enumerate(self) if not isinstance(value, Failure)))
        if how.function is None:
            call_here(how, (), 0)  # says so
        asked = (k, seed, tolerance)
        chosen, n_exact, found = compare(self, there, lambda i: call_here(how, self.points[i], self._root(i)), asked)
        told = [(index, self.label(index), text) for index, text in found]
        return Verified(self.run.title or "the map", chosen, len(self), n_exact, told, tolerance)

    # files

    @plain
    def save(self, path: str | Path) -> Path:
        """Write the results to a file: points, values, failures with their tracebacks, times, code, environment.

        Parameters
        ----------
        path : str or Path
            Where. A file that is there is replaced, and only when the new one is whole.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        CannotReturn
            A value cannot be pickled.
        CannotWrite
            The file cannot be written; one that was there is as it was. It is an OSError too.
        """
        place = Path(path).expanduser()
        with writing(place):
            write_pickled(place, self, {"n_points": len(self), "run_id": self.run.run_id, "title": self.run.title})
        return place

    @classmethod
    def load(cls: type[S], path: str | Path) -> S:
        """Give results from a file that `save` wrote.

        Parameters
        ----------
        path : str or Path
            The file. It holds a pickle: load only what you, or somebody whom you trust, saved.

        Returns
        -------
        Results
            All but the function: `retry` and `debug` want it handed over.

        Raises
        ------
        BadFile
            It is something else, damaged, or written by a newer version.
        OSError
            It cannot be read.
        """
        place = Path(path).expanduser()
        found = read_pickled(place)
        if not isinstance(found, cls):
            raise BadFile(f"{place} holds a {type(found).__name__} and no results")
        return found
