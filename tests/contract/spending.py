"""Items that spend time as they are told: importable, and light, for each fresh worker imports it."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time

SPIN_S, NAP_S, N = 0.1, 0.06, 4


def compute(seconds: float) -> int:
    n, until_s = 0, time.thread_time() + seconds
    while time.thread_time() < until_s:
        n += sum(range(50))
    return n


def rest(seconds: float) -> None:
    time.sleep(seconds)


def work(x: int) -> int:
    compute(SPIN_S)
    rest(NAP_S)
    return x


def long_or_dead(x: int) -> int:
    compute(1.6)
    os.kill(os.getpid(), signal.SIGKILL)
    return x


def in_c(x: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 300_000)


def with_a_thread(x: int) -> int:
    thread = threading.Thread(target=compute, args=(0.3,))
    thread.start()
    thread.join()
    return x
