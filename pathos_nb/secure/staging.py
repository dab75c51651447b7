"""A folder on its way: it grows beside its place, under a name of its own, and is put there when it is whole.

::

    data/              ->   .data.part-5e1f…/a.npy  (complete, with its source's time)
      a.npy, b.npy                          .b.npy.part-…  (cut here)
                            then, at once:  data/

A copy that was cut leaves the unfinished folder; the same copy finds it by its name and goes on. If the destination is
there already, the files are moved into it one by one, when all of them are complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from pathos_nb.secure import wire
from pathos_nb.secure.copy_errors import failed, writing
from pathos_nb.secure.files import Files, Seen

__all__ = ["Entry", "Stage", "part_name"]

PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder of a tree: where it is from, its path inside the tree, and what was seen."""

    source: str
    inner: str
    seen: Seen


def part_name(name: str, *what: object) -> str:
    """Give the name of what is being copied: the same for the same source, so that it is found again."""
    tag = hashlib.sha256(wire.path(" ".join(map(str, what)))).hexdigest()[:12]
    return f".{wire.path(name)[:200].decode('utf-8', 'ignore')}.part-{tag}"


class Stage:
    """The unfinished copy of a folder.

    Parameters
    ----------
    there : Files
        Where it is copied to.
    target : str
        What it will be.
    origin : str
        Machine and path of the source.
    entries : sequence of Entry
        The tree's folders and files, each folder before what is in it; the tree itself is the first.
    """

    def __init__(self, there: Files, target: str, origin: str, entries: Sequence[Entry]) -> None:
        self._there, self.target, self._entries = there, target.replace(os.sep, "/").rstrip("/") or "/", entries
        above, _, name = self.target.rpartition("/")
        self.path = there.join(above or "/", part_name(name, origin))
        self._was_there = False

    def place(self, inner: str) -> str:
        """Give where a file of the tree is written."""
        return self._in(self.path, inner)

    def _in(self, folder: str, inner: str) -> str:
        return self._there.join(folder, inner) if inner else folder

    @property
    def _folders(self) -> list[Entry]:
        return [entry for entry in self._entries if entry.seen.is_folder]

    @property
    def _files(self) -> list[Entry]:
        return [entry for entry in self._entries if not entry.seen.is_folder]

    def begin(self) -> None:
        """Make its folders, or find them."""
        with writing(self._there, self.target):
            found = self._there.look(self.target)
            if found and not found.is_folder:
                cause, cure = "a file of that name is there", "choose another name, or remove it"
                raise failed(self._there, self.target, cause, cure)
            self._was_there = self._there.look(self.path) is not None
            for entry in self._folders:
                self._there.make_folder(self.place(entry.inner))
                if self._was_there or not entry.inner:  # an earlier copy may have been cut when it was nearly whole
                    self._there.set_mode(self.place(entry.inner), PRIVATE)

    def has(self, entry: Entry) -> bool:
        """Say whether a file is complete there, from an earlier copy of the very same source."""
        if not self._was_there:
            return False
        found = self._there.look(self.place(entry.inner))
        return found is not None and (found.size, found.mtime) == (entry.seen.size, entry.seen.mtime)

    def end(self) -> None:
        """Put it in its place: at once, or file by file into the folder that is there."""
        with writing(self._there, self.target):
            if self._was_there:
                self._prune()
            if self._there.look(self.target) is None:
                self._set_modes(self.path, self._folders[1:])
                self._there.move(self.path, self.target)
                return self._set_modes(self.target, self._folders[:1])
        self._merge()

    def _set_modes(self, top: str, folders: Sequence[Entry]) -> None:
        """Give folders their permissions, each after what is in it: nothing is written into it from then on."""
        for entry in reversed(folders):
            self._there.set_mode(self._in(top, entry.inner), entry.seen.mode)

    def _prune(self) -> None:
        """Remove what an earlier copy has left and the source has no more."""
        wanted = {entry.inner: entry.seen.is_folder for entry in self._entries}
        for entry in self._folders:
            for name in self._there.names(self.place(entry.inner)):
                inner = posixpath.join(entry.inner, name)
                if inner not in wanted:
                    self._there.remove_tree(self.place(inner))

    def _merge(self) -> None:
        new: list[Entry] = []
        for entry in self._folders:
            folder = self._in(self.target, entry.inner)
            with writing(self._there, folder):
                if self._there.look(folder) is None:
                    self._there.make_folder(folder)
                    self._there.set_mode(folder, PRIVATE)
                    new.append(entry)
                else:
                    self._there.make_folder(folder)
        for entry in self._files:
            target = self._in(self.target, entry.inner)
            with writing(self._there, target):
                self._there.move(self.place(entry.inner), target)
        with writing(self._there, self.target):
            self._set_modes(self.target, new)
        with contextlib.suppress(OSError):  # all that was wanted is in its place
            self._there.remove_tree(self.path)
