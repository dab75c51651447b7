"""A function whose items run each in a folder of its own: files lie in it, and what they write there is collected.

::

    files here ── the same file system ─────────► copies or links in the item's folder ── the item runs there
    files here ── another machine: carried once ──► its agent's folder ──► the same      │
    folder here ◄── laid aside there already, or carried with the item's value ◄── files of these names

What is a file of the caller's is told by path, size, time and number: where these are the same, it is that file, and
nothing is carried. A link is never followed on the way back.

Files up to `COPIED_BYTES` are copied into each item's folder, which may do with them what it likes; larger ones are
links, to be read. An item that writes to one of these fails, since it has changed the caller's own file.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pickle import PickleBuffer
from typing import Any, NamedTuple

from pathos_nb.errors import FilesFailed
from pathos_nb.launchers.inputs import FOLDER, Input, is_here
from pathos_nb.launchers.item_folders import folder_of_this

__all__ = ["COPIED_BYTES", "MOST_BACK_BYTES", "Aside", "Collected", "Staged"]

MOST_BACK_BYTES = 1 << 28
"""How much an item may send back from another machine: it travels with the item's value, in memory."""
COPIED_BYTES = 1 << 23
"""Files up to this size are copied for each item."""
_PIECE_BYTES = 1 << 20
_MAGIC = "*?["


class Aside(NamedTuple):
    """Where outputs are laid aside until they are accepted: a folder here, and a file in it that proves it is here."""

    folder: str
    proof: str


class Collected(NamedTuple):
    """An item's value, and its files: laid aside in a folder of that name, or carried along."""

    value: Any
    aside: str
    carried: tuple[tuple[str, Any], ...] = ()


class Staged:
    """A function that runs in a folder of its own.

    Parameters
    ----------
    function : callable
        The user's.
    inputs : tuple of Input
        What lies in the folder.
    patterns : tuple of str
        Names of the files to collect.
    aside : Aside
        Where they go, if that is seen from the worker.
    """

    def __init__(
        self, function: Callable[..., Any], inputs: tuple[Input, ...], patterns: tuple[str, ...], aside: Aside
    ) -> None:
        self.function, self.inputs, self.patterns, self.aside = function, inputs, patterns, aside
        self.__name__ = getattr(function, "__name__", "")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run one item."""
        world = _world()
        folder = world.bcast(folder_of_this() if not world.Get_rank() else None) if world else folder_of_this()
        if world is None or not world.Get_rank():
            return self._owning(folder, world, args, kwargs)
        with _inside(folder, world):
            return self.function(*args, **kwargs)

    def _owning(self, folder: str, world: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an item in a folder that is made for it, and goes with it."""
        try:
            laid = {told.name: _lay(told, folder) for told in self.inputs}
            with _inside(folder, world):
                value = self.function(*args, **kwargs)
            _refuse_written(folder, laid)
            return self._collected(value, folder, laid) if self.patterns else value
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _collected(self, value: Any, folder: str, laid: dict[str, _Laid]) -> Collected:
        names = list(_outputs(folder, self.patterns, laid))
        if os.path.isfile(f"{self.aside.folder}/{self.aside.proof}"):  # noqa: PTH113 - once an item
            return Collected(value, _laid_aside(folder, names, self.aside.folder))
        return Collected(value, "", tuple(_carried(folder, names)))


def _world() -> Any:
    """Give the ranks that run the item together; None if it is this process alone."""
    if "pathos_nb.launchers.mpi_group" not in sys.modules:
        return None
    world = sys.modules["pathos_nb.launchers.mpi_world"].own_world()
    return world if world.Get_size() > 1 else None


@contextlib.contextmanager
def _inside(folder: str, world: Any) -> Iterator[None]:
    """Be in the folder; with other ranks, until all of them are through."""
    before = os.getcwd()  # noqa: PTH109 - once an item
    try:
        if world is not None:
            world.Barrier()
        os.chdir(folder)
        yield
        if world is not None:
            world.Barrier()
    finally:
        os.chdir(before)


class _Laid(NamedTuple):
    """A file as it was put into an item's folder: which one a link leads to, size and time."""

    linked: str
    size: int
    time_ns: int


def _lay(told: Input, folder: str) -> _Laid:
    """Put a file into an item's folder: a copy of the caller's own, or of what was carried here, or a link to it."""
    source, place = _source(told), f"{folder}/{told.name}"
    os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120 - once an item
    try:
        linked = source if os.stat(source).st_size > COPIED_BYTES and _is_linked(source, place) else ""  # noqa: PTH116
        if not linked:
            shutil.copy2(source, place)
        at = os.stat(place)  # noqa: PTH116 - once an item
    except OSError as error:
        raise FilesFailed(f"no room for {told.name} in the item's folder", cause=str(error)) from error
    return _Laid(linked, at.st_size, at.st_mtime_ns)


def _is_linked(source: str, place: str) -> bool:
    """Make a link, where there are any."""
    with contextlib.suppress(OSError, NotImplementedError):
        os.symlink(source, place)  # noqa: PTH211 - once an item
        return True
    return False


def _is_untouched(path: str, laid: _Laid) -> bool:
    with contextlib.suppress(OSError):
        at = os.stat(path)  # noqa: PTH116 - once an item
        return (at.st_size, at.st_mtime_ns) == (laid.size, laid.time_ns)
    return False


def _refuse_written(folder: str, laid: dict[str, _Laid]) -> None:
    """Say that an item has changed a file that is not its own."""
    for name, each in laid.items():
        if each.linked and not _is_untouched(each.linked, each):
            what = f"{name} has been changed, or removed, while the item ran: it was a link to {each.linked}"
            cure = f"have it write to another name; files of over {COPIED_BYTES >> 20} MB are not copied for each item"
            raise FilesFailed(what, cure=cure, name=name)


def _source(told: Input) -> str:
    if is_here(told):
        return told.path
    carried = f"{os.environ.get(FOLDER, '')}/{told.digest}"
    if told.digest and os.path.isfile(carried):  # noqa: PTH113 - once an item
        return carried
    if os.path.exists(told.path):  # noqa: PTH110 - the same
        cause = "it has changed since the map began, or is another file"
    else:
        cause = "it is not there: it was removed, or this worker's machine does not see it, and none is carried to it"
    raise FilesFailed(
        f"{told.path} cannot be had in the worker", cause=cause, cure="begin the map again", name=told.name
    )


# --- the way back ---


def _outputs(folder: str, patterns: tuple[str, ...], laid: dict[str, _Laid]) -> Iterator[str]:
    """Give the regular files that the item wrote and whose names fit; one that is named in full has to be there."""
    found = sorted(name for name in _files(folder) if not _is_given(f"{folder}/{name}", laid.get(name)))
    for pattern in patterns:
        if not any(sign in pattern for sign in _MAGIC) and pattern not in found:
            cause = (
                "the item has not written it, or it is a link or unchanged" if found else "the item has written no file"
            )
            raise FilesFailed(f"there is no {pattern} to collect", cause=cause, cure="see what it writes, and where")
    yield from (name for name in found if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns))


def _is_given(path: str, laid: _Laid | None) -> bool:
    return laid is not None and _is_untouched(path, laid)


def _files(folder: str) -> Iterator[str]:
    for parent, _, names in os.walk(folder):  # which follows no links
        for name in names:
            path = os.path.join(parent, name)  # noqa: PTH118 - once an item
            if stat.S_ISREG(os.lstat(path).st_mode):
                yield os.path.relpath(path, folder).replace(os.sep, "/")


def _laid_aside(folder: str, names: list[str], aside: str) -> str:
    """Move files to where the caller has them laid aside; give the name of their folder."""
    try:
        place = tempfile.mkdtemp(dir=aside)
        for name in names:
            target = f"{place}/{name}"
            os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120 - once an item
            _move(f"{folder}/{name}", target)
    except OSError as error:
        cure = "make room there, or collect_to= another folder"
        raise FilesFailed(f"files cannot be laid into {aside}", cause=_why(error), cure=cure) from error
    return os.path.basename(place)  # noqa: PTH119 - once an item


def _move(source: str, target: str) -> None:
    try:
        os.rename(source, target)  # noqa: PTH104 - once an item
    except OSError:  # another file system
        with _opened(source) as file, open(target, "xb") as there:  # noqa: PTH123 - once an item
            for piece in iter(lambda: file.read(_PIECE_BYTES), b""):
                there.write(piece)
            _refuse_changed(file, source, there.tell())


def _opened(path: str) -> Any:
    return os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)), "rb")


def _refuse_changed(file: Any, path: str, n_read: int) -> None:
    if os.fstat(file.fileno()).st_size != n_read:
        cure = "see that what the item starts has ended before the item returns"
        raise FilesFailed(f"{os.path.basename(path)} changed while it was collected", cure=cure)  # noqa: PTH119


def _carried(folder: str, names: list[str]) -> Iterator[tuple[str, Any]]:
    """Give the files' contents, within reason."""
    left = MOST_BACK_BYTES
    for name in names:
        with _opened(f"{folder}/{name}") as file:
            if os.fstat(file.fileno()).st_size > left:
                what = f"an item's files are more than {MOST_BACK_BYTES >> 20} MB, which is what is carried back"
                cure = "write less, or into a folder that both machines see (collect_to=)"
                raise FilesFailed(what, cause=f"at {name}", cure=cure)
            data = file.read(left)
            _refuse_changed(file, name, len(data))
        left -= len(data)
        yield name, PickleBuffer(data)


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
