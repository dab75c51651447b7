"""Items of the great round: mixed in size and in length, each told by its index alone; light, for workers import it."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_EVERY, _LARGE, _MIDDLE, _SMALL = 2000, 1_500_000, 60_000, 4_000


class Sized(NamedTuple):
    """An item: its index, and what it has to carry."""

    x: int
    load: bytes


def mixed(x: int) -> int:
    """Give a number that looks like a random one."""
    return (x * 2654435761 + 12345) % (1 << 32) >> 7


def n_bytes(x: int) -> int:
    """Give how much an item carries: a byte as a rule, and now and then a megabyte."""
    kind = mixed(x)
    if kind % _EVERY == 0:
        return _LARGE
    if kind % 100 == 1:
        return _MIDDLE
    return _SMALL if kind % 10 == 2 else kind % 64


def load_of(x: int) -> bytes:
    """Give what an item carries."""
    size = n_bytes(x)
    return (x.to_bytes(8, "little") * (size // 8 + 1))[:size]


def sized(indices: Iterable[int]) -> Iterator[Sized]:
    """Give the items of some indices."""
    return (Sized(x, load_of(x)) for x in indices)


def answer(item: Sized) -> tuple[int, int, bytes]:
    """Give what an item gives: its index, a sum of what came, and of some of them all that came, turned round."""
    back = item.load[::-1] if mixed(item.x) % 3 == 0 else b""
    return item.x, zlib.crc32(item.load), back


def work(item: Sized) -> tuple[int, int, bytes]:
    """Compute for a while, or sleep, as the item's index says; then answer."""
    kind = mixed(item.x)
    if kind % 20 == 4:
        until_s = time.thread_time() + 0.004
        while time.thread_time() < until_s:
            sum(range(200))
    elif kind % 100 == 5:
        time.sleep(0.01 * (kind % 7))
    return answer(item)
