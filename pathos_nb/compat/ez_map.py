"""pyina's ``ez_map``: one map on workers that are started for it, and ended with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pathos_nb.compat.pyina_launchers import (
    aprun_launcher,
    aprun_tasks,
    launch,
    moab_launcher,
    mpirun_launcher,
    mpirun_tasks,
    pool_of,
    serial_launcher,
    srun_launcher,
    srun_tasks,
    torque_launcher,
)
from pathos_nb.compat.pyina_mappers import worker_pool
from pathos_nb.compat.pyina_schedulers import defaults, moab_scheduler, torque_scheduler

__all__ = [
    "aprun_launcher", "aprun_tasks", "defaults", "ez_map", "ez_map2", "ezdefaults", "launch", "moab_launcher",
    "moab_scheduler", "mpirun_launcher", "mpirun_tasks", "serial_launcher", "srun_launcher", "srun_tasks",
    "torque_launcher", "torque_scheduler",
]  # fmt: skip

ezdefaults = defaults

_STRATEGIES = {"mpi_pool": False, "mpi_scatter": True}


def ez_map(func: Callable[..., Any], *arglist: Any, **kwds: Any) -> list[Any]:
    """Call a function for each item, on workers of its own.

    Parameters
    ----------
    func : callable
        What is called, with one argument from each sequence.
    *arglist : iterable
        One sequence or more.
    **kwds : object
        ``nodes``: how many workers. ``launcher``: a launcher of `pyina.launchers`, or a pool's class. ``mapper``: a
        strategy of `pyina.mappers`. ``scheduler``: one of `pyina.schedulers`; with ``queue`` and ``timelimit`` if it is
        a class. ``onall=False`` leaves one worker out.

    Returns
    -------
    list
        The results, in the order of the items.

    Raises
    ------
    ValueError
        There is no such launcher or strategy.
    """
    strategy = kwds.get("mapper", worker_pool)()
    if strategy not in _STRATEGIES:
        raise ValueError(f"there is no strategy {strategy!r}: take worker_pool or scatter_gather of pyina.mappers")
    nodes = kwds.get("nodes", kwds.get("nnodes"))
    settings = {} if nodes is None else {"nodes": nodes}
    asked = {name: kwds[name] for name in ("timelimit", "queue") if name in kwds}
    scheduler = kwds.get("scheduler") or None
    if isinstance(scheduler, type):
        scheduler = scheduler(**settings, **asked)
    kind = pool_of(kwds.get("launcher", mpirun_launcher))
    pool = kind(**settings, scheduler=scheduler, scatter=_STRATEGIES[strategy], id=object())
    try:
        return pool.map(func, *arglist, onall=kwds.get("onall", True))
    finally:
        pool.clear()


ez_map2 = ez_map  # in pyina the one that writes no file with the function's source; here neither does
