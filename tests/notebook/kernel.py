"""A real kernel, driven as a front end does; every wait has a deadline."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

ROOT = Path(__file__).resolve().parents[2]
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Answer:
    """What one cell gave."""

    msg_id: str = ""
    status: str = ""
    ename: str = ""
    evalue: str = ""
    traceback: str = ""
    text: str = ""
    result: str = ""
    html: str = ""
    displays: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def picture(self) -> dict[str, str]:
        """The last state of the last display that has an id."""
        return list(self.displays.values())[-1][-1]


class Kernel:
    """A kernel with the extension's source on its path.

    Parameters
    ----------
    allow_stdin : bool
        Whether to speak as a front end with a person in front of it.
    """

    def __init__(self, *, allow_stdin: bool = True) -> None:
        self.allow_stdin = allow_stdin
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=str(ROOT))
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=30)
        self.answers: dict[str, Answer] = {}

    def begin(self, code: str) -> Answer:
        """Send a cell, without waiting."""
        msg_id = self.client.execute(code, allow_stdin=self.allow_stdin)
        self.answers[msg_id] = Answer(msg_id)
        return self.answers[msg_id]

    def end(self, answer: Answer, timeout: float = 30) -> Answer:
        """Wait until the cell is idle."""
        start = time.monotonic()
        self.listen(lambda: any(_is_idle(m) for m in answer.messages), timeout)
        reply = self.client.get_shell_msg(timeout=10)
        while reply["parent_header"]["msg_id"] != answer.msg_id:
            reply = self.client.get_shell_msg(timeout=10)
        answer.status, answer.seconds = reply["content"]["status"], time.monotonic() - start
        return answer

    def run(self, code: str, timeout: float = 30) -> Answer:
        """Run a cell to its end."""
        return self.end(self.begin(code), timeout)

    def value(self, expression: str) -> Any:
        """Give a value of the kernel: a literal."""
        import ast

        answer = self.run(f"print(repr({expression}))")
        return ast.literal_eval(answer.text.strip())

    def listen(self, is_enough: Callable[[], bool], timeout: float) -> None:
        """Take messages until it is enough."""
        deadline = time.monotonic() + timeout
        while not is_enough():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the kernel did not say what was expected")
            self._take(self.client.get_iopub_msg(timeout=left))

    def _take(self, message: dict[str, Any]) -> None:
        answer = self.answers.get(message["parent_header"].get("msg_id", ""))
        if answer is not None:
            answer.messages.append(message)
            _sort(answer, message["msg_type"], message["content"])

    def interrupt(self) -> None:
        """Do what the stop button does."""
        self.manager.interrupt_kernel()

    def close(self) -> None:
        """End it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def _is_idle(message: dict[str, Any]) -> bool:
    return message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"


def _sort(answer: Answer, kind: str, content: dict[str, Any]) -> None:
    if kind == "stream":
        answer.text += content["text"]
    elif kind == "error":
        answer.ename, answer.evalue = content["ename"], content["evalue"]
        answer.traceback = _ANSI.sub("", "\n".join(content["traceback"]))
    elif kind == "execute_result":
        answer.result, answer.html = content["data"].get("text/plain", ""), content["data"].get("text/html", "")
    elif kind in ("display_data", "update_display_data"):
        display_id = content.get("transient", {}).get("display_id", "")
        answer.displays.setdefault(display_id, []).append(content["data"])
