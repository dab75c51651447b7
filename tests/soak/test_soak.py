"""A short soak, and that it would not overlook what it is there to find."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from pathos_nb.errors import Failure, WorkerLost
from tests.soak import __main__ as soak
from tests.soak.great import draw_great
from tests.soak.items import Item, serial_value
from tests.soak.rounds import Round, draw
from tests.soak.runner import Wrong, compare
from tests.soak.schedule import HERE, NAMED, pairs, schedule
from tests.soak.tally import Tally

ITEMS = [Item(0, "square"), Item(1, "nap"), Item(2, "raises"), Item(3, "spin")]
PLAYED = Round(("processes",), "map", ITEMS, {"on_error": "keep"}, "none", 0.0, 0)


@pytest.mark.timeout(400)
def test_random_faults_for_a_minute():
    words = [sys.executable, "-m", "tests.soak", "--seconds", "60", "--seed", "11", "--items", "0", "--verbose"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=380, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert ", 0 failed" in done.stdout


def truth() -> list[Any]:
    values: list[Any] = [(item.x, serial_value(item)) for item in ITEMS if item.act != "raises"]
    values.insert(2, Failure(2, ValueError("item 2")))
    return values


def test_what_a_serial_loop_gives_is_right():
    compare(PLAYED, truth(), None)


def lies() -> list[tuple[str, list[Any], BaseException | None]]:
    right = truth()
    return [
        ("2 values came", right[:2], None),
        ("of item 0", [(0, 17), *right[1:]], None),
        ("at 0 came", [right[1], right[0], *right[2:]], None),
        ("not ValueError", [*right[:2], (2, 2), right[3]], None),
        ("of item 1 .* not value", [right[0], Failure(1, WorkerLost("gone")), *right[2:]], None),
        ("it raised ValueError", [], ValueError("item 2")),
    ]


@pytest.mark.parametrize(("told", "came", "error"), lies(), ids=[told for told, *_ in lies()])
def test_what_is_not_is_found(told, came, error):
    with pytest.raises(Wrong, match=told):
        compare(PLAYED, came, error)


def test_one_that_comes_twice_is_found():
    with pytest.raises(Wrong, match="twice"):
        compare(PLAYED._replace(kind="uimap"), [*truth()[:3], truth()[0]], None)


def test_a_round_is_drawn_again_by_its_number(tmp_path):
    first, second = (draw(3, 4, str(tmp_path)) for _ in range(2))
    assert str(first) == str(second) != str(draw(3, 5, str(tmp_path)))
    assert [(item.x, item.act) for item in first.items] == [(item.x, item.act) for item in second.items]


def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have rounds fail in which an item exits, and nothing be run."""

    def play(planned: Round) -> None:
        if any(item.act == "exits" for item in planned.items):
            raise Wrong(f"it exits: {planned}")

    runner = SimpleNamespace(play=play, rest=lambda: None, n_items=0, faults=Counter(), places=Counter())
    monkeypatch.setattr(soak, "Runner", lambda spared: runner)
    monkeypatch.setattr(soak, "Clock", lambda end: SimpleNamespace(running=lambda most_s, what: nullcontext()))


def test_the_line_that_a_failing_round_prints_plays_it_again_and_it_fails_the_same_way(monkeypatch, capsys):
    planted(monkeypatch)
    assert soak.main(["--seed", "3", "--items", "0", "--seconds", "0.5"]) > 0
    said = capsys.readouterr().out
    number, words = re.findall(r"^FAILED round (\d+):.*; python -m tests.soak (.*)$", said, re.MULTILINE)[-1]
    assert " FAILED: " in said.splitlines()[-1] and words == f"--seed 3 --round {number}"
    assert soak.main([*words.split(), "--seconds", "0.05"]) > 0
    again = capsys.readouterr().out
    [wrong] = set(re.findall(r"Wrong: it exits: .*", again))
    assert wrong in said


HOSTS = ["host1", "host2", "host3"]
POSSIBLE = pairs(HOSTS, ["processes", "slurm", "dask", "mpi"], can_cut=True, can_slow=True, has_disk=True)


@pytest.mark.parametrize("seed", range(1, 21))
def test_the_harms_of_a_seed_are_the_same_again_and_two_great_rounds_have_them_all(seed):
    first, second = (schedule(seed, number, POSSIBLE, is_kept=draw_great(seed, number, 9).is_kept) for number in (1, 2))
    assert first == schedule(seed, 1, POSSIBLE, is_kept=True) != schedule(seed + 1, 1, POSSIBLE, is_kept=True)
    assert {(harm.kind, harm.place) for harm in (*first, *second)} == set(POSSIBLE)
    assert {harm.kind for harm in first} >= set(NAMED) and {harm.kind for harm in second} >= {*NAMED} - {"full disk"}
    places = {place for _, place in POSSIBLE}
    assert {harm.place for harm in first} == {harm.place for harm in second} == places


def test_where_nothing_can_be_raised_what_is_left_is_done():
    here = pairs([], ["processes"], can_cut=False, can_slow=False, has_disk=False)
    done = {(harm.kind, harm.place) for number in (1, 2) for harm in schedule(1, number, here, is_kept=True)}
    assert done == {("kill", "processes"), ("stop", "processes"), ("resize", "processes"), ("interrupt", HERE)}


def test_a_fault_that_never_came_is_named():
    came = Tally()
    for kind, place in POSSIBLE:
        came.add(kind, place, 2)
    assert came.missing(POSSIBLE, {}) == "every fault came, at every place"
    assert "  partition: host1 2, host2 2, host3 2\n" in came.table() and came.total == 2 * len(POSSIBLE)
    for pair in POSSIBLE:
        if pair[1] == "mpi" or pair[0] == "full disk" or pair == ("stop", "host2"):
            del came.n_of[pair]
    told = came.missing(POSSIBLE, {"disk": "mount: not permitted\nat all"})
    assert told == "never came: full disk, anything at mpi, stop at host2; no disk: mount: not permitted"
