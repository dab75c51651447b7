"""What goes with each run for a worker of the same machine to see the caller's surroundings."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from pathos_nb.launchers.registry import registry


class CallersContext:
    """The surroundings of this process, as they are when they are asked for.

    Parameters
    ----------
    limits : mapping of str to str
        Environment variables that workers have besides, where the caller has not set them.
    """

    def __init__(self, limits: Mapping[str, str]) -> None:
        self._limits = limits
        self._environ: tuple[Any, dict[str, str]] = (None, {})

    def context(self) -> tuple[Any, ...]:
        """Give current folder, module path and environment: what a worker takes over before a run that changed them."""
        try:
            folder = os.getcwd()  # noqa: PTH109 - a call is made for each map
        except OSError:
            folder = "/"
        return (
            folder,
            [folder if entry == "" else entry for entry in sys.path],
            self._environment(),
            list(registry.worker_hooks),
        )

    def _environment(self) -> dict[str, str]:
        # Decoding all of os.environ takes longer than a whole call; its own dictionary tells whether it changed.
        raw: Any = getattr(os.environ, "_data", os.environ)
        if raw != self._environ[0]:
            self._environ = dict(raw), {**self._limits, **os.environ}
        return self._environ[1]
