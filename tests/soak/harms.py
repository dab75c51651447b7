"""What is done to a great round meanwhile: one harm after another, drawn at random; each that lasts is undone again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import psutil

from tests.soak.grounds import HOSTS, Grounds, Stand

__all__ = ["Harms", "Log"]

_PAUSE_S = (0.2, 2.5)
_LASTS_S = (1.0, 9.0)
_JOIN_S = 120.0


class Log(NamedTuple):
    """A harm that was done, for how long, and to whom."""

    name: str
    whom: str
    seconds: float


class Harms:
    """Does harm in a thread of its own, from when it is entered until it is left; then all of it is undone.

    Parameters
    ----------
    grounds : Grounds
        What there is.
    stand : Stand
        What is harmed.
    dice : random.Random
        Of the seed: which harms come, in which order.

    Attributes
    ----------
    done : list of Log
        What was done.
    """

    def __init__(self, grounds: Grounds, stand: Stand, dice: random.Random) -> None:
        self._grounds, self._stand, self._dice = grounds, stand, dice
        self.done: list[Log] = []
        self.errors: list[str] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="soak harms", daemon=True)
        self._kinds = self._possible()

    def _possible(self) -> list[Callable[[], tuple[str, Callable[[], object] | None]]]:
        kinds = [self._kill, self._kill, self._stop, self._resize, self._interrupt]
        if self._grounds.bed is not None:
            kinds += [self._host_dies, self._agent_dies]
            kinds += [self._partition] * 2 if self._grounds.bed.facts["features"].get("cut") else []
            kinds += [self._slow_link] if self._grounds.bed.facts["features"].get("slow") else []
        if self._grounds.cluster is not None:
            kinds += [self._node_dies]
        if self._grounds.dask is not None:
            kinds += [self._dask_worker_dies]
        if self._grounds.disk is not None:
            kinds += [self._full_disk] * 2
        return kinds

    def __enter__(self) -> Harms:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        while self._thread.is_alive():  # an interrupt may come here, too late for the map: it is nobody's fault
            with contextlib.suppress(KeyboardInterrupt):
                self._is_over.set()
                self._thread.join(_JOIN_S)
                if self._thread.is_alive():
                    self.errors.append("the harms do not end")
                    return

    def _run(self) -> None:
        while not self._is_over.wait(self._dice.uniform(*_PAUSE_S)):
            kind, seconds = self._dice.choice(self._kinds), self._dice.uniform(*_LASTS_S)
            undo: Callable[[], object] | None = None
            try:
                whom, undo = kind()
                if undo is not None:
                    self._is_over.wait(seconds)
                self.done.append(Log(kind.__name__.strip("_"), whom, seconds if undo else 0.0))
            except Exception:
                self.errors.append(f"{kind.__name__}: {traceback.format_exc()}")
            finally:
                if undo is not None:
                    undo()

    # --- the harms: each says to whom it was done, and gives what undoes it ---

    def _kill(self) -> tuple[str, None]:
        worker = self._worker()
        if worker is None:
            return "nobody", None
        self._send(worker, signal.SIGKILL)
        return worker.name, None

    def _stop(self) -> tuple[str, Callable[[], object]]:
        """Stop a worker; who finds it stopped kills it, else it goes on after a while."""
        worker = self._worker()
        if worker is None:
            return "nobody", lambda: None
        self._send(worker, signal.SIGSTOP)
        return worker.name, lambda: self._send(worker, signal.SIGCONT)

    def _worker(self) -> Any:
        """Give any worker that is known to run; None if there is none at this moment."""
        found = [worker for worker in self._stand.pool.workers() if worker.pid]
        return self._dice.choice(found) if found else None

    def _send(self, worker: Any, number: int) -> None:
        if worker.place in HOSTS:
            assert self._grounds.bed is not None
            self._grounds.bed.on(worker.place, "kill", f"-{number}", str(worker.pid), check=False)
        elif worker.place.startswith("slurm"):
            self._send_to_node(worker, number)
        else:
            with contextlib.suppress(OSError):
                os.kill(worker.pid, number)

    def _send_to_node(self, worker: Any, number: int) -> None:
        """Find the process by the number that it has in the namespace of its node."""
        assert self._grounds.cluster is not None
        own = f"SLURM_CONF={self._grounds.cluster.environ['SLURM_CONF']}".encode()
        for process in psutil.process_iter():
            with contextlib.suppress(OSError, psutil.Error):
                with (
                    open(f"/proc/{process.pid}/environ", "rb") as environ,
                    open(f"/proc/{process.pid}/status") as status,
                ):
                    is_own = own in environ.read() and _number_inside(status.read()) == worker.pid
                if is_own and process.environ().get("SLURMD_NODENAME") == worker.host:
                    process.send_signal(number)

    def _resize(self) -> tuple[str, None]:
        n = self._dice.randint(1, 3)
        self._stand.pool.resize(n)
        return str(n), None

    def _interrupt(self) -> tuple[str, None]:
        os.kill(os.getpid(), signal.SIGINT)
        return "", None

    def _host(self) -> str:
        return self._dice.choice(HOSTS)

    def _host_dies(self) -> tuple[str, Callable[[], object]]:
        assert self._grounds.bed is not None
        host, bed = self._host(), self._grounds.bed
        bed("kill", host)
        return host, lambda: bed("start", host)

    def _agent_dies(self) -> tuple[str, None]:
        assert self._grounds.bed is not None
        host = self._host()
        self._grounds.bed.on(host, "pkill -9 -f pathos_nb", check=False)
        return host, None

    def _partition(self) -> tuple[str, Callable[[], object]]:
        assert self._grounds.bed is not None
        host, bed = self._host(), self._grounds.bed
        bed("cut", host)
        return host, lambda: bed("heal", host)

    def _slow_link(self) -> tuple[str, Callable[[], object]]:
        assert self._grounds.bed is not None
        host, bed = self._host(), self._grounds.bed
        bed("slow", host, "--delay", f"{self._dice.randint(5, 80)}ms", "--rate", f"{self._dice.randint(5, 50)}mbit")
        return host, lambda: bed("heal", host)

    def _node_dies(self) -> tuple[str, Callable[[], object]]:
        assert self._grounds.cluster is not None
        cluster, node = self._grounds.cluster, self._dice.choice(sorted(self._grounds.cluster.facts["nodes"]))
        cluster("lose", node, "--told")
        return node, lambda: cluster("restore", node)

    def _dask_worker_dies(self) -> tuple[str, None]:
        pids = sorted(self._stand.client.run(os.getpid).values())
        pid = self._dice.choice(pids)
        os.kill(pid, signal.SIGKILL)
        return str(pids.index(pid)), None

    def _full_disk(self) -> tuple[str, Callable[[], object]]:
        assert self._grounds.disk is not None
        other = self._grounds.disk / "other"
        with contextlib.suppress(OSError), other.open("wb", buffering=0) as file:
            while file.write(bytes(1 << 16)):
                pass
        return "", lambda: other.unlink(missing_ok=True)


def _number_inside(status: str) -> int:
    """Give the number that a process has in the innermost namespace that it is in."""
    lines = [line for line in status.splitlines() if line.startswith("NSpid:")]
    return int(lines[0].split()[-1]) if lines else 0
