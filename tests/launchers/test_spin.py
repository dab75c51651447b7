"""Looking before sleeping: as long as it pays."""

from __future__ import annotations

from pathos_nb.launchers.spin import Spin


class Look:
    """Finds something the n-th time it looks, and counts."""

    def __init__(self, at: int | None) -> None:
        self.at, self.n_looks = at, 0

    def __call__(self) -> str | None:
        self.n_looks += 1
        return "found" if self.n_looks == self.at else None


def test_it_gives_what_comes_while_it_looks() -> None:
    look = Look(3)
    assert Spin(60.0)(look) == "found"
    assert look.n_looks == 3


def test_where_nothing_comes_it_looks_less_and_less_often_but_not_never() -> None:
    spin, look, tries = Spin(0.0), Look(None), []
    for number in range(1000):
        before = look.n_looks
        assert spin(look) is None
        if look.n_looks > before:
            tries.append(number)
    gaps = [b - a for a, b in zip(tries, tries[1:], strict=False)]
    assert gaps == sorted(gaps)
    assert (gaps[0], max(gaps)) == (2, 64)


def test_where_something_came_it_looks_each_time_again() -> None:
    spin = Spin(0.0)
    assert spin(Look(None)) is None
    assert spin(Look(1)) is None  # left out
    assert [spin(Look(1)) for _ in range(5)] == ["found"] * 5
