"""A profile is kept with its run: it is there after a kill, in the next kernel, in its reports, with what runs again."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from pathos_nb import Pool
from pathos_nb.dispatch.profiles import Profile
from pathos_nb.dispatch.store import kept_profile
from pathos_nb.dispatch.store.found import find, listed, loaded
from pathos_nb.dispatch.store.kept_profile import packed_profile, profile_of, profiled_runs, read_profile
from pathos_nb.dispatch.store.keys import function_key
from pathos_nb.dispatch.store.resume import Plan, plan
from pathos_nb.dispatch.store.store import Store
from pathos_nb.dispatch.store.sweep import Sweep
from pathos_nb.launchers.registry import registry

pytestmark = pytest.mark.leaves("threads")


def crunch(x: float) -> float:
    until = time.thread_time() + 0.06
    while time.thread_time() < until:
        sum(range(100))
    if x < 0:
        raise ValueError(x)
    return x


def swept(store: Store, rows: list[float], how: str = "", profile: object = 500) -> object:
    found = plan(store, Sweep(crunch, function_key(crunch), ("x",), [(x,) for x in rows], "slow"), how)
    registry.observers.append(found.attach)
    try:
        with Pool("threads", nodes=2) as pool:
            run = pool.start(crunch, found.rows(), star=True, title="slow", profile=profile, on_error="keep")
            run.wait()
            store.writer.flush()
            return run
    finally:
        registry.observers.remove(found.attach)


@pytest.fixture
def store(tmp_path: Path):
    made = Store(tmp_path / "store.sqlite")
    yield made
    made.close()


def told(profile: Profile) -> tuple:
    return (
        profile.how, profile.tree.frames, profile.tree.frame_of, profile.tree.parent_of, profile.own, profile.workers,
        profile.calls, profile.longest, profile.heaviest, profile.notes,
    )  # fmt: skip


def test_what_is_read_is_what_was_measured(store):
    run = swept(store, [1.0, 2.0, 3.0, 4.0])
    kept = loaded(store.file, find(store.file, "slow"))
    assert told(kept.run.profile) == told(run.profile)
    row = next(row for row in kept.profile.functions if row.name == "crunch")
    assert row.total_s > 0.1 and {w.worker for w in kept.profile.workers} <= {"threads-1", "threads-2"}
    assert kept.profile.longest[0].argument.startswith("x=")


def test_it_can_be_measured_on_after_it_was_read(store):
    run = swept(store, [1.0, 2.0])
    read = profile_of(packed_profile(run.profile))
    before = sum(usage.n_samples for usage in read.workers.values())
    read.join(run.profile)
    assert sum(usage.n_samples for usage in read.workers.values()) == 2 * before > 0
    assert len(read.tree) == len(run.profile.tree), "the same functions are the same nodes"


def test_reports_and_exports_of_an_older_run_have_it(store, tmp_path):
    swept(store, [1.0, 2.0])
    kept = loaded(store.file, find(store.file, "slow"))
    assert (
        "crunch" in kept.report(tmp_path / "report.html").read_text()
        and "pathos-nb-profile" in (tmp_path / "report.html").read_text()
    )
    kept.profile.export(tmp_path / "p.folded")
    kept.profile.export(tmp_path / "trace.json")
    assert "crunch" in (tmp_path / "p.folded").read_text() and '"x=1"' in (tmp_path / "trace.json").read_text()


def test_it_is_written_while_the_run_goes_on(store, monkeypatch):
    monkeypatch.setattr(kept_profile, "_EVERY_S", 0.0)
    seen: list[int] = []
    write = kept_profile.ProfileWriter.write

    def writes(self, connection: sqlite3.Connection, row: int, places: object, is_last: bool) -> None:
        write(self, connection, row, places, is_last)
        n = connection.execute("SELECT count(*) FROM profiles").fetchone()[0]
        seen.append(n if not is_last else 0)

    monkeypatch.setattr(kept_profile.ProfileWriter, "write", writes)
    swept(store, [float(x) for x in range(12)])
    assert 1 in seen, "a kernel that is killed leaves what came by then"


def test_what_goes_on_and_what_runs_again_is_part_of_it(store):
    swept(store, [1.0, -2.0, 3.0])
    first = read_profile(store.file, listed(store.file)[-1].run)
    n_items = sum(usage.n_items for usage in first.workers.values())
    with store.file.writing() as connection:
        connection.execute("UPDATE runs SET state = 'cancelled'")
        connection.execute("DELETE FROM points WHERE state = 2")
    found = plan(store, Sweep(crunch, function_key(crunch), ("x",), [(1.0,), (-2.0,), (3.0,)], "slow"))
    assert sum(usage.n_items for usage in found.earlier_profile.workers.values()) == n_items == 3
    found = Plan(store, found.sweep, found.first, places=[1])
    registry.observers.append(found.attach)
    try:
        with Pool("threads", nodes=1) as pool:
            pool.start(crunch, [(-2.0,)], star=True, profile=500, on_error="keep").wait()
            store.writer.flush()
    finally:
        registry.observers.remove(found.attach)
    (row,) = profiled_runs(store.file)
    again = read_profile(store.file, row)
    assert sum(usage.n_items for usage in again.workers.values()) == 4
    assert {point.index for point in again.longest} <= {0, 1, 2}


def test_a_run_without_one_has_none_and_a_damaged_one_harms_nothing(store):
    swept(store, [1.0], profile=None)
    assert profiled_runs(store.file) == [] and loaded(store.file, listed(store.file)[-1]).run.profile is None
    swept(store, [1.0], "fresh")
    with store.file.writing() as connection:
        connection.execute("UPDATE profiles SET profile = ?", (b"damaged",))
    results = loaded(store.file, listed(store.file)[-1])
    assert results.values() == [1.0] and results.run.profile is None


def test_the_points_of_one_worker_or_host_are_its_own(store):
    swept(store, [float(x) for x in range(8)])
    whole = loaded(store.file, find(store.file, "slow")).profile
    names = {point.worker for point in whole.longest}
    assert names and sum(len(whole.of(name).longest) for name in names) == len(whole.longest)
    for name in names:
        one = whole.of(name)
        assert {point.worker for point in (*one.longest, *one.heaviest)} == {name}
    (host,) = {usage.host for usage in whole.workers}
    assert len(whole.of(host=host).longest) == len(whole.longest)


def test_forgotten_runs_leave_no_profile(store):
    swept(store, [1.0])
    assert store.prune(is_all=True)[0] == 1
    with store.file.reading() as connection:
        assert connection.execute("SELECT count(*) FROM profiles").fetchone() == (0,)
