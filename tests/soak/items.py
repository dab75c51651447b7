"""What an item of the soak does, and what may come of it: a value, or a failure of one of some kinds."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any, NamedTuple

from pathos_nb import Pool
from pathos_nb.errors import Failure

_LONG_S = 20.0
_LARGE = 2_000_000


class Item(NamedTuple):
    """One item.

    Attributes
    ----------
    x : int
        Its index.
    act : str
        What it does, one of `ACTS`.
    path : str
        A file that is not there yet, for what is done once.
    extra : object
        Goes along.
    """

    x: int
    act: str
    path: str = ""
    extra: Any = None


class Odd(Exception):
    """One whose constructor is not what pickle takes it for."""

    def __init__(self, code: int, *, hint: str) -> None:
        super().__init__(f"odd {code}")
        self.hint = hint


def do(item: Item) -> tuple[int, Any]:
    """Do what an item says, and give its index and a value."""
    return item.x, ACTS[item.act](item)


def _square(item: Item) -> int:
    return item.x * item.x


def _nap(item: Item) -> int:
    time.sleep(0.002 * (item.x % 16))
    return item.x


def _spin(item: Item) -> int:
    return sum(range(1000 * (item.x % 50)))


def _say(item: Item) -> int:
    sys.stdout.write(f"item {item.x}\n")
    return item.x


def _large(item: Item) -> bytes:
    return bytes([item.x % 256]) * _LARGE


def _nest(item: Item) -> list[int]:
    with Pool("threads", nodes=2) as pool:
        return pool.map(abs, range(-item.x % 7, 3))


def _raises(item: Item) -> None:
    raise ValueError(f"item {item.x}")


def _odd(item: Item) -> None:
    raise Odd(item.x, hint="look there")


def _exits(item: Item) -> None:
    sys.exit(item.x)


def _unreturnable(item: Item) -> Any:
    return (x for x in range(item.x))


def _unsendable(item: Item) -> int:
    return item.x


def _is_first(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _kills_once(item: Item) -> int:
    if _is_first(item.path):
        os.kill(os.getpid(), signal.SIGKILL)
    return item.x


def _stops_once(item: Item) -> int:
    if _is_first(item.path):
        os.kill(os.getpid(), signal.SIGSTOP)
    return item.x


def _kills(item: Item) -> None:
    os._exit(item.x % 3)


def _late(item: Item) -> None:
    deadline = time.monotonic() + _LONG_S
    while time.monotonic() < deadline:
        time.sleep(0.01)


ACTS = {
    "square": _square, "nap": _nap, "spin": _spin, "say": _say, "large": _large, "nest": _nest, "raises": _raises,
    "odd": _odd, "exits": _exits, "unreturnable": _unreturnable, "unsendable": _unsendable, "kills once": _kills_once,
    "stops once": _stops_once, "kills": _kills, "late": _late,
}  # fmt: skip
GOOD = ("square", "nap", "spin", "say", "large", "nest", "kills once", "stops once")
# What raises, and as what; "apart" is where items run in processes of their own.
FAILS = {
    "raises": "ValueError", "odd": "Odd", "exits": "SystemExit", "kills": "WorkerLost", "late": "ItemTimeout",
    "unreturnable": "CannotReturn", "unsendable": "CannotSend",
}  # fmt: skip
APART_ONLY = ("kills once", "stops once", "kills")
TRAVELS_ILL = ("unreturnable", "unsendable")


def expected(item: Item, is_apart: bool, is_mixed: bool) -> tuple[str, ...]:
    """Give what may come of an item: "value", or the names of exceptions."""
    if item.act in GOOD:
        return ("value",)
    if item.act in TRAVELS_ILL and not is_apart:
        return ("value",)
    return (FAILS[item.act], "value") if item.act in TRAVELS_ILL and is_mixed else (FAILS[item.act],)


def serial_value(item: Item) -> Any:
    """Give what a serial loop gives for an item that does no wrong."""
    if item.act in TRAVELS_ILL:
        return None
    return ACTS["square" if item.act == "square" else item.act](item) if item.act in _PURE else item.x


_PURE = ("square", "spin", "large", "nest")


def outcome(got: Any) -> str:
    """Name what came: "value", or the exception's name."""
    return type(got.error).__name__ if isinstance(got, Failure) else "value"
