"""The launcher "slurm": a pool inside of a cluster's queue, with an agent on each node that it gets.

::

    pool ── Slots ── SlurmLauncher ─┬─ Queue: salloc, squeue, scancel      asks for nodes, hears when they come and go
                                    ├─ Node ── agent's link ══ srun ══►  agent on node1 ── workers, one a core
                                    └─ Node ── agent's link ══ srun ══►  agent on node2 ── workers

* The pool is there at once; its workers come as nodes come, and a map waits for the first of them.
* Threads: the queue's own and each link's hand their news to the hub; all that the pool sees happens there.
* A node that is lost or preempted is asked for again. One whose time is over, or that was cancelled, is not.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from pathos_nb.errors import AllocationLost, HostLost, PoolBroken
from pathos_nb.launchers.agent_context import OwnContext
from pathos_nb.launchers.agent_link import LinkState
from pathos_nb.launchers.contract import (
    Availability,
    Hub,
    Launcher,
    News,
    Offer,
    Slot,
    SlotDown,
    SourceBroken,
    SourceLost,
    SourceQueued,
    SourceReady,
)
from pathos_nb.launchers.slurm_commands import Job, NoAnswer, availability, show
from pathos_nb.launchers.slurm_node import Node
from pathos_nb.launchers.slurm_queue import Listener, Queue, Waiting
from pathos_nb.launchers.slurm_settings import SlurmSettings, read_settings
from pathos_nb.wire.framing import Frame

__all__ = ["SlurmLauncher"]

_SOON_S = 1.0  # a queue that has not given nodes by then is told of, and not waited for
_UP_S = 130.0
_CLOSE_S = 12.0
_ASKED_AGAIN = ("NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "REVOKED")
_TIMES_AGAIN = 3
_CURE = "what is finished is kept; the pool's restart() (%pathos pool NAME --restart) asks for nodes again"
_TAKEN_OUT = "what was in the queue is cancelled"


class SlurmLauncher(Launcher):
    """Workers on the nodes of a cluster; `configured` says what is asked for."""

    name = "slurm"
    sees_files = False
    settings = frozenset(SlurmSettings.__dataclass_fields__)
    chosen: ClassVar[SlurmSettings] = SlurmSettings()

    def __init__(self, hub: Hub, tell: Callable[[News], None], setup: Frame | None = None, n_expected: int = 1) -> None:
        super().__init__(hub, tell, setup, n_expected)
        self._context = OwnContext()
        self._changed = threading.Condition()
        self.nodes: list[Node] = []
        self._n_nodes, self._n_awaited, self._n_again = n_expected, n_expected, 0
        self._waiting: Waiting | None = None
        self._error: AllocationLost | None = None
        self._is_closed = self._has_seats = False
        self._n_needed: int | None = None
        listener = Listener(self._on_granted, self._on_refused, self._on_over, self._on_waiting)
        self._own_name = f"{self.chosen.name}-{os.urandom(6).hex()}"
        try:
            self._queue = Queue(self._own_name, self.chosen, listener)
        except OSError as error:
            raise PoolBroken(f"a pool cannot be started: {error.strerror}", cure="close files or processes") from error
        self._begin()

    def _begin(self) -> None:
        if self.chosen.job:
            self._queue.call(self._use_job)
        else:
            self._queue.ask(self._n_nodes)

    # --- what a pool asks of a kind ---

    @classmethod
    def availability(cls) -> Availability:
        """Tell whether there is a Slurm here."""
        return availability()

    @classmethod
    def configured(cls, **settings: Any) -> type[Launcher]:
        """Give this launcher with settings; see `SlurmSettings`."""
        before = {"job": cls.chosen.job} if cls.chosen.job else {}
        return type(cls.__name__, (cls,), {"chosen": read_settings({**before, **settings}), "__doc__": cls.__doc__})

    @classmethod
    def at(cls, address: str) -> type[Launcher]:
        """Give the launcher for a job that runs already, as in ``Pool("slurm:1234")``."""
        kind = cls.configured(job=address)
        kind.name = f"slurm:{address}"
        return kind

    @classmethod
    def offers(cls) -> Sequence[Offer]:
        """Give the nodes of the job that this process is in, if there are more than its own."""
        number = os.environ.get("SLURM_JOB_ID", "")
        if not number:
            return ()
        try:
            job = _running(number)
        except AllocationLost as error:
            return [Offer(f"slurm:{number}", "", 0, 0.0, problem=error.what)]
        own = os.environ.get("SLURMD_NODENAME", "")
        if set(job.cpus) <= {own}:
            return ()
        host = os.uname().nodename if own in job.cpus else ""
        return [Offer(f"slurm:{number}", host, sum(job.cpus.values()), 0.0, nodes=len(job.cpus))]

    @classmethod
    def nodes_for(cls, n_workers: int) -> int:
        """Give how many nodes have so many workers, as far as that is known before they are there."""
        return -(-n_workers // (cls.chosen.cpus or 1))

    @classmethod
    def default_size(cls) -> int:
        """Give one node; of a job that runs already, all of its nodes."""
        return len(_running(_own_job(cls.chosen.job)).cpus) if cls.chosen.job else 1

    # --- coming up ---

    def wait_until_up(self) -> None:
        """Wait for the nodes that come at once; those that are in the queue are not waited for.

        Raises
        ------
        AllocationLost
            Slurm refuses, or none of the nodes that have come can be used.
        """
        soon_s = time.monotonic() + _SOON_S
        with self._changed:
            while not self._is_settled(time.monotonic() > soon_s):
                self._changed.wait(0.1)
        for node in list(self.nodes):
            self._join(node)
        if self._error is not None:
            raise self._error
        self.n_expected = self._room() + self._n_awaited * (self.chosen.cpus or 1)
        self._has_seats = True

    def _is_settled(self, is_late: bool) -> bool:
        """Whether there is nothing to wait for but the queue; the condition is held."""
        if self._error is not None:
            return True
        coming = any(not (node.is_up or node.is_over or node.has_failed) for node in self.nodes)
        return not coming and (not self._n_awaited or (is_late and self._waiting is not None))

    def _room(self) -> int:
        return sum(node.room for node in self.nodes if node.has_joined and not node.is_over)

    def needs_only(self, n: int) -> None:
        """Give nodes back that are not needed any more, when their workers have retired; see `Launcher.needs_only`."""
        self._n_needed = n

    def make_room(self, n: int) -> int:
        """See to it that so many workers more can be had; see `Launcher.make_room`."""
        self._n_needed = None
        self.hub.post(self._tell_state)
        free = sum(node.n_free for node in self.nodes)
        a_node = self.chosen.cpus or max([node.job.cpus[node.name] for node in self.nodes], default=1)
        missing = n - free - self._n_awaited * a_node
        if missing <= 0:
            return min(n, free)
        if self.chosen.job:
            return self._crowd(n, missing)
        n_more = -(-missing // a_node)
        self._n_awaited += n_more
        self._queue.ask(n_more)
        return min(n, free)

    def _crowd(self, n: int, missing: int) -> int:
        """Put more workers than cores on the nodes of a job that is as large as it is."""
        there = [node for node in self.nodes if node.is_up]
        for i in range(missing if there else 0):
            there[i % len(there)].room += 1
        return n if there else 0

    @property
    def waits(self) -> str:
        """What is queued, or starts; see `Launcher.waits`."""
        n_coming = sum(not (node.has_joined or node.is_over) for node in self.nodes)
        if text := self._queued():
            return text
        return f"{n_coming or self._n_awaited} nodes are starting" if n_coming or self._n_awaited else ""

    def _queued(self) -> str:
        """Say how many nodes are in the queue, and why."""
        if (waiting := self._waiting) is None:
            return ""
        n, total = waiting.n_nodes, waiting.n_nodes + sum(not node.is_over for node in self.nodes)
        why = f" ({waiting.reason})" if waiting.reason else ""
        return f"{n} of {total} nodes {'is' if n == 1 else 'are'} queued{why}"

    @property
    def will_be_back(self) -> bool:
        """Whether a worker that cannot be had now may be had later: as long as not all is lost."""
        return not self._is_closed and self._error is None

    def start_slot(self, name: str) -> Slot:
        """Start one worker on the node with the most room; see `Launcher.start_slot`."""
        node = max(self.nodes, key=lambda node: node.n_free, default=None)
        if node is None or node.agent is None or not node.n_free:
            raise self._error or AllocationLost("no node of the pool has room for a worker", cause=self._why())
        slot = node.agent.start_slot(name)
        slot.place = self.name
        return slot

    def _why(self) -> str:
        return self._waiting.reason if self._waiting is not None else ""

    def context(self) -> tuple[Any, ...] | None:
        """Give what goes with each run; the agents make of it what fits their node."""
        return self._context.now()

    # --- news of the queue, in its thread ---

    def _use_job(self) -> None:
        """Take as many nodes of a job that runs already as are wanted; where it has fewer, each gets more workers."""
        try:
            job = _running(_own_job(self.chosen.job))
        except AllocationLost as error:
            self._on_refused(self._n_nodes, error)
            return
        job = job._replace(cpus=dict(list(job.cpus.items())[: self._n_nodes]))
        self._n_awaited = 0
        self._on_granted(job, self._n_nodes - len(job.cpus))

    def _on_granted(self, job: Job, n_more: int = 0) -> None:
        with self._changed:
            if self._is_closed:
                return
            nodes = [Node(job, name, self.chosen.python, self._on_link) for name in job.cpus]
            for i in range(n_more):
                nodes[i % len(nodes)].room += job.cpus[nodes[i % len(nodes)].name]
            self.nodes += nodes
            self._n_awaited = max(0, self._n_awaited - len(nodes))
            for node in nodes:
                node.open(self.hub, self._on_news, self.setup)
            self._changed.notify_all()

    def _on_refused(self, n_nodes: int, error: AllocationLost) -> None:
        with self._changed:
            self._n_awaited = max(0, self._n_awaited - n_nodes)
            self._note_if_all_lost(error)
            self._changed.notify_all()
        self.hub.post(self._tell_state)

    def _on_over(self, job: Job) -> None:
        self.hub.post(lambda: self._drop_all_of(job))

    def _on_waiting(self, waiting: Waiting | None) -> None:
        with self._changed:
            self._waiting = waiting
            self._changed.notify_all()
        self.hub.post(self._tell_state)

    def _on_link(self, node: Node, state: LinkState) -> None:
        """Hear of a node's link, in the link's thread."""
        if state.state == "lost" and not self.chosen.job:
            self._queue.look_at(node.job.number)
        with self._changed:
            if state.state == "up":
                node.is_up = True
            elif state.state == "failed":
                node.has_failed = True
            self._changed.notify_all()
        if state.state in ("up", "failed"):
            self.hub.post(lambda: self._join(node))

    def _note_if_all_lost(self, error: AllocationLost) -> None:
        """Keep the error if there is no node left, nor one to come; the condition is held."""
        if not self._n_awaited and all(node.is_over for node in self.nodes) and self._error is None:
            self._error = error

    # --- in the thread that runs the hub ---

    def _join(self, node: Node) -> None:
        """Take a node in whose agent has come to life; do without one where it has not."""
        if node.has_joined or node.is_over or node.agent is None or not (node.is_up or node.has_failed):
            return
        try:
            node.agent.wait_until_up()
        except HostLost as error:
            self._drop(node, error)
            return
        node.has_joined = True
        if self._has_seats:
            self.tell(SourceReady(self, node.room))
            self._tell_state()

    def _on_news(self, node: Node, news: News) -> None:
        """Hand on what an agent's launcher says, as news of this one."""
        if isinstance(news, SourceReady):
            node.is_up = True
            self.tell(SourceReady(self))
        elif isinstance(news, SourceLost):
            node.is_up = False
            if not any(each.is_up for each in self.nodes):
                self.tell(SourceLost(self, f"{node}: {news.reason}", news.since, news.until))
        elif isinstance(news, SourceBroken):
            self._drop(node, news.error or HostLost(f"{node} gives no workers", cause=news.reason), node.has_joined)
        else:
            self.tell(news)
            if isinstance(news, SlotDown):
                self._give_back_idle(node)

    def _give_back_idle(self, node: Node) -> None:
        """Give a node back whose workers have retired, if the others are enough."""
        if self._n_needed is None or node.agent is None or node.agent.slots or not node.has_joined or node.is_over:
            return
        if self._room() - node.room >= self._n_needed:
            node.is_over, node.is_up = True, False
            self._let_go(node)

    def _let_go(self, node: Node) -> None:
        self._queue.call(node.close)
        if not self.chosen.job and all(each.is_over for each in self.nodes if each.job.number == node.job.number):
            self._queue.give_back(node.job.number)

    def _drop_all_of(self, job: Job) -> None:
        for node in [node for node in self.nodes if node.job.number == job.number]:
            how = PoolBroken(f"the job {job.number} on {node.name} is over", cause=job.in_words)
            self._drop(node, how, job.state in _ASKED_AGAIN)

    def _drop(self, node: Node, error: PoolBroken, is_asked_again: bool = False) -> None:
        """Do without a node; ask for another one if it is not the user's will, nor the site's, that it has gone."""
        if node.is_over or self._is_closed:
            return
        node.is_over, node.is_up = True, False
        for slot in list(node.agent.slots.values()) if node.agent is not None else []:
            slot.end(f"{error.what}; {error.cause}", "", None, False)
        self._let_go(node)
        if is_asked_again and not self.chosen.job and self._n_again < _TIMES_AGAIN * self._n_nodes:
            self._n_again, self._n_awaited = self._n_again + 1, self._n_awaited + 1
            self._queue.ask(1)
        with self._changed:
            self._note_if_all_lost(_no_node_left(node, error))
        if node.has_joined and self._error is None:
            self.tell(SourceReady(self, -node.room))
        self._tell_state()

    def _tell_state(self) -> None:
        """Say what is waited for; or that nothing is left to wait for."""
        if self._is_closed or not self._has_seats:
            return
        if self._error is not None:
            self.tell(SourceBroken(self, str(self._error), self._error))
            return
        waiting = self._waiting
        if waiting is not None:
            self.tell(SourceQueued(self, self._queued(), waiting.since, waiting.until))
        elif any(node.is_up for node in self.nodes):
            self.tell(SourceQueued(self, "", 0.0, 0.0))

    def stop_waiting(self) -> None:
        """Take what is in the queue out of it; see `Launcher.stop_waiting`."""
        with self._changed:
            if self.chosen.job or any(not node.is_over for node in self.nodes):
                return
            self._n_awaited = 0
            self._note_if_all_lost(AllocationLost("the wait for nodes was interrupted", cause=_TAKEN_OUT, cure=_CURE))
        self._queue.withdraw()
        self._tell_state()

    def close(self) -> None:
        """Give all nodes back; see `Launcher.close`."""
        with self._changed:
            self._is_closed = True
        closers = [threading.Thread(target=node.close, name="pathos_nb close", daemon=True) for node in self.nodes]
        for closer in closers:
            closer.start()
        until_s = time.monotonic() + _CLOSE_S
        for closer in closers:
            closer.join(max(0.0, until_s - time.monotonic()))
        self._queue.close()


def _no_node_left(node: Node, error: PoolBroken) -> AllocationLost:
    """Give the error of a pool whose last node has gone."""
    cure = "name an interpreter that the nodes have (python=)" if "execve" in error.tail else _CURE
    cause = f"{error.what}; {error.cause}" if error.cause else error.what
    return AllocationLost("the pool has no node left", cause=cause, cure=cure, tail=error.tail, job=node.job.number)


def _own_job(number: str) -> str:
    """Give the number of a job; of the one that this process is in, for ``this``."""
    if number != "this":
        return number
    found = os.environ.get("SLURM_JOB_ID", "")
    if not found:
        raise AllocationLost("this process is in no job of Slurm", cure="name one: job=NUMBER, as squeue shows it")
    return found


def _running(number: str) -> Job:
    try:
        job = show(number)
    except NoAnswer as error:
        raise AllocationLost("Slurm's controller does not answer", cause=str(error)) from error
    if job is None:
        raise AllocationLost(f"Slurm knows no job {number}", cure="squeue --me lists yours")
    if job.is_over or not job.cpus:
        how = job.in_words if job.is_over else f"it is {job.state.lower()}, {job.reason}"
        raise AllocationLost(f"the job {number} has no nodes now", cause=how, cure="squeue --me lists yours")
    return job
