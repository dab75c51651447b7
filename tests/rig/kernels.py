"""Kernels whose channels are sockets in a folder: a TCP port that is free when chosen can be taken when it is bound."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from traitlets.config import Config

__all__ = ["RESTART", "ROOT", "executed", "notebook_client", "socket_folder"]

ROOT = Path(__file__).resolve().parents[2]
MINUTES = 200  # seconds that one cell may take
RESTART = "restart-the-kernel"  # the tag of a cell before which a story has its kernel restarted


class _Story(NotebookClient):
    """What executes a notebook, and restarts its kernel where its story does; cells have the kernel's own numbers."""

    async def async_execute_cell(self, cell: Any, cell_index: int, *args: Any, **kwds: Any) -> Any:
        """Run a cell; before a tagged one, do what the menu does: the kernel is killed, a new one is at its place."""
        if RESTART in cell.metadata.get("tags", []):
            await self.km.restart_kernel(now=True)
            await self.kc.wait_for_ready(timeout=60)
        kwds.pop("execution_count", None)  # it would go on counting where the new kernel begins with 1
        return await super().async_execute_cell(cell, cell_index, *args, **kwds)


@contextmanager
def notebook_client(notebook: Any, folder: Path) -> Iterator[NotebookClient]:
    """Give what executes a notebook in a kernel that takes ``pathos_nb`` from this checkout.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        What is executed, in place.
    folder : pathlib.Path
        Where its kernel works.
    """
    with socket_folder() as sockets:
        config = Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}})
        yield _Story(notebook, timeout=MINUTES, config=config, resources={"metadata": {"path": str(folder)}})


def executed(notebook: Any, folder: Path, environ: Mapping[str, str] | None = None) -> list[Any]:
    """Execute a whole notebook in place, restarts of its story too; give the outputs of its cells, in order."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with notebook_client(notebook, folder) as client:
        env = {**(os.environ if environ is None else environ), "PYTHONPATH": paths}
        asyncio.run(client.async_execute(env=env))  # in a loop that ends, and leaves nothing
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


@contextmanager
def socket_folder() -> Iterator[str]:
    """Give a folder for sockets, whose paths must be short; it goes with what is in it."""
    with tempfile.TemporaryDirectory(prefix="pathos-nb-kernel-", ignore_cleanup_errors=True) as folder:
        yield folder
