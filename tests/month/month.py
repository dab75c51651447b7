"""The month, as seen from outside of the kernel: what it is asked, when it is interrupted, killed, counted."""

from __future__ import annotations

import contextlib
import os
import queue
import random
import sys
import tempfile
import uuid
from collections.abc import Callable
from typing import NamedTuple

from tests.month.use import Held
from tests.notebook.kernel import Answer, Kernel
from tests.rig.census import MARK, describe, marked, until

__all__ = ["Figures", "Month"]

_BEGIN = "%load_ext pathos_nb\nfrom tests.month import use"
_CELL_S = 900.0
_END_S = 60.0
_MOST_BYTES_A_MAP = 1000
_TOGETHER, _WARM = 500, 200


class Figures(NamedTuple):
    """What came of it; `broken` says which promises did not hold."""

    n_maps: int
    n_pools: int
    n_interrupts: int
    n_in_time: int
    n_restarts: int
    n_left: int
    bytes_a_map: float
    bytes_a_pool: float
    bytes_an_interrupt: float
    more_files: int
    more_threads: int
    more_children: int
    broken: list[str]


class Month:
    """A kernel that is used, and those that come after it.

    Parameters
    ----------
    seed : int
        Of all that is drawn.
    connect : str
        The cell that has a host's workers ready under the name ``host``; without it an agent of this machine is one.
    """

    def __init__(self, seed: int = 1, connect: str = "") -> None:
        self._seed, self._dice, self._broken = seed, random.Random(seed), list[str]()
        self._connect = connect or "import tests.rig.agents as agents\nagents.register('host')"
        self._folder = tempfile.TemporaryDirectory(prefix="pathos-nb-month-")
        self._mark = uuid.uuid4().hex
        self._before = {name: os.environ.get(name) for name in (MARK, "XDG_DATA_HOME")}
        os.environ[MARK], os.environ["XDG_DATA_HOME"] = self._mark, self._folder.name
        self._kernel: Kernel | None = None

    def __enter__(self) -> Month:
        return self

    def __exit__(self, *_: object) -> None:
        if self._kernel is not None:
            self._kernel.close()
        for process in marked(self._mark):
            with contextlib.suppress(Exception):  # it ends by itself at this moment
                process.kill()
        for name, value in self._before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
        self._folder.cleanup()

    def live(self, maps: int, pools: int, interrupts: int, restarts: int) -> Figures:
        """Do all of it, and say what came of it."""
        self._ask(_BEGIN)
        self._ask(f"use.maps({max(_WARM, maps // 10)}, 0); use.pools(3, 0)")  # until all is as it stays
        self._interrupted()
        first = self._held()
        for start in range(0, maps, _TOGETHER):
            self._ask(f"use.maps({min(_TOGETHER, maps - start)}, {self._seed + start})")
            self._tell(f"{min(start + _TOGETHER, maps)} maps")
        mapped = self._held()
        for start in range(0, pools, _TOGETHER):
            self._ask(f"use.pools({min(_TOGETHER, pools - start)}, {self._seed + start})")
            self._tell(f"{min(start + _TOGETHER, pools)} pools")
        pooled = self._held()
        n_in_time = sum(self._interrupted() for _ in range(interrupts))
        self._tell(f"{interrupts} interrupts")
        self._ask("assert use.is_well()")
        last = self._settled(first)
        n_left = sum(self._restarted(number) for number in range(restarts))
        bytes_a_map = (mapped.n_bytes - first.n_bytes) / maps
        self._see(bytes_a_map <= _MOST_BYTES_A_MAP, f"memory grows by {bytes_a_map:.0f} bytes a map")
        more = [now - then for now, then in zip(last[1:], first[1:], strict=True)]
        for what, n in zip(("descriptors", "threads", "processes"), more, strict=True):
            self._see(n <= 0, f"{n} {what} more than at the beginning")
        return Figures(
            maps, pools, interrupts, n_in_time, restarts, n_left, bytes_a_map,
            (pooled.n_bytes - mapped.n_bytes) / pools, (last.n_bytes - pooled.n_bytes) / max(1, interrupts), *more, self._broken,
        )  # fmt: skip

    @staticmethod
    def _tell(how_far: str) -> None:
        """Say how far it is; what came of it is told at the end."""
        sys.stderr.write(f"{how_far}\n")
        sys.stderr.flush()

    def _see(self, is_so: bool, else_: str) -> None:
        if not is_so:
            self._broken.append(else_)

    @property
    def kernel(self) -> Kernel:
        """The one that is used now."""
        if self._kernel is None:
            self._kernel = Kernel()
        return self._kernel

    def _ask(self, code: str) -> Answer:
        answer = self.kernel.run(code, _CELL_S)
        if answer.status != "ok":
            raise AssertionError(f"{code}: {answer.traceback or answer.evalue}")
        return answer

    def _held(self) -> Held:
        self._ask("use.held()")
        return Held(*self.kernel.value("tuple(use.held())"))

    def _settled(self, wanted: Held) -> Held:
        """Count when what is about to end has ended, or will not."""
        last = self._held()

        def is_settled() -> bool:
            nonlocal last
            last = self._held()
            return all(now <= then for now, then in zip(last[1:], wanted[1:], strict=True))

        until(is_settled, _END_S)
        return last

    def _interrupted(self) -> bool:
        """Interrupt a cell at a random moment; say whether that was in time."""
        answer = self.kernel.begin("use.at_work(0.4)")
        self._wait(0.4 * self._dice.random() ** 2)
        self.kernel.interrupt()
        try:
            self.kernel.end(answer, _CELL_S)
        except queue.Empty:  # it came when the cell was over, and ipykernel itself was at its reply
            return False
        self._see(answer.ename in ("", "KeyboardInterrupt"), f"an interrupt gave {answer.ename}: {answer.evalue:.200}")
        if self._dice.random() < 0.1:
            self._ask("assert use.is_well()")
        return answer.ename == "KeyboardInterrupt"

    @staticmethod
    def _wait(seconds: float) -> None:
        until(lambda: False, seconds)

    def _restarted(self, number: int) -> bool:
        """End a kernel that has a host's workers at work, by turns kindly and by force; say whether it left any."""
        self._ask(_BEGIN)
        self._ask(self._connect)
        self._ask("%%pmap -q -p host,processes -o there for x in range(8)\nx * x")
        if self.kernel.value("list(there)") != [x * x for x in range(8)]:
            self._broken.append(f"restart {number}: wrong values on the host")
        self.kernel.begin("%%pmap -q -p host,processes for x in range(200)\nimport time\ntime.sleep(0.05)")
        self._wait(self._dice.random() * 0.3)
        self._end(by_force=number % 2 == 0)
        until(lambda: not marked(self._mark), _END_S)
        left = describe(marked(self._mark))
        self._tell(f"{number + 1} restarts")
        self._see(not left, f"restart {number} left {left}")
        return bool(left)

    def _end(self, by_force: bool) -> None:
        kernel, self._kernel = self.kernel, None
        act: Callable[..., object] = kernel.manager.shutdown_kernel
        act(now=by_force)
        kernel.close()
