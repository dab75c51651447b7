"""The hosts that the user knows: a small file that can be read and edited by hand.

It is ``hosts.ini`` in ``$XDG_CONFIG_HOME/pathos_nb`` (``~/.config/pathos_nb``), a section a host, without secrets::

    [node7]
    host = node7.example.org
    user = me
    through = gate
    python = python3.12
    nodes = 8
    profile = .bash_profile
    setup =
        module load python
        conda activate fits

``register``, ``get_profile``, ``register_profiles`` and ``get_profiles`` are pathos'.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from pathos_nb.errors import BadOption

__all__ = [
    "Host", "default_profile", "faults", "get", "get_profile", "get_profiles", "load", "path", "register",
    "register_profiles", "remove", "save",
]  # fmt: skip

default_profile = ".bash_profile"

_HEADER = "# The hosts of pathos_nb: one section each. No secrets belong here; see the documentation of hosts.\n"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:-]*")


@dataclass(frozen=True, slots=True)
class Host:
    """One host of the registry; what is empty or 0 is left to ``~/.ssh/config`` and to the defaults.

    Attributes
    ----------
    name : str
        What the user calls it.
    host, user, port, key, through, transport : str, str, int, str, str, str
        How to connect, as in ``%pathos connect``; without ``host`` the name is it.
    python : str
        The Python to use there.
    nodes : int
        How many workers.
    profile : str
        The file that is sourced before a command.
    setup : tuple of str
        Lines for the shell after that, such as ``module load python``.
    """

    name: str
    host: str = ""
    user: str = ""
    port: int = 0
    key: str = ""
    through: str = ""
    transport: str = ""
    python: str = ""
    nodes: int = 0
    profile: str = ""
    setup: tuple[str, ...] = ()


_ENCODING = "utf-8-sig"  # some editors put a mark before the text
_NUMBERS = {"port", "nodes"}
_KEYS = [field.name for field in fields(Host) if field.name != "name"]


def path() -> Path:
    """Give the file's place."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "pathos_nb" / "hosts.ini"


def load() -> dict[str, Host]:
    """Give all hosts by name, as the file has them now; those whose sections make no sense are left to `faults`.

    Returns
    -------
    dict

    Raises
    ------
    BadOption
        The file cannot be read, and where.
    """
    sections = _sections()
    return {name: host for name in sections if isinstance(host := _host_or_fault(name, sections), Host)}


def faults() -> dict[str, BadOption]:
    """Say what is wrong in the file.

    Returns
    -------
    dict
        The error by the name of the host; by an empty one if the file cannot be read at all.
    """
    try:
        sections = _sections()
    except BadOption as error:
        return {"": error}
    found = {name: _host_or_fault(name, sections) for name in sections}
    return {name: fault for name, fault in found.items() if isinstance(fault, BadOption)}


def _sections() -> dict[str, Mapping[str, str]]:
    file = path()
    reader = configparser.ConfigParser(interpolation=None, default_section="", delimiters=("=",), strict=True)
    try:
        reader.read(file, encoding=_ENCODING)
    except (configparser.Error, UnicodeDecodeError, OSError) as error:
        text = str(error).replace("\n", " ")
        raise BadOption(f"the host registry cannot be read: {text}", cure=f"mend {file}") from error
    return {name: reader[name] for name in reader.sections()}


def _host_or_fault(name: str, sections: Mapping[str, Mapping[str, str]]) -> Host | BadOption:
    try:
        return _host(name, sections[name])
    except BadOption as error:
        return error


def _host(name: str, section: Mapping[str, str]) -> Host:
    unknown = set(section) - set(_KEYS)
    if unknown:
        raise BadOption(
            f"the host registry has {', '.join(sorted(unknown))} for {name}, which is not known",
            cure=f"mend {path()}: there are {', '.join(_KEYS)}",
        )
    values: dict[str, Any] = {}
    for key, text in section.items():
        if key == "setup":
            values[key] = tuple(line.strip() for line in text.splitlines() if line.strip())
        elif key in _NUMBERS:
            values[key] = _number(name, key, text)
        else:
            values[key] = text.strip()
    return Host(name, **values)


def _number(name: str, key: str, text: str) -> int:
    if not text.strip().isdecimal() or len(text) > 20:
        raise BadOption(f"{key} of {name} is {text!r}, which is no number", cure=f"mend {path()}")
    return int(text)


def get(name: str) -> Host | None:
    """Give a host by name; None if it is not there.

    Raises
    ------
    BadOption
        What the file has about this host makes no sense, or it cannot be read at all.
    """
    sections = _sections()
    return _host(name, sections[name]) if name in sections else None


def save(host: Host) -> None:
    """Put a host into the file, in the place of the one of that name; the other lines stay as they are.

    Parameters
    ----------
    host : Host
        Its name is that of the section.

    Raises
    ------
    BadOption
        A name or a value that the file cannot hold.
    """
    if not _NAME.fullmatch(host.name):
        raise BadOption(f"{host.name!r} is not a name for a host", cure="use letters, digits, dots and dashes")
    _change(host.name, _written(host))


def remove(name: str) -> bool:
    """Take a host out of the file; say whether it was there."""
    was_there = name in _sections()
    if was_there:
        _change(name, "")
    return was_there


def _written(host: Host) -> str:
    lines = [f"[{host.name}]"]
    for key in _KEYS:
        value = getattr(host, key)
        texts = [str(part) for part in (value if key == "setup" else [value]) if part]
        if any(len(f"{text}.".splitlines()) > 1 or "\0" in text for text in texts):
            raise BadOption(f"{key} of {host.name} has a line break in it", cure="give each line by itself")
        if any("\ud800" <= character <= "\udfff" for text in texts for character in text):
            raise BadOption(f"{key} of {host.name} has half a character in it", cure="type it anew")
        if texts:
            lines += [f"{key} =", *(f"    {text}" for text in texts)] if key == "setup" else [f"{key} = {texts[0]}"]
    return "\n".join(lines) + "\n"


def _change(name: str, section: str) -> None:
    """Write the file anew, with one section replaced: whole at any time, and for nobody else to read."""
    file = path().resolve()  # it may be a link into a folder of the user's
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(file.with_suffix(".lock")):
        _sections()  # a file that cannot be read is not written over
        text = file.read_text(encoding=_ENCODING) if file.exists() else _HEADER
        new = file.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, f"{_replaced(text, name, section).strip()}\n".encode())
        finally:
            os.close(descriptor)
        new.replace(file)


def _replaced(text: str, name: str, section: str) -> str:
    """Give the text with one section in the place of the old one, or at the end."""
    parts = re.split(r"(?m)^(?=\[)", text)
    for place, part in enumerate(parts):
        if part.startswith(f"[{name}]"):
            parts[place] = _part_anew(part, section)
            return "".join(parts)
    return f"{text.rstrip()}\n\n{section}"


def _part_anew(old: str, section: str) -> str:
    """Give a section with the old one's comments; those below its last value are about what follows, and stay there."""
    lines = old.splitlines(keepends=True)
    values = [place for place, line in enumerate(lines) if line.strip() and line.lstrip()[0] not in "#;"]
    end = values[-1] + 1
    below = "".join(lines[end:])
    if not section:
        return below.lstrip("\n")
    notes = [line for place, line in enumerate(lines[:end]) if place not in values and line.strip()]
    head, rest = section.split("\n", 1)
    return "".join([f"{head}\n", *notes, rest, below])


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Let one process at a time change the file."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with contextlib.suppress(ImportError):  # not on every platform
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


# -------------------------------------------------------------------------------------------------- the names of pathos


def register(rhost: str, profile: str | None = None) -> None:
    """Register a host and the profile that is sourced there.

    Parameters
    ----------
    rhost : str
        The host.
    profile : str, optional
        The file (default ``.bash_profile``).
    """
    save(replace(get(rhost) or Host(rhost), profile=default_profile if profile is None else profile))


def register_profiles(profiles: Mapping[str, str]) -> None:
    """Register hosts with their profiles: ``{host: profile}``."""
    for rhost, profile in profiles.items():
        register(rhost, profile)


def get_profile(rhost: str, assume: bool = True) -> str | None:
    """Give the profile of a host.

    Parameters
    ----------
    rhost : str
        The host.
    assume : bool
        Give ``.bash_profile`` for one that is not registered.

    Returns
    -------
    str or None
    """
    found = get(rhost)
    return found.profile if found else (default_profile if assume else None)


def get_profiles() -> dict[str, str]:
    """Give the profile of each registered host."""
    return {name: host.profile for name, host in load().items()}
