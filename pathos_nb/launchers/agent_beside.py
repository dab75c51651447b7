"""The user's own modules, which lie beside the notebook and on no host: found, packed, and sent when they are new.

A payload names the modules that it needs, and so does the code of a function, for those that it imports when it is
called. What these import of the same kind goes along, packages as a whole. On the host they are an archive in memory,
first on the path; a file that has changed since makes a new one.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType

from pathos_nb.launchers.agent_archive import pack_files
from pathos_nb.launchers.agent_context import is_installed, local_path
from pathos_nb.launchers.file_watch import FileWatch
from pathos_nb.wire.framing import Buffer

__all__ = ["Beside"]

_SCANNED_BYTES = 1 << 18
_MAX_FILES, _MAX_BYTES = 500, 1 << 22
_NO_SOURCE = ("__pycache__", "node_modules", "site-packages", "venv")
_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+(\w+)[\w.]*[ \t]+import|import[ \t]+([\w., \t]+))", re.MULTILINE)


class Beside:
    """The user's own modules, as far as one host has them."""

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._sent: dict[str, str] = {}
        self._places: dict[str, str] = {}
        self._texts: dict[str, bytes] = {}
        self._looked_at: tuple[object, ...] = ()
        self._watch = FileWatch()

    def close(self) -> None:
        """Look after the files no more."""
        self._watch.close()

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
        self._look(is_new_run)
        raw = bytes(body[:_SCANNED_BYTES])  # items are of few kinds, and the first of each names its module
        named = {top for top, text in self._texts.items() if text in raw and _is_name(text, raw)}
        if named <= self._wanted and not (is_new_run and self._has_changed()):
            return None
        files = self._with_what_they_import(named | self._wanted)
        self._watch.follow(files.values())
        self._sent = {path: _stamp(path) for path in files.values()}
        return sorted(self._wanted), pack_files((name, _content(path)) for name, path in files.items())

    def _has_changed(self) -> bool:
        return self._watch.may_differ() and any(_stamp(path) != stamp for path, stamp in self._sent.items())

    def _look(self, is_new_run: bool) -> None:
        """Find the user's modules: those that are loaded, and those that lie in the folders of his path."""
        if not is_new_run and len(sys.modules) == (self._looked_at or (0,))[0]:
            return
        folders = dict.fromkeys(local_path(_current_folder()))  # each is looked at once, wherever it stands
        seen = len(sys.modules), *((folder, _stamp(folder)) for folder in folders)
        if seen == self._looked_at:
            return
        self._looked_at = seen
        self._places = {}
        for top, place in (*_loaded(), *(found for folder in folders for found in _lying_in(folder))):
            self._places.setdefault(top, place)
        self._texts = {top: top.encode() for top in self._places}

    def _with_what_they_import(self, tops: Iterable[str]) -> dict[str, str]:
        """Give, for each path in the archive, the file's own; none for what is empty."""
        files: dict[str, str] = {}
        todo, self._wanted = list(tops), set()
        while todo:
            top = todo.pop()
            if top in self._wanted or top not in self._places:
                continue
            self._wanted.add(top)
            for name, path in _sources(top, self._places[top]):
                files[name] = path
                todo += _imported_by(_content(path))
        for folder in {parent for name in files for parent in _folders(name)}:
            files.setdefault(f"{folder}/__init__.py", "")  # an archive has no packages without one
        return files


def _is_name(text: bytes, raw: bytes) -> bool:
    """Whether a text stands there as a whole name; before it may be its size in a pickle, whatever that looks like."""
    return re.search(rb"(?:\x8c.|X.{4}|(?<!\w))%s(?!\w)" % re.escape(text), raw, re.DOTALL) is not None


def _current_folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - asked for each map
    except OSError:
        return ""


def _loaded() -> Iterator[tuple[str, str]]:
    for name, module in list(sys.modules.items()):
        if "." not in name and _is_ours(name) and (place := _place_of(module)) and not is_installed(place):
            yield name, place


def _is_ours(name: str) -> bool:
    return name != "__main__" and not name.startswith("pathos_nb")


def _place_of(module: ModuleType) -> str:
    """Give the folder of a package, or the file of a module; nothing for one that has none here."""
    folders = list(getattr(module, "__path__", None) or ())
    place = folders[0] if folders else getattr(module, "__file__", None)
    is_source = isinstance(place, str) and (bool(folders) or place.endswith(".py"))
    return str(place) if is_source and not str(place).startswith("/proc/") else ""


def _lying_in(folder: str) -> Iterator[tuple[str, str]]:
    """Give the modules that lie in a folder, whether they are loaded or not."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        name, suffix = os.path.splitext(entry.name)  # noqa: PTH122 - a folder may have thousands
        if not name.isidentifier() or not _is_ours(name) or name in sys.stdlib_module_names:
            continue
        if suffix == ".py" or (not suffix and os.path.exists(f"{entry.path}/__init__.py")):  # noqa: PTH110 - the same
            yield name, entry.path


def _sources(top: str, place: str) -> Iterator[tuple[str, str]]:
    """Give (path in the archive, file): a module's own, or those of a package, within reason."""
    if place.endswith(".py"):
        yield f"{top}.py", place
        return
    n_files = n_bytes = 0
    for folder, folders, names in os.walk(place):
        folders[:] = sorted(name for name in folders if name not in _NO_SOURCE and not name.startswith("."))
        inner = os.path.relpath(folder, place).replace(os.sep, "/")
        for name in sorted(name for name in names if name.endswith(".py")):
            path = f"{folder}/{name}"
            n_files, n_bytes = n_files + 1, n_bytes + os.path.getsize(path)  # noqa: PTH202 - there may be hundreds
            if n_files > _MAX_FILES or n_bytes > _MAX_BYTES:
                return
            yield (f"{top}/{name}" if inner == "." else f"{top}/{inner}/{name}"), path


def _folders(name: str) -> Iterator[str]:
    while name := name.rpartition("/")[0]:
        yield name


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - there may be hundreds
            return file.read()
    except OSError:
        return b""


def _imported_by(source: bytes) -> Iterator[str]:
    for one, several in _IMPORT.findall(source):
        for name in [one] if one else several.split(b","):
            yield name.strip().partition(b".")[0].partition(b" ")[0].decode("ascii", "replace")


def _stamp(path: str) -> str:
    try:
        told = os.stat(path)  # noqa: PTH116 - asked for each map
    except OSError:
        return ""
    return f"{told.st_mtime_ns} {told.st_size}"
