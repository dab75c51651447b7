"""What a copy does whatever the machines are, told with files of this one: no host is needed."""

from __future__ import annotations

import os

import pytest

from pathos_nb.secure.transfer import copy

BIG = 1_500_000


class Cut(Exception):
    pass


def here(name):
    raise AssertionError(f"{name} is no host of this test")


def cut_copy(source, target, after=BIG // 2):
    """Copy it until there is a part."""

    def cut(progress):
        if progress.done_bytes >= after:
            raise Cut("enough")

    with pytest.raises(Cut, match="enough"):
        copy(str(source), str(target), here, progress=cut)


def made(path, data, mtime=1_700_000_000):
    path.parent.mkdir(exist_ok=True)
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
