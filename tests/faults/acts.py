"""What an item can do wrong, each as a function without arguments; `Trap` does it at one item of many."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

BAD, N_ITEMS = 3, 8


@dataclass(frozen=True)
class Trap:
    """Give the item back, but do wrong at item `BAD`."""

    act: str

    def __call__(self, x: int) -> Any:
        return globals()[self.act]() if x == BAD else x


class Odd(Exception):
    """An exception whose constructor is not what pickle takes it for."""

    def __init__(self, code: int, *, hint: str) -> None:
        super().__init__(f"odd {code}")
        self.code, self.hint = code, hint


class StrRaises(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even a text")

    __repr__ = __str__


class ReduceRaises(Exception):
    def __reduce__(self) -> Any:
        raise TypeError("I do not travel")


class LoadRaises(Exception):
    def __reduce__(self) -> Any:
        return _refuse_to_load, ()


def _refuse_to_load() -> None:
    raise OSError("I do not arrive")


class TooManyArguments(Exception):
    """Forgets to tell its base what it was made from."""

    def __init__(self, a: int, b: int) -> None:
        self.a, self.b = a, b


class Base(BaseException):
    """Not an `Exception`."""


def raises() -> None:
    raise ValueError("bad item")


def raises_chained() -> None:
    try:
        raise KeyError("the root")
    except KeyError as error:
        raise ValueError("bad item") from error


def raises_while_handling() -> None:
    try:
        raise KeyError("the root")
    except KeyError:
        raise ValueError("bad item")


def raises_local_class() -> None:
    class Local(ValueError):
        pass

    raise Local("bad item")


def raises_odd() -> None:
    raise Odd(7, hint="look there")


def raises_forgetful() -> None:
    raise TooManyArguments(1, 2)


def raises_os_error() -> None:
    raise FileNotFoundError(2, "No such file", "bad item")


def raises_unicode_error() -> None:
    b"\xff bad item".decode("utf-8")


def raises_stop_iteration() -> None:
    raise StopIteration("bad item")


def raises_generator_exit() -> None:
    raise GeneratorExit("bad item")


def raises_base() -> None:
    raise Base("bad item")


def raises_keyboard_interrupt() -> None:
    raise KeyboardInterrupt("bad item")


def exits() -> None:
    sys.exit("bad item")


def exits_with_nothing() -> None:
    sys.exit()


def raises_cancelled() -> None:
    from concurrent.futures import CancelledError

    raise CancelledError("bad item")


def raises_timeout() -> None:
    raise TimeoutError("bad item")


def raises_eof() -> None:
    raise EOFError("bad item")


def raises_broken_pipe() -> None:
    raise BrokenPipeError("bad item")


def raises_pickling() -> None:
    import pickle

    raise pickle.PicklingError("bad item")


def recurses() -> None:
    recurses()


def raises_memory_error() -> None:
    raise MemoryError("bad item")


def raises_huge() -> None:
    raise ValueError("bad item" + "!" * 10_000_000)


def raises_holding_a_lock() -> None:
    import threading

    error = ValueError("bad item")
    error.lock = threading.Lock()  # type: ignore[attr-defined]
    raise error


def raises_holding_a_generator() -> None:
    raise ValueError("bad item", (x for x in range(3)))


def raises_untold() -> None:
    raise StrRaises


def raises_stay_at_home() -> None:
    raise ReduceRaises("bad item")


def raises_never_arrives() -> None:
    raise LoadRaises("bad item")


def raises_group() -> None:
    raise ExceptionGroup("bad item", [ValueError("one"), Odd(2, hint="two")])


def raises_with_notes() -> None:
    error = ValueError("bad item")
    error.add_note("and a note")
    raise error


def raises_itself_as_cause() -> None:
    error = ValueError("bad item")
    error.__cause__ = error
    raise error


def kills_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def terminates_itself() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)


def os_exits() -> None:
    os._exit(7)


def os_exits_well() -> None:
    os._exit(0)


def segfaults() -> None:
    ctypes.string_at(0)


def aborts() -> None:
    os.abort()


def closes_its_descriptors() -> None:
    os.closerange(3, 1024)


def execs() -> None:
    os.execv("/bin/true", ["true"])


def kills_its_parent() -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(30)


def sleeps() -> None:
    time.sleep(30)


def loops() -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        pass


def loops_in_c() -> None:
    sum(range(10**11))


def swallows_everything() -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            time.sleep(1)
        except BaseException:
            continue


def blocks_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(30)


def stops_itself() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def naps() -> None:
    time.sleep(1)
