"""Contender processes as the runner sees them: asked with a deadline, found by a mark, ended whole."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MARK_VARIABLE = "PATHOS_NB_BENCH_MARK"


class ContenderError(Exception):
    """A contender that hung, died or raised; its text is what the table says."""


def environment(mark: str) -> dict[str, str]:
    """Give the environment of a contender: this one's, this tree first on the path, and its mark.

    Compiled modules may be written, as on a user's machine: imports are measured.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": path, MARK_VARIABLE: mark}


class Contender:
    """One peer in a process group of its own.

    Parameters
    ----------
    case, peer : str
        What it runs.
    is_quick : bool
        Whether the case is scaled down.
    """

    def __init__(self, case: str, peer: str, is_quick: bool) -> None:
        self.mark = uuid.uuid4().hex
        self.peer = peer
        command = [sys.executable, "-m", "benchmarks.contender", case, peer, "quick" if is_quick else "full"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if not os.environ.get("PATHOS_NB_BENCH_STDERR") else None,
            env=environment(self.mark),
            start_new_session=True,
        )
        self._pending = b""
        if self.process.stderr:
            os.set_blocking(self.process.stderr.fileno(), False)

    @property
    def pid(self) -> int:
        """The driver's process id."""
        return self.process.pid

    def ask(self, op: str, deadline_s: float, **args: Any) -> Any:
        """Send one command and wait for its answer.

        Raises
        ------
        ContenderError
            If the answer is an error, does not come in time, or the process ends.
        """
        self.tell(op, **args)
        return self.hear(deadline_s)

    def tell(self, op: str, **args: Any) -> None:
        """Send one command and do not wait."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"op": op, "args": args}).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise ContenderError(f"driver died ({self.process.poll()})") from None

    def hear(self, deadline_s: float) -> Any:
        """Wait for one answer."""
        reply = json.loads(self._line(deadline_s))
        if "error" in reply:
            raise ContenderError(reply["error"])
        return reply["ok"]

    def _line(self, deadline_s: float) -> bytes:
        assert self.process.stdout is not None
        end = time.monotonic() + deadline_s
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if self.process.stderr:
                selector.register(self.process.stderr, selectors.EVENT_READ)
            while b"\n" not in self._pending:
                self._read_some(selector, end, deadline_s)
        line, self._pending = self._pending.split(b"\n", 1)
        return line

    def _read_some(self, selector: selectors.BaseSelector, end: float, deadline_s: float) -> None:
        left = end - time.monotonic()
        ready = selector.select(left) if left > 0 else []
        if not ready:
            raise ContenderError(f"hangs (> {deadline_s:.0f} s)")
        for key, _ in ready:
            data = os.read(key.fd, 65536)
            if not data:
                selector.unregister(key.fileobj)
            if key.fileobj is self.process.stdout:
                self._pending += data
                if not data:
                    raise ContenderError("driver died")

    def end(self) -> None:
        """End the driver, its group, and whatever else carries its mark."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2)
        for pid in [*marked(self.mark), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                if pid != self.process.pid or self.process.poll() is None:
                    os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()

    def __enter__(self) -> Contender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


def marked(mark: str) -> list[int]:
    """Give the live processes that inherited the mark (a zombie is not live)."""
    needle = f"{MARK_VARIABLE}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if needle in (entry / "environ").read_bytes() and not is_zombie(int(entry.name)):
                    found.append(int(entry.name))
    return found


def is_zombie(pid: int) -> bool:
    """Tell whether a process has ended and only waits to be reaped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def pss_bytes(pid: int) -> int:
    """Give the proportional set size of a process, 0 if it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def cpu_seconds(pid: int) -> float:
    """Give the processor time that a process has used, 0 if it is gone."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0
