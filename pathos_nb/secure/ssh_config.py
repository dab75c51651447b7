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
import fnmatch
import getpass
import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pathos_nb.secure.ssh_config_lines import Files, Line

__all__ = ["Asked", "OnlySsh", "Said", "canonical", "filled", "is_yes", "look_up", "tokens", "user_here"]

EXEC_S = 10.0
_LISTS = {"identityfile", "certificatefile"}  # each line adds to what there is
_ALONE = {"all", "canonical", "final"}
_ONLY_SSH = {"localnetwork", "version", "command"}
_KNOWN = {"host", "originalhost", "user", "localuser", "tagged", "sessiontype", "exec"}
_TOKEN = re.compile(r"%[%dhikLlnpru]")
_TO_FILL = re.compile(r"\$\{(\w+)\}|%[%dhikLlnpru]")
_TYPED = {"%n", "%h", "%p", "%r", "%k"}  # tokens that somebody else may have had a hand in: quoted for the shell


class OnlySsh(ValueError):
    """A configuration that only ``ssh`` itself can make sense of."""


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
        return self.first("user") or user_here()

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
        said.is_final, said.host = True, canonical(said.address)
        said.values["hostname"] = [said.host.replace("%", "%%")]
        _go_through(paths, said)
    return said


def _go_through(paths: Sequence[Path], said: Said) -> None:
    for path in paths:
        _Pass(Files(path), said).go_through(path)


class _Pass:
    """One way through a file and what it includes."""

    def __init__(self, files: Files, said: Said) -> None:
        self.files, self.said = files, said

    def go_through(self, path: Path, depth: int = 0, is_wanted: bool = True) -> None:
        """Take what a file says; of one that is not about the host it counts only that a Match asks for the end."""
        is_about = is_wanted
        for line in self.files.lines(path, depth):
            if line.name == "host":
                is_about = _is_in(self.said.host, line.words) and is_wanted
            elif line.name == "match":
                is_about = _matches(line, self.said, is_wanted)
            elif line.name == "include":
                for found in self.files.included(line):
                    self.go_through(found, depth + 1, is_about)
            elif is_about:
                _take(line, self.said.values)


def _take(line: Line, values: dict[str, list[str]]) -> None:
    if not line.words or not line.words[0]:
        raise ValueError(f"{line.where} has no value for {line.name}")
    if line.name in _LISTS:
        path = " ".join(line.words)
        if path not in values.setdefault(line.name, []):
            values[line.name].append(path)
        return
    if line.name == "proxycommand" and _is_said(values, "proxyjump"):
        return  # of these two, too, the first counts
    if line.name == "proxyjump" and "proxycommand" in values:
        return
    values.setdefault(line.name, line.words)


def _is_said(values: Mapping[str, list[str]], name: str) -> bool:
    return next(iter(values.get(name, ())), "none").lower() != "none"


# -------------------------------------------------------------------------------------------------------- who is meant


def _is_in(name: str, patterns: Sequence[str]) -> bool:
    """Say whether a pattern has the name, and none that is negated has."""
    hits = [text.startswith("!") for text in patterns if _fits(name, text.removeprefix("!"))]
    return bool(hits) and not any(hits)


def _fits(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))  # only stars and question marks are more than letters


class _Test(NamedTuple):
    """A part of a Match: a word, what it is about, and whether it has to be otherwise."""

    word: str
    value: str
    is_negated: bool


def _tests(line: Line) -> Iterator[_Test]:
    if not line.words:
        raise ValueError(f"{line.where} names nobody")
    left = line.words[::-1]
    while left:
        text, equals, value = left.pop().partition("=")
        word = text.removeprefix("!").lower()
        if word not in _ALONE and not value:
            value = left.pop() if left else ""
            if value.startswith("=") and not equals:
                value = value[1:] or (left.pop() if left else "")
        if word not in _ALONE | _ONLY_SSH | _KNOWN:
            raise ValueError(f"{line.where} asks for {word!r}, which is nothing to match")
        if word not in _ALONE and not value:
            raise ValueError(f"{line.where} does not say which {word}")
        yield _Test(word, value, text.startswith("!"))


def _matches(line: Line, said: Said, is_wanted: bool) -> bool:
    """Say whether all that a Match asks for is so; nothing is run for it unless all the rest is."""
    tests = list(_tests(line))
    said.wants_final |= any(test.word == "final" for test in tests)
    told = [test for test in tests if test.word not in {"exec", *_ONLY_SSH}]
    if not is_wanted or not all(_is_met(test, said) != test.is_negated for test in told):
        return False
    for test in tests:
        if test.word in _ONLY_SSH:
            raise OnlySsh(f"{line.where} asks for {test.word!r}, which ssh alone knows")
    return all(_succeeds(test.value, said) != test.is_negated for test in tests if test.word == "exec")


def _is_met(test: _Test, said: Said) -> bool:
    if test.word in _ALONE:
        return test.word == "all" or said.is_final
    if test.word in ("host", "originalhost"):  # of these, and of no others, the case does not count
        name = said.address if test.word == "host" else said.asked.host
        return _is_in(name.lower(), test.value.lower().split(","))
    known = {"user": said.user, "localuser": user_here(), "tagged": said.first("tag"), "sessiontype": "exec"}
    return _is_in(known[test.word], test.value.split(","))


def _succeeds(line: str, said: Said) -> bool:
    """Run a line of the user's own configuration, as ssh does, and say whether it went well."""
    port = said.first("port", "22")
    known = tokens(said.asked.host, said.address, port, said.user, said.first("hostkeyalias"))
    known = {token: shlex.quote(text) if token in _TYPED else text for token, text in known.items()}
    nothing = subprocess.DEVNULL
    command = [os.environ.get("SHELL") or "/bin/sh", "-c", _TOKEN.sub(lambda token: known[token[0]], line)]
    group = os.name == "posix"
    with subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=group) as running:
        try:
            return not running.wait(EXEC_S)
        except subprocess.TimeoutExpired:
            raise ValueError(f"its Match exec {line!r} did not end in {EXEC_S:g} s") from None
        finally:
            if running.returncode is None:  # what it started ends as well
                os.killpg(running.pid, signal.SIGKILL) if group else running.kill()


def user_here() -> str:
    """Give the user's name here: as for ssh the system says it, and not the environment."""
    with contextlib.suppress(ImportError, KeyError):
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    return getpass.getuser()


def is_yes(text: str) -> bool:
    """Say whether an option is on."""
    return text.lower() in ("yes", "true")


def tokens(name: str, address: str, port: str, user: str, alias: str) -> Mapping[str, str]:
    """Give what stands for ssh's tokens."""
    here, me = socket.gethostname(), user_here()
    known = {"%n": name, "%h": address, "%p": port, "%r": user, "%k": alias or name, "%u": me, "%%": "%"}
    return known | {"%d": str(Path.home()), "%i": str(os.getuid()), "%l": here, "%L": here.split(".")[0]}


def filled(text: str, known: Mapping[str, str]) -> str:
    """Give a value with its tokens, and ``${VARIABLES}`` of the environment, replaced.

    Raises
    ------
    ValueError
        A variable is not set.
    """

    def value_of(found: re.Match[str]) -> str:
        if found[1] is None:
            return known[found[0]]
        if found[1] not in os.environ:
            raise ValueError(f"the variable {found[1]} of {text} is not set")
        return os.environ[found[1]]

    return _TO_FILL.sub(value_of, text)


# ------------------------------------------------------------------------------------------------------------ canonical


def canonical(name: str) -> str:
    """Give an address in its usual form, and a name in lower case; nobody is asked for it."""
    return _address(name) or name.lower()


def _address(name: str) -> str:
    with contextlib.suppress(OSError, ValueError):
        return socket.inet_ntoa(socket.inet_aton(name))
    with contextlib.suppress(OSError, ValueError):
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, name))
    return ""


def _find_canonical(said: Said) -> bool:
    """Look for a short name in the domains that the configuration names; say whether that was asked for."""
    wanted = said.first("canonicalizehostname", "no").lower()
    is_led = any(_is_said(said.values, name) for name in ("proxyjump", "proxycommand"))
    if wanted in ("no", "false"):
        return False
    name = canonical(said.address)
    if not _address(name) and (not is_led or wanted == "always"):
        said.values["hostname"] = [_full_name(name, said).replace("%", "%%")]
    return True


def _full_name(name: str, said: Said) -> str:
    """Give the first of the names that the resolver knows, and the one that it stands for where that is allowed."""
    rules = [rule.lower() for rule in said.values.get("canonicalizepermittedcnames", [])]
    if name.count(".") > _number(said.first("canonicalizemaxdots", "1")) and not name.endswith("."):
        return _resolved(name, rules) or name if rules else name
    domains = said.values.get("canonicaldomains", [])
    for full in [name] if name.endswith(".") else [f"{name}.{domain}." for domain in domains if domain != "none"]:
        if found := _resolved(full, rules):
            return found
    if said.first("canonicalizefallbacklocal", "yes").lower() in ("no", "false"):
        raise ValueError(f"{name} is in none of its CanonicalDomains, and CanonicalizeFallbackLocal says no")
    return _resolved(name, rules) or name if rules else name


def _resolved(name: str, rules: Sequence[str]) -> str:
    """Give the name if the resolver knows it, or the one that it is an alias of, if a rule lets that be taken."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
    except (OSError, UnicodeError):
        return ""
    name, other = name.removesuffix("."), found[0][3].lower().removesuffix(".")
    return other if other and any(_is_permitted(rule, name, other) for rule in rules) else name


def _is_permitted(rule: str, name: str, other: str) -> bool:
    names, _, others = rule.partition(":")
    return rule == "*" or (_is_in(name, names.split(",")) and _is_in(other, others.split(",")))


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no number of dots")
    return int(text)
