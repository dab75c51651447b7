"""Which of the servers that a ParallelPool is given can be used, and why the others cannot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pathos_nb import known_servers
from pathos_nb.errors import BadOption
from pathos_nb.launchers.ppft_call import answers, ask

__all__ = ["Found", "await_servers", "find_servers"]

_PORT = 60000  # ppft's own, where none is given
_PATIENCE_S = 120.0  # as long as a pool that exists waits
_SILENT_S, _PAUSE_S = 1.0, 0.25


class Found(NamedTuple):
    """What came of one server.

    Attributes
    ----------
    place : str
        What `Pool` calls it.
    nodes : int
        How many workers it offers; 0 if it cannot be used.
    reason : str
        Why it cannot.
    """

    place: str
    nodes: int
    reason: str


def find_servers(servers: Sequence[str]) -> list[Found]:
    """Ask servers, all at the same time, whether they can be used.

    Parameters
    ----------
    servers : sequence of str
        ``host:port``, or ``*``.

    Returns
    -------
    list of Found
        In the same order.

    Raises
    ------
    BadOption
        One is no address.
    """
    addresses = _addresses(servers)
    found: dict[str, Found] = {}

    def look(address: str) -> Callable[[], None]:
        return lambda: found.__setitem__(address, _find(address))

    threads = [threading.Thread(target=look(address), daemon=True) for address in dict.fromkeys(addresses)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()  # each look has a deadline of its own
    return [found[address] for address in addresses]


def _addresses(servers: Sequence[str]) -> list[str]:
    addresses = [server if ":" in server or server == "*" else f"{server}:{_PORT}" for server in servers]
    for address in addresses:
        if address != "*":
            known_servers.canonical(address)
    return addresses


def await_servers(servers: Sequence[str], say: Callable[[str], None]) -> None:
    """Wait until one of some servers answers, as long as there is one that is started again when it is lost.

    Parameters
    ----------
    servers : sequence of str
        As for `find_servers`.
    say : callable
        Is told once for whom is waited, and how long at most, if that takes more than a moment.

    Raises
    ------
    BadOption
        One is no address.
    """
    addresses = [address for address in _addresses(servers) if address != "*"]
    begun, waited_s, has_said = time.monotonic(), 0.0, False
    while waited_s < _PATIENCE_S and (lost := [address for address in addresses if known_servers.is_kept(address)]):
        if any(found.nodes for found in find_servers(addresses)):
            return
        waited_s = time.monotonic() - begun
        if waited_s >= _SILENT_S and not has_said:
            has_said = True
            told = " and ".join(known_servers.called(address) for address in lost)
            say(f"waiting for {told}, which is being started again, for at most {_PATIENCE_S:.0f} s")
        time.sleep(_PAUSE_S)


def _find(address: str) -> Found:
    if address == "*":
        text = "servers are not looked for, since anybody could answer: name them; this machine works"
        return Found("", 0, text)
    host, port = known_servers.canonical(address)
    place = f"ppft:{host}:{port}"
    try:
        return Found(place, *_look_at(address, host, port))
    except (BadOption, OSError) as error:
        return Found(place, 0, f"the server {known_servers.called(address)} is left out: {error}")


def _look_at(address: str, host: str, port: int) -> tuple[int, str]:
    if host != "localhost":
        cure = "open a tunnel to it, and name the tunnel's end on this machine"
        return 0, f"the server {address} is left out: a server of ours listens on its own loopback only; {cure}"
    secret = known_servers.recall(address)
    again = ", though it is being started again" if known_servers.is_kept(address) else ""
    if not answers((host, port)):
        return 0, f"no server answers at {known_servers.called(address)}: it is left out{again}"
    if secret is None:
        cure = "start one by pathos_nb.server.LocalServer"
        return 0, f"no server of ours answers at {address}: it is left out (its secret is not known here; {cure})"
    try:
        return int(ask((host, port), secret.encode())["nodes"]), ""
    except OSError as error:
        return 0, f"no server of ours answers at {known_servers.called(address)}: it is left out{again} ({error})"
