"""`usable_cores` on made-up machines, and `inner_threads`."""

from __future__ import annotations

from pathlib import Path

import pytest

from pathos_nb.launchers.cores import inner_threads, share_of, shares, usable_cores

Tree = dict[str, str]


def machine(root: Path, files: Tree) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(root)


V2 = "0::/user.slice/me.scope\n"
V1 = "7:memory:/docker/ab\n4:cpu,cpuacct:/docker/ab\n0::/docker/ab\n"


@pytest.mark.parametrize(
    ("story", "files", "affinity", "cores"),
    [
        ("no /proc at all", {}, 8, 8),
        ("no quota", {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 8, 8),
        ("a container of two", {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 8, 2),
        ("affinity is smaller", {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"}, 3, 3),
        ("half a core", {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 8, 1),
        ("one and a half", {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 8, 2),
        (
            "the group above is narrower",
            {
                "proc/self/cgroup": V2,
                "sys/fs/cgroup/user.slice/me.scope/cpu.max": "max 100000\n",
                "sys/fs/cgroup/user.slice/cpu.max": "300000 100000\n",
            },
            8,
            3,
        ),
        (
            "version 1, the host's path",
            {
                "proc/self/cgroup": V1,
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "400000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            8,
            4,
        ),
        (
            "version 1, its own group",
            {
                "proc/self/cgroup": V1,
                "sys/fs/cgroup/cpu/docker/ab/cpu.cfs_quota_us": "100000\n",
                "sys/fs/cgroup/cpu/docker/ab/cpu.cfs_period_us": "50000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
            2,
        ),
        ("a period of nothing", {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100 0\n"}, 5, 5),
        ("nonsense", {"proc/self/cgroup": "0::/\nx\n", "sys/fs/cgroup/cpu.max": "a b c\n"}, 5, 5),
        ("a path that climbs", {"proc/self/cgroup": "0::/../x\n", "sys/fs/cgroup/cpu.max": "200000 100000"}, 5, 2),
    ],
)
def test_cores_of_a_machine(tmp_path: Path, story: str, files: Tree, affinity: int, cores: int) -> None:
    assert usable_cores(machine(tmp_path, files), affinity) == cores, story


def test_this_machine_has_at_least_one_core() -> None:
    assert usable_cores() >= 1


def test_each_worker_gets_its_share_of_threads() -> None:
    threads = inner_threads(3, cores=8, environ={})
    assert set(threads.values()) == {"2"}
    assert {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"} < set(threads)


def test_more_workers_than_cores_still_get_one_thread() -> None:
    assert set(inner_threads(9, cores=2, environ={}).values()) == {"1"}


def test_what_the_user_set_stays() -> None:
    threads = inner_threads(2, cores=2, environ={"MKL_NUM_THREADS": "4"})
    assert "MKL_NUM_THREADS" not in threads
    assert threads["OMP_NUM_THREADS"] == "1"


def test_omp_of_the_user_rules_the_libraries_that_follow_it() -> None:
    assert inner_threads(2, cores=2, environ={"OMP_NUM_THREADS": "4"}) == {"VECLIB_MAXIMUM_THREADS": "1"}


def test_what_a_worker_starts_shares_the_workers_share() -> None:
    worker = {"PATHOS_NB_CORES": "4", "OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "2"}
    threads = inner_threads(4, cores=4, environ=worker)
    assert threads["OMP_NUM_THREADS"] == "1"  # the four are the worker's own
    assert "MKL_NUM_THREADS" not in threads  # the two are the user's


def test_the_environment_may_say_how_many_cores_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHOS_NB_CORES", "7")
    assert usable_cores() == 7
    for nonsense in ("", "0", "-3", "many"):
        monkeypatch.setenv("PATHOS_NB_CORES", nonsense)
        assert usable_cores() >= 1


def test_a_share_is_at_least_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHOS_NB_CORES", "7")
    assert [share_of(n) for n in (1, 2, 3, 7, 9)] == [7, 3, 2, 1, 1]
    assert shares(3)["PATHOS_NB_CORES"] == "2"
