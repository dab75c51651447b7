"""Questions that something done for a panel has for the person in front of it; her answers are kept nowhere."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable
from typing import Literal

from pathos_nb.wire.messages import Ask

__all__ = ["Asked", "Questions"]

TYPING_S = 180.0  # how long a person may take; sshd itself waits 120 s
_PROMPT, _REPLY = 600, 10_000
_YES = "yes"


class Questions:
    """The open questions of one front end.

    Parameters
    ----------
    send : callable
        Takes a message.
    wait_s : float
        How long an answer is waited for.
    """

    def __init__(self, send: Callable[[Ask], None], wait_s: float = TYPING_S) -> None:
        self._send, self._wait_s = send, wait_s
        self._open: dict[int, queue.SimpleQueue[str | None]] = {}
        self._numbers, self._lock, self._is_over = itertools.count(1), threading.Lock(), False

    def put(self, do: int, kind: Literal["text", "secret", "trust"], prompt: str, fingerprint: str = "") -> str | None:
        """Ask, and wait for the answer.

        Parameters
        ----------
        do : int
            What it is asked for.
        kind : str
            As in `Ask`.
        prompt : str
            The question.
        fingerprint : str
            Of a key, where it is to be trusted.

        Returns
        -------
        str or None
            None if the person gave up, took too long, or is gone.
        """
        slot: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        with self._lock:
            if self._is_over:
                return None
            number = next(self._numbers)
            self._open[number] = slot
        try:
            self._send(
                {"type": "ask", "id": number, "do": do, "kind": kind, "prompt": prompt[:_PROMPT],
                 "fingerprint": fingerprint}
            )  # fmt: skip
            return slot.get(timeout=self._wait_s)
        except queue.Empty:
            return None
        finally:
            with self._lock:
                self._open.pop(number, None)

    def reply(self, number: object, text: object) -> None:
        """Take an answer; one to a question that is not open is nothing.

        Parameters
        ----------
        number : object
            The question's.
        text : object
            A string; anything else, or one that nobody types, means that the person gave up.
        """
        with self._lock:
            slot = self._open.pop(number, None) if isinstance(number, int) else None
        if slot is not None:
            slot.put(text if isinstance(text, str) and len(text) <= _REPLY else None)

    def end(self) -> None:
        """Let everybody go who waits: nobody is there any more."""
        with self._lock:
            self._is_over = True
            slots = list(self._open.values())
            self._open.clear()
        for slot in slots:
            slot.put(None)


class Asked(threading.local):
    """For whom a thread works, and so who is asked by what it does."""

    questions: Questions | None = None
    do = 0

    def begin(self, questions: Questions, do: int) -> None:
        """Work for a front end from now on.

        Parameters
        ----------
        questions : Questions
            Its questions.
        do : int
            What is done.
        """
        self.questions, self.do = questions, do

    def end(self) -> None:
        """Work for nobody."""
        self.questions, self.do = None, 0

    def ask(self, prompt: str, is_secret: bool) -> str | None:
        """Ask for a text or a secret; None if nobody answers.

        Parameters
        ----------
        prompt : str
            The question.
        is_secret : bool
            Whether nobody should see the answer.
        """
        if self.questions is None:
            return None
        return self.questions.put(self.do, "secret" if is_secret else "text", prompt)

    def trust(self, what: str, fingerprint: str) -> bool:
        """Ask whether a key is a host's own.

        Parameters
        ----------
        what : str
            The host and its key, in words.
        fingerprint : str
            The key's.

        Returns
        -------
        bool
            True only if the answer is the fingerprint itself, or ``yes``.
        """
        said = self.questions.put(self.do, "trust", what, fingerprint) if self.questions else None
        return bool(fingerprint) and said in (fingerprint, _YES)
