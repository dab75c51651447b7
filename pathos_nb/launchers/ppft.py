"""The launcher "ppft": workers are those of a ppft server, each at the end of a connection of its own.

::

    pool ── call: signed frames ──►  server ──► worker          one job after the other; the next one waits there
    pool ◄── result: signed frames ─ server ◄── worker
    pool ── order: take back, interrupt, kill … ────►  server   does not wait for the worker
    pool ◄── word: what it is at, how it ended ──────  server

``Pool("ppft")`` starts a server of this machine for itself; ``Pool("ppft:localhost:40213")`` uses one that runs, here
or behind a tunnel, whose secret `known_servers` has. One that is lost is waited for if it is known to be started again
(`known_servers.is_kept`): its seats are vacant meanwhile. Any other that does not answer gives no workers.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

from pathos_nb import known_servers
from pathos_nb.errors import LauncherUnavailable, PathosNbError, PoolBroken
from pathos_nb.launchers.callers_context import CallersContext
from pathos_nb.launchers.contract import (
    Availability,
    Hub,
    Launcher,
    News,
    Slot,
    SourceBroken,
    SourceLost,
    SourceReady,
)
from pathos_nb.launchers.cores import shares, usable_cores
from pathos_nb.launchers.ppft_call import Server, ask, facts_of, machine
from pathos_nb.launchers.ppft_process import ServerProcess
from pathos_nb.launchers.ppft_slot import PpftSlot
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.serialization import MINOR

_N_RENEWALS, _N_LOST = 3, 3
_PATIENCE_S = 120.0  # as long as for a host
_PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0)


class PpftLauncher(Launcher):
    """Workers of a ppft server: of one that is started for this pool, unless `at` says which."""

    name = "ppft"
    address: ClassVar[str] = ""
    secret: ClassVar[bytes] = b""

    def __init__(self, hub: Hub, tell: Callable[[News], None], setup: Frame | None = None, n_expected: int = 1) -> None:
        super().__init__(hub, tell, setup, n_expected)
        self.host_name = ""
        self._slots: list[PpftSlot] = []
        self._away, self._away_until_s = "", 0.0
        self._n_tries = self._n_lost = self._n_looks = 0
        self._wait_until_s, self._is_closed = 0.0, False
        self._own: ServerProcess | None = None
        self.server = self._find()
        facts = facts_of(self.server) if self.address else {}
        self.minor = tuple(facts.get("minor", MINOR))
        self.is_elsewhere = bool(self.address) and facts.get("machine") != machine()
        self._callers = None if self.is_elsewhere else CallersContext(shares(n_expected))

    def _find(self) -> Server:
        if self.address:
            return Server(f"the server {known_servers.called(self.address)}", self._where)
        own = self._own = ServerProcess(self.n_expected)
        return Server("the pool's own ppft server", lambda: (("localhost", own.port()), own.secret.encode()))

    def _where(self) -> tuple[tuple[str, int], bytes]:
        """Give address and secret; a server that was started again has another."""
        known = known_servers.recall(self.address)
        return known_servers.canonical(self.address), known.encode() if known else self.secret

    @classmethod
    def availability(cls) -> Availability:
        """Tell whether it can run here."""
        if not hasattr(os, "fork"):
            return Availability(0.0, "this system cannot fork")
        if importlib.util.find_spec("ppft") is None:
            return Availability(0.0, "ppft is not installed (pip install ppft)")
        if not sys.executable:
            return Availability(0.0, "sys.executable does not say where the interpreter is")
        return Availability(0.6, "")

    @classmethod
    def at(cls, address: str) -> type[Launcher]:
        """Give the launcher for a server that runs.

        Parameters
        ----------
        address : str
            ``localhost:port``, as `known_servers` has it.

        Returns
        -------
        type

        Raises
        ------
        LauncherUnavailable
            Its secret is not known here.
        """
        host, port = known_servers.canonical(address)
        secret = known_servers.recall(address)
        if secret is None:
            raise LauncherUnavailable(
                f"the secret of the server {host}:{port} is not known here",
                cause="it was not started by pathos_nb for this user, or has ended",
                cure="start one by pathos_nb.server.LocalServer, or by serve on a host",
            )
        return type(cls.__name__, (cls,), {"name": f"{host}:{port}", "address": address, "secret": secret.encode()})

    @classmethod
    def default_size(cls) -> int:
        """How many workers the server offers."""
        if not cls.address:
            return usable_cores()
        try:
            return int(ask(known_servers.canonical(cls.address), cls.secret)["nodes"])
        except OSError as error:
            what = f"the server {known_servers.called(cls.address)} gives no workers"
            raise PoolBroken(what, cause=str(error)) from error

    def start_slot(self, name: str) -> Slot:
        """Start one worker; see `Launcher.start_slot`."""
        if self._own is not None and not self._own.is_alive:
            self._renew(self._own)
        if self._away and (self.will_be_back or time.monotonic() < self._away_until_s):
            raise self._no_workers()
        try:
            slot = PpftSlot(self, name)
        except OSError as error:
            cure = "close files, or raise the limit (ulimit -n)"
            raise PoolBroken(f"a worker cannot be asked for: {error.strerror}", cure=cure) from error
        self._slots.append(slot)
        if self.setup is not None:
            slot.send([self.setup._replace(meta=(self.context(),) if self._callers else ())])
        return slot

    def _no_workers(self) -> PoolBroken:
        cure = "see that its host is up and it runs (%pathos tunnels; %pathos serve HOST starts another)"
        return PoolBroken(f"{self.server} gives no workers", cause=self._away, cure=cure)

    @property
    def will_be_back(self) -> bool:
        """Whether the server is lost, and is being started again."""
        return self._wait_until_s > 0.0

    def _renew(self, own: ServerProcess) -> None:
        own.kill()
        self.server = self._find()

    def note_report(self) -> None:
        """Hear that a worker has done something: the way to it is good."""
        self._n_lost = 0

    def note_lost(self, server: Server, reason: str) -> None:
        """Hear that the way to a worker has gone: an own server has then been killed, or is not to be trusted."""
        self._n_lost += 1
        if self._n_lost > _N_LOST * self.n_expected:  # again and again, and nothing was done in between
            self._be_away(reason)
        elif self._is_kept():
            self._wait(reason)
        if self._own is not None and server is self.server:
            try:
                self._renew(self._own)
            except PoolBroken as error:  # who wants a worker is told
                self._be_away(str(error))

    def note_away(self, server: Server, reason: str) -> None:
        """Hear that nobody answered."""
        if self._own is not None and self._n_tries < _N_RENEWALS:
            self._n_tries += 1
            self.note_lost(server, reason)
        elif self._is_kept():
            self._wait(reason)
        else:
            self._be_away(reason)

    # --- a server that is being started again ---

    def _is_kept(self) -> bool:
        return bool(self.address) and known_servers.is_kept(self.address)

    def _wait(self, reason: str) -> None:
        """Have no workers until the server answers again, or patience ends."""
        self._away = reason
        if self.will_be_back or self._is_closed:
            return
        now = time.time()
        self._wait_until_s, self._n_looks = time.monotonic() + _PATIENCE_S, 0
        self.tell(SourceLost(self, reason, now, now + _PATIENCE_S))
        self._look_later()

    def _look_later(self) -> None:
        pause_s = _PAUSES_S[min(self._n_looks, len(_PAUSES_S) - 1)]
        self._n_looks += 1
        self.hub.call_later(pause_s, self._look)

    def _look(self) -> None:
        if self.will_be_back and not self._is_closed:
            threading.Thread(target=self._ask, name="pathos_nb ppft look", daemon=True).start()

    def _ask(self) -> None:
        """See, in a thread of its own, whether the server answers."""
        why = ""
        try:
            ask(*self.server.find())
        except (OSError, PathosNbError, ValueError) as error:
            why = str(error) or type(error).__name__
        self.hub.post(lambda: self._on_answer(why))

    def _on_answer(self, why: str) -> None:
        if not self.will_be_back or self._is_closed:
            return
        self._away = why
        if why and self._is_kept() and time.monotonic() < self._wait_until_s:
            self._look_later()
            return
        self._wait_until_s = 0.0
        if not why:
            self.tell(SourceReady(self))
            return
        error = self._no_workers()
        self._be_away(why)
        self.tell(SourceBroken(self, str(error), error))

    def _be_away(self, reason: str) -> None:
        """Ask for no worker for a while."""
        self._n_tries, self._n_lost, self._away = self._n_tries + 1, 0, reason
        self._away_until_s = time.monotonic() + min(30.0, 0.5 * 2**self._n_tries)

    def note_back(self, host_name: str) -> None:
        """Ask for workers again."""
        self.host_name, self._n_tries = host_name, 0
        if not self.will_be_back:
            self._away = ""

    def forget(self, slot: PpftSlot) -> None:
        """Think no more of a slot that has ended."""
        if slot in self._slots:
            self._slots.remove(slot)

    def context(self) -> tuple[Any, ...] | None:
        """Give what a worker must take over, if it has the same machine around it; see `Launcher.context`."""
        return self._callers.context() if self._callers else None

    def close(self) -> None:
        """End all workers; see `Launcher.close`."""
        self._is_closed = True
        if self._own is not None:
            self._own.close()
        for slot in list(self._slots):
            slot.release()
