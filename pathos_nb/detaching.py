"""Detached sweeps for scripts: `detach` submits a map to a batch queue, `attach` finds it again, in any process.

::

    from pathos_nb import attach, detach

    fits = detach(fit, alphas, title="fits", on="slurm", time="1:00:00", partition="long")
    ...                                   # days later, in another process
    fits = attach("fits")
    fits.wait()
    fits.to_pandas()
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pathos_nb.detached.ask import read_settings
from pathos_nb.detached.registry import queue_of
from pathos_nb.detached.sweeps import plan_detached
from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.store.found import find, loaded
from pathos_nb.dispatch.store.keys import function_key
from pathos_nb.dispatch.store.resume import path_of
from pathos_nb.dispatch.store.sweep import Sweep
from pathos_nb.dispatch.using.how import How
from pathos_nb.errors import BadOption, LauncherUnavailable, plain
from pathos_nb.session import current_session

__all__ = ["attach", "detach"]

_OPTIONS = ("seed", "timeout", "retries")


@plain
def detach(
    f: Callable[..., Any],
    *sequences: Iterable[Any],
    on: str = "slurm",
    title: str = "",
    store: str | Path = "",
    fresh: bool = False,
    **settings: Any,
) -> Results:
    """Have a batch queue compute ``map(f, *sequences)``, while no process of ours need be there.

    Parameters
    ----------
    f : callable
        Called with one item of each sequence.
    *sequences : iterable
        The shortest ends the map.
    on : str
        The batch queue.
    title : str
        By which it is found again; the function's name by default.
    store : str or Path
        The file that keeps it; your own by default.
    fresh : bool
        Compute all points, also those that are there already or in the queue.
    **settings : object
        ``seed``, ``timeout`` and ``retries`` as of a map, and those of `pathos_nb.detached.ask.Ask`: ``time``,
        ``partition``, ``cpus``, ``memory``, ``per_task``, ``nodes`` …

    Returns
    -------
    Results
        It fills while this process lives; asked for the same again, what is in the queue, or finished.

    Raises
    ------
    QueueError
        The queue does not take it.
    BadOption
        A setting makes no sense.
    CannotKey, StoreError
        It cannot be kept.
    """
    queue = queue_of(on)
    if why := queue.availability():
        raise LauncherUnavailable(f"{on} cannot be used here", cause=why)
    options = {name: settings.pop(name) for name in _OPTIONS if name in settings}
    rows, names = list(zip(*sequences, strict=False)), _names(f, len(sequences))
    if not sequences:
        raise BadOption("a map needs something to map over", cure="give a sequence after the function")
    key = function_key(f, names=names, seed=options.get("seed"))
    kept = current_session().stores.get(path_of(str(store)))
    sweep = Sweep(f, key, names, rows, title or getattr(f, "__name__", "map"), _source(f), options)
    found = plan_detached(kept, sweep, fresh)
    if found.live is not None and found.live.title != sweep.title:
        told = f"{found.live.title} is this very sweep, and is called {sweep.title} from now on"
        warnings.warn(f"{told}; fresh=True begins another", stacklevel=3)  # one frame is that of `plain`
    run, _ = current_session().detached.begin(found, read_settings(settings), queue, {**options, "title": sweep.title})
    return Results(run, names, rows, How(f, options.get("seed")))


@plain
def attach(name: str, store: str | Path = "") -> Results:
    """Find a sweep again.

    Parameters
    ----------
    name : str
        Its title, or its id; the latest of that name.
    store : str or Path
        The file that keeps it; your own by default.

    Returns
    -------
    Results
        Of one that is in a queue, it fills while this process lives; else what was finished.

    Raises
    ------
    BadOption
        There is none of that name.
    """
    kept = current_session().stores.get(path_of(str(store)))
    kept.writer.flush()
    found = find(kept.file, name)
    if found is None:
        raise BadOption(f"no run is called {name!r} in {kept.file.path}", cure="%pathos runs lists them in a notebook")
    if not found.is_detached:
        return loaded(kept.file, found)
    run, plan = current_session().detached.attach(kept, found)
    return Results(run, plan.sweep.names, plan.sweep.rows, How(told={"code": found.source}))


def _names(f: Callable[..., Any], n: int) -> tuple[str, ...]:
    try:
        names = tuple(inspect.signature(f).parameters)[:n]
    except (TypeError, ValueError):
        names = ()
    return names if len(names) == n else tuple(f"x{number}" for number in range(n))


def _source(f: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(f)
    except (OSError, TypeError):
        return ""
