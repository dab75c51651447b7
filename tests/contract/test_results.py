"""Every launcher gives the results of the serial map, in its order, each item once."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.contract.calls import add, mark_file, same, square
from tests.rig.kinds import KINDS
from tests.rig.launchers import is_apart

pytestmark = pytest.mark.timeout(60)
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
def test_a_map_is_the_serial_map(pool: Any, kind: str) -> None:
    for n_items in (0, 1, 2, 3, 17, 1000):
        assert KINDS[kind](pool, square, range(n_items)) == [square(x) for x in range(n_items)]


@each_kind
def test_a_given_chunksize_changes_no_result(pool: Any, kind: str) -> None:
    for chunksize in (1, 3, 7, 1000):
        assert KINDS[kind](pool, same, range(50), chunksize=chunksize) == list(range(50))


@each_kind
def test_each_item_is_run_once(pool: Any, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "runs"
    KINDS[kind](pool, partial(mark_file, str(path)), range(100))
    assert sorted(map(int, path.read_text().split())) == list(range(100))


@pytest.mark.parametrize("kind", ["map", "imap", "uimap", "amap"])
def test_several_sequences_go_in_step_to_the_end_of_the_shortest(pool: Any, kind: str) -> None:
    calls = {
        "map": lambda: pool.map(add, range(9), [10, 20, 30]),
        "imap": lambda: list(pool.imap(add, range(9), [10, 20, 30])),
        "uimap": lambda: sorted(pool.uimap(add, range(9), [10, 20, 30])),
        "amap": lambda: pool.amap(add, range(9), [10, 20, 30]).get(30),
    }
    assert calls[kind]() == [10, 21, 32]


def test_rows_are_spread_over_the_arguments(pool: Any) -> None:
    rows = [(1, 2), (3,), (5, 6)]
    assert pool.starmap(add, rows) == [3, 3, 11]
    assert list(pool.istarmap(add, rows)) == [3, 3, 11]
    assert sorted(pool.uistarmap(add, rows)) == [3, 3, 11]
    assert pool.astarmap(add, rows).get(30) == [3, 3, 11]


def test_other_keywords_go_to_every_item(pool: Any) -> None:
    assert pool.map(add, [1, 2], scale=10) == [10, 20]
    assert pool.map(add, [1, 2], b=1, kwargs={"scale": 2}) == [4, 6]
    assert pool.starmap(add, [(1, 1)], scale=3) == [6]
    assert list(pool.imap(add, [1, 2], scale=10)) == [10, 20]


def title_of(x: Any, title: str = "") -> str:
    return f"{title}{x}"


def test_a_keyword_that_collides_with_an_option_goes_by_kwargs(pool: Any) -> None:
    assert pool.map(title_of, [1, 2], title="a run", kwargs={"title": "n"}) == ["n1", "n2"]


def test_pipe_is_one_call(pool: Any) -> None:
    assert pool.pipe(add, 1, 2, scale=5) == 15
    assert pool.apipe(add, 1, b=2).get(30) == 3


def test_an_iterator_is_input_like_any_other(pool: Any) -> None:
    assert pool.map(square, (x for x in range(5))) == [0, 1, 4, 9, 16]
    assert pool.map(square, {3: "c"}) == [9]
    assert pool.map(str.upper, "abc") == ["A", "B", "C"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        False,
        0,
        "",
        [],
        (),
        float("inf"),
        b"\0",
        {"a": {1}},
        NotImplemented,
        ...,
        ValueError("a value"),
        StopIteration,
    ],
    ids=repr,
)
def test_any_value_comes_back_as_it_is(pool: Any, value: Any) -> None:
    back = pool.map(same, [value, value])
    assert repr(back) == repr([value, value])
    assert type(back[0]) is type(value)


def test_a_lambda_a_closure_a_method_and_a_partial_are_functions(pool: Any) -> None:
    offset = 5
    assert pool.map(lambda x: x + offset, [1, 2]) == [6, 7]
    assert pool.map("a-b-c".split, ["-"]) == [["a", "b", "c"]]
    assert pool.map(partial(add, scale=2), [1, 2]) == [2, 4]
    assert pool.map(int, ["3"]) == [3]


def test_arrays_come_back_equal_and_writable(pool: Any) -> None:
    np = pytest.importorskip("numpy")
    arrays = [np.full(300_000, i, dtype=float) for i in range(6)]
    for sent, back in zip(arrays, pool.map(same, arrays), strict=True):
        assert np.array_equal(sent, back)
        back[0] = -1


def test_many_arrays_are_not_mixed_up_when_their_memory_is_used_again(pool: Any) -> None:
    np = pytest.importorskip("numpy")
    for _ in range(3):
        back = pool.map(np.full, [200_000] * 8, range(8))
        assert [set(np.unique(a)) for a in back] == [{i} for i in range(8)]
    kept = pool.map(np.full, [200_000] * 4, range(4))
    pool.map(np.full, [200_000] * 8, range(10, 18))
    assert [set(np.unique(a)) for a in kept] == [{i} for i in range(4)]


def test_an_item_cannot_change_the_drivers_argument_unless_it_shares_its_memory(pool: Any, launcher: str) -> None:
    rows = [[1], [2]]
    pool.map(list.clear, rows)
    assert rows == ([[1], [2]] if is_apart(launcher) else [[], []])
