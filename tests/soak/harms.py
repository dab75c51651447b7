"""What is done to a great round meanwhile: one harm after another, as scheduled; each that lasts is undone again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Any, NamedTuple

import psutil

from pathos_nb.errors import PathosNbError
from tests.soak.grounds import HOSTS, Grounds, Stand
from tests.soak.schedule import Harm

__all__ = ["Harms", "Log"]

_JOIN_S = 150.0
_WORKER_S = 30.0  # a host that was away, or a job, takes some seconds to have one again
_BACK_S = 90.0

Undo = Callable[[], object] | None


class Log(NamedTuple):
    """A harm that was done, and to whom; "nobody", where nobody was there to suffer it."""

    kind: str
    place: str
    whom: str


class Harms:
    """Does harm in a thread of its own, from when it is entered until it is left; then all of it is undone.

    Parameters
    ----------
    grounds : Grounds
        What there is.
    stand : Stand
        What is harmed.
    planned : sequence of Harm
        What is done, and begun again when all has been done.
    dice : random.Random
        Draws what the plan leaves open: how slow, how many.

    Attributes
    ----------
    done : list of Log
        What was done.
    has_played : bool
        Whether all of the plan was done once.
    """

    def __init__(self, grounds: Grounds, stand: Stand, planned: Sequence[Harm], dice: random.Random) -> None:
        self._grounds, self._stand, self._planned, self._dice = grounds, stand, planned, dice
        self.done: list[Log] = []
        self.errors: list[str] = []
        self.has_played = False
        self._missed: list[Harm] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="soak harms", daemon=True)

    def __enter__(self) -> Harms:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        while self._thread.is_alive():  # an interrupt may come here, too late for the map: it is nobody's fault
            with contextlib.suppress(KeyboardInterrupt):
                self._is_over.set()
                self._thread.join(_JOIN_S)
                if self._thread.is_alive():
                    self.errors.append("the harms do not end")
                    break
        return kind is not None and issubclass(kind, KeyboardInterrupt)

    def _run(self) -> None:
        for harm in self._in_order():
            if self._is_over.wait(harm.pause_s):
                return
            self._do(harm)

    def _in_order(self) -> Iterator[Harm]:
        """Give them as planned; then those once more that found nobody; then all over again."""
        yield from self._planned
        yield from tuple(self._missed)
        self.has_played = True
        yield from cycle(self._planned)

    def _do(self, harm: Harm) -> None:
        undo: Undo = None
        try:
            whom, undo = getattr(self, f"_{harm.kind.replace(' ', '_')}")(harm.place)
            self.done.append(Log(harm.kind, harm.place, whom))
            if whom == "nobody":
                self._missed.append(harm)
            elif undo is not None:
                self._is_over.wait(harm.lasts_s)
        except Exception:
            self.errors.append(f"{harm}: {traceback.format_exc()}")
        finally:
            if undo is not None:
                self._undo(harm, undo)

    def _undo(self, harm: Harm, undo: Callable[[], object]) -> None:
        try:
            undo()
        except Exception:
            self.errors.append(f"undoing {harm}: {traceback.format_exc()}")

    # --- the harms: each says to whom it was done, and gives what undoes it ---

    def _kill(self, place: str) -> tuple[str, Undo]:
        worker = self._worker(place)
        return (worker.name if worker and self._send(worker, signal.SIGKILL) else "nobody"), None

    def _stop(self, place: str) -> tuple[str, Undo]:
        """Stop a worker; who finds it stopped kills it, else it goes on after a while."""
        worker = self._worker(place)
        if worker is None or not self._send(worker, signal.SIGSTOP):
            return "nobody", None
        return worker.name, lambda: self._send(worker, signal.SIGCONT)

    def _worker(self, place: str) -> Any:
        """Give any worker of a place that is known to run, once there is one; None if there is none in time."""
        until_s = time.monotonic() + _WORKER_S
        while not self._is_over.wait(0.05) and time.monotonic() < until_s:
            found = [w for w in self._stand.pool.workers() if w.pid and w.place.partition(":")[0] == place]
            if found:
                return self._dice.choice(found)
        return None

    def _send(self, worker: Any, number: int) -> bool:
        """Send a signal to a worker, wherever it is; say whether it was there."""
        if worker.place in HOSTS:
            assert self._grounds.bed is not None
            words = ("exec", worker.place, "--", "kill", f"-{int(number)}", str(worker.pid))
            return self._grounds.bed(*words, check=False).returncode == 0
        if worker.place.startswith("slurm"):
            return self._send_to_node(worker, number)
        with contextlib.suppress(OSError):
            os.kill(worker.pid, number)
            return True
        return False

    def _send_to_node(self, worker: Any, number: int) -> bool:
        """Find the process by the number that it has in the namespace of its node."""
        assert self._grounds.cluster is not None
        own = f"SLURM_CONF={self._grounds.cluster.environ['SLURM_CONF']}".encode()
        was_sent = False
        for process in psutil.process_iter():
            with contextlib.suppress(OSError, psutil.Error):
                with (
                    open(f"/proc/{process.pid}/environ", "rb") as environ,
                    open(f"/proc/{process.pid}/status") as status,
                ):
                    is_own = own in environ.read() and _number_inside(status.read()) == worker.pid
                if is_own and process.environ().get("SLURMD_NODENAME") == worker.host:
                    process.send_signal(number)
                    was_sent = True
        return was_sent

    def _resize(self, place: str) -> tuple[str, Undo]:
        """Have another number of workers: of this machine's one to three, elsewhere none for a while."""
        if place == "processes":
            self._stand.pool.resize(n := self._dice.randint(1, 3))
            return str(n), None
        name, thing = next((n, t) for n, t in self._stand.places.items() if n.partition(":")[0] == place)
        self._stand.pool.drop_place(name)
        return name, lambda: self._come_back(thing)

    def _come_back(self, thing: object) -> None:
        """Add a place again; a host whose link is being opened again has to be waited for."""
        until_s = time.monotonic() + _BACK_S
        while True:
            try:
                self._stand.pool.add_place(thing, nodes=1, **(self._stand.settings if thing == "slurm" else {}))
                return
            except PathosNbError:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.5)

    def _interrupt(self, place: str) -> tuple[str, Undo]:
        os.kill(os.getpid(), signal.SIGINT)
        return place, None

    def _host_dies(self, host: str) -> tuple[str, Undo]:
        assert self._grounds.bed is not None
        bed = self._grounds.bed
        bed("kill", host)
        return host, lambda: bed("start", host)

    def _agent_dies(self, host: str) -> tuple[str, Undo]:
        if self._worker(host) is None:
            return "nobody", None
        assert self._grounds.bed is not None
        self._grounds.bed.on(host, "pkill -9 -f pathos_nb", check=False)
        return host, None

    def _partition(self, host: str) -> tuple[str, Undo]:
        assert self._grounds.bed is not None
        bed = self._grounds.bed
        bed("cut", host)
        return host, lambda: bed("heal", host)

    def _slow_link(self, host: str) -> tuple[str, Undo]:
        assert self._grounds.bed is not None
        bed = self._grounds.bed
        bed("slow", host, "--delay", f"{self._dice.randint(5, 80)}ms", "--rate", f"{self._dice.randint(5, 50)}mbit")
        return host, lambda: bed("heal", host)

    def _node_dies(self, place: str) -> tuple[str, Undo]:
        assert self._grounds.cluster is not None
        cluster, worker = self._grounds.cluster, self._worker(place)
        if worker is None:
            return "nobody", None
        nodes = sorted(cluster.facts["nodes"])
        node = worker.host if worker.host in nodes else self._dice.choice(nodes)
        cluster("lose", node, "--told")
        return node, lambda: cluster("restore", node)

    def _dask_worker_dies(self, place: str) -> tuple[str, Undo]:
        pids = sorted(self._stand.client.run(os.getpid).values())
        pid = self._dice.choice(pids)
        os.kill(pid, signal.SIGKILL)
        return f"{place} {pids.index(pid)}", None

    def _full_disk(self, place: str) -> tuple[str, Undo]:
        assert self._grounds.disk is not None
        other = self._grounds.disk / "other"
        with contextlib.suppress(OSError), other.open("wb", buffering=0) as file:
            while file.write(bytes(1 << 16)):
                pass
        return place, lambda: other.unlink(missing_ok=True)


def _number_inside(status: str) -> int:
    """Give the number that a process has in the innermost namespace that it is in."""
    lines = [line for line in status.splitlines() if line.startswith("NSpid:")]
    return int(lines[0].split()[-1]) if lines else 0
