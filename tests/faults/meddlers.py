"""What items do to their worker beside their work: importable, and light, for each fresh worker imports it."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.faults.acts import BAD


def closes_stdout() -> None:
    os.close(1)


def closes_all_standard_descriptors() -> None:
    for fd in (0, 1, 2):
        os.close(fd)


def closes_python_stdout() -> None:
    sys.stdout.close()
    sys.stderr.close()


def replaces_stdout() -> None:
    sys.stdout = sys.stderr = None  # type: ignore[assignment]


def deletes_stdout() -> None:
    del sys.stdout


def redirects_stdout() -> None:
    fd = os.open(os.devnull, os.O_WRONLY)
    os.dup2(fd, 1)
    os.close(fd)


def forks_and_reaps() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def forks_a_child_that_falls_through() -> None:
    os.fork()


def forks_a_child_that_exits_by_sys_exit() -> None:
    if os.fork() == 0:
        sys.exit(0)


def forks_a_child_that_raises() -> None:
    if os.fork() == 0:
        raise ValueError("in the child")


def reaps_all_children() -> None:
    try:
        while True:
            os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        pass


def ignores_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)


def sets_an_alarm() -> None:
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)


def leaves_a_daemon_thread() -> None:
    threading.Thread(target=time.sleep, args=(5,), daemon=True).start()


def leaves_a_thread() -> None:
    threading.Thread(target=time.sleep, args=(60,)).start()


def leaves_a_thread_that_prints() -> None:
    def babble() -> None:
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            print("babble")
            time.sleep(0.001)

    threading.Thread(target=babble, daemon=True).start()


def leaves_a_thread_that_raises() -> None:
    def explode() -> None:
        raise RuntimeError("in a thread of an item")

    thread = threading.Thread(target=explode)
    thread.start()
    thread.join()


def lowers_the_recursion_limit() -> None:
    sys.setrecursionlimit(100)


def uses_up_its_descriptors() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    try:
        while True:
            os.open(os.devnull, os.O_RDONLY)
    except OSError:
        pass


def sets_a_trace() -> None:
    sys.settrace(lambda *_: None)
    sys.setprofile(lambda *_: None)


def removes_modules() -> None:
    for name in ("pickle", "io", "json", "pathos_nb.wire.serialization"):
        sys.modules.pop(name, None)


def turns_the_collector_off() -> None:
    import gc

    gc.disable()


def makes_warnings_errors() -> None:
    import warnings

    warnings.simplefilter("error")


def enters_a_folder_that_goes() -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)


def clears_the_environment() -> None:
    os.environ.clear()


def empties_the_module_path() -> None:
    sys.path.clear()


def leaves_its_process_group() -> None:
    os.setpgid(0, 0)


def raises_in_an_exit_handler() -> None:
    import atexit

    atexit.register(lambda: 1 / 0)


def sets_a_default_encoding_of_its_own() -> None:
    import locale

    locale.setlocale(locale.LC_ALL, "C")


def runs_an_event_loop() -> None:
    import asyncio

    asyncio.run(asyncio.sleep(0))


def uses_standard_multiprocessing() -> None:
    import multiprocessing

    context = multiprocessing.get_context("fork")
    process = context.Process(target=int)
    process.start()
    process.join()


def writes_to_its_channel() -> None:
    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                os.write(int(name), b"garbage " * 100)
        except OSError:
            continue


MEDDLERS = [
    closes_stdout, closes_all_standard_descriptors, closes_python_stdout, replaces_stdout, deletes_stdout,
    redirects_stdout, forks_and_reaps, forks_a_child_that_falls_through, forks_a_child_that_exits_by_sys_exit,
    forks_a_child_that_raises, reaps_all_children, ignores_signals, sets_an_alarm, leaves_a_daemon_thread,
    leaves_a_thread, leaves_a_thread_that_prints, leaves_a_thread_that_raises, lowers_the_recursion_limit,
    uses_up_its_descriptors, sets_a_trace, removes_modules, turns_the_collector_off, makes_warnings_errors,
    enters_a_folder_that_goes, clears_the_environment, empties_the_module_path, leaves_its_process_group,
    raises_in_an_exit_handler, sets_a_default_encoding_of_its_own, runs_an_event_loop, uses_standard_multiprocessing,
    writes_to_its_channel,
]  # fmt: skip


def meddle(act: Any, x: int) -> int:
    if x == BAD:
        act()
    return x


def plain(x: int) -> int:
    """Do nothing wrong; of this module, for a worker without descriptors cannot import another."""
    return x * x


def speak(x: int) -> int:
    print("item", x)
    return x


def forks(x: int) -> int:
    os.fork()
    return x


def starts_a_process(path: str, x: int) -> int:
    import subprocess

    child = subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    Path(path, str(child.pid)).touch()
    return x


def child_holds_output_open(path: str, x: int) -> int:
    import subprocess

    Path(path, str(subprocess.Popen(["sleep", "60"]).pid)).touch()
    return x


def ignore_then_sleep(x: int) -> None:
    ignores_signals()
    time.sleep(30)


def raise_in_signal(x: int) -> int:
    signal.signal(signal.SIGUSR1, signal.default_int_handler)
    os.kill(os.getpid(), signal.SIGUSR1)
    return x
