"""Calls that wait for the results of others, without a worker and without a thread.

::

    input's pool                                       this pool
      value is placed, or its run is over ──► hub.post ──► Waiting.look ──► HeldSource.release ──► feeder
                                                                └── an input failed ──► the item fails

Nothing of another pool is done under this pool's lock but to read a value that is there: what one says comes as a call
posted to the other's hub.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from pathos_nb.dispatch.graph import link
from pathos_nb.dispatch.inputs import Element, Whole, coming, copied, filled, has_any, outcome_error, within
from pathos_nb.dispatch.run import Run, Task
from pathos_nb.dispatch.source import SliceSource, Taken
from pathos_nb.errors import Cancelled, Failure
from pathos_nb.launchers.contract import Hub
from pathos_nb.launchers.registry import registry
from pathos_nb.typed import Any

__all__ = ["HeldSource", "Waiting", "held_source"]


class HeldSource(SliceSource):
    """Argument tuples some of which have to wait for their inputs.

    Parameters
    ----------
    rows : list of tuple, or None
        Argument tuples, with handles in them; None while a whole sequence has not come.
    kwargs : dict
        Fixed keyword arguments with handles in them, for which all rows wait.
    sequences : tuple
        What the rows are made of when they have come, if that is not known yet.
    star : bool
        Whether `sequences` is one, of argument tuples.
    """

    comes_late = True

    def __init__(self, rows: list[Any] | None, kwargs: dict[str, Any], sequences: Any = (), star: bool = False) -> None:
        super().__init__((rows or [],), True)
        self.kwargs, self._sequences, self._is_starred = kwargs, sequences, star
        self.total = None if rows is None else len(rows)
        self.shared = [*within(kwargs), *within(sequences)]
        self._open: deque[int] = deque()
        self.held: dict[int, list[Whole | Element]] = {}
        self._n_taken = 0
        if rows is not None and not self.shared:
            self.admit()

    def admit(self) -> None:
        """Let go what waits for nothing but what all wait for, which is there."""
        if self.total is None:
            parts = filled(self._sequences)
            self.columns = (list(map(tuple, parts[0])) if self._is_starred else list(zip(*parts, strict=False)),)
            self.total = len(self.columns[0])
        self.shared, self._sequences = [], ()
        for index, row in enumerate(self.columns[0]):
            inputs = list(within(row))
            if inputs:
                self.held[index] = inputs
            else:
                self._open.append(index)

    def release(self, index: int) -> None:
        """Let an item go whose inputs are there; a failed one raises."""
        row = filled(self.columns[0][index])
        del self.held[index]
        self.columns[0][index] = row
        self._open.append(index)

    def drop(self, index: int) -> Task:
        """Let an item go that will not be run."""
        del self.held[index]
        self._n_taken += 1
        return Task(range(index, index + 1), [self.columns[0][index]])

    @property
    def n_taken(self) -> int:
        """Items taken."""
        return self._n_taken

    @property
    def left(self) -> int:
        """Items not yet taken."""
        return len(self._open) + len(self.held) + bool(self.shared)

    @property
    def ready(self) -> int:
        """Items that can be taken now."""
        return len(self._open)

    def is_light(self) -> bool:
        """Whether many may go unmeasured: not where they come one by one."""
        return False

    def take(self, n: int) -> Taken:
        """Give the indices and the items of the next `n` that are ready."""
        indices = [self._open.popleft() for _ in range(min(n, len(self._open)))]
        self._n_taken += len(indices)
        rows = self.columns[0]
        return indices, [rows[index] for index in indices]

    def end(self) -> None:
        """Give no more, and let the input go."""
        self._open.clear()
        self.held, self.shared, self.columns = {}, [], ([],)


def held_source(sequences: tuple[Any, ...], star: bool, kwargs: Mapping[str, Any]) -> HeldSource | None:
    """Give the source of a call that has to wait for others.

    Parameters
    ----------
    sequences, star
        As for a map.
    kwargs : dict
        Its function's fixed keyword arguments.

    Returns
    -------
    HeldSource or None
        None if there is no handle in it.
    """
    if not registry.handles or not (has_any(sequences) or has_any(kwargs)):
        return None
    known = [_elements(sequence) for sequence in sequences]
    held = copied(dict(kwargs))
    if any(sequence is None for sequence in known):
        return HeldSource(None, held, copied(sequences), star)
    rows = list(map(tuple, known[0] or ())) if star else list(zip(*(each or () for each in known), strict=False))
    return HeldSource([copied(row) for row in rows], held)


def _elements(sequence: Any) -> list[Any] | None:
    """Give the items of a sequence; those of a map that is not over one by one; None where nobody knows how many."""
    found = coming(sequence)
    if found is None:
        return list(sequence)
    if isinstance(found, Whole) and not found.single and found.run.total is not None:
        return [Element(found.run, index) for index in range(found.run.total)]
    return None


class Waiting:
    """What a pool's runs wait for.

    Parameters
    ----------
    hub : Hub
        Where news of other pools arrive.
    check_over, fail_run, stop : callable
        Of the dispatcher.
    """

    def __init__(
        self,
        hub: Hub,
        check_over: Callable[[Run], None],
        fail_run: Callable[[Run, BaseException], None],
        stop: Callable[[Run, str, bool], None],
    ) -> None:
        self._hub, self._check_over, self._fail_run, self._stop = hub, check_over, fail_run, stop

    @staticmethod
    def is_step(run: Run) -> bool:
        """Whether a run is one call that waits for others: a graph shows it, and there may be very many."""
        return isinstance(run.source, HeldSource) and run.total == 1

    def begin(self, run: Run) -> None:
        """Wait for the inputs of a run that begins; under the lock."""
        source = run.source
        if isinstance(source, HeldSource) and (source.held or source.shared):
            run.state = "running" if source.ready else "queued"
            if source.shared:
                rows = (each for row in source.columns[0] for each in within(row))
                link(run, [each.run for each in (*source.shared, *rows)])
                self._when_all(source.shared, lambda: self._admit(run))
            else:
                self._hold(run)

    def _hold(self, run: Run) -> None:
        source = run.source
        assert isinstance(source, HeldSource)
        link(run, [each.run for inputs in source.held.values() for each in inputs])
        for index, inputs in list(source.held.items()):
            self._when_all(inputs, lambda index=index: self._release(run, index))  # type: ignore[misc]

    def _when_all(self, inputs: Sequence[Whole | Element], then: Callable[[], None]) -> None:
        """Have something called, in the thread that runs the hub, when all inputs are there; be it more than once."""
        left = list(reversed(inputs))  # one that is there stays there

        def look() -> None:
            while left and left[-1].is_there:
                left.pop()
            if left:
                left[-1].when_there(lambda: self._hub.post(look))
            else:
                then()

        self._hub.post(look)

    def _admit(self, run: Run) -> None:
        """Go on with a run that waited as a whole."""
        source = run.source
        if run.stopping or run.is_over or not isinstance(source, HeldSource) or not source.shared:
            return
        error = outcome_error(source.shared)
        if error is not None:
            self._end(run, error)
            return
        try:
            run.options = run.options._replace(kwargs=filled(source.kwargs))
            source.admit()
        except Exception as told:  # what came is no sequence
            self._fail_run(run, told)
            return
        self._hold(run)
        self._go_on(run)

    def _release(self, run: Run, index: int) -> None:
        source = run.source
        if run.stopping or run.is_over or not isinstance(source, HeldSource) or index not in source.held:
            return
        error = outcome_error(source.held[index])
        if error is None:
            source.release(index)
        elif source.total == 1 and isinstance(error, Cancelled):
            self._end(run, error)
            return
        else:
            self._fail_item(run, index, error, source)
        self._go_on(run)

    def _go_on(self, run: Run) -> None:
        if run.state == "queued" and run.source.ready:
            run.state = "running"
        if run.source.ready and run.under_way is not None:
            run.under_way.offer(run)
        self._check_over(run)

    def _fail_item(self, run: Run, index: int, error: BaseException, source: HeldSource) -> None:
        task = source.drop(index)
        failure = Failure(index, error, argument=run.argument_of(task, 0), attempt=0)
        run.fail(failure)  # before it is placed: who takes it looks whether it is one
        run.keeper.place([index], [failure])
        run.n_done += 1

    def _end(self, run: Run, error: BaseException) -> None:
        if isinstance(error, Cancelled):
            run.error = error
            self._stop(run, "cancelled", True)
        else:
            self._fail_run(run, error)
