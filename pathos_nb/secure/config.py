"""How to reach a host: what was typed, laid over what ``~/.ssh/config`` says.

Host, HostName, User, Port, IdentityFile, CertificateFile, IdentitiesOnly, IdentityAgent, ProxyJump, HostKeyAlias, the
known_hosts files and StrictHostKeyChecking are taken from it (`ssh_config`) and from the system's, as ``ssh`` does.
ProxyCommand is a shell line and is left to ``transport="openssh"``.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pathos_nb.errors import BadOption, HostUnreachable
from pathos_nb.secure.names import Target, checked_port, jumps, parse
from pathos_nb.secure.ssh_config import (
    Asked,
    OnlySsh,
    Said,
    canonical,
    filled,
    is_yes,
    look_up,
    tokens,
    user_here,
)
from pathos_nb.secure.ssh_config_lines import expanded, lines_of, users_folder

__all__ = ["Hop", "hosts_in_config", "key_file", "public_blob", "route"]

MAX_HOPS = 8
DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
_LENGTH_BYTES = 4  # before each part of a public key
_TOKEN = re.compile(r"%[%hnpr]")  # in the names of jump hosts
NO_AGENT = _NONE = "none"
_ACCEPTING = ("no", "false", "off", "accept-new")
SYSTEM = Path("/etc/ssh/ssh_config")
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
    agent : str
        The socket of the agent that the configuration names; empty for the one of the environment.
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
    agent: str = ""
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
    reader = Reader(config)
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
    """Looks hosts up in one configuration, or in the user's and the system's."""

    def __init__(self, config: str) -> None:
        self.path = _path(config)
        if config and config != _NONE and not self.path.exists():
            raise BadOption(f"there is no file {self.path}", cure="name the configuration of ssh, or leave it out")
        self._paths = [self.path] if config else [self.path, *filter(_is_readable, [SYSTEM])]

    def lookup(self, target: Target) -> Said:
        """Give what is said about a host."""
        with _reading(self.path, target.host):
            return look_up(self._paths, Asked(target.host, target.user, target.port))


def _path(config: str) -> Path:
    return Path(config).expanduser() if config else users_folder() / "config"


def _is_readable(path: Path) -> bool:
    return os.access(path, os.R_OK)


@contextlib.contextmanager
def _reading(path: Path, host: str = "") -> Iterator[None]:
    """Say of which file it is what goes wrong inside of the block."""
    whom = f"used for {host}" if host else "read"
    try:
        yield
    except OnlySsh as error:
        raise HostUnreachable(
            f"{path} cannot be {whom} here", cause=str(error), cure='use transport="openssh"', host=host
        ) from error
    except (OSError, ValueError) as error:
        raise BadOption(f"{path} cannot be {whom}: {error}", cure="mend the file") from error


def _hop(reader: Reader, target: Target, key: str) -> Hop:
    said = reader.lookup(target)
    if said.first("proxycommand", "none").lower() != "none":
        raise HostUnreachable(
            f"{reader.path} gives a ProxyCommand for {target.host}",
            cause="it is a line for a shell, and is left to ssh",
            cure='use transport="openssh", or ProxyJump',
            host=target.host,
        )
    checked = parse(said.address, user=said.first("user"))
    address = canonical(checked.host)  # as for ssh: known_hosts has addresses in one form, and names in lower case
    user = checked.user or user_here()
    port = checked_port(said.first("port", "22"), target.host)
    alias = said.first("hostkeyalias").lower()
    known = tokens(target.host, address, str(port), user, alias)
    with _reading(reader.path, target.host):
        known_hosts, agent = _known_hosts(said, known), _agent(said.first("identityagent"), known)
    private, public = _keys(said, key, known)
    return Hop(
        name=target.host,
        address=address,
        port=port,
        user=user,
        keys=private,
        public_keys=public,
        certificates=_there(_named(said.values.get("certificatefile", []), known)),
        use_agent=(not key or not private) and agent != NO_AGENT,
        agent=agent,
        only_these_keys=bool(key) or is_yes(said.first("identitiesonly", "no")),
        known_hosts=known_hosts,
        key_name=alias,
        accepts_new=said.first("stricthostkeychecking", "ask").lower() in _ACCEPTING,
        through=jumps(_TOKEN.sub(lambda token: known[token[0]], said.first("proxyjump", "none"))),
    )


def _agent(text: str, known: Mapping[str, str]) -> str:
    """Give the socket of the agent that is named: none, or nothing for the one of the environment."""
    if text.lower() == NO_AGENT or text in ("", "SSH_AUTH_SOCK"):
        return text.lower() if text.lower() == NO_AGENT else ""
    if re.fullmatch(r"\$\w+", text):
        text = f"${{{text[1:]}}}"
    return str(expanded(filled(text, known)))


def _keys(said: Said, key: str, known: Mapping[str, str]) -> tuple[tuple[Path, ...], ...]:
    """Give the private keys, and the public ones: of a key in a token or an agent there is no other file."""
    names = said.values.get("identityfile") or [f"~/.ssh/{name}" for name in DEFAULT_KEYS]
    names = [name for name in names if name.lower() != _NONE]
    named = [key_file(key)] if key else _named(names, known)
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


def _named(names: Sequence[str], known: Mapping[str, str]) -> list[Path]:
    """Give the paths that the configuration names, there or not; one whose variable is not set is not there."""
    found = []
    for name in names:
        with contextlib.suppress(ValueError):
            found.append(expanded(filled(name, known)))
    return found


def _there(paths: list[Path]) -> tuple[Path, ...]:
    return tuple(path for path in paths if os.path.isfile(path))  # noqa: PTH113 - one that is too long is not there


def _known_hosts(said: Said, known: Mapping[str, str]) -> tuple[Path, ...]:
    own = said.values.get("userknownhostsfile", ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"])
    everybody = said.values.get("globalknownhostsfile", GLOBAL_KNOWN)
    names = [os.devnull if name.lower() == _NONE else name for name in [*own, *everybody]]
    return tuple(expanded(filled(name, known)) for name in names)


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
    names: list[str] = []
    with _reading(path := _path(config)):
        for line in lines_of(path):
            names += line.words if line.name == "host" else []
    return list(dict.fromkeys(name for name in names if not set(name) & set('*?!"') and os.sep not in name))
