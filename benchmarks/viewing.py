"""What a live view costs, by the clock of the run's own record: nothing but the view is measured."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from pathos_nb.dispatch.nested import InnerRuns
from pathos_nb.notebook.feed import Feed
from pathos_nb.notebook.stream import INTERVAL_S, Stream
from pathos_nb.notebook.watch import Watch
from pathos_nb.wire.messages import PROTOCOL


def view_cost(
    seconds: int, happen: Callable[[Watch, int], None], *, profile: Any = None, is_open: bool = True
) -> tuple[float, float, float]:
    """Give a view's share of a core in per cent, its messages a second, and its bytes a second.

    Parameters
    ----------
    seconds : int
        How long the run lasts, by its own clock.
    happen : Callable[[Watch, int], None]
        Does what happens in the interval of this number; it counts as the view's.
    profile : Profile, optional
        Of the run.
    is_open : bool
        Whether somebody looks.
    """
    watch, sent = Watch(stand_in_run(profile), 0.0, 20_000), list[int]()
    stream = Stream(Feed(watch), lambda message: sent.append(len(json.dumps(message))))
    if is_open:
        stream.hear({"type": "open", "version": PROTOCOL})
    began = time.process_time()
    for step in range(round(seconds / INTERVAL_S)):
        happen(watch, step)
        now = (step + 1) * INTERVAL_S
        if stream.due(True) <= now + 1e-6:
            stream.tell(now)
    cost = time.process_time() - began
    return 100 * cost / seconds, (len(sent) - 2) / seconds if is_open else 0.0, sum(sent) / seconds


def stand_in_run(profile: Any = None) -> Any:
    """Give what a view asks of a run."""
    return SimpleNamespace(
        run_id="r", label="bench", state="running", total=None, n_done=1, n_before=0, n_failed=0, n_pictures=0,
        seconds=1.0, started_at=0.0, is_over=False, failures={}, chunks=[], places=[], profile=profile,
        inner=InnerRuns(),
    )  # fmt: skip
