"""What a user may type as a host, taken apart and checked once: everything after this works with a `Target`.

A name is refused if a shell or ``ssh`` could take it for anything but a name: a leading ``-``, spaces, quotes, ``$``,
``;`` and the like. No legitimate user, host or address has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pathos_nb.errors import BadOption

__all__ = ["Target", "checked_port", "jumps", "parse"]

_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@\\-]*\$?")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9_.-]+)?")
_SHAPE = re.compile(r"(?:(?P<user>.*)@)?(?:\[(?P<bracketed>[^\[\]]*)\]|(?P<plain>[^@:]*))(?::(?P<port>[^:@]*))?", re.S)
MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Target:
    """A host as it was typed: ``user`` is empty and ``port`` 0 where nothing was said."""

    host: str
    user: str = ""
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@" * bool(self.user) + host + f":{self.port}" * bool(self.port)


def parse(text: str, *, user: str = "", port: int = 0) -> Target:
    """Take ``[user@]host[:port]`` apart.

    Parameters
    ----------
    text : str
        What was typed; an IPv6 address stands in brackets if a port follows.
    user, port : str, int
        What was said apart from it; it wins.

    Returns
    -------
    Target

    Raises
    ------
    BadOption
        It is no name of a host, and why.
    """
    if text.count(":") > 1 and "[" not in text:  # a bare IPv6 address
        before, _, text = text.rpartition("@")
        text = f"{before}@[{text}]" if before else f"[{text}]"
    found = _SHAPE.fullmatch(text)
    host = (found["bracketed"] or found["plain"] or "") if found else ""
    if not found or not _HOST.fullmatch(host):
        raise _refused(text, "host")
    name = user or found["user"] or ""
    if (name or found["user"] is not None) and not _USER.fullmatch(name):
        raise _refused(name, "user")
    return Target(host, name, checked_port(port or found["port"] or 0, text))


def checked_port(port: int | str, where: str) -> int:
    """Give a port as a number; 0 is none.

    Raises
    ------
    BadOption
        It is no port.
    """
    if str(port).isdecimal() and len(str(port)) < 20 and 0 <= int(port) <= MAX_PORT:
        return int(port)
    raise BadOption(f"{port!r} is not a port", cure=f"ports are numbers from 1 to {MAX_PORT}", host=where)


def jumps(text: str) -> tuple[str, ...]:
    """Take ``ProxyJump`` or ``--through`` apart: names (or ``ssh://`` and one) with commas between, or ``none``."""
    said = (name.strip() for name in text.split(","))
    names = tuple(name.removeprefix("ssh://").rstrip("/") for name in said if name)
    return () if text.strip().lower() == "none" else names


def _refused(text: str, what: str) -> BadOption:
    return BadOption(
        f"{text!r} is not a name of a {what}",
        cause="a name has letters, digits, dots, dashes and underscores, and does not begin with a dash",
        cure="write [user@]host[:port]",
    )
