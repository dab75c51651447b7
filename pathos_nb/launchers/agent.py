"""The launcher for hosts: workers on another machine, through an agent there and one stream to it.

::

    slot 1 ┐                                                        ┌ worker
    slot 2 ┼ launcher ── link: one thread ══ carrier ══► agent there ┼ worker
    slot 3 ┘                                                        └ worker

What a carrier is made of is not known here: an ssh channel, or a process of this machine in the tests. If the link is
lost, all its slots are down at once, and nobody's item is to blame; the link is opened again, and the launcher says so.
A worker that is believed dead may still work on the other side of a cut: what it says is never heard, since its slot,
its agent and the key of its envelopes are no longer ours.
"""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

from pathos_nb.errors import HostLost
from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers.agent_birth import Carrier, Hello, LinkFailed, ask_cores
from pathos_nb.launchers.agent_boot import CORES, boot_command
from pathos_nb.launchers.agent_clock import by_our_clock
from pathos_nb.launchers.agent_context import OwnContext
from pathos_nb.launchers.agent_inbox import Inbox
from pathos_nb.launchers.agent_link import Link, LinkSettings, LinkState, Listener
from pathos_nb.launchers.agent_luggage import Luggage
from pathos_nb.launchers.agent_slot import AgentSlot
from pathos_nb.launchers.agent_staging import Staging
from pathos_nb.launchers.contract import (
    Availability,
    FilesThere,
    Hub,
    Launcher,
    News,
    Slot,
    SourceBroken,
    SourceLost,
    SourceReady,
)
from pathos_nb.launchers.resources import Resources
from pathos_nb.wire.framing import Frame

__all__ = ["AgentLauncher", "Target", "agent_launcher"]

_AMID_S = 1e-3
_KEPT = "what was finished is kept"
_AFTER_A_LOSS = f"{_KEPT}; {{1}}, %pathos connect {{0}} or the pool's restart() begins again there, or use other places"
_BY_ITSELF = "when the host is back"


class Target(NamedTuple):
    """A host, as the launcher knows it.

    Attributes
    ----------
    open_carrier : callable
        Starts a command (a list of words) there and gives the carrier to it.
    python : str or callable
        The interpreter there, or gives it when it is wanted.
    cores : int or None
        How many workers it has by default.
    settings : LinkSettings
        How patient the link is.
    on_link : callable or None
        Hears each `LinkState`, in the link's own thread.
    opened : set
        The launchers of this host that are open, one a pool.
    """

    open_carrier: Callable[[Sequence[str]], Carrier]
    python: str | Callable[[], str]
    cores: int | None
    settings: LinkSettings
    on_link: Callable[[LinkState], None] | None
    opened: weakref.WeakSet[AgentLauncher]

    def open(self) -> Carrier:
        """Start the agent's program on the host."""
        return self.open_carrier(boot_command(self.interpreter()))

    def interpreter(self) -> str:
        """Give the interpreter there."""
        return self.python if isinstance(self.python, str) else self.python()


class AgentLauncher(Launcher):
    """Workers on one host; `agent_launcher` makes the class of each."""

    target: ClassVar[Target]
    sees_files, is_host = False, True

    def __init__(self, hub: Hub, tell: Callable[[News], None], setup: Frame | None = None, n_expected: int = 1) -> None:
        super().__init__(hub, tell, setup, n_expected)
        self.slots: dict[int, AgentSlot] = {}
        self.hello: Hello | None = None
        self._numbers = itertools.count(1)
        self._inbox: Inbox | None = None
        self._inboxes: list[Inbox] = []
        self._context = OwnContext()
        self._failed: LinkFailed | None = None
        self._is_known, self._is_up, self._is_closed = threading.Event(), False, False
        listener = Listener(self._on_envelopes, self._on_state)
        target = self.target
        self.link = Link(target.open, self.name, {"n": n_expected}, listener, target.settings)
        self._luggage, self.staging = Luggage(self.link), Staging(self.link)
        target.opened.add(self)

    @classmethod
    def wants_settings(cls) -> bool:
        """Tell whether it has no host yet; see `Launcher.wants_settings`."""
        return not hasattr(cls, "target")

    @classmethod
    def availability(cls) -> Availability:
        """Tell whether it can run here; whether the host is there is seen when it is opened."""
        return Availability(0.5, "")

    @classmethod
    def default_size(cls) -> int:
        """Give the host's cores."""
        target = cls.target
        if target.cores:
            return target.cores
        try:
            return ask_cores(target.open_carrier([target.interpreter(), "-I", "-c", CORES]), target.settings.boot_s)
        except LinkFailed as failed:
            raise _lost(cls.name, failed) from failed

    @property
    def will_be_back(self) -> bool:
        """Whether the link is lost, and is being opened again."""
        return not self._is_up and self._failed is None and not self._is_closed

    def wait_until_up(self) -> None:
        """Wait until the agent is there.

        Raises
        ------
        HostLost
            It will not be.
        """
        self._is_known.wait(self.target.settings.boot_s + 15.0)
        if self._failed is not None:
            raise _lost(self.name, self._failed)
        if not self._is_known.is_set():
            raise HostLost(f"no agent came to life on {self.name}", cure="see %pathos check, then connect again")
        if self._inbox is None and self._is_up:
            self._listen(self._inboxes[0])

    def start_slot(self, name: str) -> Slot:
        """Start one worker; see `Launcher.start_slot`."""
        self.wait_until_up()
        if not self._is_up and self.link.state.state != "up":
            raise HostLost(f"the link to {self.name} is lost", cause=self.link.state.reason)
        slot = AgentSlot(self, name, next(self._numbers))
        self.slots[slot.number] = slot
        self.link.send(messages.START, slot.number, Frame(0, (name,)))
        if self.setup is not None:
            slot.send([self.setup._replace(meta=(self.context(),))])
        return slot

    def resources(self) -> Resources | None:
        """Give what the host has, as its agent has told."""
        hello = self.hello
        return Resources(hello.cores, hello.memory_bytes, hello.gpus, hello.tags) if hello is not None else None

    def context(self) -> tuple[Any, ...] | None:
        """Give what goes with each run; the agent makes of it what fits its machine."""
        return self._context.now()

    def carry_beside(self, frame: Frame) -> None:
        """Send the user's own modules that a payload names, where the host does not have them as they are now."""
        self._luggage.carry_for(frame)

    def by_our_clock(self, frame: Frame) -> Frame:
        """Give a report with the stamps turned into this machine's time, if the clocks differ."""
        return by_our_clock(frame, self.link.state.clock_ahead_s)

    # --- news of the link, in its thread ---

    def _on_envelopes(self) -> None:
        self.hub.post(self._take)

    def _on_state(self, state: LinkState, error: LinkFailed | None) -> None:
        if self.target.on_link is not None:
            self.target.on_link(state)
        if state.state == "up":
            self._luggage.close()
            self._luggage, self.staging = Luggage(self.link), Staging(self.link)
            self.hello = state.hello
            self._inboxes += [self.link.inbox] if self.link.inbox else []
        elif state.state == "failed":
            self._failed = error
        if state.state != "lost" and not self._is_known.is_set():
            self._is_up = state.state == "up"
            self._is_known.set()
        else:
            inbox = self.link.inbox
            self.hub.post(lambda: self._on_change(state, inbox))

    # --- in the thread that runs the hub ---

    def _on_readable(self) -> None:
        """Read at once, without waiting for the link's thread to do it."""
        inbox = self._inbox
        if inbox is None:
            return
        inbox.attend()
        if not inbox.read() and not inbox.why:
            if inbox.is_amid:  # the thread that brings it would have to stop for this one again and again
                self.hub.unwatch(inbox.fd)
                self.hub.call_later(_AMID_S, lambda: self._look_again(inbox))
            return
        if inbox.why:
            self.hub.unwatch(inbox.fd)
            self.link.wake()  # its thread sees to what follows
        self._take()

    def _look_again(self, inbox: Inbox) -> None:
        if inbox is self._inbox and inbox.fd >= 0 and not self._is_closed:
            self.hub.watch(inbox.fd, self._on_readable)

    def _take(self) -> None:
        inbox = self._inbox
        if inbox is None:
            return
        inbox.attend()
        for kind, number, frame in inbox.take():
            if kind == messages.FAILED:
                self.tell(SourceBroken(self, f"{self.name}: {frame.meta[0]}"))
                continue
            if kind in (messages.WANT, messages.LOOKED):
                if self.staging.hear(kind, frame):
                    self.tell(FilesThere(self))
                continue
            slot = self.slots.get(number)
            if slot is not None:
                slot.hear(kind, frame)

    def _listen(self, inbox: Inbox | None) -> None:
        """Read from another stream than before, or from none."""
        before, self._inbox = self._inbox, inbox
        if before is not None:
            before.close(self.hub.unwatch)
        if inbox is not None:
            self.hub.watch(inbox.fd, self._on_readable)

    def _on_change(self, state: LinkState, inbox: Inbox | None) -> None:
        if self._is_closed:
            return
        was_up, self._is_up = self._is_up, state.state == "up"
        if was_up:
            self._take()
            for slot in list(self.slots.values()):
                slot.end(f"the link to {self.name} was lost: {state.reason}", "", None, False)
            self._listen(None)
        if state.state == "up":
            self._listen(inbox)
            self.tell(SourceReady(self))
        elif state.state == "lost":
            self.tell(SourceLost(self, state.reason, state.since, state.until))
        elif state.state == "failed" and self._failed is not None:
            error = _given_up(self.name, state, self._failed)
            self.tell(SourceBroken(self, str(error), error))

    def close(self) -> None:
        """End the agent and all its workers; see `Launcher.close`."""
        self._is_closed = True
        self.target.opened.discard(self)
        for inbox in self._inboxes:
            self.hub.unwatch(inbox.fd)
        self.link.close()
        for inbox in self._inboxes:
            inbox.close(self.hub.unwatch)
        self.slots.clear()
        self._luggage.close()


def _lost(name: str, failed: LinkFailed) -> HostLost:
    what = f"{name} cannot be used: {failed.what}"
    return HostLost(what, cause=failed.cause, cure=failed.cure, tail=failed.tail, host=name)


def _given_up(name: str, state: LinkState, failed: LinkFailed) -> HostLost:
    """Say that a host which was there has gone, for how long it was tried again, and what to do."""
    if isinstance(failed.__cause__, HostLost):  # whoever opens carriers has ended it on purpose, and says so
        return HostLost(failed.what, cause=failed.cause, cure=failed.cure, tail=failed.tail, host=name)
    lost_at = time.strftime("%H:%M:%S", time.localtime(state.since))
    what = f"the link to {name} was lost at {lost_at}, and could not be opened again"
    cause = f"{failed.what}: {failed.cause}" if failed.cause else failed.what
    first = f"{failed.cure}; then" if failed.is_final and failed.cure else _BY_ITSELF  # a refusal does not mend itself
    return HostLost(what, cause=cause, cure=_AFTER_A_LOSS.format(name, first), tail=failed.tail, host=name)


def agent_launcher(
    name: str,
    open_carrier: Callable[[Sequence[str]], Carrier],
    python: str | Callable[[], str] = "python3",
    cores: int | None = None,
    *,
    settings: LinkSettings | None = None,
    on_link: Callable[[LinkState], None] | None = None,
) -> type[AgentLauncher]:
    """Make the launcher of a host.

    Parameters
    ----------
    name : str
        What users call the host; the workers are named after it.
    open_carrier : callable
        Starts a command (a list of words) there and gives the `Carrier` to it; called in a thread of its own, for the
        first time when a pool is made, and again whenever the link was lost.
    python : str or callable
        The interpreter there, of the kernel's minor version if code is to go by value; or gives it when it is wanted.
    cores : int, optional
        How many workers it has by default: as many as there are cores there.
    settings : LinkSettings, optional
        How patient the link is.
    on_link : callable, optional
        Hears each `LinkState`, in the link's thread; must be quick.

    Returns
    -------
    type
        For the registry, or what its resolver gives.
    """
    target = Target(open_carrier, python, cores, settings or LinkSettings(), on_link, weakref.WeakSet())
    return type("AgentLauncher", (AgentLauncher,), {"name": name, "target": target, "__doc__": f"Workers on {name}."})
