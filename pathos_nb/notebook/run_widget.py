"""The widget of a run: an anywidget whose every message belongs to the cell that started the run.

Imported when the first run is about to show itself, as ipywidgets takes a while (`pathos_nb.notebook.live`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import anywidget
from comm.base_comm import BaseComm

from pathos_nb.notebook.outlet import Outlet
from pathos_nb.wire.messages import PROTOCOL, RunRecord

__all__ = ["Code", "RunComm", "RunWidget"]

_WIDGETS, _VERSION = "jupyter.widget", "2.1.0"  # the protocol of Jupyter's widgets


class Code(Protocol):
    """The view's code (`pathos_nb.notebook.live.ViewCode`)."""

    is_known: bool

    @property
    def text(self) -> str:
        """The view, as a JavaScript module."""

    @property
    def loader(self) -> str:
        """The few lines that find it."""

    @property
    def digest(self) -> str:
        """Its name in a page."""


class RunComm(BaseComm):
    """A comm whose messages are sent for one request, and answered in whatever thread hears them.

    Parameters
    ----------
    outlet : Outlet
        Sends them.
    **options : object
        Of every comm.
    """

    def __init__(self, outlet: Outlet, **options: Any) -> None:
        self._outlet = outlet
        super().__init__(**options)

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        """Send a message; it has no buffers."""
        content = {"data": data or {}, "comm_id": self.comm_id, **keys}
        self._outlet.send(msg_type, content, self.topic, metadata)

    def handle_msg(self, msg: dict[str, Any]) -> None:
        """Hand a message on, without IPython's events of a cell: none runs here, and another one may go on."""
        if self._msg_callback:
            self._msg_callback(msg)

    def _reply_subshell_for(self, data: Any, default: str | None) -> str | None:
        """Have ipykernel 7.4 answer where the front end asks, not where the last message came from: the cell blocks."""
        return default


class RunWidget(anywidget.AnyWidget):
    """A run in a cell, while it goes on.

    Parameters
    ----------
    outlet : Outlet
        The cell's.
    code : Code
        The view; sent along unless some page has it.
    record : callable
        Gives the run as it is: what a view shows before it has heard anything.
    hear : callable
        Takes what a view says.
    """

    def __init__(
        self, outlet: Outlet, code: Code, record: Callable[[], RunRecord], hear: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self._outlet, self._record, self._code, self._esm = outlet, record, code, code.loader
        self._comm_id = uuid.uuid4().hex
        super().__init__()
        self.on_msg(lambda widget, content, buffers: hear(content))

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """Give what a view needs to begin: no layout, which would be a second model."""
        names = [
            name for name in self.traits(sync=True) if name.startswith(("_model_", "_view_", "_esm", "_anywidget"))
        ]
        code: dict[str, Any] = {"digest": self._code.digest, "protocol": PROTOCOL, "comm_id": self._comm_id}
        if not self._code.is_known:
            code["code"] = self._code.text
        return {**{name: getattr(self, name) for name in names}, **code, "record": self._record()}

    def open(self) -> None:
        """Begin."""
        data = {"state": self.get_state(), "buffer_paths": []}
        self.comm = RunComm(
            self._outlet, comm_id=self._comm_id, target_name=_WIDGETS, data=data, metadata={"version": _VERSION}
        )
