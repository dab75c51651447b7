"""What a call costs where very many wait or are ready, counted in looks at runs, and whose turn it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.dispatch.sites import Sites
from pathos_nb.dispatch.source import SliceSource
from pathos_nb.dispatch.under_way import UnderWay
from pathos_nb.dispatch.waiting import HeldSource
from pathos_nb.errors import Cancelled
from tests.rig.census import until

FEW, MANY = 40, 400


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One for each time that a run is looked at: whether it has something to send, and whether a worker will do."""
    seen: list[int] = []
    for kind in (SliceSource, HeldSource):
        real: Any = vars(kind)["ready"]
        monkeypatch.setattr(kind, "ready", property(lambda self, real=real: seen.append(1) or real.fget(self)))
    why_not = Sites.why_not
    monkeypatch.setattr(Sites, "why_not", lambda self, run: seen.append(1) or why_not(self, run))
    return seen


@pytest.fixture
def two() -> Iterator[tuple[Pool, Pool]]:
    with Pool("threads", nodes=1) as one, Pool("threads", nodes=2) as other:
        yield one, other


def chain(pools: tuple[Pool, Pool], first: Any, n: int) -> list[Any]:
    for i in range(n):
        first = pools[i % 2].apipe(max, first, i)
    return [first]


def fan(pools: tuple[Pool, Pool], first: Any, n: int) -> list[Any]:
    return [pools[1].apipe(max, first, i) for i in range(n)]


def choosy(pools: tuple[Pool, Pool], first: Any, n: int) -> list[Any]:
    return [pools[1].apipe(max, first, i, where=lambda site: True) for i in range(n)]


def diamonds(pools: tuple[Pool, Pool], first: Any, n: int) -> list[Any]:
    for i in range(n // 3):
        sides = [pool.apipe(max, first, i) for pool in pools]
        first = pools[i % 2].apipe(max, *sides)
    return [first]


def joined(pools: tuple[Pool, Pool], first: Any, n: int) -> list[Any]:
    return [pools[0].apipe(len, fan(pools, first, n))]


def independent(pools: tuple[Pool, Pool], first: Any, n: int) -> list[Any]:
    return [pools[0].apipe(max, i, 0) for i in range(n)]  # behind the one that holds its worker


@pytest.mark.parametrize("shape", [chain, fan, choosy, diamonds, joined, independent])
def test_a_call_costs_as_many_looks_among_many_as_among_few(
    shape: Callable[..., list[Any]], two: tuple[Pool, Pool], looks: list[int]
) -> None:
    def looks_a_call(n: int) -> float:
        gate = threading.Event()
        looks.clear()
        first = two[0].apipe(lambda: 0 if gate.wait(30) else 1)
        last = shape(two, first, n)
        gate.set()
        for result in last:
            result.get(30)
        return len(looks) / n

    few, many = looks_a_call(FEW), looks_a_call(MANY)
    assert many < 1.5 * few + 1, "each look at all others makes it ten times as many"


def test_what_waits_costs_other_calls_nothing(two: tuple[Pool, Pool], looks: list[int]) -> None:
    gate, (one, other) = threading.Event(), two
    first = one.apipe(lambda: 0 if gate.wait(30) else 1)

    def looks_of_ten() -> int:
        looks.clear()
        assert [other.pipe(abs, -i) for i in range(10)] == list(range(10))
        return len(looks)

    few_wait, few = [other.apipe(max, first, 1)], looks_of_ten()
    many_wait, many = fan(two, first, MANY), looks_of_ten()
    gate.set()
    assert [result.get(30) for result in few_wait + many_wait[-2:]] == [1, MANY - 2, MANY - 1]
    assert many <= few + 20


def test_cancelling_reaches_all_that_wait_in_as_many_looks(two: tuple[Pool, Pool], looks: list[int]) -> None:
    gate = threading.Event()
    first = two[0].apipe(gate.wait, 30)
    (last,) = chain(two, first, MANY)
    looks.clear()
    first.cancel()
    gate.set()
    with pytest.raises(Cancelled):
        last.get(30)
    assert len(looks) < 20 * MANY


def test_one_that_has_waited_has_the_turn_of_those_that_began_when_it_did() -> None:
    gate, order = threading.Event(), list[str]()
    with Pool("threads", nodes=1) as slow, Pool("threads", nodes=1) as narrow:
        held = narrow.apipe(gate.wait, 30)
        first = slow.apipe(abs, -1)
        waited = narrow.apipe(lambda x: order.append("waited"), first)
        later = [narrow.apipe(order.append, f"later {i}") for i in range(3)]
        first.get(30)
        while waited.run.state == "queued":
            threading.Event().wait(0.001)
        gate.set()
        for result in (held, waited, *later):
            result.get(30)
    assert order == ["waited", "later 0", "later 1", "later 2"]


class Stand(SimpleNamespace):
    """Stands for a run."""

    again: Any = ()
    pins: Any = ()
    is_choosy, under_way = False, None
    __hash__ = object.__hash__


def stand(name: str, ready: int, *, comes_late: bool = False) -> Any:
    """Give what stands for a run of which so many items are ready."""
    source = SimpleNamespace(ready=ready, left=max(ready, 1), comes_late=comes_late)
    options = SimpleNamespace(chunksize=None, timeout=None)
    return Stand(name=name, source=source, total=max(ready, 1), options=options)


def names(runs: Any) -> list[str]:
    return [run.name for run in runs]


def test_runs_are_asked_in_turn_and_only_those_that_may_have_something() -> None:
    runs = UnderWay()
    a, waits, b, one = stand("a", 9), stand("waits", 0, comes_late=True), stand("b", 9), stand("one", 1)
    for run in (a, waits, b, one):
        runs.add(run)
    for run in (a, one, b):
        runs.offer(run)
    assert names(runs) == ["a", "waits", "b", "one"]
    assert names(runs.asked()) == ["a", "b", "one"]
    assert names(runs.asked(ahead=True)) == ["a", "b"], "nobody has measured a single call: it goes to who is idle"
    runs.sent(a)
    waits.source.ready = 1
    runs.offer(waits)
    assert names(runs.asked()) == ["waits", "b", "one", "a"]
    one.source.ready = one.source.left = 0
    runs.sent(one)
    assert names(runs.asked()) == ["waits", "b", "a"]
    one.again = [1]
    runs.offer(one)
    assert names(runs.asked(ahead=True)) == ["b", "one", "a"]
    for run in (a, b, waits, one):
        runs.remove(run)
        runs.offer(run)  # its worker dies after its end
    assert (names(runs), names(runs.asked()), len(runs)) == ([], [], 0)


def test_runs_may_end_and_begin_while_they_are_asked() -> None:
    runs, all_of_them = UnderWay(), [stand(str(i), 9) for i in range(4)]
    for run in all_of_them:
        runs.add(run)
        runs.offer(run)
    met = []
    for run in runs.asked():
        met.append(run.name)
        runs.remove(run)
        if len(met) == 1:
            new = stand("new", 9)
            runs.add(new)
            runs.offer(new)
    assert met == ["0", "1", "2", "3", "new"]


@pytest.mark.parametrize("where", ["threads", "processes"])
def test_a_call_and_a_short_map_have_their_turn_while_a_long_map_goes_on(where: str) -> None:
    with Pool(where, nodes=2) as pool:
        long = pool.amap(time.sleep, [0.005] * 100_000)
        assert until(lambda: long.run.n_done > 100), "each worker is known, and has a chunk to go on with"
        assert pool.pipe(abs, -3) == 3
        assert pool.map(abs, range(-5, 0)) == [5, 4, 3, 2, 1]
        assert not long.run.is_over and long.run.n_done < 50_000, "minutes before its end"
        long.cancel()
