"""The agent: this machine's process launcher, at the disposal of a pool on another one, over a single stream.

::

    pool, elsewhere ◄── envelopes ──► agent ── the launcher "processes" ──► zygote ──► workers

It runs in one thread, from the archive that it came in. Its stdin and stdout belong to the envelopes alone: what
anything here prints goes to stderr, and what items print is data. When the stream ends, all workers end, and then the
agent; so they do after two beats and a half of silence if the way is cut (`agent_silence`), when the pool has given it
up as well, and in any case after as long as the pool's last beat said (`agent_patience`).
"""

from __future__ import annotations

import contextlib
import os
import site
import socket
import stat
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers.agent_desk import Desk
from pathos_nb.launchers.agent_silence import is_cut
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.resources import local_resources
from pathos_nb.launchers.spin import Spin
from pathos_nb.launchers.zygote_start import ZygoteStart
from pathos_nb.wire.envelopes import Envelope, EnvelopeReader, Sealer
from pathos_nb.wire.framing import Buffer, Frame
from pathos_nb.wire.outflow import write_some

_IN_USE_S = 3600.0
_SPIN_S = 2e-4
_READS = 16
_LOOKS_A_BEAT = 4
_PIPE_BYTES = 1 << 20


class Stream(NamedTuple):
    """The two descriptors of the stream."""

    into: int
    out: int


def serve(stream: Stream, order: Mapping[str, Any], start: ZygoteStart, say: Callable[..., None], kept: str) -> None:
    """Serve the pool at the other end; never returns.

    Parameters
    ----------
    stream : Stream
        From the pool and to it.
    order : mapping
        ``key``, ``n`` (how many workers there will be), ``beat`` and ``orphan``.
    start : ZygoteStart
        A zygote that boots.
    say : callable
        Tells the other end the last thing before the envelopes.
    kept : str
        Why the archive could not be kept.
    """
    for fd in stream:
        os.set_blocking(fd, False)
        widen(fd)
    see_users_packages()
    agent = Agent(stream, bytes.fromhex(order["key"]), int(order["n"]), start)
    agent.beat_s, agent.orphan_s = float(order["beat"]), float(order["orphan"])
    agent.still_s = float(order.get("still", messages.ORPHAN_S))
    os.set_blocking(stream.out, True)
    has = local_resources(usable_cores())
    say(ready=True, kept=kept, time=time.time(), cores=has.cores, memory=has.memory_bytes, gpus=has.gpus)
    os.set_blocking(stream.out, False)
    try:
        agent.serve()
    finally:
        agent.end()
        os._exit(0)


def widen(fd: int) -> None:
    """Have the system keep more of a stream, so that the other end need not wait while this one copies."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    if stat.S_ISSOCK(os.fstat(fd).st_mode):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fd)) as stream:
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                stream.setsockopt(socket.SOL_SOCKET, option, _PIPE_BYTES)


def see_users_packages() -> None:
    """Put on the path what an interpreter has there that was not started in isolation, as this one was."""
    with contextlib.suppress(Exception):
        site.addsitedir(site.getusersitepackages())
    more = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[1:1] = [entry for entry in more if entry not in sys.path]


def keep_in_use() -> None:
    """Say that the archive which this runs from is in use, so that no other agent clears it away."""
    with contextlib.suppress(OSError):
        os.utime(getattr(globals()["__loader__"], "archive", ""))


class Agent(Desk):
    """Slots for a pool elsewhere.

    Parameters
    ----------
    stream : Stream
        From the pool and to it, not blocking.
    key : bytes
        Of the envelopes.
    n_workers : int
        Among how many workers the cores are shared.
    start : ZygoteStart
        A zygote that boots.
    """

    def __init__(self, stream: Stream, key: bytes, n_workers: int, start: ZygoteStart) -> None:
        super().__init__(n_workers, start)
        self.is_over, self.beat_s, self.orphan_s = False, messages.BEAT_S, messages.ORPHAN_S
        self._in, self._out = stream
        self._sealer, self._reader = Sealer(key, "up"), EnvelopeReader(key, "down")
        self._unsent: deque[Buffer] = deque()
        self._is_full = False
        self._spin = Spin(_SPIN_S)
        self._n_cores = usable_cores()
        self._heard_s = self._moved_s = self._used_s = time.monotonic()
        self.still_s, self._n_moves = messages.ORPHAN_S, 0

    def serve(self) -> None:
        """Do what is asked until the stream ends."""
        self.hub.watch(self._in, self._on_readable)
        self.hub.call_later(self.beat_s, self._beat)
        self._listen()
        while not self.is_over:
            ready = self._spin(self.hub.look) if self._is_brief() else None
            self.hub.handle(ready or self.hub.wait(None))

    def _is_brief(self) -> bool:
        """Whether a worker has just been given something, and a core is free to look out for its answer."""
        has_asked, self._has_asked = self._has_asked, False
        return has_asked and sum(map(bool, self._busy.values())) < self._n_cores

    # --- the stream ---

    def _on_readable(self) -> None:
        for _ in range(_READS):
            try:
                envelopes = self._reader.pull(lambda n: os.read(self._in, n), self._read_into)
            except BlockingIOError:
                return
            except (OSError, ValueError) as error:
                self._say_goodbye(f"the agent cannot go on: {error}")
                return
            self._heard_s = time.monotonic()
            if envelopes is None:
                self.is_over = True
                return
            if self._reader.n_moves != self._n_moves:
                self._moved_s, self._n_moves = self._heard_s, self._reader.n_moves
            self.obey_all(envelopes)

    def _read_into(self, view: memoryview) -> int:
        return os.readv(self._in, [view])

    def _say_goodbye(self, why: str) -> None:
        with contextlib.suppress(OSError):
            os.write(2, why.encode("utf-8", "replace") + b"\n")
        self.is_over = True

    def post(self, kind: int, slot: int, frame: Frame) -> None:
        """Send an envelope, without blocking."""
        self._unsent.extend(self._sealer.seal(Envelope(kind, slot, frame)))
        self._flush()

    def _flush(self) -> None:
        try:
            write_some(self._unsent, lambda piece: os.write(self._out, piece))
        except OSError:
            self.is_over = True
        self._watch_out(bool(self._unsent))

    def _watch_out(self, is_full: bool) -> None:
        if is_full == self._is_full or self.is_over:
            return
        self._is_full = is_full
        if self._in == self._out:
            self.hub.watch(self._in, self._on_readable, self._flush if is_full else None)
        elif is_full:
            self.hub.watch(self._out, _nothing, self._flush)
        else:
            self.hub.unwatch(self._out)

    def on_beat(self, clock: float, patience_s: float) -> None:
        """Answer, and be as patient as the pool asks for: it knows whether it was ever kept from speaking."""
        self.orphan_s = patience_s
        super().on_beat(clock, patience_s)

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._used_s > _IN_USE_S:
            self._used_s = now
            keep_in_use()
        self.post(messages.ECHO, 0, Frame(0, (0.0, time.time())))
        self.hub.call_later(self.beat_s, self._beat)

    def _listen(self) -> None:
        """End when the pool has given this agent up: it then has another key, and would hear nothing from here."""
        silent_s = time.monotonic() - self._heard_s
        if silent_s > self.orphan_s:
            self._say_goodbye("nobody has spoken to this agent for a while")
        elif silent_s > messages.SILENCE_BEATS * self.beat_s and is_cut():
            self._say_goodbye("the link was cut")
        elif self._heard_s - self._moved_s > self.still_s:
            self._say_goodbye("a part of what came to this agent was left out")
        else:
            self.hub.call_later(self.beat_s / _LOOKS_A_BEAT, self._listen)


def _nothing() -> None:
    """Do nothing: a stream that is only written to has nothing to be read."""
