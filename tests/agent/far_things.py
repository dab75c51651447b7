"""What hosts are asked for in tests: importable, so that another Python can have it."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from tests.contract.calls import mark_file


def make_a_function(x: int) -> Any:
    return lambda: x


def call(f: Any) -> Any:
    return 0 if f is abs else f()


def node(_: Any = None) -> str:
    return os.uname().nodename


def nap(x: int) -> int:
    time.sleep(0.02)
    return x


def kind_of(x: Any) -> str:
    return type(x).__module__


def imports_when_called() -> str:
    from parts.later import WORD

    return WORD


def pid(_: int) -> int:
    time.sleep(0.005)
    return os.getpid()


def slow_on_host2(x: int) -> int:
    time.sleep(0.4 if node() == "host2" else 0.01)
    return x


def kill_the_worker_once(path: str, x: int) -> int:
    if x == 7 and not os.path.exists(path):
        mark_file(path, x)
        os.kill(os.getpid(), signal.SIGKILL)
    return x
