"""Messages of one request to the front ends, from any thread.

The messages are built here rather than with `display()`, whose cell is the one that happens to run when a thread calls
it: the request that started the run is taken once and given as the parent of every message, so what is sent lands in
its own cell, with ipykernel 6 and 7 alike, also after the cell has ended.

A page that was loaded meanwhile knows nothing of that request. So each message says besides which cell it is for, and
at which place of its output; our extension puts it there (``labextension/src/lab/orphans.ts``).
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from pathos_nb.wire.messages import ABOUT, Place

__all__ = ["Outlet", "said_later"]


class Outlet:
    """Sends messages of one request to the front ends of the kernel.

    Parameters
    ----------
    shell : InteractiveShell
        The kernel's shell; the request is the one that this thread is at.

    Attributes
    ----------
    place : str
        What the output that is shown by it is called: its display id.
    """

    def __init__(self, shell: Any) -> None:
        self._publisher, self._kernel = shell.display_pub, shell.kernel
        self._parent = shell.kernel.get_parent("shell")
        self.place = uuid.uuid4().hex
        cell = ((self._parent or {}).get("metadata") or {}).get("cellId")
        about: Place = {
            "place": self.place,
            "cell": str(cell or ""),
            "count": len(shell.history_manager.input_hist_raw) - 1,
        }
        self.about = about

    @property
    def is_of_this_request(self) -> bool:
        """Whether its request is the one that this thread is at."""
        now = self._kernel.get_parent("shell") or {}
        return bool(now.get("header")) and now["header"] == (self._parent or {}).get("header")

    def send(
        self,
        kind: str,
        content: Mapping[str, Any],
        topic: bytes | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Send a message.

        Parameters
        ----------
        kind : str
            Its type, such as ``stream``.
        content : mapping
            What it says: values of JSON.
        topic : bytes, optional
            What it is about, for those who listen to some topics only.
        metadata : mapping, optional
            About the message.
        """
        publisher = self._publisher
        publisher.session.send(
            publisher.pub_socket,
            kind,
            dict(content),
            parent=self._parent,
            ident=topic or publisher.topic,
            metadata={**(metadata or {}), ABOUT: self.about},
        )

    def show(self, bundle: Mapping[str, Any], *, is_new: bool) -> int:
        """Show something, or show it anew.

        Parameters
        ----------
        bundle : mapping
            By MIME type.
        is_new : bool
            Whether it is not in the cell yet.

        Returns
        -------
        int
            Its size, roughly: characters of its texts, and of its records as JSON.
        """
        told = {ABOUT: {"place": self.place}}  # stays in the notebook: the place is found again in a saved one
        content = {"data": dict(bundle), "metadata": told, "transient": {"display_id": self.place}}
        self.send("display_data" if is_new else "update_display_data", content)
        return sum(
            len(part) if isinstance(part, str) else len(json.dumps(part, default=str)) for part in bundle.values()
        )


def said_later(shell: Any) -> Callable[[str], object]:
    """Give what writes a note into the running cell, also when that has ended, from any thread.

    Parameters
    ----------
    shell : InteractiveShell
        The shell; in a terminal a note comes to the prompt.

    Returns
    -------
    callable
        Takes a text.
    """
    if not hasattr(getattr(shell, "kernel", None), "get_parent") or not hasattr(shell.display_pub, "pub_socket"):
        return sys.stderr.write
    outlet = Outlet(shell)
    return lambda text: outlet.send("stream", {"name": "stderr", "text": text}, b"stream")
