"""Objects to bytes and back: data by the C pickler, notebook code by value, large buffers beside the pickle.

A payload is first tried with the plain C pickler, which is by far the fastest. What it refuses (a lambda, a local
class), and what it would only *name* in ``__main__`` (where a worker has something else), goes again through
cloudpickle's reducers, which send code by value, keep a class's identity on every way, and let the functions of one
payload share one namespace. Leaves that these refuse too (locks, open files) are carried by dill.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache

from pathos_nb.typed import NamedTuple
from pathos_nb.wire.quick import PickleBuffer, dumps, loads

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from typing import Any

Buffer = bytes | bytearray | memoryview

OUT_OF_BAND_BYTES = 1 << 14
MINOR = sys.version_info[:2]


class Payload(NamedTuple):
    """A pickled object.

    Attributes
    ----------
    body : bytes-like
        The pickle.
    buffers : sequence of bytes-like
        Its out-of-band buffers, in order.
    by_value : bool
        Whether it carries code, which only the same minor version of Python can load.
    """

    body: Buffer
    buffers: Sequence[Buffer] = ()
    by_value: bool = False

    @property
    def nbytes(self) -> int:
        """The size of all parts in bytes."""
        return len(self.body) + sum(map(len, self.buffers))


def _collector(buffers: list[Buffer], at_least: int) -> Callable[[PickleBuffer], bool]:
    def keep_in_band(buffer: PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < at_least:
            return True
        buffers.append(raw)
        return False

    return keep_in_band


def dump(value: object, out_of_band_bytes: int = OUT_OF_BAND_BYTES) -> Payload:
    """Pickle an object so that a worker can load it.

    Parameters
    ----------
    value : object
        Data, functions and classes, in any mixture.
    out_of_band_bytes : int
        Buffers from this size on stay out of the pickle.

    Returns
    -------
    Payload

    Raises
    ------
    Exception
        Whatever the last pickler raised, if none can carry it.
    """
    buffers: list[Buffer] = []
    try:
        body = dumps(value, 5, buffer_callback=_collector(buffers, out_of_band_bytes))
    except Exception:  # any pickler's refusal: the next one may do
        return _dump_code(value, out_of_band_bytes)
    return _dump_code(value, out_of_band_bytes) if b"__main__" in body else Payload(body, buffers)


def _dump_code(value: object, at_least: int) -> Payload:
    from pathos_nb.wire.code_pickler import CodePickler

    try:
        return dump_with(CodePickler, value, at_least)
    except Exception:  # a leaf that it refuses
        return dump_with(leaf_pickler(), value, at_least)


def dump_with(kind: Callable[..., Any], value: object, at_least: int = OUT_OF_BAND_BYTES) -> Payload:
    """Pickle an object with one pickler, code by value.

    Parameters
    ----------
    kind : type
        A pickler of cloudpickle's, or made from one.
    value : object
        Anything.
    at_least : int
        Buffers from this size on stay out of the pickle.

    Returns
    -------
    Payload

    Raises
    ------
    Exception
        Whatever the pickler raises.
    """
    buffers: list[Buffer] = []
    stream = io.BytesIO()
    kind(stream, protocol=5, buffer_callback=_collector(buffers, at_least)).dump(value)
    return Payload(stream.getvalue(), buffers, by_value=True)


def load_leaf(raw: bytes, name: str) -> Any:
    """Load a leaf; one that is an open file must be there under its name, else dill would give an empty one.

    Parameters
    ----------
    raw : bytes
        What dill made of it.
    name : str
        The file's name; empty if it is none.

    Returns
    -------
    object

    Raises
    ------
    FileNotFoundError
        An open file goes by its name, and there is none of that name here.
    """
    import dill

    if name and not os.path.exists(name):  # noqa: PTH110 - every worker's start waits for what this file imports
        raise FileNotFoundError(errno.ENOENT, "an open file travels by its name, and here there is none called", name)
    return dill.loads(raw)


@cache
def leaf_pickler() -> type[Any]:
    """Build a cloudpickle pickler that hands the leaves it refuses to dill."""
    import dill

    from pathos_nb.wire.code_pickler import CodePickler

    # All of dill's own kinds: its import adds them to the standard library's table too, which tells nothing.
    kinds = {kind for kind in dill.Pickler.dispatch if isinstance(kind, type)}
    leaves = {kind for kind in kinds if kind.__module__ in ("_thread", "_io", "_queue", "socket")}

    class LeafPickler(CodePickler):
        def reducer_override(self, obj: object) -> Any:
            if type(obj) in leaves:
                name = getattr(obj, "name", "")
                return load_leaf, (dill.dumps(obj), name if isinstance(name, str) else "")
            return super().reducer_override(obj)

    return LeafPickler


def load(payload: Payload) -> Any:
    """Give the object back.

    Parameters
    ----------
    payload : Payload
        What `dump` gave, here or elsewhere.

    Returns
    -------
    object
        Arrays may be views of the payload's buffers.

    Raises
    ------
    Exception
        Whatever unpickling raises.
    """
    return loads(payload.body, buffers=payload.buffers)


def carries_code(body: Buffer) -> bool:
    """Whether a pickle has code by value in it, which only the version of Python can load that made it.

    Parameters
    ----------
    body : bytes-like
        From `dump`, whose picklers for code all name themselves in it.

    Returns
    -------
    bool
    """
    raw = bytes(body) if isinstance(body, memoryview) else body
    return b"cloudpickle.cloudpickle" in raw or b"dill._dill" in raw


def is_bulk(value: Sequence[Any]) -> bool:
    """Whether a list holds numbers, text and bytes only, whose pickle can always be loaded."""
    return set(map(type, value)) <= _SCALARS


_SCALARS = {int, float, complex, bool, str, bytes, type(None)}
