"""`seeded` and `rng`: numbers that depend on the seed and the item only."""

from __future__ import annotations

import random
import sys
import threading

import pytest

from pathos_nb.errors import PathosNbError
from pathos_nb.launchers.seeding import preserved, reseed, rng, seeded

np = pytest.importorskip("numpy")

Draw = tuple[float, float, float]


def draw() -> Draw:
    return random.random(), float(np.random.rand()), float(rng().random())


def item(seed: int, index: int) -> Draw:
    with seeded(seed, index):
        return draw()


def test_the_same_item_draws_the_same_whatever_ran_before() -> None:
    forwards = [item(3, i) for i in range(4)]
    backwards = [item(3, i) for i in reversed(range(4))]
    assert forwards == backwards[::-1]


def test_items_and_seeds_differ() -> None:
    drawn = [item(seed, index) for seed in range(3) for index in range(3)]
    assert all(len({row[source] for row in drawn}) == 9 for source in range(3))


def test_rng_is_the_child_that_numpy_would_spawn() -> None:
    child = np.random.SeedSequence(5).spawn(3)[2]
    with seeded(5, 2):
        assert rng().random() == np.random.default_rng(child).random()


def test_rng_goes_on_within_an_item() -> None:
    with seeded(1, 0):
        assert rng() is rng()
        assert rng().random() != rng().random()


def test_a_sequence_is_a_seed_too() -> None:
    with seeded([1, 2], 0):
        first = draw()
    with seeded((1, 2), 0):
        assert draw() == first


def test_the_callers_generators_go_on_as_if_nothing_had_been() -> None:
    random.seed(11)
    np.random.seed(11)
    expected = [random.random(), random.random()], np.random.rand(2).tolist()
    random.seed(11)
    np.random.seed(11)
    got = [random.random()], [np.random.rand()]
    item(1, 1)
    got[0].append(random.random())
    got[1].append(np.random.rand())
    assert got == expected


def test_a_gaussian_kept_for_later_is_put_back() -> None:
    random.seed(2)
    np.random.seed(2)
    expected = [random.gauss(0, 1), random.gauss(0, 1), np.random.randn(), np.random.randn()]
    random.seed(2)
    np.random.seed(2)
    first = random.gauss(0, 1)
    item(1, 1)
    second, third = random.gauss(0, 1), np.random.randn()
    item(1, 1)
    assert [first, second, third, np.random.randn()] == expected


def test_they_are_put_back_after_an_error_too() -> None:
    state = random.getstate()
    with pytest.raises(ZeroDivisionError, match="by zero"), seeded(1, 1):
        random.random()
        1 / 0  # noqa: B018
    assert random.getstate() == state
    with pytest.raises(PathosNbError, match="no seeded item"):
        rng()


def test_one_keeping_for_a_whole_chunk() -> None:
    state = random.getstate()
    with preserved():
        for index in range(3):
            with seeded(4, index, restore=False):
                assert draw() == item(4, index)
    assert random.getstate() == state


def test_items_nest() -> None:
    with seeded(1, 0):
        outer = rng()
        inner = item(9, 9)
        assert rng() is outer
    assert inner == item(9, 9)


def test_outside_an_item_the_error_names_the_cure() -> None:
    with pytest.raises(PathosNbError, match="seed=1"):
        rng()


def test_another_thread_has_no_item() -> None:
    told: list[str] = []

    def ask() -> None:
        try:
            rng()
        except PathosNbError as error:
            told.append(str(error))

    with seeded(1, 0):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(10)
    assert told
    assert "no seeded item" in told[0]


def test_shared_generators_are_left_alone() -> None:
    state = random.getstate(), np.random.get_state()[2]
    with seeded(1, 5, shared=True):
        value = rng().random()
    assert (random.getstate(), np.random.get_state()[2]) == state
    assert value == item(1, 5)[2]


def test_without_numpy_random_alone_is_seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    with seeded(1, 0):
        expected = random.random()
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.setitem(sys.modules, "numpy.random", None)
    with seeded(1, 0):
        assert random.random() == expected
        with pytest.raises(PathosNbError, match="needs numpy"):
            rng()


def test_reseeding_takes_new_numbers() -> None:
    with preserved():
        random.seed(1)
        np.random.seed(1)
        before = random.getstate(), np.random.get_state()[1].tolist()
        reseed()
        assert random.getstate() != before[0]
        assert np.random.get_state()[1].tolist() != before[1]
