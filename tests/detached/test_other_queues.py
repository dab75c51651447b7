"""PBS, Torque, LSF and Grid Engine through PSI/J; their commands are fakes on PATH, PSI/J and the runner are real."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from pathos_nb import Failure, attach, detach
from pathos_nb.detached.psij_queue import PbsQueue, _flags, seconds_of
from pathos_nb.detached.watching import Patience
from pathos_nb.errors import BadOption, QueueError
from pathos_nb.session import close_session, current_session
from tests.detached.calls import tenfold
from tests.rig import fake_batch
from tests.rig.bed import wait_until

pytestmark = [
    pytest.mark.timeout(240),  # several waits, each with an end of its own
    pytest.mark.leaves("threads"),  # ended with the session, after the census
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the fake looks for processes in /proc"),
]
QUICK = Patience(0.02, 0.1, 0.3, 1.0, 5.0)
WAIT_S = 50.0


@pytest.fixture
def store(tmp_path):
    if find_spec("psij") is None:  # it is not imported here: from then on it hears of the end of each child
        pytest.skip('psij-python not installed: pip install "pathos_nb[queues]"')
    current_session().detached.patience = QUICK
    yield tmp_path / "store.sqlite"
    close_session()


@pytest.fixture
def batch(tmp_path, monkeypatch):
    """Give what puts the commands of a batch system on PATH."""

    def put(kind: str) -> Path:
        folder = tmp_path / kind
        monkeypatch.setenv("PATH", f"{fake_batch.install(folder, kind)}{os.pathsep}{os.environ['PATH']}")
        return folder

    return put


@pytest.fixture
def everywhere(request):
    """Skip the test but where all is tried: it finds the same as another one, elsewhere."""
    if not request.config.getoption("--everywhere"):
        pytest.skip("as another test, elsewhere: --everywhere runs it")


def jobs(folder: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("job-*"))]


@pytest.mark.parametrize("kind", ["pbs", "torque", "lsf", "sge"])
def test_a_sweep_goes_through_each_kind_of_queue(store, batch, monkeypatch, request, kind):
    if kind in ("torque", "lsf"):
        request.getfixturevalue("everywhere")
    folder = batch(kind)
    monkeypatch.setenv("MY_TOKEN", "hush")
    asked = {"time": "2:00:00", "partition": "long", "account": "me", "cpus": 2, "memory": "1G", "workers": 1}
    fits = detach(tenfold, range(4), store=store, on=kind, title="fits", per_task=2, **asked)
    assert fits.run.wait(WAIT_S)
    assert list(fits) == [0, 10, 20, 30]
    first, second = jobs(folder)
    assert "hush" not in json.dumps(first) + json.dumps(second)
    assert "long" in first["script"]
    assert "me" in first["script"]


def test_an_interrupted_submission_is_found_by_what_was_written_down(everywhere, store, batch):
    folder = batch("pbs")
    fits = detach(tenfold, range(2), store=store, on="pbs", title="fits", time="10:00")
    current_session().detached.leave()
    kept = current_session().stores.opened[0].file
    with kept.writing() as connection:  # as a kernel leaves it that is killed meanwhile
        connection.execute("UPDATE jobs SET id = '', state = 'submitting'")
    again = attach("fits", store)
    assert again.run.wait(WAIT_S)
    assert list(again) == [0, 10]
    assert len(jobs(folder)) == 2
    assert fits.run_id == again.run_id


def test_tasks_that_the_queue_does_not_take_are_told_and_the_others_run(store, batch):
    folder = batch("pbs")
    folder.joinpath("most").write_text("1")
    fits = detach(tenfold, range(2), store=store, on="pbs", title="fits", time="10:00")
    assert fits.run.wait(WAIT_S)
    assert fits[0] == 0
    assert isinstance(fits[1], Failure)
    assert fits[1].error.how == "not submitted"
    folder.joinpath("most").write_text("9")
    again = detach(tenfold, range(2), store=store, on="pbs", title="fits", time="10:00")
    assert again.run.wait(WAIT_S)
    assert list(again) == [0, 10]
    assert len(jobs(folder)) == 2


def test_a_queue_that_takes_nothing_says_why(store, batch):
    batch("pbs").joinpath("most").write_text("0")
    with pytest.raises(QueueError, match="per-user limit"):
        detach(tenfold, range(2), store=store, on="pbs", time="10:00")


def test_cancelling_ends_the_jobs(store, batch):
    folder = batch("lsf")

    def point(x):
        import time

        time.sleep(600 * x)
        return 10

    fits = detach(point, range(2), store=store, on="lsf", title="fits", time="10:00", per_task=2)
    assert wait_until(lambda: fits.run.n_done == 1, WAIT_S)
    fits.run.cancel()
    assert fits.run.wait(WAIT_S)
    assert fits.run.state == "cancelled"
    assert wait_until(lambda: not any(fake_batch.alive(job["pid"]) for job in jobs(folder)), WAIT_S)


@pytest.mark.parametrize(("settings", "told"), [({}, "say time="), ({"time": "1:00", "gres": "gpu"}, "not told gres")])
def test_what_such_a_queue_is_not_told(store, batch, settings, told):
    batch("pbs")
    with pytest.raises(BadOption, match=told):
        detach(tenfold, range(2), store=store, on="pbs", **settings)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 1800), ("10:00", 600), ("2:00:00", 7200), ("1-12", 129600), ("1-12:30", 131400), ("1-12:00:05", 129605)],
)
def test_times_are_read_as_slurm_writes_them(text, seconds):
    assert seconds_of(text) == seconds


def test_words_for_the_queues_own_command_become_attributes():
    assert _flags("-l scratch=1gb -h -m 'a b'") == {"l": "scratch=1gb", "h": "", "m": "a b"}


def test_without_psij_or_the_queues_commands_it_says_what_is_missing(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "qsub is not on the path" in PbsQueue().availability() or "psij-python" in PbsQueue().availability()
