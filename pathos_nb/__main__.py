"""The command ``pathos_connect``: a tunnel to a host, a server on it, or both, until Enter or a signal."""

from __future__ import annotations

import argparse
import getpass
import os
import signal
import stat
import sys
from contextlib import ExitStack
from typing import Any, NoReturn

from pathos_nb import core
from pathos_nb.errors import PathosNbError
from pathos_nb.secure.names import checked_port
from pathos_nb.secure.registered import remote_to
from pathos_nb.secure.shell import SetUp

__all__ = ["main"]

HELP = """\
Lead a local port to a host by ssh, start a server for remote calls there, or both. All of it ends with this command:
when Enter is pressed, its input ends, or a signal comes.

  pathos_connect node7 tunnel                    a tunnel to a free port of node7
  pathos_connect node7 tunnel 8080               a tunnel to port 8080 of node7
  pathos_connect node7 ppserver tunnel           a server on node7, and a tunnel to it: then, in Python,
                                                 ParallelPool(servers=("localhost:LOCALPORT",))
  pathos_connect node7 ppserver 15058 .profile   a server at port 15058, after .profile is sourced

A tunnel is shown as LOCALPORT:HOST:REMOTEPORT: connect to 127.0.0.1:LOCALPORT. It listens on this machine's loopback
only, and mends itself when the link breaks. Hosts are those of ~/.ssh/config and of the registry (%pathos hosts)."""

TUNNEL = "tunnel"


class _Stopped(Exception):
    """A signal came."""


def main(argv: list[str] | None = None) -> int:
    """Run the command; give its exit status."""
    said = _parser().parse_args(argv)
    for name in ("SIGTERM", "SIGHUP", "SIGINT"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _stop)
    try:
        with ExitStack() as stack:
            _begin(said, stack)
            _wait(bool(said.server != TUNNEL))
    except _Stopped:
        return 0
    except PathosNbError as error:
        sys.stderr.write(f"pathos_connect: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pathos_connect", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("host", nargs="?", default="localhost", help="[user@]host (localhost)")
    parser.add_argument("server", nargs="?", default=TUNNEL, help="'ppserver', or 'tunnel' for a tunnel only (tunnel)")
    parser.add_argument("port", nargs="?", default="", help="the port on the host, or 'tunnel'; a free one is picked")
    parser.add_argument("profile", nargs="?", default="", help="the file to source on the host before")
    parser.add_argument("--through", help="jump hosts, with commas between them")
    parser.add_argument("--ssh-port", type=int, default=0, metavar="PORT", help="the port of the host's sshd")
    parser.add_argument("--key", default="", metavar="FILE", help="the private key to use")
    parser.add_argument("--transport", choices=("paramiko", "openssh"), help="paramiko, or the system's ssh")
    parser.add_argument("--accept-new", action="store_true", help="accept a host key that is not known yet")
    parser.add_argument("--fingerprint", default="", metavar="SHA256:…", help="accept that key, and no other new one")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="S", help="seconds for each step (10)")
    parser.add_argument("--local-port", type=int, default=0, metavar="PORT", help="the local port (a free one)")
    parser.add_argument("--python", default="", help="the server's Python on the host (python3)")
    parser.add_argument("--nodes", type=int, default=0, metavar="N", help="how many workers the server has (all cores)")
    return parser


def _stop(number: int, frame: object) -> NoReturn:
    raise _Stopped


def _ask(prompt: str, is_secret: bool) -> str | None:
    try:
        return getpass.getpass(prompt) if is_secret else input(prompt)
    except EOFError:
        return None


def _options(said: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {"timeout": said.timeout, "accept_new": said.accept_new}
    found |= {"fingerprints": (said.fingerprint,)} if said.fingerprint else {}
    named = {"port": said.ssh_port, "key": said.key, "through": said.through, "transport": said.transport}
    found |= {name: value for name, value in named.items() if value}
    if sys.stdin is not None and sys.stdin.isatty():
        found["ask"] = _ask
    return found


def _begin(said: argparse.Namespace, stack: ExitStack) -> None:
    """Start what is asked for, and say where it is."""
    from_tunnel = said.server == TUNNEL
    wants_tunnel = from_tunnel or said.port == TUNNEL
    port = 0 if said.port in ("", TUNNEL) else checked_port(said.port, said.host)
    options = _options(said)
    if from_tunnel:
        _lead(said, stack, port, options)
        return
    is_here = said.host == "localhost" and not wants_tunnel
    if wants_tunnel:  # one connection for both: a password is asked once
        setup = {"setup": SetUp(said.profile)} if said.profile else {}
        options = {"remote": stack.enter_context(remote_to(said.host, **options, **setup))}
    service = core.serve(
        said.server, None if is_here else said.host, port or None, said.profile, nodes=said.nodes, python=said.python,
        **({} if is_here else options),
    )  # fmt: skip
    stack.callback(service.kill)
    _tell(f"Server running at port={service.port} with pid={service.pid()}\n")
    if wants_tunnel:
        service.reached_at(_lead(said, stack, service.port, options))


def _lead(said: argparse.Namespace, stack: ExitStack, port: int, options: dict[str, Any]) -> int:
    """Open a tunnel, and say so; give its local port."""
    options = {**options, "local_port": said.local_port}
    options["ssh_port"] = options.pop("port", 0)
    tunnel = core.connect(said.host, port or None, **options)
    stack.callback(tunnel.disconnect)
    host = said.host.rpartition("@")[2]
    _tell(f"{tunnel.port}:{host}:{tunnel.remote_port}\nConnected to localhost at port={tunnel.port}\n")
    return tunnel.port


def _wait(has_server: bool) -> None:
    """Wait for Enter or the end of the input; where there is no input to speak of, for a signal."""
    if _is_nothing(sys.stdin):
        while True:
            signal.pause()
    _tell(f"Press <Enter> to {'kill server' if has_server else 'disconnect'}\n")
    sys.stdin.readline()


def _is_nothing(stream: Any) -> bool:
    """Say whether a stream is closed, or the null device: then a command that was put aside should go on."""
    try:
        return stat.S_ISCHR(os.fstat(stream.fileno()).st_mode) and not stream.isatty()
    except (AttributeError, OSError, ValueError):
        return True


def _tell(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
