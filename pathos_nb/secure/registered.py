"""Connections to hosts by the name that the user calls them: the registry first, then ``~/.ssh/config``."""

from __future__ import annotations

from typing import Any

from pathos_nb import hosts
from pathos_nb.secure.names import parse
from pathos_nb.secure.remote import Remote
from pathos_nb.secure.shell import SetUp

__all__ = ["registered_python", "remote_to"]


def remote_to(name: str, **options: Any) -> Remote:
    """Connect to a host; what is said here wins over the registry.

    Parameters
    ----------
    name : str
        A name of the registry, or ``[user@]host[:port]``.
    **options : object
        Arguments of `Remote`.

    Returns
    -------
    Remote
        Yours to close.

    Raises
    ------
    HostUnreachable, HostKeyRefused, LoginRefused, BadOption
        It did not connect.
    """
    target, host = parse(name), _registered(name)
    if host is None:
        return Remote(name, **options)
    known: dict[str, Any] = {"user": target.user or host.user, "port": target.port or host.port, "key": host.key}
    known |= {"through": host.through or None, "transport": host.transport or "paramiko"}
    known["setup"] = SetUp(host.profile, host.setup)
    said = {key: value for key, value in options.items() if key not in known or value}
    return Remote(host.host or target.host, **{**known, **said})


def registered_python(name: str) -> str:
    """Give the Python that the registry has for a host; empty if it says nothing."""
    host = _registered(name)
    return host.python if host else ""


def _registered(name: str) -> hosts.Host | None:
    return hosts.get(name) or hosts.get(parse(name).host)
