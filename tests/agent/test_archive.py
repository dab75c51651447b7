"""What a host is sent, and how it is kept there."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from pathos_nb import Pool
from pathos_nb.launchers.agent_archive import archive, pack_files
from pathos_nb.launchers.agent_birth import converse, new_key
from pathos_nb.launchers.agent_boot import boot_command
from tests.rig import agents

pytestmark = pytest.mark.timeout(120)


def test_the_archive_is_the_same_whoever_makes_it():
    code = "from pathos_nb.launchers.agent_archive import archive; import sys; sys.stdout.write(archive().digest)"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert made.stdout == archive().digest == hashlib.sha256(archive().data).hexdigest()
    assert pack_files({"a.py": b"1", "b.py": b"2"}.items()) == pack_files({"b.py": b"2", "a.py": b"1"}.items())


def test_it_has_all_that_a_worker_needs_and_source_only():
    names = zipfile.ZipFile(io.BytesIO(archive().data)).namelist()
    for needed in ("pathos_nb/launchers/agent_far.py", "cloudpickle/cloudpickle.py", "dill/_dill.py"):
        assert needed in names
    assert all(name.endswith(".py") for name in names)
    assert not any(name.startswith("pathos_nb/notebook/") for name in names)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home whose cache is empty; the agent of the test uses it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pathos_nb"


def answer() -> int:
    with Pool("agent", nodes=1) as pool:
        return int(pool.pipe(abs, -42))


def kept(home: Path) -> Path:
    return home / f"{archive().digest}.zip"


def test_it_is_kept_for_the_next_time_and_for_nobody_else(home: Path):
    assert answer() == 42
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE(kept(home).stat().st_mode) == 0o600
    assert os.listdir(home) == [kept(home).name]
    os.utime(kept(home), (0, 0))
    first = kept(home).stat().st_ino
    assert answer() == 42
    assert kept(home).stat().st_ino == first
    assert kept(home).stat().st_mtime > 0, "its time is that of its last use"


def test_of_old_ones_the_cache_keeps_no_more_than_make_it_four(home: Path):
    home.mkdir(parents=True, mode=0o700)
    (home / "notes.txt").write_text("somebody else's")
    days = {"a" * 64 + ".zip": 0.5, "b" * 64 + ".zip": 2, "c" * 64 + ".zip": 3, "d" * 64 + ".zip.77": 4, "e" * 64: 9}
    days |= {"f" * 64 + ".zip": 5, "0" * 64 + ".zip": 0.6, "1" * 64 + ".zip": 0.7, "2" * 64 + ".zip": 0.8}
    for name, age in days.items():
        (home / name).write_bytes(b"old")
        os.utime(home / name, (time.time() - age * 86400,) * 2)
    assert answer() == 42 and answer() == 42
    young = {name for name, age in days.items() if age < 1}
    assert set(os.listdir(home)) == {kept(home).name, "notes.txt", "e" * 64, *young}


@pytest.mark.parametrize("content", [b"", b"half of it", b"\0" * 300_000], ids=["empty", "half", "other"])
def test_a_damaged_one_is_replaced(home: Path, content: bytes):
    home.mkdir(parents=True, mode=0o700)
    kept(home).write_bytes(content)
    assert answer() == 42
    assert hashlib.sha256(kept(home).read_bytes()).hexdigest() == archive().digest


def test_an_open_folder_is_closed_to_others(home: Path):
    home.mkdir(parents=True)
    home.chmod(0o777)
    assert answer() == 42
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_where_it_cannot_be_kept_it_runs_from_memory(home: Path):
    home.parent.write_text("a file where the folder should be")
    assert answer() == 42
    assert home.parent.read_text() == "a file where the folder should be"


def test_on_a_full_disk_it_runs_from_memory(home: Path):
    command = boot_command(sys.executable)
    command[3] = command[3].replace("def keep(data, path):", "def keep(data, path):\n    raise OSError(28, 'no space')")
    link = agents.LocalCarrier(command)
    try:
        hello = converse(link, archive(), new_key(), {"n": 1, "beat": 2.0, "orphan": 30.0}, time.monotonic() + 60)
        assert "no space" in hello.kept
        assert hello.python == tuple(sys.version_info[:3])
    finally:
        link.close()
    assert not kept(home).exists()
