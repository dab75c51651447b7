"""What items showed: pictures, taken out of their output. Nothing of it is believed but what it looks like."""

from __future__ import annotations

from importlib import import_module

from pathos_nb.launchers.rich import BEGIN, END, PICTURES
from pathos_nb.typed import NamedTuple

__all__ = ["MAX_BYTES", "Picture", "part"]

MAX_BYTES = 4 << 20  # of the pictures of one run
_TOLD, _BASE64 = r"(?P<told>[^\x1b]*)", r"[A-Za-z0-9+/=\s]*"


class Picture(NamedTuple):
    """A picture: its MIME type, and its bytes in base64."""

    kind: str
    data: str


def part(output: str) -> tuple[str, list[Picture]]:
    """Part what an item printed from the pictures that it showed.

    Parameters
    ----------
    output : str
        What the worker sent.

    Returns
    -------
    str
        The text, with a picture's text in its place.
    list of Picture
    """
    if BEGIN not in output:
        return output, []
    import re

    frame, pictures = rf"{re.escape(BEGIN)}{_TOLD}(?:{re.escape(END)}|\Z)", list[Picture]()
    return re.sub(frame, lambda found: _text_of(found["told"], pictures), output), pictures


def _text_of(told: str, pictures: list[Picture]) -> str:
    try:
        kind, data, text = import_module("json").loads(told)  # few items show anything, and a start would wait for it
        if kind in PICTURES and isinstance(data, str):
            pictures.append(Picture(kind, _in_base64(kind, data)))
        return str(text) or "<a picture>"
    except ValueError:  # cut off, or made up
        return "<a picture that did not arrive whole>"


def _in_base64(kind: str, data: str) -> str:
    if kind == "image/svg+xml":
        return str(import_module("base64").b64encode(data.encode()).decode())
    import re

    if not re.fullmatch(_BASE64, data):
        raise ValueError("not in base64")
    return "".join(data.split())
