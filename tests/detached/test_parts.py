"""What a detached sweep is made of: files, settings, points dealt out, what Slurm's commands say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pathos_nb.detached import slurm
from pathos_nb.detached.ask import Ask, read_settings
from pathos_nb.detached.files import read_sealed, write_sealed
from pathos_nb.detached.order import Folder, Order, deal
from pathos_nb.detached.parcels import pack, unpack
from pathos_nb.detached.queues import ENDED, QUEUED, RUNNING, Submission, environment
from pathos_nb.errors import BadFile, BadOption, CannotReturn, Failure, StoreError
from pathos_nb.events import ChunkDone


def test_a_file_is_whole_or_told_to_be_damaged(tmp_path):
    path = tmp_path / "points"
    write_sealed(path, b"all of it")
    assert read_sealed(path) == b"all of it"
    assert path.stat().st_mode & 0o777 == 0o600
    for bad in (b"", path.read_bytes()[:-1], path.read_bytes()[:-1] + b"X", b"something else"):
        path.write_bytes(bad)
        with pytest.raises(BadFile, match="damaged"):
            read_sealed(path)


def test_a_file_that_others_can_write_is_not_read(tmp_path):
    path = tmp_path / "points"
    write_sealed(path, b"x")
    path.chmod(0o666)
    with pytest.raises(StoreError, match="others can write"):
        read_sealed(path)


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        write_sealed(tmp_path / "points", b"x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("n_points", "n_tasks"), [(1, 1), (7, 3), (100, 100), (1000, 7)])
def test_points_are_dealt_out_like_cards(n_points, n_tasks):
    hands = deal(range(n_points), n_tasks)
    assert sorted(place for hand in hands for place in hand) == list(range(n_points))
    assert max(map(len, hands)) - min(map(len, hands)) <= 1


def test_how_many_tasks_there_are():
    assert Ask().n_tasks(8) == 8
    assert Ask().n_tasks(1000) == 100
    assert Ask(cpus=4).n_tasks(8) == 2
    assert Ask(per_task=3).n_tasks(8) == 3
    assert Ask(per_task=1).n_tasks(1000) == 1000


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"tiem": "10"}, "did you mean time"),
        ({"time": "soon"}, "it may be 30"),
        ({"memory": "lots"}, "500M or 4G"),
        ({"cpus": 0}, "whole number, 1 or more"),
        ({"per_task": True}, "whole number, 1 or more"),
        ({"requeue": "no"}, "True or False"),
        ({"partition": "a\nrm -rf ~"}, "text of one line"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given, told):
    with pytest.raises(BadOption, match=told):
        read_settings(given)


def test_words_for_the_queues_command_may_be_a_list_as_those_of_a_pool():
    assert read_settings({"arguments": ("--exclusive", "--comment=a b")}).arguments == "--exclusive '--comment=a b'"


def test_settings_become_words_and_nothing_goes_through_a_shell(tmp_path):
    ask = read_settings({"time": 30, "partition": "long; rm x", "memory": "4GB", "cpus": 2, "nodes": 5})
    job = Submission("pathos_nb-d1-1", tmp_path / "job", 10, tmp_path / "100% log" / "1.", ask)
    words = slurm._options(job)
    assert "--array=0-9%5" in words
    assert "--partition=long; rm x" in words
    assert "--mem=4G" in words
    assert f"--output={tmp_path}/100%% log/1.%a" in words


def test_what_slurm_tells_of_an_array(monkeypatch):
    lines = (
        "JobId=9 ArrayJobId=7 ArrayTaskId=3-5,8-12:2%4 JobName=x JobState=PENDING Reason=Resources NodeList=(null) ExitCode=0:0",
        "JobId=7 ArrayJobId=7 ArrayTaskId=0 JobName=x JobState=RUNNING Reason=None NodeList=node1 ExitCode=0:0",
        "JobId=8 ArrayJobId=7 ArrayTaskId=1 JobName=x JobState=TIMEOUT Reason=TimeLimit NodeList=node2 ExitCode=0:15",
    )
    monkeypatch.setattr(slurm, "call", lambda *words, **more: "\n".join(lines))
    told = slurm.SlurmQueue().look("7", "x")
    assert {number for number, task in told.items() if task.state == QUEUED} == {3, 4, 5, 8, 10, 12}
    assert told[3].reason == "Resources"
    assert (told[0].state, told[0].node) == (RUNNING, "node1")
    assert (told[1].state, told[1].word, told[1].exit) == (ENDED, "TIMEOUT", "0:15")


def test_secrets_do_not_go_along(monkeypatch):
    for name in ("GITHUB_TOKEN", "JUPYTERHUB_API_URL", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD"):
        monkeypatch.setenv(name, "hush")
    monkeypatch.setenv("DATA", "/data")
    assert "hush" not in environment().values()
    assert environment()["DATA"] == "/data"


def test_what_the_user_has_set_for_slurm_stays_and_what_a_job_has_set_does_not(monkeypatch):
    seen = []
    monkeypatch.setattr(slurm, "call", lambda words, environ, **more: (seen.append(environ), "17")[1])
    users = {"SBATCH_ACCOUNT": "physics", "SLURM_CONF": "/etc/x", "SLURM_CLUSTERS": "big", "SLURM_CONF_SERVER": "host"}
    others = {"SLURM_JOB_ID": "4", "SLURM_NTASKS": "7", "SBATCH_WAIT": "1", "SLURM_JWT": "hush"}
    for name, text in {**users, **others}.items():
        monkeypatch.setenv(name, text)
    job = Submission("name", Path("script"), 1, Path("log"), Ask())
    assert slurm.SlurmQueue().submit(job) == "17"
    [environ] = seen
    assert users.items() <= environ.items()
    assert not others.keys() & environ.keys()


class Strange:
    """Can be written, and not read."""

    def __reduce__(self):
        return int, ("not a number",)


def test_a_value_that_cannot_be_read_harms_no_other():
    chunk = ChunkDone("r", "task0-1", "node1", 7, (4, 9), 1.0, (2.0, 3.0), 1, (), ((4, "text"),))
    found = unpack(pack([(4, "four"), (9, Strange()), (11, lambda: 3), (12, Failure(12, ValueError("no")))], [chunk]))
    values = found.found()
    assert found.places == {4, 9, 11, 12}
    assert values[4] == "four"
    assert isinstance(values[9].error, CannotReturn)
    assert values[11]() == 3
    assert isinstance(values[12].error, ValueError)
    assert found.record("r")[0]._replace(ends=(2.0, 3.0), indices=(4, 9)) == chunk


def test_a_folder_keeps_what_tasks_say_in_order(tmp_path):
    folder = Folder(tmp_path / "run")
    folder.make()
    folder.put_order(1, Order("fits", 2, seed=[1, 2], path=["/a"]))
    assert folder.order(1) == Order("fits", 2, seed=[1, 2], path=["/a"])
    folder.put_work(1, [[0, 2], [1]], [(10,), (11,), (12,)])
    assert folder.work(1, 0) == ([0, 2], [(10,), (12,)])
    assert folder.places(1) == [[0, 2], [1]]
    for how in ("begun", "stopped", "begun"):
        folder.say(1, 0, how=how)
    folder.say(11, 0, how="another submission's")
    assert [told["how"] for told in folder.said(1)[0]] == ["begun", "stopped", "begun"]
    (folder.tasks / "1.0.002").write_bytes(b"{damaged")
    assert [told["how"] for told in folder.said(1)[0]] == ["begun", "stopped"]
