"""How many workers this process should have, and how many threads each of them.

In a container, on JupyterHub or on Binder the machine has more cores than this process may use: affinity says which
cores, a cgroup's quota says how much time of them. A pool of the machine's size there only makes the kernel throttle
it.

A worker has its share of them: what it starts, pools and threads of BLAS, has no more. A worker process knows it from
its environment, so that what it starts knows it too; a worker thread from `here`.

References
----------
cgroup v2: https://docs.kernel.org/admin-guide/cgroup-v2.html (``cpu.max``);
cgroup v1: https://docs.kernel.org/scheduler/sched-bwc.html (``cpu.cfs_quota_us``).
"""

from __future__ import annotations

import _thread  # its `_local` is that of threading.py, which takes 3 ms more
import math
import os

TYPE_CHECKING = False  # a pool's start waits for this file, so it loads nothing
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["SHARE", "here", "inner_threads", "share_of", "shares", "usable_cores"]

SHARE = "PATHOS_NB_CORES"

_V1_MOUNTS = ("cpu", "cpu,cpuacct", "cpuacct,cpu")
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


class _Here(_thread._local):
    """What holds for one thread: its share of the cores, if it is a worker; else 0."""

    cores = 0


here = _Here()


def usable_cores(root: str = "", affinity: int | None = None) -> int:
    """Give how many cores this process may use.

    Parameters
    ----------
    root : str
        Where ``/proc`` and ``/sys`` are looked for: empty for this machine, a folder in tests.
    affinity : int, optional
        How many cores the scheduler may place this process on; asked of the system by default.

    Returns
    -------
    int
        In a worker its share; else what ``PATHOS_NB_CORES`` says; else the smaller of affinity and cgroup quota, at
        least 1. Half a core counts as a whole one, since a worker that waits for its input leaves time unused.
    """
    if not root and affinity is None and (told := here.cores or _told(os.environ)):
        return told
    allowed = affinity or _affinity()
    return max(1, min([allowed, *map(math.ceil, _quotas(root))]))


def share_of(n_workers: int, cores: int | None = None) -> int:
    """Give how many cores each of some workers has on this machine, at least 1."""
    return max(1, (cores or usable_cores()) // max(1, n_workers))


def shares(n_workers: int) -> dict[str, str]:
    """Give the environment of workers of this machine: their share of the cores, and that of their threads."""
    return {SHARE: str(share_of(n_workers)), **inner_threads(n_workers)}


def inner_threads(n_workers: int, cores: int | None = None, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the environment that keeps the threads of BLAS and OpenMP in a worker to the worker's share.

    Parameters
    ----------
    n_workers : int
        Workers on this machine.
    cores : int, optional
        Cores they share; `usable_cores` by default.
    environ : mapping, optional
        What is set already; this process' environment by default.

    Returns
    -------
    dict of str to str
        Only variables that the user has not set; those of a worker, which has more threads than what it starts, are
        ours. If OMP_NUM_THREADS is set, it rules those that fall back on it too.
    """
    known = os.environ if environ is None else environ
    share, ours = share_of(n_workers, cores), _told(known)
    theirs = {name for name in _THREADS if known.get(name) not in (None, "", str(ours))}
    names = _THREADS[-1:] if "OMP_NUM_THREADS" in theirs else _THREADS
    return {name: str(share) for name in names if name not in theirs}


def _told(environ: Mapping[str, str]) -> int:
    """Give the cores that the environment grants; 0 if it says nothing that makes sense."""
    told = environ.get(SHARE, "")
    return int(told) if told.isdecimal() else 0


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: str) -> Iterator[float]:
    """Give every quota that holds for this process, in cores: its own group's and those of all groups above."""
    for line in _read(f"{root}/proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:
            yield from _walk(f"{root}/sys/fs/cgroup", group, _quota_v2)
        elif "cpu" in controllers.split(","):
            for mount in _V1_MOUNTS:
                yield from _walk(f"{root}/sys/fs/cgroup/{mount}", group, _quota_v1)


def _walk(mount: str, group: str, quota: Callable[[str], float | None]) -> Iterator[float]:
    # In a container the group's path may be the host's, of which only the top is mounted: what is missing is skipped.
    parts = [part for part in group.split("/") if part not in ("", "..")]
    for depth in range(len(parts), -1, -1):
        found = quota("/".join([mount, *parts[:depth]]))
        if found is not None:
            yield found


def _quota_v2(folder: str) -> float | None:
    words = _read(f"{folder}/cpu.max").split()
    return _ratio(words[0], words[1]) if len(words) == 2 else None


def _quota_v1(folder: str) -> float | None:
    return _ratio(_read(f"{folder}/cpu.cfs_quota_us").strip(), _read(f"{folder}/cpu.cfs_period_us").strip())


def _ratio(quota_us: str, period_us: str) -> float | None:
    if not (quota_us.isdigit() and period_us.isdigit()) or int(period_us) == 0:
        return None  # "max", -1 or no such file: no limit
    return int(quota_us) / int(period_us)


def _read(path: str) -> str:
    try:
        with open(path) as file:  # noqa: PTH123 - every start asks this, and pathlib costs it milliseconds
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""
