"""``--dry-run``, ``--verify``, ``--plot`` and ``%pathos report``, in a real kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from pathos_nb.dispatch.using.altair_plot import MIME
from tests.notebook.kernel import Kernel, held

pytestmark = [pytest.mark.timeout(180), pytest.mark.leaves("children")]


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    assert kernel.run("%load_ext pathos_nb").status == "ok"
    yield kernel
    kernel.close()


def test_a_dry_run_is_none_of_the_runs(kernel):
    kernel.run("%pmap -n 2 --dry-run 2 * v for v in range(10)", 60)
    assert kernel.run("%pathos runs").result.count("dry run") == 0


def test_a_dry_run_says_what_a_run_would_take_and_keeps_nothing(kernel):
    kernel.run("fits = 'mine'")
    answer = kernel.run("%%pmap -o fits -n 2 --dry-run 3 for v in range(40)\nimport time; time.sleep(0.01); v", 60)
    assert answer.status == "ok", answer.traceback
    assert "fits: " in answer.result and "as a loop here" in answer.result and "a point on a worker" in answer.result
    assert kernel.value("fits") == "mine"
    line = kernel.run("guess = %pmap -n 2 --dry-run 3 * v for v in range(30000)", 60)
    assert line.status == "ok", line.traceback
    assert "as a loop here" in kernel.value("guess.verdict") and kernel.value("guess.n_points") == 30000
    assert kernel.value("len(guess.measured.here_s)") == 5, "of an expression, 3 is its beginning"


def test_verified_points_are_said_and_differences_raised(kernel):
    answer = kernel.run("%%pmap -o fits -n 2 --verify 4 for v in range(20)\nv / 3")
    assert "verified 4 of 20 points of fits" in answer.text and "all exactly the same" in answer.text, answer.traceback
    answer = kernel.run("%%pmap -o fits -n 2 --verify 4 for v in range(20)\nimport os; os.getpid()")
    assert answer.ename == "NotTheSame" and "4 differ" in answer.traceback and "pathos_nb/" not in answer.traceback
    assert kernel.value("len(fits)") == 20, "the results are kept all the same"
    seeded = kernel.run("import pathos_nb\n_ = get_ipython().run_cell_magic('pmap', "
                        "'-n 2 --seed 3 --verify 4 for v in range(20)', 'pathos_nb.rng().random()')")  # fmt: skip
    assert "all exactly the same" in seeded.text, seeded.text + seeded.traceback
    behind = kernel.run("%%pmap --bg --verify 4 for v in range(20)\nv")
    assert "results.verify(k) compares them when it is over" in behind.text + behind.traceback


BODY = "import time; time.sleep(0.05); v * 2.0"


def test_a_plot_is_drawn_while_points_arrive_and_the_last_one_stays(kernel, tmp_path):
    pytest.importorskip("altair")
    assert kernel.run("import altair, matplotlib.figure", 60).status == "ok"  # seconds, on a busy machine
    answer = kernel.begin(f"%%pmap -q -n 2 --plot for v in range(80)\n{held(79, tmp_path / 'gate')}{BODY}")
    kernel.listen(lambda: any(MIME in drawn[0] for drawn in answer.displays.values()), 50)
    (tmp_path / "gate").touch()
    assert kernel.end(answer, 60).status == "ok", answer.traceback
    plots = [drawn for drawn in answer.displays.values() if MIME in drawn[0]]
    assert len(plots) == 1 and len(plots[0]) >= 2, "one place, drawn more than once"
    sizes = [len(drawn[MIME]["data"]["values"]) for drawn in plots[0]]
    assert sizes == sorted(sizes) and sizes[0] < 80 == sizes[-1]
    assert "image/png" in plots[0][-1] and "image/png" not in plots[0][0]
    assert len(json.dumps(plots[0][-1])) < 300_000


def test_where_nobody_looks_there_is_the_last_plot_only(kernel):
    kernel.allow_stdin = False
    try:
        answer = kernel.run(f"%%pmap -q -n 2 --plot for v in range(30)\n{BODY}", 90)
    finally:
        kernel.allow_stdin = True
    plots = [drawn for drawn in answer.displays.values() if "plot of" in drawn[0]["text/plain"]]
    assert [len(drawn) for drawn in plots] == [1], answer.traceback


def test_a_plot_of_what_is_no_number_is_a_note(kernel):
    answer = kernel.run("%%pmap -q --plot for v in range(3)\nstr(v)")
    assert answer.status == "ok" and "note: --plot: " in answer.text


def test_a_run_is_written_to_a_file(kernel, tmp_path):
    kernel.run("%%pmap -o fits for v in range(3)\n{'twice': v * 2}")
    for name, word in (("r.html", "<h2>Code</h2>"), ("r.json", "pathos_nb record"), ("r.csv", "v,twice,seconds")):
        answer = kernel.run(f"%pathos report '{tmp_path / name}' fits")
        assert "wrote" in answer.result and word in (tmp_path / name).read_text(), answer.traceback + answer.text
    html = (tmp_path / "r.html").read_text()
    assert "%%pmap for v in range(3)" in html and "v * 2" in html
    refused = kernel.run(f"%pathos report {tmp_path / 'r.pdf'} fits")
    assert "its name ends in .html" in refused.text + refused.traceback
    kernel.run("from pathos_nb import Pool\nwith Pool('threads') as pool: pool.map(str, [1], title='plain')")
    refused = kernel.run(f"%pathos report {tmp_path / 'r.html'} plain")
    assert "the points of plain are not there any more" in refused.text + refused.traceback
