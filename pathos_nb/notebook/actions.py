"""What the verbs of ``%pathos`` do: each takes the session and its parsed words, and gives something to show."""

from __future__ import annotations

import ast
import keyword
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pathos_nb.dispatch.failed import Errors
from pathos_nb.dispatch.kept import KeptRun
from pathos_nb.dispatch.pool import Pool
from pathos_nb.dispatch.profile_export import export
from pathos_nb.dispatch.profile_report import ProfileReport
from pathos_nb.dispatch.record import duration
from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.store.found import StoredRun
from pathos_nb.dispatch.store.owners import is_there, said
from pathos_nb.dispatch.store.store import Store
from pathos_nb.dispatch.tables import BAD, GOOD, Cell
from pathos_nb.errors import BadOption
from pathos_nb.joined.verdict import size
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.registry import registry
from pathos_nb.notebook.remote_actions import REMOTE_ACTIONS
from pathos_nb.notebook.said import Said, Table, began, workers
from pathos_nb.session import Session

__all__ = ["ACTIONS"]


def use(session: Session, values: Mapping[str, Any]) -> Said:
    """Run cells there from now on."""
    places = tuple(part for word in values["where"] for part in word.split(",") if part)
    pool = session.use(*places, nodes=values["nodes"])
    return Said(f"cells run on {', '.join(places)} now ({workers(pool.nodes)})")


def pool(session: Session, values: Mapping[str, Any]) -> Any:
    """Make a pool, change one, or show its workers."""
    words, settings = _with_settings([values["name"], *values["where"]] if values["name"] else [])
    name, nodes = _pool_name(words, values["on"]), values["nodes"]
    places = (*(values["on"] or ()), *(part for word in words[1:] for part in word.split(",") if part))
    if (places or settings) and values["restart"]:
        raise BadOption("--restart is for a pool that there is", cure=f"%pathos pool {name} --restart")
    if places:
        made = session.make(name, places, nodes, **settings)
        waits = "".join(f"; {place}: {text}" for place, text in made.waits().items())
        return Said(f"made the pool {name} on {', '.join(places)} ({workers(made.nodes)}{waits})")
    if settings:
        cure = f"name its places: %pathos pool {name} PLACE {next(iter(settings))}=…"
        raise BadOption("settings are for a pool that is made", cure=cure)
    found = session.restart(name) if values["restart"] else session.named(name)
    if nodes is not None:
        session.resize(name, nodes)
    if nodes is not None or values["restart"]:
        return Said(f"the pool {name} has {workers(found.nodes)} now{', all fresh' * values['restart']}")
    rows = [[Cell(w.name), Cell(w.host), Cell(str(w.pid)), Cell(w.place)] for w in found.workers()]
    return Table(("worker", "host", "pid", "place"), rows, f"{name}: {workers(found.nodes)}")


def _pool_name(words: list[str], places: tuple[str, ...] | None) -> str:
    if not words and not places:
        raise BadOption("no pool is named", cure="%pathos pool NAME shows one, %pathos pool NAME PLACE makes one")
    return words[0] if words else ",".join(places or ())


def _with_settings(words: list[str]) -> tuple[list[str], dict[str, Any]]:
    """Part the words from the settings among them, which are ``key=value``."""
    pairs = [word.partition("=") for word in words if "=" in word]
    if wrong := [key for key, _, _ in pairs if not key.isidentifier()]:
        raise BadOption(f"{wrong[0]!r} is no name of a setting", cure="settings are KEY=VALUE, without spaces")
    return [word for word in words if "=" not in word], {key: _value(text) for key, _, text in pairs}


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _places_of(pool: Pool) -> str:
    waits = pool.waits()
    return ", ".join(f"{place}: {waits[place]}" if place in waits else place for place in pool.places)


def pools(session: Session, values: Mapping[str, Any]) -> Any:
    """List the open pools."""
    rows = [
        [Cell(name), Cell(_places_of(each)), Cell(str(each.nodes)), _in_use(session, name)]
        for name, each in session.pools.items()
    ]
    return Table(("pool", "places", "workers", ""), rows) if rows else Said("no open pool; the first cell opens one")


def runs(session: Session, values: Mapping[str, Any]) -> Any:
    """List the runs, or forget what is kept of them."""
    sweeps = session.sweeps
    if values["set_aside"]:
        return _set_aside(session, values["store"])
    if values["store"] and sweeps is not None:
        sweeps.open(values["store"])
    stores = sweeps.stores if sweeps is not None else []
    if values["prune"]:
        return _prune(session, stores, values["all"])
    earlier = sweeps.earlier() if sweeps is not None else []
    troubles = sweeps.troubles if sweeps is not None else []
    if not session.runs and not earlier:
        return Said("\n".join(map(str, troubles)) or "no run yet")
    kept = ", ".join(f"{store.file.path} ({size(store.n_bytes)}{_as_it_is(store)})" for store in stores)
    head = "\n".join([*(["kept in " + kept] if kept else []), *map(str, troubles)])
    rows = [_earlier_row(session, store, run) for store, run in earlier]
    rows += [_run_row(run, session.detached.said(run.run_id)) for run in session.runs]
    columns = ("run", "title", "began", "state", "done", "failed", "time", "kernel")
    is_old = bool(earlier) or any(session.detached.is_watched(run.run_id) for run in session.runs)
    return Table(columns[: 7 + is_old], [row[: 7 + is_old] for row in rows], head)


def _prune(session: Session, stores: Sequence[Store], is_all: bool) -> Said:
    if session.sweeps is not None and session.sweeps.troubles:
        raise BadOption(str(session.sweeps.troubles[0]))
    pruned = [store.prune(is_all=is_all) for store in stores if not store.file.is_read_only]
    left = "".join(f"; {store.file.path} cannot be written" for store in stores if store.file.is_read_only)
    return Said(f"forgot {sum(n for n, _ in pruned)} runs, {size(sum(freed for _, freed in pruned))}{left}")


def _as_it_is(store: Store) -> str:
    return ", cannot be written" if store.file.is_read_only else ""


def _set_aside(session: Session, path: str | None) -> Said:
    aside = session.sweeps.set_aside(path) if session.sweeps is not None else None
    if aside is None:
        return Said("there is no store to move away")
    return Said(f"it is called {aside} now, and the next cell begins a new one; %pathos runs PATH lists what it has")


def load(session: Session, values: Mapping[str, Any]) -> Any:
    """Give the result of a run that is kept."""
    if session.sweeps is None:
        raise BadOption("nothing is kept here", cure="%load_ext pathos_nb")
    results, title = _latest_of(session, values["run"])
    name = values["out"] or (title if title.isidentifier() and not keyword.iskeyword(title) else "")
    if name:
        session.sweeps.keep(name, results)
    return results


def _latest_of(session: Session, name: str) -> tuple[Any, str]:
    """Give the latest result of a name: as it is kept, or that of a later run of this kernel which is not kept."""
    found = session.sweeps.find(name)
    here = next((run for run in reversed(session.runs) if name in (run.run_id, run.title)), None)
    is_later = here is not None and (found is None or here.started_at > found[1].seen)
    if here is None or not is_later or session.sweeps.find(here.run_id) is not None:
        results, run = session.sweeps.load(name)
        return results, run.title
    results = here.results() if here.results is not None else None
    if results is not None:
        _note(f"{name} is the run {here.run_id} of this kernel, which is not kept")
        return results, here.title
    if found is None:
        cure = "run its cell again, and keep the result in a variable, by -o NAME"
        raise BadOption(f"{name} was not kept, and its result is not there any more", cure=cure)
    results, run = session.sweeps.load(name)
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
    _note(f"this is {name} of {when}; a later one, the run {here.run_id} of this kernel, was not kept, and is gone")
    return results, run.title


def _note(text: str) -> None:
    sys.stderr.write(f"note: {text}\n")


def cancel(session: Session, values: Mapping[str, Any]) -> Said:
    """Stop a run, or all."""
    running = [run for run in session.runs if not run.is_over]
    latest_or_all = running if values["all"] else running[-1:]
    if values["run"] and (stored := _in_a_queue(session, values["run"])) is not None:
        session.detached.cancel(*stored)
        return Said(f"cancelled {stored[1].title}; %pathos load {stored[1].title} gives what it has finished")
    chosen = [session.run(values["run"])] if values["run"] else latest_or_all
    stopped = [run for each in chosen for run in session.cancel(each)]
    return Said("\n".join(f"cancelled {run.title or run.run_id}" for run in stopped) or "nothing is running")


def _in_a_queue(session: Session, name: str) -> tuple[Store, StoredRun] | None:
    """Give a detached sweep that this kernel does not watch."""
    try:
        session.run(name)
    except BadOption:
        found = session.sweeps.find(name) if session.sweeps is not None else None
        return found if found is not None and found[1].is_detached else None
    return None


def rerun(session: Session, values: Mapping[str, Any]) -> Any:
    """Run the points of a run again, or only those that failed or were not run."""
    kept = _known(session, values["run"])
    if kept is None:
        return session.sweeps.again(values["run"], values["failed"])
    if kept.again is None:
        cure = "what %%pmap and %pmap have run can: their points and their function are kept with the result"
        raise BadOption(f"{kept.title or kept.run_id} cannot run again", cure=cure)
    return kept.again(values["failed"])


def report(session: Session, values: Mapping[str, Any]) -> Said:
    """Write a run to a file."""
    file = values["file"]
    results = _results(session, values["run"])
    is_record = file.lower().endswith((".json", ".csv"))
    return Said(f"wrote {results.record(file) if is_record else results.report(file)}")


def errors(session: Session, values: Mapping[str, Any]) -> Errors:
    """Show what failed in a run."""
    kept = _known(session, values["run"])
    if kept is None:
        return session.sweeps.errors(values["run"]) or Errors([])
    found = kept.results() if kept.results is not None else None
    if isinstance(found, Results):
        return found.errors
    failures = kept.failures
    return Errors([failures[i] for i in sorted(failures)], lambda index: failures[index].argument)


def profile(session: Session, values: Mapping[str, Any]) -> Any:
    """Show where the time of a run went, or write it to a file."""
    run, label = _profiled(session, values["run"])
    if values["export"]:
        if run.profile is None and isinstance(run, KeptRun):
            cure = "keep its result in a variable, by -o NAME, or run it again with profile=True"
            raise BadOption(f"the record of {run.label or run.run_id} is not there any more", cure=cure)
        said = export(run, values["export"], label or (lambda index: f"item {index}"))
        return Said(f"wrote {values['export']}: {said}")
    return ProfileReport(run, label, worker=values["worker"], host=values["host"])


def _profiled(session: Session, name: str | None) -> tuple[Any, Callable[[int], str] | None]:
    """Give a run of this kernel, or else one that is kept, and what its points are called, if that is known."""
    latest = next((run.run_id for run in reversed(session.runs) if run.profile is not None), None)
    known = _known(session, name or latest) if name or latest or session.sweeps is None else None
    if known is not None:
        found = _recorded(session, known)
        if found is None:  # all that is known of it is here
            there = known.results() if known.results is not None else None
            return known, None if there is None else there.label
        return found.run, found.label
    kept = session.sweeps.profiled(name)
    if kept is None:
        return session.run(), None  # the latest one, which says that it was not profiled
    return kept.run, kept.label


def _recorded(session: Session, known: KeptRun) -> Any:
    """Give the result that has the record of a run which this session remembers by its figures only; None if none."""
    if known.profile is not None:
        return None
    results = known.results() if known.results is not None else None
    if results is None and session.sweeps is not None and session.sweeps.find(known.run_id) is not None:
        return session.sweeps.load(known.run_id)[0]
    return results


def status(session: Session, values: Mapping[str, Any]) -> Table:
    """Show where cells run, and which launchers there are."""
    rows = [
        [Cell(name), Cell("ready" if found.score else "not here", GOOD if found.score else BAD), Cell(found.reason)]
        for name, found in registry.launchers().items()
    ]
    running = [run.title or run.run_id for run in session.runs if not run.is_over]
    nodes = workers(session.nodes) if session.nodes else f"{usable_cores()} cores"
    hosts = ", ".join(f"{name} ({host.state})" for name, host in session.hosts.connected.items())
    head = f"cells run on {', '.join(session.places)} ({nodes}); running: {', '.join(running) or 'nothing'}"
    head += f"; hosts: {hosts}" if hosts else ""
    columns = ("launcher", "state", "why not") if any(row[2].text for row in rows) else ("launcher", "state")
    return Table(columns, [row[: len(columns)] for row in rows], head)


def close(session: Session, values: Mapping[str, Any]) -> Said:
    """End pools."""
    names = values["pool"] or (tuple(session.pools) if values["all"] or len(session.pools) == 1 else ())
    if not names:
        open_pools = ", ".join(session.pools)
        return Said(f"which one? open pools: {open_pools}; --all closes them" if open_pools else "no open pool")
    before = session.places
    for name in reversed(names):
        session.close_pool(name)
    moved = f"; cells run on {', '.join(session.places)} now" if session.places != before else ""
    return Said(f"closed {', '.join(names)}{moved}")


def _known(session: Session, name: str | None) -> KeptRun | None:
    """Give a run of this session; None where only an earlier kernel had it."""
    try:
        return session.run(name)
    except BadOption as error:
        if session.sweeps is None:
            raise
        if session.sweeps.find(name) is None:
            raise BadOption(error.what, cause="; ".join(map(str, session.sweeps.troubles)), cure=error.cure) from None
        return None


def _results(session: Session, name: str | None) -> Any:
    """Give the result of a run: of this kernel if somebody has it, else as it is kept."""
    kept = _known(session, name)
    results = kept.results() if kept is not None and kept.results is not None else None
    if results is not None:
        return results
    asked = name if kept is None else kept.run_id
    if session.sweeps is not None and asked is not None and session.sweeps.find(asked) is not None:
        return session.sweeps.load(asked)[0]
    cure = "keep a result in a variable, by -o NAME; a map's own values are its caller's"
    raise BadOption(f"the points of {kept.title or kept.run_id if kept else name} are not there any more", cure=cure)


ACTIONS: Mapping[str, Callable[[Session, Mapping[str, Any]], Any]] = {
    "use": use,
    "pool": pool,
    "pools": pools,
    "runs": runs,
    "load": load,
    "cancel": cancel,
    "rerun": rerun,
    "report": report,
    "errors": errors,
    "profile": profile,
    "status": status,
    "close": close,
    **REMOTE_ACTIONS,
}


def _in_use(session: Session, name: str) -> Cell:
    return Cell("in use", GOOD) if name == session.default_name else Cell("")


_COLOURS = {"done": GOOD, "failed": BAD, "cancelled": BAD, "lost": BAD}


def _earlier_row(session: Session, store: Store, run: StoredRun) -> list[Cell]:
    """Give the row of a run of another kernel; of one that is in a queue, with how far that is."""
    if not run.is_detached:
        return stored_row(run)
    called, standing = session.detached.standing(store, run)
    n_done = max(run.n_done, standing.n_points)
    row = stored_row(replace(run, n_done=min(n_done, run.total or n_done)))
    return [*row[:7], Cell(f"{called}: {standing}")]


def _run_row(run: KeptRun, at: str = "") -> list[Cell]:
    return [
        Cell(run.run_id),
        Cell(run.label),
        began(run.started_at),
        Cell(run.state, _COLOURS.get(run.state, "")),
        Cell(f"{run.n_done:,}" + (f" of {run.total:,}" if run.total is not None else "")),
        Cell(f"{len(run.failures):,}" if run.failures else ""),
        Cell(duration(run.seconds)),
        Cell(at or "this one"),
    ]


def stored_row(run: StoredRun) -> list[Cell]:
    """Give the row of a run of another kernel.

    Parameters
    ----------
    run : StoredRun
        As the store has it.

    Returns
    -------
    list of Cell
    """
    return [
        Cell(run.run_id),
        Cell(run.title),
        began(run.started),
        Cell(run.end, _COLOURS.get(run.end, "")),
        Cell(f"{run.n_done:,}" + (f" of {run.total:,}" if run.total is not None else "")),
        Cell(f"{run.n_failed:,}" if run.n_failed else ""),
        Cell(duration(run.seconds)),
        Cell(f"at work: {said(run.owner)}" if run.is_running else _kernel_of(run)),
    ]


def _kernel_of(run: StoredRun) -> str:
    """Say whose run it is that is over: kernels of this machine are there still, or have ended."""
    if run.is_mine:
        return "this one"
    return f"another one ({said(run.owner)})" if is_there(run.owner) else "an earlier one"
