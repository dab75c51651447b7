"""Maps in maps, as items: importable, and light, for each fresh worker imports it."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from pathos_nb import Pool
from pathos_nb.errors import Failure
from tests.contract.calls import picky, square


def inner_map(kind: str, n: int) -> list[int]:
    with Pool(kind, nodes=2) as pool:
        return list(pool.map(square, range(n)))


def inner_failure(kind: str, n: int) -> Any:
    with Pool(kind, nodes=2) as pool:
        return pool.map(picky, range(n))


def inner_keep(kind: str, n: int) -> list[bool]:
    with Pool(kind, nodes=2) as pool:
        return [isinstance(y, Failure) for y in pool.map(picky, range(n), on_error="keep")]


def inner_left_open(kind: str, n: int) -> int:
    pool = Pool(kind, nodes=1)
    return sum(pool.map(square, range(n)))


def threads_of_blas(_: int) -> str:
    return os.environ.get("OMP_NUM_THREADS", "1")


def default_place(_: int) -> tuple[Any, ...]:
    """Give place and size of the pool that an item gets, and the threads that its workers have each."""
    with Pool() as pool:
        return pool.places, pool.nodes, pool.pipe(threads_of_blas, 0)


def three_floors(kind: str, depth: int, n: int) -> int:
    if not depth:
        return n
    with Pool(kind, nodes=2) as pool:
        return sum(pool.map(three_floors, [kind] * 2, [depth - 1] * 2, [n] * 2))


def by_thread(n: int) -> list[int]:
    answer: list[int] = []
    thread = threading.Thread(target=lambda: answer.extend(inner_map("threads", n)))
    thread.start()
    thread.join()
    return answer


def told_items(kind: str, n: int) -> int:
    with Pool(kind, nodes=2) as pool:
        pool.map(print, ["in", "side"])
        return sum(pool.map(told_leaves, range(n), title="the middle"))


def told_leaves(n: int) -> int:
    with Pool("threads", nodes=1) as pool:
        return sum(pool.map(square, range(n), title="the leaves"))


def inner_naps(kind: str) -> None:
    with Pool(kind, nodes=2) as pool:
        pool.map(time.sleep, [0.05] * 1000)


def many_calls(n: int) -> int:
    with Pool("serial") as pool:
        return sum(pool.pipe(min, 1, 2) for _ in range(n))


def inner_killer(kind: str) -> list[bool]:
    from tests.faults.acts import Trap

    with Pool(kind, nodes=2) as pool:
        return [isinstance(y, Failure) for y in pool.map(Trap("os_exits"), range(5), on_error="keep", retries=0)]


def map_then_die(_: int) -> None:
    import os

    pool = Pool("processes", nodes=2)
    pool.map(square, range(5))
    os._exit(3)


def inner_sleep(_: int) -> None:
    import time

    with Pool("processes", nodes=2) as pool:
        pool.map(time.sleep, [30, 30])
