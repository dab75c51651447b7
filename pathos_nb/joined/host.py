"""One host in use: a connection by ssh, what was found there, and the launcher whose agent runs over it.

::

    Hosts.connect ──► Remote (ssh) ──► probe ──► which Python
                         ▲                          │
    pool ── agent_launcher ── open_carrier ─────────┘        a channel of that connection for each pool's agent

A lost link is opened again by the agent's own thread; the connection is looked at then, and made anew if it is gone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pathos_nb.dispatch.staffing import checked_offer
from pathos_nb.errors import HostError, HostKeyRefused, HostLost, LoginRefused
from pathos_nb.joined.interpreter import interpreter
from pathos_nb.joined.verdict import Line, Taken, judge
from pathos_nb.launchers.agent import AgentLauncher, agent_launcher
from pathos_nb.launchers.agent_link import LinkSettings, LinkState
from pathos_nb.launchers.contract import Offer
from pathos_nb.secure.exchange import exchange
from pathos_nb.secure.probe import HostFacts
from pathos_nb.secure.remote import Remote
from pathos_nb.secure.shell import SetUp

__all__ = ["Ask", "Host", "Plan"]

Ask = Callable[[str, bool], "str | None"]
_DOUBT_S, _SIGN_S = 3.0, 1.5
_SAMPLE_BYTES, _SAMPLE_S = 1 << 18, 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How a host is reached, and what is used there.

    Parameters
    ----------
    name : str
        What cells call it.
    target : str
        ``[user@]host[:port]``.
    port : int
        Said apart; 0 for what the configuration says.
    key : str
        A private key file.
    through : str or None
        Jump hosts with commas between.
    transport : str
        ``paramiko`` or ``openssh``.
    accept_new : bool
        Take the key of a host that is not known yet.
    fingerprints : tuple of str
        Take an unknown key that has one of these, and no other.
    python : str
        The interpreter there, or its minor version; empty to look for it.
    nodes : int or None
        Workers; as many as it has cores if None.
    setup : SetUp
        Profile and set-up lines.
    """

    name: str
    target: str
    port: int = 0
    key: str = ""
    through: str | None = None
    transport: str = "paramiko"
    accept_new: bool = False
    python: str = ""
    nodes: int | None = None
    setup: SetUp = SetUp()
    fingerprints: tuple[str, ...] = ()

    def is_like(self, other: Plan) -> bool:
        """Say whether it leads to the same connection: which unknown keys are taken matters only while there is none.

        Parameters
        ----------
        other : Plan
            Another plan.

        Returns
        -------
        bool
        """
        return replace(self, accept_new=other.accept_new, fingerprints=other.fingerprints) == other


class Host:
    """A host that is connected.

    Parameters
    ----------
    plan : Plan
        How.
    ask : callable, optional
        ``ask(prompt, is_secret)`` asks the user.
    config : str
        The configuration of ssh, instead of the user's.

    Raises
    ------
    HostError
        It did not connect, or cannot be used; nothing stays open.
    """

    def __init__(self, plan: Plan, ask: Ask | None = None, config: str = "") -> None:
        self.plan, self.name = plan, plan.name
        self.link: LinkState | None = None
        self._lock = threading.Lock()
        self._is_in_doubt = self._is_left = False
        self.refusal = ""  # why the last attempt to connect anew was refused: that does not mend by waiting
        self.find_again: Callable[[], Host | None] = lambda: None  # who has the name now, once this one was let go
        self.remote = Remote(
            plan.target, port=plan.port, key=plan.key, through=plan.through, transport=plan.transport,
            accept_new=plan.accept_new, fingerprints=plan.fingerprints, ask=ask, config=config, setup=plan.setup,
        )  # fmt: skip
        self.where = self.remote.where  # ``me@node7``: kept, as a connection that is lost does not know it
        try:
            self.facts: HostFacts = self.remote.probe()
            if plan.nodes is not None:
                checked_offer(plan.nodes, self.facts.cores, plan.name, "connect it a second time with another --name")
            self.python: Taken = interpreter(self.remote, self.facts, plan.python, self.name)
        except BaseException:
            self.remote.close()
            raise
        self.launcher: type[AgentLauncher] = agent_launcher(
            plan.name, self.open_carrier, self.python.path, plan.nodes or self.facts.cores or None,
            settings=LinkSettings(is_direct=self.remote.is_direct), on_link=self._note,
        )  # fmt: skip

    def offer(self) -> Offer:
        """Give what an automatic choice of places should know of it, as it was last looked at."""
        facts = self.facts
        problem = "" if self.state == "connected" else self.state
        if not problem and not self.python.is_like_here:
            problem = f"it has Python {self.python.version}, where functions of this notebook cannot go"
        known = [each.hello for each in (*self.launcher.target.opened,) if each.hello is not None]
        gpus = known[0].gpus if known else ()
        return Offer(self.name, facts.hostname, facts.cores, facts.load, facts.memory_bytes, gpus, problem)

    def __repr__(self) -> str:
        return f"<Host {self.name}: {self.where}, {self.state}>"

    @property
    def state(self) -> str:
        """``connected``, ``link lost`` (it is being opened again) or ``link failed`` (that was given up)."""
        if self.remote.is_alive() and not self._is_in_doubt:
            return "connected"
        return "link failed" if self.has_given_up else "link lost"

    @property
    def has_given_up(self) -> bool:
        """Whether the agent that was heard of last could not be started, or not again; a new pool starts another."""
        return self.link is not None and self.link.state == "failed"

    @property
    def n_workers(self) -> int:
        """How many workers it has now, in whatever pools."""
        return sum(len(launcher.slots) for launcher in list(self.launcher.target.opened))

    @property
    def round_trip_s(self) -> float:
        """What a question and its answer take."""
        return (self.link.round_trip_s if self.link else 0.0) or self.facts.round_trip_s

    # --- the agent's way ---

    def open_carrier(self, command: Sequence[str]) -> Any:
        """Start a command there, on the connection that stands or on a new one.

        Parameters
        ----------
        command : sequence of str
            Its words.

        Returns
        -------
        Carrier

        Raises
        ------
        HostLost
            It was disconnected on purpose, and is not connected again.
        HostError
            It did not connect, or the command could not be begun.
        """
        host = self._in_use()
        host.stand()
        return host.remote.open(command)

    def _in_use(self) -> Host:
        """Give this host; if it was let go, the same one as it is connected now, for pools that were made before."""
        if not self._is_left:
            return self
        found = self.find_again()
        if found is None or found.where != self.where or found.python.path != self.python.path:
            cause = "" if found is None else f"its name is now that of {found.where} with {found.python.path}"
            cure = f"%pathos connect {self.name} again, then call the pool's restart(); or make another pool"
            raise HostLost(f"{self.name} was disconnected", cause=cause, cure=cure, host=self.name)
        found._is_in_doubt = found._is_in_doubt or self._is_in_doubt
        self._is_in_doubt = False
        return found

    def stand(self) -> None:
        """See that there is a connection: the one that stands, or a new one.

        Raises
        ------
        HostError
            It did not connect.
        """
        with self._lock:
            if not self._stands():
                self._mend()
            self._is_in_doubt = False

    def _mend(self) -> None:
        try:
            self.remote.mend()
        except HostError as error:
            self.refusal = error.what if isinstance(error, (HostKeyRefused, LoginRefused)) else ""
            raise
        self.refusal = ""  # only now: it is also read while another attempt is made

    def leave(self) -> None:
        """Ask the host for a last sign of life; a link without one is closed at once, so that nobody waits for it."""
        if self.remote.transport != "paramiko":  # it has no connection to ask by
            return
        try:
            self.remote.round_trip(min(_DOUBT_S, max(_SIGN_S, 10 * self.round_trip_s)))
        except (HostError, OSError):
            self.close()

    def _stands(self) -> bool:
        if not self.remote.is_alive():
            return False
        if self._is_in_doubt:
            try:
                self.remote.round_trip(_DOUBT_S)
            except (HostError, OSError):
                return False
        return True

    def _note(self, state: LinkState) -> None:
        self.link = state
        self._is_in_doubt = self._is_in_doubt or state.state == "lost"

    # --- looking ---

    def check(self, *, with_link: bool = True) -> list[Line]:
        """Look at the host anew.

        Parameters
        ----------
        with_link : bool
            Whether to measure what the link carries.

        Returns
        -------
        list of Line
            For a table.

        Raises
        ------
        HostError
            It does not answer.
        """
        self.facts = self.remote.probe()
        return judge(self.facts, self.python, self._speed() if with_link else 0.0)

    def _speed(self) -> float:
        """Give what the link carries, there and back, by a stream that is open already."""
        carrier = self.remote.open(["cat"], setup=False)
        try:
            begun = time.monotonic()
            back = exchange(carrier.sock, b"\0" * _SAMPLE_BYTES, begun + _SAMPLE_S)
            took_s = time.monotonic() - begun - self.facts.round_trip_s
            n_bytes = 2 * _SAMPLE_BYTES if back is not None else 0  # so slow that it was not worth the wait
            return n_bytes / max(took_s, 1e-4) or _SAMPLE_BYTES / _SAMPLE_S
        finally:
            carrier.close()

    def close(self) -> None:
        """End the connection and what runs on it; it is not made anew."""
        self._is_left = True
        self.remote.close(for_good=True)
