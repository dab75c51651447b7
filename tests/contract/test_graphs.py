"""Results to come as arguments of later calls: on every launcher, what fails and what is cancelled, and the picture."""

from __future__ import annotations

import base64
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.errors import Cancelled, CannotSend, EndlessWait, Failure, InputFailed
from tests.contract.calls import same
from tests.rig.census import until
from tests.rig.launchers import apart, not_serial, only
from tests.rig.sampling import daily

pytestmark = pytest.mark.timeout(60)


def numbers(n: int) -> list[int]:
    return list(range(n))


def double(x: int) -> int:
    return 2 * x


def added(*xs: Any, times: int = 1) -> int:
    return sum(sum(x) if isinstance(x, list) else x for x in xs) * times


def all_in(thing: Any) -> list[int]:
    if isinstance(thing, dict):
        thing = list(thing.values())
    return [y for x in thing for y in all_in(x)] if isinstance(thing, list | tuple) else [thing]


def picky(x: int) -> int:
    if x == 1:
        raise ValueError(f"no {x}")
    return x


class Gate:
    """Holds a worker that shares our memory until it is opened."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def __call__(self, x: Any = 0) -> Any:
        assert self.event.wait(30)
        return x


@pytest.fixture
def threads() -> Iterator[Pool]:
    with Pool("threads", nodes=1) as made:
        yield made


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.event.set()


# ------------------------------------------------------------------------------------------------ values, on every kind


def test_pipes_chain(pool: Any) -> None:
    ys = pool.amap(double, pool.apipe(numbers, 5))
    assert pool.apipe(added, ys, times=pool.apipe(double, 5)).get(30) == 200


def test_a_map_of_a_map_goes_item_by_item(pool: Any) -> None:
    xs = pool.amap(double, range(4))
    assert pool.amap(added, xs, [1, 2, 3]).get(30) == [1, 4, 7]
    assert pool.map(double, xs) == [0, 4, 8, 12]
    assert [pool.pipe(added, xs[0], xs[-1]), pool.pipe(added, xs)] == [6, 12]


def test_handles_may_lie_in_lists_tuples_and_dictionaries(pool: Any) -> None:
    a, b = pool.apipe(double, 1), pool.apipe(double, 2)
    assert pool.apipe(all_in, [a, (b, {"c": [a, 7]}), 8]).get(30) == [2, 4, 2, 7, 8]
    assert pool.map(added, [[a, b], [1, 2], [b]]) == [6, 3, 4]
    assert pool.starmap(added, [(a, b), (1, a)]) == [6, 3]
    assert pool.map(added, [1, 2], kwargs={"times": b}) == [4, 8]


def test_values_of_other_pools_are_taken_from_here(pool: Any) -> None:
    with Pool("threads", nodes=2) as other:
        x: Any = 0
        for step in range(6):
            x = (pool, other)[step % 2].apipe(added, x, 1)
        assert x.get(30) == 6


def test_what_a_pathos_pool_gives_may_be_an_argument_too() -> None:
    from pathos_nb.pools import ThreadPool

    pool = ThreadPool(2)
    try:
        assert pool.apipe(added, pool.amap(double, [1, 2])).get(30) == 6
    finally:
        pool.close()
        pool.join()
        pool.clear()


# --------------------------------------------------------------------------------------------------- who waits, and where


def test_what_waits_takes_no_worker(threads: Pool, gate: Gate) -> None:
    slow = Pool("threads", nodes=1)
    with slow:
        first = slow.apipe(gate, 1)
        waiting = [threads.apipe(added, first, x) for x in range(5)]
        assert threads.apipe(double, 4).get(30) == 8  # the one worker is free
        assert [one.run.state for one in waiting] == ["queued"] * 5
        gate.event.set()
        assert [one.get(30) for one in waiting] == [1, 2, 3, 4, 5]


def test_items_run_as_soon_as_their_own_inputs_are_there(threads: Pool, gate: Gate) -> None:
    with Pool("threads", nodes=2) as two:
        xs = two.amap(lambda x: gate(x) if x else x, [0, 1], chunksize=1)
        came: list[int] = []
        ys = threads.start(lambda x: came.append(x) or x, xs)
        assert poll(lambda: came == [0])
        assert not ys.is_over
        gate.event.set()
        assert ys.result() == [0, 1]


def poll(is_so: Callable[[], bool]) -> bool:
    for _ in range(3000):
        if is_so():
            return True
        threading.Event().wait(0.01)
    return False


def test_a_pool_that_closes_does_what_waits_first(gate: Gate) -> None:
    with Pool("threads", nodes=1) as slow:
        first = slow.apipe(gate, 1)
        pool = Pool("threads", nodes=1)
        last = pool.apipe(added, pool.apipe(added, first, 1), 1)
        threading.Timer(0.05, gate.event.set).start()
        pool.close()
        assert last.get(0) == 3


# ------------------------------------------------------------------------------------------------------ errors, cancelling


def test_an_error_flows_to_all_that_depends_on_it_and_to_nothing_else(pool: Any) -> None:
    bad, good = pool.apipe(picky, 1, title="the origin"), pool.apipe(picky, 2)
    far = pool.apipe(added, pool.apipe(double, bad), good)
    with pytest.raises(InputFailed, match=r"its input, the origin \(run .*\), failed; ValueError: no 1; ") as told:
        far.get(30)
    assert isinstance(told.value.__cause__, ValueError)
    assert pool.apipe(double, good).get(30) == 4
    assert pool.map(abs, [-1]) == [1]


def test_of_a_map_those_items_fail_whose_inputs_did(pool: Any) -> None:
    ys = pool.amap(double, pool.amap(picky, range(3), on_error="keep"), on_error="keep").get(30)
    assert [type(y.error) if isinstance(y, Failure) else y for y in ys] == [0, InputFailed, 4]


def test_what_comes_may_be_no_sequence(pool: Any) -> None:
    with pytest.raises(TypeError, match="int"):
        pool.amap(double, pool.apipe(double, 3)).get(30)


@not_serial
def test_cancelling_flows(pool: Any, gate: Gate) -> None:
    with Pool("threads", nodes=1) as slow:
        first = slow.apipe(gate)
        second = pool.apipe(double, first)
        third = pool.amap(double, [second, 4], on_error="keep")
        first.cancel()
        gate.event.set()
        with pytest.raises(Cancelled, match=r"its input, Gate \(run .*\), was cancelled"):
            second.get(30)
        assert second.run.state == "cancelled"
        failure, value = third.get(30)
        assert isinstance(failure.error, Cancelled)
        assert value == 8


def test_what_waits_can_be_cancelled_itself(threads: Pool, gate: Gate) -> None:
    first = threads.apipe(gate, 1)
    second = threads.apipe(double, first)
    second.cancel()
    with pytest.raises(Cancelled, match="cancelled"):
        second.get(30)
    gate.event.set()
    assert first.get(30) == 1


def test_a_pool_that_is_ended_ends_what_waits_for_it(gate: Gate) -> None:
    slow, pool = Pool("threads", nodes=1), Pool("threads", nodes=1)
    second = pool.apipe(double, slow.apipe(gate))
    gate.event.set() if slow.terminate() else None
    with pytest.raises((Cancelled, InputFailed), match="its input"):
        second.get(30)
    gate.event.set()
    pool.close()


@apart
def test_a_call_cannot_become_its_own_input(pool: Any) -> None:
    box: list[Any] = [pool.apipe(double, 1)]
    own = pool.apipe(all_in, box)
    box.append(own)  # too late: what the call gets is what there was
    assert own.get(30) == [2]
    with pytest.raises(CannotSend, match=r"a result to come cannot be sent .* call its get\(\) first"):
        pool.pipe(lambda: own)


@apart
def test_a_handle_that_is_put_into_an_argument_later_is_refused_and_nobody_waits_for_it(pool: Any, gate: Gate) -> None:
    with Pool("threads", nodes=1) as slow:
        empty: list[Any] = []
        own = pool.apipe(len, [slow.apipe(gate, 1), empty])
        empty.append(own)
        gate.event.set()
        with pytest.raises(CannotSend, match="a result to come cannot be sent"):
            own.get(30)


def test_a_handle_that_is_put_into_an_argument_of_a_thread_later_stays_what_it_is(threads: Pool, gate: Gate) -> None:
    with Pool("threads", nodes=1) as slow:
        empty: list[Any] = []
        own = threads.apipe(lambda first, second: (first, len(second)), slow.apipe(gate, 1), empty)
        named = threads.apipe(lambda first, then: (first, len(then["all"])), slow.apipe(gate, 2), then={"all": empty})
        empty.append(own)
        gate.event.set()
        assert own.get(30) == (1, 1)
        assert named.get(30) == (2, 1)


# --------------------------------------------------------------------------------------------------------------- drawing


def test_the_graph_tells_states_and_outlives_its_runs(threads: Pool, gate: Gate) -> None:
    a = threads.apipe(gate, [1, 2], title="a <load>")
    b = threads.amap(double, a)
    c = threads.apipe(added, b, a, title="c")
    assert [node.state for node in c.graph] == ["running", "waiting", "waiting"]
    assert repr(a.graph).splitlines()[2] == "… [2] c: waiting  ← [1] double, [0] a <load>"
    gate.event.set()
    assert c.get(30) == 9
    graph = b.graph
    del a, b, c
    assert graph.is_over
    assert [node.label for node in graph] == ["a <load>", "double", "c"]
    assert "✓ [1] double: done · 2 of 2 · " in repr(graph)


def test_the_picture_is_an_image_that_sanitizers_leave(threads: Pool) -> None:
    a = threads.apipe(double, 1, title="<script>alert(1)</script>")
    b = threads.apipe(double, a)
    b.get(30)
    bundle = b.graph._repr_mimebundle_()
    assert "<script>" not in bundle["text/html"]
    (data,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', bundle["text/html"])
    svg = base64.b64decode(data).decode()
    assert svg.count("<rect") == 2
    assert "<script>" not in svg
    assert "&lt;script&gt;" in svg


def test_a_result_that_nobody_has_any_more_costs_no_look_at_arguments() -> None:
    from pathos_nb.launchers.registry import registry

    with Pool("threads", nodes=1) as pool:
        made = pool.apipe(double, 1)
        assert made.get(30) == 2
        assert made in registry.handles
        seen = weakref.ref(made)
        del made
        assert until(lambda: seen() is None), "the set holds no more than the caller does"


HANDLES: dict[str, Any] = {}
in_threads = only(
    lambda name: name == "threads"
)  # a handle does not travel; of serial ones it comes when they are over


def ask_for(name: str, *inputs: Any) -> Any:
    while name not in HANDLES:
        time.sleep(0.001)
    return HANDLES[name].get()


@in_threads
def test_an_item_that_asks_for_its_own_maps_value_is_told_so(pool: Any) -> None:
    HANDLES.clear()
    HANDLES["own"] = handle = pool.apipe(ask_for, "own")
    with pytest.raises(EndlessWait, match="an item waits for its own map, ask_for") as caught:
        handle.get(30)
    assert caught.value.index == 0


@in_threads
def test_nor_may_it_ask_for_what_waits_for_its_map(pool: Any) -> None:
    HANDLES.clear()
    first = pool.apipe(ask_for, "last")
    HANDLES["last"] = pool.apipe(same, pool.apipe(same, [first]))
    with pytest.raises(EndlessWait, match="a call that depends on its own map"):
        first.get(30)


@daily("threads", "processes")
@pytest.mark.parametrize("kind", [list, dict])
def test_a_container_that_holds_itself_and_a_handle_is_refused_by_name(pool: Any, kind: type) -> None:
    handle = pool.apipe(same, 1)
    holder = kind()
    if kind is list:
        holder += [handle, holder]
    else:
        holder.update(handle=handle, holder=holder)
    with pytest.raises(CannotSend, match=f"a {kind.__name__} among the arguments holds itself"):
        pool.apipe(same, holder)
    assert handle.get(30) == 1
