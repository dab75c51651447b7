"""One run as the notebook watches it: takes what is new in its record and gives a snapshot. Draws nothing."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from pathos_nb.dispatch.absences import sentences
from pathos_nb.dispatch.failed import describe
from pathos_nb.dispatch.run import Run
from pathos_nb.events import ChunkDone
from pathos_nb.notebook.picture import Snapshot

__all__ = ["Meter", "Watch", "call_item"]

_WINDOW_S = 5.0
_N_FAILURES = 50


class Meter:
    """How many items a second, lately.

    Parameters
    ----------
    start : float
        The time now, of any clock that only goes forward.
    window_s : float
        How far back to look.
    """

    def __init__(self, start: float, window_s: float = _WINDOW_S) -> None:
        self._marks: deque[tuple[float, int]] = deque([(start, 0)])
        self._window_s = window_s

    def rate(self, now: float, n_done: int) -> float:
        """Note how far it is, and give the speed.

        Parameters
        ----------
        now : float
            The time, by the same clock.
        n_done : int
            Items so far.

        Returns
        -------
        float
            Items a second inside the window; 0 before the first is done.
        """
        self._marks.append((now, n_done))
        while len(self._marks) > 2 and self._marks[1][0] <= now - self._window_s:
            self._marks.popleft()
        then, n_then = self._marks[0]
        return (n_done - n_then) / (now - then) if now > then else 0.0


def call_item(index: int) -> str:
    """Name an item that has no parameters.

    Parameters
    ----------
    index : int
        Its place.

    Returns
    -------
    str
        ``item 3``.
    """
    return f"item {index}"


class Watch:
    """What is known of one run.

    Parameters
    ----------
    run : Run
        The run.
    now : float
        The time, by the clock that `snapshot` will be given.
    cap : int
        Characters of output to keep.
    """

    def __init__(self, run: Run, now: float, cap: int) -> None:
        self.run = run
        self.label: Callable[[int], str] = call_item
        self._meter, self._cap = Meter(now), cap
        self._n_kept, self._n_cut = 0, 0
        self._workers: Counter[str] = Counter()
        self._output: dict[int, str] = {}
        self._pictures: list[tuple[int, str, str]] = []

    @property
    def has_output(self) -> bool:
        """Whether an item printed something."""
        return bool(self._output)

    def snapshot(self, now: float) -> Snapshot:
        """Give the run as it is.

        Parameters
        ----------
        now : float
            The time.

        Returns
        -------
        Snapshot
            For a picture.
        """
        # Copied at once: another thread adds to them.
        run, failures = self.run, list(self.run.failures.items())
        workers, output = list(self._workers.items()), list(self._output.items())
        rate = self._meter.rate(now, run.n_done)
        if run.is_over:
            rate = run.n_done / run.seconds if run.seconds > 0 else 0.0
        return Snapshot(
            title=run.title or "map",
            state=run.state,
            n_done=run.n_done,
            n_failed=run.n_failed,
            total=run.total,
            seconds=run.seconds,
            rate=rate,
            workers=sorted(workers),
            failures=[(self.label(i), describe(f)) for i, f in failures[:_N_FAILURES]],
            output=[(self.label(i), text) for i, text in sorted(output)],
            n_cut=self._n_cut,
            pictures=[(self.label(i), kind, data) for i, kind, data in sorted(self._pictures)],
            n_pictures=run.n_pictures,
            waits=sentences(list(run.places), is_over=run.is_over),
        )

    def take(self, chunk: ChunkDone) -> None:
        """Note a chunk; called once for each, under the lock of whoever tells the news.

        Parameters
        ----------
        chunk : ChunkDone
            Its figures and output are kept, and nothing else of it.
        """
        self._workers[chunk.worker] += chunk.n_items
        self._pictures.extend(chunk.pictures)
        for index, text in chunk.output:
            kept = text[: max(0, self._cap - self._n_kept)]
            self._n_kept += len(kept)
            self._n_cut += len(text) - len(kept)
            if kept:
                self._output[index] = self._output.get(index, "") + kept
