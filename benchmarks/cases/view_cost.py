"""What a live view costs the kernel: its share of a core and its bytes while 10,000 items a second are done."""

from __future__ import annotations

from benchmarks.figures import Outcome, Row, at_most, row_of
from benchmarks.scene import Scene
from benchmarks.viewing import view_cost
from pathos_nb.events import ChunkDone
from pathos_nb.notebook.stream import INTERVAL_S
from pathos_nb.notebook.watch import Watch

ITEMS_A_SECOND, SIZE = 10_000, 100
OPEN, ALONE, MANY, CLOSED = "view open", "view open, items sent one by one", "view open, 1,000 workers", "nobody looks"
WAYS = {OPEN: (SIZE, 8), ALONE: (1, 8), MANY: (SIZE, 1000), CLOSED: (SIZE, 8)}


class ViewCost:
    """A run by the clock of its own record, so that nothing but the view is measured; packing counts."""

    name = "view_cost"
    title = "a live view's share of a core while 10,000 items a second are done"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        for way, (size, n_workers) in WAYS.items():
            runs = [
                _measured(way != CLOSED, size, n_workers, 10 if scene.is_quick else 30) for _ in range(scene.n_reps)
            ]
            outcome.rows.append(row_of("pathos_nb", way, [cost for cost, _, _ in runs], "%"))
            _, n_messages, n_bytes = runs[0]
            outcome.rows.append(Row("pathos_nb", f"{way}: messages a second", n_messages, ""))
            outcome.rows.append(Row("pathos_nb", f"{way}: kB a second", n_bytes / 1e3, "kB"))
            outcome.goals.append(at_most(f"{way}: messages a second", n_messages, 10.5, ""))
            outcome.goals.append(at_most(f"{way}: kB a second", n_bytes / 1e3, 105.0, "kB"))
        for way, limit in ((OPEN, 3.0), (MANY, 3.0), (CLOSED, 0.1)):
            outcome.goals.append(at_most(f"{way}: share of a core", outcome.value("pathos_nb", way), limit, "%"))
        return outcome


def _measured(is_open: bool, size: int, n_workers: int, seconds: int) -> tuple[float, float, float]:
    """Give the share of a core in per cent, messages a second, and bytes a second."""
    chunks = [_chunks(step, size, n_workers) for step in range(round(seconds / INTERVAL_S))]

    def happen(watch: Watch, step: int) -> None:
        for chunk in chunks[step]:
            watch.take(chunk)

    return view_cost(seconds, happen, is_open=is_open)


def _chunks(step: int, size: int, n_workers: int) -> list[ChunkDone]:
    n = round(ITEMS_A_SECOND * INTERVAL_S / size)
    made = []
    for number in range(step * n, step * n + n):
        start = number // n_workers * n_workers * size / ITEMS_A_SECOND
        length = min(n_workers * size / ITEMS_A_SECOND, 10.0)
        indices, worker = range(number * size, number * size + size), f"processes-{number % n_workers}"
        made.append(ChunkDone("r", worker, "host", 1, indices, start, [start + length], size, (), ()))
    return made


CASE = ViewCost()
