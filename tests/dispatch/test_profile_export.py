"""What is written for other tools is what they read."""

from __future__ import annotations

import importlib.util
import json
import pstats
import subprocess
import sys
from array import array
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pathos_nb.dispatch.profile_export import export
from pathos_nb.dispatch.profile_report import ProfileReport
from pathos_nb.dispatch.profiles import make_profile
from pathos_nb.errors import BadOption, Failure
from pathos_nb.events import ChunkDone
from tests.notebook.test_profile_feed import EVIL, Source, sampled

STACKS = ((("work", "slow"), 70), (("work", "slow", "work"), 10), (("work",), 20), ((EVIL, "a;b"), 5))


def call_item(index: int) -> str:
    return f"x={index}"


def recorded(n_chunks: int = 2, stacks: Any = STACKS) -> Any:
    """A run on two hosts, whose record and profile are known."""
    profile = make_profile(True)
    chunks = []
    for number in range(n_chunks):
        worker, host = f"w{number % 2}", f"host{number % 2}"
        failures = (Failure(0, ValueError("no")),) if number == 0 else ()
        ends = array("d", [100.5 + number, 101.0 + number])
        indices = range(4 * number, 4 * number + 4)
        chunks.append(ChunkDone("r", worker, host, 1, indices, 100.0 + number, ends, 2, failures, ()))
        profile.add(Source(worker, host, 1), sampled(*stacks))
    return SimpleNamespace(title="fits", started_at=100.0, chunks=chunks, profile=profile)


def test_a_trace_has_a_process_a_host_a_track_a_worker_and_a_slice_an_item(tmp_path: Path) -> None:
    assert export(recorded(), tmp_path / "trace.json", call_item).startswith("8 items")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    names = {(e["name"], e["args"]["name"]) for e in events if e["ph"] == "M"}
    assert names == {("process_name", f"host{i}") for i in (0, 1)} | {("thread_name", f"w{i}") for i in (0, 1)}
    slices = [e for e in events if e["ph"] == "X"]
    assert [e["name"] for e in slices] == [f"x={i}" for i in range(8)]
    assert [(e["ts"], e["dur"]) for e in slices[:3]] == [(0, 250_000), (250_000, 250_000), (500_000, 250_000)]
    assert slices[0]["args"] == {"failed": True} and "args" not in slices[1]
    assert len({(e["pid"], e["tid"]) for e in slices}) == 2


def test_speedscope_gets_all_workers_together_and_each(tmp_path: Path) -> None:
    export(recorded(), tmp_path / "fits.speedscope.json", call_item)
    told = json.loads((tmp_path / "fits.speedscope.json").read_text(errors="surrogatepass"))
    assert told["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    assert [p["name"] for p in told["profiles"]] == ["all workers", "w0", "w1"]
    frames = told["shared"]["frames"]
    for profile in told["profiles"]:
        assert profile["type"] == "sampled" and profile["unit"] == "seconds"
        assert len(profile["samples"]) == len(profile["weights"])
        assert profile["endValue"] == pytest.approx(sum(profile["weights"]))
        assert all(0 <= place < len(frames) for sample in profile["samples"] for place in sample)
    assert told["profiles"][0]["endValue"] == pytest.approx(2 * 0.105)


def test_pstats_loads_it_and_recursion_counts_once(tmp_path: Path) -> None:
    export(recorded(1), tmp_path / "fits.pstats", call_item)
    stats = pstats.Stats(str(tmp_path / "fits.pstats")).stats  # type: ignore[attr-defined]
    assert stats["work.py", 1, "work"][2:4] == (pytest.approx(0.03), pytest.approx(0.1))
    assert stats["slow.py", 1, "slow"][2:4] == (pytest.approx(0.07), pytest.approx(0.08))
    assert ("work.py", 1, "work") in stats["slow.py", 1, "slow"][4]


def test_pstats_loads_what_was_over_before_it_was_sampled(tmp_path: Path) -> None:
    export(recorded(0), tmp_path / "fits.pstats", call_item)
    assert pstats.Stats(str(tmp_path / "fits.pstats")).total_calls == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("ending", ["folded", "collapsed"])
def test_collapsed_stacks_are_one_line_each(tmp_path: Path, ending: str) -> None:
    export(recorded(), tmp_path / f"fits.{ending}", call_item)
    lines = (tmp_path / f"fits.{ending}").read_text(errors="replace").splitlines()
    assert "work (work.py:1);slow (slow.py:1) 140000" in lines and len(lines) == len(STACKS)
    assert all(line.rpartition(" ")[2].isdigit() and line.count(";") <= 2 for line in lines)


@pytest.mark.skipif(importlib.util.find_spec("gprof2dot") is None, reason="gprof2dot is not installed")
@pytest.mark.parametrize(("name", "form"), [("fits.folded", "collapse"), ("fits.pstats", "pstats")])
def test_gprof2dot_reads_it(tmp_path: Path, name: str, form: str) -> None:
    export(recorded(1, STACKS[:1]), tmp_path / name, call_item)  # it shows no part of a recursion
    command = [sys.executable, "-m", "gprof2dot", "-f", form, str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert b"slow" in done.stdout


def test_a_name_that_says_no_format_is_refused_and_an_older_file_stays(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match=r"'fits.dat' does not say which format"):
        export(recorded(), tmp_path / "fits.dat", call_item)
    (tmp_path / "fits.folded").write_text("old")
    bare = SimpleNamespace(title="fits", started_at=0.0, chunks=[], profile=None)
    with pytest.raises(BadOption, match="was not profiled"):
        export(bare, tmp_path / "fits.folded", call_item)
    assert (tmp_path / "fits.folded").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_run_that_was_not_profiled_can_be_a_trace(tmp_path: Path) -> None:
    run = recorded()
    run.profile = None
    export(run, tmp_path / "trace.json", call_item)
    assert len(json.loads((tmp_path / "trace.json").read_text())["traceEvents"]) == 12
    assert (tmp_path / "trace.json").stat().st_mode & 0o777 == 0o600


def test_a_host_is_idle_for_as_long_as_its_workers_together() -> None:
    run = recorded()
    run.seconds = 10.0
    for worker in ("w2", "w4"):
        run.profile.add(Source(worker, "host0", 1), sampled(*STACKS))
    tables = {title: (columns, rows) for title, columns, rows in ProfileReport(run)._tables()}
    columns, rows = tables["hosts"]
    assert [(row[0].text, row[columns.index("idle")].text) for row in rows] == [
        ("host0", "30.0 s"),
        ("host1", "10.0 s"),
    ]
    columns, rows = tables["workers"]
    assert {row[columns.index("idle")].text for row in rows} == {"10.0 s"}
