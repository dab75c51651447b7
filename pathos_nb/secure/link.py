"""One authenticated connection to a host, on paramiko, through as many jump hosts as it takes.

::

    Link ── Transport to the host ── (a forwarded stream) ── Transport to the jump host ── TCP

The transports are tuned: windows that grow as the way is long (`credit`), the cipher that the processor has
instructions for, and no key type offered that is not the one known for the host.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import threading
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pathos_nb.errors import CommandFailed, HostKeyRefused, HostUnreachable, TunnelFailed
from pathos_nb.secure import known_hosts
from pathos_nb.secure.asking import Ask
from pathos_nb.secure.config import Hop
from pathos_nb.secure.credit import FIRST_BYTES, LONGEST_BYTES
from pathos_nb.secure.dial import dial
from pathos_nb.secure.gulps import Gulps, Through
from pathos_nb.secure.host_certificates import KINDS, fault_of
from pathos_nb.secure.login import log_in
from pathos_nb.secure.rekeying import Patient, rekey_as_ssh_does

if TYPE_CHECKING:
    import paramiko

__all__ = ["Link", "LinkOptions"]

PACKET_BYTES = 1 << 17
PAUSE_S = 0.05
LOG = "pathos_nb.ssh"
_NEW = ("unknown", "certified")  # what is said of a key that nobody has accepted, nor refused
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How to connect: who may be asked, which unknown keys are accepted (all, or these), seconds for each step."""

    ask: Ask | None = None
    accept_new: bool = False
    timeout: float = 10.0
    fingerprints: tuple[str, ...] = ()


class Link:
    """A connection to the last of some hops, each of which is reached through the one before.

    Parameters
    ----------
    hops : sequence of Hop
        The jump hosts, and the host.
    options : LinkOptions
        How to connect.

    Attributes
    ----------
    trip_s : float
        The quickest answer so far; 0 before the first.
    """

    def __init__(self, hops: Sequence[Hop], options: LinkOptions) -> None:
        self.hop, self.where = hops[-1], hops[-1].where
        self._hops, self._options = tuple(hops), options
        self._transports: list[paramiko.Transport] = []
        self._dialing: socket.socket | None = None
        self._is_closed = False
        self.trip_s = 0.0

    def open(self) -> None:
        """Connect.

        Raises
        ------
        HostUnreachable, HostKeyRefused, LoginRefused
            Whichever hop it was, it is named; nothing stays open. `close`, in another thread, ends it soon.
        """
        try:
            for hop in self._hops:
                self._transports.append(self._next(hop))
            if self._is_closed:
                raise HostUnreachable(f"the connection to {self.where} was closed", host=self.hop.name)
        except BaseException:
            self.close()
            raise

    @property
    def is_direct(self) -> bool:
        """Whether no jump host stands between."""
        return len(self._hops) == 1

    @property
    def transport(self) -> paramiko.Transport:
        """The transport to the host itself."""
        return self._transports[-1]

    def _next(self, hop: Hop) -> paramiko.Transport:
        stream = self._stream(hop)
        try:
            transport = _transport(stream, hop)
        except BaseException:
            stream.close()
            raise
        try:
            _greet(transport, hop, self._options)
            log_in(transport, hop, self._options.ask, self._options.timeout)
        except BaseException:
            transport.close()
            raise
        return transport

    def _stream(self, hop: Hop) -> Any:
        """Give a socket, or a stream through the hop before that has a socket's methods."""
        if not self._transports:
            return Gulps(dial(hop.name, hop.address, hop.port, self._options.timeout, self._note_dialing))
        import paramiko

        before, gate = self._transports[-1], self._hops[len(self._transports) - 1].where
        try:
            place, timeout = (hop.address, hop.port), self._options.timeout
            return Through(before.open_channel("direct-tcpip", place, ("127.0.0.1", 0), timeout=timeout))
        except (paramiko.SSHException, EOFError) as error:
            raise HostUnreachable(
                f"{hop.name} ({hop.address}:{hop.port}) cannot be reached through its jump host {gate}",
                cause=str(error) or f"{gate} does not answer",
                cure=f"check that {gate} reaches it and allows forwarding (AllowTcpForwarding)",
                host=hop.name,
            ) from error

    def _note_dialing(self, stream: socket.socket) -> None:
        self._dialing = stream
        if self._is_closed:
            raise OSError(errno.ECANCELED, "it was closed meanwhile")

    # -------------------------------------------------------------------------------------------------- what it carries

    def session(self, timeout: float, window_bytes: int = LONGEST_BYTES) -> paramiko.Channel:
        """Open a session channel.

        Raises
        ------
        CommandFailed
            The host allows no more sessions.
        HostUnreachable
            The link is lost.
        """
        import paramiko

        try:
            return self._open_session(timeout, window_bytes)
        except paramiko.ChannelException as error:
            raise CommandFailed(
                f"{self.where} opens no further session",
                cause=f"{error}: MaxSessions in its sshd_config, most likely",
                cure="end something that runs there, or ask for a larger MaxSessions",
                host=self.hop.name,
            ) from error
        except (paramiko.SSHException, EOFError) as error:
            raise self.lost(error) from error

    def _open_session(self, timeout: float, window_bytes: int) -> paramiko.Channel:
        """Open a session; sshd counts one that has just ended for a moment longer, so a refusal is asked again."""
        import paramiko

        with contextlib.suppress(paramiko.ChannelException):
            begun = time.monotonic()
            channel = self.transport.open_session(window_bytes, timeout=timeout)
            self._note_trip(time.monotonic() - begun)
            return channel
        time.sleep(PAUSE_S)
        return self.transport.open_session(window_bytes, timeout=timeout)

    def _note_trip(self, seconds: float) -> None:
        self.trip_s = min(self.trip_s or seconds, seconds)

    def forward(self, address: str, port: int, timeout: float) -> paramiko.Channel:
        """Open a stream from the host to a port.

        Raises
        ------
        TunnelFailed
            The host cannot connect there, or may not.
        HostUnreachable
            The link is lost.
        """
        import paramiko

        try:
            return self.transport.open_channel(
                "direct-tcpip", (address, port), ("127.0.0.1", 0), window_size=FIRST_BYTES, timeout=timeout
            )
        except paramiko.ChannelException as error:
            raise TunnelFailed(
                f"{self.where} does not connect to {address}:{port}",
                cause=str(error),
                cure="check that something listens there, and that sshd allows forwarding",
                host=self.hop.name,
            ) from error
        except (paramiko.SSHException, EOFError) as error:
            raise self.lost(error) from error

    def lost(self, error: BaseException | None = None) -> HostUnreachable:
        """Give the error that says that the link is lost."""
        reason = error or self.transport.get_exception()
        said = (str(reason) or type(reason).__name__) if reason else "the host closed it"
        return HostUnreachable(
            f"the link to {self.where} was lost",
            cause=self._dead_gate() or said,
            cure="connect again",
            host=self.hop.name,
        )

    def _dead_gate(self) -> str:
        """Say which jump host is gone; nothing if none is."""
        gates = zip(self._hops[:-1], self._transports[:-1], strict=False)
        return next((f"its jump host {hop.where} is gone" for hop, way in gates if not way.is_active()), "")

    def round_trip(self, timeout: float = 10.0) -> float:
        """Give the seconds of one question and answer of ssh itself.

        Raises
        ------
        HostUnreachable
            There was no answer in time; the link is closed then.
        """
        import paramiko

        begun = time.monotonic()
        alarm = threading.Timer(timeout, self.close)
        alarm.daemon = True
        alarm.start()
        try:
            self.transport.global_request("keepalive@openssh.com", wait=True)
        except (paramiko.SSHException, OSError, EOFError) as error:  # it was closed while the question went out
            raise self.lost(error) from error
        finally:
            alarm.cancel()
            alarm.join()
        if not self.is_alive():
            raise self.lost()
        self._note_trip(time.monotonic() - begun)
        return time.monotonic() - begun

    def is_alive(self) -> bool:
        """Say whether the connection stands, as far as is known without asking the host."""
        return bool(self._transports) and all(t.is_active() for t in self._transports)

    def close(self) -> None:
        """Close all of it, the jump hosts too; if it is just being opened, that ends."""
        self._is_closed, dialing = True, self._dialing
        if dialing is not None and not self._transports:
            with contextlib.suppress(OSError):
                dialing.shutdown(socket.SHUT_RDWR)
        for transport in reversed(self._transports):
            transport.close()


# -------------------------------------------------------------------------------------------------------- one transport


def _transport(stream: Any, hop: Hop) -> paramiko.Transport:
    import paramiko

    logging.getLogger(LOG).addHandler(logging.NullHandler())  # else its troubles are printed on stderr
    transport = paramiko.Transport(stream, default_window_size=LONGEST_BYTES, default_max_packet_size=PACKET_BYTES)
    transport.daemon = True
    Patient(transport)
    transport.set_log_channel(LOG)
    options = transport.get_security_options()
    options.ciphers = _first(CIPHERS, options.ciphers)
    options.key_types = _first(_known_types(hop), options.key_types)
    return transport


def _first(wanted: Sequence[str], offered: Sequence[str]) -> list[str]:
    return [w for w in wanted if w in (*offered, *KINDS)] + [o for o in offered if o not in wanted]


def _known_types(hop: Hop) -> list[str]:
    """Give the key types known for a hop: else the host may show another one, which would look like a changed key.

    Certificates come first where an authority is known; a host that has none shows its key.
    """
    entries = _entries(hop)
    certified = KINDS if any(entry.marker == "@cert-authority" for entry in entries) else ()
    kinds = [entry.kind for entry in entries if not entry.marker]
    plain = [name for kind in kinds for name in (("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,))]
    return [*certified, *plain]


def _entries(hop: Hop) -> list[known_hosts.Entry]:
    """Give what is known of a hop; an authority is one for all ports."""
    name, bare = _known_name(hop), _bare_name(hop)
    found = known_hosts.entries_for(hop.known_hosts, name)
    elsewhere = known_hosts.entries_for(hop.known_hosts, bare) if bare != name else []
    return [*found, *(entry for entry in elsewhere if entry.marker)]


def _bare_name(hop: Hop) -> str:
    return hop.key_name or hop.address


def _known_name(hop: Hop) -> str:
    return hop.key_name or known_hosts.name_of(hop.address, hop.port)


def _greet(transport: paramiko.Transport, hop: Hop, options: LinkOptions) -> None:
    """Exchange versions and keys, and verify the host's."""
    import paramiko

    transport.banner_timeout = transport.handshake_timeout = options.timeout
    try:
        transport.start_client(timeout=options.timeout)
        key = transport.get_remote_server_key()  # raises if the time was up before
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise HostUnreachable(
            f"{hop.name} ({hop.address}:{hop.port}) took the connection, but does not speak ssh",
            cause=str(error) or "it closed the connection",
            cure=f"check the port; if the host is slow, give it more than {options.timeout:g} s (timeout)",
            host=hop.name,
        ) from error
    rekey_as_ssh_does(transport)
    _verify(key, hop, options)


def _remember(hop: Hop, name: str, kind: str, blob: bytes) -> None:
    """Write a key down; where that cannot be, it is good for this connection, as it is for ssh."""
    try:
        known_hosts.add(hop.known_hosts[0], name, kind, blob)
    except OSError as error:
        what = f"the key of {hop.name} was taken, but cannot be remembered in {hop.known_hosts[0]} ({error.strerror})"
        warnings.warn(f"{what}: it will be unknown the next time", UserWarning, stacklevel=2)


def _verify(key: paramiko.PKey, hop: Hop, options: LinkOptions) -> None:
    name, blob = _known_name(hop), key.asbytes()
    entries = _entries(hop)
    verdict = known_hosts.judge(entries, key.get_name(), blob)
    fault = _fault(key, hop, entries)
    if verdict.word == "known" or (not fault and verdict.word != "revoked"):
        return
    fingerprint = known_hosts.fingerprint(blob)
    shown = f"{key.get_name()} {fingerprint}"
    is_wanted = options.accept_new or hop.accepts_new or fingerprint in options.fingerprints
    if verdict.word in _NEW and is_wanted:
        _remember(hop, name, key.get_name(), blob)
        return
    raise _key_refused(hop, name, shown, verdict, fault)


def _fault(key: paramiko.PKey, hop: Hop, entries: Sequence[known_hosts.Entry]) -> str:
    """Say why no certificate proves that this is the host; nothing if one does."""
    shown = key.public_blob
    if shown is None:
        return "it shows no certificate"
    return fault_of(shown.key_type, shown.key_blob, _bare_name(hop), entries)


def _key_refused(hop: Hop, name: str, shown: str, verdict: known_hosts.Verdict, fault: str) -> HostKeyRefused:
    fingerprint = shown.split()[-1]
    compare = f"compare it with the host's own (ssh-keygen -lf there), then connect with --fingerprint {fingerprint}"
    compare += ", or with --accept-new, which takes any"
    if verdict.entry is None:
        what = f"the key of {hop.name} is not known: {shown}"
        cause, cure = f"nobody has connected to {name} from here before", compare
    elif verdict.word == "certified":
        what = f"the key of {hop.name} is not known: {shown}"
        cause = f"{verdict.entry.place} trusts an authority for it, but {fault}"
        cure = f'ask who runs it for one that fits; where ssh itself connects, use transport="openssh"; or {compare}'
    elif verdict.word == "revoked":
        what = f"the key of {hop.name} is one that was revoked: {shown}"
        cause = f"{verdict.entry.place} has it as revoked, so that whoever shows it may not be the host"
        cure = "ask who runs it for a new key of its own; a revoked one is never taken"
    else:
        what = f"the key of {hop.name} is not the one that is known: it shows {shown}"
        known = f"{verdict.entry.kind} {known_hosts.fingerprint(verdict.entry.key)}"
        cause = f"{verdict.entry.place} has {known}: the host was set up anew, or somebody stands between"
        cure = f"ask who runs it; if the new key is right: ssh-keygen -R '{name}', then connect with --accept-new"
    is_new = verdict.word in _NEW
    return HostKeyRefused(what, cause=cause, cure=cure, host=hop.name, fingerprint=fingerprint, is_new=is_new)
