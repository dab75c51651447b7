"""What the values of options may be: each gives the value, or says in a ValueError what was wanted."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable

__all__ = ["choice", "count", "fingerprint", "name", "place", "places", "port", "seconds", "workers"]

_MAX_PORT = 65535


def name(text: str) -> str:
    """Read the name of a variable.

    Parameters
    ----------
    text : str
        As it was typed.

    Returns
    -------
    str
        The same.

    Raises
    ------
    ValueError
        If no variable can be called so.
    """
    if not text.isidentifier() or keyword.iskeyword(text):
        raise ValueError("the name of a variable")
    return text


def count(text: str) -> int:
    """Read a whole number from 0.

    Parameters
    ----------
    text : str
        As it was typed.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ValueError
        If it is none, or below 0.
    """
    return _whole(text, 0)


def workers(text: str) -> int:
    """Read a number of workers.

    Parameters
    ----------
    text : str
        As it was typed.

    Returns
    -------
    int
        The number, at least 1.

    Raises
    ------
    ValueError
        If it is none, or below 1.
    """
    return _whole(text, 1)


def _whole(text: str, least: int) -> int:
    wanted = f"a whole number from {least}"
    try:
        number = int(text)
    except ValueError:
        raise ValueError(wanted) from None
    if number < least:
        raise ValueError(wanted)
    return number


def seconds(text: str) -> float:
    """Read a duration in seconds.

    Parameters
    ----------
    text : str
        As it was typed; a final ``s`` is allowed.

    Returns
    -------
    float
        Seconds, above 0.

    Raises
    ------
    ValueError
        If it is no number, or not above 0.
    """
    try:
        number = float(text.removesuffix("s"))
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise ValueError("a number of seconds above 0")
    return number


def port(text: str) -> int:
    """Read a port.

    Parameters
    ----------
    text : str
        As it was typed.

    Returns
    -------
    int
        From 1 to 65535.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= _MAX_PORT):
        raise ValueError(f"a port from 1 to {_MAX_PORT}")
    return int(text)


def fingerprint(text: str) -> str:
    """Read the fingerprint of a host's key.

    Parameters
    ----------
    text : str
        As it was typed.

    Returns
    -------
    str
        The same.

    Raises
    ------
    ValueError
        If it is not one as ``ssh`` shows it.
    """
    if not re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", text):
        raise ValueError("a fingerprint as ssh-keygen -lf shows it, SHA256:…")
    return text


def place(text: str) -> str:
    """Read the name that a host gets.

    Parameters
    ----------
    text : str
        As it was typed.

    Returns
    -------
    str
        The same.

    Raises
    ------
    ValueError
        If ``-p`` could not take it.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", text):
        raise ValueError("a name of letters, digits, dots, dashes and underscores")
    return text


def places(text: str) -> tuple[str, ...]:
    """Read places with commas between.

    Parameters
    ----------
    text : str
        As it was typed.

    Returns
    -------
    tuple of str
        At least one.

    Raises
    ------
    ValueError
        If a name is empty.
    """
    found = tuple(part.strip() for part in text.split(","))
    if not all(found):
        raise ValueError("places with commas between, such as processes or node7,node8")
    return found


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

    def read(text: str) -> str:
        if text not in known:
            raise ValueError(" or ".join([", ".join(known[:-1]), known[-1]]))
        return text

    return read
