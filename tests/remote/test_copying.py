"""Copies between here and hosts: whole or not at all, and resumed where they were cut."""

from __future__ import annotations

import os

import pytest

from pathos_nb.errors import BadOption, CopyFailed, HostUnreachable
from pathos_nb.secure import files, wire
from pathos_nb.secure.transfer import copy, split_place
from tests.rig.bed import wait_until

both = pytest.mark.parametrize("transport", ["paramiko", "openssh"])
PART = "find /tmp -name '*.part-*' 2>/dev/null | wc -l"


@pytest.fixture
def tree(tmp_path):
    """Give a folder with files of all kinds."""
    top = tmp_path / "tree"
    (top / "deep" / "deeper").mkdir(parents=True)
    (top / "empty").mkdir()
    (top / "a b.txt").write_text("spaces")
    (top / "ü$(id).txt").write_text("ünï")
    (top / "none").write_bytes(b"")
    (top / "deep" / "big").write_bytes(os.urandom(3_000_000))
    (top / "deep" / "run.sh").write_text("#!/bin/sh\n")
    (top / "deep" / "run.sh").chmod(0o755)
    (top / "nowhere").symlink_to("no-such-file")
    return top


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@both
def test_a_folder_goes_there_and_back(connect, tree, tmp_path, transport):
    host = connect("host2", transport=transport)
    told = []
    done = copy(str(tree), f"host2:/tmp/there-{transport}", lambda name: host, progress=told.append)
    assert done.n_files == 5
    assert done.n_bytes == told[-1].done_bytes == told[-1].total_bytes == sum(map(len, contents(tree).values()))
    assert (told[-1].done_files, told[-1].total_files) == (5, 5)
    copy(f"host2:/tmp/there-{transport}", str(tmp_path / "back"), lambda name: host)
    assert contents(tmp_path / "back") == contents(tree)
    assert (tmp_path / "back" / "empty").is_dir()
    assert os.access(tmp_path / "back" / "deep" / "run.sh", os.X_OK)
    assert host.run(["sh", "-c", PART]).stdout.strip() == b"0"


def test_into_a_folder_that_is_there_it_goes_by_its_own_name(connect, tree, bed):
    host = connect("host2")
    bed.on("host2", "mkdir -p /tmp/into")
    copy(str(tree / "a b.txt"), "host2:/tmp/into", lambda name: host)
    copy(str(tree / "none"), "host2:/tmp/new-folder/", lambda name: host)
    copy(str(tree / "none"), "host2:~/renamed", lambda name: host)
    copy([str(tree / "deep"), str(tree / "none")], "host2:/tmp/two", lambda name: host)
    found = bed.on("host2", "ls '/tmp/into/a b.txt' /tmp/new-folder/none ~/renamed /tmp/two/deep/big /tmp/two/none")
    assert len(found.splitlines()) == 5


def test_patterns_are_taken_by_us_on_either_side(connect, tree, tmp_path, bed):
    host = connect("host3")
    done = copy(str(tree / "*.txt"), "host3:/tmp/pattern", lambda name: host)
    assert done.n_files == 2
    bed.on("host3", "touch /tmp/pattern/.hidden /tmp/pattern/x.npy")
    copy("host3:/tmp/pat*/*.txt", str(tmp_path / "got"), lambda name: host)
    assert set(contents(tmp_path / "got")) == {"a b.txt", "ü$(id).txt"}


def test_between_two_hosts_it_goes_through_here(connect, bed):
    bed.on("host1", "head -c 100000 /dev/urandom >/tmp/data")
    hosts = {"host1": connect("host1"), "host2": connect("host2")}
    copy("host1:/tmp/data", "host2:/tmp/data", hosts.get)
    assert bed.on("host1", "cksum </tmp/data") == bed.on("host2", "cksum </tmp/data")


def test_a_file_that_is_replaced_is_whole_at_any_time(connect, bed, tmp_path):
    host = connect("host2")
    (tmp_path / "f").write_text("new")
    bed.on("host2", "echo old >/tmp/f; tail -c +1 -f /tmp/f >/tmp/seen 2>&1 </dev/null &")
    assert wait_until(lambda: bed.on("host2", "cat /tmp/seen") == "old\n")
    copy(str(tmp_path / "f"), "host2:/tmp/f", lambda name: host)
    assert bed.on("host2", "cat /tmp/f") == "new"
    assert bed.on("host2", "cat /tmp/seen") == "old\n"  # who had it open still has the old one
    bed.on("host2", "pkill tail")


class Cut(Exception):
    pass


@both
def test_a_copy_that_was_cut_goes_on_where_it_was(connect, tmp_path, bed, transport):
    host = connect("host2", transport=transport)
    (tmp_path / "big").write_bytes(os.urandom(8_000_000))

    def cut(progress):
        if progress.done_bytes > 3_000_000:
            raise Cut("enough")

    for source, target in [(str(tmp_path / "big"), "host2:/tmp/cut"), ("host2:/tmp/cut", str(tmp_path / "back"))]:
        with pytest.raises(Cut, match="enough"):
            copy(source, target, lambda name: host, progress=cut)
        assert not (tmp_path / "back").exists()
        done = copy(source, target, lambda name: host)
        assert done.resumed_bytes >= 2_000_000
    assert (tmp_path / "back").read_bytes() == (tmp_path / "big").read_bytes()
    assert list(tmp_path.glob(".*part*")) == []


def test_a_source_that_changed_meanwhile_is_begun_anew(connect, tmp_path):
    host = connect("host2")
    big = tmp_path / "big"
    big.write_bytes(b"a" * 2_000_000)

    def cut(progress):
        raise Cut("enough")

    with pytest.raises(Cut, match="enough"):
        copy(str(big), "host2:/tmp/changed", lambda name: host, progress=cut)
    big.write_bytes(b"b" * 2_000_001)
    assert copy(str(big), "host2:/tmp/changed", lambda name: host).resumed_bytes == 0
    assert set(host.run(["cat", "/tmp/changed"]).stdout) == {ord("b")}


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "into one that is there"])
def test_a_folder_that_was_cut_goes_on_and_is_there_as_a_whole_or_not_at_all(connect, tree, tmp_path, bed, is_there):
    host = connect("host2")
    (tree / "zzz").write_bytes(os.urandom(4_000_000))
    (tree / "stale").write_text("gone before the second copy")
    place = "/tmp/whole-there" if is_there else "/tmp/whole"
    if is_there:
        bed.on("host2", f"mkdir -p {place}/tree; echo old >{place}/tree/kept; echo old >'{place}/tree/a b.txt'")
    before = bed.on("host2", f"find {place} -type f -exec cksum {{}} + || true")

    def cut(progress):
        if progress.path.endswith("zzz") and progress.done_bytes > 5_000_000:
            raise Cut("enough")

    with pytest.raises(Cut, match="enough"):
        copy(str(tree), f"host2:{place}", lambda name: host, progress=cut)
    assert bed.on("host2", f"find {place} -type f -not -path '*.part-*' -exec cksum {{}} + || true") == before
    (tree / "stale").unlink()
    (tree / "ü$(id).txt").write_text("it has changed since")
    done = copy(str(tree), f"host2:{place}", lambda name: host)
    assert 4_500_000 < done.resumed_bytes < done.n_bytes == sum(map(len, contents(tree).values()))
    copy(f"host2:{place}/tree" if is_there else f"host2:{place}", str(tmp_path / "back"), lambda name: host)
    back = contents(tmp_path / "back")
    assert back.pop("kept", b"") == (b"old\n" if is_there else b"")
    assert back == contents(tree)
    assert (
        bed.on("host2", f"find /tmp -name '.whole*.part-*'; find {place} -name '*.part-*' -o -path '*/tree/tree'") == ""
    )
    assert int((tmp_path / "back" / "zzz").stat().st_mtime) == int((tree / "zzz").stat().st_mtime)


def test_folders_keep_who_may_look_into_them(connect, tree, bed):
    (tree / "deep").chmod(0o700)
    host = connect("host2")
    copy(str(tree), "host2:/tmp/modes", lambda name: host)
    assert bed.on("host2", "stat -c %a /tmp/modes/deep /tmp/modes/empty").split() == ["700", "755"]


# ------------------------------------------------------------------------------------------------------------- faults


@both
@pytest.mark.parametrize(
    ("source", "place", "said"),
    [
        ("deep", "/tmp/way/file", "a file of that name is there; choose another name"),
        ("none", "/tmp/way/file/x", "/tmp/way/file is a file, and no folder; choose another place"),
        ("deep", "/tmp/way/file/x/y", "/tmp/way/file is a file, and no folder; choose another place"),
        ("none", "/tmp/way/no/such/x", "there is no folder /tmp/way/no/such; make it first"),
        ("none", "/tmp/way", "a folder of that name is there; choose another name"),
        ("none", "/proc/x", "the folder /proc takes no such file, or it was removed meanwhile; choose another place"),
    ],
)
def test_a_destination_that_cannot_be_says_why_and_what_to_do(connect, tree, bed, source, place, said, transport):
    bed.on("host2", "mkdir -p /tmp/way/none; touch /tmp/way/file")
    host = connect("host2", transport=transport)
    with pytest.raises(CopyFailed) as caught:
        copy(str(tree / source), f"host2:{place}", lambda name: host)
    assert said in str(caught.value)


def test_what_is_no_file_is_not_waited_for(connect, tree, bed):
    os.mkfifo(tree / "pipe")
    host = connect("host2")
    with pytest.raises(CopyFailed, match="pipe on this machine.*neither a file nor a folder"):
        copy(str(tree / "pipe"), "host2:/tmp/pipe", lambda name: host)
    assert copy(str(tree), "host2:/tmp/without-pipe", lambda name: host).n_files == 5


def test_two_copies_at_once_do_not_spoil_each_other_in_silence(connect, tmp_path, bed):
    (tmp_path / "big").write_bytes(os.urandom(3_000_000))
    host, is_first = connect("host2"), []

    def second(progress):
        if not is_first:
            is_first.append(True)
            bed.on("host2", "for f in /tmp/.twice.part-*; do echo more >>$f; done")

    with pytest.raises(CopyFailed, match="another copy of it is being made there"):
        copy(str(tmp_path / "big"), "host2:/tmp/twice", lambda name: host, progress=second)
    copy(str(tmp_path / "big"), "host2:/tmp/twice", lambda name: host)
    assert bed.on("host2", "cat /tmp/twice | wc -c") == "3000000\n"


def test_a_folder_is_not_copied_into_itself(tree):
    with pytest.raises(BadOption, match="cannot be copied into itself"):
        copy(str(tree), str(tree / "deep" / "x"), lambda name: None)


def test_what_is_not_there_is_said(connect, tmp_path):
    host = connect("host2")
    with pytest.raises(CopyFailed, match="/no/such on root@host2 was not copied.*no such file") as caught:
        copy("host2:/no/such", str(tmp_path), lambda name: host)
    assert (caught.value.host, caught.value.path) == ("host2", "/no/such")
    with pytest.raises(CopyFailed, match="on this machine was not copied.*there is no such file"):
        copy(str(tmp_path / "*.no"), "host2:/tmp", lambda name: host)


def test_a_place_that_may_not_be_written_is_said(connect, tmp_path, bed):
    bed.needs("users")
    (tmp_path / "f").write_text("x")
    host = connect("tester@host2")
    with pytest.raises(CopyFailed, match="/etc/f on tester@host2.*[Pp]ermission denied.*that you may write to"):
        copy(str(tmp_path / "f"), "host2:/etc/f", lambda name: host)
    with pytest.raises(CopyFailed, match="/etc/shadow on tester@host2.*[Pp]ermission denied.*what you may read"):
        copy("host2:/etc/shadow", str(tmp_path), lambda name: host)


@both
def test_a_full_disk_is_said_and_what_was_there_stays(connect, tmp_path, bed, transport):
    bed.needs("netns")
    (tmp_path / "f").write_bytes(b"x" * 3_000_000)
    bed.on("host2", "mkdir -p /tmp/small && mount -t tmpfs -o size=1m tmpfs /tmp/small && echo old >/tmp/small/f")
    host = connect("host2", transport=transport)
    try:
        with pytest.raises(CopyFailed, match="/tmp/small/f on .*host2 .*No space left.*make room"):
            copy(str(tmp_path / "f"), "host2:/tmp/small/f", lambda name: host)
        assert bed.on("host2", "cat /tmp/small/f; ls -A /tmp/small") == "old\nf\n"
    finally:
        bed.on("host2", "umount /tmp/small")


def test_a_source_that_cannot_be_read_is_no_full_disk(connect, tmp_path):
    host = connect("host2")
    with pytest.raises(CopyFailed, match=r"/proc/1/mem on .*host2 .*says only that it failed; try to read it there"):
        copy("host2:/proc/1/mem", str(tmp_path / "f"), lambda name: host)
    assert not list(tmp_path.glob("f*"))


def test_a_host_that_dies_in_the_middle_is_said_and_the_copy_goes_on_later(connect, tmp_path, bed):
    (tmp_path / "big").write_bytes(os.urandom(40_000_000))
    host = connect("host3")

    def kill(progress):
        if progress.done_bytes > 4_000_000 and not bed.is_disturbed:
            bed("kill", "host3")

    with pytest.raises(CopyFailed, match="big on .*host3.*the link was lost.*it goes on where it was cut"):
        copy(str(tmp_path / "big"), "host3:/tmp/big", lambda name: host, progress=kill)
    bed("start", "host3")
    host.reconnect()
    assert copy(str(tmp_path / "big"), "host3:/tmp/big", lambda name: host).resumed_bytes > 0
    assert bed.on("host3", "cksum </tmp/big").split()[1] == "40000000"


def test_a_closed_connection_is_said(connect, tmp_path):
    host = connect("host2")
    host.close()
    with pytest.raises(HostUnreachable, match="the connection to host2 is closed"):
        copy("host2:/etc/passwd", str(tmp_path), lambda name: host)


def test_onto_itself_is_refused(connect, tmp_path):
    (tmp_path / "f").write_text("kept")
    with pytest.raises(BadOption, match="cannot be copied onto itself"):
        copy(str(tmp_path / "f"), str(tmp_path / "f"), lambda name: None)
    assert (tmp_path / "f").read_text() == "kept"


def test_a_host_that_shows_paths_as_names_is_not_believed(connect, monkeypatch):
    place = files.RemoteFiles(connect("host2"))
    monkeypatch.setattr(wire, "names_in", lambda sftp, folder: [b"ok", b"../../etc/passwd"])
    with pytest.raises(OSError, match="shows names of files that are paths"):
        place.names("/tmp")
    place.close()


@pytest.mark.parametrize(
    ("text", "host", "path"),
    [
        ("host:a", "host", "a"),
        ("me@host:/a:b", "me@host", "/a:b"),
        ("host:", "host", "."),
        ("./a:b", "", "./a:b"),
        ("/a:b", "", "/a:b"),
        ("plain", "", "plain"),
        ("[::1]:x", "[::1]", "x"),
        ("me@[::1]:x", "me@[::1]", "x"),
    ],
)
def test_a_place_is_taken_apart_as_scp_does(text, host, path):
    assert split_place(text) == (host, path)


@pytest.mark.parametrize("text", ["-oProxyCommand=x:y", "a b:c", "$(id):x", ":x"])
def test_a_hostile_place_is_refused(text):
    with pytest.raises(BadOption, match="is not a name"):
        split_place(text)
