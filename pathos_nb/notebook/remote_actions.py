"""What the verbs for other machines do: each takes the session and its parsed words, and gives something to show."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pathos_nb.dispatch.record import duration
from pathos_nb.dispatch.tables import BAD, GOOD, Cell, html_pre
from pathos_nb.errors import BadOption
from pathos_nb.hosts import faults, remove
from pathos_nb.hosts import path as registry_path
from pathos_nb.joined.host import Host, Plan
from pathos_nb.joined.services import Service
from pathos_nb.joined.verdict import Line, size
from pathos_nb.notebook import kinds
from pathos_nb.notebook.ansi import as_html, as_text
from pathos_nb.notebook.copying import CopyBar
from pathos_nb.notebook.said import Said, Table, workers
from pathos_nb.secure.ends import Ends
from pathos_nb.secure.transfer import copy as copy_files
from pathos_nb.session import Session

__all__ = ["REMOTE_ACTIONS"]

_RUN_S = 60.0
_SHOWN_BYTES = 1 << 18  # of an output; a page with more is slow
_PLAN = ("nodes", "through", "port", "key", "python", "transport")


class Ran:
    """What a command on a host wrote, and how it ended.

    Parameters
    ----------
    stdout, stderr : str
        Its output.
    status : int
        Its exit status; -1 if a signal ended it.
    host : str
        Where.
    is_cut : bool
        It is only the beginning and the end of the output.
    """

    def __init__(self, stdout: str, stderr: str, status: int, host: str, *, is_cut: bool = False) -> None:
        self.stdout, self.stderr, self.status, self.host, self.is_cut = stdout, stderr, status, host, is_cut

    @property
    def _end(self) -> str:
        how = "ended by a signal" if self.status < 0 else f"exit status {self.status}"
        ended = f"{how} on {self.host}" if self.status else ""
        whole = "for all of it, write it into a file there and %pathos copy it here" if self.is_cut else ""
        return "; ".join(part for part in (ended, whole) if part)

    def __repr__(self) -> str:
        parts = [as_text(self.stdout).rstrip("\n"), as_text(self.stderr).rstrip("\n"), self._end]
        return "\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        said = "".join(html_pre(as_html(text.rstrip("\n"))) for text in (self.stdout, self.stderr) if text.strip())
        end = f'<div style="color:{BAD}">{self._end}</div>' if self._end else ""
        return f'<div class="pathos-nb-verb">{said}{end}</div>'


def connect(session: Session, values: Mapping[str, Any]) -> Table:
    """Reach a host."""
    begun = time.monotonic()
    wanted = (values["fingerprint"],) if values["fingerprint"] else ()
    plan = replace(_plan(session, values["host"], values), accept_new=values["accept_new"], fingerprints=wanted)
    host = session.connect(plan)
    took = duration(time.monotonic() - begun)
    n_workers = workers(host.n_workers)
    head = f"{host.name} is connected as {host.where}, in {took}: {n_workers}; %pathos use {host.name} runs cells there"
    return _facts(host.check(with_link=False), head)


def _plan(session: Session, target: str, values: Mapping[str, Any]) -> Plan:
    plain = session.hosts.plan_for(target, values["name"] or "")
    return replace(plain, **{key: values[key] for key in _PLAN if values[key] is not None})


def disconnect(session: Session, values: Mapping[str, Any]) -> Said:
    """End connections."""
    there = tuple(session.hosts.connected)
    names = values["host"] or (there if values["all"] or len(there) == 1 else ())
    if not names:
        return Said(f"which one? connected: {', '.join(there)}; --all ends all" if there else "no host is connected")
    before = session.places
    for name in reversed(names):
        session.disconnect(name)
    moved = f"; cells run on {', '.join(session.places)} now" if session.places != before else ""
    return Said(f"disconnected {', '.join(names)}{moved}")


def hosts(session: Session, values: Mapping[str, Any]) -> Any:
    """List the hosts, or change what is registered."""
    if values["add"]:
        plan = _plan(session, values["add"], values)
        session.hosts.add(plan)
        return Said(f"{plan.name} is in {registry_path()} now; %pathos connect {plan.name} reaches it")
    if values["save"]:
        session.hosts.save(values["save"])
        return Said(f"{values['save']} is in {registry_path()} now; it can be edited there")
    if values["forget"]:
        was_there = remove(values["forget"])
        return Said(f"{values['forget']} is {'taken out of' if was_there else 'not in'} {registry_path()}")
    rows = [_row(session, host) for host in session.hosts.connected.values()]
    known, broken = [name for name in session.hosts.names() if name not in session.hosts.connected], faults()
    rows += [[Cell(name), _at_rest(broken.get(name)), *[Cell("")] * 5] for name in known]
    head = str(broken.get("", ""))
    if not rows:
        none = "no host is connected, and ~/.ssh/config has none; %pathos connect [user@]host reaches one"
        return Said(f"{none}\n{head}".rstrip())
    return Table(("host", "state", "as", "workers", "in pools", "Python", "round trip"), rows, head)


def _at_rest(fault: BadOption | None) -> Cell:
    return Cell("registry to be mended", BAD, str(fault)) if fault else Cell("not connected")


def _row(session: Session, host: Host) -> list[Cell]:
    state = _state(host)
    trip = f"{host.round_trip_s * 1e3:.1f} ms"
    n = Cell(str(host.n_workers or ""))
    return [
        Cell(host.name), state, Cell(host.where), n, Cell(_pools(session, host)), Cell(host.python.version), Cell(trip),
    ]  # fmt: skip


def _state(host: Host) -> Cell:
    if host.state == "connected":
        return Cell(host.state, GOOD, host.link.reason if host.link else "")
    refused = f"; {host.refusal}" if host.refusal else ""
    return Cell(f"{host.state}{refused}", BAD, host.link.reason if host.link else "")


def _pools(session: Session, host: Host) -> str:
    """Say in which pools a host's workers are; those of pools that the user made in Python have no name here."""
    named = session.workers_at(host.name)
    if rest := host.n_workers - sum(named.values()):
        named["Pool(…)"] = rest
    return " · ".join(f"{name} ({n})" if len(named) > 1 else name for name, n in named.items() if n > 0)


def check(session: Session, values: Mapping[str, Any]) -> Any:
    """Look at a host anew."""
    there = tuple(session.hosts.connected)
    if not values["host"] and len(there) != 1:
        raise BadOption("which host?", cure=f"connected: {', '.join(there) or 'none'}")
    host = session.hosts.get(values["host"] or there[0])
    lines = host.check()
    bad = [line for line in lines if not line.is_well]
    verdict = f"{len(bad)} things to know" if len(bad) > 1 else "one thing to know" if bad else "all is well"
    return _facts(lines, f"{host.name} ({host.where}): {verdict}")


def _facts(lines: Sequence[Line], head: str) -> Table:
    rows = [[_mark(line), Cell(line.what), Cell(line.found), Cell(line.remark, BAD)] for line in lines]
    return Table(("", "", "found", ""), rows, head)


def _mark(line: Line) -> Cell:
    return Cell("✓", GOOD) if line.is_well else Cell("!", BAD)


def execute(session: Session, values: Mapping[str, Any]) -> Ran:
    """Run a command on a host."""
    host = session.hosts.get(values["host"])
    out, err, cure = Ends(_SHOWN_BYTES), Ends(_SHOWN_BYTES), "give it more time: %pathos exec --timeout SECONDS …"
    done = host.remote.run(list(values["rest"]), timeout=values["timeout"] or _RUN_S, into=out, cure=cure)
    err.extend(done.stderr.encode())
    said, trouble = (bytes(ends).decode("utf-8", "replace") for ends in (out, err))
    return Ran(said, trouble, done.status, host.name, is_cut=bool(out.n_left_out or err.n_left_out))


def copy(session: Session, values: Mapping[str, Any]) -> Said:
    """Copy files and folders."""
    paths: list[str] = [values["source"], *values["destination"]]
    bar = CopyBar()
    is_in_cell = threading.current_thread() is threading.main_thread()  # elsewhere there is no cell to show it in
    progress = bar if is_in_cell else None
    copied = copy_files(paths[:-1], paths[-1], lambda name: session.hosts.reach(name).remote, progress=progress)
    return bar.end(copied, paths[-1])


def tunnel(session: Session, values: Mapping[str, Any]) -> Said:
    """Lead a local port to a host."""
    try:
        port = kinds.port(values["port"])
    except ValueError as error:
        raise BadOption(f"%pathos tunnel wants {error}", cure=f"not {values['port']!r}") from None
    made = session.services.open_tunnel(session.hosts.get(values["host"]), port, values["local"] or 0)
    return Said(f"{made.address} leads to port {port} on {made.host}; %pathos kill {made.name} closes it")


def tunnels(session: Session, values: Mapping[str, Any]) -> Any:
    """List tunnels and servers."""
    rows = [_service_row(service) for service in session.services.running.values()]
    columns = ("name", "here", "there", "state", "open", "sent", "received", "round trip", "mended")
    return Table(columns, rows) if rows else Said("no tunnel and no server; %pathos tunnel HOST PORT opens one")


def _service_row(service: Service) -> list[Cell]:
    way = service.tunnel
    there = f"{service.host}:{service.port}" + (f" ({workers(service.nodes)})" if service.carrier else "")
    state = Cell(service.state, GOOD if service.state == "connected" else BAD, way.last_error)
    carried = [Cell(str(way.n_connections)), Cell(size(way.sent_bytes)), Cell(size(way.received_bytes))]
    link = [Cell(f"{way.latency_s * 1e3:.1f} ms"), Cell(str(service.n_mended or ""))]
    return [Cell(service.name), Cell(service.address), Cell(there), state, *carried, *link]


def serve(session: Session, values: Mapping[str, Any]) -> Said:
    """Start a server."""
    host = session.hosts.get(values["host"])
    made = session.services.serve(host, values["nodes"], values["port"] or 0)
    use = f'ParallelPool(0, servers=("{made.address}",)) uses it'
    return Said(f"a server with {workers(made.nodes)} runs on {made.host}: {use}; %pathos kill {made.name} ends it")


def kill(session: Session, values: Mapping[str, Any]) -> Said:
    """End tunnels and servers."""
    there = tuple(session.services.running)
    names = values["name"]
    if values["all"] or names == ("all",):
        names = there
    if not names:
        return Said(f"which one? there are {', '.join(there)}; --all ends all" if there else "no tunnel and no server")
    for name in names:
        session.services.kill(name)
    return Said(f"ended {', '.join(names)}")


REMOTE_ACTIONS: Mapping[str, Callable[[Session, Mapping[str, Any]], Any]] = {
    "connect": connect,
    "disconnect": disconnect,
    "hosts": hosts,
    "check": check,
    "exec": execute,
    "copy": copy,
    "tunnel": tunnel,
    "tunnels": tunnels,
    "serve": serve,
    "kill": kill,
}
