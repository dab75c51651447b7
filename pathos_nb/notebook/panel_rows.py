"""What the panel lists, as rows of `wire.messages`: made from the session at one moment, each list and text bounded."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from pathos_nb.dispatch.kept import KeptRun
from pathos_nb.dispatch.pool import Pool
from pathos_nb.errors import BadOption, HostError
from pathos_nb.hosts import Host as Registered
from pathos_nb.hosts import load
from pathos_nb.joined.host import Host, Plan
from pathos_nb.joined.services import Service
from pathos_nb.joined.verdict import HERE
from pathos_nb.launchers.registry import registry
from pathos_nb.notebook.panel_gauges import Figures, Gauges
from pathos_nb.notebook.said import workers
from pathos_nb.secure.config import hosts_in_config
from pathos_nb.secure.names import parse
from pathos_nb.session import Session
from pathos_nb.wire.messages import HostRow, LauncherRow, PoolRow, RunRow, ServiceRow, Topic, TunnelRow

__all__ = ["MOST", "TOPICS", "Rows"]

TOPICS: tuple[Topic, ...] = ("hosts", "tunnels", "services", "pools", "launchers", "runs")
MOST: Mapping[str, int] = {
    "hosts": 100, "ssh_names": 500, "tunnels": 100, "services": 100, "pools": 100, "launchers": 50, "runs": 100,
}  # fmt: skip
_NAME, _TEXT = 120, 500
_SLOW_S = 5.0  # files and libraries are looked at no more often
T = TypeVar("T")


class _Slow:
    """Keeps what takes long to find out for some seconds."""

    def __init__(self, make: Callable[[], T], clock: Callable[[], float]) -> None:
        self._make, self._clock = make, clock
        self._until, self._value = 0.0, cast("Any", None)

    def get(self) -> Any:
        now = self._clock()
        if now >= self._until:
            self._value, self._until = self._make(), now + _SLOW_S
        return self._value

    def expire(self) -> None:
        self._until = 0.0


class Rows:
    """Makes the rows.

    Parameters
    ----------
    session : Session
        The kernel's.
    gauges : Gauges
        Where the live figures of hosts are.
    own_pools : callable
        Gives the pools that the user made by herself, by the names of her variables.
    clock : callable
        Seconds that only go forward.
    """

    def __init__(
        self,
        session: Session,
        gauges: Gauges,
        own_pools: Callable[[], Mapping[str, Pool]] = dict,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._gauges, self._own_pools = session, gauges, own_pools
        self._registered = _Slow(_registered, clock)
        self._launchers = _Slow(_launchers, clock)
        self._ssh_names = _Slow(lambda: _ssh_names(session.hosts.config), clock)

    def expire(self) -> None:
        """Look at everything anew the next time: something was done."""
        for slow in (self._registered, self._launchers, self._ssh_names):
            slow.expire()

    def of(self, topic: str) -> tuple[list[Any], int]:
        """Give the rows of a topic.

        Parameters
        ----------
        topic : str
            One of `MOST`.

        Returns
        -------
        tuple of list and int
            The rows, and how many were left out.
        """
        most = MOST[topic]
        found = self._all(topic)
        kept = found[-most:] if topic == "runs" else found[:most]  # of runs the latest
        return kept, len(found) - len(kept)

    def _all(self, topic: str) -> list[Any]:
        makers: dict[str, Callable[[], list[Any]]] = {
            "hosts": self._hosts,
            "ssh_names": self._ssh_names.get,
            "tunnels": lambda: [_tunnel(each) for each in self._services() if each.carrier is None],
            "services": lambda: [_service(each) for each in self._services() if each.carrier is not None],
            "pools": self._pools,
            "launchers": self._launchers.get,
            "runs": lambda: [_run(each) for each in self._session.runs],
        }
        return makers[topic]()

    def slots(self) -> tuple[int, int]:
        """Give how many workers the session's pools have, and how many of them are at work."""
        pools = [pool for pool in self._session.pools.values() if pool.state == "open"]
        return sum(pool.nodes for pool in pools), sum(pool.n_busy for pool in pools)

    def _services(self) -> Sequence[Service]:
        return list(self._session.services.running.values())

    def _hosts(self) -> list[HostRow]:
        hosts, saved = self._session.hosts, self._registered.get()
        connected, coming = hosts.connected, hosts.coming
        n_workers = self._workers_by_place()
        rows = [
            _host(host, self._gauges.of(name), name in saved, n_workers.get(name, 0))
            for name, host in connected.items()
        ]
        rows += [_planned(plan, name in saved) for name, plan in coming.items() if name not in connected]
        return rows + [_known(each) for name, each in saved.items() if name not in connected and name not in coming]

    def _workers_by_place(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for pool in self._session.pools.values():
            for worker in pool.workers():
                found[worker.place] = found.get(worker.place, 0) + 1
        return found

    def _pools(self) -> list[PoolRow]:
        session = self._session
        ours = session.pools
        rows = [_pool(name, pool, name == session.default_name, True) for name, pool in ours.items()]
        known = {id(pool) for pool in ours.values()}
        others = {name: p for name, p in self._own_pools().items() if id(p) not in known and p.state == "open"}
        return rows + [_pool(name, pool, False, False) for name, pool in others.items()]


def _cut(text: str, most: int = _NAME) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _registered() -> dict[str, Registered]:
    try:
        return load()
    except BadOption:  # connecting says so
        return {}


def _ssh_names(config: str) -> list[str]:
    try:
        return [name for name in hosts_in_config(config) if len(name) <= _NAME]
    except (OSError, BadOption):  # none, or one that cannot be read: connecting says so
        return []


def _launchers() -> list[LauncherRow]:
    return [
        {"name": _cut(name), "is_ready": bool(found.score), "reason": _cut(found.reason, _TEXT)}
        for name, found in registry.launchers().items()
    ]


def _host(host: Host, live: Figures, is_saved: bool, n_workers: int) -> HostRow:
    address, port, through = _way(host)
    facts, link = host.facts, host.link
    there = "" if host.python.is_like_here else f"Python {host.python.version} there, {HERE[0]}.{HERE[1]} here"
    return {
        "name": _cut(host.name), "user": _cut(host.where.partition("@")[0]), "address": _cut(address), "port": port,
        "through": _cut(through), "transport": host.plan.transport, "state": host.state,
        "problem": _cut(link.reason, _TEXT) if link is not None and host.state != "connected" else "",
        "is_saved": is_saved, "python": _cut(host.python.version), "mismatch": _cut(there, _TEXT),
        "n_cores": facts.cores or None, "load": live.load if live.load is not None else facts.load,
        "memory_bytes": facts.memory_bytes or None, "free_bytes": live.free_bytes or facts.free_bytes or None,
        "round_trips_ms": list(live.round_trips_ms) or [round(host.round_trip_s * 1e3, 2)], "n_workers": n_workers,
    }  # fmt: skip


def _way(host: Host) -> tuple[str, int, str]:
    """Give address, port and jump hosts: those of the configuration, if it was asked."""
    target, through = host.remote.target, host.plan.through
    with contextlib.suppress(HostError, BadOption):  # the link is lost, or is one of the system's ssh
        hop = host.remote.link.hop
        return hop.address, hop.port, ",".join(hop.through) if through is None else through
    return target.host, target.port or 22, through or ""


def _planned(plan: Plan, is_saved: bool) -> HostRow:
    target = parse(plan.target, port=plan.port)
    way = (target.user, target.host, target.port, plan.through or "", plan.transport)
    return _unconnected(plan.name, way, "connecting", is_saved)


def _known(host: Registered) -> HostRow:
    way = (host.user, host.host or host.name, host.port, host.through, host.transport or "paramiko")
    return _unconnected(host.name, way, "known", True)


def _unconnected(name: str, way: tuple[str, str, int, str, str], state: str, is_saved: bool) -> HostRow:
    user, address, port, through, transport = way
    return {
        "name": _cut(name), "user": _cut(user), "address": _cut(address), "port": port, "through": _cut(through),
        "transport": transport, "state": state, "problem": "", "is_saved": is_saved, "python": "", "mismatch": "",
        "n_cores": None, "load": None, "memory_bytes": None, "free_bytes": None, "round_trips_ms": [], "n_workers": 0,
    }  # fmt: skip


def _tunnel(service: Service) -> TunnelRow:
    way = service.tunnel
    return {
        "name": _cut(service.name), "host": _cut(service.host), "local_port": service.local_port,
        "remote": f"{_cut(service.host)}:{service.port}", "state": _cut(service.state, _TEXT),
        "n_bytes": way.sent_bytes + way.received_bytes,
        "latency_ms": round(way.latency_s * 1e3, 2) if way.latency_s else None, "n_reconnects": way.n_reconnects,
    }  # fmt: skip


def _service(service: Service) -> ServiceRow:
    return {
        "name": _cut(service.name), "host": _cut(service.host), "kind": f"ppft, {workers(service.nodes)}",
        "state": _cut(service.state, _TEXT), "port": service.local_port,
    }  # fmt: skip


def _pool(name: str, pool: Pool, is_default: bool, is_owned: bool) -> PoolRow:
    n_elsewhere = sum(worker.place != pool.places[0] for worker in pool.workers()) if len(pool.places) > 1 else 0
    waits = pool.waits()
    places = [f"{place}: {waits[place]}" if place in waits else place for place in pool.places[:20]]
    return {
        "name": _cut(name), "places": [_cut(place) for place in places], "n_workers": pool.nodes,
        "n_first": max(0, pool.nodes - n_elsewhere), "n_busy": pool.n_busy, "is_default": is_default,
        "is_owned": is_owned,
    }  # fmt: skip


def _run(run: KeptRun) -> RunRow:
    return {
        "run": run.run_id, "title": _cut(run.label), "state": cast("Any", run.state), "n_done": run.n_done,
        "n_failed": len(run.failures), "total": run.total, "started_at": round(run.started_at, 3),
        "seconds": round(run.seconds, 1), "can_retry": run.again is not None and run.is_over,
    }  # fmt: skip
