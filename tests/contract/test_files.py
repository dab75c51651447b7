"""Files that items have and give back: each item in a folder of its own, on every launcher whose workers are processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.dispatch.staging import RunFiles, checked_name, find_inputs
from pathos_nb.errors import BadOption, Failure, FilesFailed, NothingFits, WorkerLost
from pathos_nb.launchers.staged import COPIED_BYTES, Collected
from tests.contract.writers import change_and_read, dies_once, misbehave, overwrite, scribble, write, write_only
from tests.rig.census import until
from tests.rig.launchers import Pools, apart

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with some files in it."""
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "a.csv").write_text("1,2,3")
    (tmp_path / "data" / "deep" / "b.csv").write_text("4")
    (tmp_path / "start.toml").write_text("step = 1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_of(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def left_by_items() -> set[str]:
    return {name for name in os.listdir(os.environ.get("TMPDIR") or "/tmp") if name.startswith("pathos_nb-item-")}


@apart
def test_each_item_has_the_files_and_what_it_writes_comes_back(pool: Any, here: Path) -> None:
    before = left_by_items()
    run = pool.start(write, range(1, 4), files=["data", "*.toml"], collect=["out.txt", "more/*"])
    assert run.result() == [["data/a.csv", "data/deep/b.csv", "start.toml"]] * 3
    folder = here / "collected" / run.run_id
    assert files_of(folder) == {
        **{f"{x - 1:06}/out.txt": "1,2,3" * x for x in (1, 2, 3)},
        **{f"{x - 1:06}/more/log-{x}": "log" for x in (1, 2, 3)},
    }
    assert run.collected[1] == (folder / "000001" / "more" / "log-2", folder / "000001" / "out.txt")
    new = left_by_items() - before  # other tests at the same time have theirs, and let go of them
    assert until(lambda: not new & left_by_items(), 20.0)
    assert pool.pipe(os.getcwd) == str(here), "what comes after runs where it did before"


@apart
def test_what_an_item_writes_to_a_file_that_it_was_given_is_its_own(pool: Any, here: Path) -> None:
    given = ["data/a.csv", "start.toml"]
    assert pool.map(scribble, ["x", "y"], files=given, collect="*", collect_to=here / "kept") == ["1,2,3"] * 2
    assert files_of(here / "kept") == {"000000/data/a.csv": "x", "000001/data/a.csv": "y"}, (
        "and not what it left as it was"
    )
    assert (here / "data" / "a.csv").read_text() == "1,2,3"


@apart
def test_a_large_file_is_a_link_and_an_item_that_writes_to_it_fails(pool: Any, here: Path) -> None:
    with (here / "large").open("wb") as file:
        file.truncate(COPIED_BYTES + 1)
    assert pool.map(os.path.getsize, ["large"], files="large") == [COPIED_BYTES + 1]
    before = (here / "large").stat()
    with pytest.raises(FilesFailed, match=r"large has been changed.*it was a link"):
        pool.pipe(overwrite, "large", files="large")
    os.truncate(here / "large", COPIED_BYTES + 1)
    os.utime(here / "large", ns=(before.st_atime_ns, before.st_mtime_ns))


@apart
def test_what_cannot_be_collected_fails_its_item_alone(pool: Any, here: Path) -> None:
    before = left_by_items()
    asked = ["one", "nothing", "link", "raise", "die", "two"]
    said = {"on_error": "keep", "retries": 0, "chunksize": 1}
    values = pool.map(misbehave, asked, collect="out.txt", collect_to=here / "kept", **said)
    kinds = [type(value.error) if isinstance(value, Failure) else value for value in values]
    assert kinds == ["one", FilesFailed, FilesFailed, ValueError, WorkerLost, "two"]
    assert "there is no out.txt to collect" in str(values[1].error)
    assert files_of(here / "kept") == {"000000/out.txt": "one", "000005/out.txt": "two"}
    new = left_by_items() - before  # other tests at the same time have theirs, and let go of them
    assert until(lambda: not new & left_by_items(), 20.0)


@apart
def test_every_kind_of_map_collects_and_an_item_that_runs_again_gives_its_files_once(pool: Any, here: Path) -> None:
    assert len(list(pool.imap(write_only, ["a", "b"], collect="*.txt", collect_to="in order"))) == 2
    pool.apipe(write_only, "c", collect="*.txt", collect_to="later").get(30)
    pool.pipe(write_only, "d", collect="*.none", collect_to="nothing")
    assert files_of(here / "in order") == {"000000/out.txt": "a", "000001/out.txt": "b"}
    assert files_of(here / "later") == {"000000/out.txt": "c"}
    assert not (here / "nothing").exists()
    pool.pipe(write_only, "e", collect="*.none")
    assert not (here / "collected").exists(), "of a map that has collected nothing there is nothing left"
    marks = here / "marks"
    marks.mkdir()
    pool.map(dies_once, [0, 1, 2], kwargs={"marks": str(marks)}, collect="out-*", collect_to="again", retries=2)
    assert sorted(files_of(here / "again")) == ["000000/out-0", "000001/out-1", "000002/out-2"]


def test_nothing_is_overwritten(here: Path, pools: Pools) -> None:
    pool = pools.get("processes")
    pool.map(write_only, ["old"], collect="*.txt", collect_to="kept")
    with pytest.raises(BadOption, match="there is 000000 of an earlier run.*nothing is overwritten"):
        pool.map(write_only, ["new"], collect="*.txt", collect_to="kept")
    (here / "kept" / "000000").rename(here / "kept" / "000002")
    rows = iter(["new"] * 3)  # of which nobody knows how many there will be
    values = list(pool.imap(write_only, rows, collect="*.txt", collect_to="kept", on_error="keep"))
    assert isinstance(values[2], Failure)
    assert isinstance(values[2].error, FilesFailed)
    assert files_of(here / "kept") == {"000000/out.txt": "new", "000001/out.txt": "new", "000002/out.txt": "old"}


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ({"files": "nothing-*"}, "there is nothing of the name 'nothing-.*the current folder is"),
        ({"files": ["data", "gone.csv"]}, "there is nothing of the name 'gone.csv'"),
        ({"files": "fifo"}, "fifo is no regular file"),
        ({"files": ["data/a.csv", "../{}/data/a.csv", "other/a.csv", "{}/other/a.csv"]}, "would both be a.csv"),
        ({"files": []}, r"files is \[\]"),
        ({"files": 3}, "files is 3"),
        ({"collect": "../out.txt"}, "it may name what lies in the item's own folder"),
        ({"collect": "/etc/passwd"}, "it may name what lies in the item's own folder"),
        ({"collect": ["a", ""]}, "collect is"),
        ({"collect": "a", "collect_to": 3}, "collect_to is 3"),
        ({"collect": "a", "collect_to": "start.toml"}, "where no file can be made"),
        ({"collect": "a", "cache": {}}, "files and a cache do not go together"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_map_begins(
    option: dict[str, Any], why: str, here: Path, pools: Pools
) -> None:
    os.mkfifo("fifo")
    (here / "other").mkdir()
    (here / "other" / "a.csv").touch()
    if isinstance(option.get("files"), list):
        option = {"files": [str(path).format(here if str(path)[0] == "{" else here.name) for path in option["files"]]}
    with pytest.raises(BadOption, match=why):
        pools.get("processes").map(abs, [1], **option)


def test_threads_and_the_serial_launcher_have_one_folder_for_all() -> None:
    with Pool("threads", nodes=1) as pool, pytest.raises(NothingFits, match="files need workers that are processes"):
        pool.map(abs, [1], files="start.toml")
    with Pool("serial") as pool, pytest.raises(BadOption, match="need workers that are processes of their own"):
        pool.map(abs, [1], collect="*")


def test_a_file_that_changes_while_the_map_runs_is_told(here: Path, pools: Pools) -> None:
    values = pools.get("processes").imap(
        change_and_read, [str(here / "data" / "a.csv")] * 2, files="data/a.csv", chunksize=2, on_error="keep"
    )  # the second behind the first
    assert next(values) == "1,2,3"
    assert "it has changed since the map began" in str(next(values).error)


@pytest.mark.parametrize(
    "name",
    ["../out", "/etc/passwd", "a/../../b", "", ".", "a//b", "a\\b", "C:/x", "a\nb", "a\0b", "x" * 5000, 3],
)
def test_names_that_lead_elsewhere_are_refused(name: Any, here: Path) -> None:
    with pytest.raises(FilesFailed, match="whose name is refused"):
        checked_name(name)
    files = RunFiles((), ("*",), here / "kept")
    with pytest.raises(FilesFailed, match="whose name is refused"):
        files.take(0, Collected(None, "", ((name, b"x"),)))
    files.close()
    assert not (here / "kept").exists()


def test_what_a_worker_lays_aside_is_looked_at_too(here: Path) -> None:
    files = RunFiles((), ("*",), here / "kept")
    [coming] = (here / "kept").iterdir()
    aside = coming / "x"
    aside.mkdir()
    (aside / "out.txt").symlink_to("/etc/passwd")
    for name in ("../..", "x"):
        with pytest.raises(FilesFailed, match=r"none of its own|no regular file"):
            files.take(0, Collected(None, name))
    files.close()


def test_a_full_disk_fails_the_item_and_says_so(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = RunFiles((), ("*",), here / "kept")
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    monkeypatch.setattr(Path, "open", lambda path, mode="r": open(full, "wb", buffering=0))  # noqa: SIM115
    with pytest.raises(FilesFailed, match="No space left on device; make room there"):
        files.take(0, Collected(None, "", (("out.txt", b"x"),)))
    files.close()


def test_files_are_named_as_they_are_given(here: Path) -> None:
    named = {told.name: told.path for told in find_inputs(["data/*.csv", str(here / "start.toml"), "./data/deep"])}
    assert named == {
        "data/a.csv": str(here / "data/a.csv"),
        "start.toml": str(here / "start.toml"),
        "data/deep/b.csv": str(here / "data/deep/b.csv"),
    }
