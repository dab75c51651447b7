"""What items of MPI jobs do: importable, so that each rank finds it."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any


def world() -> Any:
    from mpi4py import MPI

    return MPI.COMM_WORLD


def total(x: int) -> tuple[int, int]:
    """Give the sum over all ranks of x times rank + 1, and how many there are."""
    return world().allreduce(x * (world().rank + 1)), world().size


def gathered(x: Any) -> Any:
    return world().gather((world().rank, x))


def speak(x: int) -> int:
    print("rank", world().rank, "has", x)
    return x


def draw(_: int) -> list[float]:
    """Give a draw of each rank."""
    import pathos_nb

    return world().allgather(float(pathos_nb.rng().random()))


def leave_behind(x: int) -> Any:
    """Send on even items what nobody receives; receive on odd ones, by the same tags, what is sent then."""
    own = world()
    if own.rank == 1:
        own.send(("sent by", x), 0, 5)
        requests.append(own.isend(bytes(1 << 20), 0, 6))
        return None
    return own.recv(source=1, tag=5) if x % 2 else None


requests: list[Any] = []


def broadcast(x: int) -> tuple[int, int]:
    """Give what rank 1 has of a broadcast that it does not take part in for item 2."""
    if x == 2 and world().rank == 1:
        raise ValueError("not with me")
    told = world().bcast(x, 0)
    if x == 2:
        return x, x  # rank 0 is through with it: the broadcast is half done
    return told, world().sendrecv(told, 1 - world().rank)


def send_to_nobody(x: int) -> None:
    world().send(x, dest=99)


def raise_on(rank: int, x: int) -> int:
    """Raise on one rank for item 3, while the others wait for it in MPI."""
    if x == 3 and world().rank == rank:
        raise ValueError(f"no {x} on {rank}")
    return int(world().allreduce(x))


def hand_over(x: int) -> int:
    """Have rank 1 send x to rank 0, which receives it, but for item 3: that one raises."""
    if world().rank == 1:
        world().send(x, 0)
        return -1
    if x == 3:
        raise ValueError(f"no {x}")
    return int(world().recv(source=1))


def abort_on(rank: int, x: int) -> int:
    """Have MPI end the job on one rank for item 3."""
    if x == 3 and world().rank == rank:
        world().Abort(5)
    world().Barrier()
    return 2 * x


def take_on(rank: int, n_bytes: int) -> int:
    """Take memory on one rank, while the others wait for it in MPI."""
    if world().rank == rank:
        n_bytes = len(bytearray(n_bytes))
    return int(world().bcast(n_bytes, rank))


def write_on_each(folder: str) -> bool:
    """Write a file on each rank, into a folder that all of them are in."""
    with open(f"out-{world().rank}", "w", encoding="ascii") as file:
        file.write(str(world().size))
    world().Barrier()
    return len({*world().allgather(os.getcwd())}) == 1 and os.getcwd() != folder


def end_on(rank: int, how: str, x: int) -> int:
    """End the process of one rank for item 3, while the others wait for it in MPI."""
    if x == 3 and world().rank == rank:
        sys.stderr.write("its last words\n")
        os.kill(os.getpid(), signal.SIGKILL) if how == "killed" else os._exit(7)
    return int(world().allreduce(x))


def hang_on(path: str) -> None:
    """Wait for each other for ever, after saying so."""
    if world().rank == 0:
        with open(path, "a", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
        world().recv(source=1)
    else:
        while True:
            time.sleep(0.01)


def cut(x: int) -> int:
    """Close, for item 3, the stream to the pool."""
    if x == 3:
        os.closerange(3, 4096)
        time.sleep(60)
    return x


def begin_badly() -> None:
    if world().rank == 1:
        raise RuntimeError("no licence on this rank")


def share(_: int) -> dict[str, str | None]:
    """Say what the environment tells of threads and of the network."""
    return {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "UCX_TLS", "PMI_RANK")}


def listening(_: int) -> list[str]:
    """Give the addresses that this process, and those above it up to mpiexec, listen at beyond loopback."""
    import psutil

    found, process = [], psutil.Process()
    for one in (process, *process.parents()[:2]):
        found += [str(c.laddr) for c in one.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    return found
