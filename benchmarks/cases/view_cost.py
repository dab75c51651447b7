"""What a live view costs the kernel: its share of a core and its bytes while 10,000 items a second are done."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import Any

from benchmarks.figures import Outcome, Row, at_most, row_of
from benchmarks.scene import Scene
from pathos_nb.events import ChunkDone
from pathos_nb.notebook.feed import Feed
from pathos_nb.notebook.stream import INTERVAL_S, Stream
from pathos_nb.notebook.watch import Watch
from pathos_nb.wire.messages import PROTOCOL

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
    watch, sent = Watch(_run(), 0.0, 20_000), list[int]()
    stream = Stream(Feed(watch), lambda message: sent.append(len(json.dumps(message))))
    if is_open:
        stream.hear({"type": "open", "version": PROTOCOL})
    chunks = [_chunks(step, size, n_workers) for step in range(round(seconds / INTERVAL_S))]
    began = time.process_time()
    for step, news in enumerate(chunks):
        for chunk in news:
            watch.take(chunk)
        now = (step + 1) * INTERVAL_S
        if stream.due(True) <= now + 1e-6:
            stream.tell(now)
    cost = time.process_time() - began
    return 100 * cost / seconds, (len(sent) - 2) / seconds if is_open else 0.0, sum(sent) / seconds


def _run() -> Any:
    return SimpleNamespace(
        run_id="r", title="bench", state="running", total=None, n_done=1, n_before=0, n_failed=0, n_pictures=0,
        seconds=1.0, started_at=0.0, is_over=False, failures={}, chunks=[], places=[], profile=None,
    )  # fmt: skip


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
