"""Sweeps that are cut short and go on: in the same kernel, in the next one, after a kill."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

import pytest

from tests.notebook.kernel import Kernel

pytestmark = [pytest.mark.timeout(120), pytest.mark.leaves("children", "files")]

SETUP = "%load_ext pathos_nb\nimport time, os\nscale = 10\ndef helper(v):\n    return v * scale"
BODY = "open(log, 'a').write(str(v) + chr(10))\nif v == stop_at: raise ValueError(v)\ntime.sleep(pause)\nhelper(v)"
CELL = "%%pmap -o fits{options} for v in range({n})\n" + BODY


class Kernels:
    """Kernels that share one store."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        self.log.touch()
        self._kernels: list[Kernel] = []

    def new(self, pause: float = 0.0, stop_at: int = -1) -> Kernel:
        kernel = Kernel()
        self._kernels.append(kernel)
        kernel.run(f"{SETUP}\n%config PathosMagics.store = {str(self.folder / 's.sqlite')!r}")
        kernel.run("class Plain:\n    pass")
        kernel.run(f"log, pause, stop_at = {str(self.log)!r}, {pause}, {stop_at}")
        return kernel

    def computed(self) -> list[int]:
        """Give the points that were begun since it was last asked, in order."""
        found = sorted(map(int, self.log.read_text().split()))
        self.log.write_text("")
        return found

    def close(self) -> None:
        for kernel in self._kernels:
            kernel.close()


@pytest.fixture
def kernels(tmp_path):
    made = Kernels(tmp_path)
    yield made
    made.close()


def cell(n: int = 20, options: str = "") -> str:
    return CELL.format(n=n, options=options)


def test_a_sweep_that_failed_goes_on_in_the_next_kernel_and_computes_only_what_is_missing(kernels):
    first = kernels.new(stop_at=12)
    answer = first.run(cell(options=" -n 1"))
    assert answer.ename == "ValueError"
    done = first.value("[v / scale for v in fits if v or v == 0]")
    first.manager.shutdown_kernel(now=True)
    assert 1 < len(done) < 20 and kernels.computed()

    second = kernels.new(stop_at=12)
    answer = second.run(cell(options=" -n 1"))
    assert f"fits was cut short: {len(done)} of 20 points are there, the rest is computed (--fresh" in answer.text
    assert answer.ename == "ValueError" and kernels.computed()[0] == min(set(range(20)) - set(map(int, done)))

    runs = second.run("%pathos runs").result
    assert "s.sqlite" in runs and "fits" in runs


def test_what_the_body_uses_makes_new_points_and_what_stays_does_not(kernels):
    kernel = kernels.new()
    kernel.run(cell(6))
    assert kernels.computed() == list(range(6))
    assert kernel.run(cell(6)).text == "", "a sweep that is done is computed anew"
    assert kernels.computed() == list(range(6))
    answer = kernel.run(cell(8, " --resume"))
    assert "6 of 8 points are there already" in answer.text and kernels.computed() == [6, 7]
    assert kernel.value("list(fits)") == [v * 10 for v in range(8)]
    kernel.run("scale = 100")
    assert "0 of 8 points" in kernel.run(cell(8, " --resume")).text and kernels.computed() == list(range(8))
    assert kernel.value("list(fits)") == [v * 100 for v in range(8)]
    kernel.run("def helper(v):\n    return -v")
    assert "0 of 8 points" in kernel.run(cell(8, " --resume")).text and len(kernels.computed()) == 8
    kernel.run("def helper(v):\n\n    # as it was, on other lines\n    return v * scale\nscale = 10")
    assert "8 of 8 points" in kernel.run(cell(8, " --resume")).text and not kernels.computed()
    kernel.run(cell(8, " --fresh"))
    assert kernels.computed() == list(range(8))


def test_a_kernel_that_is_killed_costs_the_points_in_flight_alone(kernels):
    first = kernels.new(pause=0.02)
    first.begin(cell(200))
    deadline = time.monotonic() + 30
    while len(kernels.log.read_text().split()) < 60 and time.monotonic() < deadline:
        time.sleep(0.01)
    first.manager.shutdown_kernel(now=True)
    begun = kernels.computed()

    second = kernels.new(pause=0.02)
    listed = second.run("%pathos runs").result
    assert "lost" in listed and "an earlier one" in listed and "200" in listed
    answer = second.run(cell(200), timeout=60)
    again = kernels.computed()
    assert "fits was cut short" in answer.text, answer.text + answer.traceback
    assert len(begun) + len(again) - 200 < 60, (
        "what runs twice is what was sent and not reported: at most a quarter of a second's"
    )
    assert set(begun) | set(again) == set(range(200))
    assert second.value("list(fits)") == [v * 10 for v in range(200)]
    assert second.value("len(fits.to_dict()['seconds']) - fits.to_dict()['seconds'].count(None)") == 200


def test_results_errors_and_reruns_of_an_earlier_kernel(kernels):
    first = kernels.new(stop_at=3)
    first.run(cell(6, " --on-error keep"))
    kernels.computed()

    second, pid = kernels.new(), first.value("os.getpid()")
    listed = second.run("%pathos runs").result
    assert "failed" in listed and f"another one (process {pid} on " in listed and "earlier" not in listed
    first.manager.shutdown_kernel(now=True)
    listed = second.run("%pathos runs").result
    assert "an earlier one" in listed and "began" in listed and "another one" not in listed
    errors = second.run("%pathos errors fits").result
    assert "ValueError: 3" in errors and "v=3" in errors
    loaded = second.run("%pathos load fits -o before")
    assert "1 failed" in loaded.result and second.value("[v for v in before if v or v == 0]") == [0, 10, 20, 40, 50]
    second.run("%pathos load fits")
    assert second.value("(fits.names, fits.points[5], len(fits.errors))") == (("v",), (5,), 1)
    answer = second.run("%pathos rerun fits --failed")
    assert answer.ename == "" and "ValueError: 3" in answer.result, (
        "the code is that of the run, its names as they were"
    )
    assert kernels.computed() == [3]
    assert "no run is called 'nothing'" in second.run("%pathos load nothing").text
    assert "forgot" in second.run("%pathos runs --prune --all").result
    assert "no run is called 'gone'" in second.run("%pathos errors gone").text


def test_points_that_run_again_are_kept_where_they_were(kernels):
    first = kernels.new()
    first.run("import pathlib; flag = pathlib.Path(log + '.flag'); flag.touch()")
    text = "%%pmap --profile -o fits --on-error keep for v in range(6)\nif v == 3 and flag.exists(): raise ValueError(v)\nv * 10"
    first.run(text)
    first.run("flag.unlink()")
    assert first.run("%pathos rerun fits --failed").status == "ok"
    first.manager.shutdown_kernel(now=False)

    second = kernels.new()
    assert "failed" not in second.run("%pathos errors fits").result
    profile = second.run("%pathos profile fits")
    assert "longest points" in profile.result and "v=3" in profile.result, "it has not ended with its kernel"
    assert "longest points" in second.run("%pathos profile").result, "the latest that has one"
    assert second.run(f"%pathos profile fits --export {kernels.folder}/trace.json").status == "ok"
    assert "v=5" in (kernels.folder / "trace.json").read_text()
    second.run("%pathos load fits")
    assert second.value("list(fits)") == [v * 10 for v in range(6)]


def test_a_sweep_behind_that_is_cancelled_is_gone_on_with_at_once(kernels):
    kernel = kernels.new()
    cell = "for v in range(40)\n__import__('time').sleep(0.05 if v < 4 else 3); v * 10"
    kernel.run(f"%%pmap -o fits --bg -n 2 {cell}")
    assert kernel.run("while fits.run.n_done < 4: __import__('time').sleep(0.01)").status == "ok"
    kernel.run("fits.cancel()")
    other = cell.replace("range(40)", "range(5)")
    answer = kernel.run(f"%%pmap -o five -n 2 {other}")
    assert "fits was cut short with other points: all are computed (--resume takes" in answer.text
    assert kernel.value("five.run.n_before") == 0
    kernel.run(f"%%pmap -o fits --bg -n 2 {cell}")
    assert kernel.run("while fits.run.n_done < 4: __import__('time').sleep(0.01)").status == "ok"
    kernel.run("fits.cancel()")
    assert "fits was cut short: " in kernel.run(f"%%pmap -o fits --bg -n 2 {cell}").text
    kernel.run("fits.cancel()")


def test_a_module_that_is_edited_makes_new_points_once_it_is_reloaded_and_mixes_with_none(kernels, tmp_path):
    kernel, module = kernels.new(), tmp_path / "mine_sweeping.py"
    module.write_text("def h(v): return v + 1\n")
    kernel.run(f"import sys, importlib; sys.path.insert(0, {str(tmp_path)!r})\nimport mine_sweeping")
    cell = "%%pmap -o fits{} -n 2 for v in range(4)\n{}mine_sweeping.h(v)"
    assert kernel.run(cell.format("", "")).status == "ok" and kernel.value("list(fits)") == [1, 2, 3, 4]
    assert kernel.run(cell.format("", "import mine_sweeping\n")).status == "ok"

    module.write_text("def h(v): return v + 1000\n")
    answer = kernel.run(cell.format("", ""))
    assert "the points are not kept: mine_sweeping.py has changed since it was imported: reload it" in answer.text
    kernel.run("importlib.reload(mine_sweeping)")
    for before in ("", "import mine_sweeping\n"):
        answer = kernel.run(cell.format(" --resume", before))
        assert "0 of 4 points are there" in answer.text, answer.text + answer.traceback
        assert kernel.value("list(fits)") == [1000, 1001, 1002, 1003], "the workers that were there have the new one"
        assert "4 of 4 points are there" in kernel.run(cell.format(" --resume", before)).text
    second = kernels.new()
    second.run(f"import sys; sys.path.insert(0, {str(tmp_path)!r})")
    assert "4 of 4 points are there" in second.run(cell.format(" --resume", "import mine_sweeping\n")).text


def test_what_cannot_be_kept_is_said_and_the_map_goes_on(kernels):
    kernel = kernels.new()
    kernel.run("lock = __import__('threading').Lock()")
    answer = kernel.run("%%pmap -o fits -p threads for v in range(3)\nlock is None or v")
    assert "the points are not kept: " in answer.text and "lock is a lock" in answer.text
    assert kernel.value("list(fits)") == [True] * 3 or kernel.value("len(fits)") == 3
    answer = kernel.run("%%pmap -o fits -p threads for v in range(3)\nv if v != 1 else (i for i in range(3))")
    assert answer.status == "ok", answer.traceback
    assert "1 value cannot be pickled: delivered, but not kept" in answer.text
    behind = kernel.run("%%pmap -o late --bg -p threads for v in range(3)\nv if v != 1 else (i for i in range(3))")
    kernel.listen(lambda: "1 value cannot be pickled: delivered, but not kept" in behind.text, 30)
    both = kernel.run("%%pmap --resume --fresh for v in range(3)\nv")
    assert "leave one of them out" in both.text + both.traceback
    off = kernel.run("%%pmap --store off -o fits for v in range(3)\nv")
    assert off.status == "ok" and kernel.value("not __import__('os').path.exists('off')")
    refused = kernel.run("%%pmap --resume for v in range(3)\nlock is None or v")
    assert "the points cannot be kept" in refused.text + refused.traceback


def test_a_store_whose_folder_goes_in_mid_run_is_said_and_begun_anew(kernels):
    kernel, store = kernels.new(), kernels.folder / "sub" / "t.sqlite"
    kernel.run(f"import shutil, time\nfolder = {str(store.parent)!r}")
    cell = f"%%pmap --store {store} -o gone for v in range(9)\nif v == 5: shutil.rmtree(folder)\ntime.sleep(0.02)\nv"
    answer = kernel.run(cell)
    assert answer.text.count("\n") == 1 and f"note: the store {store} was removed or replaced" in answer.text, (
        answer.text
    )
    assert kernel.value("list(gone)") == list(range(9))
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=60)
    kernel.run("%load_ext pathos_nb")
    assert "9 of 9" in kernel.run(f"%pathos runs {store}").result
    kernel.run("%pathos load gone")
    assert kernel.value("list(gone)") == list(range(9))
    errors = kernel.run("%%pmap -o bad --on-error keep for v in range(3)\n1 // v")
    assert errors.status == "ok" and "v=0" in kernel.run("%pathos errors bad").result
    kernel.run("bad = None")
    assert "v=0" in kernel.run("%pathos errors bad").result, "the name of the parameter, of a result that is gone too"
    assert "there is no folder" in kernel.run(f"%pathos report {kernels.folder}/none/x.html gone").text


def test_a_store_that_cannot_be_used_says_so_and_is_moved_away_by_a_verb(kernels):
    first = kernels.new()
    first.run(cell(5))
    first.manager.shutdown_kernel(now=True)
    store = kernels.folder / "s.sqlite"
    with contextlib.closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA user_version = 99")

    kernel = kernels.new()
    said = kernel.run("%pathos runs").result
    assert f"the store {store} was written by a newer pathos_nb" in said and "%pathos runs --set-aside" in said, said
    assert "no run is called 'fits'; the store" in kernel.run("%pathos load fits").text
    answer = kernel.run(cell(6))
    assert "the points are not kept: the store" in answer.text and kernel.value("list(fits)") == [
        v * 10 for v in range(6)
    ]
    said = kernel.run("%pathos runs").result
    assert "fits" in said and "newer pathos_nb" in said, "this kernel's runs, and what is wrong with the store"
    said = kernel.run("%pathos runs --set-aside").result
    (aside,) = kernels.folder.glob("s-aside-*.sqlite")
    assert str(aside) in said and aside.stat().st_size and not store.exists()
    assert kernel.run(cell(6)).text == "" and "not kept" not in kernel.run("%pathos runs").result
    assert "no store" in kernel.run(f"%pathos runs {kernels.folder / 'nothing'}").text

    with contextlib.closing(sqlite3.connect(aside)) as connection:
        connection.execute("PRAGMA user_version = 1")
    assert "5 of 5" in kernel.run(f"%pathos runs {aside}").result, "it is looked into, as any other"


def test_the_later_of_two_results_of_a_name_is_given_whether_it_is_kept_or_not(kernels):
    kernel = kernels.new()
    kernel.run(cell(3))
    kernel.run("%%pmap --store off -o fits for v in range(4)\n-v")
    answer = kernel.run("%pathos load fits")
    assert "note: fits is the run" in answer.text and "which is not kept" in answer.text, answer.text
    assert kernel.value("list(fits)") == [0, -1, -2, -3], "no older one is put in its place"
    kernel.run("%xdel fits\nimport gc\ngc.collect()")
    answer = kernel.run("%pathos load fits -o older")
    assert "was not kept, and is gone" in answer.text and kernel.value("list(older)") == [0, 10, 20], answer.text


def test_a_sweep_that_goes_on_under_another_name_leaves_the_first_as_it_is(kernels):
    kernel = kernels.new(stop_at=12)
    first = kernel.run(cell(options=" -n 1"))
    assert first.ename == "ValueError"
    answer = kernel.run(cell(options=" -n 1").replace("-o fits", "-o more"))
    assert "fits was cut short" in answer.text, answer.text + answer.traceback
    kernel.run("%unload_ext pathos_nb")
    with contextlib.closing(sqlite3.connect(kernels.folder / "s.sqlite")) as store:
        assert sorted(store.execute("SELECT title FROM runs").fetchall()) == [("fits",), ("more",)]
