"""What workers print, made fit for a cell: colours kept, other terminal commands dropped, everything escaped."""

from __future__ import annotations

import re
from html import escape

__all__ = ["as_html", "as_text"]

_ESCAPES = re.compile(r"\x1b\[([0-9;:?]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# Colours in the middle of the scale, which can be read on white and on black.
_COLORS = ("#777777", "#d9534f", "#2a9d5c", "#b8860b", "#3b82f6", "#a855c7", "#1a9ba8", "#999999")


def as_text(text: str) -> str:
    r"""Drop all that is meant for a terminal.

    Parameters
    ----------
    text : str
        As it was printed.

    Returns
    -------
    str
        Plain lines; of a line that was overwritten (``\r``) the last state.
    """
    return _CONTROLS.sub("", _ESCAPES.sub("", _overwritten(text)))


def as_html(text: str) -> str:
    """Turn terminal colours into HTML.

    Parameters
    ----------
    text : str
        As it was printed.

    Returns
    -------
    str
        Escaped; to be put into ``<pre>``.
    """
    text, parts, position, color = _overwritten(text), list[str](), 0, ""
    for found in _ESCAPES.finditer(text):
        parts.append(_span(text[position : found.start()], color))
        position = found.end()
        if found[2] == "m":
            color = _color(found[1], color)
    return "".join([*parts, _span(text[position:], color)])


def _overwritten(text: str) -> str:
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def _span(text: str, color: str) -> str:
    inner = escape(_CONTROLS.sub("", text))
    return f'<span style="color:{color}">{inner}</span>' if color and inner else inner


def _color(codes: str, color: str) -> str:
    for code in codes.replace(":", ";").split(";"):
        number = int(code) if code.isdigit() else 0
        if number in (0, 39):
            color = ""
        elif number in (38, 48):  # a palette's colour follows: not worth a table
            return color
        elif number // 10 in (3, 9) and number % 10 < len(_COLORS):
            color = _COLORS[number % 10]
    return color
