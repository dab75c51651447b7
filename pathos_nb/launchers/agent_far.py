"""The agent: this machine's process launcher, at the disposal of a pool on another one, over a single stream.

::

    pool, elsewhere ◄── envelopes ──► agent ── the launcher "processes" ──► zygote ──► workers

It runs in one thread, from the archive that it came in. Its stdin and stdout belong to the envelopes alone: what
anything here prints goes to stderr, and what items print is data. When the stream ends, all workers end, and then the
agent; so they do after two beats and a half of silence if the way is cut (`agent_silence`), when the pool has given it
up as well, and after half a minute (`LinkSettings.orphan_s`) in any case.
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
from pathos_nb.launchers.agent_silence import is_cut
from pathos_nb.launchers.agent_store import BesideStore, far_context
from pathos_nb.launchers.contract import News, Reply, Running, Slot, SlotDown
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.hub import EventHub
from pathos_nb.launchers.processes import ProcessesLauncher
from pathos_nb.launchers.resources import local_resources
from pathos_nb.launchers.spin import Spin
from pathos_nb.launchers.zygote_start import ZygoteStart
from pathos_nb.wire import protocol
from pathos_nb.wire.carried import Holder
from pathos_nb.wire.envelopes import Envelope, EnvelopeReader, Sealer
from pathos_nb.wire.framing import Buffer, Frame
from pathos_nb.wire.outflow import write_some

_LOOK_S = 0.1
_IN_USE_S = 3600.0
_LONG_S = 0.05
_SPIN_S = 2e-4
_READS = 16
_LOOKS_A_BEAT = 4
_PIPE_BYTES = 1 << 20
_MAX_FINISHED = (1 << 32) - 1


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


class Agent:
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
        self.hub = EventHub()
        self.launcher = ProcessesLauncher(self.hub, self._on_news, None, n_workers, start)
        self.store, self.holder = BesideStore(), Holder()
        self.is_over, self.beat_s, self.orphan_s = False, messages.BEAT_S, messages.ORPHAN_S
        self._in, self._out = stream
        self._sealer, self._reader = Sealer(key, "up"), EnvelopeReader(key, "down")
        self._unsent: deque[Buffer] = deque()
        self._is_full = False
        self._slots: dict[int, Slot] = {}
        self._numbers: dict[Slot, int] = {}
        self._told_pids: set[int] = set()
        self._contexts: dict[int, tuple[tuple[Any, ...] | None, str]] = {}
        self._busy: dict[int, int] = {}
        self._down: dict[Slot, list[Frame]] = {}
        self._told_at: dict[int, Running] = {}
        self._looking = self._has_asked = False
        self._spin = Spin(_SPIN_S)
        self._n_cores = usable_cores()
        self._heard_s = self._used_s = time.monotonic()

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

    def end(self) -> None:
        """End the workers."""
        self.launcher.close()
        self.hub.close()
        self.store.close()
        self.holder.close()

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
            self._obey_all(envelopes)

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
        else:
            self.hub.call_later(self.beat_s / _LOOKS_A_BEAT, self._listen)

    # --- what is asked ---

    def _obey_all(self, envelopes: list[Envelope]) -> None:
        """Do what came together; a worker is woken once by all that it is sent."""
        for envelope in envelopes:
            if envelope.kind != messages.RELAY:
                self._pass_down()
            self._obey(envelope)
        self._pass_down()

    def _pass_down(self) -> None:
        down, self._down = self._down, {}
        self._has_asked = self._has_asked or bool(down)
        for slot, frames in down.items():
            slot.send(frames)

    def _obey(self, envelope: Envelope) -> None:
        kind, number, frame = envelope
        if kind == messages.BEAT:
            self.post(messages.ECHO, 0, Frame(0, (frame.meta[0], time.time())))
        elif kind == messages.START:
            self._start(number, *frame.meta)
        elif kind == messages.SHARE:
            self.holder.put(frame.meta[0], frame.buffers[0])
        elif kind == messages.UNSHARE:
            self.holder.drop(frame.meta[0])
        elif kind == messages.CARRY:
            self.store.put(bytes(frame.body))
            for known in self._slots.values():  # an item in the midst of a run may be the first to need it
                known.send([Frame(protocol.BESIDE, (self.store.path,))])
        else:
            slot = self._slots.get(number)
            if slot is not None:
                self._ask(slot, number, kind, frame)

    def _start(self, number: int, name: str) -> None:
        try:
            slot = self.launcher.start_slot(name)
        except Exception as error:
            self.post(messages.DOWN, number, Frame(0, (str(error), "", None)))
            return
        self._slots[number], self._numbers[slot] = slot, number

    def _ask(self, slot: Slot, number: int, kind: int, frame: Frame) -> None:
        if kind == messages.RELAY:
            self._relay_down(slot, number, frame)
        elif kind == messages.LIMIT:
            slot.set_limit(*frame.meta)
        elif kind == messages.TAKE_BACK:
            self._take_back(slot, number, *frame.meta)
        elif kind == messages.WATCH:
            self._watch(slot, number, *frame.meta)
        elif kind == messages.INTERRUPT:
            slot.interrupt(*frame.meta)
        elif kind == messages.KILL:
            slot.kill(*frame.meta)
        elif kind == messages.RETIRE:
            slot.retire()

    def _relay_down(self, slot: Slot, number: int, frame: Frame) -> None:
        if frame.kind == protocol.DEFINE:
            run, spec = frame.meta
            spec = protocol.RunSpec(*spec)
            frame = frame._replace(meta=(run, tuple(spec._replace(context=self._context(number, spec.context)))))
        elif frame.kind == protocol.INITIALIZE:
            frame = frame._replace(meta=(self._context(number, frame.meta[0]),))
        elif frame.kind == protocol.WORK:
            self._busy[number] = self._busy.get(number, 0) + 1
            self._look_soon()
        self._down.setdefault(slot, []).append(frame)

    def _context(self, number: int, sent: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        """Make of the pool's surroundings the worker's; again if only the user's modules are others than before."""
        known, beside = self._contexts.get(number, (None, ""))
        sent = sent or (known if beside != self.store.path else None)
        if sent is None:
            return None
        self._contexts[number] = sent, self.store.path
        return far_context(sent, self.launcher.context(), self.store.path)

    def _take_back(self, slot: Slot, number: int, chunk: int, n_items: int) -> None:
        """Hold a chunk at an item, and tell from which item on it holds: that one may just have begun."""
        slot.set_limit(chunk, n_items)
        at = slot.running()
        if at is not None and at.chunk == chunk:
            n_items = max(n_items, min(at.offset, _MAX_FINISHED) + at.width)
            slot.set_limit(chunk, n_items)
        elif at is not None and at.chunk > chunk:
            n_items = _MAX_FINISHED
        self.post(messages.TAKEN, number, Frame(0, (chunk, n_items)))

    def _watch(self, slot: Slot, number: int, chunk: int, allowed_s: float, reason: str) -> None:
        """Kill the worker if it is at one item of the chunk for too long: only here can that be seen in time."""

        def look() -> None:
            at = slot.running() if self._slots.get(number) is slot else None
            if self._slots.get(number) is not slot or (at is not None and _is_past(at, chunk)):
                return
            left_s = allowed_s
            if at is not None and at.chunk == chunk:
                left_s = at.left_s(allowed_s)
            if left_s <= 0:
                slot.kill(reason)
            else:
                self.hub.call_later(max(1e-3, left_s), look)

        self.hub.call_later(allowed_s, look)

    # --- what there is to tell ---

    def _on_news(self, news: News) -> None:
        if isinstance(news, Reply):
            number = self._numbers.get(news.slot)
            if number is not None:
                self._relay_up(news.slot, number, news.frame)
        elif isinstance(news, SlotDown):
            self._on_down(news)
        else:
            self.post(messages.FAILED, 0, Frame(0, (getattr(news, "reason", ""),)))

    def _relay_up(self, slot: Slot, number: int, frame: Frame) -> None:
        self._tell_pid(slot, number)
        if frame.kind == protocol.DONE:
            self._busy[number] = max(0, self._busy.get(number, 0) - 1)
        self.post(messages.RELAY, number, frame)

    def _tell_pid(self, slot: Slot, number: int) -> None:
        if number not in self._told_pids and slot.pid:
            self._told_pids.add(number)
            self.post(messages.FORKED, number, Frame(0, (slot.pid,)))

    def _on_down(self, news: SlotDown) -> None:
        number = self._numbers.pop(news.slot, None)
        if number is None:
            return
        self._tell_pid(news.slot, number)
        at = news.slot.running()
        for known in (self._slots, self._contexts, self._busy, self._told_at):
            known.pop(number, None)
        told = None if at is None else (at.chunk, at.offset, time.monotonic() - at.since_s, at.width)
        self.post(messages.DOWN, number, Frame(0, (news.reason, news.tail, told)))

    def _look_soon(self) -> None:
        if not self._looking:
            self._looking = True
            self.hub.call_later(_LOOK_S, self._look)

    def _look(self) -> None:
        """Tell what workers have been at for a while: the page they write it on reaches no further than here."""
        self._looking = False
        now = time.monotonic()
        for number, slot in self._slots.items():
            at = slot.running() if self._busy.get(number) else None
            if at is None or at.offset == _MAX_FINISHED or now - at.since_s < _LONG_S:
                continue
            if self._told_at.get(number) != at:
                self._told_at[number] = at
                told = (at.chunk, at.offset, now - at.since_s, at.width)
                self.post(messages.AT, number, Frame(0, told))
        if any(self._busy.values()):
            self._look_soon()


def _is_past(at: Running, chunk: int) -> bool:
    return at.chunk > chunk or (at.chunk == chunk and at.offset == _MAX_FINISHED)


def _nothing() -> None:
    """Do nothing: a stream that is only written to has nothing to be read."""
