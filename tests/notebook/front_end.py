"""A front end of the panel as tests play it: it says things, and keeps what it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from pathos_nb.notebook.panel import Panel


class FrontEnd:
    """What stands at the other end of a comm."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.is_gone = False
        self._news = threading.Condition()
        self._number = 0
        self.hear: Callable[[Any], None] = lambda message: None

    @classmethod
    def at(cls, panel: Panel) -> FrontEnd:
        """Sit down at a panel."""
        front = cls()
        front.hear = panel.seat(front.take).hear
        return front

    def take(self, message: dict[str, Any]) -> None:
        """Be told something, as by `Comm.send`."""
        if self.is_gone:
            raise RuntimeError("nobody is there")
        with self._news:
            self.told.append(message)
            self._news.notify_all()

    def say(self, type_: str, **fields: Any) -> None:
        self.hear({"type": type_, **fields})

    def begin(self, verb: Any, *words: Any) -> int:
        """Ask for something to be done."""
        self._number += 1
        self.say("do", id=self._number, verb=verb, words=list(words))
        return self._number

    def do(self, verb: str, *words: str, seconds: float = 30.0) -> dict[str, Any]:
        """Have something done, and give its answer."""
        number = self.begin(verb, *words)
        return self.wait(lambda m: m["type"] == "answer" and m["id"] == number, seconds)

    def wait(self, is_it: Callable[[dict[str, Any]], bool], seconds: float = 30.0, *, after: int = 0) -> dict[str, Any]:
        """Give the first message that is it, when it is there."""
        deadline = time.monotonic() + seconds
        with self._news:
            while (found := next((m for m in self.told[after:] if is_it(m)), None)) is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"it was not said; the last was {self.told[-3:]}")
                self._news.wait(left)
            return found

    def table(self, topic: str, is_it: Callable[[Any], bool], seconds: float = 30.0) -> Any:
        """Give the rows of a topic, when they are as they should be."""
        found = self.wait(lambda m: m["type"] == "tables" and m[topic] is not None and is_it(m[topic]), seconds)
        return found[topic]

    def of(self, type_: str) -> list[dict[str, Any]]:
        return [message for message in list(self.told) if message["type"] == type_]
