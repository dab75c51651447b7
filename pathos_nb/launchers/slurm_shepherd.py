"""A process that sees to it that a pool's jobs end with the pool, however that ends.

::

    kernel ── a pipe ──► shepherd          kernel killed: the pipe ends ──► scancel --name=…, until squeue shows no job

Jobs do not end by themselves when who asked for them is killed: an allocation is kept until its time limit. They are
found by a name that no other pool has, so that one is found too whose number nobody has heard yet. The shepherd has a
session of its own, since a kernel's process group is killed as a whole, and it tries on for a while, since the
controller may be away.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys

from pathos_nb.launchers.slurm_commands import environment

__all__ = ["Shepherd"]

_PART_S = 5.0

_PROGRAM = r"""
import os, subprocess, sys, time
name, word = sys.argv[1], sys.stdin.readline()
if word.strip() == "done" or os.fork():
    os._exit(0)
def ask(*words):
    try:
        null = subprocess.DEVNULL
        return subprocess.run(words, stdin=null, stderr=null, stdout=subprocess.PIPE, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
until, pause, n_clear = time.monotonic() + 1800, 0.1, 0
while n_clear < 3 and time.monotonic() < until:
    ask("scancel", "--name=" + name)
    told = ask("squeue", "-h", "--name=" + name, "-o", "%A")
    n_clear = n_clear + 1 if told is not None and told.returncode == 0 and not told.stdout.strip() else 0
    time.sleep(pause)
    pause = min(30.0, 1.3 * pause)
"""


class Shepherd:
    """Ends the jobs of a name when this process ends, unless it is told that they have ended.

    Parameters
    ----------
    name : str
        Of the jobs of one pool.

    Raises
    ------
    OSError
        It cannot be started.
    """

    def __init__(self, name: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, name], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=environment(), start_new_session=True, cwd="/",
        )  # fmt: skip

    def dismiss(self) -> None:
        """Let it go: its jobs have ended."""
        self._part(b"done\n")

    def leave_it(self) -> None:
        """Have it end the jobs in its own time, by a process that nobody waits for."""
        self._part(b"\n")

    def _part(self, word: bytes) -> None:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._process.communicate(word, _PART_S)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
