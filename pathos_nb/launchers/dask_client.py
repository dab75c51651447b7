"""A client of dask's: the user's own, dask's current one, or one that is opened for a pool."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

from pathos_nb.errors import BadOption, LauncherUnavailable, PoolBroken
from pathos_nb.launchers.contract import Offer

__all__ = ["check", "n_threads_of", "neighbours", "offer_at", "offer_of", "open_client", "too_old"]

_CONNECT_S, _ASK_S = 10.0, 2.0
_BY_TCP = ("tcp", "tls", "ws", "wss")
_OLDEST = (2024, 4)  # as pyproject.toml has it
_HERE = ("127.0.0.1", "localhost", "[::1]")


def too_old() -> str:
    """Say so, if the dask that is installed here is older than all that this was tried with."""
    found = version("distributed")
    numbers = tuple(map(int, re.findall(r"\d+", found)[:2]))
    oldest = ".".join(map(str, _OLDEST))
    return f"dask {found} is too old: {oldest} or later is needed" if numbers < _OLDEST else ""


def check(client: Any) -> None:
    """Refuse a client that a pool cannot use.

    Parameters
    ----------
    client : Client
        Of dask's.

    Raises
    ------
    BadOption
        It is asynchronous.
    PoolBroken
        It is closed.
    """
    if client.asynchronous:
        cause = "its loop is the one that would wait for the pool"
        raise BadOption("the client of dask is asynchronous", cause=cause, cure="make it without asynchronous=True")
    if client.status in ("closed", "closing"):
        raise PoolBroken("the client of dask is closed", cure="make a new client, and a pool of it")


def open_client(given: Any, address: str) -> tuple[Any, bool]:
    """Give a client.

    Parameters
    ----------
    given : Client or None
        The user's own.
    address : str
        The scheduler's; empty for dask's current client, or the address in its configuration.

    Returns
    -------
    (Client, bool)
        And whether it was opened here, and is the pool's to close.

    Raises
    ------
    BadOption, PoolBroken, LauncherUnavailable
        There is none, it does not answer, or it cannot be used.
    """
    import dask
    from distributed import default_client

    if why := too_old():
        raise LauncherUnavailable(
            "the launcher 'dask' cannot run here", cause=why, cure="pip install -U 'pathos-nb[dask]'"
        )
    if given is None and not address:
        try:
            given = default_client()
        except ValueError:
            address = dask.config.get("scheduler-address", None) or ""
    if given is not None:
        check(given)
        return given, False
    if not address:
        cure = 'give one, Pool(client), or its address, Pool("dask", address="tcp://…:8786")'
        raise LauncherUnavailable("there is no cluster of dask's", cause="no client is open", cure=cure)
    return _connected(address), True


def _connected(address: str, within_s: float | None = None) -> Any:
    from distributed import Client

    within_s = within_s or _CONNECT_S
    try:
        _knock(address, within_s)
        return Client(address, timeout=within_s, set_as_default=False, name="pathos_nb")
    except ValueError as error:
        raise BadOption(f"address is {address!r}", cause=str(error)) from error
    except (OSError, asyncio.TimeoutError) as error:
        what = f"no scheduler of dask's answers at {address}"
        cure = "see that it runs there, and that its port can be reached from here"
        raise PoolBroken(what, cause=f"{type(error).__name__}: {error}"[:300], cure=cure) from error
    except Exception as error:  # of dask's own, when it reads what is none of its messages
        what, cause = (
            f"what answers at {address} is no scheduler that dask understands",
            f"{type(error).__name__}: {error}",
        )
        cure = "see that it is the port of dask's scheduler, and that dask has the same version there"
        raise PoolBroken(what, cause=cause[:300], cure=cure) from error


def _knock(address: str, within_s: float) -> None:
    """See that a scheduler is there: a client that cannot connect is long about it, and about its end."""
    from distributed.comm import connect, get_address_host_port, parse_address
    from distributed.security import Security

    if parse_address(address)[0] in _BY_TCP:  # dask tries again and again where nobody listens
        socket.create_connection(get_address_host_port(address), within_s).close()

    async def knock() -> None:
        said = Security().get_connection_args("client")
        # dask waits without end for the greeting of whoever has taken the connection.
        comm = await asyncio.wait_for(connect(address, timeout=within_s, **said), within_s)
        comm.abort()

    with ThreadPoolExecutor(1, "pathos_nb dask") as elsewhere:  # a notebook's own thread has a loop that runs
        elsewhere.submit(lambda: asyncio.run(knock())).result()


def n_threads_of(client: Any) -> int:
    """Give how many threads a cluster has, or may grow to if it says so."""
    threads: Mapping[str, int] = client.nthreads()
    adaptive = getattr(client.cluster, "_adaptive", None)
    most = getattr(adaptive, "maximum", None)
    n = sum(threads.values())
    if most is None or most == float("inf") or not threads:
        return n if most in (None, float("inf")) else int(most)
    return max(n, int(most) * max(threads.values()))


def offer_of(client: Any) -> Offer:
    """Give what a client's cluster has to give, for an automatic choice.

    Parameters
    ----------
    client : Client
        Of dask's, which is open.

    Returns
    -------
    Offer
        With a problem, where it is better named by hand.
    """
    place = f"dask:{client.scheduler.address.rpartition('://')[2]}" if client.scheduler else "dask"
    try:
        check(client)
        threads: Mapping[str, int] = client.nthreads()
        told = client.scheduler_info()["workers"].values()  # of some of them, where there are many
        n_busy = sum(map(len, client.processing().values()))
    except Exception as error:  # whatever is wrong with it: the choice goes on without it
        return Offer(place, "", 0, 0.0, problem=f"{type(error).__name__}: {error}"[:200])
    cores, problem = sum(threads.values()), ""
    memory = max((worker["memory_limit"] or 0 for worker in told), default=0)
    if not threads:
        problem = "it has no worker"
    elif all(map(_is_here, set(map(_host, threads)))):
        problem = "its workers are on this machine, as processes are"
    elif client.security.require_encryption:
        problem = "its connections are encrypted: name it, Pool(client)"
    return Offer(place, "", cores, float(n_busy), memory, problem=problem)


def offer_at(address: str) -> Offer:
    """Give what the cluster of a scheduler has to give, to which no client is open yet.

    Parameters
    ----------
    address : str
        The scheduler's.

    Returns
    -------
    Offer
        With a problem, where it does not answer within two seconds.
    """
    try:
        client = _connected(address, _ASK_S)
    except (BadOption, PoolBroken, ImportError) as error:
        return Offer(f"dask:{address.rpartition('://')[2]}", "", 0, 0.0, problem=str(error)[:200])
    try:
        return offer_of(client)
    finally:
        client.close()


def neighbours(threads: Mapping[str, int]) -> dict[str, int]:
    """Give, for each of dask's workers, how many threads all of those on its machine have.

    Parameters
    ----------
    threads : mapping
        A worker's address → its threads.

    Returns
    -------
    dict
    """
    by_host: dict[str, int] = {}
    for address, n in threads.items():
        by_host[_host(address)] = by_host.get(_host(address), 0) + n
    return {address: by_host[_host(address)] for address in threads}


def _host(address: str) -> str:
    kind, _, rest = address.rpartition("://")
    return _HERE[0] if kind == "inproc" else rest.rpartition(":")[0]  # threads of this very process


def _is_here(host: str) -> bool:
    """Tell whether an address is of this machine: what it sends there has that very address as its sender's."""
    if host in _HERE or host.startswith("127."):
        return True
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host.strip("[]"), 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, proto) as probe:
            probe.connect(address)  # nothing is sent
            return bool(probe.getsockname()[0] == address[0])
    except OSError:
        return False
