"""What a pool may ask Slurm for: by keywords and by the words of a cell, checked before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pathos_nb import Pool
from pathos_nb.detached.slurm import _tasks
from pathos_nb.errors import AllocationLost, BadOption
from pathos_nb.launchers.slurm import SlurmLauncher
from pathos_nb.launchers.slurm_commands import COMMANDS, is_hopeless, reason_of
from pathos_nb.launchers.slurm_settings import read_settings


def test_settings_become_the_words_of_salloc():
    given = {
        "cpus": "4",
        "time": 90,
        "memory": "8gb",
        "partition": "long",
        "account": 12,
        "arguments": "--exclusive -H",
    }
    words = ["--cpus-per-task=4", "--time=90", "--mem=8G", "--partition=long", "--account=12", "--exclusive", "-H"]
    assert read_settings(given).words() == words
    assert read_settings({}).words() == []


WRONG = [
    ({"cpus": 0}, "cpus is 0; it must be a whole number"),
    ({"cpus": True}, "cpus is True"),
    ({"time": "soon"}, "time is 'soon'; as Slurm writes it"),
    ({"memory": "much"}, "memory is 'much'"),
    ({"partition": "a b"}, "partition is 'a b'; it must be one word"),
    ({"together": "perhaps"}, "together is 'perhaps'"),
    ({"start_within": -1}, "start_within is -1"),
    ({"start_within": "x"}, "start_within is 'x'"),
    ({"arguments": ["--nodes=3"]}, "arguments has '--nodes=3' in it; say nodes="),
    ({"arguments": "--array=1-3"}, "say %%pmap --detach"),
    ({"job": "mine"}, "job is 'mine'; it must be the number of a job"),
    ({"job": 12, "cpus": 2}, "job=12 runs already: cpus= cannot change it"),
]


@pytest.mark.parametrize(("given", "words"), WRONG)
def test_what_makes_no_sense_is_refused_in_one_line(given, words):
    with pytest.raises(BadOption, match=words) as caught:
        SlurmLauncher.configured(**given)
    assert "\n" not in str(caught.value)


SAID = {
    "salloc: error: invalid partition specified: x\nsalloc: error: Job submit/allocate failed: Invalid partition": (
        "invalid partition specified: x; Job submit/allocate failed: Invalid partition"
    ),
    "salloc: Pending job allocation 3\nsalloc: error: Job aborted": "Job aborted",
    "salloc: unrecognized option '--bogus'\nTry \"salloc --help\" for more": 'Try "salloc --help" for more',
    "": "",
}


@pytest.mark.parametrize("said", SAID)
def test_what_a_command_complained_of_is_found_in_what_it_said(said):
    assert reason_of(said) == SAID[said]


NEVER = """PartitionConfig PartitionTimeLimit PartitionNodeLimit MaxMemPerLimit BadConstraints AccountNotAllowed
    InvalidAccount InvalidQOS QOSNotAllowed DependencyNeverSatisfied ReservationDeleted AssocMaxCpuPerJobLimit
    AssocMaxWallDurationPerJobLimit QOSMaxNodePerJobLimit QOSMaxMemoryPerNode QOSMinCpuNotSatisfied"""
SOON = """Resources Priority Dependency BeginTime JobHeldUser JobHeldAdmin PartitionDown PartitionInactive NodeDown
    Reservation Licenses QOSMaxCpuPerUserLimit QOSGrpCpuLimit AssocGrpCpuLimit AssocMaxJobsLimit None"""


def test_what_no_waiting_changes_is_told_from_what_goes_by_itself():
    told = "Job's account not known, so it can't use this partition (paid allows friends)"
    assert [reason for reason in (*NEVER.split(), told) if not is_hopeless(reason)] == []
    told = "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions"
    passing = (*SOON.split(), told, "ReqNodeNotAvail, UnavailableNodes:n2", "")
    assert [reason for reason in passing if is_hopeless(reason)] == []
    tasks = "JobId=7 ArrayJobId=7 ArrayTaskId=0-1 JobState=PENDING Reason=PartitionTimeLimit NodeList=(null)"
    assert {task.reason for _, task in _tasks(tasks)} == {
        "PartitionTimeLimit, which waiting does not change: cancel it, and ask for what the partition has"
    }


@pytest.fixture
def fake_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put commands that do nothing in place of Slurm's: for what a site with accounts would say."""
    (tmp_path / "slurm.conf").touch()
    for name in COMMANDS:
        (tmp_path / name).write_text("#!/bin/sh\nexit 0\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    return tmp_path


COMPLAINTS = {
    "salloc: error: Job submit/allocate failed: Invalid account or account/partition combination specified": (
        "Invalid account.*sacctmgr show associations"
    ),
    "salloc: error: Job submit/allocate failed: Unable to contact slurm controller (connect failure)": (
        "Unable to contact.*see whether squeue answers"
    ),
    "salloc: Pending job allocation 77\nsalloc: error: Job allocation 77 has been revoked": (
        "the job 77 has left the queue before it began; Job allocation 77 has been revoked"
    ),
}


@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_what_a_site_says_comes_with_what_to_do(fake_slurm, complaint):
    (fake_slurm / "salloc").write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{complaint}\nEND\nexit 1\n")
    with pytest.raises(AllocationLost, match=COMPLAINTS[complaint]):
        Pool("slurm", account="nobody")


def test_a_salloc_that_says_nothing_is_no_hang(fake_slurm):
    with pytest.raises(AllocationLost, match="Slurm refuses the job; salloc said nothing"):
        Pool("slurm")
