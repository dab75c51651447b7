"""The files of maps on their way to another machine: asked whether they are seen there, and read piece by piece."""

from __future__ import annotations

import itertools
import os
from typing import Protocol

from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers.inputs import Input
from pathos_nb.wire.framing import Frame

__all__ = ["Staging"]

_PIECE_BYTES, _N_KEPT = 1 << 22, 64
_NO_DIGEST = "it joined the pool after the map had begun"


class Way(Protocol):
    """What takes envelopes to the other machine."""

    def send(self, kind: int, slot: int, *frames: Frame) -> None:
        """Send envelopes, without blocking."""


class _Asked:
    """The files of one map, which it keeps, and what came of it."""

    def __init__(self, number: int, files: tuple[Input, ...]) -> None:
        self.number, self.files = number, files
        self.answer: str | None = None


class Staging:
    """The files of maps, as far as one machine has them.

    Parameters
    ----------
    way : Way
        To that machine.
    """

    def __init__(self, way: Way) -> None:
        self._way = way
        self._numbers = itertools.count(1)
        self._asked: dict[int, _Asked] = {}
        self._files: dict[str, Input] = {}

    def stage(self, files: tuple[Input, ...]) -> str | None:
        """See to it that files are there; see `Slot.stage`."""
        known = self._asked.get(id(files))
        if known is None:
            known = self._asked[id(files)] = _Asked(next(self._numbers), files)
            self._ask(known)
            if len(self._asked) > _N_KEPT:  # those that are still at work are asked about again
                del self._asked[next(iter(self._asked))]
        return known.answer

    def _ask(self, known: _Asked) -> None:
        files = known.files
        if any(not told.digest for told in files):
            known.answer = _NO_DIGEST
        elif files:
            self._files.update({told.digest: told for told in files})
            self._way.send(messages.LOOK, 0, Frame(0, (known.number, tuple(map(tuple, files)))))
        else:
            known.answer = ""

    def hear(self, kind: int, frame: Frame) -> bool:
        """Take a message in; tell whether it says how it ended for one of the maps."""
        if kind == messages.WANT:
            self._send_piece(*frame.meta)
        elif kind == messages.LOOKED:
            number, problem = frame.meta
            for known in self._asked.values():
                known.answer = problem if known.number == number else known.answer
            return True
        return False

    def _send_piece(self, digest: str, offset: int) -> None:
        """Send what is asked for, if it is a file that was meant to go there."""
        told = self._files.get(digest)
        if told is None:
            return
        data, problem = _piece(told, offset)
        self._way.send(messages.PIECE, 0, Frame(0, (digest, offset, problem), data))


def _piece(told: Input, offset: int) -> tuple[bytes, str]:
    """Read some of a file; or say that it is not what it was."""
    try:
        fd = os.open(told.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            data = os.pread(fd, _PIECE_BYTES, offset)
            is_same = told.is_told_by(os.fstat(fd)) and (data or offset >= told.size)
        finally:
            os.close(fd)
    except OSError as error:
        return b"", f"{told.path} cannot be read any more: {error.strerror}"
    return (data, "") if is_same else (b"", f"{told.path} has changed since the map began")
