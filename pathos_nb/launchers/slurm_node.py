"""One node of a job: the agent there, at the end of an ``srun`` whose stdin and stdout carry it. No port is opened.

The agent's launcher is the one that hosts have, down to a link that is opened again; what is of Slurm is the way to it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from pathos_nb.launchers.agent import AgentLauncher, agent_launcher
from pathos_nb.launchers.agent_birth import LinkFailed
from pathos_nb.launchers.agent_link import LinkSettings, LinkState
from pathos_nb.launchers.contract import Hub, News
from pathos_nb.launchers.cores import SHARE
from pathos_nb.launchers.process_carrier import ProcessCarrier
from pathos_nb.launchers.slurm_commands import Job, NoAnswer, environment, show
from pathos_nb.wire.framing import Frame

__all__ = ["Node"]

# A prolog may take its time, and so may a file system that has not seen this Python for a while.
_SETTINGS = LinkSettings(boot_s=120.0)


class Node:
    """The agent on one node of a job.

    Parameters
    ----------
    job : Job
        The job, which has begun.
    name : str
        The node.
    python : str
        The interpreter there; this one if empty.
    on_link : callable
        Takes (node, state) of its link, in the link's thread.

    Attributes
    ----------
    agent : AgentLauncher
        Its workers, once `open` was called.
    room : int
        How many workers it may have.
    is_up, is_over : bool
        Whether workers can be started, and whether they never will again.
    has_joined, has_failed : bool
        Whether the pool has taken it in, and whether its agent could not be started, or not again.
    """

    def __init__(self, job: Job, name: str, python: str, on_link: Callable[[Node, LinkState], None]) -> None:
        self.job, self.name, self.room = job, name, job.cpus[name]
        self.is_up = self.is_over = self.has_joined = self.has_failed = False
        self._python, self._on_link = python or sys.executable, on_link
        self._n_opened = 0
        self.agent: AgentLauncher | None = None

    def __repr__(self) -> str:
        return f"{self.name} (job {self.job.number})"

    def open(self, hub: Hub, tell: Callable[[Node, News], None], setup: Frame | None) -> None:
        """Begin to bring the agent to life.

        Parameters
        ----------
        hub, setup
            As for a launcher.
        tell : callable
            Takes (node, news).
        """
        kind = agent_launcher(
            str(self), self._carrier, self._python, self.room,
            settings=_SETTINGS, on_link=lambda state: self._on_link(self, state),
        )  # fmt: skip
        self.agent = kind(hub, lambda news: tell(self, news), setup, self.room)

    @property
    def n_free(self) -> int:
        """How many workers more it may have now."""
        return (
            max(0, self.room - len(self.agent.slots))
            if self.agent is not None and self.is_up and self.has_joined
            else 0
        )

    def _carrier(self, command: Sequence[str]) -> ProcessCarrier:
        """Start the agent's program on the node; again only if the job still has it."""
        self._n_opened += 1
        if self._n_opened > 1:
            self._check_job()
        return ProcessCarrier([*self.srun(), *command], self.name, {**environment(), SHARE: str(self._n_cores)})

    @property
    def _n_cores(self) -> int:
        """How many cores the job has there: less than the node, which another job of the pool may share with it.

        Where Slurm does not confine jobs to their cores (task/none), nothing else says so there.
        """
        return self.job.cpus[self.name]

    def srun(self) -> list[str]:
        """Give the words that start one task on the node, with all of the job's cores there.

        Unbuffered, as frames have no lines; beside whatever else runs in the job, so that an agent that is lost and
        has not ended does not keep its successor waiting.
        """
        return [
            "srun", f"--jobid={self.job.number}", f"--nodelist={self.name}", "--nodes=1", "--ntasks=1", "--overlap",
            f"--cpus-per-task={self._n_cores}", "--unbuffered", "--mpi=none", "--job-name=pathos_nb",
        ]  # fmt: skip

    def _check_job(self) -> None:
        try:
            job = show(self.job.number) or Job(self.job.number, "COMPLETED")
        except NoAnswer as error:
            raise LinkFailed("Slurm's controller does not answer", str(error), is_final=False) from error
        if job.is_over:
            raise LinkFailed(f"the job {job.number} is over", job.in_words)

    def close(self) -> None:
        """End the agent and its workers; a second call does nothing."""
        self.is_over, self.is_up = True, False
        if self.agent is not None:
            self.agent.close()
