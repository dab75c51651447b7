"""pathos' verbs, here and on other machines: copy, execute, kill, look for processes, tunnels, services.

Where a host is given, it is reached by ssh as `hosts` and ``~/.ssh/config`` say.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pathos_nb import connection, portpicker
from pathos_nb.errors import BadOption, CommandFailed
from pathos_nb.joined.serving import Service, begin
from pathos_nb.secure.connection import Pipe
from pathos_nb.secure.copier import Copier
from pathos_nb.secure.registered import registered_python, remote_to
from pathos_nb.secure.remote import Remote
from pathos_nb.secure.tunnel import Tunnel, free_port

__all__ = ["connect", "copy", "execute", "getchild", "getpid", "getppid", "kill", "randomport", "serve"]

TIMEOUT_S = 60.0
NO_SUCH_PROCESS = 3  # errno.ESRCH
_REACH = frozenset(inspect.signature(Remote).parameters) - {"name", "timeout"}  # that one is the command's own
PS = ("ps", "-A", "-o", "pid=,ppid=,pgid=,args=")


def copy(source: str | Sequence[str], destination: str | None = None, **kwds: Any) -> Copier:
    """Copy files and folders, here, there, or between hosts.

    Parameters
    ----------
    source : str or sequence of str
        ``[[user@]host:]path``; patterns too.
    destination : str, optional
        The same (default: the current folder).
    **kwds : object
        ``bg`` to return at once, the options of `Copier`, and arguments of `Remote` (``through``, ``transport``, …).

    Returns
    -------
    Copier

    Raises
    ------
    CopyFailed, HostUnreachable, HostKeyRefused, LoginRefused, BadOption
        It failed; what was there before is whole.
    """
    background = bool(kwds.pop("bg", kwds.pop("background", False)))
    name = kwds.pop("name", None)
    copier = Copier(name, source=source, destination=destination or ".", background=background, **_reaching(kwds))
    copier.launch()
    return copier


def execute(command: str | Sequence[str], host: str | None = None, bg: bool = True, **kwds: Any) -> connection.Pipe:
    """Run a command, here or on a host.

    Parameters
    ----------
    command : str or sequence of str
        The words of it; a string is taken apart as a shell would, and no shell sees it.
    host : str, optional
        Where (default: here).
    bg : bool
        Return at once.
    **kwds : object
        Options of `connection.Pipe` or `secure.Pipe`; with a host arguments of `Remote` too (``through``, …).

    Returns
    -------
    Pipe
        Its ``response()``, ``status``, ``stderr``, ``pid()`` and ``kill()`` say the rest.

    Raises
    ------
    CommandFailed, HostUnreachable, HostKeyRefused, LoginRefused, BadOption
        It could not be started.
    """
    name = kwds.pop("name", None)
    kwds["background"] = bool(bg)
    pipe = (
        Pipe(name, command=command, host=host, **_reaching(kwds))
        if host
        else connection.Pipe(name, command=command, **kwds)
    )
    pipe.launch()
    return pipe


def _reaching(kwds: dict[str, Any]) -> dict[str, Any]:
    """Put what says how to reach the host where pipes have it."""
    others = {key: value for key, value in kwds.items() if key not in _REACH}
    return {**others, "remote": {**others.get("remote", {}), **{key: kwds[key] for key in _REACH & set(kwds)}}}


def kill(pid: int, host: str | None = None, **kwds: Any) -> str:
    """End a process (SIGTERM).

    Parameters
    ----------
    pid : int
        Its id.
    host : str, optional
        Where it runs (default: here).
    **kwds : object
        Options of `secure.Pipe`, and arguments of `Remote`.

    Returns
    -------
    str
        Nothing, as in pathos.

    Raises
    ------
    BadOption
        That is no id of a process.
    ProcessLookupError
        There is no such process.
    CommandFailed
        It may not be ended, and why.
    """
    pid = _id_of(pid)
    pipe = execute(["kill", "-TERM", str(pid)], host, bg=False, **{"timeout": TIMEOUT_S, **kwds})
    if pipe.status and "no such process" in pipe.stderr.lower():
        raise _no_process(f"no process {pid}", host)
    if pipe.status:
        cure = "check whose it is"
        raise CommandFailed(
            f"process {pid} was not ended", cause=pipe.stderr.strip(), cure=cure, host=host or "localhost"
        )
    return str(pipe.response())


def _id_of(pid: int | str) -> int:
    """Give a process id as a number: one process, never a group of them or all."""
    if str(pid).isdecimal() and int(pid) > 0:
        return int(pid)
    raise BadOption(f"{pid!r} is not the id of a process", cure="give a number from 1 on; getpid(target) finds it")


@dataclass(frozen=True, slots=True)
class _Process:
    """One line of ``ps``."""

    pid: int
    ppid: int
    pgid: int
    args: str


def _processes(host: str | None, **kwds: Any) -> list[_Process]:
    pipe = execute(PS, host, bg=False, **{"timeout": TIMEOUT_S, **kwds})
    if pipe.status:
        raise CommandFailed("ps did not tell the processes", cause=pipe.stderr.strip(), host=host or "localhost")
    found = (line.split(None, 3) for line in pipe.response().splitlines())
    every = [_Process(int(w[0]), int(w[1]), int(w[2]), " ".join(w[3:])) for w in found if len(w) > 2]
    return [process for process in every if process.pid != pipe.pid()]


def _no_process(what: str, host: str | None) -> ProcessLookupError:
    return ProcessLookupError(NO_SUCH_PROCESS, f"there is {what} on {host or 'this machine'}")


def getpid(target: str | int | None = None, host: str | None = None, all: bool = False, **kwds: Any) -> Any:
    """Find a process by its command line.

    Parameters
    ----------
    target : str or int, optional
        A regular expression that its command line has, or an id; without it this process.
    host : str, optional
        Where (default: here).
    all : bool
        Give all that match, as lines of text.
    **kwds : object
        Options of `secure.Pipe`, and arguments of `Remote`.

    Returns
    -------
    int or str
        The id, of the newest if there are several; with ``all`` lines of id and command.

    Raises
    ------
    ProcessLookupError
        There is none.
    """
    if target is None and not all:
        if host:
            raise _no_process("no process to look for: name a target", host)
        return os.getpid()
    every = _processes(host, **kwds)
    found = [p for p in every if (p.pid == target if isinstance(target, int) else re.search(target or "", p.args))]
    if all:
        return "\n".join(f"{p.pid:7d} {p.args}" for p in found)
    if not found:
        raise _no_process(f"no process that matches {target!r}", host)
    return max(p.pid for p in found)


def getppid(pid: int | None = None, host: str | None = None, group: bool = False) -> int:
    """Give the parent of a process.

    Parameters
    ----------
    pid : int, optional
        The process (default: this one).
    host : str, optional
        Where it runs.
    group : bool
        Give its process group instead.

    Returns
    -------
    int

    Raises
    ------
    ProcessLookupError
        There is no such process.
    """
    if pid is None and not host:
        return os.getpgrp() if group else os.getppid()
    if pid is None:
        raise _no_process("no process to look for: name a pid", host)
    wanted = _id_of(pid)
    for process in _processes(host):
        if process.pid == wanted:
            return process.pgid if group else process.ppid
    raise _no_process(f"no process {pid}", host)


def getchild(pid: int | None = None, host: str | None = None, group: bool = False) -> list[int]:
    """Give the children of a process.

    Parameters
    ----------
    pid : int, optional
        The process (default: this one).
    host : str, optional
        Where it runs.
    group : bool
        Give the members of the process group `pid` instead.

    Returns
    -------
    list of int

    Raises
    ------
    ProcessLookupError
        There is no such process.
    """
    if pid is None and host:
        raise _no_process("no process to look for: name a pid", host)
    wanted = os.getpid() if pid is None else _id_of(pid)
    every = _processes(host)
    children = [p.pid for p in every if (p.pgid if group else p.ppid) == wanted]
    if not children and (group or all(p.pid != wanted for p in every)):
        raise _no_process(f"no process {wanted}", host)
    return children


def randomport(host: str | None = None, **kwds: Any) -> int:
    """Pick a port that is free, here or on a host.

    Parameters
    ----------
    host : str, optional
        Where (default: here).
    **kwds : object
        Arguments of `Remote`.

    Returns
    -------
    int

    Raises
    ------
    TunnelFailed
        There is no Python on the host to ask.
    """
    if not host:
        return portpicker.randomport()
    with remote_to(host, **kwds) as remote:
        return free_port(remote, registered_python(host))


def connect(host: str, port: int | None = None, through: str | None = None, **kwds: Any) -> Tunnel:
    """Lead a local port to a port on a host.

    Parameters
    ----------
    host : str
        The host.
    port : int, optional
        The port there; without it a free one is picked.
    through : str, optional
        Jump hosts.
    **kwds : object
        Options of `Tunnel.connect`.

    Returns
    -------
    Tunnel
        Connected; ``tunnel.port`` is the local port.

    Raises
    ------
    HostUnreachable, HostKeyRefused, LoginRefused, TunnelFailed, BadOption
        It does not connect.
    """
    tunnel = Tunnel()
    tunnel.connect(host, port, through, **kwds)
    return tunnel


def serve(
    server: str = "ppserver", host: str | None = None, port: int | None = None, profile: str = "", **kwds: Any
) -> Service:
    """Start a server for remote calls, here or on a host; it lives until it is killed, or this process ends.

    As in pathos, a server on a host listens on the loopback there, and no tunnel is opened to it: one of `connect`,
    given as ``tunnel``, says at which port it listens, and `ParallelPool` finds it at that tunnel's end here.

    Parameters
    ----------
    server : str
        ``"ppserver"``: ppft, on loopback, with a secret of its own.
    host : str, optional
        Where (default: here).
    port : int, optional
        Its port there; without it a free one is picked.
    profile : str
        The file to source before (default: what the registry says).
    **kwds : object
        ``nodes``, ``python``, ``tunnel`` (the one that leads to it), and arguments of `Remote`.

    Returns
    -------
    Service
        ``service.port``, ``service.pid()``, ``service.secret``, ``service.kill()``.

    Raises
    ------
    CommandFailed, HostUnreachable, HostKeyRefused, LoginRefused, BadOption
        It did not start, and why.
    """
    tunnel: Tunnel | None = kwds.pop("tunnel", None)
    service = begin(server, host, port or (tunnel.remote_port if tunnel else 0), profile, **kwds)
    if tunnel is not None:
        service.reached_at(tunnel.port)
    return service
