"""What a copy does whatever the machines are, told with files of this one and with a real sftp server: without ssh."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
from types import SimpleNamespace

import pytest

from pathos_nb.errors import BadOption, CopyFailed
from pathos_nb.notebook.copying import CopyBar
from pathos_nb.secure.files import LocalFiles
from pathos_nb.secure.transfer import Copied, copy

SERVER = shutil.which("sftp-server", path="/usr/lib/openssh:/usr/libexec/openssh:/usr/libexec:/usr/lib/ssh")

BIG = 1_500_000


class Cut(Exception):
    pass


def here(name):
    raise AssertionError(f"{name} is no host of this test")


class Near:
    """A host without ssh: its sftp server and its commands run here."""

    where, name, transport = "me@near", "near", "openssh"

    def subsystem(self, name):
        return self.open([SERVER])

    def open(self, command, setup=False):
        ours, theirs = socket.socketpair()
        with theirs:
            running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
        return NearCommand(ours, running)

    def run(self, command, timeout, setup):
        return subprocess.run(command, capture_output=True, timeout=timeout, check=False)


class NearCommand(SimpleNamespace):
    def __init__(self, sock, running):
        super().__init__(sock=sock, running=running)

    @property
    def exit_status(self):
        return self.running.poll()

    def why_ended(self):
        return "" if self.exit_status is None else f"exit status {self.exit_status}"

    def wait_ended(self, timeout):
        return self.running.wait(timeout) is not None

    def error_text(self):
        return self.running.stderr.read().decode()

    def close(self):
        self.sock.close()
        self.running.wait(30)
        self.running.stderr.close()


@pytest.fixture
def near():
    """Connect to the host that is here."""
    if SERVER is None:
        pytest.skip("no sftp-server of OpenSSH is installed")
    return lambda name: Near()


def cut_copy(source, target, after=BIG // 2):
    """Copy it until there is a part."""

    def cut(progress):
        if progress.done_bytes >= after:
            raise Cut("enough")

    with pytest.raises(Cut, match="enough"):
        copy(str(source), str(target), here, progress=cut)


def made(path, data, mtime=1_700_000_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (mtime, mtime))
    return path


# ------------------------------------------------------------------------------------------------ going on after a cut


def test_a_part_is_gone_on_with(tmp_path):
    source, target = made(tmp_path / "r1" / "out", os.urandom(BIG)), tmp_path / "out"
    cut_copy(source, target)
    assert copy(str(source), str(target), here).resumed_bytes >= BIG // 2
    assert target.read_bytes() == source.read_bytes()
    assert sorted(p.name for p in tmp_path.glob(".out*")) == []


def test_a_part_of_another_source_is_not(tmp_path):
    first, second = made(tmp_path / "r1" / "out", b"1" * BIG), made(tmp_path / "r2" / "out", b"2" * BIG)
    cut_copy(first, tmp_path / "out")
    assert copy(str(second), str(tmp_path / "out"), here).resumed_bytes == 0
    assert (tmp_path / "out").read_bytes() == second.read_bytes()


def test_a_part_of_the_same_source_with_other_contents_is_not(tmp_path):
    source = made(tmp_path / "r1" / "out", b"1" * BIG)
    cut_copy(source, tmp_path / "out")
    made(source, b"2" * BIG)  # size, time and path are the same
    assert copy(str(source), str(tmp_path / "out"), here).resumed_bytes == 0
    assert (tmp_path / "out").read_bytes() == source.read_bytes()


def test_a_part_that_was_damaged_is_not(tmp_path):
    source = made(tmp_path / "r1" / "out", b"1" * BIG)
    cut_copy(source, tmp_path / "out")
    (part,) = tmp_path.glob(".out.part-*")
    part.write_bytes(b"\0" * part.stat().st_size)
    assert copy(str(source), str(tmp_path / "out"), here).resumed_bytes == 0
    assert (tmp_path / "out").read_bytes() == source.read_bytes()


def test_a_folder_that_was_cut_takes_no_file_for_whole_that_has_other_contents(tmp_path):
    folder = tmp_path / "tree"
    made(folder / "a", b"1" * BIG)
    made(folder / "b", b"1" * 100)
    made(folder / "c", b"1" * BIG)
    cut_copy(folder, tmp_path / "there", BIG + BIG // 2)
    made(folder / "a", b"2" * BIG)
    made(folder / "b", b"2" * 100)
    copy(str(folder), str(tmp_path / "there"), here)
    assert {p.name: set(p.read_bytes()) for p in (tmp_path / "there").iterdir()} == {
        "a": {ord("2")},
        "b": {ord("2")},
        "c": {ord("1")},
    }


@pytest.mark.parametrize("way", ["there", "back"])
def test_a_part_on_a_host_is_compared_too(tmp_path, near, way):
    source = made(tmp_path / "r1" / "out", os.urandom(BIG))
    ours, theirs = (f"near:{source}", f"{tmp_path}/out") if way == "back" else (str(source), f"near:{tmp_path}/out")

    def cut(progress):
        if progress.done_bytes >= BIG // 2:
            raise Cut("enough")

    for is_same in (True, False):
        with pytest.raises(Cut, match="enough"):
            copy(ours, theirs, near, progress=cut)
        if not is_same:
            made(source, os.urandom(BIG))
        assert (copy(ours, theirs, near).resumed_bytes > 0) == is_same
        assert (tmp_path / "out").read_bytes() == source.read_bytes()


# -------------------------------------------------------------------------------------------------------------- names


def test_names_that_are_no_utf8_go_there_and_back(tmp_path, near):
    strange = os.fsdecode(b"bad\xff")
    folder = tmp_path / "tree"
    made(folder / strange, b"small")
    made(folder / "big\udcfe", os.urandom(BIG))
    made(folder / "sub\udcfd" / "x", b"x")
    told = []
    copy(str(folder), f"near:{tmp_path}/there", near, progress=told.append)
    copy(f"near:{tmp_path}/there", str(tmp_path / "back"), near)
    copy(f"near:{tmp_path}/there/b*", f"{tmp_path}/some/", near)
    assert (tmp_path / "back" / strange).read_bytes() == b"small"
    assert (tmp_path / "back" / "big\udcfe").read_bytes() == (folder / "big\udcfe").read_bytes()
    assert (tmp_path / "back" / "sub\udcfd" / "x").read_bytes() == b"x"
    assert len(list((tmp_path / "some").iterdir())) == 2
    assert any(one.path.endswith("bad\\xff") for one in told)


def test_what_goes_wrong_with_such_a_name_is_said_with_machine_and_file(tmp_path):
    os.mkfifo(tmp_path / "pipe\udcff")
    with pytest.raises(CopyFailed, match=r"pipe\\xff on this machine was not copied") as caught:
        copy(str(tmp_path / "pipe\udcff"), str(tmp_path / "there"), here)
    assert str(caught.value).encode()


# ------------------------------------------------------------------------------------------------------- permissions


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "into one that is there"])
def test_folders_keep_their_permissions_also_those_that_nobody_may_write_to(tmp_path, near, is_there):
    made(tmp_path / "tree" / "read" / "only" / "x", b"x")
    made(tmp_path / "tree" / "mine" / "x", b"x")
    modes = {"read/only": 0o555, "read": 0o550, "mine": 0o700}
    try:
        for name, mode in modes.items():
            (tmp_path / "tree" / name).chmod(mode)
        (tmp_path / "into" / ("tree" if is_there else "")).mkdir(parents=True)
        copy(str(tmp_path / "tree"), f"near:{tmp_path}/into", near)
        there = tmp_path / "into" / "tree"
        assert {name: there.joinpath(name).stat().st_mode & 0o777 for name in modes} == modes
        assert (there / "read" / "only" / "x").read_bytes() == b"x"
        assert [p.name for p in (tmp_path / "into").glob(".*")] == []
    finally:
        for folder in (
            path for top in ("tree", "into") for path in sorted((tmp_path / top).rglob("*")) if path.is_dir()
        ):
            folder.chmod(0o755)


# ------------------------------------------------------------------------------------------------------- many sources


def test_two_sources_of_one_name_are_refused_before_anything_is_copied(tmp_path):
    one, two = made(tmp_path / "a" / "x", b"1"), made(tmp_path / "b" / "x", b"2")
    with pytest.raises(BadOption, match="a/x on this machine and .*/b/x on this machine would both become .*/into/x"):
        copy([str(one), str(two)], str(tmp_path / "into"), here)
    assert not (tmp_path / "into").exists()


def test_a_source_that_is_named_twice_is_copied_once(tmp_path):
    one = made(tmp_path / "a" / "x", b"1")
    assert copy([str(one), f"{one.parent}/*"], f"{tmp_path}/into/", here).n_files == 1
    assert (tmp_path / "into" / "x").read_bytes() == b"1"


# --------------------------------------------------------------------------------------------------------- full disks


@pytest.fixture
def small_disk(monkeypatch):
    """Let this machine's disk have room for one more block."""
    open_it = LocalFiles.writer

    def writer(self, path, offset, size):
        stream, n_written = open_it(self, path, offset, size), []

        def write(block):
            if n_written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            n_written.append(stream.write(block))

        return SimpleNamespace(write=write, close=stream.close)

    monkeypatch.setattr(LocalFiles, "writer", writer)


def test_a_full_disk_is_not_kept_full(tmp_path, small_disk):
    source = made(tmp_path / "tree" / "out", b"1" * BIG)
    (tmp_path / "there").mkdir()
    with pytest.raises(CopyFailed, match="No space left on device; make room there, or choose another place(\n|$)"):
        copy(str(source), str(tmp_path / "there"), here)
    assert list((tmp_path / "there").iterdir()) == []


def test_what_a_folder_leaves_on_a_full_disk_is_named(tmp_path, small_disk):
    made(tmp_path / "tree" / "a", b"1" * 100)
    made(tmp_path / "tree" / "out", b"1" * BIG)
    (tmp_path / "there").mkdir()
    with pytest.raises(CopyFailed, match="make room there.*what has come is in .*: copy again to go on") as caught:
        copy(str(tmp_path / "tree"), str(tmp_path / "there"), here)
    (left,) = (tmp_path / "there").iterdir()
    assert f"in {left}:" in str(caught.value)
    assert [p.name for p in left.iterdir() if p.name != "a"] == []


# -------------------------------------------------------------------------------------------------- what is left out


@pytest.mark.parametrize("from_host", [False, True], ids=["from here", "from a host"])
def test_what_is_left_out_is_said(tmp_path, near, from_host):
    tree = tmp_path / "tree"
    made(tree / "sub" / "x", b"x")
    (tree / "sub" / "up").symlink_to("..")
    (tree / "higher").symlink_to(tmp_path.parent)
    (tree / "self").symlink_to("self")
    (tree / "nowhere").symlink_to("no-such-file")
    (tree / "also").symlink_to("sub")
    (tree / "file").symlink_to("sub/x")
    os.mkfifo(tree / "pipe")
    done = copy(f"near:{tree}" if from_host else str(tree), str(tmp_path / "there"), near)
    assert {line.removeprefix(f"{tree}/") for line in done.left_out} == {
        "sub/up (a link to a folder that it is in)",
        "also/up (a link to a folder that it is in)",
        "higher (a link to a folder that it is in)",
        "self (a link that leads nowhere)",
        "nowhere (a link that leads nowhere)",
        "pipe (neither a file nor a folder)",
    }
    files = {str(p.relative_to(tmp_path / "there")) for p in (tmp_path / "there").rglob("*") if p.is_file()}
    assert files == {"sub/x", "also/x", "file"}
    assert done.n_files == 3


def test_a_cell_says_what_was_left_out():
    said = CopyBar().end(Copied(1, 1, 0, tuple(f"link{i} (a link that leads nowhere)" for i in range(12))), "near:x")
    assert "left out: link0 (a link that leads nowhere)" in said
    assert said.endswith("left out: 2 more")
