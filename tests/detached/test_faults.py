"""What goes wrong with a sweep in a queue, and what is then expected; Slurm is a fake on PATH, the runner is real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pathos_nb import Failure, attach, detach
from pathos_nb.detached import looking, runner
from pathos_nb.detached.jobs import jobs_of
from pathos_nb.detached.order import Folder
from pathos_nb.detached.sweeps import Detached
from pathos_nb.detached.watching import Patience
from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.store.found import listed
from pathos_nb.dispatch.store.store import Store
from pathos_nb.errors import BadOption, NotYet, QueueError, TaskEnded
from pathos_nb.session import close_session, current_session
from tests.rig import fake_slurm
from tests.rig.bed import ROOT, wait_until

pytestmark = [
    pytest.mark.timeout(240),  # several waits, each with an end of its own
    pytest.mark.leaves("threads"),  # ended with the session, after the census
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the fake looks for processes in /proc"),
]
QUICK = Patience(0.02, 0.1, 0.05, 0.2, 5.0)
WAIT_S = 50.0


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Give the folder of a Slurm that is a fake."""
    folder = tmp_path / "slurm"
    monkeypatch.setenv("PATH", f"{fake_slurm.install(folder)}{os.pathsep}{os.environ['PATH']}")
    current_session().detached.patience = QUICK
    yield folder
    close_session()


@pytest.fixture
def store(slurm, tmp_path):
    return tmp_path / "store.sqlite"


def values(results: Results) -> list[object]:
    return [None if isinstance(value, Failure) else value for value in results]


def hows(results: Results) -> set[str]:
    errors = [failure.error for failure in results.run.failures.values()]
    assert all(isinstance(error, TaskEnded) for error in errors), errors
    return {error.how for error in errors}


def elsewhere(tmp_path: Path, store: Path, code: str, *, ends: int = 0) -> None:
    """Submit in a process of its own, in which ``point`` is a function."""
    script = tmp_path / "script.py"
    head = "from pathos_nb import detach\n\ndef point(x):\n    return 10 * x\n\n"
    script.write_text(head + textwrap.dedent(code).replace("STORE", repr(str(store))))
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script], env=environ, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == ends, done.stderr


def ran(slurm: Path) -> list[dict]:
    """Give what was submitted."""
    return [json.loads(path.read_text()) for path in sorted(slurm.glob("job-*"))]


SUBMIT = "detach(point, range(4), store=STORE, title='fits', per_task=2)"


def test_a_kernel_that_is_killed_before_the_queue_has_the_job_leaves_a_record_that_says_so(
    slurm, store, tmp_path, monkeypatch
):
    (slurm / "mode").write_text("kill-before")
    elsewhere(tmp_path, store, SUBMIT, ends=-9)
    assert ran(slurm) == []
    monkeypatch.setattr(looking, "_UNHEARD_S", 0.0)
    fits = attach("fits", store)
    assert fits.run.wait(WAIT_S)
    assert hows(fits) == {"not submitted"}
    folder = Folder(next(store.with_name("store.sqlite.detached").iterdir()))
    assert folder.void(1).exists()  # should the queue have it after all, it ends at once
    (slurm / "mode").write_text("run")
    elsewhere(tmp_path, store, SUBMIT + ".wait()")
    assert values(attach("fits", store)) == [0, 10, 20, 30]
    assert len(ran(slurm)) == 1


def test_a_kernel_that_is_killed_when_the_queue_has_the_job_has_it_found_by_its_name(slurm, store, tmp_path):
    (slurm / "mode").write_text("kill-after")
    elsewhere(tmp_path, store, SUBMIT, ends=-9)
    file = Store(store)
    (job,) = jobs_of(file.file, listed(file.file)[0].run)
    file.close()
    assert (job.id, job.state) == ("", "submitting")
    fits = attach("fits", store)
    assert fits.run.wait(WAIT_S)
    assert values(fits) == [0, 10, 20, 30]
    elsewhere(tmp_path, store, f"assert list({SUBMIT}) == [0, 10, 20, 30]")
    assert len(ran(slurm)) == 1  # the same again takes what is there


def times(factor: int):
    def point(x):
        return factor * x

    return point


def submitted(store: Path, *, fresh: bool = False, n: int = 4, factor: int = 10, **settings) -> None:
    """Submit, and look after it no longer."""
    detach(times(factor), range(n), store=store, title="fits", fresh=fresh, **settings)
    current_session().detached.leave()


def test_a_cell_that_is_run_again_finds_its_job_and_another_body_is_another_sweep(slurm, store):
    (slurm / "mode").write_text("hold")
    submitted(store)
    submitted(store)
    assert len(ran(slurm)) == 1
    submitted(store, factor=11)
    submitted(store, n=5)
    submitted(store, fresh=True)
    assert len({job["name"] for job in ran(slurm)}) == 4


def test_a_sweep_that_is_in_the_queue_by_another_name_says_so_and_what_is_to_come_is_told_as_that(slurm, store):
    (slurm / "mode").write_text("hold")
    detach(abs, range(3), store=store, title="one")
    with pytest.warns(UserWarning, match="one is this very sweep, and is called two from now on"):
        again = detach(abs, range(3), store=store, title="two")
    assert all(isinstance(value.error, NotYet) for value in again)
    assert detach(abs, range(2), store=store, title="three").run.title == "three", "nothing is waited for"
    [kept] = current_session().stores.opened
    assert kept.writer.flush(WAIT_S)
    again.run.cancel()
    assert again.run.wait(WAIT_S)
    assert not any(isinstance(value.error, NotYet) for value in again)


def test_a_task_that_is_gone_without_a_trace_is_told_so(slurm, store, tmp_path):
    begun = tmp_path / "begun"

    def point(x):
        import os
        import signal
        import time

        if x:
            begun.touch()
            os.kill(os.getppid(), signal.SIGSTOP)  # nothing starts it anew
            time.sleep(600)
        return 10

    fits = detach(point, range(2), store=store, title="fits", per_task=2)
    assert wait_until(lambda: fits.run.n_done == 1 and begun.exists(), WAIT_S)
    (slurm / "forgotten").touch()
    for pid in ran(slurm)[0]["pids"].values():
        os.killpg(pid, 9)
    for chunk in fits.run.chunks:
        _kill_with_its_zygote(chunk.pid)
    assert fits.run.wait(WAIT_S)
    assert values(fits) == [10, None]
    assert hows(fits) == {"gone"}


def _kill_with_its_zygote(pid: int) -> None:
    zygote = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    for each in (zygote, pid):
        if each > 1:  # it may have been given to the system's first process meanwhile
            os.kill(each, 9)


def test_a_damaged_result_file_costs_its_points_and_no_others(slurm, store):
    submitted(store, per_task=2)
    folder = Folder(next(store.with_name("store.sqlite.detached").iterdir()))
    assert wait_until(lambda: [said[-1]["how"] for said in folder.said(1).values()] == ["done", "done"], WAIT_S)
    bad = folder.results / folder.listed(folder.results, "1.1.")[0]
    bad.write_bytes(bad.read_bytes()[:-1])
    current_session().detached.patience = QUICK._replace(late_s=0.3)
    fits = attach("fits", store)
    assert fits.run.wait(WAIT_S)
    assert [values(fits)[0], values(fits)[2]] == [0, 20]
    assert "damaged" in str(next(iter(fits.run.failures.values())).error)
    again = detach(times(10), range(4), store=store, title="fits")
    assert again.run.wait(WAIT_S)
    assert values(again) == [0, 10, 20, 30]


def test_two_kernels_collect_at_once_and_each_has_all_of_it(slurm, store):
    submitted(store, n=40, per_task=20)
    other, kept = Detached(QUICK), Store(store)
    try:
        first = attach("fits", store)
        run, plan = other.attach(kept, listed(kept.file)[-1])
        second = Results(run, plan.sweep.names, plan.sweep.rows)
        assert first.run.wait(WAIT_S)
        assert run.wait(WAIT_S)
        assert values(first) == values(second) == [10 * x for x in range(40)]
    finally:
        other.leave()
        kept.close()
    close_session()
    assert values(attach("fits", store)) == [10 * x for x in range(40)]


def test_modules_are_those_of_the_moment_when_the_sweep_was_submitted(slurm, store, tmp_path, monkeypatch):
    (tmp_path / "mine_for_now.py").write_text("factor = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    (slurm / "mode").write_text("hold")

    def point(x):
        import mine_for_now

        return mine_for_now.factor * x

    fits = detach(point, range(3), store=store, title="fits", per_task=3)
    (tmp_path / "mine_for_now.py").write_text("factor = 1000\n")
    job = ran(slurm)[0]
    environ = {**job["environ"], "SLURM_ARRAY_TASK_ID": "0"}
    subprocess.run(["sh", job["script"]], env=environ, cwd=tmp_path, timeout=60, check=True)
    assert wait_until(lambda: fits.run.n_done == 3, WAIT_S)
    assert values(fits) == [0, 3, 6]


def test_cancelling_ends_the_job_and_keeps_what_is_finished(slurm, store):
    def point(x):
        import time

        time.sleep(600 * x)
        return 10

    fits = detach(point, range(2), store=store, title="fits", per_task=2)
    assert wait_until(lambda: fits.run.n_done == 1, WAIT_S)
    fits.run.cancel()
    assert fits.run.wait(WAIT_S)
    assert fits.run.state == "cancelled"
    assert values(fits) == [10, None]
    assert values(attach("fits", store)) == [10, None]


def test_a_queue_that_does_not_answer_is_not_asked_twice(slurm, store, monkeypatch):
    (slurm / "mode").write_text("hang")
    from pathos_nb.detached import slurm as commands

    monkeypatch.setattr(commands, "_SUBMIT_S", 0.3)
    fits = detach(abs, range(2), store=store, title="fits")
    assert not fits.run.is_over
    assert jobs_of(current_session().stores.opened[0].file, 1)[0].state == "submitting"
    assert wait_until(lambda: "being submitted" in current_session().detached.said(fits.run_id), WAIT_S)


def test_nothing_of_the_users_is_in_the_jobs_name_or_words(slurm, store, monkeypatch):
    monkeypatch.setenv("MY_PASSWORD", "hush")
    (slurm / "mode").write_text("hold")
    detach(abs, ["private"], store=store, title="secret plan")
    (job,) = ran(slurm)
    assert "hush" not in json.dumps(job)
    told = job["words"][:-1]
    assert not [word for word in told if "secret plan" in word or "private" in word]


@pytest.mark.parametrize("settings", [{"tiem": 3}, {"time": "soon"}])
def test_bad_settings_are_told_before_anything_is_written(slurm, store, settings):
    with pytest.raises(BadOption, match="tiem|time is"):
        detach(abs, [1], store=store, **settings)
    assert ran(slurm) == []


def test_a_folder_that_cannot_be_written_is_told(slurm, store, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(QueueError, match="cannot be written.*folder=PATH"):
        detach(abs, [1], store=store, folder=str(tmp_path / "file" / "below"))
    assert ran(slurm) == []


def test_a_disk_that_is_full_for_a_while_loses_nothing(slurm, store, monkeypatch):
    (slurm / "mode").write_text("hold")
    fits = detach(abs, [-1, -2, -3], store=store, title="fits", per_task=3)
    folder = Folder(next(store.with_name("store.sqlite.detached").iterdir()))
    refusals, put = [28, 28, 122], Folder.put_result

    def refuse(self, name, body):
        if refusals:
            raise OSError(refusals.pop(), "No space left on device")
        put(self, name, body)

    monkeypatch.setattr(Folder, "put_result", refuse)
    monkeypatch.setattr(runner, "_AGAIN_S", 0.01)
    assert fits.run.n_done == 0
    assert _run_here(folder) == 0
    assert wait_until(lambda: fits.run.n_done == 3, WAIT_S)
    assert values(fits) == [1, 2, 3]


def _run_here(folder: Folder) -> int:
    """Run a task in a fork of this process, which keeps what the test has patched."""
    pid = os.fork()
    if not pid:
        try:
            os._exit(runner.Runner(folder, 1, 0).run())
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
