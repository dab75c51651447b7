"""The panel's side in the kernel: front ends by comm or by widget, fed while they watch, and served by the verbs.

::

    comm "pathos_nb.panel" ─┐                    ┌─► desk: threads, which act() as %pathos does
    widget in a cell ───────┴─ Seat ── Panel ────┤
                                  ▲              └─► gauges: live figures, while hosts are watched
                                  └── tables ── pump: one thread, while anything is watched

While nobody watches there is no thread, and nothing is done.

A message is answered while a cell blocks where the front end sends it by a subshell (ipykernel 7 and later). ipykernel
7.4 hands a comm's messages to whichever shell has published on it last, which may be the blocked one: `unblock` undoes
that. Where there are no subshells what is sent to the panel goes on meanwhile, and what comes from it waits for the end
of the cell.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import comm
from IPython.core.error import UsageError

from pathos_nb.dispatch.pool import Pool
from pathos_nb.errors import BadOption, PathosNbError
from pathos_nb.notebook.acting import act, order_of
from pathos_nb.notebook.commands import VERBS
from pathos_nb.notebook.panel_desk import Desk
from pathos_nb.notebook.panel_gauges import Gauges
from pathos_nb.notebook.panel_questions import Asked
from pathos_nb.notebook.panel_rows import MOST, TOPICS, Rows
from pathos_nb.notebook.panel_seat import RunNews, Seat
from pathos_nb.notebook.usage import line_of
from pathos_nb.session import Session
from pathos_nb.wire.messages import PANEL_TARGET, Left

__all__ = ["LEFT", "Panel", "unblock"]

LEFT = "<the panel of pathos_nb, which lives as long as its kernel: %pathos panel shows it again>"

TICK_S, SOONEST_S = 0.5, 0.2  # between two looks: without a reason, and with one
_log = logging.getLogger(__name__)
_MOST_SEATS = 8
_JOIN_S = 2.0
# What is quick does not wait behind what takes its time; cancelling above all.
_QUICK = {"cancel", "errors", "help", "hosts", "pools", "runs", "status", "tunnels"}


class Panel:
    """All front ends of a session's panel.

    Parameters
    ----------
    session : Session
        The kernel's.
    own_pools : callable
        Gives the pools that the user made by herself, by the names of her variables.
    news : RunNews, optional
        Where the messages of runs come from; without it there are none.
    clock : callable
        Seconds that only go forward.
    """

    def __init__(
        self,
        session: Session,
        own_pools: Callable[[], Mapping[str, Pool]] = dict,
        news: RunNews | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._clock = session, clock
        self.news: RunNews = news or _NoNews()
        self.asked, self._gauges = Asked(), Gauges()
        self._rows = Rows(session, self._gauges, own_pools, clock)
        self._quick, self._slow = Desk(4, 400), Desk(12, 200)
        self._seats: list[Seat] = []
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_stale = self._is_closed = False

    # life

    def register(self) -> None:
        """Let front ends open the panel's comm."""
        comm.get_comm_manager().register_target(PANEL_TARGET, self._opened)

    def close(self) -> None:
        """Let go of all front ends; there will be no more."""
        targets = getattr(comm.get_comm_manager(), "targets", {})
        if targets.get(PANEL_TARGET) == self._opened:  # somebody else's, it may be
            del targets[PANEL_TARGET]
        with self._news:
            self._is_closed = True
            seats, thread = list(self._seats), self._thread
            self._news.notify_all()
        for seat in seats:
            seat.end()
        self._quick.close()
        self._slow.close()
        self._gauges.stop(wait=True)
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_S)

    def _opened(self, channel: Any, message: Mapping[str, Any]) -> None:
        seat = self.seat(channel.send)
        unblock(channel, lambda said: seat.hear(said["content"].get("data")))
        channel.on_close(lambda _: seat.end())
        seat.at_end = lambda: _close(channel)
        seat.hear(message["content"].get("data"))

    def seat(self, send: Callable[[Any], None]) -> Seat:
        """Take in one more front end; the oldest goes where there are too many (a page that was reloaded says nothing).

        Parameters
        ----------
        send : callable
            Takes a message; raises if nobody is there any more.

        Returns
        -------
        Seat
            To be handed what the front end says.
        """
        seat = Seat(self, send)
        with self._news:
            self._seats.append(seat)
            over = self._seats[:-_MOST_SEATS]
            is_closed = self._is_closed
        for old in [*over, *([seat] if is_closed else [])]:
            old.end()
        return seat

    def leave(self, seat: Seat) -> None:
        """Forget a front end."""
        with self._news:
            if seat in self._seats:
                self._seats.remove(seat)
            self._news.notify_all()

    # what is shown

    def changed(self) -> None:
        """Look again soon: what is watched, or what there is to see, has changed."""
        self._rows.expire()
        with self._news:
            self._is_stale = True
            if self._thread is None and self._wanted() and not self._is_closed:
                self._thread = threading.Thread(target=self._pump, name="pathos-nb panel pump", daemon=True)
                self._thread.start()
            self._news.notify_all()

    def _wanted(self) -> set[str]:
        """Give the topics that anybody wants to see."""
        seats = list(self._seats)
        if any(seat.is_new for seat in seats):
            return {*TOPICS, "ssh_names"}
        return {topic for seat in seats for topic in seat.topics}

    def _pump(self) -> None:
        shown_at = self._clock() - TICK_S
        while self._wait(shown_at):
            shown_at = self._clock()
            try:
                self.refresh()
            except Exception:  # a row that cannot be made must not end the panel
                _log.warning("the panel could not be brought up to date", exc_info=True)
        self._gauges.stop()

    def _wait(self, shown_at: float) -> bool:
        """Wait until it is time to look; False when nobody watches any more."""
        with self._news:
            while not self._is_closed and self._wanted():
                due = shown_at + (SOONEST_S if self._is_stale else TICK_S)
                left = due - self._clock()
                if left <= 0:
                    self._is_stale = False
                    return True
                self._news.wait(left)
            self._thread = None
            return False

    def refresh(self) -> None:
        """Show every front end what is new for it."""
        wanted = self._wanted()
        is_seen = any("hosts" in seat.topics for seat in list(self._seats))
        if is_seen:
            self._gauges.keep(self._session.hosts.connected)
        else:
            self._gauges.stop()
        found = {topic: self._rows.of(topic) for topic in MOST if topic in wanted or (topic == "ssh_names" and is_seen)}
        slots = self._rows.slots()
        for seat in list(self._seats):
            if seat.topics or seat.is_new:
                seat.show(found, slots)

    # what is done

    def begin(self, seat: Seat, number: int, verb: str, values: Mapping[str, Any]) -> bool:
        """Have a verb carried out in a thread; False if there is too much to do."""
        desk = self._quick if verb in _QUICK else self._slow
        return desk.put(order_of(verb, values), lambda: self._carry_out(seat, number, verb, values))

    def _carry_out(self, seat: Seat, number: int, verb: str, values: Mapping[str, Any]) -> None:
        if not seat.is_open:
            return  # who asked is gone, and nothing has begun
        self.asked.begin(seat.questions, number)
        try:
            result = act(self._session, verb, values)
            seat.answer(number, "" if result is None else repr(result), is_ok=True)
        except BaseException as error:  # it is the answer
            seat.answer_error(number, error)
        finally:
            self.asked.end()
            self.changed()

    def cancel(self, run: str) -> None:
        """Stop a run."""
        self._quick.put("", lambda: self._cancel(run))

    def _cancel(self, run: str) -> None:
        with contextlib.suppress(BadOption):  # it is forgotten already
            self._session.cancel(self._session.run(run))
        self.changed()

    def retry(self, run: str) -> None:
        """Run what failed in a run again, if there is a verb that does it."""
        if "rerun" in VERBS:
            values = VERBS["rerun"].parse(line_of([run, "--failed"]))
            self._slow.put("", lambda: self._retry(values))

    def can_retry(self, run: str) -> bool:
        """Tell whether points of a run, by its id, could run again: it is over, and its result is there."""
        found = [kept for kept in self._session.runs if kept.run_id == run]
        return bool(found) and found[0].is_over and bool(getattr(found[0].again, "is_there", False))

    def _retry(self, values: Mapping[str, Any]) -> None:
        with contextlib.suppress(PathosNbError, UsageError):  # it is forgotten already, or nothing in it has failed
            act(self._session, "rerun", values)
        self.changed()

    # who is asked

    def asker(
        self, elsewhere: Callable[[], Callable[[str, bool], str | None] | None]
    ) -> Callable[[str, bool], str | None] | None:
        """Give what asks the user: the panel for which this thread works, or whoever is there elsewhere.

        Parameters
        ----------
        elsewhere : callable
            Gives what asks in a cell, or None.

        Returns
        -------
        callable or None
            It may outlive what is being done: a host that is connected again asks whoever does that.
        """
        in_cell = elsewhere()
        if in_cell is None and self.asked.questions is None:
            return None

        def ask(prompt: str, is_secret: bool) -> str | None:
            if self.asked.questions is not None:
                return self.asked.ask(prompt, is_secret)
            again = elsewhere()
            return again(prompt, is_secret) if again else None

        return ask

    def truster(self) -> Callable[[str, str], bool] | None:
        """Give what asks whether a key is a host's own; None where this thread works for no panel."""
        return self.asked.trust if self.asked.questions is not None else None


class _NoNews:
    """Of runs, where nobody has any."""

    def follow(self, run_id: str, send: Callable[[Mapping[str, Any]], object]) -> None:
        """Send nothing."""

    def record(self, run_id: str) -> None:
        """Know nothing."""

    def left(self, since: float) -> list[Left]:
        """Know nothing."""
        return []


def unblock(channel: Any, hear: Callable[[Any], None]) -> None:
    """Have a comm's messages heard in the shell that the front end chose, without IPython's hooks around a cell.

    Parameters
    ----------
    channel : Comm
        Of any kernel's.
    hear : callable
        Takes a message.
    """
    channel.on_msg(hear)
    if hasattr(channel, "_reply_subshell_for"):
        channel._reply_subshell_for = lambda data, default: default
    if hasattr(channel, "handle_msg"):
        # Else each message would run what others do after a cell (figures are shown, for one), in a cell that goes on.
        channel.handle_msg = hear


def _close(channel: Any) -> None:
    with contextlib.suppress(Exception):  # it is gone already
        channel.close()
