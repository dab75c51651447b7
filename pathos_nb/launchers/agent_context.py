"""What goes along to a host with each run: current folder, folders of modules, and what the notebook has set."""

from __future__ import annotations

import functools
import os
import sys

from pathos_nb.launchers.registry import registry
from pathos_nb.typed import Any

__all__ = ["OwnContext", "is_installed", "local_path"]

# Variables that tell of this machine, and would be wrong on another: by name, and by how they begin.
_OF_THE_MACHINE = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "TMPDIR", "TMP", "TEMP", "DISPLAY", "TERM", "HOSTNAME",
    "VIRTUAL_ENV", "MAIL", "SHLVL", "_", "PATHOS_NB_CORES",
}  # fmt: skip
_OF_ITS_SYSTEM = ("LD_", "DYLD_", "SSH_", "CONDA_", "PYTHON", "JPY_", "XDG_", "DBUS_")


class OwnContext:
    """What a worker on a host takes over: current folder, folders of the user's modules, variables, hooks.

    Variables are those that this process has set, changed (text) or removed (None) since it began.
    """

    def __init__(self) -> None:
        self._first = _first_environment()
        self._raw: Any = None
        self._changed: dict[str, str | None] = {}

    def now(self) -> tuple[Any, ...]:
        """Give it as it is."""
        try:
            folder = os.getcwd()  # noqa: PTH109 - asked for each map
        except OSError:
            folder = ""
        return folder, local_path(folder), self._set_since_start(), list(registry.worker_hooks)

    def _set_since_start(self) -> dict[str, str | None]:
        # Decoding all of os.environ takes longer than a whole call; its own dictionary tells whether it changed.
        raw: Any = getattr(os.environ, "_data", os.environ)
        if self._first is not None and raw != self._raw:
            self._raw, self._changed = dict(raw), _differences(self._first, dict(os.environ))
        return self._changed


def local_path(folder: str) -> list[str]:
    """Give the entries of the module path that are the user's own folders."""
    return list(_own_entries(folder, tuple(sys.path)))


@functools.lru_cache(maxsize=4)
def _own_entries(folder: str, path: tuple[str, ...]) -> tuple[str, ...]:
    """Give them; asked twice for each call, and nearly always the same."""
    entries = [folder if entry == "" else entry for entry in path]
    return tuple(entry for entry in entries if entry and not is_installed(entry))


def is_installed(path: str) -> bool:
    """Whether a file or folder belongs to the installation, and not to the user."""
    return path.startswith((sys.prefix, sys.base_prefix, sys.exec_prefix)) or "site-packages" in path


def _differences(first: dict[str, str], now: dict[str, str]) -> dict[str, str | None]:
    changed: dict[str, str | None] = {k: v for k, v in now.items() if first.get(k) != v}
    changed.update(dict.fromkeys(set(first) - set(now)))
    return {k: v for k, v in changed.items() if k not in _OF_THE_MACHINE and not k.startswith(_OF_ITS_SYSTEM)}


def _first_environment() -> dict[str, str] | None:
    """Give the variables that this process was started with, where the system remembers them."""
    try:
        with open("/proc/self/environ", "rb") as file:  # noqa: PTH123 - a text at a fixed place
            raw = file.read()
    except OSError:
        return None
    pairs = (os.fsdecode(entry).partition("=") for entry in raw.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}
