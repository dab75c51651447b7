"""What the great round stands on: three hosts by ssh, nodes of a queue, a cluster of dask's, MPI, and a small disk.

Each is there if this machine can have it; of one that is not, `missing` says why.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from pathos_nb import Pool
from pathos_nb.joined.host import Plan
from pathos_nb.launchers.mpi import MpiLauncher
from pathos_nb.session import Session
from tests.rig.bed import Bed, wait_until, why_no_bed
from tests.rig.cluster import Cluster, why_no_cluster
from tests.rig.dask_cluster import Cluster as DaskCluster
from tests.soak.schedule import Pair, pairs

__all__ = ["Grounds", "Stand"]

HOSTS = ("host1", "host2", "host3")
_DISK_MB = 48
_GONE_S = 90.0


class Stand:
    """A pool over all grounds, with what it was made of, for the time of one great round.

    Attributes
    ----------
    pool : Pool
        Two workers of this machine, and one or two at every other place.
    session : Session
        Which has the hosts.
    client : distributed.Client or None
        Of dask's cluster.
    places : dict
        What each place of the pool was made of, by its name.
    settings : dict
        Which it was made with.
    """

    def __init__(self, pool: Pool, session: Session, client: Any, given: list[Any], settings: dict[str, Any]) -> None:
        self.pool, self.session, self.client, self.settings = pool, session, client, settings
        self.places = dict(zip(pool.places, given, strict=True))


class Grounds:
    """All of them, raised once for a soak.

    Parameters
    ----------
    folder : Path
        Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.missing: dict[str, str] = {}
        self.bed: Bed | None = None
        self.cluster: Cluster | None = None
        self.dask: DaskCluster | None = None
        self.disk: Path | None = None
        self._ends = ExitStack()
        self.has_mpi = bool(MpiLauncher.availability().score)
        if not self.has_mpi:
            self.missing["mpi"] = MpiLauncher.availability().reason

    def __enter__(self) -> Grounds:
        for name, raise_one in (
            ("hosts", self._hosts),
            ("slurm", self._slurm),
            ("dask", self._dask),
            ("disk", self._disk),
        ):
            try:
                reason = raise_one()
            except (RuntimeError, OSError, subprocess.SubprocessError, AssertionError) as error:
                reason = str(error)
            if reason:
                self.missing[name] = reason
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def _hosts(self) -> str:
        if reason := why_no_bed():
            return reason
        bed = Bed(self.folder / "bed")
        self._ends.callback(bed, "down", check=False)
        bed.up()
        self.bed = bed
        return ""

    def _slurm(self) -> str:
        if reason := why_no_cluster():
            return reason
        cluster = Cluster(self.folder / "slurm")
        self._ends.callback(cluster, "down", check=False)
        cluster.up()
        if not cluster.facts["features"]["srun"]:
            return str(cluster.facts["missing"]["srun"])
        self._ends.enter_context(cluster.in_use())
        self.cluster = cluster
        return ""

    def _dask(self) -> str:
        if find_spec("distributed") is None:
            return "dask is not installed"
        place = self.folder / "dask"
        place.mkdir()
        self.dask = DaskCluster(place, 2, 1)
        self._ends.callback(self.dask.close)
        return ""

    def _disk(self) -> str:
        folder = self.folder / "disk"
        folder.mkdir(mode=0o700)
        words = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m,mode=0700", "tmpfs", str(folder)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr.strip()
        self._ends.callback(subprocess.run, ["umount", "-l", str(folder)], capture_output=True, check=False)
        self.disk = folder
        return ""

    @property
    def own_processes(self) -> set[int]:
        """The numbers of the processes that are the grounds themselves."""
        if self.dask is None or not psutil.pid_exists(self.dask.process.pid):
            return set()
        top = psutil.Process(self.dask.process.pid)
        return {top.pid, *(process.pid for process in top.children(recursive=True))}

    def can_do(self) -> list[Pair]:
        """Give the harms that can be done here, each with where."""
        features = self.bed.facts["features"] if self.bed else {}
        others = [("processes", True), ("slurm", self.cluster), ("dask", self.dask), ("mpi", self.has_mpi)]
        return pairs(
            HOSTS if self.bed else (),
            [name for name, found in others if found],
            can_cut=bool(features.get("cut")),
            can_slow=bool(features.get("slow")),
            has_disk=self.disk is not None,
        )

    @contextmanager
    def stand(self) -> Iterator[Stand]:
        """Give a pool over all of it, and see at the end that nothing of it is left anywhere."""
        with ExitStack() as ends:
            session = Session()
            ends.callback(session.close)
            client = self._client(ends)
            places: list[Any] = ["processes", *self._connected(session)]
            places += [
                *(["slurm"] if self.cluster else []),
                *([client] if client else []),
                *(["mpi"] if self.has_mpi else []),
            ]
            settings = {"cpus": 1} if self.cluster else {}
            pool = ends.enter_context(Pool(*places, nodes=1, **settings))
            pool.resize(2)
            yield Stand(pool, session, client, places, settings)
            pool.close()
            session.close()  # which has a pool of its own on each host
            self.see_that_nothing_is_left(client)

    def _connected(self, session: Session) -> list[str]:
        if self.bed is None:
            return []
        session.hosts.config = self.bed.config
        return [session.connect(Plan(name, name, nodes=1)).name for name in HOSTS]

    def _client(self, ends: ExitStack) -> Any:
        if self.dask is None:
            return None
        from distributed import Client

        return ends.enter_context(Client(self.dask.address, set_as_default=False))

    def mend(self) -> None:
        """Undo what was done to hosts and nodes."""
        if self.bed is not None:
            self.bed.mend()
        if self.cluster is not None and self.cluster.is_disturbed:
            self.cluster.up()
            self.cluster.is_disturbed = False

    def see_that_nothing_is_left(self, client: Any) -> None:
        """See that no place has a process or a job of a pool's that was closed.

        Raises
        ------
        AssertionError
            One has.
        """
        for what, left in self._looks(client).items():
            wait_until(lambda left=left: not left(), _GONE_S)  # type: ignore[misc]
            assert not left(), f"left on {what}: {left()}\n{self._seen_on(what)}"

    def _looks(self, client: Any) -> dict[str, Callable[[], object]]:
        looks: dict[str, Callable[[], object]] = {}
        if self.bed is not None:
            looks.update({name: lambda name=name: self._on(name) for name in HOSTS})  # type: ignore[misc]
        if self.cluster is not None:
            looks["slurm"] = self.cluster.left
        if client is not None:
            looks["dask"] = lambda: _stations(client)
        return looks

    def _on(self, host: str) -> list[str]:
        assert self.bed is not None
        return [line[:80] for line in self.bed.on(host, "ps ax -o args").splitlines() if "pathos_nb" in line]

    def _seen_on(self, host: str) -> str:
        """Tell of a host what runs there, and which connections it has."""
        if host not in HOSTS or self.bed is None:
            return ""
        return self.bed.on(host, "ps ax -o pid,ppid,stat,wchan:20,etimes,args | cut -c-150; ss -tnpo", check=False)


def _stations(client: Any) -> list[int]:
    """Give the processes that dask's workers have started."""
    found = []
    for pid in client.run(os.getpid).values():
        with contextlib.suppress(psutil.Error):
            found += [process.pid for process in psutil.Process(pid).children(recursive=True)]
    return found


def told(grounds: Grounds) -> str:
    """Say in a line what there is, and what there is not."""
    has = {
        "hosts": grounds.bed,
        "slurm": grounds.cluster,
        "dask": grounds.dask,
        "mpi": grounds.has_mpi,
        "disk": grounds.disk,
    }
    there = ", ".join(name for name, found in has.items() if found) or "none"
    without = "; ".join(f"no {name}: {reason.splitlines()[0]}" for name, reason in grounds.missing.items())
    return f"grounds: {there}{'; ' if without else ''}{without} (Python {sys.version.split()[0]})"
