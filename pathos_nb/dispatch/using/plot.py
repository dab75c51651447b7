"""A plot that shows itself in a notebook, is a file when asked, and can be taken further in its own library."""

from __future__ import annotations

import base64
import contextlib
import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pathos_nb.dispatch.store.files import write_atomically
from pathos_nb.dispatch.using.altair_plot import MIME, altair_chart, spec_of
from pathos_nb.dispatch.using.drawing import Drawing
from pathos_nb.dispatch.using.matplotlib_plot import figure, picture
from pathos_nb.dispatch.writing import writing
from pathos_nb.errors import BadOption, plain

__all__ = ["LACKING", "Plot", "bundle_of", "can_plot", "preload"]

LACKING = "plots need altair or matplotlib: pip install altair; to_pandas() gives the numbers"
_PICTURES = (".png", ".svg", ".pdf")


def can_plot() -> bool:
    """Tell whether altair or matplotlib is installed, without loading it."""
    return any(find_spec(name) is not None for name in ("altair", "matplotlib"))


def preload() -> None:
    """Load what draws; a second or two, which the first drawing would have to wait for."""
    with contextlib.suppress(ImportError):
        import_module("altair")


class Plot:
    """A plot.

    Parameters
    ----------
    drawing : Drawing
        What it shows.

    Raises
    ------
    ImportError
        Neither altair nor matplotlib is installed.
    """

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        self._bundle = bundle_of(drawing)

    @property
    def chart(self) -> Any:
        """The chart of altair, to be changed."""
        return altair_chart(self.drawing)

    @property
    def figure(self) -> Any:
        """The figure of matplotlib, to be changed."""
        return figure(self.drawing)

    @plain
    def save(self, path: str | Path) -> Path:
        """Write it to a file.

        Parameters
        ----------
        path : str or Path
            ``.png``, ``.svg`` or ``.pdf`` by matplotlib, ``.json`` as Vega-Lite by altair.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        BadOption
            The name ends otherwise.
        CannotWrite
            Its folder is not there, or takes nothing; it is an OSError too.
        ImportError
            What it takes is not installed.
        """
        place = Path(path).expanduser()
        kind = place.suffix.lower()
        if kind == ".json":
            raw = json.dumps(spec_of(self.drawing)).encode()
        elif kind in _PICTURES:
            raw = picture(self.drawing, kind[1:])
        else:
            raise BadOption(f"a plot is not written as {place.name!r}", cure="it may end in .png, .svg, .pdf or .json")
        with writing(place):
            write_atomically(place, [raw])
        return place

    def __repr__(self) -> str:
        return f"<{self.drawing}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return self._bundle


def bundle_of(drawing: Drawing, *, is_final: bool = True) -> dict[str, Any]:
    """Give a drawing in the forms that a front end chooses from.

    Parameters
    ----------
    drawing : Drawing
        What to show.
    is_final : bool
        Whether it stays: then it has a picture too, for pages without script.

    Returns
    -------
    dict
        By MIME type: Vega-Lite where altair is there, a picture where matplotlib is, and a text.

    Raises
    ------
    ImportError
        Neither is.
    """
    bundle: dict[str, Any] = {}
    with contextlib.suppress(ImportError):
        bundle[MIME] = spec_of(drawing)
    if is_final or not bundle:
        with contextlib.suppress(ImportError):
            bundle["image/png"] = base64.b64encode(picture(drawing)).decode()
    if not bundle:
        raise ImportError(LACKING)
    return {**bundle, "text/plain": str(drawing)}
