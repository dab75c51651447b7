"""A profile of workers on a real host, which has nothing but the archive: merged with those of this machine."""

from __future__ import annotations

import pytest

from pathos_nb.dispatch.pool import Pool
from pathos_nb.dispatch.profile_report import ProfileReport
from pathos_nb.joined.host import Plan
from pathos_nb.session import Session
from tests.joined.calls import compute, counted

pytestmark = pytest.mark.timeout(120)


def test_workers_of_a_host_and_of_this_machine_are_one_profile(home):
    session = Session()
    try:
        session.connect(Plan("one", "host1", nodes=1))
        with Pool("one", "threads", nodes=1) as pool:
            run = pool.start(compute, [0.1] * 6, profile=True)
            run.result()
            report = ProfileReport(run)
            assert len(report.hosts) == 2 and {"host1"} <= {usage.host for usage in report.hosts}
            assert all("compute" in {row.name for row in report.of(host=u.host).functions} for u in report.hosts)
            (mine,) = {row.where for row in report.functions if row.name == "compute"}
            assert mine.endswith(f"joined/calls.py:{compute.__code__.co_firstlineno}"), (
                "the same function is one, wherever its file lies"
            )
            assert all(0 <= usage.transfer_s < 60 for usage in report.workers), "stamps are by this machine's clock"
        assert session.pool(("one",)).map(counted, [0.01]) > [1], "pathos' own names work there too"
    finally:
        session.close()
