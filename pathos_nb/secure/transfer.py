"""Copies files and folders between machines: whole at the end or not there at all, and where it was cut it goes on.

Each file is written beside its place under a name of its own (``.NAME.part-…``, which has the source's size and time in
it) and moved there when it is complete. If such a part is there already, the copy begins at its end.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import posixpath
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from pathos_nb.errors import BadOption, CopyFailed
from pathos_nb.secure.files import Files, LocalFiles, RemoteFiles, Seen
from pathos_nb.secure.names import parse
from pathos_nb.secure.remote import Remote

__all__ = ["Copied", "Progress", "copy", "split_place"]

BLOCK_BYTES = 1 << 18
MAX_DEPTH = 64  # a link to a folder above would go on for ever

Connector = Callable[[str], Remote]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a copy is; the sums are over all files."""

    path: str
    done_bytes: int
    total_bytes: int
    done_files: int
    total_files: int


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied: files, all their bytes, and how many of these were there from before."""

    n_files: int
    n_bytes: int
    resumed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _File:
    source: str
    target: str
    seen: Seen


def split_place(text: str) -> tuple[str, str]:
    """Take ``[user@]host:path`` apart.

    Parameters
    ----------
    text : str
        As ``scp`` has it: a path with a colon in it is written ``./a:b``.

    Returns
    -------
    tuple of str
        The host, empty for this machine, and the path.
    """
    if text.startswith("[") or "@[" in text.partition("/")[0]:
        host, found, path = text.partition("]:")
        host += "]" * bool(found)
    else:
        host, found, path = text.partition(":")
    is_drive = os.name == "nt" and len(host) == 1
    if not found or "/" in host or is_drive:
        return "", text
    parse(host)
    return host, path or "."


def copy(
    sources: str | Sequence[str],
    destination: str,
    connect: Connector,
    *,
    progress: Callable[[Progress], object] | None = None,
    resume: bool = True,
) -> Copied:
    """Copy files and folders, here, there, or between two hosts.

    Parameters
    ----------
    sources : str or sequence of str
        Each ``[host:]path``; the last part may be a pattern (``*.npy``).
    destination : str
        ``[host:]path``; if it is a folder, or there are several sources, they are put into it.
    connect : callable
        Gives the connection to a host; it stays the caller's.
    progress : callable, optional
        Is told a `Progress`, at least once for each file.
    resume : bool
        Go on where an earlier copy of the same file was cut.

    Returns
    -------
    Copied

    Raises
    ------
    CopyFailed
        Which file, and why; files that were there before are whole.
    HostUnreachable, CommandFailed, BadOption
        A host is not reached, opens no session, or a name is none.
    """
    names = [sources] if isinstance(sources, str) else list(sources)
    with ExitStack() as stack:
        places: dict[str, Files] = {"": LocalFiles()}

        def place_of(host: str) -> Files:
            if host not in places:
                places[host] = stack.enter_context(contextlib.closing(RemoteFiles(connect(host))))
            return places[host]

        host, path = split_place(destination)
        job = _Job(place_of(host), path, progress, resume)
        for name in names:
            host, path = split_place(name)
            job.add(place_of(host), path)
        return job.run()


class _Job:
    """One copy: first all is looked at, then it is done."""

    def __init__(self, there: Files, path: str, progress: Callable[[Progress], object] | None, resume: bool) -> None:
        self._there, self._progress, self._resume = there, progress, resume
        with _told(there, path):
            self._path = there.full(path)
            self._ends_in_slash = path.endswith("/")
        self._roots: list[tuple[Files, str, Seen]] = []
        self._done_bytes = self._done_files = self._resumed = 0

    def add(self, here: Files, pattern: str) -> None:
        """Add what a path or a pattern names."""
        with _told(here, pattern):
            full = here.full(pattern)
            seen = here.look(full)
            found = [(full, seen)] if seen else [(path, here.look(path)) for path in here.matches(full)]
        self._roots += [(here, path, seen) for path, seen in found if seen]
        if not found:
            raise _failed(here, pattern, "there is no such file", "check the path")

    def run(self) -> Copied:
        """Copy all of it."""
        with _told(self._there, self._path):
            target = self._there.look(self._path)
            into = self._ends_in_slash or len(self._roots) > 1 or bool(target and target.is_folder)
            if into:
                self._there.make_folder(self._path)
        todo = [(here, file) for here, path, seen in self._roots for file in self._planned(here, path, seen, into)]
        total_bytes = sum(file.seen.size for _, file in todo)
        for here, file in todo:
            self._copy(here, file, total_bytes, len(todo))
        return Copied(self._done_files, self._done_bytes, self._resumed)

    def _planned(self, here: Files, path: str, seen: Seen, into: bool) -> Iterator[_File]:
        target = self._there.join(self._path, posixpath.basename(path.replace(os.sep, "/"))) if into else self._path
        if (here.where, path) == (self._there.where, target):
            raise BadOption(f"{path} cannot be copied onto itself", cure="choose another destination")
        yield from self._under(here, path, target, seen, 0)

    def _under(self, here: Files, path: str, target: str, seen: Seen, depth: int) -> Iterator[_File]:
        if not seen.is_folder:
            yield _File(path, target, seen)
            return
        if depth > MAX_DEPTH:
            raise _failed(here, path, "its folders go too deep: a link leads back up, it may be", "leave it out")
        with _told(self._there, target):
            self._there.make_folder(target)
        with _told(here, path):
            inside = [(name, here.look(here.join(path, name))) for name in here.names(path)]
        for name, found in inside:
            if found:  # a link that leads nowhere is passed over
                yield from self._under(here, here.join(path, name), self._there.join(target, name), found, depth + 1)

    def _copy(self, here: Files, file: _File, total_bytes: int, total_files: int) -> None:
        part = self._part(file)
        with _told(self._there, file.target):
            left = self._there.look(part) if self._resume else None
            offset = left.size if left and left.size <= file.seen.size else 0
        done = offset
        self._resumed += offset
        for n in self._copied_blocks(here, file, part, offset):
            done += n
            self._tell(file, self._done_bytes + done, total_bytes, total_files)
        with _told(self._there, file.target):
            if done != file.seen.size:
                self._there.remove(part)
                raise _failed(here, file.source, "it changed while it was copied", "copy it again")
            self._there.set_mode(part, file.seen.mode)
            self._there.move(part, file.target)
        self._done_bytes += done
        self._done_files += 1
        self._tell(file, self._done_bytes, total_bytes, total_files)

    def _copied_blocks(self, here: Files, file: _File, part: str, offset: int) -> Iterator[int]:
        with _told(here, file.source):
            source = here.reader(file.source, offset, file.seen.size)
        with contextlib.closing(source):
            with _told(self._there, file.target):
                target = self._there.writer(part, offset, file.seen.size)
            try:
                while block := _read(here, file, source):
                    with _told(self._there, file.target):
                        target.write(block)
                    yield len(block)
            finally:
                with _told(self._there, file.target):
                    target.close()

    def _part(self, file: _File) -> str:
        folder, _, name = file.target.replace(os.sep, "/").rpartition("/")
        tag = hashlib.sha256(f"{name} {file.seen.size} {file.seen.mtime}".encode()).hexdigest()[:12]
        return self._there.join(folder or "/", f".{name[:200]}.part-{tag}")

    def _tell(self, file: _File, done: int, total_bytes: int, total_files: int) -> None:
        if self._progress is not None:
            self._progress(Progress(file.source, done, total_bytes, self._done_files, total_files))


def _read(here: Files, file: _File, source: object) -> bytes:
    with _told(here, file.source):
        block: bytes = source.read(BLOCK_BYTES)  # type: ignore[attr-defined]
        return block


@contextlib.contextmanager
def _told(place: Files, path: str) -> Iterator[None]:
    """Turn what goes wrong with a file into an error that names machine and path."""
    try:
        yield
    except (BadOption, CopyFailed):
        raise
    except (OSError, EOFError) as error:
        raise _failed(place, path, _reason(error), _cure(error)) from error
    except Exception as error:  # paramiko's own class, which is not imported for this
        if not type(error).__module__.startswith("paramiko"):
            raise
        raise _failed(place, path, _reason(error), _cure(error)) from error


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError | EOFError | ConnectionError) or "closed" in str(error).lower():
        return "the link was lost"
    if str(error) == "Failure":  # all that sftp says of a full disk
        return "the host says only that it failed: its disk is full, most likely"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _cure(error: BaseException) -> str:
    if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EACCES:
        return "choose a place that you may write to"
    if getattr(error, "errno", None) == errno.ENOSPC or str(error) == "Failure":
        return "make room there, or choose another place"
    return "copy again: it goes on where it was cut"


def _failed(place: Files, path: str, cause: str, cure: str) -> CopyFailed:
    host = "localhost" if isinstance(place, LocalFiles) else place.where.rpartition("@")[2]
    return CopyFailed(f"{path} on {place.where} was not copied", cause=cause, cure=cure, host=host, path=path)
