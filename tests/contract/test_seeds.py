"""`seed=` gives each item its own numbers, the same for any number of workers and any way of cutting."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.errors import PathosNbError
from tests.contract.calls import draws, own_draw
from tests.rig.kinds import KINDS
from tests.rig.sampling import seldom

np = pytest.importorskip("numpy")
pytestmark = pytest.mark.timeout(60)


def serial_draws(seed: int, n: int) -> list[Any]:
    with Pool("serial") as pool:
        return list(pool.map(draws, range(n), seed=seed))


@pytest.mark.parametrize("chunksize", [1, 5, None])
@pytest.mark.parametrize("nodes", [1, 3, *seldom(2)])
def test_the_same_seed_gives_the_same_numbers(launcher: str, nodes: int, chunksize: int | None) -> None:
    if launcher == "threads":
        pytest.skip("threads: `random` and numpy's legacy generator are one for all threads; `rng()` is not")
    with Pool(launcher, nodes=nodes) as pool:
        assert pool.map(draws, range(12), seed=42, chunksize=chunksize) == serial_draws(42, 12)


@pytest.mark.parametrize("nodes", [1, 3, *seldom(2)])
def test_rng_is_the_items_own_on_every_launcher(launcher: str, nodes: int) -> None:
    with Pool("serial") as alone, Pool(launcher, nodes=nodes) as pool:
        assert pool.map(own_draw, range(40), seed=7) == alone.map(own_draw, range(40), seed=7)


@pytest.mark.parametrize("kind", ["imap", "uimap", "starmap", "amap"])
def test_every_kind_of_map_seeds_by_the_index(pool: Any, kind: str) -> None:
    assert sorted(KINDS[kind](pool, own_draw, range(12), seed=42)) == sorted(d[2] for d in serial_draws(42, 12))


def test_items_and_seeds_differ(pool: Any) -> None:
    ys = pool.map(own_draw, range(50), seed=1) + pool.map(own_draw, range(50), seed=2)
    assert len(set(ys)) == 100


def process_draws(_: Any) -> tuple[float, float]:
    return random.random(), float(np.random.rand())


def test_without_a_seed_rng_says_what_it_needs(pool: Any) -> None:
    with pytest.raises(PathosNbError, match="seed"):
        pool.map(own_draw, [1])


def test_without_a_seed_no_two_items_draw_the_same(pool: Any) -> None:
    ys = pool.map(process_draws, range(30)) + pool.map(process_draws, range(30))
    for column in zip(*ys, strict=True):
        assert len(set(column)) == 60


def test_a_seeded_map_leaves_the_drivers_own_numbers_alone(pool: Any, launcher: str) -> None:
    """In threads an item that draws from the process' own generators moves them on, as it would in a loop."""
    random.seed(5)
    np.random.seed(5)
    expected = (random.random(), float(np.random.rand()))
    random.seed(5)
    np.random.seed(5)
    pool.map(own_draw if launcher == "threads" else draws, range(5), seed=42)
    assert (random.random(), float(np.random.rand())) == expected


def second_draw(_: Any) -> float:
    own_draw(None)
    return own_draw(None)


def test_rng_goes_on_within_an_item(pool: Any) -> None:
    assert pool.map(second_draw, range(5), seed=3) != pool.map(own_draw, range(5), seed=3)


def retry_and_draw(path: str, x: int) -> float:
    from tests.contract.calls import fail_first

    value = own_draw(None)
    fail_first(path, x)
    return value


def test_an_item_that_is_tried_again_draws_the_same(pool: Any, tmp_path: Any) -> None:
    from functools import partial

    f = partial(retry_and_draw, str(tmp_path / "runs"))
    assert pool.map(f, range(5), seed=9, retry_on=(OSError,)) == pool.map(own_draw, range(5), seed=9)


def test_a_numpy_seed_is_a_seed(pool: Any) -> None:
    assert pool.map(own_draw, range(3), seed=np.int64(4)) == pool.map(own_draw, range(3), seed=4)
