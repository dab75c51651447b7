"""A census: what this process holds (children, descriptors, threads), and what is left of it later.

Every process that a test starts, at any depth, carries the mark in its environment, so that an orphan is found too.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from tests import leftovers

MARK = "PATHOS_NB_TEST_MARK"


def until(holds: Callable[[], bool], within_s: float = 60.0) -> bool:
    """Wait until something holds that no event tells of; false if it never did."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def marked(mark: str) -> list[psutil.Process]:
    """Give the processes, other than this one, that carry the mark: descendants and orphans alike."""
    return [p for p in psutil.process_iter() if p.pid != os.getpid() and _mark_of(p) == mark]


def _mark_of(process: psutil.Process) -> str:
    try:
        return process.environ().get(MARK, "")
    except psutil.Error:
        return ""


def describe(processes: list[psutil.Process]) -> list[str]:
    """Say which processes they are, for a failing assertion."""
    told = []
    for process in processes:
        try:
            told.append(f"{process.pid} {process.status()} {' '.join(process.cmdline())[:120]}")
        except psutil.Error:
            continue
    return told


def is_zombie(process: psutil.Process) -> bool:
    """Say whether a child has ended and nobody has waited for it."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


@dataclass(frozen=True)
class Census:
    """How many children, descriptors and threads there are.

    Examples
    --------
    >>> before = Census.take()
    >>> before.surplus()
    ''
    """

    n_children: int
    n_files: int
    threads: frozenset[str]
    n_threads: int

    @classmethod
    def take(cls) -> Census:
        """Count now."""
        names = [t.name for t in threading.enumerate() if not t.name.startswith(leftovers.STAYING_THREADS)]
        return cls(len(leftovers.children()), len(_open_files()), frozenset(names), len(names))

    def surplus(self) -> str:
        """Say what there is now beyond what was counted; empty if nothing."""
        now = Census.take()
        if self._covers(now):
            return ""
        children = psutil.Process().children(recursive=True)
        told = [f"zombie {p.pid}" for p in children if is_zombie(p)]
        if now.n_children > self.n_children:
            told.append(f"{now.n_children} children, were {self.n_children}: {describe(children)}")
        if now.n_files > self.n_files:
            told.append(f"{now.n_files} descriptors, were {self.n_files}: {_open_files()}")
        if now.n_threads > self.n_threads:
            told.append(f"{now.n_threads} threads, were {self.n_threads}: {sorted(now.threads - self.threads)}")
        return "; ".join(told)

    def _covers(self, now: Census) -> bool:
        return now.n_children <= self.n_children and now.n_files <= self.n_files and now.n_threads <= self.n_threads

    def check(self, within_s: float = 30.0) -> None:
        """Fail if something stays beyond what was counted."""
        if not self.surplus():
            return
        gc.collect()  # what is held by circles only is not held
        until(lambda: not self.surplus(), within_s)
        left = self.surplus()
        assert not left, f"left behind: {left}"


def _open_files() -> list[str]:
    """Give what the descriptors lead to, but for what stays: fonts, and what a pool that is kept keeps.

    These are segments of shared memory, which it uses again, and from its twentieth map on what tells of changed files.
    """
    told = []
    for number in os.listdir("/proc/self/fd"):
        try:
            told.append(f"{number}={os.readlink(f'/proc/self/fd/{number}')}")
        except OSError:
            continue
    strange = leftovers.sockets_to(os.environ.get("PATHOS_NB_TEST_DASK_PORTS", ""))
    staying = ("pathos-nb-segment", *leftovers.STAYING_FILES)
    return [x for x in told if x.partition("=")[2] not in strange and not any(part in x for part in staying)]
