"""The benchmarks' own arithmetic, and that a contender that hangs is reported and not waited for."""

from __future__ import annotations

import re
import time

import pytest

from benchmarks import bounds, cases, report, snippets
from benchmarks.figures import Goal, Outcome, Row, at_least, at_most, lower_quartile, percentile, row_of
from benchmarks.process import Contender, ContenderError, marked
from benchmarks.viewing import view_cost
from pathos_nb.dispatch.profiles import Source, make_profile
from pathos_nb.wire.protocol import Profiled


def test_list_schedule_gives_each_item_to_the_first_free_worker() -> None:
    assert bounds.list_schedule([4, 1, 1, 1]) == 4
    assert bounds.list_schedule([1, 1, 1, 4]) == 5


def test_even_shares_keep_every_item() -> None:
    shares = bounds.even_shares([5, 3, 3, 2, 2, 1])
    assert sorted(sum(shares, [])) == [1, 2, 2, 3, 3, 5]
    assert [sum(share) for share in shares] == [8, 8]


def test_lower_quartile_and_percentile() -> None:
    assert lower_quartile([4.0, 1.0, 2.0, 3.0, 5.0]) == 2.0
    assert lower_quartile([7.0]) == 7.0
    assert percentile(range(100), 99) == 99


def test_goals_are_told_only_from_figures() -> None:
    assert at_most("a", 1.0, 2.0).is_met is True
    assert at_least("a", 1.0, 2.0).is_met is False
    assert at_most("a", None, 2.0).is_met is None


def test_the_best_peer_is_neither_ours_nor_a_bound() -> None:
    rows = [
        Row("pathos_nb", "default", 1.0, "ms"),
        Row("copy", "bound", 0.5, "ms", is_bound=True),
        Row("loky", "default", 3.0, "ms"),
        row_of("mpire", "default", [], "ms", "hangs"),
    ]
    best = Outcome("name", "title", rows).best_peer()
    assert best is not None
    assert best.who == "loky"


def test_the_page_shows_goals_rows_and_notes() -> None:
    goal = Goal("quick", "≤ 1", "2", False)
    outcome = Outcome("a_name", "a title", [Row("loky", "default", None, "ms", note="hangs (> 60 s)")], [goal])
    text = report.page([Outcome.from_json(outcome.to_json())], {"cores": "2"})
    assert "| [a title](#a_name) | quick | ≤ 1 | 2 | **not met** |" in text
    assert "hangs (> 60 s)" in text


def test_what_is_not_measured_anew_stays_on_the_page() -> None:
    def measured(name: str, got: str) -> Outcome:
        rows = [Row("pathos_nb", f"{name} took", 2.0, "ms")]
        return Outcome(name, f"a {name}", rows, [Goal("quick", "≤ 1", got, False), Goal("small", "≤ 1", got, True)])

    before = report.page([measured("one", "21"), measured("two", "22")], {"run": "long ago"})
    after = report.page([measured("two", "32"), measured("three", "33")], {"run": "today"}, before)
    assert re.findall(r"^\| \[a (\w+)\]\(.*\| (\d+) \|", after, re.MULTILINE) == [
        (name, got) for name, got in (("one", "21"), ("two", "32"), ("three", "33")) for _ in range(2)
    ]
    assert re.findall(r"^## A (\w+)\n\n\*(.*)\*$", after, re.MULTILINE) == [
        ("one", "long ago"), ("two", "today"), ("three", "today")
    ]  # fmt: skip
    assert [after.count(f"{name} took") for name in ("one", "two", "three")] == [1, 1, 1]
    assert report.page([], {}, before).partition("## Goals")[2] == before.partition("## Goals")[2]


@pytest.mark.parametrize("name", cases.NAMES)
def test_every_case_is_called_as_its_file(name: str) -> None:
    assert cases.load(name).CASE.name == name


@pytest.mark.parametrize("peer", ["pathos_nb", "dask"])
def test_scripts_compile(peer: str) -> None:
    compile(snippets.script(peer, is_own=True, is_held=True), "script", "exec")


def test_a_contender_that_hangs_is_killed_at_its_deadline() -> None:
    begin = time.monotonic()
    with Contender("driver_killed", "serial", is_quick=True) as contender:
        contender.ask("warm", 30)
        contender.tell("busy")
        with pytest.raises(ContenderError, match="hangs"):
            contender.hear(0.3)
    assert marked(contender.mark) == []
    assert time.monotonic() - begin < 30


def test_what_a_contender_raises_is_its_answer() -> None:
    with (
        Contender("lazy_pull", "dask", is_quick=True) as contender,
        pytest.raises(ContenderError, match="imap|lazy|client"),
    ):
        contender.ask("pull", 30)


def test_the_run_that_stands_in_has_all_that_a_view_asks_for() -> None:
    profile = make_profile(True)
    assert profile is not None
    stack = Profiled([("f", "m.py", 1)], [((0,), 1, (10_000, 0, 0, 0, 0))])
    _, n_messages, n_bytes = view_cost(
        2, lambda _, step: profile.add(Source("processes-0", "host", 0), stack), profile=profile
    )
    assert 0 < n_messages < 20 < n_bytes
