"""A run that a test moves by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pathos_nb.dispatch.chunk_log import ChunkLog
from pathos_nb.dispatch.nested import InnerRuns
from pathos_nb.dispatch.options import MapOptions
from pathos_nb.errors import Cancelled, Failure
from pathos_nb.events import ChunkDone, Event, PlaceNews, RunEnded


class FakeRun:
    """What views and results need of a run."""

    def __init__(self, total: int | None = 4, title: str = "fits", run_id: str = "r1") -> None:
        self.run_id, self.title, self.label, self.total = run_id, title, title, total
        self.options = MapOptions()
        self.state, self.n_done, self.n_failed, self.n_before = "running", 0, 0, 0
        self.started_at = 0.0
        self.seconds, self.is_over, self.n_pictures = 0.0, False, 0
        self.failures: dict[int, Failure] = {}
        self.chunks = ChunkLog()
        self.profile: Any = None
        self.inner = InnerRuns()
        self.node: Any = None
        self.places: list[PlaceNews] = []
        self.found: dict[int, Any] = {}
        self.attempts: dict[int, int] = {}
        self.error: BaseException | None = None
        self.is_cancelled = self.output_taken = False
        self._callbacks: list[Callable[[Event], None]] = []

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    def tell(self, event: Event) -> None:
        for callback in tuple(self._callbacks):
            callback(event)

    def deliver(
        self,
        values: dict[int, Any],
        *,
        worker: str = "p1",
        start: float = 0.0,
        step: float = 1.0,
        said: str = "",
        place: str = "",
    ) -> None:
        """Finish some items in one chunk, each `step` seconds long."""
        failures = tuple(v for v in values.values() if isinstance(v, Failure))
        ends = [start + step * (i + 1) for i in range(len(values))]
        output = tuple((index, said) for index in values) if said else ()
        chunk = ChunkDone(self.run_id, worker, "here", 1, tuple(values), start, ends, 1, failures, output, (), place)
        self.found |= values
        self.failures |= {f.index: f for f in failures}
        self.n_done += len(values)
        self.n_failed += len(failures)
        self.chunks.append(chunk)
        self.tell(chunk)

    def end(self, state: str = "done", seconds: float = 2.0) -> None:
        """End the run."""
        self.state, self.seconds, self.is_over = state, seconds, True
        self.tell(RunEnded(self.run_id, state, seconds))

    def values(self) -> list[Any]:
        missing = [Failure(i, Cancelled("not run", index=i)) for i in range(self.total or 0)]
        return [self.found.get(i, nothing) for i, nothing in enumerate(missing)]

    seen = values

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_over

    def cancel(self) -> None:
        self.is_cancelled = True
