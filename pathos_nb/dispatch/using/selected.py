"""Some items of a run, as a run of their own: what a part of a result is a view of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pathos_nb.dispatch.keepers import MISSING
from pathos_nb.dispatch.unrun import Seen, is_unrun
from pathos_nb.errors import Cancelled, Failure
from pathos_nb.events import ChunkDone

__all__ = ["Selected", "moved"]


def moved(failure: Failure, index: int) -> Failure:
    """Give a failure of another place.

    Parameters
    ----------
    failure : Failure
        What is kept of it.
    index : int
        The place.

    Returns
    -------
    Failure
        The same, otherwise.
    """
    told = {name: getattr(failure, name) for name in failure.__slots__ if name not in ("index", "error")}
    return Failure(index, failure.error, **told)


def is_not_run(value: Any) -> bool:
    """Tell whether a value stands for an item that was not run, or was stopped."""
    return isinstance(value, Failure) and isinstance(value.error, Cancelled)


def _at(place: int, value: Any) -> Any:
    if not isinstance(value, Failure):
        return value
    return MISSING if is_unrun(value) else moved(value, place)


class Selected:
    """Some items of a run, counted from 0; a view, which fills as the run does.

    Parameters
    ----------
    owner : Results
        Those of the run; a record that points run again in is replaced there.
    indices : sequence of int
        Which items, in the order wanted.
    """

    def __init__(self, owner: Any, indices: Sequence[int]) -> None:
        self._owner, self.indices = owner, indices
        self._places: dict[int, int] = {}
        self._again: dict[int, list[int]] = {}  # further places of items that were asked for more than once
        for place, index in enumerate(indices):
            if self._places.setdefault(index, place) != place:
                self._again.setdefault(index, []).append(place)

    def __repr__(self) -> str:
        return f"<Selected {len(self.indices)} items of {self.whole!r}>"

    @property
    def whole(self) -> Any:
        """The run."""
        return self._owner.run

    @property
    def run_id(self) -> str:
        """The name of the whole run."""
        return str(self.whole.run_id)

    @property
    def title(self) -> str:
        """What the whole is called, and that this is a part."""
        title = self.whole.title or "Results"
        return title if isinstance(self.whole, Selected) else f"part of {title}"

    @property
    def total(self) -> int:
        """How many items it has."""
        return len(self.indices)

    @property
    def reach(self) -> int:
        """The same."""
        return len(self.indices)

    @property
    def is_over(self) -> bool:
        """Whether the whole is."""
        return bool(self.whole.is_over)

    @property
    def started_at(self) -> float:
        """When the whole began."""
        return float(self.whole.started_at)

    @property
    def error(self) -> BaseException | None:
        """What ended the whole."""
        return self.whole.error  # type: ignore[no-any-return]  # any of three kinds of run

    @property
    def profile(self) -> Any:
        """The whole's: samples are kept by worker, not by item."""
        return self.whole.profile

    @property
    def state(self) -> str:
        """What the whole's would be if it had these items only."""
        if not self.is_over:
            return str(self.whole.state)
        return "failed" if self.failures else "done" if self.n_done == self.total else str(self.whole.state)

    @property
    def seconds(self) -> float:
        """From the first beginning of one of them to the last end."""
        chunks = list(self.chunks)
        if not self.is_over or not chunks:
            return float(self.whole.seconds)
        return max(c.ends[-1] for c in chunks) - min(c.started for c in chunks)

    @property
    def n_done(self) -> int:
        """How many are finished."""
        return sum(not is_not_run(value) for value in self.seen())

    @property
    def n_failed(self) -> int:
        """How many of these failed."""
        return len(self.failures)

    @property
    def failures(self) -> dict[int, Failure]:
        """Place to `Failure`, of items that were run."""
        found = dict(self.whole.failures)
        return {place: moved(found[i], place) for place, i in enumerate(self.indices) if i in found}

    @property
    def attempts(self) -> dict[int, int]:
        """Place to how often an item was begun before."""
        known = dict(self.whole.attempts)
        return {place: known[i] for place, i in enumerate(self.indices) if i in known}

    @property
    def chunks(self) -> list[ChunkDone]:
        """The record of these items."""
        return [part for chunk in self.whole.chunks for part in self._parts(chunk)]

    def _parts(self, chunk: ChunkDone) -> Iterator[ChunkDone]:
        start = chunk.started
        for number, end in enumerate(chunk.ends):
            block = chunk.indices[number * chunk.block : (number + 1) * chunk.block]
            if here := [self._places[i] for i in block if i in self._places]:
                stop = start + (end - start) * len(here) / len(block)
                rest: dict[str, Any] = {"failures": (), "output": (), "pictures": ()}
                yield chunk._replace(indices=here, started=start, ends=[stop], block=len(here), **rest)
                for place in (place for i in block for place in self._again.get(i, ())):
                    stop = start + (end - start) / len(block)
                    yield chunk._replace(indices=[place], started=start, ends=[stop], block=1, **rest)
            start = end

    def values(self) -> list[Any]:
        """Give the values, with a `Failure` where there is none."""
        return list(self.seen())

    def seen(self) -> Sequence[Any]:
        """Give the same; a `Failure` of what was not run is made when somebody looks at it."""
        is_over, found = self.is_over, self.whole.seen()
        n = max(self.indices, default=-1) + 1
        found = Seen(found, n, is_over=is_over) if n > len(found) else found
        values = [_at(place, found[i]) for place, i in enumerate(self.indices)]
        return Seen(values, len(self.indices), is_over=is_over)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end of the whole."""
        return bool(self.whole.wait(timeout))

    def cancel(self) -> None:
        """Stop the whole."""
        self.whole.cancel()

    def raise_if_failed(self) -> None:
        """Raise the first failure, if there is one."""
        for failure in self.failures.values():
            failure.reraise()
