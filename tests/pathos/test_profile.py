"""Profiles by the names of pathos: in this thread, in other threads, in workers."""

from __future__ import annotations

import os
import pickle
import pstats
import sys

import pytest

from pathos_nb import profile as pr
from pathos_nb.pools import ProcessPool, ThreadPool


@pytest.fixture(autouse=True)
def profiling_ends():
    yield
    pr.disable_profiling()


def work(n):
    return sum(range(n))


def names_in(entries):
    return [getattr(entry.code, "co_name", entry.code) for entry in entries]


def test_profile_runs_a_function_and_prints(capsys):
    assert pr.profile("cumulative")(work, 1000) == 499500
    told = capsys.readouterr().out
    assert "(work)" in told
    assert "Ordered by: cumulative time" in told
    assert "profiled" not in told, "nothing of ours is in the profile"


def test_nothing_is_measured_unless_it_is_enabled(capsys):
    assert pr.profiled(gen=True)(work)(10) == 45
    assert capsys.readouterr().out == ""
    assert pr.profiler is None
    assert pr.get_stats() is None


def test_a_profile_goes_to_a_file_of_the_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pr.enable_profiling()
    pr.profiled(gen=pr.process_id, prefix="p-", suffix=".stats")(work)(10)
    written = tmp_path / f"p-{os.getpid()}.stats"
    assert any(name == "work" for _, _, name in pstats.Stats(str(written)).stats)


def test_start_and_stop_measure_everything_between():
    pr.start_profiling()
    work(10)
    pr.stop_profiling()
    assert "work" in names_in(pr.get_stats())
    pr.clear_stats()
    assert pr.get_stats() == []


def test_a_function_that_raises_is_measured_and_ends_its_profile(capsys):
    pr.enable_profiling()
    with pytest.raises(ZeroDivisionError):
        pr.profiled(gen=False)(lambda: 1 / 0)()
    assert "lambda" in capsys.readouterr().out
    assert pr.profiled(gen=False)(work)(3) == 3, "and the next one begins afresh"


def test_a_wrapped_function_looks_like_itself_and_travels():
    wrapped = pr.profiled()(work)
    assert wrapped.__name__ == "work"
    assert wrapped.__wrapped__ is work
    assert pickle.loads(pickle.dumps(wrapped))(4) == 6
    assert pr.not_profiled(wrapped) is work
    assert pr.not_profiled(work) is work


def test_a_method_can_be_wrapped():
    class Thing:
        @pr.profiled()
        def twice(self, x):
            return 2 * x

    assert Thing().twice(4) == 8


def test_profiling_is_enabled_where_the_function_runs(tmp_path):
    pool = ProcessPool(1)
    pool.pipe(os.chdir, str(tmp_path))

    def in_there():
        os.chdir(tmp_path)
        return pr.profiled(prefix="w-")(work)(10)

    assert pool.pipe(in_there) == 45
    assert not list(tmp_path.iterdir())
    pool.pipe(pr.enable_profiling)
    assert pool.pipe(in_there) == 45
    assert [path.name.startswith("w-") for path in tmp_path.iterdir()] == [True]
    assert pr.profiler is None, "the caller's process is not touched"
    pool.pipe(pr.disable_profiling)


@pytest.mark.parametrize("kind", [ThreadPool, ProcessPool], ids=lambda kind: kind.__name__)
def test_profile_through_a_pipe(kind):
    assert pr.profile(True, pipe=kind(1).pipe)(work, 10) == 45


def test_a_pipe_of_many_workers_is_refused():
    with pytest.raises(ValueError, match="one worker"):
        pr.profile(pipe=ThreadPool(2).pipe)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python has one profiler a process from 3.12 on")
def test_each_thread_has_a_profile_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pr.enable_profiling()
    wrapped = pr.profiled(gen=pr.thread_id, prefix="t-")(work)
    assert ThreadPool(2).map(wrapped, [10] * 20) == [45] * 20
    assert list(tmp_path.glob("t-*.prof"))
