"""Ctrl-C: one KeyboardInterrupt in under a second, finished items kept, the pool usable at once, the screen clean."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.rig.launchers import apart
from tests.rig.sampling import daily
from tests.rig.script import Script

pytestmark = pytest.mark.timeout(60)
# What an interrupt does to a wait is the dispatcher's, one for all; with the others, what it does to their workers.
here = daily("serial", "threads", "processes")

SIX_TIMES = """
    def item(x):
        time.sleep(0.1)  # the driver waits by then: what is tested here is the interrupt of a wait
        say("begun")
        time.sleep(20)
        return x
    WAYS = {
        "map": lambda pool, n: pool.map(item, range(n)),
        "keep": lambda pool, n: pool.map(item, range(n), on_error="keep"),
        "imap": lambda pool, n: list(pool.imap(item, range(n))),
        "uimap": lambda pool, n: list(pool.uimap(item, range(n))),
        "amap": lambda pool, n: pool.amap(item, range(n)).get(),
        "pipe": lambda pool, n: pool.pipe(item, n),
    }
    pool = Pool(LAUNCHER, nodes=2)
    pool.map(abs, range(4))
    for way in WAYS:
        try:
            WAYS[way](pool, 100)
        except KeyboardInterrupt:
            caught = time.monotonic()
            assert pool.map(abs, [-1, 2]) == [1, 2]
            assert time.monotonic() - caught < 15
            print(way, "interrupted", flush=True)
            say("again")
        else:
            print(way, "was not interrupted", flush=True)
    pool.close()
    print("good")
"""


@pytest.mark.parametrize("group", [False, True], ids=["the_driver_alone", "as_a_terminal"])
def test_six_times_in_a_row(launcher: str, tmp_path: Path, group: bool) -> None:
    if launcher == "serial":
        source = SIX_TIMES.replace('"amap": lambda pool, n: pool.amap(item, range(n)).get(),', "")
        ways = ["map", "keep", "imap", "uimap", "pipe"]
    else:
        source, ways = SIX_TIMES, ["map", "keep", "imap", "uimap", "amap", "pipe"]
    with Script(tmp_path, source, launcher) as running:
        for way in ways:
            n_begun = 1 if launcher == "serial" or way == "pipe" else 2
            assert running.heard(n_begun) == ["begun"] * n_begun
            running.interrupt(group=group)
            assert running.heard() == ["again"]
        out, err = running.end()
        assert out.split("\n") == [*(f"{way} interrupted" for way in ways), "good", ""]
        assert err == ""
        assert running.left() == []


FINISHED = """
    from pathos_nb.launchers.registry import registry
    runs = []
    registry.observers.append(runs.append)
    def item(x):
        if x < 4:
            return x * x
        say("begun")
        time.sleep(20)
    pool = Pool(LAUNCHER, nodes=2)
    try:
        pool.map(item, range(50), chunksize=1)
    except KeyboardInterrupt:
        values = runs[-1].values()
        assert values[:4] == [0, 1, 4, 9], values
        assert all(type(v.error).__name__ in ("Cancelled", "KeyboardInterrupt") for v in values[4:]), values
        assert (runs[-1].state, len(values)) == ("cancelled", 50), runs[-1].state
    pool.close()
    print("good")
"""


@here
def test_what_was_finished_stays_on_the_run(launcher: str, tmp_path: Path) -> None:
    with Script(tmp_path, FINISHED, launcher) as running:
        running.heard(1 if launcher == "serial" else 2)
        running.interrupt()
        assert running.end() == ("good\n", "")


STUBBORN = """
    def item(x):
        say("begun")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                time.sleep(1)
            except BaseException:
                pass
    pool = Pool(LAUNCHER, nodes=2)
    pool.map(abs, range(4))
    try:
        pool.map(item, range(2), chunksize=1)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    assert pool.map(abs, [-1, 2]) == [1, 2]
    pool.terminate()
    print("good", flush=True)
"""


@daily("processes", "agent")
@apart
def test_items_that_swallow_the_interrupt_are_stopped_too(launcher: str, tmp_path: Path) -> None:
    with Script(tmp_path, STUBBORN, launcher) as running:
        running.heard(2)
        running.interrupt()
        assert running.end() == ("interrupted\ngood\n", "")
        assert running.left() == []


TWICE = """
    def item(x):
        say("begun")
        time.sleep(20)
    pool = Pool(LAUNCHER, nodes=2)
    n = 0
    while n < 2:
        try:
            pool.map(item, range(100), chunksize=1)
        except KeyboardInterrupt:
            n += 1
            print("interrupted", n, flush=True)
    pool.map(abs, [-1, 2])
    pool.close()
    print("good")
"""


@here
def test_two_in_quick_succession_do_no_harm(launcher: str, tmp_path: Path) -> None:
    source = TWICE.replace("while n < 2", "while n < 1")
    source = source.replace('print("interrupted", n, flush=True)', "time.sleep(0.2) if n < 2 else None")
    source = source.replace(
        "        except KeyboardInterrupt:\n            n += 1",
        "        except KeyboardInterrupt:\n            n += 1\n            signal.signal(signal.SIGINT, signal.SIG_IGN)",
    )
    with Script(tmp_path, source, launcher) as running:
        running.heard(1 if launcher == "serial" else 2)
        running.interrupt(group=True)
        running.interrupt(group=True)
        out, err = running.end()
        assert out.endswith("good\n")
        assert err == ""


LOST = """
    def item(x):
        say("begun")
        time.sleep(20)
    pool = Pool(LAUNCHER, nodes=2)
    pool.map(item, range(100), chunksize=1)
"""


def test_uncaught_it_ends_the_script_with_one_traceback_of_the_driver(launcher: str, tmp_path: Path) -> None:
    with Script(tmp_path, LOST, launcher) as running:
        running.heard(1 if launcher == "serial" else 2)
        running.interrupt(group=True)
        _, err = running.process.communicate(timeout=50)
        assert running.process.returncode in (-signal.SIGINT, 130)
        assert err.count("Traceback") == 1
        assert err.rstrip().endswith("KeyboardInterrupt")
        assert running.left() == []


BLOCK = """
    def item(x):
        say("begun")
        time.sleep(20)
    try:
        with Pool(LAUNCHER, nodes=2) as pool:
            pool.map(item, range(100), chunksize=1)
    except KeyboardInterrupt:
        assert pool.state == "closed"
        print("good")
"""


@here
def test_a_block_that_is_interrupted_closes_its_pool(launcher: str, tmp_path: Path) -> None:
    with Script(tmp_path, BLOCK, launcher) as running:
        running.heard(1 if launcher == "serial" else 2)
        running.interrupt()
        assert running.end() == ("good\n", "")
        assert running.left() == []


TERMINATED = """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    def item(x):
        say("begun")
        time.sleep(20)
    pool = Pool(LAUNCHER, nodes=2)
    pool.map(item, range(100), chunksize=1)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_a_driver_ended_by_another_signal_leaves_nothing(launcher: str, tmp_path: Path, number: int) -> None:
    with Script(tmp_path, TERMINATED, launcher) as running:
        running.heard(1 if launcher == "serial" else 2)
        running.process.send_signal(number)
        _, err = running.process.communicate(timeout=50)
        assert "Traceback" not in err
        assert running.left() == []


GENERATOR = """
    import itertools
    pool = Pool(LAUNCHER, nodes=2)
    def xs():
        yield from range(3)
        say("begun")
        time.sleep(20)
    try:
        pool.map(abs, xs())
    except KeyboardInterrupt:
        assert pool.map(abs, [-1, 2]) == [1, 2]
        pool.close()
        print("good")
"""


@here
def test_an_input_that_waits_is_interrupted_too(launcher: str, tmp_path: Path) -> None:
    with Script(tmp_path, GENERATOR, launcher) as running:
        running.heard()
        running.interrupt()
        assert running.end() == ("good\n", "")


HELD = """
    import _imp
    def item(x):
        if x == 0:
            _imp.acquire_lock()  # as importlib does, for a few instructions
            say("begun")
            while True:
                time.sleep(0.01)
        return x
    def last(seconds):
        if seconds > 1:
            say("begun")
        time.sleep(seconds)
    pool = Pool("threads", nodes=2)
    warm = pool.start(time.sleep, [0.01] * 10000)  # so that all that cancelling needs is imported
    warm.cancel()
    warm.wait(30)
    run = pool.start(item, [0])
    while run.n_done == 0 and not _imp.lock_held():
        time.sleep(0.01)
    run.cancel()
    run.wait(30)
    while _imp.lock_held():
        time.sleep(0.01)
    assert pool.map(item, [1, 2]) == [1, 2]
    _imp.acquire_lock()
    try:
        pool.map(last, [0.01] * 10 + [20])
    except KeyboardInterrupt:
        print("held" if _imp.lock_held() else "free")
    pool.close()
"""


def test_an_import_that_an_interrupt_has_cut_short_holds_up_nobody(tmp_path: Path) -> None:
    with Script(tmp_path, HELD, "threads") as running:
        assert running.heard(2) == ["begun"] * 2
        running.interrupt()
        out, err = running.end()
        assert (out, err) == ("free\n", "")
