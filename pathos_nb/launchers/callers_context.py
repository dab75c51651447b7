"""What goes with each run for a worker of the same machine to see the caller's surroundings."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from pathos_nb.launchers.registry import registry
from pathos_nb.typed import Any


class CallersContext:
    """The surroundings of this process, as they are when they are asked for.

    Parameters
    ----------
    limits : mapping of str to str
        Environment variables that workers have instead of the caller's, unless the caller sets them from now on.
    """

    def __init__(self, limits: Mapping[str, str]) -> None:
        self._limits = limits
        self._born_with = {name: os.environ.get(name) for name in limits}
        self._environ: tuple[Any, dict[str, str]] = (None, {})
        self._known: tuple[Any, ...] = ()
        self._seen: tuple[Any, ...] = ()

    def context(self) -> tuple[Any, ...]:
        """Give current folder, module path and environment: what a worker takes over before a run that changed them.

        The same object as before, if nothing has changed.
        """
        try:
            folder = os.getcwd()  # noqa: PTH109 - a call is made for each map
        except OSError:
            folder = "/"
        seen = folder, sys.path, self._environment(), registry.worker_hooks
        if seen != self._seen:
            path, hooks = list(sys.path), list(registry.worker_hooks)
            self._seen = folder, path, seen[2], hooks
            self._known = folder, [folder if entry == "" else entry for entry in path], seen[2], hooks
        return self._known

    def _environment(self) -> dict[str, str]:
        # Decoding all of os.environ takes longer than a whole call; its own dictionary tells whether it changed.
        raw: Any = getattr(os.environ, "_data", os.environ)
        if raw != self._environ[0]:
            raw = dict(raw)  # at once: another thread may change it between any two names
            environ = {os.fsdecode(name): os.fsdecode(value) for name, value in raw.items()}
            kept = {name: v for name, v in self._limits.items() if environ.get(name) == self._born_with[name]}
            self._environ = raw, {**environ, **kept}
        return self._environ[1]
