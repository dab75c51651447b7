"""The panel's bundle in a cell: a widget whose messages are those of the comm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from pathos_nb.notebook.panel import LEFT, Panel, unblock
from pathos_nb.notebook.panel_seat import Seat

__all__ = ["in_cell"]


class _Way:
    """Between a widget and its seat: a view that comes back after it was closed begins anew."""

    def __init__(self, panel: Panel, widget: Any) -> None:
        self._panel, self._widget = panel, widget
        self._seat: Seat | None = None

    def hear(self, _widget: Any, message: Any, _buffers: Any) -> None:
        is_begin = isinstance(message, Mapping) and message.get("type") == "open"
        if is_begin and (self._seat is None or not self._seat.is_open):
            self._seat = self._panel.seat(self._widget.send)
        if self._seat is not None:
            self._seat.hear(message)


def in_cell(panel: Panel, bundle: Path) -> Any:
    """Give the widget.

    Parameters
    ----------
    panel : Panel
        The session's.
    bundle : Path
        The built module.

    Returns
    -------
    anywidget.AnyWidget
        To be displayed.
    """
    comm_id = traitlets.Unicode().tag(sync=True)  # for a page that has to find its own way past a busy cell
    kind = type("PanelWidget", (anywidget.AnyWidget,), {"_esm": bundle, "comm_id": comm_id, "__repr__": lambda _: LEFT})
    widget = kind()
    widget.comm_id = widget.comm.comm_id
    widget.on_msg(_Way(panel, widget).hear)
    unblock(widget.comm, widget._handle_msg)
    return widget
