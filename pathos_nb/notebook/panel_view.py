"""``%pathos panel``: the manager in a cell, in the best form that can be had here.

==========================================  ==================================================
there are                                   what is shown
==========================================  ==================================================
anywidget, ipywidgets and the built bundle  what the side panel of JupyterLab shows
ipywidgets                                  plain widgets, by the same messages
none of them, or no kernel                  the tables of ``%pathos status``, and what is missing
==========================================  ==================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pathos_nb.notebook.acting import act
from pathos_nb.notebook.panel import Panel
from pathos_nb.notebook.said import Table
from pathos_nb.session import Session

__all__ = ["BUNDLE", "view_of"]

BUNDLE = Path(__file__).parents[1] / "static" / "panel.js"


def view_of(panel: Panel, session: Session, values: Mapping[str, Any], *, has_kernel: bool) -> Any:
    """Give the manager, to be displayed.

    Parameters
    ----------
    panel : Panel
        The session's.
    session : Session
        The kernel's.
    values : mapping
        The parsed words of ``%pathos panel``.
    has_kernel : bool
        Whether there is a kernel, which can have widgets.

    Returns
    -------
    object
        A widget, or a table.
    """
    missing = "" if has_kernel else "there are no widgets in a terminal"
    if has_kernel and not values["plain"] and BUNDLE.is_file():
        try:
            from pathos_nb.notebook.panel_anywidget import in_cell

            return in_cell(panel, BUNDLE)
        except ImportError:  # anywidget is not there, or does not fit: plain widgets will do
            pass
    if has_kernel:
        try:
            from pathos_nb.notebook.panel_plain import PlainPanel

            return PlainPanel(panel).view
        except ImportError as error:
            missing = f"for a panel with buttons: %pip install ipywidgets ({error})"
    return _tables(session, missing)


def _tables(session: Session, missing: str) -> Table:
    found: Table = act(session, "status", {"help": False})
    return Table(found.columns, found.rows, f"{found.head}\n{missing}")
