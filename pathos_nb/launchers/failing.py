"""How an item's exception travels: in three forms, so that something always arrives.

1. its class, arguments and fields, put together again without calling a constructor of the user's, which may want
   other arguments than ``args`` tells (the classic way to hang a pool);
2. where the class says itself how it is pickled, that;
3. its type's name and its text.
"""

from __future__ import annotations

import contextlib
from functools import cache

from pathos_nb.errors import RemoteError
from pathos_nb.wire.protocol import ItemReport
from pathos_nb.wire.quick import dumps, loads
from pathos_nb.wire.serialization import Payload, dump, dump_with, leaf_pickler, load

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from typing import Any

MAX_TEXT = 20_000
_OWN = {f"pathos_nb.launchers.{name}" for name in ("chunk", "worker", "mpi_leader", "mpi_member", "sourced", "staged")}
# What is a number elsewhere: to load an error of MPI's is to join MPI, which then knows no text for it.
_OF_THEIR_PROCESS = {"mpi4py.MPI"}


def rebuild(kind: type[BaseException], args: tuple[Any, ...], fields: dict[str, Any]) -> BaseException:
    """Put an exception together again.

    Parameters
    ----------
    kind : type
        Its class.
    args : tuple
        Its ``args``.
    fields : dict
        Its ``__dict__``.

    Returns
    -------
    BaseException
        Made without any ``__init__`` that is written in Python.
    """
    error = kind.__new__(kind, *args)
    initializers: list[Any] = [base.__dict__["__init__"] for base in kind.__mro__ if "__init__" in base.__dict__]
    with contextlib.suppress(BaseException):
        next(init for init in initializers if not hasattr(init, "__code__"))(error, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


def report(offset: int, kind: int, error: BaseException, by_reference: bool = False) -> ItemReport:
    """Describe a failure for the way back.

    Parameters
    ----------
    offset : int
        The item's place in its chunk.
    kind : int
        One of the failure kinds of `pathos_nb.wire.protocol`.
    error : BaseException
        What was raised.
    by_reference : bool
        Whether it stays in this process, and so can be handed on as it is.

    Returns
    -------
    ItemReport
    """
    if type(error).__module__ in _OF_THEIR_PROCESS and not by_reference:
        name = f"{type(error).__module__}.{type(error).__qualname__}"
        return ItemReport(offset, kind, None, name, text_of(error), trace_of(error))
    carried = error if by_reference else _dump_error(error)
    return ItemReport(offset, kind, carried, type(error).__qualname__, text_of(error), trace_of(error))


def _dump_error(error: BaseException) -> bytes | None:
    for shape in (error, None):
        with contextlib.suppress(BaseException):
            return _flat(dump_with(_error_pickler(), _carried(error) if shape is None else error))
    return None


def _flat(payload: Payload) -> bytes:
    """Pack buffers with the body: an exception that holds arrays is rare, and small if sane."""
    return dumps((bytes(payload.body), [bytes(buffer) for buffer in payload.buffers]), 5)


@cache
def _error_pickler() -> type[Any]:
    """Build the pickler for exceptions, which are taken apart wherever they stand, in a group for one."""

    class ErrorPickler(leaf_pickler()):  # type: ignore[misc]  # it has no types
        def reducer_override(self, obj: object) -> Any:
            if isinstance(obj, BaseException) and _is_odd(obj):
                return rebuild, (type(obj), obj.args, dict(obj.__dict__))
            return super().reducer_override(obj)

    return ErrorPickler


def _is_odd(error: BaseException) -> bool:
    """Whether its class makes it in a way of its own, and does not say how it is pickled."""
    kind = type(error)
    own = hasattr(kind.__init__, "__code__") or hasattr(kind.__new__, "__code__")
    usual = kind.__reduce__ in (BaseException.__reduce__, OSError.__reduce__)
    return own and usual and kind.__reduce_ex__ is object.__reduce_ex__


def _carried(error: BaseException) -> Any:
    """Give the exception with what cannot travel replaced by its text."""
    args = tuple(map(_travelling, error.args))
    fields = {name: _travelling(value) for name, value in getattr(error, "__dict__", {}).items()}
    return _Apart(type(error), args, fields)


def _travelling(value: Any) -> Any:
    try:
        load(dump(value))
    except BaseException:
        return text_of_any(value)
    return value


def text_of_any(value: Any) -> str:
    """Give a value's ``repr``, whatever that does."""
    try:
        return repr(value)[:MAX_TEXT]
    except BaseException:
        return f"<{type(value).__name__}>"


class _Apart:
    """An exception in parts, which is whole again when it is loaded."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild, self.parts


def revive(item: ItemReport) -> BaseException:
    """Give the exception of a report back.

    Parameters
    ----------
    item : ItemReport
        What `report` gave.

    Returns
    -------
    BaseException
        The exception, or a `RemoteError` that carries its type's name and text.
    """
    with contextlib.suppress(BaseException):
        if isinstance(item.error, BaseException):
            return item.error
        if item.error is not None:
            error = load(Payload(*loads(item.error)))
            if isinstance(error, BaseException):
                return error
    cause = "the exception itself could not be brought back"
    return RemoteError(f"{item.type_name}: {item.text}", cause=cause, type_name=item.type_name, text=item.text)


def text_of(error: BaseException) -> str:
    """Give an exception's text, capped, whatever its ``__str__`` does."""
    try:
        return str(error)[:MAX_TEXT]
    except BaseException as lie:  # an exception that lies: say so instead
        return f"<{type(error).__name__}, whose text raises {type(lie).__name__}>"


def trace_of(error: BaseException) -> str:
    """Format the traceback without our own frames, capped.

    Parameters
    ----------
    error : BaseException
        With its ``__traceback__``.

    Returns
    -------
    str
        Causes and contexts included.
    """
    import traceback

    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals.get("__name__") in _OWN:
        trace = trace.tb_next
    try:
        lines = traceback.format_exception(type(error), error, trace)
    except BaseException:  # a __str__ or a __cause__ that lies
        lines = [*traceback.format_tb(trace), f"{type(error).__name__}: {text_of(error)}\n"]
    text = "".join(lines)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT // 2]}\n...\n{text[-MAX_TEXT // 2 :]}"
