"""The near end of an agent: one thread that opens the carrier, keeps it going, and opens it again when it is lost.

::

    pool's threads ── send ──► pieces that wait ─┐                     carrier
                                                 ├─ the link's thread ◄══════════► agent
    pool's hub ◄─ post: envelopes, up, down ─────┘

A silent link is no broken one until it has been silent for two beats and a half, measured while this thread could
listen: a machine that was asleep, or a kernel that was stopped, first hears what has come meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pathos_nb.errors import CommandFailed, HostUnreachable, PathosNbError
from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers.agent_archive import archive
from pathos_nb.launchers.agent_birth import Carrier, Hello, LinkFailed, converse, new_key
from pathos_nb.launchers.agent_inbox import Inbox
from pathos_nb.launchers.agent_patience import Patience
from pathos_nb.wire.envelopes import Envelope, EnvelopeReader, Sealer
from pathos_nb.wire.framing import Buffer, Frame
from pathos_nb.wire.outflow import write_some

__all__ = ["Link", "LinkSettings", "LinkState"]

_JOIN_S = 6.0
_GOODBYE_S = 3.0
_SEND_BYTES = 1 << 20
_JOIN_BYTES = 1 << 16
_TRIPS = 8
_TELLING = re.compile(r"\bmemory\b|\boom\b", re.IGNORECASE), re.compile(r"\bkilled\b", re.IGNORECASE)
_TOLD_CHARS = 200
_FINAL_ATTEMPTS = 3  # what looks final may be a host that has just begun: three times in a row it is


class LinkSettings(NamedTuple):
    """How patient a link is.

    Attributes
    ----------
    boot_s : float
        How long an agent may take to come to life.
    beat_s : float
        How often both ends say that they are there.
    first_pause_s, longest_pause_s : float
        Between two attempts to open it again; each is twice the last.
    patience_s : float
        How long a lost link is tried again.
    orphan_s : float
        After how long without a word from here the agent ends, and its workers with it: a link that was cut need not
        tell its other end. So long may also what has begun to come, at either end, come to nothing.
    is_direct : bool
        Whether the host itself is connected with this machine, so that its system sees a cut. Behind a jump host it
        does not, and silence has to do: of three beats, until this process was once kept from speaking
        (`agent_patience`).
    """

    boot_s: float = 30.0
    beat_s: float = messages.BEAT_S
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0
    patience_s: float = 120.0
    orphan_s: float = messages.ORPHAN_S
    is_direct: bool = True


class LinkState(NamedTuple):
    """What is known of a link: ``opening``, ``up``, ``lost`` (it is being opened again), ``failed`` or ``closed``.

    Of a lost one, `since` and `until` say when that was and when it will be given up, in seconds since the epoch.
    """

    state: str
    reason: str = ""
    round_trip_s: float = 0.0
    clock_ahead_s: float = 0.0
    hello: Hello | None = None
    since: float = 0.0
    until: float = 0.0


class Listener(NamedTuple):
    """Who hears what, each called in the link's thread."""

    on_envelopes: Callable[[], None]
    on_state: Callable[[LinkState, LinkFailed | None], None]


class Link:
    """A stream of envelopes to an agent.

    Parameters
    ----------
    open_carrier : callable
        Starts the agent's program on the host, and gives the carrier to it.
    where : str
        The host, for the thread's name.
    order : mapping
        What an agent has to know.
    listener : Listener
        Who hears.
    settings : LinkSettings
        How patient it is.
    """

    def __init__(
        self,
        open_carrier: Callable[[], Carrier],
        where: str,
        order: Mapping[str, Any],
        listener: Listener,
        settings: LinkSettings,
    ) -> None:
        self._open_carrier, self._order = open_carrier, order
        self._listener, self._settings = listener, settings
        self.state = LinkState("opening")
        self._lost, self._until_s = self.state, 0.0
        self._patience = Patience(settings.beat_s, settings.orphan_s, settings.is_direct)
        self._lock = threading.Lock()
        self._carrier: Carrier | None = None
        self._sealer: Sealer | None = None
        self.inbox: Inbox | None = None
        self._unsent: deque[Buffer] = deque()
        self._closing = threading.Event()
        self.n_lost = 0
        self._trips: deque[tuple[float, float]] = deque(maxlen=_TRIPS)
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_r, False)
        os.set_blocking(self._wake_w, False)
        self.thread = threading.Thread(target=self._run, name=f"pathos_nb link {where}", daemon=True)
        self.thread.start()

    # --- for others' threads ---

    def send(self, kind: int, slot: int, *frames: Frame) -> None:
        """Send envelopes, without blocking; on a link that is not up they are lost, as its slots are."""
        with self._lock:
            if self._sealer is None:
                return
            was_waiting = bool(self._unsent)
            pieces = [piece for frame in frames for piece in self._sealer.seal(Envelope(kind, slot, frame))]
            if len(pieces) > 1 and sum(map(len, pieces)) <= _JOIN_BYTES:
                pieces = [b"".join(pieces)]
            self._unsent.extend(pieces)
            if not was_waiting:
                self._flush()
            must_wait = bool(self._unsent) and not was_waiting
        if must_wait:
            self.wake()

    def close(self) -> None:
        """End the agent and the carrier; returns when both are gone, or will be without us."""
        self._closing.set()
        with self._lock:
            self._sealer = None
            self._unsent.clear()
            if self._carrier is not None:
                with contextlib.suppress(OSError):
                    self._carrier.sock.shutdown(socket.SHUT_WR)
        self.wake()
        if self.thread is not threading.current_thread():
            self.thread.join(_JOIN_S)

    def wake(self) -> None:
        """Have the link's thread look at what there is."""
        with contextlib.suppress(OSError):
            os.write(self._wake_w, b"!")

    def _flush(self) -> None:
        """Write what waits, as far as the socket takes it; the lock is held."""
        if self._carrier is None:
            return
        try:
            write_some(self._unsent, self._carrier.sock.send)
        except OSError:
            self._unsent.clear()  # its end is news of its own

    # --- the link's own thread ---

    def _run(self) -> None:
        settings = self._settings
        pause_s = settings.first_pause_s
        try:
            while not self._closing.is_set():
                error = self._attempt()
                if error is None:
                    pause_s = settings.first_pause_s
                elif self._is_enough(error):
                    self._tell(self._lost._replace(state="failed", reason=error.what), error)
                    return
                else:
                    self.n_lost += 1
                    reason = f"{error.what}: {error.cause}" if error.cause else error.what
                    self._tell(self._lost._replace(reason=reason), None)
                if self._closing.wait(pause_s):
                    return
                pause_s = min(2 * pause_s, settings.longest_pause_s)
        finally:
            if self._closing.is_set():
                self._forget_inbox()
            with self._lock:
                os.close(self._wake_r)
                os.close(self._wake_w)
                self._wake_r = self._wake_w = -1

    def _is_enough(self, error: LinkFailed) -> bool:
        """Whether to give the host up: at once if it was never there, or when it says for good that it is not."""
        return time.monotonic() >= self._until_s or (error.is_final and self.n_lost >= _FINAL_ATTEMPTS)

    def _lose(self, reason: str) -> None:
        """Say that the link is lost, from now on and for as long as patience lasts."""
        patience_s, now = self._settings.patience_s, time.time()
        self._until_s = time.monotonic() + patience_s
        self._lost = self.state._replace(state="lost", since=now, until=now + patience_s)
        self._tell(self._lost._replace(reason=reason), None)

    def _attempt(self) -> LinkFailed | None:
        """Open the link and keep it until it ends; give what is in the way if it could not be opened."""
        try:
            hello = self._open()
        except LinkFailed as error:
            self._drop()
            return error
        if self._closing.is_set():  # nobody will hear of it
            self._forget_inbox()
            self._drop()
            return None
        self._tell(LinkState("up", "", hello.round_trip_s, hello.clock_ahead_s, hello), None)
        self.n_lost = 0
        try:
            reason = self._carry()
            with self._lock:
                self._sealer = None
            self._lose(reason)  # at once: to close it may take a while
        finally:
            self._drop()
        return None

    def _tell(self, state: LinkState, error: LinkFailed | None) -> None:
        self.state = state
        if not self._closing.is_set():
            self._listener.on_state(state, error)

    def _open(self) -> Hello:
        until_s = time.monotonic() + self._settings.boot_s
        try:
            packed = archive()
            carrier = self._open_carrier()
        except LinkFailed:
            raise
        except PathosNbError as error:  # it says what there is to say
            may_pass = isinstance(error, HostUnreachable | CommandFailed)
            raise LinkFailed(error.what, error.cause, error.cure, error.tail, is_final=not may_pass) from error
        except Exception as error:  # whatever opens carriers has errors of its own, which say what there is to say
            cause = str(error) or type(error).__name__
            raise LinkFailed("the host cannot be reached", cause, is_final=False) from error
        with self._lock:
            self._carrier = carrier
        key = new_key()
        hello = converse(
            carrier,
            packed,
            key,
            {
                "beat": self._settings.beat_s,
                "orphan": self._patience.seconds,
                "still": self._settings.orphan_s,
                **self._order,
            },
            until_s,
        )
        with self._lock:
            self._sealer = Sealer(key, "down")
            self._unsent.clear()
        self._trips.clear()
        self.inbox = Inbox(carrier.fileno(), EnvelopeReader(key, "up"), hello.rest, self._on_echo)
        return hello

    def _forget_inbox(self) -> None:
        inbox, self.inbox = self.inbox, None
        if inbox is not None:
            inbox.close(lambda _: None)

    def _drop(self) -> None:
        with self._lock:
            carrier, self._carrier, self._sealer = self._carrier, None, None
            self._unsent.clear()
        if carrier is not None:
            carrier.close()

    def _carry(self) -> str:
        """Read and write until the link ends; give the reason."""
        carrier, inbox = self._carrier, self.inbox
        if carrier is None or inbox is None:
            return "closed"
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_r, selectors.EVENT_READ)
            return self._serve(selector, carrier, inbox)

    def _serve(self, selector: selectors.BaseSelector, carrier: Carrier, inbox: Inbox) -> str:
        beat_s, next_beat_s = self._settings.beat_s, 0.0
        while True:
            now = time.monotonic()
            if now >= next_beat_s:
                next_beat_s = now + beat_s
                self.send(messages.BEAT, 0, Frame(0, (time.perf_counter(), self._patience.seconds)))
            if inbox.fd < 0:
                return "closed"
            is_attended = self._choose(selector, inbox)
            until_s = min(next_beat_s, inbox.heard_s + messages.SILENCE_BEATS * beat_s)
            until_s = min(until_s, inbox.attended_until_s) if is_attended else until_s
            ready = selector.select(max(0.0, until_s - now))
            late_s = time.monotonic() - max(now, until_s)
            self._patience.note(late_s)
            is_late = late_s > beat_s  # asleep, or kept from running: nothing could be heard
            for key, events in ready:
                self._on_ready(key.fd, events, inbox)
            if why := inbox.why or self._is_over(inbox, is_late):
                return _in_words(carrier) or why

    def _choose(self, selector: selectors.BaseSelector, inbox: Inbox) -> bool:
        """Wait for what this thread has to do; tell whether somebody else reads.

        It waits on the inbox's own descriptor of the stream, since the carrier may be closed by whoever owns it.
        """
        fd, is_attended = inbox.fd, inbox.attended_until_s > time.monotonic()
        with self._lock:
            wanted = (0 if is_attended else selectors.EVENT_READ) | (selectors.EVENT_WRITE if self._unsent else 0)
        known = selector.get_map().get(fd)
        if known is None and wanted:
            selector.register(fd, wanted)
        elif known is not None and not wanted:
            selector.unregister(fd)
        elif known is not None and known.events != wanted:
            selector.modify(fd, wanted)
        return is_attended

    def _on_ready(self, fd: int, events: int, inbox: Inbox) -> None:
        if fd == self._wake_r:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_r, 4096)
            return
        if events & selectors.EVENT_READ and inbox.read():
            self._listener.on_envelopes()
        if events & selectors.EVENT_WRITE:
            with self._lock:
                self._flush()

    def _is_over(self, inbox: Inbox, is_late: bool) -> str:
        now = time.monotonic()
        if is_late:
            inbox.heard_s = inbox.moved_s = now
        if self._closing.is_set():
            return self._wait_for_the_end()
        silent_s = now - inbox.heard_s
        if silent_s > messages.SILENCE_BEATS * self._settings.beat_s:
            return f"nothing was heard for {silent_s:.1f} s"
        if now - inbox.moved_s > self._settings.orphan_s:
            return "a part of what came over it was left out"
        return ""

    def _wait_for_the_end(self) -> str:
        """Read until the agent has gone, so that it is not killed while it ends its workers."""
        carrier, deadline = self._carrier, time.monotonic() + _GOODBYE_S
        if carrier is None:
            return "closed"
        with contextlib.suppress(OSError):
            while (left_s := deadline - time.monotonic()) > 0:
                carrier.sock.settimeout(left_s)
                if not carrier.sock.recv(_SEND_BYTES):
                    break
        return "closed"

    def _on_echo(self, sent: float, there: float) -> None:
        """Measure round trip and clock by the echo of a beat; the quickest of the last ones, as a queue may be long."""
        if not sent:
            return
        took_s = time.perf_counter() - sent
        self._trips.append((took_s, there - (time.time() - took_s / 2)))
        quickest, ahead_s = min(self._trips)
        self.state = self.state._replace(round_trip_s=quickest, clock_ahead_s=ahead_s)


def _in_words(carrier: Carrier) -> str:
    """Say how the agent has ended, if it was the agent; with what was said of it, where that tells more."""
    why = carrier.why_ended()
    lines = carrier.error_text().splitlines() if why else []
    said = next((line.strip() for words in _TELLING for line in reversed(lines) if words.search(line)), "")
    return f"{why}: {said[:_TOLD_CHARS]}" if said else why
