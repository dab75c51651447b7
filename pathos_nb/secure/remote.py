"""One authenticated connection to a host: commands are opened, run and probed on it, ports forwarded, files copied."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pathos_nb import hosts
from pathos_nb.errors import BadOption, CommandFailed, HostError, HostKeyRefused, HostUnreachable, LoginRefused
from pathos_nb.secure.asking import Ask
from pathos_nb.secure.carrier import SAID_BYTES, Carrier
from pathos_nb.secure.channel import FarChannel
from pathos_nb.secure.config import Hop, key_file, route
from pathos_nb.secure.endings import Endings
from pathos_nb.secure.ends import Ends
from pathos_nb.secure.exchange import exchange
from pathos_nb.secure.link import Link, LinkOptions
from pathos_nb.secure.links import Links
from pathos_nb.secure.names import Target, jumps, parse
from pathos_nb.secure.openssh import UNKNOWN_KEY, FarProcess, OpenSsh
from pathos_nb.secure.probe import SCRIPT, HostFacts, read_facts
from pathos_nb.secure.shell import Marker, SetUp, failed_line, line_for
from pathos_nb.secure.ssh_master import Master

__all__ = ["Completed", "Remote"]

TRANSPORTS = ("paramiko", "openssh")
RUN_S = 60.0
SET_UP_S = 60.0  # module and conda are slow
RUN_SAID_BYTES = 1 << 24
SSH_S = 3.0
NO_SET_UP = SetUp()


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command that has ended wrote, and its exit status (-1: it was ended by a signal)."""

    stdout: bytes
    stderr: str
    status: int


class Remote:
    """One authenticated connection to a host.

    Parameters
    ----------
    name : str
        ``[user@]host[:port]``; a name of ``~/.ssh/config`` is as good as an address.
    user, port, key : str, int, str
        What was said apart from the name.
    through : str or None
        Jump hosts, with commas between them; ``"none"`` for none, None for those of the configuration.
    transport : str
        ``"paramiko"``, or ``"openssh"``: the system's ``ssh``.
    accept_new : bool
        Accept a host key that is not known yet; one that has changed is never accepted.
    fingerprints : sequence of str
        Accept an unknown key that has one of these fingerprints (``SHA256:…``), and no other.
    ask : callable, optional
        ``ask(prompt, is_secret)`` gives what the user answers, or None. Without it nothing is asked.
    timeout : float
        Seconds for each step of connecting.
    config : str
        The configuration file instead of ``~/.ssh/config``.
    setup : SetUp
        The host's profile and set-up lines.

    Raises
    ------
    HostUnreachable, HostKeyRefused, LoginRefused, BadOption
        It did not connect; nothing stays open.
    """

    def __init__(
        self,
        name: str,
        *,
        user: str = "",
        port: int = 0,
        key: str = "",
        through: str | None = None,
        transport: str = "paramiko",
        accept_new: bool = False,
        fingerprints: Sequence[str] = (),
        ask: Ask | None = None,
        timeout: float = 10.0,
        config: str = "",
        setup: SetUp = NO_SET_UP,
    ) -> None:
        if transport not in TRANSPORTS:
            raise BadOption(f"there is no transport {transport!r}", cure=f"there are {' and '.join(TRANSPORTS)}")
        self.target: Target = parse(name, user=user, port=port)
        self.transport, self.timeout, self.setup = transport, timeout, setup
        for jump in jumps(through or ""):
            parse(jump)
        self._key, self._through, self._config = key, through, config
        self._options = LinkOptions(ask, accept_new, timeout, tuple(fingerprints))
        self._lock = threading.RLock()
        self._carriers: list[Carrier] = []
        self._connecting = threading.Lock()
        self._links = Links(self.target.host, self._route, self._options)
        self._ssh = OpenSsh(self.target, str(key_file(key)) if key else "", through or "", config, accept_new, timeout)
        self._master: Master | None = None
        self._where = self._ssh.where
        self._connect()

    def __repr__(self) -> str:
        return f"<Remote {self.where} over {self.transport}: {'connected' if self.is_alive() else 'closed'}>"

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The host, as the user calls it."""
        return self.target.host

    @property
    def where(self) -> str:
        """The host as messages name it: ``me@node7``."""
        return self._where

    @property
    def link(self) -> Link:
        """The connection of paramiko's.

        Raises
        ------
        HostUnreachable
            It is closed.
        BadOption
            The transport is ``openssh``, which has none.
        """
        if self.transport != "paramiko":
            raise BadOption("only paramiko keeps a connection", cure='use transport="paramiko"', host=self.name)
        return self._links.main

    def _route(self) -> list[Hop]:
        through = None if self._through is None else jumps(self._through)
        return route(self.target, key=self._key, through=through, config=self._config)

    def _connect(self) -> None:
        if self.transport == "paramiko":
            self._links.open()
            self._where = self._links.main.where
            return
        self._closed = False
        try:
            self.run(["true"], setup=False, timeout=self.timeout + SSH_S)
        except (HostKeyRefused, LoginRefused) as refusal:
            if not self._can_mend(refusal):
                raise
            master = Master(self._ssh, self._options)
            with self._lock:
                self._master, is_wanted = master, not self._closed
            if not is_wanted:
                self.close()
                raise HostUnreachable(f"the connection to {self.where} was closed", host=self.name) from None

    def _can_mend(self, refusal: HostError) -> bool:
        """Say whether ssh should try again with somebody to ask."""
        if isinstance(refusal, HostKeyRefused):
            return refusal.cause in UNKNOWN_KEY
        return self._options.ask is not None

    @property
    def master(self) -> Master | None:
        """The ``ssh`` that was let in by answers, over which all others go; None if there is none."""
        return self._master

    @property
    def ssh(self) -> OpenSsh:
        """How ``ssh`` is called now: over the one that was let in by answers, if there is one."""
        master = self._master
        return master.ssh if master is not None else self._ssh

    @property
    def is_direct(self) -> bool:
        """Whether nobody stands between, as far as is known: no jump host, and no ``ProxyCommand``."""
        if self._links.is_alive():
            return self._links.main.is_direct  # the configuration, and what it runs, need not be asked again
        try:
            return len(self._route()) == 1
        except HostUnreachable:  # a way that only ssh itself can go
            return False
        except Exception:  # a configuration that only ssh itself can read
            return self.transport == "openssh"

    # --------------------------------------------------------------------------------------------------------- commands

    def open(self, command: Sequence[str], setup: bool = True) -> Carrier:
        """Start a command, and give the stream to it.

        Parameters
        ----------
        command : sequence of str
            The program and its arguments; nothing in them is taken for a shell's.
        setup : bool
            Source the host's profile and run its set-up lines before.

        Returns
        -------
        Carrier
            Begun, and yours to close.

        Raises
        ------
        CommandFailed
            It could not be begun.
        HostUnreachable
            The link is lost.
        """
        return self._open(command, self.setup if setup else NO_SET_UP, SAID_BYTES)

    def open_beside(self, command: Sequence[str], options: Sequence[str], endings: Endings | None = None) -> Carrier:
        """Start a command by an ``ssh`` that has more to do (``-L``); only with ``openssh``."""
        marker = Marker()
        far = self.ssh.start(line_for(command, marker, NO_SET_UP), *options, endings=endings)
        return self._begun(Carrier(far, marker), NO_SET_UP)

    def _open(self, command: Sequence[str], setup: SetUp, said_bytes: int) -> Carrier:
        marker = Marker()
        return self._begun(Carrier(self._far(line_for(command, marker, setup)), marker, said_bytes), setup)

    def _begun(self, carrier: Carrier, setup: SetUp) -> Carrier:
        self._keep(carrier)
        wait_s = self.timeout + (SET_UP_S if setup.profile or setup.lines else 0)
        wait_s += SSH_S if self.transport == "openssh" else 0  # its own deadline comes first, and says why
        try:
            carrier.wait_begun(wait_s)
        except HostError as error:
            carrier.close()
            raise self._translated(carrier, error, setup) from error
        except BaseException:
            carrier.close()
            raise
        return carrier

    def _far(self, line: str, *, is_subsystem: bool = False) -> FarChannel | FarProcess:
        if self.transport == "paramiko":
            return self._links.channel(line, is_subsystem=is_subsystem)
        return self.ssh.start(line, *(["-s"] if is_subsystem else []))

    def _translated(self, carrier: Carrier, error: HostError, setup: SetUp) -> HostError:
        """Give ssh's own trouble as the error that paramiko's would be, and name the set-up line that failed."""
        if self.transport == "openssh" and isinstance(error, HostUnreachable):
            master = self._master
            is_lost = master is not None and not master.is_alive()
            return master.lost() if master and is_lost else self._ssh.trouble(carrier.error_text())
        if not isinstance(error, CommandFailed) or not (setup.profile or setup.lines):
            return error
        line, has_ended = failed_line(carrier.error_text()), carrier.exit_status is not None
        what = f"a set-up line of {self.name} failed: {line}" if line else f"the set-up of {self.name} did not end well"
        cause = "" if line else f"its profile or a set-up line ended the shell ({carrier.why_ended()})"
        cause = cause if line or has_ended else str(error.cause)
        cure = f"try it there by hand, and mend it in {hosts.path()}"
        return CommandFailed(what, cause=cause, cure=cure, host=self.name, tail=error.tail)

    def _keep(self, carrier: Carrier) -> None:
        with self._lock:
            self._carriers = [c for c in self._carriers if not c.is_closed] + [carrier]

    def subsystem(self, name: str) -> Carrier:
        """Start a subsystem of sshd's, such as ``sftp``, and give the stream to it."""
        carrier = Carrier(self._far(name, is_subsystem=True), None)
        self._keep(carrier)
        return carrier

    def subsystem_channel(self, name: str) -> FarChannel:
        """Start a subsystem, and give paramiko's own channel to it; only with ``paramiko``."""
        return self._links.channel(name, is_subsystem=True)

    def run(
        self, command: Sequence[str], stdin: bytes = b"", timeout: float = RUN_S, *, setup: bool = True,
        into: Ends | None = None, cure: str = "give it more time (timeout=)",
    ) -> Completed:  # fmt: skip
        """Run a command to its end.

        Parameters
        ----------
        command : sequence of str
            The program and its arguments; nothing in them is taken for a shell's.
        stdin : bytes
            What it is given.
        timeout : float
            Seconds; then it is killed.
        setup : bool
            Source the host's profile and run its set-up lines before.
        into : Ends, optional
            Takes what it writes, instead of all of it being kept.
        cure : str
            What the error says of one that takes too long.

        Returns
        -------
        Completed

        Raises
        ------
        CommandFailed
            It could not be begun, or did not end in time.
        HostUnreachable
            The link was lost.
        """
        carrier = self._open(command, self.setup if setup else NO_SET_UP, RUN_SAID_BYTES)
        deadline = time.monotonic() + timeout
        try:
            stdout = exchange(carrier.sock, stdin, deadline, into)
            if stdout is None or not carrier.wait_ended(max(0.0, deadline - time.monotonic()) + 1.0):
                raise self._too_long(command, timeout, carrier, cure)
            if carrier.exit_status is None and carrier.why_ended().startswith("the link"):
                cause = carrier.why_ended()
                raise HostUnreachable(f"{command[0]} on {self.where}: {cause}", cure="connect again", host=self.name)
            status = -1 if carrier.exit_status is None else carrier.exit_status
            return Completed(stdout, carrier.error_text(), status)
        finally:
            carrier.close()

    def _too_long(self, command: Sequence[str], timeout: float, carrier: Carrier, cure: str) -> CommandFailed:
        return CommandFailed(
            f"{command[0]} on {self.where} did not end within {timeout:g} s, and was killed",
            cure=cure,
            host=self.name,
            tail=carrier.error_text(),
        )

    def probe(self, timeout: float = RUN_S) -> HostFacts:
        """Look what the host is like: one fixed script, after profile and set-up lines.

        Parameters
        ----------
        timeout : float
            Seconds.

        Returns
        -------
        HostFacts

        Raises
        ------
        CommandFailed
            The script could not be run there, or its answer is not whole.
        HostUnreachable
            The link was lost.
        """
        round_trip = self.round_trip()
        carrier = self._open(["/bin/sh", "-c", SCRIPT], self.setup, SAID_BYTES)
        sent_at = time.time()  # the script reads its clock first, half a round trip before its first output is here
        try:
            stdout = exchange(carrier.sock, b"", time.monotonic() + timeout) or b""
        finally:
            carrier.close()
        facts = read_facts(self.name, stdout.decode("utf-8", "replace"), sent_at - round_trip / 2, round_trip)
        if facts is None:
            raise CommandFailed(
                f"{self.where} could not be looked at",
                cause="the script that does it did not come to its end",
                cure=f"try it by hand: ssh {self.name} /bin/sh -c true",
                host=self.name,
                tail=carrier.error_text(),
            )
        return replace(facts, user=facts.user or self.target.user)

    # ------------------------------------------------------------------------------------------------------------- life

    def round_trip(self, timeout: float = 10.0) -> float:
        """Give the seconds of one question and answer.

        Parameters
        ----------
        timeout : float
            Seconds after which the link is taken for lost.

        Returns
        -------
        float

        Raises
        ------
        HostUnreachable
            The link is lost.
        """
        if self.transport == "paramiko":
            return self.link.round_trip(timeout)
        if self._master is not None:
            return self._master.round_trip(timeout)
        carrier = self.open(["cat"], setup=False)
        try:
            begun = time.monotonic()
            carrier.sock.settimeout(timeout)
            carrier.sock.sendall(b"x")
            if carrier.sock.recv(1) != b"x":
                raise HostUnreachable(f"{self.where} does not answer", cause=carrier.why_ended(), host=self.name)
            return time.monotonic() - begun
        finally:
            carrier.close()

    def is_alive(self) -> bool:
        """Say whether the connection stands, as far as is known without asking the host."""
        if self.transport == "paramiko":
            return self._links.is_alive()
        master = self._master
        return not self._closed and (master is None or master.is_alive())

    def reconnect(self) -> None:
        """Close what there is and connect anew; the carriers of before are gone.

        Raises
        ------
        HostUnreachable, HostKeyRefused, LoginRefused
            It did not connect; it may be tried again.
        """
        with self._connecting:
            self.close()
            self._connect()

    def mend(self) -> None:
        """Connect anew if the connection does not stand; who shares it may have done so already.

        Raises
        ------
        HostUnreachable, HostKeyRefused, LoginRefused
            It did not connect; it may be tried again.
        """
        with self._connecting:
            if not self._keeps_one or not self.is_alive():
                self.close()
                self._connect()

    @property
    def _keeps_one(self) -> bool:
        """Whether there is one connection for all commands, and not one for each."""
        return self.transport == "paramiko" or self._master is not None

    def close(self, *, for_good: bool = False) -> None:
        """End what runs on it and close it; a second call does nothing.

        Parameters
        ----------
        for_good : bool
            It is not to be connected anew, not even by who is about to do so.
        """
        with self._lock:
            carriers, self._carriers = self._carriers, []
            master, self._master, self._closed = self._master, None, True
        if not self._links.is_alive():
            self._links.close(for_good=for_good)  # first: a further one may be lost as well, and nobody knows
        for carrier in carriers:
            carrier.close()
        if master is not None:
            master.close()
        self._links.close(for_good=for_good)
