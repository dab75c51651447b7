"""What a detached sweep is, as its folder has it: the order that the runner reads, and the names of all files.

::

    RUN/package.zip         pathos_nb, cloudpickle, dill: as hosts are sent it
    RUN/beside.zip          the user's own modules, as they were when the sweep was submitted
    RUN/function            what is called, by value
    RUN/order-K, work-K     submission K: how it runs; for each task the places of its points, and their arguments
    RUN/job-K               the script that the queue was given
    RUN/tasks/K.T.N         what task T of submission K says of itself when it begins and ends, JSON
    RUN/results/K.T.S.N.P   finished points: of the start S of a task its Nth file, with so many points
    RUN/void-K              submission K is not wanted any more: its tasks end at once
    RUN/log/K.T             what the task's program wrote
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pathos_nb.detached.files import make_folder, read_sealed, write_sealed
from pathos_nb.dispatch.store.files import write_atomically
from pathos_nb.wire.quick import dumps, loads
from pathos_nb.wire.serialization import dump

__all__ = ["Folder", "Order", "deal"]

_IN_BAND = 1 << 62


@dataclass(frozen=True, slots=True)
class Order:
    """How the points of a submission run.

    Parameters
    ----------
    title : str
        What the run is called.
    n_tasks : int
        Among how many tasks the points were dealt.
    workers, cpus : int
        Worker processes of a task, and the cores that they share.
    seed, timeout, retries : object
        As a map takes them.
    minor : list of int or None
        The Python that can load the function; None if any can.
    folder : str
        The kernel's current folder.
    path : list of str
        The user's own entries of the module path.
    hooks : list of str
        ``module:function`` names that each worker calls first.
    environ : dict
        Variables that the kernel has set (text) or removed (None) since it began; none that looks like a secret.
    """

    title: str
    n_tasks: int
    workers: int = 1
    cpus: int = 1
    seed: Any = None
    timeout: float | None = None
    retries: int = 1
    minor: list[int] | None = None
    folder: str = ""
    path: list[str] = field(default_factory=list)
    hooks: list[str] = field(default_factory=list)
    environ: dict[str, str | None] = field(default_factory=dict)


def deal(places: Sequence[int], n_tasks: int) -> list[list[int]]:
    """Deal points out to tasks, as cards: neighbours take about as long, so that no task has all the long ones.

    Parameters
    ----------
    places : sequence of int
        Of the points that are to run.
    n_tasks : int
        How many tasks there are; no more than points.

    Returns
    -------
    list of list of int
        Each place once.
    """
    return [list(places[number::n_tasks]) for number in range(n_tasks)]


class Folder:
    """The folder of one sweep, on a disk that the nodes see too.

    Parameters
    ----------
    path : Path
        It need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.package, self.beside, self.function = path / "package.zip", path / "beside.zip", path / "function"
        self.results, self.tasks, self.log = path / "results", path / "tasks", path / "log"

    def make(self) -> None:
        """Make it and the folders in it, for this user only."""
        for folder in (self.path, self.results, self.tasks, self.log):
            make_folder(folder)

    def script(self, number: int) -> Path:
        """Give where the job script of a submission lies."""
        return self.path / f"job-{number}"

    def log_of(self, number: int, task: int) -> Path:
        """Give where a task's program writes."""
        return self.log / f"{number}.{task}"

    def void(self, number: int) -> Path:
        """Give the file that has a submission's tasks end at once."""
        return self.path / f"void-{number}"

    def n_finished(self, number: int) -> int:
        """Give how many points of a submission are finished, by the names of their files; some may count twice."""
        return sum(int(name.rpartition(".")[2]) for name in self.listed(self.results, f"{number}."))

    def put_order(self, number: int, order: Order) -> None:
        """Write how a submission runs."""
        write_atomically(self.path / f"order-{number}", [json.dumps(asdict(order)).encode()])

    def order(self, number: int) -> Order:
        """Read how a submission runs."""
        return Order(**json.loads((self.path / f"order-{number}").read_bytes()))

    def put_work(self, number: int, hands: Sequence[Sequence[int]], rows: Sequence[Any]) -> list[bytes]:
        """Write which points each task has, and their arguments; give these as they were pickled."""
        packed = [_packed([rows[place] for place in hand]) for hand in hands]
        write_sealed(self.path / f"work-{number}", dumps((list(map(list, hands)), packed), 5))
        return packed

    def places(self, number: int) -> list[list[int]]:
        """Read which points each task of a submission has."""
        found: list[list[int]] = loads(read_sealed(self.path / f"work-{number}"))[0]
        return found

    def work(self, number: int, task: int) -> tuple[list[int], list[Any]]:
        """Read the places of a task's points, and their arguments."""
        hands, packed = loads(read_sealed(self.path / f"work-{number}"))
        return hands[task], loads(packed[task])

    def put_function(self, body: bytes, buffers: Sequence[bytes]) -> None:
        """Write what is called."""
        write_sealed(self.function, dumps((body, list(buffers)), 5))

    def read_function(self) -> tuple[bytes, list[bytes]]:
        """Read what is called, as bytes."""
        body, buffers = loads(read_sealed(self.function))
        return body, buffers

    def put_result(self, name: str, body: bytes) -> None:
        """Write finished points."""
        write_sealed(self.results / name, body)

    def read_result(self, name: str) -> bytes:
        """Read finished points."""
        return read_sealed(self.results / name)

    def listed(self, folder: Path, prefix: str = "") -> list[str]:
        """Give the names of what is whole in one of the folders, in order; nothing if the folder has gone."""
        try:
            names = os.listdir(folder)  # noqa: PTH208 - there may be thousands, each second
        except FileNotFoundError:
            return []
        return sorted(name for name in names if not name.startswith(".") and name.startswith(prefix))

    def say(self, number: int, task: int, **told: Any) -> None:
        """Write down what a task says of itself, after what it has said before."""
        n = len(self.listed(self.tasks, f"{number}.{task}."))
        write_atomically(self.tasks / f"{number}.{task}.{n:03d}", [json.dumps(told).encode()])

    def said(self, number: int) -> dict[int, list[dict[str, Any]]]:
        """Give what each task of a submission has said of itself, the first first."""
        found: dict[int, list[dict[str, Any]]] = {}
        for name in self.listed(self.tasks, f"{number}."):
            try:
                told = json.loads((self.tasks / name).read_bytes())
            except (OSError, ValueError):  # damaged: what it says is not needed to go on
                continue
            found.setdefault(int(name.split(".")[1]), []).append(told)
        return found


def _packed(rows: list[Any]) -> bytes:
    return bytes(dump(rows, _IN_BAND).body)
