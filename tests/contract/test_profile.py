"""A profiled run tells where its time went, whatever kind of worker it runs on."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.dispatch.profile_report import ProfileReport
from pathos_nb.errors import BadOption, Failure
from tests.contract.calls import same
from tests.contract.spending import NAP_S, SPIN_S, N, in_c, long_or_dead, with_a_thread, work
from tests.rig.census import until

pytestmark = pytest.mark.timeout(60)


def profiled(pool: Any, f: Any, items: Any, **options: Any) -> ProfileReport:
    run = pool.start(f, items, **{"profile": True, **options})
    run.result()
    return ProfileReport(run)


@pytest.fixture(scope="module")
def reports() -> dict[str, ProfileReport]:
    return {}


@pytest.fixture
def report(launcher: str, pool: Any, reports: dict[str, ProfileReport]) -> ProfileReport:
    """The profile of one run, which many tests look at."""
    if launcher not in reports:
        reports[launcher] = profiled(pool, work, range(N))
    return reports[launcher]


def test_it_tells_work_from_rest_and_who_called_whom(report: ProfileReport) -> None:
    rows = {row.name: row for row in report.functions}
    assert rows["work"].total_s > rows["compute"].total_s > 0.4 * N * SPIN_S
    assert rows["rest"].total_s > 0.4 * N * NAP_S
    python, native, waiting, gil, starved = (sum(row.kinds[kind] for row in report.functions) for kind in range(5))
    assert python + native + gil + starved > 0.4 * N * SPIN_S  # a machine that is busy gives it no core at times
    assert waiting + starved > 0.4 * N * NAP_S
    assert not [row.file for row in report.functions if "pathos_nb" in row.file], "frames of the engine are cut"


def test_it_says_what_each_worker_spent_its_time_on(report: ProfileReport) -> None:
    assert sum(usage.n_items for usage in report.workers) == N
    assert sum(usage.run_s for usage in report.workers) >= N * (SPIN_S + NAP_S) * 0.9
    assert sum(usage.cpu_s for usage in report.workers) >= 0.8 * N * SPIN_S
    assert all(usage.peak_bytes > 1e6 and usage.host and usage.pid for usage in report.workers)
    assert report.longest[0].amount >= SPIN_S + NAP_S
    assert {point.index for point in report.longest} <= set(range(N))


def test_calls_are_counted_where_that_is_asked_for(pool: Any) -> None:
    report = profiled(pool, work, range(N), profile="deterministic")
    counted = {row.name: row.n_calls for row in report.functions if row.n_calls}
    assert {"work", "compute", "rest"} <= {row.name.rpartition(".")[2] for row in report.functions}
    if report.notes:  # in threads, since Python 3.12
        assert not counted and sys.version_info >= (3, 12)
    else:
        assert counted["compute"] == counted["rest"] == counted["work"] == N


def test_a_run_that_is_not_profiled_has_no_profile(pool: Any) -> None:
    run = pool.start(same, range(3))
    assert run.result() == [0, 1, 2] and run.profile is None
    with pytest.raises(BadOption, match="was not profiled"):
        ProfileReport(run)


def test_short_items_are_profiled_too(pool: Any) -> None:
    report = profiled(pool, abs, range(3_000))
    assert sum(usage.n_items for usage in report.workers) == 3_000
    assert repr(report) and "pathos-nb-profile" in report._repr_html_()


def test_a_profile_is_pickled_with_what_it_is_of(report: ProfileReport) -> None:
    again = pickle.loads(pickle.dumps(report._profile))
    assert again.own == report._profile.own and again.workers.keys() == report._profile.workers.keys()


@pytest.mark.parametrize("wrong", [0, 5000, "often", 2.5, -1])
def test_a_profile_option_that_makes_no_sense_is_refused(pool: Any, wrong: Any) -> None:
    with pytest.raises(BadOption, match="profile is"):
        pool.start(same, [1], profile=wrong)


def test_what_a_long_item_is_at_is_seen_while_it_runs_and_a_death_keeps_it() -> None:
    with Pool("processes", nodes=1) as pool:
        run = pool.start(long_or_dead, [0], profile=True, retries=0, on_error="keep")
        seen_alive = until(lambda: bool(run.profile.workers) or run.is_over, 30) and not run.is_over
        (value,) = run.result()
        assert isinstance(value, Failure) and seen_alive
        assert {row.name for row in ProfileReport(run).functions} >= {"long_or_dead", "compute"}


def test_time_in_a_c_extension_is_not_pythons() -> None:
    with Pool("processes", nodes=1) as pool:
        report = profiled(pool, in_c, range(2))
    name = "hashlib.pbkdf2_hmac" if sys.version_info >= (3, 11) else "in_c"  # Python 3.10 knows lines only
    row = next(row for row in report.functions if row.name == name)
    python, native, *_ = row.kinds
    assert native > python  # where others want the cores too, it waits for one now and then


def test_threads_that_an_item_starts_are_seen() -> None:
    with Pool("processes", nodes=1) as pool:
        rows = {row.name: row for row in profiled(pool, with_a_thread, [1]).functions}
        assert rows["compute"].total_s > 0.1
