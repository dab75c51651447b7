"""The pools of pyina: MPI jobs here, or nodes of a cluster's queue, by the names that they have there.

==============  ==================================================  =======================================
pyina           is                                                  strategy
==============  ==================================================  =======================================
MpiPool         ``Pool("mpi", nodes=…)``                            items go to whoever is free
MpiScatter      the same                                            an equal share for each, all at once
SlurmPool …     ``Pool("slurm", nodes=…, partition=…, time=…)``     as their names say
TorqueMpi …     ``Pool("mpi")`` inside of a job of that queue       as their names say
==============  ==================================================  =======================================

All six maps are there, where pyina has one; workers stay between maps, as those of `pathos_nb.pools`; nothing goes
through files.

Examples
--------
>>> from pathos_nb.cluster_pools import MpiPool
>>> with MpiPool(2) as pool:  # doctest: +SKIP
...     pool.map(pow, [1, 2, 3], [5, 6, 7])
[1, 64, 2187]
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any, ClassVar

from pathos_nb.dispatch.pool import Pool as Workers
from pathos_nb.errors import LauncherUnavailable, plain
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.schedulers import Lsf, Moab, Scheduler, Torque, as_time, count_tasks
from pathos_nb.served_pool import ServedPool, ask_nodes
from pathos_nb.shared_pools import SharedPool

__all__ = [
    "Alps", "AlpsPool", "AlpsScatter", "LsfMpi", "LsfMpiPool", "LsfMpiScatter", "Mapper", "MoabMpi", "MoabMpiPool",
    "MoabMpiScatter", "MoabSlurm", "MoabSlurmPool", "MoabSlurmScatter", "Mpi", "MpiPool", "MpiScatter",
    "ParallelMapper", "Pool", "Scatter", "SerialMapper", "Slurm", "SlurmPool", "SlurmScatter", "TorqueMpi",
    "TorqueMpiPool", "TorqueMpiScatter", "TorqueSlurm", "TorqueSlurmPool", "TorqueSlurmScatter",
]  # fmt: skip

_OF_PYINA = frozenset({"scheduler", "scatter", "source", "workdir", "timeout"})
_OF_POOLS = frozenset({"initializer", "initargs", "maxtasksperchild"})


def _seconds(limit: Any) -> float:
    """Give a time limit in seconds: ``HH:MM``, ``HH:MM:SS``, a number, or None for none."""
    if limit is None:
        return inf
    if not isinstance(limit, str):
        return float(limit)
    hours, minutes, *seconds = (float(part) for part in limit.split(":"))
    return 3600 * hours + 60 * minutes + sum(seconds)


def _scheduler(given: Any, nodes: Any) -> Scheduler | None:
    """Give what was given as ``scheduler``, of which pyina takes the class too."""
    if isinstance(given, type) and issubclass(given, Scheduler):
        return given(nodes or 1)
    if given is not None and not isinstance(given, Scheduler):
        raise TypeError(f"scheduler is {given!r}: it may be one of pathos_nb.schedulers, such as Torque()")
    return given


class Mapper(SharedPool):
    """What all pools of pyina have in common.

    Parameters
    ----------
    *args : int or str
        ``nodes``, if it is not given by name.
    **kwds : object
        ``nodes``: how many workers, also as ``"3:ppn=2"``. ``scheduler``: what is asked of a queue. ``scatter``: give
        each worker one equal share. ``timeout``: seconds (or ``HH:MM``) that a map may take in all. ``workdir`` and
        ``source`` are kept; nothing goes through files here. ``initializer``, ``initargs``, ``maxtasksperchild`` and
        ``id`` as for the pools of pathos; and the settings of the place.

    Raises
    ------
    TypeError
        A name is not known.
    """

    _place: ClassVar[str] = "processes"
    _shared_as: ClassVar[str] = ""
    _count_name = "nodes"
    _of_place: ClassVar[frozenset[str]] = frozenset()
    _queue: ClassVar[type[Scheduler] | None] = None
    _scatters: ClassVar[bool] = True
    __state__: ClassVar[dict[Any, ServedPool]] = {}

    @plain
    def __init__(self, *args: Any, **kwds: Any) -> None:
        asked = {name: kwds[name] for name in ("queue", "timelimit", "mpich") if name in kwds and self._queue}
        kwds = {name: value for name, value in kwds.items() if name not in asked}
        nodes, name = ask_nodes(self._count_name, args, kwds), kwds.pop("id", None)
        self.scheduler = _scheduler(kwds.get("scheduler") or None, nodes)
        if self.scheduler is None and self._queue is not None:
            self.scheduler = self._queue(nodes or 1, **asked, **kwds)
        self.scatter = bool(kwds.get("scatter", self._scatters))
        self.source = bool(kwds.get("source", False))
        self.workdir = str(Path(str(kwds.get("workdir") or getattr(self.scheduler, "workdir", "."))).absolute())
        self.timeout = _seconds(kwds.get("timeout"))
        self._kwds = {k: v for k, v in self._checked(kwds).items() if k not in _OF_PYINA}
        if nodes is None:
            nodes = self.scheduler.nodes if self.scheduler else self._default_nodes()
        self._asked, self._nodes = nodes, self.njobs(nodes)
        self._id = self._name_of_workers(nodes) if name is None else name
        self._serve()

    def _name_of_workers(self, nodes: Any) -> str:
        """Give the name by which pools share workers: those that a queue gives are no others'."""
        queue = f":{type(self.scheduler).__name__}" if self.scheduler is not None else ""
        return f"{self._shared_as or self._place}:{nodes}{queue}"

    def _checked(self, kwds: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(kwds.keys() - _OF_PYINA - _OF_POOLS - self._of_place)
        if unknown:
            known = ", ".join(sorted({*_OF_PYINA, *_OF_POOLS, *self._of_place, "nodes", "id"}))
            raise TypeError(f"{type(self).__name__} has no setting {unknown[0]!r}: it has {known}")
        return kwds

    def _default_nodes(self) -> int:
        return usable_cores()

    def njobs(self, nodes: Any) -> int:
        """Give how many workers a number of nodes means, such as ``"3:ppn=2"``."""
        n_nodes, each = count_tasks(nodes)
        return n_nodes * each

    def _start(self, nodes: Any) -> ServedPool:
        self._check_queue()
        return ServedPool(Workers(self._place, nodes=nodes, **self._settings_of_pool()), nodes, self._kwds)

    def _settings_of_pool(self) -> dict[str, Any]:
        return dict(self._kwds)

    def _check_queue(self) -> None:
        """Refuse a queue that a pool cannot wait in."""
        if self.scheduler is not None and not self.scheduler.is_inside:
            name = type(self.scheduler).__name__
            raise LauncherUnavailable(
                f"a pool cannot wait in a queue of {name}",
                cause="pathos_nb asks Slurm alone for nodes that a pool holds",
                cure="run this inside of a job of that queue (then mpiexec finds its nodes), or leave scheduler= out",
            )

    def __repr__(self) -> str:
        scheduler = type(self.scheduler).__name__ if self.scheduler else None
        return f"<pool {type(self).__name__}(ncpus={self.nodes}, scheduler={scheduler})>"

    @property
    def settings(self) -> dict[str, Any]:
        """How the pool was asked for, by name."""
        own = {name: getattr(self, name) for name in ("nodes", "scheduler", "scatter", "timeout", "workdir")}
        return {**own, **self._kwds}

    def map(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> list[Any]:
        """Call `f` for each item and wait for all results.

        Parameters
        ----------
        f : callable
            What is called, with one argument from each sequence.
        *args : iterable
            One sequence or more; the shortest ends the map.
        **kwds : object
            ``onall=False`` leaves one worker out, as pyina's master. Options of the maps of pathos_nb (``chunksize``,
            ``retries``, …); any other keyword goes to `f` with each item.

        Returns
        -------
        list
            The results, in the order of the items.

        Raises
        ------
        TimeoutError
            The pool's ``timeout`` is over.
        Exception
            What `f` raised, as itself.
        """
        if self.timeout == inf:
            return super().map(f, *args, **self._in_shares(args, kwds))
        values: list[Any] = self.amap(f, *args, **kwds).get(self.timeout)
        return values

    def amap(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Call `f` for each item and go on at once; ask for the results later. See `PoolMaps.amap`."""
        return super().amap(f, *args, **self._in_shares(args, kwds))

    def _in_shares(self, args: tuple[Any, ...], kwds: dict[str, Any]) -> dict[str, Any]:
        """Give the options of a map: how large shares are, where that is asked for and lengths are known."""
        kwds = dict(kwds)
        if not kwds.pop("onall", True):
            if self.nodes < 2:
                raise ValueError("with onall=False there must be 2 workers or more: one is left out")
            kwds["n_workers"] = self.nodes - 1
        if self.scatter and "chunksize" not in kwds and args and all(hasattr(arg, "__len__") for arg in args):
            n_workers = kwds.get("n_workers", self.nodes)
            kwds["chunksize"] = max(1, -(-min(map(len, args)) // n_workers))
        return kwds


class SerialMapper(Mapper):
    """One worker process of this machine."""

    def __init__(self, *args: Any, **kwds: Any) -> None:
        super().__init__(1, **{name: value for name, value in kwds.items() if name != "nodes"})


class ParallelMapper(Mapper):
    """What the pools of several workers have in common; by itself, processes of this machine."""

    _scatters = False


class Mpi(ParallelMapper):
    """Workers as MPI jobs, one rank each, or ``ranks_per_item``."""

    _place = "mpi"
    _of_place = frozenset({"ranks_per_item", "mpiexec", "start_timeout"})

    def _default_nodes(self) -> int:
        return max(1, usable_cores() // int(self._kwds.get("ranks_per_item", 1)))


class MpiPool(Mpi):
    """MPI jobs, of which each takes its next items when it is free (pyina's worker pool)."""


class MpiScatter(Mpi):
    """MPI jobs, each of which has one equal share of the items (pyina's scatter-gather)."""

    _scatters = True


class Alps(Mpi):
    """MPI jobs that ``aprun`` starts."""

    _shared_as = "alps"

    def _settings_of_pool(self) -> dict[str, Any]:
        return {"mpiexec": ("aprun",), **self._kwds}


class AlpsPool(Alps):
    """MPI jobs that ``aprun`` starts, of which each takes its next items when it is free."""


class AlpsScatter(Alps):
    """MPI jobs that ``aprun`` starts, each of which has one equal share of the items."""

    _scatters = True


class Slurm(ParallelMapper):
    """Nodes that Slurm gives: ``nodes`` of them, of ``"4:ppn=2"`` four with two cores each."""

    _place = "slurm"
    _of_place = frozenset(
        {"cpus", "time", "memory", "partition", "account", "qos", "gres", "constraint", "queue", "timelimit"}
    )

    def njobs(self, nodes: Any) -> int:
        """Give how many nodes a number of nodes means."""
        return count_tasks(nodes)[0]

    def _settings_of_pool(self) -> dict[str, Any]:
        """Give Slurm's names for what pyina calls queue and timelimit."""
        names = {"queue": "partition", "timelimit": "time"}
        asked = {names.get(name, name): value for name, value in self._kwds.items()}
        if "time" in asked:
            asked["time"] = _slurm_time(asked["time"])
        each = count_tasks(self._asked)[1]
        return {"cpus": each, **asked} if each > 1 else asked


def _slurm_time(limit: Any) -> str:
    """Give a limit as Slurm reads it: pyina's ``HH:MM`` are hours and minutes, Slurm's are minutes and seconds."""
    text = as_time(limit)
    return f"{text}:00" if text.count(":") == 1 else text


class SlurmPool(Slurm):
    """Nodes that Slurm gives, of which each takes its next items when it is free."""


class SlurmScatter(Slurm):
    """Nodes that Slurm gives, each of which has one equal share of the items."""

    _scatters = True


class TorqueMpi(Mpi):
    """MPI jobs inside of a job of Torque."""

    _queue = Torque


class TorqueMpiPool(TorqueMpi):
    """MPI jobs inside of a job of Torque, of which each takes its next items when it is free."""


class TorqueMpiScatter(TorqueMpi):
    """MPI jobs inside of a job of Torque, each of which has one equal share of the items."""

    _scatters = True


class MoabMpi(Mpi):
    """MPI jobs inside of a job of Moab."""

    _queue = Moab


class MoabMpiPool(MoabMpi):
    """MPI jobs inside of a job of Moab, of which each takes its next items when it is free."""


class MoabMpiScatter(MoabMpi):
    """MPI jobs inside of a job of Moab, each of which has one equal share of the items."""

    _scatters = True


class LsfMpi(Mpi):
    """MPI jobs inside of a job of LSF."""

    _queue = Lsf


class LsfMpiPool(LsfMpi):
    """MPI jobs inside of a job of LSF, of which each takes its next items when it is free."""


class LsfMpiScatter(LsfMpi):
    """MPI jobs inside of a job of LSF, each of which has one equal share of the items."""

    _scatters = True


class TorqueSlurm(Slurm):
    """Nodes of a job of Torque, where Slurm starts what runs on them."""

    _queue = Torque


class TorqueSlurmPool(TorqueSlurm):
    """The same, of which each takes its next items when it is free."""


class TorqueSlurmScatter(TorqueSlurm):
    """The same, each of which has one equal share of the items."""

    _scatters = True


class MoabSlurm(Slurm):
    """Nodes of a job of Moab, where Slurm starts what runs on them."""

    _queue = Moab


class MoabSlurmPool(MoabSlurm):
    """The same, of which each takes its next items when it is free."""


class MoabSlurmScatter(MoabSlurm):
    """The same, each of which has one equal share of the items."""

    _scatters = True


Pool, Scatter = MpiPool, MpiScatter
