"""Programs with fixed names are found by pox: no shell is started, and no name that a user typed gets there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pox
import pytest

from pathos_nb import programs
from pathos_nb.programs import NAMES, program
from pathos_nb.secure.names import parse
from pathos_nb.secure.openssh import OpenSsh

posix = pytest.mark.skipif(sys.platform == "win32", reason="pox knows no endings of Windows")


def placed(folder: Path, name: str, mode: int = 0o755) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(mode)
    return folder / name


@pytest.fixture
def no_process(monkeypatch):
    """Let nobody start a process."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(subprocess.Popen, "__del__", lambda _: None)


@posix
def test_it_is_pox_that_looks_and_it_starts_nothing(tmp_path, monkeypatch, no_process):
    asked: list[tuple[str, str]] = []
    look = pox.where
    monkeypatch.setattr(pox, "where", lambda name, folder: (asked.append((name, folder)), look(name, folder))[1])
    ssh = placed(tmp_path / "b", "ssh")
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, (tmp_path / "a", tmp_path / "b"))))
    assert program("ssh") == str(ssh)
    assert asked == [("ssh", str(tmp_path / "a")), ("ssh", str(tmp_path / "b"))]


@posix
def test_what_cannot_be_run_is_passed_over(tmp_path):
    placed(tmp_path / "a", "srun", 0o644)
    (tmp_path / "b" / "srun").mkdir(parents=True)
    srun = placed(tmp_path / "c", "srun")
    folders = [str(tmp_path / name) for name in "abc"]
    assert program("srun", os.pathsep.join(["", *folders])) == str(srun)
    assert program("srun", os.pathsep.join(folders[:2])) is None


@posix
def test_an_empty_folder_of_the_path_is_not_the_current_one(tmp_path, monkeypatch):
    placed(tmp_path, "mpiexec")
    monkeypatch.chdir(tmp_path)
    assert program("mpiexec", os.pathsep) is None


@posix
@pytest.mark.parametrize("name", sorted(NAMES))
def test_it_finds_what_the_system_finds(name):
    path = os.pathsep.join(filter(None, os.environ.get("PATH", "").split(os.pathsep)))
    assert program(name) == shutil.which(name, path=path)


@pytest.mark.parametrize("name", ["a;rm", "$(id)", "-v", "python3", "", "../ssh"])
def test_a_name_that_is_not_ours_gets_nowhere(name, no_process):
    with pytest.raises(ValueError, match="none of the programs"):
        program(name)


def test_where_there_is_no_pox_the_program_is_found_all_the_same(tmp_path, monkeypatch):
    ssh = placed(tmp_path, "ssh")
    monkeypatch.setattr(programs, "_where", lambda: None)
    assert program("ssh", str(tmp_path)) == str(ssh)


@posix
def test_the_systems_ssh_is_found_so(tmp_path, monkeypatch):
    ssh = placed(tmp_path, "ssh")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert OpenSsh(parse("node7")).arguments()[0] == str(ssh)
