"""What a machine has for its workers: cores, memory, GPUs; and the limits under which a worker runs items.

A memory limit is ``RLIMIT_DATA``: the kernel refuses memory to the worker beyond it, so that the item gets a
MemoryError and the worker lives. It counts what is private to the process, the interpreter's own and that of libraries
too, but not shared memory and not files that are mapped; so what a fresh worker has is added to what is asked for.

References
----------
setrlimit(2), RLIMIT_DATA, which since Linux 4.7 counts private mappings too; cgroup v2: ``memory.max``.
"""

from __future__ import annotations

import contextlib
import os
import sys

from pathos_nb.typed import NamedTuple

TYPE_CHECKING = False  # every worker's start may wait for this file, so it loads little
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Limits", "Resources", "hold_memory", "local_resources", "show_gpus"]

_GPU_NAMES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
_GROUPS, _GROUP_OF_THIS = "/sys/fs/cgroup", "/proc/self/cgroup"


class Resources(NamedTuple):
    """What a machine has.

    Attributes
    ----------
    cores : int
        That may be used.
    memory_bytes : int
        In all, or as much as its group may use; 0 if that is not known.
    gpus : tuple of str
        As ``CUDA_VISIBLE_DEVICES`` has them.
    tags : frozenset of str
        What it is called where it comes from, beside its host's name.
    """

    cores: int
    memory_bytes: int = 0
    gpus: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()


def local_resources(cores: int) -> Resources:
    """Give what this machine has.

    Parameters
    ----------
    cores : int
        That may be used.

    Returns
    -------
    Resources
    """
    known = [n for n in (_total_memory(), _told_by_slurm(), *map(_group_limit, _group_files())) if n > 0]
    return Resources(cores, min(known, default=0), tuple(_gpus()))


def _total_memory() -> int:
    with contextlib.suppress(OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 0


def _told_by_slurm() -> int:
    """Give what a job of Slurm's may take on this node, be it held to it or not."""
    told = os.environ.get("SLURM_MEM_PER_NODE", "")
    return int(told) << 20 if told.isdecimal() else 0


def _group_files() -> Iterator[str]:
    """Give the files with the limits of this process' group, and of those that it is in."""
    try:
        with open(_GROUP_OF_THIS) as file:  # noqa: PTH123 - a text at a fixed place
            groups = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        groups = []
    for number, kinds, path in [("0", "", "/"), ("1", "memory", "/"), *groups]:
        above, name = f"{_GROUPS}/memory", "memory.limit_in_bytes"
        if number == "0":
            above, name = _GROUPS, "memory.max"
        elif "memory" not in kinds.split(","):
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        yield from (f"{'/'.join([above, *parts[:n]])}/{name}" for n in range(len(parts) + 1))


def _group_limit(path: str) -> int:
    try:
        with open(path) as file:  # noqa: PTH123 - a text at a fixed place
            told = file.read().strip()
    except OSError:
        return 0
    return int(told) if told.isdecimal() else 0


def _gpus() -> Iterator[str]:
    """Give the GPUs that this process may use: those that it was told of, else all that the driver has."""
    told = os.environ.get(_GPU_NAMES[0])
    if told is not None:
        yield from (name.strip() for name in told.split(",") if name.strip() not in ("", "-1", "NoDevFiles"))
        return
    with contextlib.suppress(OSError):
        for number, _ in enumerate(sorted(os.listdir("/proc/driver/nvidia/gpus"))):  # noqa: PTH208 - names only
            yield str(number)


def show_gpus(devices: str | None) -> None:
    """Let what this worker runs see some GPUs only; None changes nothing."""
    if devices is not None:
        for name in _GPU_NAMES:
            os.environ[name] = devices


def hold_memory(limit_bytes: int | None, fresh_bytes: int) -> int:
    """Refuse memory to this process beyond a limit, or lift it.

    Parameters
    ----------
    limit_bytes : int or None
        What items may take; None lifts the limit.
    fresh_bytes : int
        What the worker had before its first limit; 0 has it measured now.

    Returns
    -------
    int
        What the worker had before its first limit.

    Raises
    ------
    OSError
        This system has no such limit.
    """
    if not sys.platform.startswith("linux"):
        raise OSError(f"a memory limit needs Linux, and this worker runs on {sys.platform}")
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if limit_bytes is None:
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
        return fresh_bytes
    fresh_bytes = fresh_bytes or _data_bytes()
    wanted = fresh_bytes + limit_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard < 0 else min(wanted, hard), hard))
    return fresh_bytes


def _data_bytes() -> int:
    with open("/proc/self/status") as file:  # noqa: PTH123 - a text at a fixed place
        told = next(line for line in file if line.startswith("VmData:"))
    return int(told.split()[1]) << 10


class Limits:
    """The limits under which a worker runs the items of a run: (bytes or None, GPUs or None), or None."""

    def __init__(self) -> None:
        self._fresh_bytes = 0

    def hold(self, limits: tuple[int | None, str | None] | None) -> None:
        """Put them in force."""
        if limits is not None:
            memory, gpus = limits
            show_gpus(gpus)
            if memory is not None:
                self._fresh_bytes = hold_memory(memory, self._fresh_bytes)

    def lift(self, limits: tuple[int | None, str | None] | None) -> bool:
        """Lift that of memory, if there is one; say whether there is."""
        has_one = limits is not None and limits[0] is not None
        if has_one:
            hold_memory(None, self._fresh_bytes)
        return has_one
