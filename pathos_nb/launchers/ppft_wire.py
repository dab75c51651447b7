"""What ppft's protocol looks like on the wire, and what of it is used.

::

    each message          | size 8 | bytes |
    a call (down)         function message, argument message: both pickles, for ppft's own worker to load
    a result (up)         the pickle of (result, what Python printed)

Only one function is ever called, the trampoline, and its one argument and its result are signed bytes. So the function
message is always the same, and the other two are fixed bytes around the signed ones: they are put together and taken
apart here without a pickler, and what has another shape is refused before ppft's worker would load it.

Two more kinds of message, which no ppft worker sees: *orders* (down) and *words* (up), signed JSON.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pathos_nb.wire.signing import Checker, Signer

Buffer = bytes | bytearray | memoryview

REVISION = 1
TRAMPOLINE = "trampoline"
_SOURCE = f"from pathos_nb.launchers.ppft_worker import {TRAMPOLINE}\n"
_SIZE = struct.Struct("!Q")
_LONG, _INT = struct.Struct("<Q"), struct.Struct("<I")
MAX_BYTES = 1 << 40
MAX_RESULT_BYTES = (1 << 32) - 1  # what the protocol 3 of pickle can tell the size of
RESULT_PROTOCOL = 3
_READ_BYTES, _READ_MORE_BYTES, _JOIN_BYTES = 1 << 16, 1 << 18, 1 << 16


class NotPpft(ValueError):
    """The peer says what none of ours would."""


def _text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + _INT.pack(len(raw)) + raw


# The pickle of (name, [source], ()), which is what ppft wants to know of a function.
FUNCTION = b"\x80\x02(" + _text(TRAMPOLINE) + b"](" + _text(_SOURCE) + b"e)t."
_FIRST_CALL, _NEXT_CALL = b"N" + FUNCTION, b"H" + hashlib.md5(FUNCTION, usedforsecurity=False).hexdigest().encode()
_ORDER, _WORD = b"O", b"W"
_ARGUMENT_HEAD, _ARGUMENT_TAIL = b"\x80\x04\x8e", b"\x85."  # the pickle of (bytes,): BINBYTES8, TUPLE1
_RESULT_LONG, _RESULT_SHORT = b"\x80\x03B", b"\x80\x03C"
_RESULT_TAIL = b"q\x00X\x00\x00\x00\x00q\x01\x86q\x02."  # the pickle of (bytes, ""): protocol 3 as dill writes it


def call(signer: Signer, pieces: Sequence[Buffer], is_first: bool) -> list[Buffer]:
    """Lay out a call of the trampoline.

    Parameters
    ----------
    signer : Signer
        Of the jobs of this conversation.
    pieces : sequence of bytes-like
        The argument; not copied.
    is_first : bool
        Whether the peer has not been told of the function.

    Returns
    -------
    list of bytes-like
        To be sent one after the other.
    """
    head, function = signer.head(pieces), _FIRST_CALL if is_first else _NEXT_CALL
    inner = len(head) + sum(len(piece) for piece in pieces)
    size = len(_ARGUMENT_HEAD) + _LONG.size + inner + len(_ARGUMENT_TAIL)
    start = _SIZE.pack(len(function)) + function + _SIZE.pack(size) + _ARGUMENT_HEAD + _LONG.pack(inner) + head
    return [start, *pieces, _ARGUMENT_TAIL]


def framed(*messages: Buffer) -> list[Buffer]:
    """Lay out messages behind their sizes; short ones are one piece, so that who waits for them wakes once."""
    pieces = [piece for message in messages for piece in (_SIZE.pack(len(message)), message)]
    return [b"".join(pieces)] if sum(map(len, messages)) < _JOIN_BYTES else pieces


def is_call(function: Buffer) -> bool:
    """Whether a function message names the trampoline."""
    return function in (_FIRST_CALL, _NEXT_CALL)


def check_argument(argument: Buffer) -> None:
    """See that an argument message is what `call` lays out, so that to load it can make nothing but bytes.

    Parameters
    ----------
    argument : bytes-like
        The message.

    Raises
    ------
    NotPpft
        It has another shape.
    """
    view, start = memoryview(argument), len(_ARGUMENT_HEAD) + _LONG.size
    inner = len(view) - start - len(_ARGUMENT_TAIL)
    if (
        inner < 0
        or view[: len(_ARGUMENT_HEAD)] != _ARGUMENT_HEAD
        or view[len(_ARGUMENT_HEAD) : start] != _LONG.pack(inner)
        or view[start + inner :] != _ARGUMENT_TAIL
    ):
        raise NotPpft("an argument is not signed bytes and nothing else")


def opened_result(result: Buffer) -> memoryview:
    """Give the signed bytes of a result message, without loading it.

    Parameters
    ----------
    result : bytes-like
        The message.

    Returns
    -------
    memoryview

    Raises
    ------
    NotPpft
        It is not signed bytes and nothing else.
    """
    view = memoryview(result)
    start = len(_RESULT_LONG) + _INT.size if view[:3] == _RESULT_LONG else len(_RESULT_SHORT) + 1
    inner = len(view) - start - len(_RESULT_TAIL)
    told = _INT.pack(inner & 0xFFFFFFFF) if view[:3] == _RESULT_LONG else bytes([inner & 0xFF])
    is_ours = view[:3] in (_RESULT_LONG, _RESULT_SHORT) and inner >= 0
    if not is_ours or view[3:start] != told or view[start + inner :] != _RESULT_TAIL:
        raise NotPpft("a result is not signed bytes and nothing else")
    return view[start : start + inner]


def may_be_result(begun: bytes) -> bool:
    """Whether a message that begins so may become a result."""
    return any(head.startswith(begun[:3]) for head in (_RESULT_LONG, _RESULT_SHORT))


def order(signer: Signer, **fields: Any) -> bytes:
    """Lay out an order, which the server itself obeys."""
    signed = signer.sign(json.dumps(fields).encode())
    return _SIZE.pack(len(_ORDER)) + _ORDER + _SIZE.pack(len(signed)) + signed


def is_order(function: Buffer) -> bool:
    """Whether what follows a function message is an order."""
    return function == _ORDER


def word(signer: Signer, **fields: Any) -> bytes:
    """Lay out a word of the server's own."""
    signed = signer.sign(json.dumps(fields).encode())
    return _SIZE.pack(len(_WORD) + len(signed)) + _WORD + signed


def is_word(message: Buffer) -> bool:
    """Whether a message is a word and not a result."""
    return bytes(message[:1]) == _WORD


def fields_of(checker: Checker, message: Buffer, *, of_word: bool) -> dict[str, Any]:
    """Give what an order or a word says, if it is authentic.

    Parameters
    ----------
    checker : Checker
        Of orders, or of words.
    message : bytes-like
        An order's second message, or a word.
    of_word : bool
        Which of the two.

    Returns
    -------
    dict

    Raises
    ------
    NotAuthentic, NotPpft
        It is not to be believed.
    """
    fields = json.loads(bytes(checker.open(memoryview(message)[len(_WORD) if of_word else 0 :])))
    if not isinstance(fields, dict):
        raise NotPpft("a word has no fields")
    return fields


class Messages:
    """Puts messages together from the pieces a stream gives; a large one costs no more than its size.

    Parameters
    ----------
    max_bytes : int
        A message that says it is larger is refused before anything is kept of it.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max, self._data, self._wanted = max_bytes, bytearray(), _SIZE.size

    def pull(self, receive: Callable[[int], bytes]) -> Iterator[Buffer] | None:
        """Read once from the stream.

        Parameters
        ----------
        receive : callable
            ``socket.recv``, or the like.

        Returns
        -------
        iterator of bytes-like or None
            The messages that are now whole; None at the end of the stream.

        Raises
        ------
        NotPpft
            A size cannot be believed.
        """
        missing = self._wanted - len(self._data)
        data = receive(_READ_MORE_BYTES if missing > _READ_BYTES else _READ_BYTES)
        if not data:
            return None
        self._data += data
        return iter(list(self._whole())) if len(self._data) >= self._wanted else iter(())

    def begun(self) -> bytes:
        """Give the first bytes of a message that is not whole yet."""
        return bytes(self._data[_SIZE.size : _SIZE.size + 3])

    def _whole(self) -> Iterator[Buffer]:
        at = 0
        while (left := len(self._data) - at) >= _SIZE.size:
            size = _SIZE.unpack_from(self._data, at)[0]
            if size > self._max:
                raise NotPpft(f"a message of {size} bytes is not believable")
            if left < _SIZE.size + size:
                break
            start, at = at + _SIZE.size, at + _SIZE.size + size
            if start == _SIZE.size and at == len(self._data):  # the only one: no copy
                data, self._data = self._data, bytearray()
                yield memoryview(data)[start:]
                at = 0
                continue
            yield bytes(memoryview(self._data)[start:at])
        del self._data[:at]
        left = len(self._data)
        self._wanted = _SIZE.size + (_SIZE.unpack_from(self._data)[0] if left >= _SIZE.size else 0)
