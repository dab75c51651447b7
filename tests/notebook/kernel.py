"""A real kernel, driven as a front end does; every wait has a deadline."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

from tests.rig.kernels import ROOT, socket_folder

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def held(last: int, gate: Path) -> str:
    """Give lines of a body by which the last point waits for a file, a minute at most: until then the run goes on."""
    return (
        f"import os, time\nend = time.monotonic() + 60\n"
        f"while v == {last} and not os.path.exists({str(gate)!r}) and time.monotonic() < end: time.sleep(0.01)\n"
    )


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
    first : Path
        A folder whose modules go before those of the environment.
    """

    def __init__(self, *, allow_stdin: bool = True, first: Path | None = None) -> None:
        self.allow_stdin = allow_stdin
        self._folder = ExitStack()
        sockets = self._folder.enter_context(socket_folder())
        self.manager = KernelManager(kernel_name="python3", transport="ipc", ip=f"{sockets}/kernel")
        path = os.pathsep.join(str(folder) for folder in (first, ROOT) if folder)
        self.manager.start_kernel(env={**os.environ, "PYTHONPATH": path}, cwd=str(ROOT))
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=50)
        self.answers: dict[str, Answer] = {}
        self.comms: dict[str, Callable[[dict[str, Any]], None]] = {}

    def begin(self, code: str) -> Answer:
        """Send a cell, without waiting."""
        # After an error ipykernel aborts what has come in by its loop's next turn: at times the test's next cell, too.
        msg_id = self.client.execute(code, allow_stdin=self.allow_stdin, stop_on_error=False)
        self.answers[msg_id] = Answer(msg_id)
        return self.answers[msg_id]

    def end(self, answer: Answer, timeout: float = 30) -> Answer:
        """Wait until the cell is idle."""
        start = time.monotonic()
        self.listen(lambda: any(_is_idle(m) for m in answer.messages), timeout)
        reply = self.client.get_shell_msg(timeout=30)
        while reply["parent_header"]["msg_id"] != answer.msg_id:
            reply = self.client.get_shell_msg(timeout=30)
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

    def open_comm(self, target: str, data: dict[str, Any], take: Callable[[dict[str, Any]], None]) -> Comm:
        """Open a comm as a front end; what the kernel says on it is taken while somebody listens."""
        made = Comm(self, uuid.uuid4().hex)
        self.comms[made.id] = take
        made.send(data, "comm_open", target_name=target)
        return made

    def subshell(self) -> str:
        """Begin a subshell, as front ends do for their comms; empty where the kernel has none."""
        features = self.client.kernel_info(reply=True, timeout=20)["content"].get("supported_features", [])
        if "kernel subshells" not in features:
            return ""
        request = self.client.session.msg("create_subshell_request")
        self.client.control_channel.send(request)
        return self.client.control_channel.get_msg(timeout=20)["content"]["subshell_id"]

    def _take(self, message: dict[str, Any]) -> None:
        if message["msg_type"] == "comm_msg" and (take := self.comms.get(message["content"]["comm_id"])):
            take(message["content"]["data"])
        answer = self.answers.get(message["parent_header"].get("msg_id", ""))
        if answer is not None:
            answer.messages.append(message)
            _sort(answer, message["msg_type"], message["content"])

    def interrupt(self) -> None:
        """Do what the stop button does."""
        self.manager.interrupt_kernel()

    def close(self) -> None:
        """End it."""
        with self._folder:
            self.client.stop_channels()
            self.manager.shutdown_kernel(now=True)


@contextmanager
def loaded_kernel() -> Iterator[Kernel]:
    """Give a kernel that has loaded pathos_nb; it is ended after its use."""
    kernel = Kernel()
    try:
        assert kernel.run("%load_ext pathos_nb").status == "ok"
        yield kernel
    finally:
        kernel.close()


@dataclass
class Comm:
    """A front end's comm, over a subshell if it has one."""

    kernel: Kernel
    id: str
    subshell: str = ""

    def send(self, data: dict[str, Any], kind: str = "comm_msg", **content: Any) -> None:
        """Send data."""
        message = self.kernel.client.session.msg(kind, {"comm_id": self.id, "data": data, **content})
        if self.subshell:
            message["header"]["subshell_id"] = self.subshell
        self.kernel.client.shell_channel.send(message)


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
