"""One request for nodes: a ``salloc`` that waits in the queue, what it says, and what comes of it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from typing import NamedTuple

from pathos_nb.errors import AllocationLost
from pathos_nb.launchers.slurm_commands import cure_of, environment, reason_of
from pathos_nb.launchers.slurm_settings import SlurmSettings

__all__ = ["Asked", "Outcome"]

_PENDING = re.compile(rb"Pending job allocation (\d+)")
_GRANTED = re.compile(rb"Granted job allocation (\d+)")
_MOST_SAID = 1 << 16
_GRACE_S = 2.0


class Outcome(NamedTuple):
    """What came of a request: the number of a job that has begun, or the error."""

    number: str
    error: AllocationLost | None = None


class Asked:
    """A request for nodes.

    Parameters
    ----------
    name : str
        Of the job.
    n_nodes : int
        How many, in one job.
    settings : SlurmSettings
        What else is asked for.
    answer_s : float
        How long the controller may take to answer.

    Attributes
    ----------
    number : str
        The job's, once it is in the queue.
    since, until_s : float
        When it was asked for (epoch), and when to give it up (monotonic).

    Raises
    ------
    OSError
        The command cannot be started.
    """

    def __init__(self, name: str, n_nodes: int, settings: SlurmSettings, answer_s: float) -> None:
        self.n_nodes, self._settings = n_nodes, settings
        self.number, self.since, self._said, self._is_ended = "", time.time(), b"", False
        self._queued_until_s = time.monotonic() + settings.start_within
        self.until_s = min(self._queued_until_s, time.monotonic() + answer_s)
        self.words = [
            "salloc", "--no-shell", f"--nodes={n_nodes}", "--ntasks-per-node=1", f"--job-name={name}",
            *(["--no-kill"] if settings.together else []), *settings.words(),
        ]  # fmt: skip
        self._process = subprocess.Popen(
            self.words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(),
            start_new_session=True,
        )  # fmt: skip
        assert self._process.stderr is not None  # as it was asked for
        self.fd = self._process.stderr.fileno()

    @property
    def is_settled(self) -> bool:
        """Whether its command has ended."""
        return self._process.poll() is not None

    @property
    def is_undecided(self) -> bool:
        """Whether a job may have come of it that nobody has heard of."""
        return self._process.poll() is None

    def read(self) -> bool:
        """Read what its command says; tell whether there is more to come."""
        data = os.read(self.fd, 4096)
        self._said = (self._said + data)[-_MOST_SAID:]
        if not self.number and (found := _PENDING.search(self._said) or _GRANTED.search(self._said)):
            self.number, self.until_s = found[1].decode(), self._queued_until_s
        return bool(data)

    def outcome(self) -> Outcome:
        """Give what came of it; its command has closed its output."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        said = self._said.decode("utf-8", "replace")
        if (found := _GRANTED.search(self._said)) and self._process.returncode == 0:
            return Outcome(found[1].decode())
        cause = reason_of(said) or "salloc said nothing"
        if self.number:
            what = f"the job {self.number} has left the queue before it began"
            return Outcome("", AllocationLost(what, cause=cause, cure=_LEFT, job=self.number))
        return Outcome("", AllocationLost("Slurm refuses the job", cause=cause, cure=self._cure(cause)))

    def _cure(self, cause: str) -> str:
        low = cause.lower()
        if known := cure_of(cause, self._settings.partition or ""):
            return known
        if "contact" in low or "socket timed out" in low:
            return "see whether squeue answers; the controller may be away for a while"
        return "try the same by hand: " + " ".join(self.words)

    def too_late(self, reason: str) -> AllocationLost:
        """Give the error of a request that has taken too long."""
        if not self.number:
            what, cure = "Slurm's controller does not answer", "see whether squeue answers, then try again"
            return AllocationLost(what, cause=self._said.decode("utf-8", "replace").strip(), cure=cure)
        what = f"the job {self.number} did not begin within {self._settings.start_within:g} s"
        cause = f"it waited in the queue ({reason})" if reason else "it waited in the queue"
        cure = "it is cancelled; wait longer (start_within=), or ask for less: nodes=, time=, another partition="
        return AllocationLost(what, cause=cause, cure=cure, job=self.number)

    def hopeless(self, reason: str) -> AllocationLost:
        """Give the error of a request that waits for what will not come."""
        what, cause = f"the job {self.number} would never begin", f"Slurm says {reason}"
        return AllocationLost(what, cause=f"{cause}, which waiting does not change", cure=_ASK_ELSE, job=self.number)

    def end(self) -> None:
        """Have its command cancel the job, and end."""
        if not self._is_ended:
            self._is_ended = True
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    def close(self) -> None:
        """Let go of it, when its command has ended."""
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()


_LEFT = "squeue and scontrol show job say more; restart() asks again"
_ASK_ELSE = (
    "it is cancelled; scontrol show partition says what each of them has: ask for that (time=, nodes=, cpus=, memory=, "
    "account=), or name another one (partition=)"
)
