"""Input that raises midway, never ends, is empty, of unequal lengths or no input at all; arguments without sense."""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from pathos_nb.errors import BadOption
from tests.contract.calls import add, same, square
from tests.rig.kinds import DOORS, KINDS

pytestmark = pytest.mark.timeout(60)
every_kind = pytest.mark.parametrize("kind", DOORS)


class Midway(Exception):
    """The input's own."""


def raising_input(n: int = 5, error: BaseException | None = None) -> Iterator[int]:
    yield from range(n)
    raise error or Midway("the file is torn")


@every_kind
def test_input_that_raises_midway_raises_its_own_error(pool: Any, kind: str) -> None:
    with pytest.raises(Midway, match="torn"):
        KINDS[kind](pool, square, raising_input())


@pytest.mark.parametrize("on_error", ["keep", "stop"])
def test_an_error_of_the_input_is_no_items_failure(pool: Any, on_error: str) -> None:
    with pytest.raises(Midway, match="torn"):
        pool.map(square, raising_input(), on_error=on_error)


@pytest.mark.parametrize("kind", ["imap", "uimap"])
def test_what_came_before_the_inputs_error_is_delivered(pool: Any, kind: str) -> None:
    ys, got = getattr(pool, kind)(square, raising_input()), []
    with pytest.raises(Midway, match="torn"):
        for y in ys:
            got.append(y)
    assert sorted(got) == [0, 1, 4, 9, 16]
    assert list(ys) == []


@every_kind
@pytest.mark.parametrize("error", [KeyboardInterrupt("mine"), SystemExit("mine"), GeneratorExit("mine")], ids=repr)
def test_even_what_is_no_exception(pool: Any, kind: str, error: BaseException) -> None:
    with pytest.raises(type(error), match="mine"):
        KINDS[kind](pool, square, raising_input(3, error))


@every_kind
def test_input_that_raises_at_once(pool: Any, kind: str) -> None:
    with pytest.raises(Midway, match="torn"):
        KINDS[kind](pool, square, raising_input(0))


class NoIteration:
    def __iter__(self) -> Any:
        raise Midway("the file is torn")


class LengthLies:
    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[int]:
        return iter(range(5))


class LengthRaises:
    def __len__(self) -> int:
        raise RuntimeError("do not ask")

    def __iter__(self) -> Iterator[int]:
        return iter(range(5))


class OldSequence:
    def __getitem__(self, i: int) -> int:
        if i < 5:
            return i
        raise IndexError(i)


@every_kind
def test_input_whose_iteration_raises(pool: Any, kind: str) -> None:
    with pytest.raises(Midway, match="torn"):
        KINDS[kind](pool, square, NoIteration())


LENGTHS = [LengthLies(2), LengthLies(50), LengthLies(0), LengthRaises(), OldSequence()]


@every_kind
def test_a_length_is_a_hint_at_most(pool: Any, kind: str) -> None:
    for xs in LENGTHS:
        if kind == "amap" and isinstance(xs, LengthRaises):
            continue  # `amap` lists its input at once, and `list` asks
        assert KINDS[kind](pool, square, xs) == [0, 1, 4, 9, 16], xs


@pytest.mark.parametrize("kind", ["imap", "uimap"])
def test_endless_input_can_be_left(pool: Any, kind: str) -> None:
    with getattr(pool, kind)(square, itertools.count()) as ys:
        taken = list(itertools.islice(ys, 100))
    assert len(set(taken)) == 100
    assert all(int(y**0.5) ** 2 == y for y in taken)


@every_kind
def test_no_item_is_no_result(pool: Any, kind: str) -> None:
    for empty in ([], (), "", {}, iter(()), range(0)):
        assert KINDS[kind](pool, square, empty) == []
    assert pool.map(add, [], range(5)) == pool.map(add, range(5), []) == []


def test_an_unequal_length_takes_from_the_first_input_what_the_serial_map_takes(pool: Any) -> None:
    first, second = iter(range(10)), iter(range(3))
    assert pool.map(add, first, second) == [0, 2, 4]
    assert next(first) == 4
    first, second = iter(range(10)), iter(range(3))
    assert pool.map(add, second, first) == [0, 2, 4]
    assert next(first) == 3


@every_kind
def test_an_input_that_uses_the_pool_itself(pool: Any, kind: str) -> None:
    xs = (pool.pipe(same, x) for x in range(5))
    assert KINDS[kind](pool, square, xs) == [0, 1, 4, 9, 16]


@pytest.mark.parametrize("kind", ["map"])
def test_a_generator_is_closed_when_the_map_ends_early(pool: Any, kind: str) -> None:
    ended = []

    def xs() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            ended.append(True)

    source = xs()
    try:
        KINDS[kind](pool, fail_at_three, source)
    except ZeroDivisionError:
        del source
    gc.collect()
    assert ended == [True]


def fail_at_three(x: int) -> float:
    return 1 / (3 - x)


NO_SENSE = [
    ("no function", lambda call: call()),
    ("no sequence", lambda call: call(abs)),
    ("a number for a sequence", lambda call: call(abs, 5)),
    ("None for a sequence", lambda call: call(abs, None)),
    ("a number for a function", lambda call: call(5, [1])),
    ("None for a function", lambda call: call(None, [1])),
]


@every_kind
def test_a_call_without_sense_is_an_error_at_the_call(pool: Any, kind: str) -> None:
    for _, misuse in NO_SENSE:
        with pytest.raises((TypeError, BadOption)):
            misuse(getattr(pool, kind))


@pytest.mark.parametrize("row", [5, None, object()])
def test_a_row_that_is_no_row_is_an_error(pool: Any, row: Any) -> None:
    with pytest.raises(TypeError):
        pool.starmap(add, [(1, 2), row])
    assert pool.starmap(add, [(1, 2)]) == [3]


def test_too_many_arguments_are_the_items_own_error(pool: Any) -> None:
    with pytest.raises(TypeError, match="square"):
        pool.map(square, [1], [2])
    with pytest.raises(TypeError, match="colour"):
        pool.map(square, [1], colour="red")


def test_a_map_from_within_a_generator_that_is_thrown_away(pool: Any) -> None:
    def stages() -> Iterator[int]:
        with pool.imap(square, itertools.count()) as ys:
            yield from ys

    stage = stages()
    assert [next(stage) for _ in range(3)] == [0, 1, 4]
    stage.close()
    assert pool.map(square, range(3)) == [0, 1, 4]


def test_a_deep_stack_of_the_driver_is_its_own_error_or_works(pool: Any) -> None:
    def dive(depth: int) -> Any:
        return dive(depth - 1) if depth else pool.map(square, range(4))

    try:
        assert dive(sys.getrecursionlimit() - 120) == [0, 1, 4, 9]
    except RecursionError:
        pass
    assert pool.map(square, range(4)) == [0, 1, 4, 9]
