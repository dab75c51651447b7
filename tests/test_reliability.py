"""The page of promises is that of its table and its figures, and what holds each promise is there."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def reliability(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    for name in ("reliability", "beside", "promises", "said", "matrix", "lowest"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import reliability

    yield reliability
    for name in ("reliability", "beside", "promises", "said", "matrix", "lowest"):
        sys.modules.pop(name, None)


def test_the_page_is_current_and_each_promise_is_held_by_something_that_is_there(reliability):
    assert list(reliability.faults()) == []


def test_a_test_that_is_gone_and_a_page_that_is_old_are_found(reliability, monkeypatch, tmp_path):
    rows = (reliability.Promise("It flies", ("tests/test_house.py::test_that_nobody_wrote",)),)
    monkeypatch.setattr(reliability, "SECTIONS", {"Wings": rows})
    monkeypatch.setattr(reliability, "PAGE", tmp_path / "reliability.md")
    assert [line.split(",")[0] for line in reliability.faults()] == [
        "docs/reliability.md is not current: python tools/reliability.py",
        "tests/test_house.py::test_that_nobody_wrote",
    ]


def test_what_holds_a_promise_is_run_and_its_figure_is_kept(reliability, monkeypatch, tmp_path):
    rows = (reliability.Promise("It adds", (str(tmp_path / "test_adding.py"),)),)
    (tmp_path / "test_adding.py").write_text(
        "def test_one():\n    assert 1 + 1 == 2\ndef test_two():\n    assert 1 + 1 == 3\n"
    )
    monkeypatch.setattr(reliability, "SECTIONS", {"Sums": rows})
    monkeypatch.setattr(reliability, "PAGE", tmp_path / "reliability.md")
    monkeypatch.setattr(reliability, "KEPT", tmp_path / "reliability.json")
    monkeypatch.setattr(reliability, "ROOT", tmp_path)
    (tmp_path / "conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--everywhere', action='store_true')\n"
    )
    assert reliability.main(["--run", "adds"]) == 1
    (figure,) = json.loads((tmp_path / "reliability.json").read_text()).values()
    assert figure["figure"] == "1 passed, **1 failed**"
    assert "| It adds | " in (tmp_path / "reliability.md").read_text()
    assert reliability.main(["--run", "subtracts"]) == 0


def test_figures_are_taken_from_what_the_suite_has_written(reliability, monkeypatch, tmp_path):
    holders = ("tests/sums/test_adding.py", "tests/sums/test_more.py::test_one")
    rows = (reliability.Promise("It adds", holders), reliability.Promise("It swims", ("tests/test_water.py",)))
    cases = [("sums.test_adding", "test_a[1-2]", ""), ("sums.test_adding", "test_b", "<skipped/>")]
    cases += [("sums.test_more", "test_one[x]", "<failure/>"), ("sums.test_more", "test_two", "<failure/>")]
    told = "".join(f'<testcase classname="tests.{file}" name="{name}">{how}</testcase>' for file, name, how in cases)
    (tmp_path / "tests.xml").write_text(f"<testsuites><testsuite>{told}</testsuite></testsuites>")
    monkeypatch.setattr(reliability, "SECTIONS", {"Sums": rows})
    monkeypatch.setattr(reliability, "PAGE", tmp_path / "reliability.md")
    monkeypatch.setattr(reliability, "KEPT", tmp_path / "reliability.json")
    assert reliability.main(["--from", str(tmp_path / "tests.xml")]) == 1
    page = (tmp_path / "reliability.md").read_text()
    assert "| 1 passed, **1 failed**, 1 skipped in *make test* (" in page
    assert page.partition("## Beside")[0].count("not run yet") == 1


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["seed 1: 9 rounds, 50 items compared, 3 faults in time, 1 MB grown, 0 failed"] * 2,
         "2 seeds of 5 s: 18 rounds, 100 items, 6 faults, none failed"),
        (["seed 1: 9 rounds, 50 items compared, 3 faults in time, 1 MB grown, 1 failed", "it hung"],
         "2 seeds of 5 s: 9 rounds, 50 items, 3 faults, **2 failed**"),
        (["seed 1 PASSED: 9 rounds, 50 items compared, 3 faults in time, 1 MB grown, 0 failed; every fault came, at every place"],
         "1 seeds of 5 s: 9 rounds, 50 items, 3 faults, none failed, every fault at every place in 1 of them"),
    ],
    ids=["good", "bad", "whole"],
)  # fmt: skip
def test_soaks_are_summed_up_and_none_is_overlooked(reliability, said, told):
    assert reliability._sum_of_soaks(said, 5.0) == told


def test_soaks_that_have_been_are_taken_from_their_verdicts(reliability, monkeypatch, tmp_path):
    monkeypatch.setattr(reliability, "PAGE", tmp_path / "reliability.md")
    monkeypatch.setattr(reliability, "KEPT", tmp_path / "reliability.json")
    log = tmp_path / "soaks.txt"
    rest = "2 rounds, 9 items compared, 4 faults in time, 2 of the rounds great, 1 MB grown"
    log.write_text(f"abc1234 seed 1 PASSED: {rest}, 0 failed\nnoise\nabc1234 seed 2 FAILED: {rest}, 1 failed\n")
    assert reliability.main(["--soaks", str(log)]) == 1
    assert (
        "| 2 seeds of 120 s: 4 rounds, 18 items, 8 faults, **1 failed** (" in (tmp_path / "reliability.md").read_text()
    )


def test_the_peers_are_beside_the_promises_those_that_do_the_same_together(reliability, monkeypatch, tmp_path):
    beside = sys.modules["beside"]
    promised = {name for promise in reliability.promises() for name in promise.beside}
    assert promised == set(beside.BEHAVIOURS), "each of them stands beside a promise"
    monkeypatch.setattr(reliability, "PAGE", tmp_path / "reliability.md")
    monkeypatch.setattr(reliability, "KEPT", tmp_path / "reliability.json")
    answers = {"pathos_nb": "every result", "multiprocessing": "hangs (> 15 s)", "pathos": "hangs (> 15 s)"}
    monkeypatch.setattr(beside, "told_by", lambda behaviour, who: answers.get(who, "BrokenProcessPool"))
    assert reliability.main(["--peers", "killing"]) == 0
    page = (tmp_path / "reliability.md").read_text()
    told = "multiprocessing, pathos hangs (> 15 s); futures, mpire, joblib, loky BrokenProcessPool |"
    assert f"*an item kills each worker that tries it:* {told}" in page
    assert "| an item kills each worker that tries it | every result | hangs (> 15 s) | Broken" in page
    assert "| an item raises | not run yet |" in page


def test_what_the_readme_says_without_a_row_and_what_it_says_no_more_is_found(reliability, monkeypatch, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(
        "# It\n\nIt flies. It [never](why.md) falls\ndown.\n\n| where | what |\n|---|---|\n| Mars | all of it |\n\n"
        "```python\nIt(swims)\n```\n\n## How to help\n\nIt is yours.\n"
    )
    monkeypatch.setattr(reliability, "README", readme)
    monkeypatch.setattr(reliability, "quotes", lambda: ["never falls down", "It sings"])
    assert [line.partition(":")[0] for line in reliability.faults()] == [
        "the README says 'It flies.'", "the README says '| Mars | all of it |'",
        "the README does not say 'It sings' any more (tools/promises.py)",
    ]  # fmt: skip


def test_environments_are_summed_up_and_those_that_fail_are_named(reliability, monkeypatch):
    monkeypatch.setattr(reliability, "cells", lambda: [SimpleNamespace(name=name) for name in "abcde"])
    text = (
        "== a\n  e: 7 passed\n== matrix\n  a: 5 passed\n  b: 1 failed, 4 passed\n  c: c is not here\n"
        "  d: **could not be installed**\n"
    )
    assert reliability._sum_of_cells(text) == "1 environments passed, **failed: b, d**, not here: c, not tried: e"
    again = "== b\n5 passed\n== matrix\n  b: 5 passed\n== matrix\n  d: 5 passed\n  e: **9 skipped**"
    assert reliability._sum_of_cells(text + again) == "3 environments passed, **failed: e**, not here: c"


def test_environments_that_were_tried_one_by_one_make_one_figure(reliability, monkeypatch, tmp_path):
    monkeypatch.setattr(reliability, "PAGE", tmp_path / "reliability.md")
    monkeypatch.setattr(reliability, "KEPT", tmp_path / "reliability.json")
    monkeypatch.setattr(reliability, "cells", lambda: [SimpleNamespace(name=name) for name in "ab"])
    logs = [tmp_path / "a.log", tmp_path / "b.log"]
    logs[0].write_text("== a\n== matrix\n  a: 5 passed\n")
    logs[1].write_text("== b\n== matrix\n  b: **1 failed, 4 passed**\n")
    assert reliability.main(["--cells", *map(str, logs)]) == 1
    assert "| 1 environments passed, **failed: b** (" in (tmp_path / "reliability.md").read_text(encoding="utf-8")
    logs[1].write_text("== b\n== matrix\n  b: 5 passed\n")
    assert reliability.main(["--cells", *map(str, logs)]) == 0
    assert "| 2 environments passed (" in (tmp_path / "reliability.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("said", "status", "told"),
    [
        ("=== 5 passed, 1 skipped in 3.20s ===", 0, (True, "ipykernel 7: 5 passed, 1 skipped")),
        ("1 failed, 4 passed in 3.20s", 1, (False, "ipykernel 7: **1 failed, 4 passed**")),
        ("9 skipped in 0.10s", 0, (False, "ipykernel 7: **9 skipped**")),
        ("Killed", 137, (False, "ipykernel 7: **no test was run**")),
    ],
)
def test_an_environment_is_good_where_tests_ran_and_passed(reliability, monkeypatch, said, status, told):
    matrix = sys.modules["matrix"]
    monkeypatch.setattr(matrix, "_install", lambda *of: None)
    monkeypatch.setattr(matrix, "_versions", lambda *of: "ipykernel 7")
    monkeypatch.setattr(matrix, "_answers", lambda python: True)
    ended = SimpleNamespace(stdout=said, returncode=status)
    monkeypatch.setattr(matrix, "subprocess", SimpleNamespace(run=lambda *of, **how: ended, PIPE=-1))
    assert matrix._tried(matrix.Cell("a", ("python3",), (), ("tests/e2e",))) == told


def test_the_environments_of_the_matrix_run_tests_that_are_there(reliability, monkeypatch):
    monkeypatch.delitem(sys.modules, "matrix", raising=False)
    import matrix

    cells = list(matrix.cells())
    assert len({cell.name for cell in cells}) == len(cells)
    assert {"python3.10", "python3.13", "ipykernel-6.31", "ipykernel-7.3", "jupyterlab-4.2"} <= {c.name for c in cells}
    tests = {word for cell in cells for word in cell.words if word.startswith("tests/")}
    assert not [path for path in tests if not (ROOT / path).exists()]
    wanted = {word for cell in cells if cell.name == "lowest" for word in cell.requirements}
    assert "dill==0.3.9" in wanted and "numpy" not in wanted


NAMED = re.compile(r"`((?:\w+/)?test_\w+\.py)::(test_\w+)`")


def test_the_faults_of_hosts_are_held_by_tests_that_are_there_and_run_every_day():
    rows = [row for row in (ROOT / "docs" / "host-faults.md").read_text("utf-8").splitlines() if row.startswith("| ")]
    rows = [row for row in rows if not row.startswith("| what goes wrong")]
    assert len(rows) > 30 and all(NAMED.search(row) for row in rows)
    for row in rows:
        for file, name in NAMED.findall(row):
            found = re.search(rf"((?:^@.*\n)*)^def {name}\(", (ROOT / "tests" / file).read_text("utf-8"), re.M)
            assert found, f"{file} has no {name}"
            assert "mark.everywhere" not in found[1], f"{name} does not run every day"
            assert "seldom(" not in found[1] or "°" in row, f"{name} does not run every day in all its shapes"
