"""Bad object x place: each ends in an error that names it, its neighbours are delivered, and the pool goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pathos_nb import Pool
from pathos_nb.errors import CannotReturn, CannotSend, Failure, PathosNbError, PoolBroken, RemoteError, WorkerLost
from tests.contract.calls import same, square
from tests.faults import objects
from tests.faults.acts import BAD, N_ITEMS
from tests.faults.givers import Bound, Giver, Raiser, give_bad, keyed, place, size_of
from tests.rig.census import Census
from tests.rig.kinds import DOORS, KINDS
from tests.rig.launchers import apart, is_apart, together

pytestmark = pytest.mark.timeout(60)


class Row(NamedTuple):
    """A bad object, and what it ends in at each place; None where it does no harm there."""

    bad: str
    argument: type[PathosNbError] | None
    result: type[PathosNbError] | None
    error: type[Exception] | None
    match: str


TABLE = [
    Row("RefusesToLeave", CannotSend, CannotReturn, ValueError, "I stay here"),
    Row("RefusesToArrive", CannotSend, CannotReturn, RemoteError, "I will not arrive"),
    Row("KillsOnArrival", WorkerLost, None, None, "worker"),
    Row("KillsOnLeaving", None, WorkerLost, WorkerLost, "worker"),
    Row("RaisesBaseOnLeaving", CannotSend, CannotReturn, ValueError, "in the pickler"),
    Row("ExitsOnArrival", CannotSend, CannotReturn, RemoteError, "I will not arrive"),
    Row("Deep", CannotSend, CannotReturn, ValueError, "recursion"),
]
LEAVERS = [r for r in TABLE if r.bad != "RaisesBaseOnLeaving"]
every_row = pytest.mark.parametrize("row", TABLE, ids=[r.bad for r in TABLE])
every_kind = pytest.mark.parametrize("kind", DOORS)
every_way = pytest.mark.parametrize(
    ("kind", "row"),
    [*(("map", row) for row in TABLE), *((kind, TABLE[0]) for kind in DOORS if kind != "map")],
    ids=lambda value: value if isinstance(value, str) else value.bad,
)


def check_alone(ys: list[Any], error: type[Exception], match: str) -> None:
    failure = ys.pop(BAD)
    assert ys == [x for x in range(N_ITEMS) if x != BAD]
    assert isinstance(failure, Failure), failure
    assert isinstance(failure.error, error), repr(failure)
    assert match in str(failure.error)
    assert failure.index == BAD


@apart
@every_way
def test_as_an_argument(pool: Any, row: Row, kind: str) -> None:
    xs = [getattr(objects, row.bad)() if x == BAD else x for x in range(N_ITEMS)]
    ys = KINDS[kind](pool, place, xs, on_error="keep")
    if row.argument is None:
        assert ys == list(range(N_ITEMS))
    else:
        check_alone(ys, row.argument, row.match)


@apart
@every_way
def test_as_a_result(pool: Any, row: Row, kind: str) -> None:
    if row.bad == "KillsOnArrival":
        pytest.skip("it would kill the driver, as it would in a serial loop that loads it")
    ys = KINDS[kind](pool, Giver(row.bad), range(N_ITEMS), on_error="keep")
    assert row.result is not None
    check_alone(ys, row.result, row.match)


@apart
@every_row
def test_as_a_field_of_an_exception(pool: Any, row: Row) -> None:
    if row.bad == "KillsOnArrival":
        pytest.skip("it would kill the driver, as it would in a serial loop that loads it")
    ys = KINDS["map"](pool, Raiser(row.bad), range(N_ITEMS), on_error="keep")
    assert row.error is not None
    error = ys[BAD].error
    check_alone(ys, row.error, "")
    if row.error is not WorkerLost:
        assert "ValueError" in (error.type_name if isinstance(error, RemoteError) else type(error).__name__)
        assert "with a bad field" in str(error)


@apart
@pytest.mark.parametrize("row", LEAVERS, ids=[r.bad for r in LEAVERS])
def test_in_the_function(pool: Any, row: Row, kind: str = "map") -> None:
    f = Bound(getattr(objects, row.bad)())
    if row.argument is None:
        assert KINDS[kind](pool, f, range(3)) == [0, 1, 2]
        return
    with pytest.raises(row.argument, match=row.match):
        KINDS[kind](pool, f, range(3))


@apart
@pytest.mark.parametrize("row", LEAVERS, ids=[r.bad for r in LEAVERS])
def test_in_the_fixed_keywords(pool: Any, row: Row) -> None:
    if row.argument is None:
        assert pool.map(keyed, range(3), key=getattr(objects, row.bad)()) == [0, 1, 2]
        return
    with pytest.raises(row.argument, match=row.match):
        pool.map(keyed, range(3), key=getattr(objects, row.bad)())


@apart
@pytest.mark.parametrize("row", LEAVERS, ids=[r.bad for r in LEAVERS])
def test_in_the_arguments_of_the_initializer(launcher: str, row: Row) -> None:
    before = Census.take()
    arguments = (getattr(objects, row.bad)(),)
    if row.argument is None:
        with Pool(launcher, nodes=2, initializer=same, initargs=arguments) as pool:
            assert pool.map(same, range(4)) == [0, 1, 2, 3]
    else:
        with (
            pytest.raises((CannotSend, PoolBroken), match=row.match),
            Pool(launcher, nodes=2, initializer=same, initargs=arguments) as pool,
        ):
            pool.map(same, range(4))
    before.check()


@apart
@pytest.mark.parametrize("act", ["kills_itself", "os_exits", "exits", "raises_holding_a_generator", "raises_untold"])
def test_an_initializer_that_ends_its_worker_is_an_error_and_no_endless_loop(launcher: str, act: str) -> None:
    from tests.faults import acts

    before = Census.take()
    pool = Pool(launcher, nodes=2, initializer=getattr(acts, act))
    with pytest.raises(PoolBroken):
        pool.map(same, range(4))
    with pytest.raises(PoolBroken):
        next(pool.imap(same, range(4)))
    pool.terminate()
    before.check()


@together
def test_where_nothing_travels_it_does_no_harm(pool: Any, launcher: str) -> None:
    bad = objects.RefusesToLeave()
    assert pool.map(same, [bad])[0] is bad
    assert pool.map(Bound(bad), [1]) == [1]


@pytest.mark.parametrize("name", ["Contrary", "ClassLies", "DiesLoudly"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@every_kind
def test_a_value_that_lies_is_a_value(pool: Any, name: str, kind: str) -> None:
    ys = {
        "map": lambda: pool.map(give_bad, [name] * 2, [BAD, 1]),
        "imap": lambda: list(pool.imap(give_bad, [name] * 2, [BAD, 1])),
        "uimap": lambda: sorted(pool.uimap(give_bad, [name] * 2, [BAD, 1]), key=lambda y: type(y) is int),
        "amap": lambda: pool.amap(give_bad, [name] * 2, [BAD, 1]).get(30),
    }[kind]()
    assert [type(y) for y in ys] == [getattr(objects, name), int]
    assert type(pool.map(same, [getattr(objects, name)()])[0]) is getattr(objects, name)


@apart
def test_a_failure_is_a_value_like_any_other(pool: Any) -> None:
    failure = pool.map(Raiser("Contrary"), [BAD], on_error="keep")[0]
    back = pool.map(same, [failure, 1])
    assert isinstance(back[0], Failure) and back[0].index == failure.index


def test_a_pool_as_an_argument_is_itself_or_one_like_it(launcher: str) -> None:
    with Pool(launcher, nodes=2) as pool, Pool("threads", nodes=3) as other:
        if is_apart(launcher):
            assert pool.map(size_of, [other]) == [(("threads",), 3)]
        else:
            assert pool.map(same, [other])[0] is other


@apart
def test_an_iterator_of_a_map_as_an_argument_is_refused(pool: Any) -> None:
    with pool.imap(square, range(3)) as ys, pytest.raises(CannotSend):
        pool.map(same, [ys])


class AsksThePool:
    """Asks a pool while it is pickled, as an object with a cache of its own might."""

    pool: Any = None

    def __reduce_ex__(self, protocol: Any) -> Any:
        return int, (AsksThePool.pool.pipe(abs, -7),)


@apart
def test_an_argument_that_uses_the_pool_while_it_is_pickled(pool: Any) -> None:
    AsksThePool.pool = pool
    try:
        assert pool.map(same, [AsksThePool(), 1, 2]) == [7, 1, 2]
    finally:
        AsksThePool.pool = None


@apart
def test_an_open_file_that_is_not_there_under_its_name_is_refused_and_not_empty(pool: Any, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"hello")
    with path.open("rb") as file:
        assert pool.map(lambda n: file.read(n), [5]) == [b"hello"]
        path.unlink()
        with pytest.raises(CannotSend, match="an open file travels by its name"):
            pool.map(lambda n: file.read(n), [5])
