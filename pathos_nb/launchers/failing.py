"""How an item's exception travels: in three forms, so that something always arrives.

1. its class, arguments and fields, put together again without calling a constructor of the user's, which may want
   other arguments than ``args`` tells (the classic way to hang a pool);
2. where the class says itself how it is pickled, that;
3. its type's name and its text.
"""

from __future__ import annotations

import contextlib

from pathos_nb.errors import RemoteError
from pathos_nb.wire.protocol import ItemReport
from pathos_nb.wire.quick import dumps, loads
from pathos_nb.wire.serialization import Payload, dump, load

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from typing import Any

MAX_TEXT = 20_000


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
    with contextlib.suppress(Exception):
        next(init for init in initializers if not hasattr(init, "__code__"))(error, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


def report(offset: int, kind: int, error: BaseException) -> ItemReport:
    """Describe a failure for the way back.

    Parameters
    ----------
    offset : int
        The item's place in its chunk.
    kind : int
        One of the failure kinds of `pathos_nb.wire.protocol`.
    error : BaseException
        What was raised.

    Returns
    -------
    ItemReport
    """
    return ItemReport(offset, kind, _dump_error(error), type(error).__qualname__, text_of(error), trace_of(error))


def _dump_error(error: BaseException) -> bytes | None:
    with contextlib.suppress(Exception):
        return _flat(dump(_shape(error)))
    with contextlib.suppress(Exception):
        return _flat(dump((rebuild, (type(error), tuple(map(repr, error.args)), {}))))
    return None


def _flat(payload: Payload) -> bytes:
    """Pack buffers with the body: an exception that holds arrays is rare, and small if sane."""
    return dumps((bytes(payload.body), [bytes(buffer) for buffer in payload.buffers]), 5)


def _shape(error: BaseException) -> tuple[Any, ...]:
    kind = type(error)
    odd = hasattr(kind.__init__, "__code__") or hasattr(kind.__new__, "__code__")
    plain = (
        kind.__reduce__ in (BaseException.__reduce__, OSError.__reduce__) and kind.__reduce_ex__ is object.__reduce_ex__
    )
    fields = dict(getattr(error, "__dict__", {}))
    if odd and plain:
        return rebuild, (kind, error.args, fields)
    return _itself, (error,)


def _itself(error: BaseException) -> BaseException:
    return error


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
    with contextlib.suppress(Exception):
        if item.error is not None:
            make, args = load(Payload(*loads(item.error)))
            error = make(*args)
            if isinstance(error, BaseException):
                return error
    cause = "the exception itself could not be brought back"
    return RemoteError(f"{item.type_name}: {item.text}", cause=cause, type_name=item.type_name)


def text_of(error: BaseException) -> str:
    """Give an exception's text, capped, whatever its ``__str__`` does."""
    try:
        return str(error)[:MAX_TEXT]
    except Exception as lie:  # an exception that lies: say so instead
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
    while trace is not None and trace.tb_frame.f_globals.get("__name__") == "pathos_nb.launchers.worker":
        trace = trace.tb_next
    try:
        lines = traceback.format_exception(type(error), error, trace)
    except Exception:  # a __str__ or a __cause__ that lies
        lines = [*traceback.format_tb(trace), f"{type(error).__name__}: {text_of(error)}\n"]
    text = "".join(lines)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT // 2]}\n...\n{text[-MAX_TEXT // 2 :]}"
