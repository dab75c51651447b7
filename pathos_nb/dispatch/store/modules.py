"""Modules as a few bytes: name and version of what is installed, name and content of what lies beside the notebook.

A ``helpers.py`` beside the notebook changes from day to day: its file's digest tells, and those of the modules of its
kind that it uses. What is installed changes with its version.
"""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["Modules"]

_OURS = "pathos_nb"


class Modules:
    """What is known of modules, asked once each."""

    def __init__(self) -> None:
        self._told: dict[str, bytes | None] = {}
        self._versions: dict[str, str] = {}
        self._installed = _installed_folders()

    def told(self, name: str) -> bytes | None:
        """Give the bytes that stand for a module.

        Parameters
        ----------
        name : str
            As ``sys.modules`` has it.

        Returns
        -------
        bytes or None
            None for one that was made by hand, of which nothing is known.
        """
        if name not in self._told:
            self._told[name] = self._tell(name)
        return self._told[name]

    def _tell(self, name: str) -> bytes | None:
        module, top = sys.modules.get(name), name.partition(".")[0]
        if top == _OURS or self._is_installed(module):
            return f"{name} {self._version(top)}".encode()
        if self._file_of(module) is None:
            return f"{name} (a folder)".encode() if hasattr(module, "__path__") else None
        found = sorted(self._with_those_it_uses(name).items())
        return name.encode() + b" " + " ".join(f"{each} {_digest_of(path)}" for each, path in found).encode()

    def _is_installed(self, module: Any) -> bool:
        if module is None:
            return True
        spec = getattr(module, "__spec__", None)
        if getattr(spec, "origin", None) in {"built-in", "frozen"} or module.__name__ in sys.builtin_module_names:
            return True
        path = self._file_of(module)
        return path is not None and path.startswith(self._installed)

    def _file_of(self, module: Any) -> str | None:
        path = getattr(module, "__file__", None)
        return os.path.realpath(path) if isinstance(path, str) and Path(path).is_file() else None

    def _version(self, top: str) -> str:
        if top not in self._versions:
            self._versions[top] = _version_of(top)
        return self._versions[top]

    def _with_those_it_uses(self, name: str) -> dict[str, str]:
        """Give the files of a module, of all modules like it that it reaches, and of the packages that they lie in."""
        found: dict[str, str] = {}
        waiting = [name]
        while waiting:
            each = waiting.pop()
            path = self._file_beside(each)
            if each not in found and path is not None:
                found[each] = path
                waiting += _used_by(sys.modules[each])
        return found | self._packages_of(found)

    def _packages_of(self, names: Iterable[str]) -> dict[str, str]:
        """Give the packages' own files; what else of them happens to be imported makes no difference."""
        parents = {each.rpartition(".")[0] for each in names}
        parents |= {above for each in parents for above in _above(each)}
        paths = {each: self._file_beside(each) for each in parents if each}
        return {each: path for each, path in paths.items() if path is not None}

    def _file_beside(self, name: str) -> str | None:
        """Give the file of a module that is neither installed nor ours."""
        module = sys.modules.get(name)
        if module is None or name.partition(".")[0] == _OURS or self._is_installed(module):
            return None
        return self._file_of(module)

    def __reduce__(self) -> tuple[Any, ...]:
        return Modules, ()


def _used_by(module: Any) -> set[str]:
    """Give the names of modules whose things a module holds."""
    names = {value.__name__ for value in vars(module).values() if isinstance(value, ModuleType)}
    return names | {str(getattr(value, "__module__", "")) for value in vars(module).values()}


def _above(name: str) -> list[str]:
    """Give the packages that a package lies in."""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]


def _digest_of(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _version_of(top: str) -> str:
    module = sys.modules.get(top)
    version = getattr(module, "__version__", None)
    if isinstance(version, str):
        return version
    if top in sys.stdlib_module_names:
        return ".".join(map(str, sys.version_info[:2]))
    from importlib import metadata

    try:
        return metadata.version(top)
    except metadata.PackageNotFoundError:
        return "?"


def _installed_folders() -> tuple[str, ...]:
    """Give the folders of the standard library and of what pip installs; not the folder that the kernel works in."""
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")}
    return tuple(os.path.realpath(path) + os.sep for path in paths if path)
