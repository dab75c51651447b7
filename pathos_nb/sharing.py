"""`share(x)`: put x where every worker of this machine reads it, once.

::

     owner                                         worker
     share(x) ── pickle, buffers out of band       item(handle)
        │  one copy                                   │ the handle came as a token of some 60 bytes
        ▼                                             ▼
     sealed memory  ◄────────────────────────────── opened and mapped read-only, when first asked for
        ▲                                             │
     handle.value: a read-only view                handle.value: a read-only view

A mapping outlives the file it was made from: an owner that closes or ends takes nothing away from a worker that has
the value; a worker that comes later is told.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any, Generic, NoReturn, TypeVar

from pathos_nb.errors import CannotSend, ShareClosed
from pathos_nb.wire.sealed import Memory, Token, attach, known, seal
from pathos_nb.wire.serialization import Payload, dump

__all__ = ["Shared", "share"]

T = TypeVar("T")


def share(value: T) -> Shared[T]:
    """Put a value where all workers of this machine see it, and give the handle to send in its place.

    Parameters
    ----------
    value : object
        Anything that can be sent to a worker. Arrays (numpy's, pandas', Arrow's, …: whatever gives its buffers out of
        band) are not copied again by any worker.

    Returns
    -------
    Shared
        Its ``.value`` is the value as it is now. The arrays in it are read-only, here as in the workers.

    Raises
    ------
    CannotSend
        The value cannot be pickled, or there is no room for it.

    Notes
    -----
    Sending the handle costs some microseconds whatever the size. A worker opens it once and keeps it while it is used.

    Examples
    --------
    >>> with share([3, 1, 4]) as digits:
    ...     sorted(digits.value)
    [1, 3, 4]
    """
    if isinstance(value, Shared):
        return value
    return Shared(*seal(_dumped(value), value))


class Shared(Generic[T]):
    """A value in shared memory: what `share` gives, and what a worker gets.

    It is freed when the owner closes it or drops its last handle. ``numpy.asarray`` takes it as it is.
    """

    __slots__ = ("__weakref__", "_is_closed", "_memory", "_token")

    def __init__(self, token: Token, memory: Memory | None = None) -> None:
        self._token, self._memory, self._is_closed = token, memory, False

    @property
    def value(self) -> T:
        """The value itself.

        Raises
        ------
        ShareClosed
            It was closed, or its owner has ended.
        """
        self._refuse_closed()
        if self._memory is None:
            self._memory = attach(self._token)
        return self._memory.value  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        """How much memory it takes, once for all workers."""
        return self._token.size

    @property
    def is_closed(self) -> bool:
        """Whether it gives its value no longer."""
        free = self._memory.free if self._memory else None
        return self._is_closed or (free is not None and not free.alive)

    def close(self) -> None:
        """Let go of the value; in the owner, free it. Arrays that were taken from it before stay good."""
        memory, self._memory, self._is_closed = self._memory, None, True
        if memory is not None and memory.free is not None and os.getpid() == self._token.pid:
            memory.free()

    def _refuse_closed(self) -> None:
        if self.is_closed:
            raise ShareClosed("this shared value has been closed", cure="share it again; close it after its last run")

    def __enter__(self) -> Shared[T]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __getitem__(self, key: object) -> NoReturn:
        raise TypeError("a shared value is not taken from its handle: its .value is it, as in handle.value[0]")

    def __getattr__(self, name: str) -> NoReturn:
        told = f"{type(self).__name__!r} object has no attribute {name!r}"
        if not name.startswith("_"):  # those that protocols look for have nothing to do with the value
            told += f": the shared value is its .value, as in handle.value.{name}"
        raise AttributeError(told, name=name, obj=self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:  # numpy's protocol; it is no dependency
        import numpy

        array = numpy.asarray(self.value, dtype=dtype)
        if copy is False and array is not self.value:
            raise ValueError("this shared value is no array of that type: it must be copied")
        return array.copy() if copy and array is self.value else array

    def __reduce__(self) -> tuple[Any, ...]:
        self._refuse_closed()
        return _arrive, tuple(self._token)

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else f"{self.nbytes:,} bytes, owned by process {self._token.pid}"
        return f"<Shared: {state}>"


def _arrive(*fields: Any) -> Shared[Any]:
    token = Token(*fields)
    return Shared(token, known(token.key))


def _dumped(value: object) -> Payload:
    try:
        return dump(_contiguous(value), out_of_band_bytes=0)
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise CannotSend(f"cannot share a {type(value).__name__}", cause=cause) from error


def _contiguous(value: Any) -> Any:  # an array of numpy, which is no dependency
    # numpy hands over the bytes of a strided array in band, and then each worker would copy them.
    numpy = sys.modules.get("numpy")
    if numpy is not None and type(value) is numpy.ndarray and not value.flags.forc:
        return numpy.ascontiguousarray(value)
    return value
