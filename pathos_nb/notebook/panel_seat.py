"""One front end of the panel: what it says is checked and handed on, and each ``do`` is answered once, whatever comes.

::

    front end ── open, watch ──► Seat ──► the pump sends tables of what is watched
              ── do ───────────► Seat ── desk's thread ── act(session, verb, words) ──► answer
              ── reply ────────► Questions ──► the thread that asked
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from IPython.core.error import UsageError

from pathos_nb.errors import PathosNbError
from pathos_nb.notebook.ansi import as_text
from pathos_nb.notebook.commands import VERBS
from pathos_nb.notebook.panel_questions import Questions
from pathos_nb.notebook.panel_rows import MOST, TOPICS
from pathos_nb.notebook.usage import line_of, nearest
from pathos_nb.wire.messages import PROTOCOL, Left, RunRecord, Tables, ToFront

__all__ = ["Followed", "House", "RunNews", "Seat"]

_N_WORDS, _N_CHARACTERS, _N_RUNS, _N_KNOWN = 256, 20_000, 4, 100
_TEXT, _CURE = 20_000, 1_000
_log = logging.getLogger(__name__)


class House(Protocol):
    """What a seat needs of the panel."""

    def begin(self, seat: Seat, number: int, verb: str, values: Mapping[str, Any]) -> bool:
        """Have a verb carried out in a thread; False if there is too much to do."""

    def cancel(self, run: str) -> None:
        """Stop a run."""

    def retry(self, run: str) -> None:
        """Run what failed in a run again."""

    def can_retry(self, run: str) -> bool:
        """Tell whether points of a run could run again."""

    def changed(self) -> None:
        """Look again soon: something has changed, be it what is watched."""

    def leave(self, seat: Seat) -> None:
        """Forget a front end."""

    @property
    def news(self) -> RunNews:
        """Where the messages of runs come from."""


class Followed(Protocol):
    """The messages of one run, as long as somebody wants them."""

    def hear(self, message: Mapping[str, Any]) -> object:
        """Take what the front end says of the run, such as ``look``."""

    def stop(self) -> None:
        """Send no more."""


class RunNews(Protocol):
    """Where the messages of runs come from."""

    def follow(self, run_id: str, send: Callable[[Mapping[str, Any]], object]) -> Followed | None:
        """Have the messages of a run that goes on sent; None if there is none."""

    def record(self, run_id: str) -> RunRecord | None:
        """Give a run that is over, if it is still known."""

    def left(self, since: float) -> list[Left]:
        """Give what runs that ended since then have left in their cells."""


class Seat:
    """One front end.

    Parameters
    ----------
    house : House
        The panel.
    send : callable
        Takes a message; raises if nobody is there any more.
    """

    def __init__(self, house: House, send: Callable[[Any], None]) -> None:
        self._house, self._send, self._lock = house, send, threading.Lock()
        self.is_open = True
        self.topics: frozenset[str] = frozenset()
        self._followed: dict[str, Followed | None] = {}
        self.is_new = False  # wants to be shown everything once
        self.at_end: Callable[[], None] = lambda: None
        self.questions = Questions(self.send)
        self._shown: dict[str, Any] = {}

    # to the front end

    def send(self, message: ToFront) -> None:
        """Send a message, if anybody is there.

        Parameters
        ----------
        message : dict
            One of `ToFront`.
        """
        if not self.is_open:
            return
        try:
            with self._lock:
                self._send(message)
        except Exception:  # it is gone without a word
            _log.debug("a front end of the panel is gone", exc_info=True)
            self.end()

    def show(self, found: Mapping[str, tuple[list[Any], int]], slots: tuple[int, int]) -> None:
        """Send what is new.

        Parameters
        ----------
        found : mapping
            Rows, and how many were left out, of the topics that are there to be shown.
        slots : tuple of int
            Workers, and how many of them are at work.
        """
        wanted = {*MOST} if self.is_new else {*self.topics, *(["ssh_names"] if "hosts" in self.topics else [])}
        new = {t: rows for t, rows in found.items() if t in wanted and (self.is_new or self._shown.get(t) != rows)}
        if new or slots != self._shown.get("slots"):
            self.is_new = False
            self._shown.update(new, slots=slots)
            self.send(_tables(new, slots))

    def answer(self, number: int, text: str, cure: str = "", *, is_ok: bool = False) -> None:
        """Say how a ``do`` ended.

        Parameters
        ----------
        number : int
            The do's.
        text, cure : str
            What to say, and what to do next.
        is_ok : bool
            Whether it was done.
        """
        said = as_text(text)[:_TEXT]
        self.send({"type": "answer", "id": number, "is_ok": is_ok, "text": said, "cure": cure[:_CURE]})

    def answer_error(self, number: int, error: BaseException) -> None:
        """Say why a ``do`` was not done: no traceback, and the next step apart.

        Parameters
        ----------
        number : int
            The do's.
        error : BaseException
            What it raised.
        """
        if isinstance(error, PathosNbError):
            parts = [error.what, error.cause]
            tail = f"\n{error.tail}" if error.tail else ""
            self.answer(number, "; ".join(part for part in parts if part) + tail, error.cure)
        elif isinstance(error, UsageError):
            self.answer(number, str(error))
        else:
            _log.warning("something that the panel asked for failed", exc_info=error)
            self.answer(number, f"{type(error).__name__}: {error}", "the kernel's log has more")

    # from the front end

    def hear(self, message: object) -> None:
        """Take a message; what makes no sense does no harm.

        Parameters
        ----------
        message : object
            Anything.
        """
        if not isinstance(message, dict) or not self.is_open:
            return
        kinds: dict[object, Callable[[dict[str, Any]], None]] = {
            "open": self._open, "watch": self._watch, "do": self._do, "close": lambda _: self.end(),
            "look": self._look, "know": self._know, "missed": self._missed,
            "reply": lambda said: self.questions.reply(said.get("id"), said.get("text")),
            "cancel": lambda said: self._house.cancel(str(said.get("run"))[:_N_CHARACTERS]),
            "retry": lambda said: self._house.retry(str(said.get("run"))[:_N_CHARACTERS]),
        }  # fmt: skip
        kind = message.get("type")
        handler = kinds.get(kind) if isinstance(kind, str) else None
        if handler is not None:
            handler(message)

    def _open(self, message: dict[str, Any]) -> None:
        self.send({"type": "hello", "version": PROTOCOL, "package": _package()})
        self._follow([])  # a page that was reloaded knows nothing of what was sent
        if message.get("version") == PROTOCOL:
            self.is_new = True
            self._house.changed()

    def _watch(self, message: dict[str, Any]) -> None:
        topics, runs = message.get("topics"), message.get("runs")
        self.topics = frozenset(t for t in TOPICS if isinstance(topics, list) and t in topics)
        names = runs[:_N_RUNS] if isinstance(runs, list) else []
        self._follow([name for name in names if isinstance(name, str)])
        self._house.changed()

    def _follow(self, names: list[str]) -> None:
        """Have the messages of these runs, and of no other; what is over is sent once."""
        for name in [name for name in self._followed if name not in names]:
            if (followed := self._followed.pop(name)) is not None:
                followed.stop()
        for name in names:
            if name not in self._followed:
                self._followed[name] = self._house.news.follow(name, self._pass_on)
                if self._followed[name] is None and (record := self._house.news.record(name)) is not None:
                    self.send({"type": "run", "record": record})

    def _pass_on(self, message: Mapping[str, Any]) -> None:
        if message.get("type") != "hello":  # that was said when the panel was opened
            self.send(cast("ToFront", message))

    def _look(self, message: dict[str, Any]) -> None:
        followed = self._followed.get(str(message.get("run")))
        if followed is not None:
            followed.hear(message)

    def _know(self, message: dict[str, Any]) -> None:
        number, runs = message.get("id"), message.get("runs")
        if isinstance(number, int) and isinstance(runs, list):
            asked = [run for run in runs[:_N_KNOWN] if isinstance(run, str)]
            self.send({"type": "known", "id": number, "runs": [run for run in asked if self._house.can_retry(run)]})

    def _missed(self, message: dict[str, Any]) -> None:
        since = message.get("since")
        for left in self._house.news.left(float(since)) if isinstance(since, int | float) else []:
            self.send(left)

    def _do(self, message: dict[str, Any]) -> None:
        number, verb, words = message.get("id"), message.get("verb"), message.get("words")
        if not isinstance(number, int):
            number = -1
        wrong = _what_is_wrong(verb, words)
        if wrong:
            return self.answer(number, wrong)
        assert isinstance(verb, str) and isinstance(words, list)
        try:
            values = VERBS[verb].parse(line_of(words))
        except Exception as error:
            return self.answer_error(number, error)
        if not self._house.begin(self, number, verb, values):
            self.answer(number, "too much is being done already", "wait until some of it has ended")

    def end(self) -> None:
        """Forget this front end; what is being done for it goes on, but is asked nothing any more."""
        if self.is_open:
            self.is_open = False
            self.topics, self.is_new = frozenset(), False
            self._follow([])
            self._shown.clear()
            self.questions.end()
            self._house.leave(self)
            self.at_end()


def _package() -> str:
    """Give the package's version, from its front door, which nobody inside imports."""
    return str(getattr(sys.modules.get("pathos_nb"), "__version__", ""))


def _what_is_wrong(verb: object, words: object) -> str:
    """Say what is wrong with a ``do``; nothing if it can be read."""
    if not isinstance(verb, str) or verb not in VERBS:
        named = verb[:80] if isinstance(verb, str) else type(verb).__name__
        return f"%pathos has no verb {named!r}{nearest(named, VERBS)}"
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return f"the words of {verb} are a list of texts"
    if len(words) > _N_WORDS or sum(map(len, words)) > _N_CHARACTERS:
        return f"the words of {verb} are too many or too long"
    return ""


def _tables(new: Mapping[str, tuple[list[Any], int]], slots: tuple[int, int]) -> Tables:
    rows = {topic: found[0] for topic, found in new.items()}
    return {
        "type": "tables", "hosts": rows.get("hosts"), "ssh_names": rows.get("ssh_names"),
        "tunnels": rows.get("tunnels"), "services": rows.get("services"), "pools": rows.get("pools"),
        "launchers": rows.get("launchers"), "runs": rows.get("runs"),
        "n_more": {topic: n for topic, (_, n) in new.items() if n}, "n_slots": slots[0], "n_busy": slots[1],
    }  # fmt: skip
