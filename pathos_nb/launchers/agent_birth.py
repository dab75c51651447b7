"""How an agent is brought to life over a carrier: the near half of the conversation of `agent_boot`."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from pathos_nb.launchers.agent_archive import Archive
from pathos_nb.launchers.agent_boot import MARK
from pathos_nb.wire.envelopes import KEY_BYTES

__all__ = ["Carried", "Carrier", "Hello", "LinkFailed", "ask_cores", "carry", "converse", "new_key"]

_MAX_BANNER = 1 << 18
_MAX_LINE = 1 << 16
_SHOWN_BYTES = 1500


class Carrier(Protocol):
    """A byte stream to one command that runs on a host."""

    @property
    def where(self) -> str:
        """Where it runs, for messages."""

    @property
    def sock(self) -> socket.socket:
        """A connected stream socket whose other end is the command's stdin and stdout."""

    def fileno(self) -> int:
        """Give the socket's descriptor."""

    def error_text(self) -> str:
        """Give what the command has written to stderr so far."""

    def why_ended(self) -> str:
        """Say in words why it has ended; empty while it runs."""

    def close(self) -> None:
        """End the command and the channel, within 5 s; a second time nothing happens."""


class LinkFailed(Exception):
    """No agent could be started, and why; `is_final` if trying again is no use."""

    def __init__(self, what: str, cause: str = "", cure: str = "", tail: str = "", is_final: bool = True) -> None:
        super().__init__(what)
        self.what, self.cause, self.cure, self.tail, self.is_final = what, cause, cure, tail, is_final


class Hello(NamedTuple):
    """What an agent says of itself.

    Attributes
    ----------
    python : tuple of int
        Its version.
    executable : str
        Its Python.
    host : str
        What the host calls itself.
    pid : int
        Its process there.
    kept : str
        Why the archive could not be kept in the cache; empty if it was.
    cores : int
        How many cores it may use.
    round_trip_s : float
        The quickest answer while it began.
    clock_ahead_s : float
        How much the clock there is ahead of ours.
    rest : bytes
        What came after its last word: the first envelopes.
    memory_bytes, gpus, tags
        As of `pathos_nb.launchers.resources.Resources`.
    """

    python: tuple[int, ...]
    executable: str
    host: str
    pid: int
    kept: str
    cores: int
    round_trip_s: float
    clock_ahead_s: float
    rest: bytes = b""
    memory_bytes: int = 0
    gpus: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()


def ask_cores(carrier: Carrier, timeout_s: float) -> int:
    """Give the answer of a host that was asked by `CORES` how many cores it has.

    Parameters
    ----------
    carrier : Carrier
        To that command; closed here.
    timeout_s : float
        How long it may take.

    Returns
    -------
    int

    Raises
    ------
    LinkFailed
        It did not answer.
    """
    try:
        said = _Talk(carrier, time.monotonic() + timeout_s).hear("it did not say how many cores it has")
        with _making_sense(said):
            return max(1, int(said["cores"]))
    finally:
        carrier.close()


def converse(carrier: Carrier, packed: Archive, key: bytes, order: Mapping[str, Any], until_s: float) -> Hello:
    """Bring an agent to life at the other end of a carrier.

    Parameters
    ----------
    carrier : Carrier
        At whose other end `boot_command` has just been started.
    packed : Archive
        What it will run.
    key : bytes
        Seals the envelopes from then on.
    order : mapping
        What else it has to know: plain values.
    until_s : float
        When to give up, on the monotonic clock.

    Returns
    -------
    Hello

    Raises
    ------
    LinkFailed
        It did not come to life.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes")
    found = carry(carrier, packed, {"key": key.hex(), **order}, until_s)
    first, ready = found.first, found.ready
    with _making_sense({**first, **ready}):
        ahead_s = int(1e6 * float(ready["time"])) / 1e6 - time.time()  # refuses what is no number, and infinity
        return Hello(
            tuple(map(int, first["python"])), str(first["at"]), str(first["host"]), int(first["pid"]),
            str(ready["kept"]), max(1, int(ready["cores"])), found.round_trip_s, ahead_s + found.round_trip_s / 2,
            found.rest, int(ready.get("memory", 0)), tuple(map(str, ready.get("gpus", ()))),
        )  # fmt: skip


@contextlib.contextmanager
def _making_sense(said: Mapping[str, Any]) -> Iterator[None]:
    """Take words of a host apart, inside of the block; whoever says what no agent would is none."""
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise LinkFailed("what came is no agent's", cure=_SILENT_LOGIN, tail=repr(said)[:_SHOWN_BYTES]) from error


class Carried(NamedTuple):
    """What was said while an archive was brought to a host: its first words, its last, and what came after them."""

    first: Mapping[str, Any]
    ready: Mapping[str, Any]
    round_trip_s: float
    rest: bytes


def carry(carrier: Carrier, packed: Archive, order: Mapping[str, Any], until_s: float) -> Carried:
    """Bring an archive to a host that has not got it, and have run there what the order says (``run``).

    Parameters
    ----------
    carrier : Carrier
        At whose other end `boot_command` has just been started.
    packed : Archive
        What it will run.
    order : mapping
        What it has to know: plain values; it goes by stdin.
    until_s : float
        When to give up, on the monotonic clock.

    Returns
    -------
    Carried

    Raises
    ------
    LinkFailed
        It did not begin.
    """
    talk = _Talk(carrier, until_s)
    first = talk.hear("no Python answered")
    if "old" in first:
        with _making_sense(first):
            version = ".".join(map(str, first["old"]))
        cure = "name a newer one there (python=, --python)"
        raise LinkFailed(f"Python {version} is too old", "pathos_nb needs 3.10", cure)
    asked = time.monotonic()
    told = {"digest": packed.digest, "size": len(packed.data), **order}
    talk.say(json.dumps(told).encode() + b"\n")
    answer = talk.hear("it did not answer")
    with _making_sense(answer):
        has_it = answer["have"]
    round_trip_s = time.monotonic() - asked
    if not has_it:
        talk.say(packed.data)
    ready = talk.hear("what was sent did not start")
    if "error" in ready:
        raise LinkFailed("what was sent did not start", str(ready["error"]))
    return Carried(first, ready, round_trip_s, talk.heard[1:])


class _Talk:
    """Lines and blocks over a carrier, up to a time."""

    def __init__(self, carrier: Carrier, until_s: float) -> None:
        self.carrier, self.until_s, self.heard = carrier, until_s, b"\n"
        carrier.sock.setblocking(False)

    def say(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._await(write=True, failing="it takes no input")
            try:
                rest = rest[self.carrier.sock.send(rest[: 1 << 18]) :]
            except BlockingIOError:
                continue
            except OSError:
                raise self._ended("it ended") from None

    def hear(self, failing: str) -> Any:
        """Give the next line of ours; what comes before it is a banner."""
        while True:
            at = self.heard.find(MARK)
            end = self.heard.find(b"\n", at + len(MARK)) if at >= 0 else -1
            if end >= 0:
                line, self.heard = self.heard[at + len(MARK) : end], self.heard[end:]
                return self._parsed(line)
            if len(self.heard) > _MAX_BANNER or (at >= 0 and len(self.heard) - at > _MAX_LINE):
                raise LinkFailed(failing, "its output is no agent's", _SILENT_LOGIN, self._shown())
            self._read(failing)

    def _parsed(self, line: bytes) -> Any:
        try:
            told = json.loads(line)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise LinkFailed("what came is no agent's", cure=_SILENT_LOGIN, tail=repr(line[:200]))
        return told

    def _read(self, failing: str) -> None:
        self._await(write=False, failing=failing)
        try:
            data = self.carrier.sock.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            raise self._ended(failing)
        self.heard += data

    def _await(self, write: bool, failing: str) -> None:
        poller = select.poll()
        poller.register(self.carrier.fileno(), select.POLLOUT if write else select.POLLIN)
        left_s = self.until_s - time.monotonic()
        if left_s <= 0 or not poller.poll(left_s * 1000):
            raise LinkFailed(f"{failing} in time", tail=self._shown(), is_final=False)

    def _ended(self, failing: str) -> LinkFailed:
        deadline = time.monotonic() + 1.0
        while not (why := self.carrier.why_ended()) and time.monotonic() < deadline:
            time.sleep(0.01)  # the stream's end comes first, its reason by another way
        cure = "see that Python 3.10 or later is there, or name it (python=, --python)" if "127" in why else ""
        return LinkFailed(failing, why, cure, self._shown(), is_final=bool(why) and "exit status" in why)

    def _shown(self) -> str:
        said = self.carrier.error_text().strip() or self.heard.decode("utf-8", "replace").strip()
        return said[-_SHOWN_BYTES:]


_SILENT_LOGIN = "see what a login prints there (echo in a profile), and that it starts a POSIX shell"


def new_key() -> bytes:
    """Give a fresh key for one link."""
    return os.urandom(KEY_BYTES)
