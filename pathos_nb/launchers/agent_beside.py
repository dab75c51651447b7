"""What goes along to a host besides function and items: the user's own modules, and what the notebook has set.

A module that lies beside the notebook is on no host. Those that a payload names, and what these use of their kind, are
packed, and sent when they are new or have changed; on the host they are an archive in memory, first on the path.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from pathos_nb.launchers.agent_archive import pack_files
from pathos_nb.launchers.registry import registry
from pathos_nb.wire.framing import Buffer

__all__ = ["Beside", "OwnContext"]

# Variables that tell of this machine, and would be wrong on another: by name, and by how they begin.
_OF_THE_MACHINE = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "TMPDIR", "TMP", "TEMP", "DISPLAY", "TERM", "HOSTNAME",
    "VIRTUAL_ENV", "MAIL", "SHLVL", "_",
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
        return folder, _local_path(folder), self._set_since_start(), list(registry.worker_hooks)

    def _set_since_start(self) -> dict[str, str | None]:
        # Decoding all of os.environ takes longer than a whole call; its own dictionary tells whether it changed.
        raw: Any = getattr(os.environ, "_data", os.environ)
        if self._first is not None and raw != self._raw:
            self._raw, self._changed = dict(raw), _differences(self._first, dict(os.environ))
        return self._changed


def _local_path(folder: str) -> list[str]:
    entries = [folder if entry == "" else entry for entry in sys.path]
    return [entry for entry in entries if entry and not _is_installed(entry)]


def _is_installed(path: str) -> bool:
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


class Beside:
    """The user's own modules, as far as one host has them."""

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._sent: dict[str, str] = {}
        self._local: dict[str, ModuleType] = {}
        self._tops: dict[str, bytes] = {}
        self._n_loaded = 0

    def news(self, body: Buffer, is_new_run: bool) -> tuple[list[str], bytes] | None:
        """Give what the host must have before it loads a payload.

        Parameters
        ----------
        body : bytes-like
            The payload's pickle.
        is_new_run : bool
            Whether files may have changed since they were sent; within a run they are taken as they were.

        Returns
        -------
        (names, archive) or None
            None if it has all of it.
        """
        self._look()
        local = self._local
        raw = bytes(body) if isinstance(body, memoryview) else body
        named = [top for top, text in self._tops.items() if text in raw]
        wanted = set(_with_what_they_use(named, local)) if named else set()
        if wanted <= self._wanted and not (is_new_run and self._has_changed()):
            return None
        self._wanted |= wanted
        files = dict(_files(self._wanted, local))
        self._sent = {path: _stamp(path) for path in (_file_of(local[n]) for n in self._wanted if n in local)}
        return sorted(self._wanted), pack_files(files.items())

    def _look(self) -> None:
        if len(sys.modules) != self._n_loaded:
            modules = list(sys.modules.items())
            self._n_loaded = len(modules)
            self._local = {name: module for name, module in modules if _is_local(name, module)}
            self._tops = {top: top.encode() for top in (name.partition(".")[0] for name in self._local)}

    def _has_changed(self) -> bool:
        return any(_stamp(path) != stamp for path, stamp in self._sent.items())


def _is_local(name: str, module: object) -> bool:
    file = _file_of(module)
    if not file.endswith(".py") or name == "__main__" or name.startswith("pathos_nb"):
        return False
    return not _is_installed(file) and not file.startswith("/proc/")


def _file_of(module: object) -> str:
    file = getattr(module, "__file__", None)
    return file if isinstance(file, str) else ""


def _with_what_they_use(tops: Iterable[str], local: dict[str, ModuleType]) -> Iterator[str]:
    """Give the modules of some packages, and those whose modules, functions and classes they hold."""
    todo, seen = list(tops), set()
    while todo:
        top = todo.pop()
        if top in seen:
            continue
        seen.add(top)
        for name in [name for name in local if name == top or name.startswith(top + ".")]:
            yield name
            todo += {used.partition(".")[0] for used in _used_by(local[name]) if used in local}


def _used_by(module: ModuleType) -> Iterator[str]:
    for value in list(vars(module).values()):
        used = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if isinstance(used, str):
            yield used


def _files(names: Iterable[str], local: dict[str, ModuleType]) -> Iterator[tuple[str, bytes]]:
    for name in names:
        module = local.get(name)
        if module is None:
            continue
        path = name.replace(".", "/")
        path += "/__init__.py" if hasattr(module, "__path__") else ".py"
        with contextlib.suppress(OSError), open(_file_of(module), "rb") as file:  # noqa: PTH123 - on the way of a map
            yield path, file.read()
        for parent in _parents(name, local):
            yield f"{parent}/__init__.py", b""


def _parents(name: str, local: dict[str, ModuleType]) -> Iterator[str]:
    """Give the packages above that have no file: folders that Python takes for packages."""
    parts = name.split(".")[:-1]
    for depth in range(1, len(parts) + 1):
        package = ".".join(parts[:depth])
        if package not in local:
            yield package.replace(".", "/")


def _stamp(path: str) -> str:
    try:
        told = os.stat(path)  # noqa: PTH116 - asked for each map
    except OSError:
        return ""
    return f"{told.st_mtime_ns} {told.st_size}"
