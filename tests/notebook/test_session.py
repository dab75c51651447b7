"""The session owns pools and runs, and lets go of both."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from pathos_nb.dispatch.pool import Pool
from pathos_nb.errors import BadOption, UnknownPlace
from pathos_nb.launchers.registry import registry
from pathos_nb.session import Session, close_session, current_session


@pytest.fixture
def session():
    made = Session(("threads",), n_runs=3)
    yield made
    made.close()


def test_the_same_question_gives_the_same_pool(session):
    assert session.pool() is session.pool(("threads",))
    assert session.pool(("threads",), 2) is not session.pool(("threads",))
    assert session.pool(("threads",), 2).nodes == 2
    assert list(session.pools) == ["threads", "threads:2"]


def test_use_changes_where_cells_run_and_nonsense_does_not(session):
    session.use("serial")
    assert session.places == ("serial",)
    with pytest.raises(UnknownPlace, match=r"'thread'; did you mean threads\? %pathos connect"):
        session.use("thread")
    assert session.places == ("serial",)


def test_a_pool_can_have_a_name_of_its_own(session):
    made = session.make("two", ("threads",), 2)
    assert session.pool(("two",)) is made
    with pytest.raises(BadOption, match="'two' is taken"):
        session.make("two", ("threads",))
    with pytest.raises(BadOption, match="'threads' is taken"):
        session.make("threads", ("serial",))


def test_closing_the_pool_in_use_sends_cells_home(session):
    session.make("two", ("threads",), 2)
    session.use("two")
    session.close_pool("two")
    assert session.places == ("threads",)
    assert session.pool().state == "open"


def test_serial_is_one_worker_and_says_so(session):
    with pytest.raises(BadOption, match="serial is one worker, this notebook's own thread, and cannot be 3"):
        session.pool(("serial",), 3)
    session.places, session.nodes = ("serial",), 3  # a setting for whatever place comes
    assert session.pool().nodes == 1
    assert session.default_name == "serial" in session.pools


def test_places_are_checked_without_starting_anything(session):
    session.make("two", ("threads",), 2)
    for places in [("two",), ("serial",), ("threads", "processes")]:
        session.check(places)
    with pytest.raises(UnknownPlace, match="did you mean processes"):
        session.check(("process",))
    assert list(session.pools) == ["two"]


def test_a_closed_pool_is_forgotten_and_made_anew(session):
    first = session.pool()
    first.terminate()
    assert not session.pools
    assert session.pool() is not first
    with pytest.raises(UnknownPlace, match="no open pool is called 'nope'; open pools: threads"):
        session.close_pool("nope")


def test_runs_of_any_pool_are_noted_without_their_values(session):
    class Big:
        pass

    with Pool("threads", nodes=1) as pool:
        values = pool.map(lambda _: Big(), range(3), title="bigs")
    kept = session.run("bigs")
    assert (kept.state, kept.n_done, kept.total) == ("done", 3, 3)
    watched = weakref.ref(values[0])
    del values, pool
    gc.collect()
    assert watched() is None


def test_failures_are_remembered(session):
    with Pool("serial") as pool:
        pool.map(lambda v: 1 / v, [1, 0], on_error="keep", title="odd")
    assert list(session.run("odd").failures) == [1]


def test_old_runs_are_forgotten(session):
    with Pool("serial") as pool:
        for number in range(6):
            pool.map(abs, [1], title=f"run{number}")
    assert [run.title for run in session.runs][-1] == "run5"
    assert len(session.runs) <= 4


def test_a_run_is_found_by_title_id_or_its_beginning(session):
    with pytest.raises(BadOption, match="no run yet"):
        session.run()
    with Pool("serial") as pool:
        pool.map(abs, [1], title="first")
        pool.map(abs, [1], title="second")
    assert session.run().title == "second"
    assert session.run("first") is session.run(session.run("first").run_id)
    with pytest.raises(BadOption, match="no run is called 'third'"):
        session.run("third")


def test_closing_cancels_and_ends_the_youngest_first():
    session = Session(("threads",))
    ended: list[str] = []
    for name in ("one", "two"):
        pool = session.make(name, ("threads",), 1)
        finish = pool.terminate
        pool.terminate = lambda name=name, finish=finish: (ended.append(name), finish())
    run = session.pools["one"].start(lambda v: __import__("time").sleep(0.05), range(1000))
    session.close()
    session.close()
    assert run.is_over and run.state == "cancelled"
    assert ended == ["two", "one"]
    assert session.note not in registry.observers


def test_a_view_that_breaks_does_not_stop_the_run(session, caplog):
    session.views.append(lambda run: 1 / 0)
    with Pool("serial") as pool:
        assert pool.map(abs, [-1]) == [1]
    assert "could not begin" in caplog.text


def test_there_is_one_session_at_a_time():
    first = current_session()
    assert current_session() is first
    close_session()
    assert current_session() is not first
    close_session()


def test_a_pool_is_made_larger_and_begun_again_under_its_name(session):
    pool = session.make("two", ("threads",), 2)
    assert session.resize("two", 3) is pool and pool.nodes == 3
    assert session.restart("two") is session.pools["two"] is pool
    assert pool.map(abs, [-1]) == [1]
    with pytest.raises(UnknownPlace, match="no open pool is called 'nope'; open pools: two"):
        session.resize("nope", 3)
    with pytest.raises(BadOption, match="at most 1024 workers"):
        session.resize("two", 10**6)


def test_a_pool_that_is_called_after_its_size_is_called_anew(session):
    pool = session.use("threads", nodes=2)
    session.resize("threads:2", 3)
    assert list(session.pools) == ["threads:3"] and session.default_name == "threads:3"
    assert session.pool() is pool and session.pool(("threads",), 2) is not pool


def test_a_pool_that_takes_its_time_keeps_nobody_waiting(session, monkeypatch):
    """Its workers may be on a slow host; the second who asks for it gets the same one."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(*where, nodes=None):
        begun.set()
        assert go_on.wait(20)
        return Pool(*where, nodes=nodes)

    monkeypatch.setattr("pathos_nb.session.Pool", slow)
    made: list[Pool] = []
    askers = [threading.Thread(target=lambda: made.append(session.pool(("threads",), 1))) for _ in range(2)]
    for asker in askers:
        asker.start()
    assert begun.wait(20)
    with Pool("serial") as other:
        assert other.map(abs, [-1], title="meanwhile") == [1]
    assert session.run("meanwhile").state == "done" and list(session.pools) == []
    go_on.set()
    for asker in askers:
        asker.join(20)
    assert made[0] is made[1] is session.pools["threads:1"]
