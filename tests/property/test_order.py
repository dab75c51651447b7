"""Order and exactly-once, for any items, sizes and ways of asking."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathos_nb import Pool
from tests.contract.calls import add, picky, same
from tests.rig.kinds import KINDS
from tests.rig.sampling import daily
from tests.rig.texts import texts

pytestmark = pytest.mark.timeout(120)
with_pools = settings(max_examples=25)


@pytest.fixture
def sized(launcher: str) -> Iterator[Any]:
    with Pool(launcher, nodes=2) as pool:
        yield pool


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts(5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(texts(3), inner, max_size=2),
    max_leaves=6,
)


@with_pools
@given(
    xs=st.lists(values, max_size=60),
    kind=st.sampled_from(["map", "imap", "starmap", "istarmap", "amap"]),
    chunksize=st.none() | st.integers(1, 70),
)
def test_any_values_by_any_ordered_map(pool: Any, xs: list[Any], kind: str, chunksize: int | None) -> None:
    assert KINDS[kind](pool, same, xs, chunksize=chunksize) == xs


@with_pools
@given(n_items=st.integers(0, 400), chunksize=st.none() | st.integers(1, 70))
def test_unordered_maps_give_each_item_once(pool: Any, n_items: int, chunksize: int | None) -> None:
    assert sorted(pool.uimap(same, range(n_items), chunksize=chunksize)) == list(range(n_items))


@with_pools
@given(a=st.lists(st.integers(), max_size=30), b=st.lists(st.integers(), max_size=30), scale=st.integers())
def test_any_sequences_in_step(pool: Any, a: list[int], b: list[int], scale: int) -> None:
    assert pool.map(add, a, b, scale=scale) == [add(x, y, scale=scale) for x, y in zip(a, b, strict=False)]


@with_pools
@given(xs=st.lists(st.integers(0, 9), max_size=60), chunksize=st.none() | st.integers(1, 70))
def test_failures_stand_exactly_where_the_serial_map_raises(pool: Any, xs: list[int], chunksize: int | None) -> None:
    ys = pool.map(picky, xs, on_error="keep", chunksize=chunksize)
    assert [y if isinstance(y, int) else (y.index, str(y.error)) for y in ys] == [
        (i, f"no {x}") if x % 3 == 1 else x for i, x in enumerate(xs)
    ]


@with_pools
@given(n_items=st.integers(0, 200), n_taken=st.integers(0, 200), kind=st.sampled_from(["imap", "uimap"]))
def test_an_iterator_left_at_any_place(pool: Any, n_items: int, n_taken: int, kind: str) -> None:
    with getattr(pool, kind)(same, range(n_items)) as ys:
        taken = list(islice(ys, n_taken))
    assert len(set(taken)) == len(taken) == min(n_items, n_taken)
    assert set(taken) <= set(range(n_items))
    assert kind == "uimap" or taken == list(range(len(taken)))


@daily("serial", "threads", "processes", "agent", "dask")  # each size of the others is processes started anew
@with_pools
@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4), n_items=st.integers(1, 100))
def test_the_size_may_change_at_any_time(sized: Any, sizes: list[int], n_items: int) -> None:
    ys, got = sized.imap(same, range(n_items)), []
    for size in sizes:
        got += islice(ys, 7)
        sized.resize(size)
    assert got + list(ys) == list(range(n_items))
