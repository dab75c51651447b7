"""What a configuration of ssh says about a host, read as ``ssh`` itself reads it (``ssh -G`` says the same).

The file is gone through once for each host, from the top; of an option the first value counts. ``Host`` and ``Match``
say which of the lines after them are about the host, and what is included counts only where its ``Include`` does, and
no longer than that. Where the name is made canonical, or a ``Match final`` asks for it, all is gone through again,
about the name that was found.

References
----------
ssh_config(5).
"""

from __future__ import annotations

import contextlib
import getpass
import glob
import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

__all__ = ["Asked", "Line", "OnlySsh", "Said", "expanded", "filled", "lines_of", "look_up", "tokens"]

MAX_INCLUDES = 16
MAX_FILES = 1000
EXEC_S = 10.0
SHELL = "/bin/sh"
_LISTS = {"identityfile", "certificatefile"}  # each line adds to what there is
_RAW = {"proxycommand", "localcommand", "remotecommand", "knownhostscommand"}  # lines for a shell
_ALONE = {"all", "canonical", "final"}
_ONLY_SSH = {"localnetwork", "version", "command"}
_LINE = re.compile(r"\s*([A-Za-z]+)(?:\s*=\s*|\s+|$)(.*)", re.S)
_TOKEN = re.compile(r"%[%dhikLlnpru]")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_ESCAPED = "\"'\\"


class OnlySsh(ValueError):
    """A configuration that only ``ssh`` itself can make sense of."""


class Line(NamedTuple):
    """An option: where it stands, its name in lower case, its words."""

    where: str
    name: str
    words: list[str]


class Asked(NamedTuple):
    """About whom is asked: the name that was typed, and the user and port if they were."""

    host: str
    user: str = ""
    port: int = 0


@dataclass(slots=True)
class Said:
    """What is known so far of a host, and what the patterns are matched against."""

    asked: Asked
    host: str
    values: dict[str, list[str]] = field(default_factory=dict)
    is_final: bool = False
    wants_final: bool = False

    def first(self, name: str, default: str = "") -> str:
        """Give an option's value, or its first word if it has several."""
        return next(iter(self.values.get(name, ())), default)

    @property
    def user(self) -> str:
        """Who logs in there, as far as is known."""
        return self.first("user") or getpass.getuser()

    @property
    def address(self) -> str:
        """The name to connect to, as far as is known."""
        name = self.first("hostname")
        return re.sub("%[h%]", lambda token: self.host if token[0] == "%h" else "%", name) if name else self.host


def look_up(paths: Sequence[Path], asked: Asked) -> Said:
    """Give what some files say about a host.

    Parameters
    ----------
    paths : sequence of Path
        The user's file, and the system's; one that is not there says nothing.
    asked : Asked
        The host.

    Returns
    -------
    Said

    Raises
    ------
    ValueError
        A file makes no sense, or only ``ssh`` can make sense of it.
    OSError
        One cannot be read.
    """
    said = Said(asked, asked.host)
    said.values |= {"user": [asked.user]} if asked.user else {}
    said.values |= {"port": [str(asked.port)]} if asked.port else {}
    _go_through(paths, said)
    is_canonical = _find_canonical(said)
    if is_canonical or said.wants_final:
        said.is_final, said.host = True, said.address
        said.values["hostname"] = [said.host.replace("%", "%%")]
        _go_through(paths, said)
    return said


def _go_through(paths: Sequence[Path], said: Said) -> None:
    for path in paths:
        _Pass(path.parent, said).go_through(path)


class _Pass:
    """One way through a file and what it includes."""

    def __init__(self, base: Path, said: Said) -> None:
        self.base, self.said, self.n_files = base, said, 0

    def go_through(self, path: Path, depth: int = 0) -> None:
        is_about = True
        for line in _lines(path, depth, self):
            if line.name == "host":
                is_about = _is_in(self.said.host, _some(line))
            elif line.name == "match":
                is_about = _matches(line, self.said)
            elif line.name == "include" and is_about:
                for found in included(line.words, self.base):
                    self.go_through(found, depth + 1)
            elif is_about:
                _take(line, self.said.values)

    def count(self) -> None:
        self.n_files += 1
        if self.n_files > MAX_FILES:  # one that includes itself twice would be read for ever
            raise ValueError(f"it includes more than {MAX_FILES} files")


def _take(line: Line, values: dict[str, list[str]]) -> None:
    if line.name in _LISTS:
        path = " ".join(line.words)
        if path not in values.setdefault(line.name, []):
            values[line.name].append(path)
        return
    if line.name == "proxycommand" and "proxyjump" in values:
        return  # of these two, too, the first counts
    if line.name == "proxyjump" and "proxycommand" in values:
        return
    values.setdefault(line.name, line.words)


# ---------------------------------------------------------------------------------------------------------------- lines


def lines_of(path: Path) -> Iterator[Line]:
    """Give all lines of a file, with what it includes in its place, whomever they are about."""
    whole = _Pass(path.parent, Said(Asked(""), ""))

    def read(file: Path, depth: int) -> Iterator[Line]:
        for line in _lines(file, depth, whole):
            yield line
            for found in included(line.words, path.parent) if line.name == "include" else ():
                yield from read(found, depth + 1)

    return read(path, 0)


def _lines(path: Path, depth: int, whole: _Pass) -> Iterator[Line]:
    if depth > MAX_INCLUDES or not path.is_file():
        return
    whole.count()
    for number, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        found = _LINE.fullmatch(text.lstrip("\ufeff"))
        if found:
            name = found[1].lower()
            yield Line(f"line {number} of {path}", name, [found[2].strip()] if name in _RAW else words(found[2]))


def words(text: str) -> list[str]:
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
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _word(text: str, at: int) -> tuple[str, int]:
    word, quote = "", ""
    while at < len(text) and (quote or not text[at].isspace()):
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


def included(patterns: Sequence[str], base: Path) -> Iterator[Path]:
    """Give the files that an Include names; as for ssh, a star goes no deeper than its folder."""
    for pattern in patterns:
        for found in sorted(glob.glob(str(base / expanded(pattern)))):  # noqa: PTH207 - that one goes deeper
            yield Path(found)


def expanded(name: str) -> Path:
    """Give a path with the home folder in place of its tilde; of a user whom nobody knows there is none."""
    with contextlib.suppress(RuntimeError):
        return Path(name).expanduser()
    return Path(name)


# -------------------------------------------------------------------------------------------------------- who is meant


def _some(line: Line) -> list[str]:
    if not line.words:
        raise ValueError(f"{line.where} names nobody")
    return line.words


def _is_in(name: str, patterns: Sequence[str]) -> bool:
    """Say whether a pattern has the name, and none that is negated has."""
    hits = [pattern.startswith("!") for pattern in patterns if _pattern(pattern.lstrip("!")).fullmatch(name)]
    return bool(hits) and not any(hits)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in text), re.S)


class _Test(NamedTuple):
    """A part of a Match: a word, what it is about, and whether it has to be otherwise."""

    word: str
    value: str
    is_negated: bool


def _tests(line: Line) -> Iterator[_Test]:
    left = _some(line)[::-1]
    while left:
        text, _, value = left.pop().partition("=")
        word = text.lstrip("!").lower()
        if word not in _ALONE and not value:
            if not left:
                raise ValueError(f"{line.where} does not say which {word}")
            value = left.pop()
        yield _Test(word, value, text.startswith("!"))


def _matches(line: Line, said: Said) -> bool:
    """Say whether all that a Match asks for is so; nothing is run for it once something is not."""
    is_so = True
    for word, value, is_negated in list(_tests(line)):
        said.wants_final |= word == "final"
        if word in _ALONE:
            is_met = word == "all" or said.is_final
        else:
            criterion = _criterion(word, line.where, said)
            is_met = is_so and criterion(value)
        is_so = is_so and is_met != is_negated
    return is_so


def _criterion(word: str, where: str, said: Said) -> Callable[[str], bool]:
    def among(name: str) -> Callable[[str], bool]:
        return lambda patterns: _is_in(name, patterns.split(","))

    if word == "exec":
        return lambda line: _succeeds(line, said)
    if word == "host":
        return among(said.address)
    known = {
        "originalhost": said.asked.host,
        "user": said.user,
        "localuser": getpass.getuser(),
        "tagged": said.first("tag"),
        "sessiontype": "exec",
    }
    if word in known:
        return among(known[word])
    if word in _ONLY_SSH:
        raise OnlySsh(f"{where} asks for {word!r}, which ssh alone knows")
    raise ValueError(f"{where} asks for {word!r}, which is nothing to match")


def _succeeds(line: str, said: Said) -> bool:
    """Run a line of the user's own configuration, as ssh does, and say whether it went well."""
    port = said.first("port", "22")
    known = tokens(said.asked.host, said.address, port, said.user, said.first("hostkeyalias"))
    ready = _TOKEN.sub(lambda token: shlex.quote(known[token[0]]) if token[0] != "%%" else "%", line)
    nothing = subprocess.DEVNULL
    command, group = [SHELL, "-c", ready], os.name == "posix"
    with subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=group) as running:
        try:
            return not running.wait(EXEC_S)
        except subprocess.TimeoutExpired:
            raise ValueError(f"its Match exec {line!r} did not end in {EXEC_S:g} s") from None
        finally:
            if running.returncode is None:  # what it started ends as well
                os.killpg(running.pid, signal.SIGKILL) if group else running.kill()


def tokens(name: str, address: str, port: str, user: str, alias: str) -> Mapping[str, str]:
    """Give what stands for ssh's tokens."""
    here, me = socket.gethostname(), getpass.getuser()
    known = {"%n": name, "%h": address, "%p": port, "%r": user, "%k": alias or name, "%u": me, "%%": "%"}
    return known | {"%d": str(Path.home()), "%i": str(os.getuid()), "%l": here, "%L": here.split(".")[0]}


def filled(text: str, known: Mapping[str, str]) -> str:
    """Give a value with its tokens, and ``${VARIABLES}`` of the environment, replaced.

    Raises
    ------
    ValueError
        A variable is not set.
    """

    def value_of(variable: re.Match[str]) -> str:
        if variable[1] not in os.environ:
            raise ValueError(f"the variable {variable[1]} of {text} is not set")
        return os.environ[variable[1]]

    return _TOKEN.sub(lambda token: known[token[0]], _VARIABLE.sub(value_of, text))


# ------------------------------------------------------------------------------------------------------------ canonical


def _find_canonical(said: Said) -> bool:
    """Look for a short name in the domains that the configuration names; say whether that was asked for."""
    wanted = said.first("canonicalizehostname", "no").lower()
    is_led = any(said.first(name, "none").lower() != "none" for name in ("proxyjump", "proxycommand"))
    if wanted not in ("yes", "true", "always") or (is_led and wanted != "always"):
        return wanted not in ("no", "false")
    name, dots = said.address.lower(), _number(said.first("canonicalizemaxdots", "1"))
    if name.count(".") <= dots and not _is_address(name):
        found = _resolved(name, said.values.get("canonicaldomains", []))
        if not found and said.first("canonicalizefallbacklocal", "yes").lower() in ("no", "false"):
            raise ValueError(f"{name} is in none of its CanonicalDomains, and CanonicalizeFallbackLocal says no")
        said.values["hostname"] = [found or name]
    return True


def _resolved(name: str, domains: Sequence[str]) -> str:
    for domain in domains:
        with contextlib.suppress(OSError, UnicodeError):
            full = f"{name}.{domain}".rstrip(".")
            socket.getaddrinfo(full, None)
            return full
    return ""


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no number of dots")
    return int(text)


def _is_address(name: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            socket.inet_pton(family, name)
            return True
    return False
