"""Modules as a few bytes: name and version of what is installed, name and content of what lies beside the notebook.

A ``helpers.py`` beside the notebook changes from day to day: its file's digest tells, and those of the modules of its
kind that it uses, or imports when it runs. One that has changed since it was imported is not what runs, and has no key.
What is installed changes with its version.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from pathos_nb.dispatch.store.loaded import Text, check_runs, held_codes, text_of, text_of_module

__all__ = ["Modules"]

_OURS = "pathos_nb"
_INSTALLED = ("site-packages", "dist-packages", "site-packages" + os.sep, "dist-packages" + os.sep)


class Modules:
    """What is known of modules, asked once each."""

    def __init__(self) -> None:
        self._told: dict[str, bytes | None] = {}
        self._versions: dict[str, str] = {}
        self._paths: dict[str, str | None] = {}
        self._texts: dict[str, Text] = {}
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

    def beside(self, imports: Iterable[tuple[int, str, tuple[str, ...]]], package: str = "") -> set[str]:
        """Give the modules beside the notebook that imports reach, imported yet or not.

        Parameters
        ----------
        imports : iterable of tuple
            As `imports_of` gives them.
        package : str
            Where the code with the imports is.

        Returns
        -------
        set of str
        """
        found = set()
        for level, name, taken in imports:
            above = package.split(".")
            start = ".".join([*above[: len(above) - level + 1], *filter(None, [name])]) if level else name
            names = (*_above(start), start, *(f"{start}.{each}" for each in taken))
            found |= {each for each in names if self._file_beside(each) is not None}
        return found

    def _tell(self, name: str) -> bytes | None:
        module, top = sys.modules.get(name), name.partition(".")[0]
        if self._file_beside(name) is None:
            if top == _OURS or self._is_installed(module):
                return f"{name} {self._version(top)}".encode()
            return f"{name} (a folder)".encode() if hasattr(module, "__path__") else None
        texts = sorted(self._with_those_it_uses(name).items())
        return name.encode() + b" " + " ".join(f"{each} {text.digest}" for each, text in texts).encode()

    def _is_installed(self, module: Any) -> bool:
        if module is None:
            return True
        spec = getattr(module, "__spec__", None)
        if getattr(spec, "origin", None) in {"built-in", "frozen"} or module.__name__ in sys.builtin_module_names:
            return True
        path = self._file_of(module)
        return path is not None and path.startswith(self._installed)

    def _file_of(self, module: Any) -> str | None:
        return self._real_file(getattr(module, "__file__", None))

    def _real_file(self, path: Any) -> str | None:
        return os.path.realpath(path) if isinstance(path, str) and Path(path).is_file() else None

    def _version(self, top: str) -> str:
        if top not in self._versions:
            self._versions[top] = _version_of(top)
        return self._versions[top]

    def _with_those_it_uses(self, name: str) -> dict[str, Text]:
        """Give the texts of a module, of all modules like it that it reaches, and of the packages that they lie in."""
        names: set[str] = set()
        waiting = {name}
        while waiting:
            each = waiting.pop()
            if each not in names and self._file_beside(each) is not None:
                names.add(each)
                waiting |= self._used_by(each) | set(_above(each))
        loaded = {each: sys.modules[each] for each in names if each in sys.modules}
        held = [code for module in loaded.values() for code in held_codes(module, self._is_beside)]
        for each, module in loaded.items():
            check_runs(module, self._texts[each], held)
        return {each: self._texts[each] for each in names}

    def _used_by(self, name: str) -> set[str]:
        module, path = sys.modules.get(name), self._file_beside(name)
        assert path is not None
        if name not in self._texts:
            self._texts[name] = text_of(path) if module is None else text_of_module(module, path)
        is_package = path.endswith("__init__.py")  # what of it happens to be imported makes no difference
        found = self.beside(self._texts[name].imports, name if is_package else name.rpartition(".")[0])
        return found if module is None or is_package else found | _used_by(module)

    def _is_beside(self, name: str) -> bool:
        return self._file_beside(name) is not None

    def _file_beside(self, name: str) -> str | None:
        """Give the file of a module that is neither installed nor ours, whether it is imported or not."""
        if name not in self._paths:
            self._paths[name] = self._found(name)
        return self._paths[name]

    def _found(self, name: str) -> str | None:
        top = name.partition(".")[0]
        if not name or top in (_OURS, "__main__") or top in sys.stdlib_module_names:
            return None
        module = sys.modules.get(name)
        if module is not None:
            return None if self._is_installed(module) else self._file_of(module)
        path = self._not_imported(name)
        return None if path is None or path.startswith(self._installed) else path

    def _not_imported(self, name: str) -> str | None:
        """Give where a module would come from, without importing anything."""
        folders: Any = None
        origin = None
        for each in [*_above(name), name]:
            try:
                spec = PathFinder.find_spec(each, folders)
            except (ImportError, ValueError):
                return None
            if spec is None or (spec.origin or "").startswith(self._installed):
                return None
            folders = spec.submodule_search_locations or ()
            origin = spec.origin if spec.has_location else None
        return None if origin is None else self._real_file(origin)

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
    return _installed_among(tuple(path for path in sys.path if path.endswith(_INSTALLED)))


@lru_cache(maxsize=16)
def _installed_among(found: tuple[str, ...]) -> tuple[str, ...]:
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple(os.path.realpath(path) + os.sep for path in {*paths, *found} if path)
