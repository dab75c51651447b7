"""A short soak, and that it would not overlook what it is there to find."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from pathos_nb.errors import Failure, WorkerLost
from tests.soak.items import Item, serial_value
from tests.soak.rounds import Round, draw
from tests.soak.runner import Wrong, compare

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
    first, second = (str(draw(3, 4, str(tmp_path))) for _ in range(2))
    assert first == second != str(draw(3, 5, str(tmp_path)))
