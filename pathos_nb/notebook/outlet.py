"""Messages of one request to the front ends, from any thread.

The messages are built here rather than with `display()`, whose cell is the one that happens to run when a thread calls
it: the request that started the run is taken once and given as the parent of every message, so what is sent lands in
its own cell, with ipykernel 6 and 7 alike, also after the cell has ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Outlet"]


class Outlet:
    """Sends messages of one request to the front ends of the kernel.

    Parameters
    ----------
    shell : InteractiveShell
        The kernel's shell; the request is the one that this thread is at.
    """

    def __init__(self, shell: Any) -> None:
        self._publisher, self._parent = shell.display_pub, shell.kernel.get_parent("shell")

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
            metadata=dict(metadata or {}),
        )

    def show(self, bundle: Mapping[str, Any], display_id: str, *, is_new: bool) -> int:
        """Show something, or show it anew.

        Parameters
        ----------
        bundle : mapping
            By MIME type.
        display_id : str
            Its name.
        is_new : bool
            Whether it is not in the cell yet.

        Returns
        -------
        int
            Characters of its texts.
        """
        content = {"data": dict(bundle), "metadata": {}, "transient": {"display_id": display_id}}
        self.send("display_data" if is_new else "update_display_data", content)
        return sum(len(part) for part in bundle.values() if isinstance(part, str))
