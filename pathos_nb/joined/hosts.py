"""All hosts in use, by name; and whether a name is one that could be used."""

from __future__ import annotations

import getpass
import sys
import threading
from collections.abc import Callable
from dataclasses import replace

from pathos_nb.errors import BadOption, HostKeyRefused, UnknownPlace
from pathos_nb.hosts import Host as Registered
from pathos_nb.hosts import faults, load, save
from pathos_nb.hosts import get as registered
from pathos_nb.joined.host import Ask, Host, Plan
from pathos_nb.joined.turns import Turns
from pathos_nb.launchers.contract import Launcher, Offer
from pathos_nb.secure.config import hosts_in_config
from pathos_nb.secure.names import Target, parse
from pathos_nb.secure.shell import SetUp

__all__ = ["Hosts", "Trust"]

Trust = Callable[[str, str], bool]
_MOST_KEYS = 8  # as many as there may be machines on the way


class Hosts:
    """The hosts that are connected.

    Attributes
    ----------
    asker : callable
        Gives ``ask(prompt, is_secret)``, which asks the user for passwords and codes; None where nobody can be asked.
    truster : callable
        Gives ``trust(what, fingerprint)``, which asks the user whether a key that is not known yet is the host's own;
        None where nobody can be asked.
    config : str
        The configuration of ssh, instead of ``~/.ssh/config``.
    """

    def __init__(self) -> None:
        self.asker: Callable[[], Ask | None] = _at_the_terminal
        self.truster: Callable[[], Trust | None] = _nobody
        self.config = ""
        self._hosts: dict[str, Host] = {}
        self._coming: dict[str, Plan] = {}
        self._lock, self._turns, self._is_closed = threading.Lock(), Turns(), False

    @property
    def connected(self) -> dict[str, Host]:
        """The hosts by name, the oldest first."""
        return dict(self._hosts)

    @property
    def coming(self) -> dict[str, Plan]:
        """The plans by which hosts are being connected just now."""
        return dict(self._coming)

    def names(self) -> list[str]:
        """Give all names that a cell could use: connected hosts, registered ones, those of the configuration of ssh."""
        broken = faults()  # one whose section makes no sense is a name all the same: to connect to it says why
        in_file = [] if "" in broken else [*load(), *broken]
        return list(dict.fromkeys([*self._hosts, *in_file, *self._configured()]))

    def _configured(self) -> list[str]:
        try:
            return hosts_in_config(self.config)
        except (OSError, BadOption):  # no configuration, or one that cannot be read: connecting says so
            return []

    def knows(self, place: str) -> bool:
        """Say whether a place is a host, connected or not.

        Parameters
        ----------
        place : str
            A name, or ``user@host``.

        Returns
        -------
        bool
        """
        return "@" in place or place in self.names()

    def offers(self) -> list[Offer]:
        """Give what an automatic choice of places may take: the hosts that are connected."""
        return [host.offer() for host in self.connected.values()]

    def plan_for(self, target: str, name: str = "") -> Plan:
        """Give the plan of a host of which no more is said than its name; one in use is meant as it was reached.

        Parameters
        ----------
        target : str
            ``[user@]host[:port]``, or a name of the registry; what is typed wins over what that has.
        name : str
            What cells call it; the host's own name if empty.

        Returns
        -------
        Plan

        Raises
        ------
        BadOption
            It is no name of a host, or the registry cannot be read.
        """
        typed = parse(target)
        known = registered(typed.host)
        if known is None:
            standing = self._hosts.get(target) if name in ("", target) else None
            return standing.plan if standing else Plan(name or typed.host, target)
        there = Target(known.host or known.name, typed.user or known.user, typed.port or known.port)
        return Plan(
            name or known.name, str(there), key=known.key, through=known.through or None,
            transport=known.transport or "paramiko", python=known.python, nodes=known.nodes or None,
            setup=SetUp(known.profile, known.setup),
        )  # fmt: skip

    def save(self, name: str) -> None:
        """Put a connected host into the registry, with what was said of it; no secret is among that.

        Parameters
        ----------
        name : str
            What cells call it.

        Raises
        ------
        UnknownPlace
            It is not connected.
        BadOption
            The file cannot be written.
        """
        self.add(self.get(name).plan)

    def add(self, plan: Plan) -> None:
        """Put a host into the registry, connected or not.

        Parameters
        ----------
        plan : Plan
            How it is reached.

        Raises
        ------
        BadOption
            The name makes no sense, or the file cannot be written.
        """
        name = plan.name
        there = parse(plan.target, port=plan.port)
        host = "" if there.host == name else there.host
        save(
            Registered(
                name, host, there.user, there.port, plan.key, plan.through or "",
                plan.transport if plan.transport != "paramiko" else "", plan.python, plan.nodes or 0,
                plan.setup.profile, plan.setup.lines,
            )
        )  # fmt: skip

    def connect(self, plan: Plan) -> Host:
        """Connect to a host.

        Parameters
        ----------
        plan : Plan
            How.

        Returns
        -------
        Host

        Raises
        ------
        BadOption
            Another host has that name.
        HostError
            It did not connect, or cannot be used.
        """
        with self._turns.of(plan.name):
            if plan.name in self._hosts:
                cure = f"%pathos disconnect {plan.name} first, or give another --name"
                raise BadOption(f"{plan.name} is connected already", cure=cure)
            self._coming[plan.name] = plan
            try:
                made = self._met(plan)
            finally:
                self._coming.pop(plan.name, None)
            return self._keep(made)

    def _met(self, plan: Plan) -> Host:
        """Connect; a key on the way that is not known is shown to the user: if she says so, that very one is taken."""
        for _ in range(_MOST_KEYS):
            try:
                return Host(plan, self.asker(), self.config)
            except HostKeyRefused as refused:
                found, trust = refused.where.get("fingerprint", ""), self.truster()
                can_be_asked = refused.where.get("is_new") and found not in plan.fingerprints
                if trust is None or not can_be_asked or not trust(refused.what, found):
                    raise
                plan = replace(plan, fingerprints=(*plan.fingerprints, found))
        return Host(plan, self.asker(), self.config)

    def _keep(self, made: Host) -> Host:
        with self._lock:
            if not self._is_closed:
                self._hosts[made.name] = made
                return made
        made.close()
        raise UnknownPlace(f"the session of {made.name} has ended", cure="connect again")

    def get(self, name: str) -> Host:
        """Give a host that is connected.

        Parameters
        ----------
        name : str
            What cells call it.

        Returns
        -------
        Host

        Raises
        ------
        UnknownPlace
            There is none of that name.
        """
        if name not in self._hosts:
            there = ", ".join(self._hosts) or "none"
            cure = f"connected: {there}; %pathos connect {name} connects it"
            raise UnknownPlace(f"no host called {name!r} is connected", cure=cure)
        return self._hosts[name]

    def reach(self, place: str) -> Host:
        """Give a host, which is connected if it is not yet.

        Parameters
        ----------
        place : str
            A name, or ``user@host``.

        Returns
        -------
        Host

        Raises
        ------
        UnknownPlace
            That is no host.
        HostError
            It did not connect.
        """
        if place in self._hosts or not self.knows(place):
            return self.get(place)
        plan = self.plan_for(place)
        with self._turns.of(plan.name):
            found = self._hosts.get(plan.name)
            if found is None:
                return self.connect(plan)
            _check_same_user(found, place)
            return found

    def resolve(self, place: str) -> type[Launcher] | None:
        """Give the launcher of a host, which is connected if it is not yet: what the registry asks.

        Parameters
        ----------
        place : str
            A name, or ``user@host``.

        Returns
        -------
        type or None
            None if that is no host.
        """
        return self.reach(place).launcher if self.knows(place) else None

    def disconnect(self, name: str) -> None:
        """End the connection to a host.

        Parameters
        ----------
        name : str
            What cells call it.

        Raises
        ------
        UnknownPlace
            There is none of that name.
        """
        host = self.get(name)
        host.find_again = lambda: self._hosts.get(name) if self._hosts.get(name) is not host else None
        host.close()
        with self._lock:
            self._hosts.pop(name, None)

    def close(self) -> None:
        """End all connections, the youngest first; there will be no more."""
        self._is_closed = True
        for name in reversed(self.connected):
            self.disconnect(name)


def _check_same_user(host: Host, place: str) -> None:
    user = parse(place).user
    if user and user != host.where.partition("@")[0]:
        cure = f"%pathos disconnect {host.name} first, or %pathos connect {place} --name NAME"
        raise BadOption(f"{host.name} is connected as {host.where}, not {place}", cure=cure)


def _nobody() -> None:
    """Where nobody can be asked."""


def _at_the_terminal() -> Ask | None:
    """Give what asks the user of a script, if it has a terminal."""
    is_there = sys.stdin is not None and sys.stdin.isatty()
    return _ask if is_there and threading.current_thread() is threading.main_thread() else None


def _ask(prompt: str, is_secret: bool) -> str | None:
    try:
        return getpass.getpass(prompt) if is_secret else input(prompt)
    except EOFError:
        return None
