"""The files of a map: found here before it begins, and put into a folder here as items give theirs back.

::

    collected/RUN/ ── .coming-… ─── what an item has written is laid aside, by the worker where it sees this folder
        │                 │
        └── 000012/ ◄─────┘  renamed as a whole when the item's value is taken: a point's folder is whole or not there

A rename never replaces a folder that has something in it, so nothing is overwritten. What is laid aside and not taken
(a chunk that came twice, a worker that was lost) goes with the end of the run.
"""

from __future__ import annotations

import contextlib
import functools
import glob
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pathos_nb.dispatch.options import MapOptions
from pathos_nb.errors import BadOption, FilesFailed
from pathos_nb.launchers.inputs import Input
from pathos_nb.launchers.staged import Aside, Collected, Staged

__all__ = ["RunFiles", "find_inputs", "stage"]

MOST_FILES = 10_000
_COMING = ".coming"
_PIECE_BYTES = 1 << 20
_NAME_BYTES = 4096


class RunFiles:
    """What a run has of files: what its items are given, and what they give back.

    Parameters
    ----------
    inputs : tuple of Input
        What lies in each item's folder.
    patterns : tuple of str
        Names of the files to collect.
    folder : Path
        Where they go.
    numbers : sequence of int, optional
        What number each item's folder has; that of the item if left out.

    Attributes
    ----------
    collected : dict
        An item's index → its files here.
    problems : dict
        A machine → why it cannot have the inputs.
    """

    def __init__(
        self, inputs: tuple[Input, ...], patterns: tuple[str, ...], folder: Path, numbers: Sequence[int] | None = None
    ) -> None:
        self.inputs, self.patterns, self.folder, self._numbers = inputs, patterns, folder, numbers
        self.collected: dict[int, tuple[Path, ...]] = {}
        self.problems: dict[str, str] = {}
        self._aside, self._made = Aside("", ""), [each for each in (folder, folder.parent) if not each.exists()]
        if patterns:
            self._aside = _make_room(folder)

    def wrapped(self, function: Any) -> Staged:
        """Give the function that workers call in place of the user's."""
        return Staged(function, self.inputs, self.patterns, self._aside)

    def take(self, index: int, value: Any) -> Any:
        """Put an item's files into its folder, and give its value.

        Parameters
        ----------
        index : int
            The item.
        value : object
            What its worker gave.

        Returns
        -------
        object
            What the user's function gave.

        Raises
        ------
        FilesFailed
            They cannot be put there.
        """
        if not isinstance(value, Collected):
            return value
        try:
            aside = self._aside_of(value)
            self._accept(index, aside)
        except OSError as error:
            cure = "make room there, or collect_to= another folder"
            what = f"the files of an item cannot be put into {self.folder}"
            raise FilesFailed(what, cause=error.strerror or str(error), cure=cure, index=index) from error
        return value.value

    def _aside_of(self, value: Collected) -> Path:
        """Give where an item's files are laid aside; those that were carried are written there now."""
        coming = Path(self._aside.folder)
        if value.aside:
            if PurePosixPath(value.aside).name != value.aside or (coming / value.aside).is_symlink():
                raise FilesFailed("a worker names a folder that is none of its own", cause=repr(value.aside))
            return coming / value.aside
        aside = coming / secrets.token_hex(8)
        aside.mkdir(0o700)
        for name, data in value.carried:
            _write(aside, checked_name(name), data)
        return aside

    def _accept(self, index: int, aside: Path) -> None:
        names = sorted(_names_in(aside))
        place = self.folder / f"{index if self._numbers is None else self._numbers[index]:06}"
        if not names:
            aside.rmdir()
            return
        try:
            aside.rename(place)
        except OSError as error:
            if not place.exists():
                raise
            cause = "an earlier run has put its own there, and nothing is overwritten"
            cure = "collect_to= another folder, or move that one away"
            raise FilesFailed(f"{place} is there already", cause=cause, cure=cure, index=index) from error
        self.collected[index] = tuple(place / name for name in names)

    def close(self, *_: object) -> None:
        """Clear away what was laid aside and not taken; and the folder, if nothing has come."""
        if self.patterns:
            shutil.rmtree(self._aside.folder, ignore_errors=True)
            with contextlib.suppress(OSError):
                for folder in self._made:
                    folder.rmdir()


def stage(options: MapOptions, run_id: str, indices: Sequence[int], *, is_carried: bool, is_all: bool) -> RunFiles:
    """Find the files of a map, before it begins.

    Parameters
    ----------
    options : MapOptions
        Of which ``files``, ``collect`` and ``collect_to`` matter.
    run_id : str
        The run's name, after which the folder is called if none was named.
    indices : sequence of int
        What number each item's folder has.
    is_carried : bool
        Whether some worker may be on another machine.
    is_all : bool
        Whether it is known that all of these will be run.

    Returns
    -------
    RunFiles

    Raises
    ------
    BadOption
        There is no such file, or it cannot be read; or the folder has points of an earlier run.
    """
    inputs = find_inputs(options.files or ())
    if is_carried:
        inputs = tuple(told._replace(digest=_digest(*told[1:5])) for told in inputs)
    patterns = tuple(options.collect or ())
    folder = Path(options.collect_to or f"collected/{run_id}").expanduser().absolute()
    if patterns and is_all:
        _refuse_taken(folder, indices)
    return RunFiles(inputs, patterns, folder, indices if len(indices) and is_all else None)


# --- what is there ---


def find_inputs(patterns: Iterable[str]) -> tuple[Input, ...]:
    """Give the files that some patterns mean, each with its name in an item's folder.

    Parameters
    ----------
    patterns : iterable of str
        Paths, of folders too, or patterns of them. A relative one keeps its folders; of others the last name counts.

    Returns
    -------
    tuple of Input

    Raises
    ------
    BadOption
        Nothing is meant by one of them, two files would have one name, or one cannot be read.
    """
    found: dict[str, Input] = {}
    for pattern in patterns:
        for name, path in _meant_by(pattern):
            told = _looked_at(name, path)
            if found.setdefault(name, told).path != told.path:
                cure = "name them by relative paths, whose folders are kept"
                raise BadOption(f"files: {found[name].path} and {path} would both be {name}", cure=cure)
            if len(found) > MOST_FILES:
                raise BadOption(f"files: more than {MOST_FILES:,} are meant", cure="pack them into one")
    return tuple(found.values())


def _meant_by(pattern: str) -> Iterator[tuple[str, str]]:
    pattern = os.path.expanduser(pattern)  # noqa: PTH111 - as glob has it
    paths = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else [pattern]  # noqa: PTH207
    if not paths or not os.path.lexists(paths[0]):
        cause = f"the current folder is {Path.cwd()}"
        raise BadOption(f"files: there is nothing of the name {pattern!r}", cause=cause, cure="see its spelling")
    for path in paths:
        name = _name_of(path)
        if not Path(path).is_dir():
            yield name, path
        elif not glob.has_magic(pattern):
            inner = (each for each in sorted(Path(path).rglob("*")) if not each.is_dir())
            yield from ((f"{name}/{each.relative_to(path).as_posix()}".removeprefix("./"), str(each)) for each in inner)


def _name_of(path: str) -> str:
    """Give the name in an item's folder: as it is, if it leads nowhere else."""
    plain = PurePosixPath(os.path.normpath(path).replace(os.sep, "/"))
    leads_out = plain.is_absolute() or ".." in plain.parts
    return plain.name if leads_out else str(plain)


def _looked_at(name: str, path: str) -> Input:
    try:
        told = Path(path).stat()
        if not stat.S_ISREG(told.st_mode):
            raise BadOption(f"files: {path} is no regular file", cure="name files, folders or patterns of them")
        Path(path).open("rb").close()
    except OSError as error:
        raise BadOption(f"files: {path} cannot be read", cause=error.strerror or str(error)) from error
    return Input(name, os.path.abspath(path), told.st_size, told.st_mtime_ns, told.st_ino)  # noqa: PTH100 - links stay


@functools.lru_cache(maxsize=4 * MOST_FILES)
def _digest(path: str, size: int, mtime_ns: int, inode: int) -> str:
    """Give a file's digest, which is that of a file that has not changed since."""
    made = hashlib.sha256()
    with Path(path).open("rb") as file:
        for piece in iter(lambda: file.read(_PIECE_BYTES), b""):
            made.update(piece)
        now = os.fstat(file.fileno())
    if (now.st_size, now.st_mtime_ns, now.st_ino) != (size, mtime_ns, inode):
        raise BadOption(f"files: {path} is being written to", cure="begin the map when it is complete")
    return made.hexdigest()


# --- where things go ---


def checked_name(name: Any) -> PurePosixPath:
    """Give a file's name as a path that leads nowhere but down; a FilesFailed for any other.

    Parameters
    ----------
    name : object
        What a worker says that a file is called.

    Returns
    -------
    PurePosixPath
    """
    parts = name.split("/") if isinstance(name, str) else []
    is_odd = not parts or any(part in ("", ".", "..") or "\\" in part or not part.isprintable() for part in parts)
    if is_odd or ":" in parts[0] or len(os.fsencode(name)) > _NAME_BYTES:
        raise FilesFailed("an item gives back a file whose name is refused", cause=repr(name)[:200])
    return PurePosixPath(name)


def _write(folder: Path, name: PurePosixPath, data: Any) -> None:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        file.write(data)


def _names_in(folder: Path) -> Iterator[PurePosixPath]:
    for path in folder.rglob("*"):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise FilesFailed("an item gives back what is no regular file", cause=repr(path.name))
        if path.is_file():
            yield PurePosixPath(path.relative_to(folder).as_posix())


def _make_room(folder: Path) -> Aside:
    """Make the folder where outputs are laid aside, and in it the proof that who sees that sees this."""
    coming, proof = folder / f"{_COMING}-{secrets.token_hex(8)}", f"proof-{secrets.token_hex(16)}"
    try:
        coming.mkdir(0o700, parents=True, exist_ok=True)
        (coming / proof).touch(0o600, exist_ok=False)
    except OSError as error:
        what = f"collect_to is {str(folder)!r}, where no file can be made"
        raise BadOption(what, cause=error.strerror or str(error), cure="name another folder") from error
    return Aside(str(coming), proof)


def _refuse_taken(folder: Path, indices: Sequence[int]) -> None:
    taken = sorted(name for name in _listed(folder) if name.isdecimal() and int(name) in indices)
    if taken:
        what = f"collect_to is {str(folder)!r}, where there is {taken[0]} of an earlier run"
        raise BadOption(what, cure="name another folder, or move that one away: nothing is overwritten")


def _listed(folder: Path) -> Sequence[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return ()
