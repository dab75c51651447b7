"""What the values of options may be: each reader gives the value of a text, or says in a ValueError what was wanted."""

from __future__ import annotations

import contextlib
import keyword
import math
import re
from collections.abc import Callable
from typing import TypeVar

__all__ = ["choice", "count", "fingerprint", "name", "patterns", "place", "places", "port", "seconds", "workers"]

T = TypeVar("T")
_MAX_PORT = 65535


def _reader(wanted: str, read: Callable[[str], T | None]) -> Callable[[str], T]:
    """Make a reader of what gives None, or raises a ValueError, for a text that is not as wanted."""

    def kind(text: str) -> T:
        with contextlib.suppress(ValueError):
            if (found := read(text)) is not None:
                return found
        raise ValueError(wanted)

    return kind


def _shape(pattern: str) -> Callable[[str], str | None]:
    return lambda text: text if re.fullmatch(pattern, text) else None


def _from(least: int) -> Callable[[str], int | None]:
    return lambda text: number if (number := int(text)) >= least else None


def _name(text: str) -> str | None:
    return text if text.isidentifier() and not keyword.iskeyword(text) else None


def _seconds(text: str) -> float | None:
    number = float(text.removesuffix("s"))
    return number if 0 < number < math.inf else None


def _port(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and 1 <= int(text) <= _MAX_PORT else None


def _places(text: str) -> tuple[str, ...] | None:
    found = tuple(part.strip() for part in text.split(","))
    return found if all(found) else None


name = _reader("the name of a variable", _name)
count = _reader("a whole number from 0", _from(0))
workers = _reader("a whole number from 1", _from(1))
seconds = _reader("a number of seconds above 0", _seconds)
port = _reader(f"a port from 1 to {_MAX_PORT}", _port)
fingerprint = _reader("a fingerprint as ssh-keygen -lf shows it, SHA256:…", _shape(r"SHA256:[A-Za-z0-9+/]{43}"))
place = _reader("a name of letters, digits, dots, dashes and underscores", _shape(r"[A-Za-z0-9_][A-Za-z0-9_.-]*"))
patterns = _reader("names or patterns with commas between, such as data/*.csv,start.toml", _places)
places = _reader("places with commas between, such as processes or node7,node8", _places)


def choice(*known: str) -> Callable[[str], str]:
    """Make a reader that takes some words only.

    Parameters
    ----------
    *known : str
        The words.

    Returns
    -------
    callable
        Gives the word, or raises ValueError.
    """
    wanted = " or ".join([", ".join(known[:-1]), known[-1]])
    return _reader(wanted, lambda text: text if text in known else None)
