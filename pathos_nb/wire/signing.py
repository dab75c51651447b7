"""Signed bytes: a message that proves who made it, for whom, and that it has not been sent before.

::

    | mac 32 | number 8 | what is signed |

Both sides know a secret. Each conversation has a key of its own, made of the secret and of what both sides drew at its
start, so that nothing of another conversation counts in it; in each direction, and for each purpose, the messages are
numbered, so that none counts twice. Nobody reads on before `Checker.open` has said yes.

References
----------
HMAC: RFC 2104, with SHA-256 (FIPS 180-4).
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterable

Buffer = bytes | bytearray | memoryview

_NUMBER = struct.Struct("!Q")
_MAC_BYTES = 32
HEAD_BYTES = _MAC_BYTES + _NUMBER.size


class NotAuthentic(ValueError):
    """The bytes were not made by who knows the secret, or not for here and now."""


def derive(secret: bytes, *parts: bytes) -> bytes:
    """Give a key that only who knows the secret can make.

    Parameters
    ----------
    secret : bytes
        What both sides know.
    *parts : bytes
        What the key is for; other parts, another key.

    Returns
    -------
    bytes
        32 of them.
    """
    told = b"".join(_NUMBER.pack(len(part)) + part for part in parts)
    return hmac.digest(secret, told, "sha256")


class Signer:
    """Signs messages, one after the other.

    Parameters
    ----------
    key : bytes
        Of the conversation.
    purpose : bytes
        What they are, and who makes them.
    """

    def __init__(self, key: bytes, purpose: bytes) -> None:
        self._key, self._number = derive(key, purpose), 0

    def head(self, pieces: Iterable[Buffer]) -> bytes:
        """Give what has to stand before the pieces; large ones are not copied."""
        number = _NUMBER.pack(self._number)
        self._number += 1
        return _mac(self._key, number, pieces) + number

    def sign(self, message: bytes) -> bytes:
        """Give a short message, signed."""
        return self.head((message,)) + message


class Checker:
    """Opens what a `Signer` of the same key and purpose made, in the same order.

    Parameters
    ----------
    key, purpose : bytes
        As the signer has them.
    """

    def __init__(self, key: bytes, purpose: bytes) -> None:
        self._key, self._number = derive(key, purpose), 0

    def open(self, signed: Buffer) -> memoryview:
        """Give what was signed.

        Parameters
        ----------
        signed : bytes-like
            A whole message.

        Returns
        -------
        memoryview
            What it says.

        Raises
        ------
        NotAuthentic
            It is not the next message of that signer.
        """
        view = memoryview(signed)
        if len(view) < HEAD_BYTES:
            raise NotAuthentic("a message is too short to be signed")
        number, body = bytes(view[_MAC_BYTES:HEAD_BYTES]), view[HEAD_BYTES:]
        if not hmac.compare_digest(_mac(self._key, number, (body,)), bytes(view[:_MAC_BYTES])):
            raise NotAuthentic("a message is not signed with the secret of this conversation")
        if _NUMBER.unpack(number)[0] != self._number:
            raise NotAuthentic("a message came twice, or out of its order")
        self._number += 1
        return body


def _mac(key: bytes, number: bytes, pieces: Iterable[Buffer]) -> bytes:
    made = hmac.new(key, number, "sha256")
    for piece in pieces:
        made.update(piece)
    return made.digest()
