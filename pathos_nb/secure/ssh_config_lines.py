"""The lines of a configuration of ssh, as they stand in its files and in those that they include.

Lines and words end where ``ssh`` lets them end, and nowhere else: what looks like a comment to ``ssh`` must be none
here only because Python knows more line breaks. A file that somebody else could have written is not believed, as its
lines may be commands; one that is no plain file is not opened, since a pipe might never end.

References
----------
ssh_config(5).
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Files", "Line", "expanded", "lines_of", "users_folder"]

MAX_INCLUDES = 16
MAX_FILES = 1000
MAX_BYTES = 1 << 24
_RAW = {"proxycommand", "localcommand", "remotecommand", "knownhostscommand"}  # lines for a shell
_BLANK = " \t\r"
_LINE = re.compile(rf"[{_BLANK}]*([A-Za-z]+)(?:[{_BLANK}]*=[{_BLANK}]*|[{_BLANK}]+|$)(.*)", re.S)
_ESCAPED = "\"'\\"


class Line(NamedTuple):
    """An option: where it stands, its name in lower case, its words."""

    where: str
    name: str
    words: list[str]


class Files:
    """The files of one look at a configuration: so many, so deep and so large, and no more.

    Parameters
    ----------
    path : Path
        The one that is read first.
    """

    def __init__(self, path: Path) -> None:
        ours = users_folder()
        self._is_users_own = path == ours / "config"
        self._base = path.parent if path.parent == Path("/etc/ssh") else ours
        self._n_files = 0

    def lines(self, path: Path, depth: int = 0) -> Iterator[Line]:
        """Give the lines of a file, `depth` Includes below the first; of one that is not there, none.

        Raises
        ------
        ValueError
            It makes no sense, or is not to be believed.
        OSError
            It cannot be read.
        """
        if not path.is_file():
            return
        self._count(depth)
        for number, text in enumerate(_text(path, is_checked=bool(depth) or self._is_users_own).split("\n"), 1):
            found = _LINE.fullmatch(text.partition("\0")[0].rstrip(f"{_BLANK}\f"))
            if found:
                name = found[1].lower()
                yield Line(f"line {number} of {path}", name, [found[2]] if name in _RAW else _words(found[2]))

    def _count(self, depth: int) -> None:
        self._n_files += 1
        if depth > MAX_INCLUDES:
            raise ValueError(f"its Includes lead more than {MAX_INCLUDES} files deep, or back to it")
        if self._n_files > MAX_FILES:
            raise ValueError(f"it includes more than {MAX_FILES} files")

    def included(self, line: Line) -> Iterator[Path]:
        """Give the files that an Include names; as for ssh, a star goes no deeper than its folder."""
        for word in line.words:
            pattern = expanded(word)
            whole = pattern if pattern.is_absolute() else Path(glob.escape(str(self._base))) / pattern
            for found in sorted(glob.glob(str(whole))):  # noqa: PTH207 - that one goes deeper
                yield Path(found)


def users_folder() -> Path:
    """Give the folder of the user's own configuration."""
    return Path.home() / ".ssh"


def lines_of(path: Path) -> Iterator[Line]:
    """Give all lines of a file, with what it includes in its place, whomever they are about."""
    files = Files(path)

    def read(file: Path, depth: int) -> Iterator[Line]:
        for line in files.lines(file, depth):
            yield line
            for found in files.included(line) if line.name == "include" else ():
                yield from read(found, depth + 1)

    return read(path, 0)


def _text(path: Path, is_checked: bool) -> str:
    with path.open("rb") as file:
        if is_checked and _is_others(os.fstat(file.fileno())):
            raise ValueError(f"others could have written {path}, so it is not believed, nor by ssh: chmod go-w")
        whole = file.read(MAX_BYTES + 1)
    if len(whole) > MAX_BYTES:
        raise ValueError(f"{path} has more than {MAX_BYTES >> 20} MB")
    return whole.decode("utf-8", "replace").removeprefix("\ufeff")


def _is_others(found: os.stat_result) -> bool:
    """Say whether somebody may write a file who is neither root nor the user, nor alone in a group with the user."""
    if os.name != "posix":
        return False
    if found.st_uid not in (0, os.getuid()) or found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and not _is_own_group(found.st_gid)


def _is_own_group(number: int) -> bool:
    import grp
    import pwd

    with contextlib.suppress(KeyError):
        group, user = grp.getgrgid(number), pwd.getpwuid(os.getuid())
        return number == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
    return False


def _words(text: str) -> list[str]:
    """Take a line apart as ssh does: quoted or not, up to a word that begins a comment.

    Raises
    ------
    ValueError
        A quotation mark is not closed.
    """
    found: list[str] = []
    at = 0
    while (at := _skipped(text, at)) < len(text) and text[at] != "#":
        word, at = _word(text, at)
        found.append(word)
    return found


def _skipped(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t":
        at += 1
    return at


def _word(text: str, at: int) -> tuple[str, int]:
    word, quote = "", ""
    while at < len(text) and (quote or text[at] not in " \t"):
        char, after = text[at], text[at + 1 : at + 2]
        if char == "\\" and after and (after in _ESCAPED or (after == " " and not quote)):
            word, at = word + after, at + 1
        elif not quote and char in "\"'":
            quote = char
        elif char == quote:
            quote = ""
        else:
            word += char
        at += 1
    if quote:
        raise ValueError(f"a quotation mark is not closed: {text.strip()}")
    return word, at


def expanded(name: str) -> Path:
    """Give a path with the home folder in place of its tilde; of a user whom nobody knows there is none."""
    with contextlib.suppress(RuntimeError):
        return Path(name).expanduser()
    return Path(name)
