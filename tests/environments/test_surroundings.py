"""No numpy, no fork, no locale, no home, no shared memory, few descriptors: it works, or says in a word why not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.rig.census import MARK, describe, marked, until
from tests.rig.kernels import ROOT

pytestmark = pytest.mark.timeout(180)

_NOT_HERE = "raise ImportError('it is not installed')\n"
_ENOUGH = {"PATH", "LANG", "XDG_DATA_HOME", "PATHOS_NB_TEST_RUN"}


def day(folder: Path, asked: str, *wrap: str, **environ: str | None) -> str:
    """Do a day's work in some surroundings, and give what it said; nothing may be left of it."""
    mark = uuid.uuid4().hex
    known = {name: value for name, value in os.environ.items() if name in _ENOUGH}
    told = {**known, "HOME": str(folder), "PYTHONPATH": str(ROOT), MARK: mark, **environ}
    words = [*wrap, sys.executable, "-W", "error", "-m", "tests.environments.day", asked]
    given = {name: value for name, value in told.items() if value is not None}
    done = subprocess.run(
        words, cwd=folder, env=given, capture_output=True, stdin=subprocess.DEVNULL, timeout=150, check=False
    )
    said = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, said[-2000:] + done.stderr.decode("utf-8", "replace")[-4000:]
    assert said.endswith("all is well\n"), said[-2000:]
    until(lambda: not marked(mark), 30)
    assert describe(marked(mark)) == []
    return said


def mounted(line: str) -> tuple[str, ...]:
    """Give the words that run a command where a file system is mounted by a line of a shell; skip where none may be."""
    if not shutil.which("unshare"):
        pytest.skip("unshare(1) is not here")
    words = ("unshare", "-m", "sh", "-c", f'{line} && exec "$0" "$@"')
    tried = subprocess.run([*words, "true"], capture_output=True, timeout=20, check=False)
    if tried.returncode:
        pytest.skip(f"no file system may be mounted here: {tried.stderr.decode().strip()}")
    return words


@pytest.fixture
def on_sundays(request: pytest.FixtureRequest) -> None:
    """Skip what other tests try as well, in parts."""
    if not request.config.getoption("--everywhere"):
        pytest.skip("its parts are tried elsewhere: --everywhere runs it")


def test_without_numpy_and_pandas(tmp_path):
    for name in ("numpy", "pandas"):
        (tmp_path / "none" / name).mkdir(parents=True)
        (tmp_path / "none" / name / "__init__.py").write_text(_NOT_HERE)
    assert "cannot" not in day(tmp_path, "", PYTHONPATH=f"{tmp_path / 'none'}:{ROOT}")


def test_without_fork_threads_remain_and_processes_say_why(tmp_path):
    assert "the launcher 'processes' cannot run here; this system cannot fork\n" in day(tmp_path, "no fork")


def test_where_the_locale_is_not_utf_8(tmp_path):
    folder = tmp_path / "näher"
    folder.mkdir()
    day(folder, "", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", LC_ALL="C", LANG="C")


def test_where_output_is_latin(tmp_path, on_sundays):
    day(tmp_path, "", PYTHONIOENCODING="latin-1", PYTHONUTF8="0")


def test_with_a_home_folder_that_cannot_be_written(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    wrap = mounted(f'mount -t tmpfs -o ro none "{home}"')
    day(tmp_path, "", *wrap, HOME=str(home), XDG_DATA_HOME=None, IPYTHONDIR=str(tmp_path / "ipython"))


def test_without_a_home_folder_and_without_a_folder_for_temporary_files(tmp_path):
    day(tmp_path, "", HOME="/nonexistent", XDG_DATA_HOME=None, IPYTHONDIR=str(tmp_path), TMPDIR="/nonexistent")


def test_without_shared_memory(tmp_path):
    nodes = "for n in null zero full random urandom tty; do touch $d/$n; mount --bind /dev/$n $d/$n || exit 1; done"
    line = f'd="{tmp_path}/dev"; mkdir $d && mount -t tmpfs none $d && {nodes}; ln -s /proc/self/fd $d/fd'
    day(tmp_path, "", *mounted(f"rm -rf {tmp_path}/dev; {line}; mount --move $d /dev && test ! -e /dev/shm"))


def test_with_64_descriptors_and_a_fixed_seed_of_hashes(tmp_path):
    day(tmp_path, "64 descriptors", PYTHONHASHSEED="0")  # without a word about it the seed is another each time
