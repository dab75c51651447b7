"""Copies files and folders between machines: whole at the end or not there at all, and where it was cut it goes on.

Each file is written beside its place under a name of its own (``.NAME.part-…``, which has the source's machine, path,
size and time in it) and moved there when it is complete, with the source's permissions and time. If such a part is
there already, and its end has the digest that the source has there, the copy begins at its end. Folders do the same as
a whole: see `staging`; small files in one go together.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from pathos_nb.errors import BadOption, CopyFailed
from pathos_nb.secure.copy_errors import failed, is_full, reading, writing
from pathos_nb.secure.files import SMALL_BYTES, Files, LocalFiles, RemoteFiles, Seen, Stream
from pathos_nb.secure.names import parse
from pathos_nb.secure.pipelined import Small
from pathos_nb.secure.remote import Remote
from pathos_nb.secure.staging import Entry, Stage, part_name
from pathos_nb.secure.wire import shown

__all__ = ["Copied", "Progress", "copy", "split_place"]

BLOCK_BYTES = 1 << 18
BATCH_FILES, BATCH_BYTES = 64, 1 << 20  # so many small files are on their way at once
COMPARED_BYTES = 1 << 28  # of what is there from before, so that a look at it takes no longer than seconds
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
    """What was copied.

    Attributes
    ----------
    n_files, n_bytes : int
        Files, and all their bytes.
    resumed_bytes : int
        How many of these were there from before.
    left_out : tuple of str
        What in folders was not copied, each with the reason: links that lead nowhere or to a folder around them, and
        what is no file (sockets, named pipes, devices). Other links are copied as what they lead to.
    """

    n_files: int
    n_bytes: int
    resumed_bytes: int = 0
    left_out: tuple[str, ...] = ()


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
        Go on where an earlier copy of the same file or folder was cut.

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
        with writing(there, path):
            self._path = there.full(path)
            self._ends_in_slash = path.endswith("/")
        self._roots: list[tuple[Files, str, Seen]] = []
        self._total_bytes = self._total_files = 0
        self._done_bytes = self._done_files = self._resumed = 0
        self._left_out: list[str] = []

    def add(self, here: Files, pattern: str) -> None:
        """Add what a path or a pattern names."""
        with reading(here, pattern):
            full = here.full(pattern)
            seen = here.look(full)
            found = [(full, seen)] if seen else [(path, here.look(path)) for path in here.matches(full)]
        self._roots += [(here, path, seen) for path, seen in found if seen]
        if not found:
            raise failed(here, pattern, "there is no such file", "check the path")

    def run(self) -> Copied:
        """Copy all of it."""
        with writing(self._there, self._path):
            target = self._there.look(self._path)
            into = self._ends_in_slash or len(self._roots) > 1 or bool(target and target.is_folder)
            targets = self._targets(into)
            if into:
                self._there.make_folder(self._path)
        trees = [self._tree(here, path, seen) for here, path, seen in self._roots]
        files = [entry for entries in trees for entry in entries if not entry.seen.is_folder]
        self._total_bytes, self._total_files = sum(entry.seen.size for entry in files), len(files)
        for (here, _, seen), place, entries in zip(self._roots, targets, trees, strict=True):
            if seen.is_folder:
                self._copy_tree(here, place, entries)
            else:
                self._copy(here, entries[0], place)
        return Copied(self._done_files, self._done_bytes, self._resumed, tuple(self._left_out))

    def _targets(self, into: bool) -> list[str]:
        """Give where each goes; a source that is named twice goes once, and two never go to one place."""
        self._roots = list({(here.where, path): (here, path, seen) for here, path, seen in self._roots}.values())
        taken: dict[str, str] = {}
        for here, path, _ in self._roots:
            target, source = self._target(here, path, into), f"{path} on {here.where}"
            if target in taken:
                what = f"{shown(taken[target])} and {shown(source)} would both become {shown(target)}"
                raise BadOption(what, cure="copy them one after the other, to different folders")
            taken[target] = source
        return list(taken)

    def _target(self, here: Files, path: str, into: bool) -> str:
        target = self._there.join(self._path, posixpath.basename(path.replace(os.sep, "/"))) if into else self._path
        if here.where == self._there.where and f"{target}/".startswith(f"{path}/"):
            itself = "onto itself" if path == target else "into itself"
            raise BadOption(f"{path} cannot be copied {itself}", cure="choose another destination")
        return target

    def _tree(self, here: Files, path: str, seen: Seen) -> list[Entry]:
        """Give a file, or a folder and all that is in it."""
        if not (seen.is_folder or seen.is_file):
            raise failed(here, path, "it is neither a file nor a folder", "leave it out")
        return list(self._under(here, Entry(path, "", seen), ()))

    def _under(self, here: Files, entry: Entry, above: tuple[str, ...]) -> Iterator[Entry]:
        """Give it and what is in it; ``above`` are the folders that were gone through, without links."""
        if not entry.seen.is_folder:
            yield entry
            return
        if len(above) > MAX_DEPTH:
            raise failed(here, entry.source, f"its folders go deeper than {MAX_DEPTH}", "copy it from further down")
        with reading(here, entry.source):
            real = here.real(entry.source).replace(os.sep, "/")
            if any(f"{folder}/".startswith(f"{real.rstrip('/')}/") for folder in above):
                return self._leave_out(entry.source, "a link to a folder that it is in")
            inside = [(name, here.look(here.join(entry.source, name))) for name in here.names(entry.source)]
        yield entry
        for name, found in inside:
            source = here.join(entry.source, name)
            if found and (found.is_folder or found.is_file):
                inner = Entry(source, posixpath.join(entry.inner, name), found)
                yield from self._under(here, inner, (*above, real))
            else:
                self._leave_out(source, "neither a file nor a folder" if found else "a link that leads nowhere")

    def _leave_out(self, path: str, why: str) -> None:
        self._left_out.append(f"{shown(path)} ({why})")

    def _copy_tree(self, here: Files, target: str, entries: list[Entry]) -> None:
        stage = Stage(self._there, target, f"{here.where} {entries[0].source}", entries)
        try:
            self._fill(here, stage, entries)
        except CopyFailed as error:
            if is_full(error):
                error.cure += f"; what has come is in {shown(stage.path)}: copy again to go on with it, or remove it"
            raise

    def _fill(self, here: Files, stage: Stage, entries: list[Entry]) -> None:
        stage.begin()
        small: list[tuple[Entry, Small]] = []
        for entry in entries:
            if entry.seen.is_folder:
                continue
            place = stage.place(entry.inner)
            if entry.seen.size <= SMALL_BYTES:  # to send it takes no longer than to ask whether it is there
                small.append((entry, self._small(here, entry, place)))
                small = self._sent(small) if _is_much(small) else small
            elif self._resume and self._is_there(here, entry, stage):
                self._resumed += entry.seen.size
                self._is_done(entry)
            else:
                self._copy(here, entry, place)
        self._sent(small)
        stage.end()

    def _small(self, here: Files, entry: Entry, place: str) -> Small:
        """Read a small file of a folder: on its way nobody takes it for whole, so it needs no name of its own."""
        with reading(here, entry.source):
            source, data = here.reader(entry.source, 0, entry.seen.size), b""
        with contextlib.closing(source):
            while len(data) <= entry.seen.size and (block := _read(here, entry, source)):
                data += block
        if len(data) != entry.seen.size:
            raise _changed(here, entry)
        return Small(place, data, entry.seen.mode, entry.seen.mtime)

    def _sent(self, small: list[tuple[Entry, Small]]) -> list[tuple[Entry, Small]]:
        """Write some small files; what is left to be written is nothing."""
        if small:
            with writing(self._there, small[0][1].path):
                sunk = self._there.put_all([file for _, file in small])
            for (entry, file), error in zip(small, sunk, strict=True):
                with writing(self._there, file.path):
                    if error is not None:
                        raise error
                self._is_done(entry)
        return []

    def _copy(self, here: Files, entry: Entry, target: str) -> None:
        part, size = self._part(here, entry, target), entry.seen.size
        done = offset = self._offset(here, entry, (part, target)) if self._resume else 0
        self._resumed += offset
        with self._clearing(part):
            for n in self._copied_blocks(here, entry, (part, target), offset):
                done += n
                self._tell(entry, self._done_bytes + done)
        with writing(self._there, target):
            self._check(here, entry, part, done, is_large=size - offset > SMALL_BYTES)
            self._there.finish(part, entry.seen.mode, entry.seen.mtime)
            self._there.move(part, target)
        self._is_done(entry)

    @contextlib.contextmanager
    def _clearing(self, part: str) -> Iterator[None]:
        """Remove what has come if the disk is full: others wait for the room, too."""
        try:
            yield
        except CopyFailed as error:
            if is_full(error):
                with contextlib.suppress(Exception):  # the first error is the one to tell
                    self._there.remove(part)
            raise

    def _offset(self, here: Files, entry: Entry, places: tuple[str, str]) -> int:
        """Give how much of it is there, from an earlier copy: its end is compared with the source by digest."""
        part, target = places
        with writing(self._there, target):
            left = self._there.look(part)
            if left is None or not 0 < left.size <= entry.seen.size:
                return 0
            return left.size if self._is_same(here, entry, part, left.size) else 0

    def _is_there(self, here: Files, entry: Entry, stage: Stage) -> bool:
        """Say whether a file of a folder is complete, from an earlier copy."""
        place = stage.place(entry.inner)
        with writing(self._there, place):
            return stage.has(entry) and self._is_same(here, entry, place, entry.seen.size)

    def _is_same(self, here: Files, entry: Entry, path: str, size: int) -> bool:
        start = max(0, size - COMPARED_BYTES)
        there = self._there.digest(path, start, size)
        with reading(here, entry.source):
            return bool(there) and there == here.digest(entry.source, start, size)

    def _check(self, here: Files, entry: Entry, part: str, done: int, is_large: bool) -> None:
        """See that it is whole, and that nobody else has written to the same part."""
        if done != entry.seen.size:
            self._there.remove(part)
            raise _changed(here, entry)
        written = self._there.look(part) if is_large else None
        if written is not None and written.size != done:
            self._there.remove(part)
            raise failed(self._there, entry.source, "another copy of it is being made there", "wait for that one")

    def _copied_blocks(self, here: Files, entry: Entry, places: tuple[str, str], offset: int) -> Iterator[int]:
        part, target = places
        with reading(here, entry.source):
            source = here.reader(entry.source, offset, entry.seen.size)
        with contextlib.closing(source):
            with writing(self._there, target):
                written = self._there.writer(part, offset, entry.seen.size)
            try:
                while block := _read(here, entry, source):
                    with writing(self._there, target):
                        written.write(block)
                    yield len(block)
            finally:
                with writing(self._there, target):
                    written.close()

    def _part(self, here: Files, entry: Entry, target: str) -> str:
        folder, _, name = target.replace(os.sep, "/").rpartition("/")
        seen = entry.seen
        tagged = part_name(name, here.where, entry.source, seen.size, seen.mtime, seen.version)
        return self._there.join(folder or "/", tagged)

    def _is_done(self, entry: Entry) -> None:
        self._done_bytes += entry.seen.size
        self._done_files += 1
        self._tell(entry, self._done_bytes)

    def _tell(self, entry: Entry, done: int) -> None:
        if self._progress is not None:
            path = shown(entry.source)
            self._progress(Progress(path, done, self._total_bytes, self._done_files, self._total_files))


def _is_much(small: list[tuple[Entry, Small]]) -> bool:
    return len(small) >= BATCH_FILES or sum(len(file.data) for _, file in small) >= BATCH_BYTES


def _changed(here: Files, entry: Entry) -> CopyFailed:
    return failed(here, entry.source, "it changed while it was copied", "copy it again")


def _read(here: Files, entry: Entry, source: Stream) -> bytes:
    with reading(here, entry.source):
        return source.read(BLOCK_BYTES)
