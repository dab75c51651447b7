"""A ppft server on a host where nothing but Python need be: what it runs from is carried there, as the agent's is.

::

    here                                        python -I -c BOOT, there
      │ ── archive, port, nodes, secret ──────►  pathos_nb.launchers.ppft_carried
      │ ◄──────────────── port, process id ────  listens on loopback; ends with this stream
      │ ◄───────────────── a byte each beat ───  and when nobody acknowledges that any more,
      │ ── a byte each beat ─────────────────►  or speaks to it: the byte says how long a silence may last
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import time
from typing import NamedTuple

from pathos_nb.errors import CommandFailed
from pathos_nb.launchers.agent_archive import archive
from pathos_nb.launchers.agent_birth import LinkFailed, carry
from pathos_nb.launchers.agent_boot import boot_command
from pathos_nb.launchers.agent_messages import BEAT_S, BRIEF, LONG, ORPHAN_S
from pathos_nb.launchers.agent_patience import Patience
from pathos_nb.secure.carrier import Carrier
from pathos_nb.secure.remote import Remote

__all__ = ["CarriedServer", "serve_there"]

_START_S = 60.0
_LIBRARY = "ppft"
_RUN = "pathos_nb.launchers.ppft_carried"  # a module of the archive: here it need not be loaded


class CarriedServer(NamedTuple):
    """A server that runs on a host.

    Attributes
    ----------
    carrier : Carrier
        The stream that it lives as long as.
    port, pid : int
        There.
    nodes : int
        How many workers it offers.
    secret : str
        What its callers must know.
    patience : Patience
        How long it may hear nothing: not long behind a jump host, unless this process was once late.
    """

    carrier: Carrier
    port: int
    pid: int
    nodes: int
    secret: str
    patience: Patience

    def wait_ended(self) -> bool:
        """Wait until its stream has ended, for whatever reason; true then.

        What it writes now and then, to see whether anybody acknowledges it, is read meanwhile.
        """
        sock = self.carrier.sock
        with contextlib.suppress(OSError, ValueError):  # it is closed here
            sock.settimeout(BEAT_S)
            self._speak(sock)
            spoke_s = time.monotonic()
            while self._has_more(sock):
                self.patience.note(time.monotonic() - spoke_s - BEAT_S)
                spoke_s = time.monotonic()
        return True

    def _has_more(self, sock: socket.socket) -> bool:
        """Read what there is; after a while without anything say that somebody listens."""
        try:
            if not sock.recv(4096):
                return False
        except TimeoutError:
            pass
        self._speak(sock)
        return True

    def _speak(self, sock: socket.socket) -> None:
        sock.sendall(LONG if self.patience.seconds >= ORPHAN_S else BRIEF)


def serve_there(remote: Remote, python: str, name: str, *, nodes: int = 0, port: int = 0) -> CarriedServer:
    """Start a ppft server on a host.

    Parameters
    ----------
    remote : Remote
        The connection.
    python : str
        The interpreter there.
    name : str
        What the user calls the host.
    nodes : int
        How many workers it offers; 0 for as many as it has cores.
    port : int
        Where it listens, on loopback; 0 for any that is free.

    Returns
    -------
    CarriedServer

    Raises
    ------
    LauncherUnavailable
        ppft is not installed here, so that it cannot be sent; nothing was started.
    CommandFailed
        It did not begin, and why.
    HostUnreachable
        The link is lost.
    """
    packed, secret = archive(_LIBRARY), secrets.token_hex(32)
    order = {"run": _RUN, "port": port, "nodes": nodes, "secret": secret, "orphan": ORPHAN_S}
    carrier = remote.open(boot_command(python))
    try:
        told = carry(carrier, packed, order, time.monotonic() + _START_S).ready
        place = int(told["port"]), int(told["pid"])
        return CarriedServer(carrier, *place, int(told["nodes"]), secret, Patience(BEAT_S, ORPHAN_S, remote.is_direct))
    except (LinkFailed, KeyError, ValueError) as error:
        carrier.close()
        raise _not_begun(error, name) from error
    except BaseException:
        carrier.close()
        raise


def _not_begun(error: Exception, name: str) -> CommandFailed:
    if not isinstance(error, LinkFailed):
        return CommandFailed(f"no server began on {name}", cause="what it said is no server's", host=name)
    cause = f"{error.what}: {error.cause}" if error.cause else error.what
    cure = error.cure or ("choose another port" if "at port" in error.cause else "look at what it wrote")
    return CommandFailed(f"no server began on {name}", cause=cause, cure=cure, tail=error.tail, host=name)
