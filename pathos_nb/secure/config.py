"""How to reach a host: what was typed, laid over what ``~/.ssh/config`` says.

Host, HostName, User, Port, IdentityFile, CertificateFile, IdentitiesOnly, IdentityAgent, ProxyJump, HostKeyAlias, the
known_hosts files and StrictHostKeyChecking are read, with wildcards, Match and Include, by paramiko's reader.
ProxyCommand is a shell line and is left to ``transport="openssh"``.
"""

from __future__ import annotations

import base64
import contextlib
import getpass
import glob
import io
import os
import re
import shlex
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pathos_nb.errors import BadOption, HostUnreachable
from pathos_nb.secure.names import Target, checked_port, jumps, parse

__all__ = ["Hop", "hosts_in_config", "key_file", "public_blob", "route"]

MAX_HOPS = 8
MAX_INCLUDES = 16
MAX_FILES = 1000
DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
_LENGTH_BYTES = 4  # before each part of a public key
_TOKEN = re.compile(r"%[%dhikLlnpru]")
GLOBAL_KNOWN = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")


@dataclass(frozen=True, slots=True)
class Hop:
    """One machine on the way, with all that is needed to log in there.

    Attributes
    ----------
    name : str
        As the user calls it.
    address, port, user : str, int, str
        Where to connect, and as whom.
    keys : tuple of Path
        Private keys that are there, in the order in which to try them.
    public_keys : tuple of Path
        Public keys that are there for those that are named; the agent may have the private halves.
    certificates : tuple of Path
        Certificates of keys that the configuration names, besides ``KEY-cert.pub``.
    use_agent : bool
        Whether keys of the agent are tried.
    known_hosts : tuple of Path
        Files of known keys; the first is the one that is added to.
    key_name : str
        The name by which its key is known.
    accepts_new : bool
        The configuration says that an unknown key may be accepted.
    """

    name: str
    address: str
    port: int
    user: str
    keys: tuple[Path, ...] = ()
    public_keys: tuple[Path, ...] = ()
    certificates: tuple[Path, ...] = ()
    use_agent: bool = True
    only_these_keys: bool = False
    known_hosts: tuple[Path, ...] = ()
    key_name: str = ""
    accepts_new: bool = False
    through: tuple[str, ...] = field(default=())

    @property
    def where(self) -> str:
        """The hop as messages name it."""
        return f"{self.user}@{self.name}"


def route(target: Target, *, key: str = "", through: tuple[str, ...] | None = None, config: str = "") -> list[Hop]:
    """Give the machines on the way to a host, the host last.

    Parameters
    ----------
    target : Target
        The host.
    key : str
        A private key file to use there, and no other.
    through : tuple of str, optional
        Jump hosts; without it those of the configuration.
    config : str
        The configuration file (default ``~/.ssh/config``).

    Returns
    -------
    list of Hop

    Raises
    ------
    BadOption
        A name or port that makes no sense, or the jumps run in a circle.
    HostUnreachable
        The configuration asks for something that only ``ssh`` itself can do.
    """
    reader = _reader(config)
    return _with_jumps(reader, _hop(reader, target, key), through, ())


def _with_jumps(reader: Reader, hop: Hop, through: tuple[str, ...] | None, seen: tuple[Hop, ...]) -> list[Hop]:
    seen = (*seen, hop)
    hops = [_hop(reader, parse(name), "") for name in (hop.through if through is None else through)]
    _check_ends(hops[:1], through, seen)
    if not hops:
        return [hop]
    return [*_with_jumps(reader, hops[0], None, seen), *hops[1:], hop]


def _check_ends(first: list[Hop], through: tuple[str, ...] | None, seen: tuple[Hop, ...]) -> None:
    """Refuse ways without an end; another user or port of the same machine is another hop."""
    way = " -> ".join(hop.where for hop in (*seen, *first))
    if any((hop.where, hop.port) == (other.where, other.port) for hop in first for other in seen):
        cure = "leave the host itself out of --through" if through else "mend ProxyJump"
        raise BadOption(f"the jumps to {seen[0].name} run in a circle: {way}", cure=cure)
    if len(seen) > MAX_HOPS:
        raise BadOption(f"more than {MAX_HOPS} jumps lead to {seen[0].name}: {way}", cure="name fewer of them")


class Reader:
    """Looks hosts up in one configuration file."""

    def __init__(self, path: Path) -> None:
        import paramiko

        self.path, self.said = path, paramiko.SSHConfig()
        with _reading(path):
            self.said.parse(io.StringIO("".join(_lines(path))))

    def lookup(self, host: str) -> dict[str, str | list[str]]:
        """Give what the file says about a host: lower-case keys."""
        try:
            return dict(self.said.lookup(host))
        except Exception as error:  # a number that is none, a Match that paramiko does not know, a variable of ssh's
            raise BadOption(f"{self.path} cannot be used for {host}: {error}", cure="mend the file") from error


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say of which file it is what goes wrong inside of the block."""
    try:
        yield
    except Exception as error:  # paramiko's own class, and what a strange file makes Python raise
        raise BadOption(f"{path} cannot be read: {error}", cure="mend the file") from error


def _reader(config: str) -> Reader:
    return Reader(Path(config).expanduser() if config else Path.home() / ".ssh" / "config")


def _lines(path: Path) -> Iterator[str]:
    """Give the lines of a configuration, with what it includes in its place."""
    left = [MAX_FILES]

    def read(file: Path, depth: int) -> Iterator[str]:
        if depth > MAX_INCLUDES or not file.is_file():
            return
        left[0] -= 1
        if left[0] < 0:  # one that includes itself twice would be read for ever
            raise ValueError(f"it includes more than {MAX_FILES} files")
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
            included = re.match(r"\s*include[\s=]+(.+)", line, re.IGNORECASE)
            if not included:
                yield line if line.endswith("\n") else f"{line}\n"
                continue
            for found in _included(included[1], path.parent):
                yield from read(found, depth + 1)

    return read(path, 0)


def _included(patterns: str, base: Path) -> Iterator[Path]:
    """Give the files that an Include names; as for ssh, a star goes no deeper than its folder."""
    for pattern in shlex.split(patterns):
        for found in sorted(glob.glob(str(base / _expanded(pattern)))):  # noqa: PTH207 - that one goes deeper
            yield Path(found)


def _hop(reader: Reader, target: Target, key: str) -> Hop:
    said = reader.lookup(target.host)
    text = {name: value for name, value in said.items() if isinstance(value, str)}
    if text.get("proxycommand", "none").lower() != "none" and "proxyjump" not in text:
        raise HostUnreachable(
            f"{reader.path} gives a ProxyCommand for {target.host}",
            cause="it is a line for a shell, and is left to ssh",
            cure='use transport="openssh", or ProxyJump',
            host=target.host,
        )
    with _reading(reader.path):
        known = _known_hosts(text)
    checked = parse(text.get("hostname", target.host), user=target.user or text.get("user", ""))
    address = checked.host.lower()  # as for ssh: the hashed names of known_hosts are lower-case
    user = checked.user or getpass.getuser()
    port = target.port or checked_port(text.get("port", "22"), target.host)
    tokens = _tokens(target.host, address, port, user, text.get("hostkeyalias", ""))
    private, public = _keys(said, key, tokens)
    return Hop(
        name=target.host,
        address=address,
        port=port,
        user=user,
        keys=private,
        public_keys=public,
        certificates=_there(_named(said.get("certificatefile", []), tokens)),
        use_agent=(not key or not private) and text.get("identityagent", "").lower() != "none",
        only_these_keys=bool(key) or text.get("identitiesonly", "no").lower() == "yes",
        known_hosts=known,
        key_name=text.get("hostkeyalias", ""),
        accepts_new=text.get("stricthostkeychecking", "ask").lower() in ("no", "off", "accept-new"),
        through=jumps(text.get("proxyjump", "none")),
    )


def _tokens(name: str, address: str, port: int, user: str, alias: str) -> dict[str, str]:
    """Give what stands for ssh's tokens; paramiko knows some of them, and those only in IdentityFile."""
    here, me = socket.gethostname(), getpass.getuser()
    known = {"%n": name, "%h": address, "%p": str(port), "%r": user, "%k": alias or name, "%u": me, "%%": "%"}
    return known | {"%d": str(Path.home()), "%i": str(os.getuid()), "%l": here, "%L": here.split(".")[0]}


def _keys(said: dict[str, str | list[str]], key: str, tokens: dict[str, str]) -> tuple[tuple[Path, ...], ...]:
    """Give the private keys, and the public ones: of a key in a token or an agent there is no other file."""
    names = said.get("identityfile") or [f"~/.ssh/{name}" for name in DEFAULT_KEYS]
    named = [key_file(key)] if key else _named(names, tokens)
    public = [place for path in named for place in (path, _beside(path)) if public_blob(place)]
    return tuple(path for path in _there(named) if path not in public), tuple(dict.fromkeys(public))


def public_blob(path: Path) -> bytes:
    """Give the public key that a file has, as ssh sends it; empty if it has none."""
    try:
        kind, text = path.read_text(encoding="utf-8").split(maxsplit=2)[:2]
        blob = base64.b64decode(text)
    except (OSError, ValueError):  # not there, a private key, no text at all
        return b""
    return blob if blob[_LENGTH_BYTES:].startswith(kind.encode()) else b""


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.pub")


def key_file(key: str) -> Path:
    """Give the file of a key that was named.

    Parameters
    ----------
    key : str
        Its path; ``~`` is the home. Its public file is enough if an agent has the key.

    Returns
    -------
    Path

    Raises
    ------
    BadOption
        There is none.
    """
    path = Path(key).expanduser()
    if not path.is_file() and not public_blob(_beside(path)):
        raise BadOption(f"there is no key file {path}", cure="name the private key, or leave it out")
    return path


def _named(names: str | list[str], tokens: dict[str, str]) -> list[Path]:
    """Give the paths that the configuration names, there or not."""
    said = [names] if isinstance(names, str) else names
    return [_expanded(_TOKEN.sub(lambda found: tokens[found[0]], _bare(name))) for name in said]


def _there(paths: list[Path]) -> tuple[Path, ...]:
    return tuple(path for path in paths if path.is_file())


def _known_hosts(text: dict[str, str]) -> tuple[Path, ...]:
    own = text.get("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2")
    everybody = text.get("globalknownhostsfile", " ".join(GLOBAL_KNOWN))
    return tuple(_expanded(name) for name in [*shlex.split(own), *shlex.split(everybody)])


def _expanded(name: str) -> Path:
    """Give a path with the home folder in place of its tilde; of a user whom nobody knows there is none."""
    with contextlib.suppress(RuntimeError):
        return Path(name).expanduser()
    return Path(name)


def _bare(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def hosts_in_config(config: str = "") -> list[str]:
    """Give the names that the configuration has a ``Host`` line for, without patterns.

    Parameters
    ----------
    config : str
        The file (default ``~/.ssh/config``).

    Returns
    -------
    list of str
        In the order of the file, each once.

    Raises
    ------
    BadOption
        It cannot be read.
    """
    path = Path(config).expanduser() if config else Path.home() / ".ssh" / "config"
    words: list[str] = []
    with _reading(path):
        lines = list(_lines(path))
    for line in lines:
        found = re.match(r"\s*host[\s=]+(.+)", line, re.IGNORECASE)
        words += found[1].split() if found else []
    return list(dict.fromkeys(w for w in words if not set(w) & set('*?!"') and os.sep not in w))
