"""What to say of what cannot be sent to a worker."""

from __future__ import annotations

from pathos_nb.dispatch.captured import culprit, name_of
from pathos_nb.dispatch.crew import Seat
from pathos_nb.errors import CannotSend
from pathos_nb.launchers.failing import text_of
from pathos_nb.typed import Any
from pathos_nb.wire.serialization import MINOR

__all__ = ["cannot_send", "other_python"]


def other_python(what: Any, seat: Seat) -> CannotSend:
    """Say that code cannot go to a worker of another Python."""
    here, there = (".".join(map(str, version)) for version in (MINOR, seat.slot.minor))
    name = name_of(what) if callable(what) else "an argument"
    return CannotSend(
        f"{name} goes as code of Python {here}, which Python {there} cannot load",
        cure=f"have a Python {here} there (python=, --python), or put it into a module that both can import",
        host=seat.slot.host,
    )


def cannot_send(function: Any, error: BaseException) -> CannotSend:
    """Say what keeps the function from travelling, by the name that the user gave it."""
    name, cause = culprit(function), f"{type(error).__name__}: {text_of(error)}"
    it = name.rpartition(", which uses ")[2] or "what it captures"
    cause = f"it uses {name}: {cause}" if name else cause
    what, cure = f"{name_of(function)} cannot be sent to a worker", f"make {it} inside of it, or use threads"
    told = CannotSend(what, cause=cause, cure=cure)
    told.__cause__ = error
    return told
