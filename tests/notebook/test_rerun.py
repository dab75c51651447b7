"""Points that run again, in a real kernel: their values go into the result that they belong to."""

from __future__ import annotations

import pytest

from tests.notebook.kernel import Kernel, held

pytestmark = [pytest.mark.timeout(120), pytest.mark.leaves("children")]


@pytest.fixture
def kernel(kernel: Kernel) -> Kernel:
    kernel.run("bad = {2, 5}")
    return kernel


CELL = "%%pmap -o fits --on-error keep for v in range(8)\nif v in bad: raise ValueError(v)\nv * 10"


def test_the_failed_points_run_again_and_fill_the_same_result(kernel):
    kernel.run(CELL)
    kernel.run("kept = fits")
    assert kernel.value("[v if v else None for v in fits][2]") is None
    kernel.run("bad = {5}")
    answer = kernel.run("%pathos rerun fits --failed")
    assert answer.status == "ok" and "1 failed" in answer.result, answer.traceback
    assert kernel.value("kept is fits and [v for v in fits if v or v == 0]") == [0, 10, 20, 30, 40, 60, 70]
    assert kernel.value("([f.index for f in fits.errors], [f.argument for f in fits.errors])") == ([5], ["v=5"])
    assert kernel.value("(fits.run.state, fits.run.n_done, fits.run.n_failed)") == ("failed", 8, 1)
    assert kernel.value("all(s is not None for s in fits.to_dict()['seconds'])")
    kernel.run("bad = set()")
    assert "8 points, " in kernel.run("%pathos rerun --failed").result, "the latest run: it is the same result"
    assert kernel.value("list(fits)") == [0, 10, 20, 30, 40, 50, 60, 70]
    assert kernel.value("(fits.run.state, len(fits.errors))") == ("done", 0)
    assert "fits" in kernel.run("%pathos runs").result and "failed" not in kernel.run("%pathos errors fits").result
    assert "nothing to do: every point of fits has a value" in kernel.run("%pathos rerun fits --failed").result


def test_the_value_in_the_first_cell_is_shown_anew_when_its_points_have_run_again(kernel):
    cell = kernel.run(CELL)
    (shown,) = [m for m in cell.messages if m["msg_type"] == "execute_result"]
    place = shown["content"]["metadata"]["pathos_nb"]["place"]
    assert place not in cell.displays, "it is a value, no display"
    assert not [m for m in kernel.run("fits").messages if "pathos_nb" in m["content"].get("metadata", {})], (
        "what it was"
    )
    kernel.run("bad = set()\n%pathos rerun fits --failed")
    kernel.listen(lambda: place in cell.displays, 20)
    assert (
        "failed" not in cell.displays[place][-1]["text/html"] and "ValueError" in shown["content"]["data"]["text/html"]
    )


def test_the_value_of_a_cell_whose_run_goes_on_behind_is_whole_in_the_end(kernel, tmp_path):
    gate = f"def gate(v):\n    {held(19, tmp_path / 'gate').strip().replace(chr(10), chr(10) + '    ')}\n"
    cell = kernel.run(f"{gate}%pmap --bg (gate(v), v * 7)[1] for v in range(20)")
    (tmp_path / "gate").touch()
    (shown,) = [m for m in cell.messages if m["msg_type"] == "execute_result"]
    kernel.listen(lambda: shown["content"]["metadata"]["pathos_nb"]["place"] in cell.displays, 30)
    (final,) = cell.displays[shown["content"]["metadata"]["pathos_nb"]["place"]]
    assert "133" in final["text/plain"] and "133" not in shown["content"]["data"]["text/plain"]


ITEMS = "(sum(w.n_items for w in fits.run.profile.workers.values()), len(fits.run.profile.longest))"


def test_the_profile_and_the_picture_of_what_ran_again_become_those_of_the_whole(kernel):
    cell = kernel.run(
        "import time\n"
        + "%pmap -o fits --profile --on-error keep (time.sleep(0.08), 1 / (v not in bad))[1] for v in range(8)"
    )
    (place,) = cell.displays
    assert kernel.value(ITEMS) == (8, 8) and "2 failed" in cell.picture["text/plain"]
    own = "sum(seen[0] for seen in fits.run.profile.own.values())"
    before = kernel.value(own)
    kernel.run("bad = set()\n%pathos rerun fits --failed")
    assert kernel.value(ITEMS) == (10, 8) and kernel.value(own) > before
    kernel.listen(lambda: "failed" not in cell.displays[place][-1]["text/plain"], 20)
    assert "8/8" in cell.displays[place][-1]["text/plain"]
    assert kernel.value("all(a.ends[-1] <= fits.run.ended_at + 1e-3 for a in fits.run.chunks)"), "as if it had gone on"


def test_a_sweep_that_goes_on_in_the_same_kernel_has_one_profile(kernel, tmp_path):
    cell = (
        "%%pmap -o fits -n 1 --profile for v in range(6)\nimport pathlib, time\ntime.sleep(0.05)\n"
        f"if v == 4 and not pathlib.Path({str(tmp_path / 'mended')!r}).exists(): raise ValueError(v)\nv"
    )
    assert kernel.run(cell).ename == "ValueError"
    n_before = kernel.value(ITEMS)[0]
    (tmp_path / "mended").touch()
    again = kernel.run(cell)
    n_kept = int(again.text.partition("fits was cut short: ")[2].partition(" ")[0])
    assert kernel.value(ITEMS)[0] == n_before + 6 - n_kept and kernel.value("list(fits)") == list(range(6))


def test_a_seeded_point_draws_the_same_numbers_when_it_runs_again(kernel):
    pytest.importorskip("numpy")
    cell = (
        "%%pmap -o drawn --seed 4 --on-error keep for v in range(8)\nimport pathos_nb\nif v in bad: raise ValueError\n"
    )
    kernel.run("bad = set()")
    kernel.run(cell + "pathos_nb.rng().random()")
    kernel.run("first, bad = list(drawn), {2, 5}")
    kernel.run(cell + "pathos_nb.rng().random()")
    assert kernel.value("len(drawn.errors)") == 2
    kernel.run("bad = set()\n")
    kernel.run("%pathos rerun drawn --failed")
    assert kernel.value("list(drawn) == first")


def test_what_was_not_run_is_run_and_a_point_that_raises_again_is_the_cells_error(kernel):
    kernel.run("bad = {0}")
    answer = kernel.run("%%pmap -o fits -n 1 for v in range(8)\nif v in bad: raise ValueError(v)\nv * 10")
    assert answer.ename == "ValueError"
    again = kernel.run("%pathos rerun fits --failed")
    assert again.ename == "ValueError" and "v=0" in again.traceback
    kernel.run("bad = set()")
    assert kernel.run("%pathos rerun fits --failed").status == "ok"
    assert kernel.value("list(fits)") == [0, 10, 20, 30, 40, 50, 60, 70]


def test_all_points_run_again_with_the_names_as_they_are_now(kernel):
    kernel.run("bad, scale = set(), 1")
    kernel.run("fits = %pmap v * scale for v in range(3)")
    kernel.run("scale = 100")
    assert kernel.run("%pathos rerun").status == "ok"
    assert kernel.value("list(fits)") == [0, 100, 200]


def test_a_closed_pool_is_opened_again(kernel):
    kernel.run(CELL)
    kernel.run("%pathos close --all")
    kernel.run("bad = set()")
    assert kernel.run("%pathos rerun fits --failed").status == "ok"
    assert kernel.value("list(fits)[5]") == 50


REFUSED = {
    "no run": ("%pathos rerun nothing", "no run is called 'nothing'"),
    "a plain map": (
        "from pathos_nb import Pool\nwith Pool('threads') as pool: pool.map(str, [1], title='plain')\n"
        "%pathos rerun plain",
        "plain cannot run again; what %%pmap and %pmap have run can",
    ),
    "a result that is gone": (
        "bad = set()\nget_ipython().run_cell_magic('pmap', '-o gone for v in range(3)', 'v;')\n"
        "import gc, time, weakref\nseen, end = weakref.ref(gone), time.monotonic() + 10\ndel gone\n"
        "while seen() is not None and time.monotonic() < end: gc.collect(); time.sleep(0.02)\n%pathos rerun gone",
        "the points of gone are not there any more; keep a result in a variable, by -o NAME",
    ),
    "one that goes on": (
        "get_ipython().run_cell_magic('pmap', '--bg -o on for v in range(99)', 'import time; time.sleep(0.1)')\n"
        "%pathos rerun on",
        "on is still running",
    ),
    "a pool of the user's that is closed": (
        "from pathos_nb import Pool\nmine = Pool('threads', nodes=2)\n"
        "get_ipython().run_cell_magic('pmap', '-q -p mine -o own for v in range(3)', 'v')\n"
        "mine.close()\n%pathos rerun own",
        "the pool is closed",
    ),
}


@pytest.mark.parametrize(("cell", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_run_again_says_why(kernel, cell, said):
    answer = kernel.run(cell)
    assert answer.status == "error" and said in " ".join((answer.text + answer.traceback).split())
    kernel.run("%pathos cancel --all")


def test_a_result_and_a_part_of_it_run_again_by_themselves(kernel):
    kernel.run(CELL)
    assert kernel.value("[f.index for f in fits[3:].errors]") == [2]
    kernel.run("bad = set()")
    answer = kernel.run("fits[3:].retry()")
    assert answer.status == "ok" and "part of fits: 5 points" in answer.result, answer.traceback
    assert kernel.value("([f.index for f in fits.errors], fits[3:] == [30, 40, 50, 60, 70])") == ([2], True)
    assert kernel.run("fits.retry();").status == "ok"
    assert kernel.value("fits == [v * 10 for v in range(8)]") is True


def test_a_point_is_looked_into_in_the_kernel(kernel):
    kernel.run(CELL)
    answer = kernel.run("fits.debug(commands=['p v * 1000 + 7'])")
    assert "2007" in answer.text and "v=2: ValueError: 2" in answer.text, answer.text + answer.traceback
    kernel.allow_stdin, before = False, kernel.allow_stdin
    try:
        answer = kernel.run("fits.debug(5)")
    finally:
        kernel.allow_stdin = before
    assert answer.status == "ok" and "pmap In[" in answer.text and "v=5: ValueError: 5" in answer.text, answer.text


def test_the_debugger_of_ipython_asks_in_the_cell(kernel):
    kernel.run(CELL)
    answer = kernel.begin("fits.debug(5)")
    for words in ("p v * 1000 + 7", "q"):
        assert kernel.client.get_stdin_msg(timeout=20)["msg_type"] == "input_request"
        kernel.client.input(words)
    assert "5007" in kernel.end(answer).text


def test_points_have_files_and_those_that_run_again_give_theirs_under_their_own_number(kernel, tmp_path):
    (tmp_path / "in.txt").write_text("x")
    kernel.run(f"import os\nbefore = os.getcwd()\nos.chdir({str(tmp_path)!r})\nbad = {{1}}")
    try:
        asked = "--on-error keep --files in.txt --collect out-*.txt --collect-to kept"
        body = "assert x not in bad\nopen(f'out-{x}.txt', 'w').write(open('in.txt').read() * x)\nos.getcwd()"
        assert kernel.run(f"%%pmap -q -o fits {asked} for x in range(3)\n{body}").status == "ok"
        assert kernel.value("len({place for place in fits if isinstance(place, str)})") == 2
        kept = tmp_path / "kept"
        assert sorted(path.relative_to(kept).as_posix() for path in kept.rglob("*.txt")) == [
            "000000/out-0.txt",
            "000002/out-2.txt",
        ]
        assert kernel.run("bad = set()\n%pathos rerun fits --failed").status == "ok"
        assert (kept / "000001" / "out-1.txt").read_text() == "x"
        again = kernel.run(f"%%pmap -q {asked} for x in range(3)\n{body}")
        assert "UsageError" in again.text and "nothing is overwritten" in again.text
    finally:
        kernel.run("os.chdir(before)")
