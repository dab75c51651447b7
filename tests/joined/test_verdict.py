"""What a host is good for: each fact with its judgement."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from pathos_nb.errors import HostError
from pathos_nb.joined.verdict import Taken, judge, size, take_python
from pathos_nb.secure.probe import HostFacts

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
GOOD = HostFacts(
    host="node7", system="Linux", machine="x86_64", pythons={HERE: "/usr/bin/python3"}, cores=4, memory_bytes=8 << 30,
    versions={"/usr/bin/python3": f"{HERE}.2"}, free_bytes=4 << 30, disk_free_bytes=9 << 30, load=0.5,
    round_trip_s=0.002, is_writable=True,
)  # fmt: skip
PYTHON = Taken("/usr/bin/python3", f"{HERE}.2")


def test_a_host_like_this_one_is_well_in_all():
    lines = judge(GOOD, take_python(GOOD), 5e7)
    assert all(line.is_well and not line.remark for line in lines)
    assert [line.what for line in lines] == [
        "Python", "cores", "memory", "disk", "cache", "clock", "round trip", "link",
    ]  # fmt: skip


WRONG = {
    "clock": ({"clock_offset_s": -90.0}, "90.0 s behind", "set it"),
    "cores": ({"load": 9.0}, "load 9.0", "others are at work"),
    "memory": ({"free_bytes": 1 << 20}, "1.05 MB free", "hardly any"),
    "disk": ({"disk_free_bytes": 0}, "0 bytes free", "hardly any"),
    "cache": ({"is_writable": False, "why_not": "Read-only file system"}, "Read-only file system", "sent anew"),
    "round trip": ({"round_trip_s": 0.3}, "300.0 ms", "far away"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_marked_and_says_what_follows(what):
    changed, found, remark = WRONG[what]
    bad = [line for line in judge(replace(GOOD, **changed), PYTHON) if not line.is_well]
    assert [line.what for line in bad] == [what]
    assert found in bad[0].found and remark in bad[0].remark


def test_the_python_like_ours_is_taken_before_a_newer_one():
    both = replace(GOOD, pythons={"3.99": "/new", HERE: "/same"}, versions={"/same": f"{HERE}.1"})
    assert take_python(both) == Taken("/same", f"{HERE}.1")
    other = take_python(replace(GOOD, pythons={"3.99": "/new", "3.10.1": "/odd", "3.98": "/old"}))
    assert other.path == "/new" and not other.is_like_here
    assert "only functions of modules" in judge(GOOD, other)[0].remark


@pytest.mark.parametrize("pythons", [{}, {"3.8": "/old", "2.7": "/older"}])
def test_no_python_that_will_do_says_what_there_is(pythons):
    with pytest.raises(HostError, match=r"node7 has no Python that can be used.*(none at all|3\.8, 2\.7).*--python"):
        take_python(replace(GOOD, pythons=pythons))
    assert not judge(GOOD, None)[0].is_well


def test_sizes_are_said_as_people_say_them():
    assert [size(n) for n in (0, 1, 999, 1500, 2.5e6, 1.2345e10, 3e12)] == [
        "0 bytes", "1 byte", "999 bytes", "1.5 kB", "2.5 MB", "12.3 GB", "3 TB",
    ]  # fmt: skip
