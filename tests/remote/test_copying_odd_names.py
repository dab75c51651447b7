"""Copies of files with names that a shell, a terminal or UTF-8 would stumble over, over real sshds by both transports."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pathos_nb.errors import CopyFailed
from pathos_nb.secure.transfer import copy
from tests.rig.sampling import seldom

both = pytest.mark.parametrize("transport", ["paramiko", "openssh"])
LARGE = (b"large \xff -n", b"large\n$(id)")  # these go by a command's stream, the others by sftp
SMALL = (b"bad\xfe", b"-n", b"a\nb", b" ", b"back\\slash", b"'\"", b"$(touch x);", b"%s\\0141", b"~")
BIG = 1_500_000


class Cut(Exception):
    pass


def cut(progress):
    if progress.done_bytes >= BIG + BIG // 2:  # in the midst of the second large one
        raise Cut("enough")


def contents(folder):
    return {os.fsencode(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def odd(tmp_path):
    """Give a folder with such names, in a folder that has one, too."""
    top = tmp_path / os.fsdecode(b"odd \xfd")
    (top / "sub\udcfc").mkdir(parents=True)
    for name in LARGE:
        (top / os.fsdecode(name)).write_bytes(os.urandom(BIG))
    for name in SMALL:
        (top / "sub\udcfc" / os.fsdecode(name)).write_bytes(name)
    return top


@both
def test_a_folder_of_them_goes_on_where_it_was_cut_there_and_back(connect, odd, tmp_path, transport):
    host, there = connect("host2", transport=transport), f"/tmp/odd-{transport}"
    for source, target in ((str(odd), f"host2:{there}\udcff"), (f"host2:{there}\udcff", str(tmp_path / "back"))):
        with pytest.raises(Cut, match="enough"):
            copy(source, target, lambda name: host, progress=cut)
        done = copy(source, target, lambda name: host)
        assert done.resumed_bytes > BIG and done.n_files == len(LARGE + SMALL) and not done.left_out
    assert contents(tmp_path / "back") == contents(odd)


@pytest.mark.parametrize("transport", ["paramiko", *seldom("openssh")])
def test_so_does_a_file_and_a_pattern_finds_it(connect, odd, tmp_path, transport):
    host, name, half = connect("host2", transport=transport), os.fsdecode(LARGE[0]), BIG // 2

    def cut_file(progress):
        if progress.done_bytes >= half:
            raise Cut("enough")

    there = f"host2:/tmp/one-{transport}/"
    for source, target in ((str(odd / name), there), (f"{there}large*", f"{tmp_path}/back/")):
        with pytest.raises(Cut, match="enough"):
            copy(source, target, lambda name: host, progress=cut_file)
        assert copy(source, target, lambda name: host).resumed_bytes >= half
    assert Path(tmp_path, "back", name).read_bytes() == (odd / name).read_bytes()


@both
def test_a_host_without_sftp_is_said_and_its_connection_stands(connect, odd, bed, transport):
    with bed.obeying("host2", without="Subsystem"):
        host = connect("host2", transport=transport)
        with pytest.raises(CopyFailed, match=r"host2 has no sftp.*Subsystem sftp internal-sftp"):
            copy(str(odd), "host2:/tmp/none", lambda name: host)
        assert host.run(["echo", "alive"]).stdout == b"alive\n"
