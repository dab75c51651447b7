"""An item that waits for its own map: it is refused, where that can be seen, since nothing could ever end it.

It can be seen where items are threads of this process: there an item may find the handle of its map in a global, while
a handle does not travel to other processes.
"""

from __future__ import annotations

from collections.abc import Iterator

from pathos_nb.errors import EndlessWait
from pathos_nb.launchers.codec import ByReference
from pathos_nb.launchers.inside import here
from pathos_nb.typed import Any

__all__ = ["refuse_endless"]


def refuse_endless(run: Any) -> None:
    """Raise if the item that this thread is at must be over before a run can be.

    Parameters
    ----------
    run : Run
        What is to be waited for.

    Raises
    ------
    EndlessWait
        It is the item's own run, or waits for that one.
    """
    worker = here.worker
    doing = None if worker is None or worker.codec is not ByReference else worker.doing
    if doing is None:
        return
    mine = doing.run_of.number
    if any(each.number == mine for each in _needed(run)):
        whose = "its own map" if run.number == mine else "a call that depends on its own map"
        where = {"index": doing.indices[len(doing.values)], "run": run.run_id}
        cure = "have it return, and ask for the value outside; or give it a timeout"
        raise EndlessWait(f"an item waits for {whose}, {run.label}, which waits for the item", cure=cure, **where)


def _needed(run: Any) -> Iterator[Any]:
    """Give a run, and all those that it waits for."""
    seen, left = set(), [run]
    while left:
        each = left.pop()
        if each.number in seen or each.is_over:
            continue
        seen.add(each.number)
        yield each
        source = each.source
        held = [one for inputs in tuple(getattr(source, "held", {}).values()) for one in inputs]
        left += [one.run for one in (*getattr(source, "shared", ()), *held)]
