"""What a launcher promises: slots that come, take work, give reports and go.

::

    dispatcher ── frames ──►  Slot  ── bytes, or objects in the same process ──►  worker
    dispatcher ◄── news ────  Launcher  ◄── reports, exits ──────────────────────  worker

* A launcher opens slots. Each is one worker that runs one chunk at a time and keeps a short queue.
* `Slot.send` never blocks. What a worker says, and that it died, is handed up as news, in the thread that runs the
  `Hub`, and never from within a call that came down.
* Order, retries, timeouts, cancelling and exactly-once belong to the dispatcher; a launcher only carries.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from pathos_nb.errors import PoolBroken, UnknownPlace
from pathos_nb.launchers.board import Running as Running
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.inputs import Input
from pathos_nb.launchers.resources import Resources
from pathos_nb.typed import Any, ClassVar, NamedTuple, Protocol
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.serialization import MINOR


class Availability(NamedTuple):
    """Whether a launcher can run here: a score (0 means no; the highest is preferred) and the reason in words."""

    score: float
    reason: str


class Reply(NamedTuple):
    """News: a worker has sent a frame."""

    slot: Slot
    frame: Frame


class SlotDown(NamedTuple):
    """News: a worker has gone. `reason` tells how in words, `tail` is the end of what it wrote.

    `is_workers` is false if it was not the worker that ended, but the way to it: then no item is to blame.
    """

    slot: Slot
    reason: str
    tail: str
    is_workers: bool = True


class TakenBack(NamedTuple):
    """News: a worker begins no item of the chunk from `n_items` on, as it was asked; those are free."""

    slot: Slot
    chunk: int
    n_items: int


class SourceBroken(NamedTuple):
    """News: the launcher can start no more workers, and why; `error` is what the pool should raise, if it knows."""

    launcher: Launcher
    reason: str
    error: PoolBroken | None = None


class SourceLost(NamedTuple):
    """News: the launcher can start no workers for a while, since when (epoch), and when it will be given up."""

    launcher: Launcher
    reason: str
    since: float
    until: float


class SourceReady(NamedTuple):
    """News: the launcher, which could start no workers for a while, can again; by `n_more` more than ever, or fewer."""

    launcher: Launcher
    n_more: int = 0


class FilesThere(NamedTuple):
    """News: it is known whether files are where a launcher's workers see them, for which `Slot.stage` had asked."""

    launcher: Launcher


class SourceQueued(NamedTuple):
    """News: what the launcher has asked a scheduler for is in its queue, since when (epoch), and until when at most.

    `text` says what, and why it waits; it is empty when nothing is waited for any more.
    """

    launcher: Launcher
    text: str
    since: float
    until: float


News = Reply | SlotDown | TakenBack | SourceBroken | SourceLost | SourceReady | SourceQueued | FilesThere


class Offer(NamedTuple):
    """A place that an automatic choice may take, and what it has; `problem` is why it should not.

    `nodes` is what a pool asks for there, where that is not a number of workers.
    """

    place: str
    host: str
    cores: int
    load: float
    memory_bytes: int = 0
    gpus: tuple[str, ...] = ()
    problem: str = ""
    nodes: int = 0


class Capture(Protocol):
    """Gives what was written since it was last asked."""

    def take(self) -> bytes:
        """Give the new text, at most `MAX_BYTES` of it."""

    def restore(self) -> None:
        """Make sure that what will be written is caught, whatever items did before."""


class Timer(Protocol):
    """A call that has been asked for."""

    def cancel(self) -> None:
        """Make sure that it never comes."""


class Watcher(Protocol):
    """Waits for descriptors."""

    def watch(self, fd: int, on_readable: Callable[[], None], on_writable: Callable[[], None] | None = None) -> None:
        """Call back when the descriptor is ready; called again, replaces what was said before."""

    def unwatch(self, fd: int) -> None:
        """Forget the descriptor; one that is not watched is no error."""


class Hub(Watcher, Protocol):
    """What a launcher is given to wait with: one place where all events of a pool arrive.

    Its token is a name that no other pool has.
    """

    token: str

    def post(self, callback: Callable[[], None]) -> None:
        """Have something called in the thread that runs the hub; the only method for other threads."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Have something called after a delay."""


class Slot(ABC):
    """One worker, as the dispatcher sees it.

    Attributes
    ----------
    name, host, place, pid
        What it is called and where it runs.
    minor : tuple of int
        Its version of Python: code by value goes to the same one only.
    python : str
        Its interpreter, where that is not this one.
    latency_s : float
        How long a message takes there and an answer back, where that is worth a thought.
    answers_later : bool
        Whether what it has not begun is asked for by `take_back`, and not known at once.
    takes_calls : bool
        Whether function and item may go in one frame; else what carries frames looks at the two apart.
    """

    name: str
    host: str
    place: str
    pid: int
    inline: ClassVar[bool] = False
    answers_later: ClassVar[bool] = False
    takes_calls: ClassVar[bool] = False
    minor: tuple[int, ...] = MINOR
    python: str = ""

    @property
    def latency_s(self) -> float:
        """How long a message takes there and an answer back."""
        return 0.0

    @property
    def thread_id(self) -> int:
        """The thread of this process that runs its items; 0 if there is none."""
        return 0

    @property
    def machine(self) -> object | None:
        """What all slots on one machine have in common, where a launcher has several; None if it has one."""
        return None

    @property
    def is_known(self) -> bool:
        """Whether it is known by now where it is, and what is there."""
        return True

    def resources(self) -> Resources | None:
        """Give what its machine has; None if that is what its launcher tells."""
        return None

    @abstractmethod
    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames in order, without ever blocking."""

    @abstractmethod
    def running(self) -> Running | None:
        """Tell what the worker is at, if that can be known here."""

    @abstractmethod
    def set_limit(self, chunk: int, n_items: int) -> bool:
        """Have the worker begin no item from `n_items` on in that chunk; False if this slot cannot tell it."""

    def take_back(self, chunk: int, n_items: int) -> None:
        """Ask for the items of a chunk from `n_items` on; a `TakenBack` tells which have not been begun."""
        raise NotImplementedError(f"{type(self).__name__} answers at once, by set_limit and running")

    def watch(self, chunk: int, allowed_s: float, reason: str) -> bool:
        """Have the worker killed, with that reason, once it is at an item of the chunk for so long.

        Returns
        -------
        bool
            False if the slot leaves that to who can see what it is at, which is here.
        """
        return False

    def stage(self, files: tuple[Input, ...]) -> str | None:
        """See to it that the worker can read files of ours.

        Parameters
        ----------
        files : tuple of Input
            The same object each time that it is asked about.

        Returns
        -------
        str or None
            Empty if it can; None if they are on their way, of which a `FilesThere` tells; else why it cannot.
        """
        return ""

    @abstractmethod
    def interrupt(self, chunk: int) -> None:
        """Raise KeyboardInterrupt in the worker's item if it is at that chunk."""

    @abstractmethod
    def kill(self, reason: str) -> None:
        """End the worker now; a `SlotDown` with this reason follows."""

    @abstractmethod
    def retire(self) -> None:
        """Let the worker end when it has done what it was sent; a `SlotDown` follows."""


class Launcher(ABC):
    """A source of slots at one place.

    Parameters
    ----------
    hub : Hub
        Where to wait.
    tell : callable
        Takes the news.
    setup : frame or None
        Sent to each new worker first.
    n_expected : int
        How many workers there will be, for each worker's share of the cores.

    Attributes
    ----------
    settings : frozenset of str
        The keywords of a pool that this kind takes.
    sees_files : bool
        Whether no file is ever carried to its workers: they see those of this machine, or have to do without.
    is_host : bool
        Whether its place is one machine, which users call by that name.
    is_closed_in_turn : bool
        Whether `close` waits for what the hub watches: nobody else may handle that meanwhile.
    """

    name: ClassVar[str]
    shares_memory: ClassVar[bool] = False
    can_stop_items: ClassVar[bool] = True
    max_size: ClassVar[int] = 1024
    sees_files: ClassVar[bool] = True
    is_host: ClassVar[bool] = False
    is_closed_in_turn: ClassVar[bool] = False
    settings: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, hub: Hub, tell: Callable[[News], None], setup: Frame | None = None, n_expected: int = 1) -> None:
        self.hub, self.tell, self.setup, self.n_expected = hub, tell, setup, n_expected

    def wait_until_up(self) -> None:
        """Wait until workers can be started, where that takes a while.

        Raises
        ------
        PoolBroken
            They cannot.
        """
        return  # most can at once

    @property
    def waits(self) -> str:
        """What it waits for before it has all its workers, in words; empty if there is nothing."""
        return ""

    @property
    def will_be_back(self) -> bool:
        """Whether it can start no workers now, but says by `SourceReady` when it can."""
        return False

    def wake(self) -> None:
        """Hear that there is work, and that none of its seats has a worker, or not all have."""
        return  # most are at it anyway

    @classmethod
    def offers(cls) -> Sequence[Offer]:
        """Give what an automatic choice may take of this kind: what is the user's already, and costs nothing more."""
        return ()

    @classmethod
    @abstractmethod
    def availability(cls) -> Availability:
        """Tell whether it can run here, without starting anything."""

    @classmethod
    def at(cls, address: str) -> type[Launcher]:
        """Give the launcher of this kind for one address, as in ``Pool("ppft:localhost:40213")``.

        Raises
        ------
        UnknownPlace
            This kind has none.
        """
        raise UnknownPlace(f"the launcher {cls.name!r} has no addresses such as {address!r}", cure="leave it out")

    @classmethod
    def configured(cls, **settings: Any) -> type[Launcher]:
        """Give the launcher of this kind with settings, as in ``Pool("slurm", partition="long")``.

        Parameters
        ----------
        **settings
            Some of those that `settings` names.

        Returns
        -------
        type

        Raises
        ------
        BadOption
            A value makes no sense.
        """
        raise NotImplementedError(f"{cls.__name__} names settings, and has no way to take them")

    @classmethod
    def wants_settings(cls) -> bool:
        """Tell whether it is nothing without `configured`, which is then called where no settings are given, too."""
        return False

    @classmethod
    def of(cls, thing: object) -> type[Launcher] | None:
        """Give the launcher of this kind for an object that was given as a place; None if it is not of this kind."""
        return None

    @abstractmethod
    def start_slot(self, name: str) -> Slot:
        """Start one worker; the slot takes frames at once.

        Raises
        ------
        PoolBroken
            It cannot be started; the message says why. If `will_be_back`, a `SourceReady` tells when it can.
        """

    def make_room(self, n: int) -> int:
        """See to it that `n` more workers can be had; give how many can be now, a `SourceReady` tells of the others."""
        return n

    def needs_only(self, n: int) -> None:
        """Hear that so many workers are wanted from now on, and the others retire: what is not needed may go back."""
        return

    def stop_waiting(self) -> None:
        """Ask for no workers any more, as nobody waits for them: a wait for the first of them was interrupted."""
        return

    @abstractmethod
    def close(self) -> None:
        """End everything that was started, killing what has not ended; returns when nothing is left."""

    @classmethod
    def default_size(cls) -> int:
        """How many slots make sense here."""
        return usable_cores()

    def resources(self) -> Resources | None:
        """Give what the machine of its workers has; None if that is not known."""
        return None

    @classmethod
    def nodes_for(cls, n_workers: int) -> int:
        """Give what a pool's ``nodes`` would have to be for so many workers, where a node is more than one."""
        return n_workers

    def context(self) -> tuple[Any, ...] | None:
        """Give what must go with each run for a worker to see the caller's surroundings; None if it does anyway."""
        return None
