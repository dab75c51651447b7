"""An item that raises fails alone, as itself, and names its place; its neighbours and the pool live on."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import pytest

from pathos_nb.errors import Failure, RemoteError, RemoteTraceback
from tests.faults import acts
from tests.faults.acts import BAD, N_ITEMS, Trap
from tests.rig.kinds import DOORS, KINDS
from tests.rig.launchers import apart, is_apart, not_serial

pytestmark = pytest.mark.timeout(60)


class Row(NamedTuple):
    """An act, the error it must end in, and the one it ends in where it has to travel (None: the same)."""

    act: str
    error: type[BaseException]
    match: str = "bad item"
    travelled: type[BaseException] | None = None


TABLE = [
    Row("raises", ValueError),
    Row("raises_chained", ValueError),
    Row("raises_while_handling", ValueError),
    Row("raises_local_class", ValueError),
    Row("raises_odd", acts.Odd, "odd 7"),
    Row("raises_forgetful", acts.TooManyArguments, ""),
    Row("raises_os_error", FileNotFoundError, "No such file"),
    Row("raises_unicode_error", UnicodeDecodeError, "can't decode byte 0xff"),
    Row("raises_stop_iteration", RuntimeError, "StopIteration"),
    Row("raises_generator_exit", RuntimeError, "GeneratorExit"),
    Row("raises_base", acts.Base),
    Row("exits", SystemExit),
    Row("exits_with_nothing", SystemExit, ""),
    Row("raises_timeout", TimeoutError),
    Row("raises_eof", EOFError),
    Row("raises_broken_pipe", BrokenPipeError),
    Row("raises_pickling", __import__("pickle").PicklingError),
    Row("raises_cancelled", __import__("concurrent.futures").futures.CancelledError),
    Row("recurses", RecursionError, "recursion"),
    Row("raises_memory_error", MemoryError),
    Row("raises_huge", ValueError),
    Row("raises_holding_a_lock", ValueError),
    Row("raises_holding_a_generator", ValueError),
    Row("raises_untold", acts.StrRaises, None),  # type: ignore[arg-type]
    Row("raises_stay_at_home", acts.ReduceRaises),
    Row("raises_never_arrives", acts.LoadRaises, "bad item", RemoteError),
    Row("raises_itself_as_cause", ValueError),
    *([Row("raises_group", ExceptionGroup)] if sys.version_info >= (3, 11) else []),
    *([Row("raises_with_notes", ValueError)] if sys.version_info >= (3, 11) else []),
]


def expected(row: Row, launcher: str) -> type[BaseException]:
    return row.travelled if row.travelled and is_apart(launcher) else row.error


def text_of(error: BaseException) -> str:
    return "" if isinstance(error, acts.StrRaises) else str(error)


def check_kept(ys: list[Any], row: Row, launcher: str) -> None:
    failure = ys.pop(BAD)
    assert ys == [x for x in range(N_ITEMS) if x != BAD], row.act
    assert isinstance(failure, Failure), row.act
    assert isinstance(failure.error, expected(row, launcher)), (row.act, failure)
    assert (row.match or "") in text_of(failure.error), row.act
    assert (failure.index, failure.argument, failure.attempt) == (BAD, f"({BAD})", 1), row.act
    assert failure.worker and failure.host, row.act
    assert row.act in failure.traceback


@pytest.mark.parametrize("kind", DOORS)
def test_kept_it_is_a_failure_in_its_place_and_the_others_are_there(pool: Any, launcher: str, kind: str) -> None:
    for row in TABLE:
        check_kept(KINDS[kind](pool, Trap(row.act), range(N_ITEMS), on_error="keep"), row, launcher)
        assert pool.map(abs, [-1, 2]) == [1, 2], row.act


def raised(row: Row, launcher: str) -> Any:
    """What a map raises for it: an item's ``sys.exit()`` must not end the caller, silently at that."""
    kind = expected(row, launcher)
    return RemoteError if kind is SystemExit else kind


def test_raised_it_is_the_items_own_exception_with_the_place_as_its_cause(pool: Any, launcher: str) -> None:
    for row in TABLE:
        with pytest.raises(raised(row, launcher)) as caught:
            pool.map(Trap(row.act), range(N_ITEMS))
        cause = caught.value.__cause__
        while cause is not None and not isinstance(cause, RemoteTraceback):
            cause = cause.__cause__
        assert isinstance(cause, RemoteTraceback), row.act
        assert (cause.index, cause.argument) == (BAD, f"({BAD})"), row.act
        in_blocks = row.act == "raises_stop_iteration" and "raised in Trap, by an item among many" in cause.text
        assert row.act in cause.text or in_blocks  # such an item ends the interpreter's own loop, which forgets where


def test_one_call_raises_it_too(pool: Any, launcher: str) -> None:
    for row in TABLE:
        with pytest.raises(raised(row, launcher)):
            pool.pipe(Trap(row.act), BAD)
        with pytest.raises(raised(row, launcher)):
            pool.apipe(Trap(row.act), BAD).get(30)


def test_the_traceback_tells_the_whole_chain(pool: Any) -> None:
    failure = pool.map(Trap("raises_chained"), [BAD], on_error="keep")[0]
    assert "KeyError: 'the root'" in failure.traceback
    assert "direct cause" in failure.traceback
    failure = pool.map(Trap("raises_while_handling"), [BAD], on_error="keep")[0]
    assert "During handling" in failure.traceback


def test_an_exceptions_own_fields_come_back(pool: Any) -> None:
    error = pool.map(Trap("raises_odd"), [BAD], on_error="keep")[0].error
    assert (error.code, error.hint) == (7, "look there")
    error = pool.map(Trap("raises_forgetful"), [BAD], on_error="keep")[0].error
    assert (error.a, error.b) == (1, 2)
    error = pool.map(Trap("raises_os_error"), [BAD], on_error="keep")[0].error
    assert (error.errno, error.filename) == (2, "bad item")
    error = pool.map(Trap("exits"), [BAD], on_error="keep")[0].error
    assert error.code == "bad item"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups and notes came with 3.11")
def test_a_groups_members_and_an_errors_notes_come_back(pool: Any) -> None:
    group = pool.map(Trap("raises_group"), [BAD], on_error="keep")[0].error
    assert [type(e) for e in group.exceptions] == [ValueError, acts.Odd]
    assert group.exceptions[1].hint == "two"
    error = pool.map(Trap("raises_with_notes"), [BAD], on_error="keep")[0].error
    assert error.__notes__ == ["and a note"]


def test_what_of_an_exception_can_travel_does(pool: Any) -> None:
    error = pool.map(Trap("raises_holding_a_generator"), [BAD], on_error="keep")[0].error
    assert error.args[0] == "bad item"
    error = pool.map(Trap("raises_stay_at_home"), [BAD], on_error="keep")[0].error
    assert error.args == ("bad item",)


@apart
def test_what_cannot_come_back_is_named_and_told(pool: Any, launcher: str) -> None:
    error = pool.map(Trap("raises_never_arrives"), [BAD], on_error="keep")[0].error
    assert "LoadRaises" in error.type_name
    assert "bad item" in error.text


@not_serial
def test_a_keyboard_interrupt_of_an_item_is_its_own_failure(pool: Any, launcher: str) -> None:
    ys = pool.map(Trap("raises_keyboard_interrupt"), range(N_ITEMS), on_error="keep")
    assert isinstance(ys.pop(BAD).error, KeyboardInterrupt)
    assert ys == [x for x in range(N_ITEMS) if x != BAD]


def test_all_items_may_fail(pool: Any) -> None:
    ys = pool.map(always, range(300), on_error="keep")
    assert [(y.index, str(y.error)) for y in ys] == [(x, f"bad {x}") for x in range(300)]


def always(x: int) -> None:
    raise ValueError(f"bad {x}")


class ReprRaises:
    def __repr__(self) -> str:
        raise RuntimeError("not even a name")


class ReprIsHuge:
    def __repr__(self) -> str:
        return "x" * 10_000_000


class ReprIsNoText:
    def __repr__(self) -> Any:
        return 3


def reject(_: Any) -> None:
    raise ValueError("bad item")


@pytest.mark.parametrize("kind", [ReprRaises, ReprIsHuge, ReprIsNoText])
def test_an_argument_that_cannot_be_shown_hides_no_error(pool: Any, kind: type) -> None:
    failure = pool.map(reject, [kind()], on_error="keep")[0]
    assert str(failure.error) == "bad item"
    assert 0 < len(failure.argument) < 1000


@pytest.mark.parametrize("deep", [100_000])
def test_an_argument_too_deep_to_show_hides_no_error(pool: Any, launcher: str, deep: int) -> None:
    nest: Any = []
    for _ in range(deep):
        nest = [nest]
    failure = pool.map(reject, [nest], on_error="keep")[0]
    assert isinstance(failure, Failure)
    if not is_apart(launcher):
        assert str(failure.error) == "bad item"
