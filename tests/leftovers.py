"""Child processes, threads and open files: counted before a test, and after it until they are gone.

On Linux all of it is read from /proc, in well under a millisecond; elsewhere by psutil. A process counts as ours if it
has this run's token in its environment (a forked worker whose parent is dead still has it), or a parent that is ours.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

KINDS = ("children", "threads", "files")
PATIENCE_S = 30.0

# Made once by the standard library (or its fork) for the whole life of a process, and meant to stay.
STAYING_PROCESSES = ("resource_tracker",)
# pytest-timeout's own clock, and the thread by which a debugger or a coverage tool watches.
STAYING_THREADS = ("pytest_timeout", "pydevd", "coverage")
# What a client of dask's that is open for the whole session starts and connects as it likes (tests/rig/dask_cluster.py).
STAYING_THREADS += ("Dask-", "IO loop", "TCP-Executor", "asyncio_", "Profile")

# What looks after children once PSI/J is imported, from the end of the next one on.
STAYING_THREADS += ("Local Executor Process Reaper",)

# Of a pool that is warm for many tests: who they are changes. A pool that is left is seen by its files.
STAYING_THREADS += ("pathos_nb steward", "pathos_nb lookout")

# What matplotlib keeps open once it has drawn letters, until its own cache of fonts lets it go.
STAYING_FILES = ("/mpl-data/fonts/",)
# What a pool that is warm for many tests follows the user's files with, from the first call on that has many.
STAYING_FILES += ("anon_inode:inotify",)

PROC = Path("/proc")
HAS_PROC = (PROC / "self" / "fd").is_dir()
TOKEN = f"PATHOS_NB_TEST_RUN={uuid.uuid4().hex}"
os.environ.update([TOKEN.split("=", 1)])

Census = dict[str, dict[object, str]]


def kinds_to_watch(left: tuple[str, ...] | None) -> tuple[str, ...]:
    """Give the kinds that a test with such a ``leaves`` mark must clear away (None: no mark)."""
    unknown = set(left or ()) - set(KINDS)
    if unknown:
        raise ValueError(f"leaves({', '.join(map(repr, unknown))}): there are only {', '.join(KINDS)}")
    return KINDS if left is None else tuple(k for k in KINDS if left and k not in left)


def census(kinds: Iterable[str]) -> Census:
    """Count what there is now: for each kind, a name by its identity."""
    counters = {"children": children, "threads": threads, "files": files}
    return {kind: counters[kind]() for kind in kinds}


def wait_until_gone(before: Census, kinds: Iterable[str]) -> list[str]:
    """Give a line for each thing that was not there before and does not go within the patience."""
    deadline = time.monotonic() + PATIENCE_S
    pause = 0.002
    left = new_since(before, kinds)
    while left and time.monotonic() < deadline:
        gc.collect()
        time.sleep(pause)
        pause = min(2 * pause, 0.1)
        left = new_since(before, kinds)
    return left


def new_since(before: Census, kinds: Iterable[str]) -> list[str]:
    """Name what is there now and was not before; files only where there are more of them than before."""
    lines = []
    for kind, now in census(kinds).items():
        new = [name for key, name in now.items() if key not in before[kind]]
        if kind == "files":
            new = new[len(new) - max(0, len(now) - len(before[kind])) :]
        lines += [f"{kind}: {name}" for name in new]
    return lines


def threads() -> dict[object, str]:
    """Give the living threads that Python knows."""
    alive = (t for t in threading.enumerate() if not t.name.startswith(STAYING_THREADS))
    return {t: f"{t.name} of {type(t).__module__}{' (daemon)' if t.daemon else ''}" for t in alive}


def files() -> dict[object, str]:
    """Give the open descriptors, by number and what they lead to."""
    folder = PROC / "self" / "fd" if HAS_PROC else Path("/dev/fd")
    if not folder.is_dir():
        return {}
    staying = {fd for fd in map(_tracker_fd, ("multiprocessing", "multiprocess")) if fd is not None}
    found = {}
    for name in os.listdir(folder):
        target = _target(folder / name)
        if target is not None and int(name) not in staying and not any(part in target for part in STAYING_FILES):
            found[name, target] = f"{name} -> {target}"
    strange = sockets_to(os.environ.get("PATHOS_NB_TEST_DASK_PORTS", ""))
    return {key: told for key, told in found.items() if key[1] not in strange}


def sockets_to(ports: str) -> set[str]:
    """Give what the descriptors of connections to some ports lead to: a client of dask's has many or few."""
    if not ports or not HAS_PROC:
        return set()
    wanted = tuple(f":{int(port):04X}" for port in ports.split())
    rows = [line.split() for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows if row[2].endswith(wanted)}


def _target(link: Path) -> str | None:
    try:
        return os.readlink(link) if HAS_PROC else ""
    except OSError:  # the descriptor by which the folder itself was read
        return None


def _tracker_fd(package: str) -> int | None:
    tracker = sys.modules.get(f"{package}.resource_tracker")
    return getattr(getattr(tracker, "_resource_tracker", None), "_fd", None)


def children() -> dict[object, str]:
    """Give the processes that this run has started, whoever their parent is now."""
    for package in ("multiprocessing", "multiprocess"):
        if package in sys.modules:
            sys.modules[package].active_children()  # takes leave of those that have ended
    found = _children_by_proc() if HAS_PROC else _children_by_psutil()
    return {pid: name for pid, name in found.items() if not any(word in name for word in STAYING_PROCESSES)}


def _children_by_proc() -> dict[int, str]:
    pids = _pids()
    _strangers.intersection_update(pids)
    ours = {os.getpid()}
    for pid in sorted(pids - _strangers - ours):
        environ = _read(pid, "environ")
        if TOKEN.encode() in environ or _parent(pid) in ours:
            ours.add(pid)
        elif environ:  # it is empty for a moment while a process begins: that one is looked at again
            _strangers.add(pid)
    return {pid: _describe(pid) for pid in ours - {os.getpid()}}


def _pids() -> set[int]:
    return {int(name) for name in os.listdir(PROC) if name.isdigit()}


def _read(pid: int, name: str) -> bytes:
    try:
        return (PROC / str(pid) / name).read_bytes()
    except OSError:  # it has ended, or is not ours to look at
        return b""


def _parent(pid: int) -> int:
    # The command's name stands in brackets, and may have any character in it.
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def _describe(pid: int) -> str:
    stat = _read(pid, "stat")
    state = (stat.rpartition(b")")[2].split() or [b"?"])[0].decode()
    command = _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
    short = command or stat.partition(b"(")[2].rpartition(b")")[0].decode(errors="replace")
    return f"process {pid} (state {state}, parent {_parent(pid)}): {short[:160]}"


def _children_by_psutil() -> dict[int, str]:
    import psutil

    found = {}
    for process in psutil.Process().children(recursive=True):
        try:
            found[process.pid] = f"process {process.pid}: {' '.join(process.cmdline())[:160]}"
        except psutil.Error:
            continue
    return found


# Living processes that are not ours, so that each is read once: at first all that were there before us.
_strangers = _pids() if HAS_PROC else set()
