"""How objects lie in frames: as bytes, or as they are where a worker shares its pool's memory."""

from __future__ import annotations

from pathos_nb.wire.framing import Frame
from pathos_nb.wire.quick import loads
from pathos_nb.wire.serialization import Payload, dump

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Codec(Protocol):
        """What gives payloads of objects, and objects of frames."""

        def dump(self, value: Any) -> Payload:
            """Give a payload."""

        def load(self, frame: Frame) -> Any:
            """Give the object of a frame."""


__all__ = ["ByReference", "ByValue"]


class ByValue:
    """Objects travel as bytes."""

    dump = staticmethod(dump)

    @staticmethod
    def load(frame: Frame) -> Any:
        """Give the object of a frame."""
        return loads(frame.body, buffers=frame.buffers)


class ByReference:
    """Objects stay where they are: worker and pool share memory."""

    @staticmethod
    def dump(value: Any) -> Payload:
        """Wrap the object itself."""
        return Payload(value)

    @staticmethod
    def load(frame: Frame) -> Any:
        """Unwrap it."""
        return frame.body
