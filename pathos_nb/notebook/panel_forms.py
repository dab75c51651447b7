"""The parts of the plain panel: what each table shows, and which words a form's button says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pathos_nb.dispatch.record import duration
from pathos_nb.dispatch.tables import BAD, GOOD, Cell, html_table
from pathos_nb.joined.verdict import size
from pathos_nb.notebook.said import began

__all__ = ["TABLES", "called_run", "connect_words", "optional", "table_of"]

Row = Mapping[str, Any]
_FINE = {"connected", "done", "ready", "in use"}
_BROKEN = {"failed", "link lost", "link failed", "broken", "not here"}


def _state(text: str, more: str = "") -> Cell:
    return Cell(text, GOOD if text in _FINE else BAD if text in _BROKEN else "", more)


def _host(row: Row) -> list[Cell]:
    trips, free = row["round_trips_ms"], row["free_bytes"]
    load = "" if row["load"] is None or row["n_cores"] is None else f"{row['load']:.1f} of {row['n_cores']}"
    return [
        Cell(row["name"]), _state(row["state"], row["problem"]), Cell(f"{row['user']}@{row['address']}".lstrip("@")),
        Cell(str(row["n_workers"] or "")), Cell(load), Cell(size(free) if free else ""),
        Cell(f"{trips[-1]:.1f} ms" if trips else ""), Cell(row["python"], "", row["mismatch"]),
    ]  # fmt: skip


def _tunnel(row: Row) -> list[Cell]:
    latency = "" if row["latency_ms"] is None else f"{row['latency_ms']:.1f} ms"
    here, carried = f"localhost:{row['local_port']}", size(row["n_bytes"])
    return [
        Cell(row["name"]), Cell(here), Cell(row["remote"]), _state(row["state"]), Cell(carried), Cell(latency),
        Cell(str(row["n_reconnects"] or "")),
    ]  # fmt: skip


def _service(row: Row) -> list[Cell]:
    return [
        Cell(row["name"]), Cell(row["host"]), Cell(row["kind"]), _state(row["state"]), Cell(f"localhost:{row['port']}")
    ]  # fmt: skip


def _pool(row: Row) -> list[Cell]:
    busy = f"{row['n_busy']} of {row['n_workers']}"
    use = _state("in use") if row["is_default"] else Cell("" if row["is_owned"] else "your own")
    return [Cell(row["name"]), Cell(", ".join(row["places"])), Cell(busy), use]


def _launcher(row: Row) -> list[Cell]:
    return [Cell(row["name"]), _state("ready" if row["is_ready"] else "not here"), Cell(row["reason"])]


def _run(row: Row) -> list[Cell]:
    done = f"{row['n_done']:,}" + ("" if row["total"] is None else f" of {row['total']:,}")
    return [
        Cell(row["run"]), Cell(row["title"]), began(row["started_at"]), _state(row["state"]), Cell(done),
        Cell(str(row["n_failed"] or "")), Cell(duration(row["seconds"])),
    ]  # fmt: skip


TABLES: Mapping[str, tuple[Sequence[str], Callable[[Row], list[Cell]]]] = {
    "hosts": (("host", "state", "as", "workers", "load", "free", "round trip", "Python"), _host),
    "tunnels": (("tunnel", "here", "there", "state", "carried", "round trip", "mended"), _tunnel),
    "services": (("server", "host", "kind", "state", "address"), _service),
    "pools": (("pool", "places", "busy", ""), _pool),
    "launchers": (("launcher", "state", "why not"), _launcher),
    "runs": (("run", "title", "began", "state", "done", "failed", "time"), _run),
}


_NONE = {
    "hosts": "no host is connected or remembered", "tunnels": "no tunnel", "services": "no server",
    "pools": "no pool is open: the first cell that needs one opens it", "launchers": "none", "runs": "no run yet",
}  # fmt: skip


def table_of(topic: str, rows: Sequence[Row], n_more: int) -> str:
    """Give a topic's table.

    Parameters
    ----------
    topic : str
        One of `TABLES`.
    rows : sequence
        As in the message.
    n_more : int
        How many were left out.

    Returns
    -------
    str
        HTML, with everything in it escaped.
    """
    columns, cells = TABLES[topic]
    if not rows:
        return f"<i>{_NONE[topic]}</i>"
    page = html_table(columns, [cells(row) for row in rows]).replace("<table ", '<table cellpadding="5" ', 1)
    return page + (f"<div>and {n_more} more</div>" if n_more else "")


def called_run(row: Row) -> str:
    """Give what a run is called where one is chosen: runs of one name are told apart by when they began.

    Parameters
    ----------
    row : mapping
        As in the message.

    Returns
    -------
    str
        Its title, its state and when it began.
    """
    return f"{row['title']} ({row['state']}, {began(row['started_at']).text})"


def optional(flag: str, value: str) -> list[str]:
    """Give an option's words; none if nothing was typed.

    Parameters
    ----------
    flag : str
        Such as ``--port``.
    value : str
        What was typed.

    Returns
    -------
    list of str
    """
    return [f"{flag}={value.strip()}"] if value.strip() else []


def connect_words(fields: Mapping[str, str]) -> list[str]:
    """Give the words that say how a host is reached, for ``connect`` and ``hosts --add``.

    Parameters
    ----------
    fields : mapping
        What was typed: host, user, name, port, key, through.

    Returns
    -------
    list of str
        The host first.
    """
    user, host = fields["user"].strip(), fields["host"].strip()
    flags = [word for name in ("name", "port", "key", "through") for word in optional(f"--{name}", fields[name])]
    return [f"{user}@{host}" if user else host, *flags]
