"""What a profile has to say to a person: a flame graph, tables by function, worker and host, points that stand out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from pathos_nb.dispatch.flame import KIND_WORDS, flame_img, kind_of
from pathos_nb.dispatch.functions import FunctionRow, by_host, functions_of, own_of
from pathos_nb.dispatch.profile_export import Recorded, export
from pathos_nb.dispatch.profiles import MORE_WORKERS, Point, Profile, Usage
from pathos_nb.dispatch.record import duration
from pathos_nb.dispatch.tables import FAINT, Cell, html_table, text_table
from pathos_nb.errors import BadOption, plain

__all__ = ["ProfileReport", "size"]

_N_FUNCTIONS, _N_WORKERS, _N_POINTS = 25, 20, 5
_FUNCTIONS = ("own", "", "total", "function", "at", "mostly")
_USAGE = ("busy", "CPU", "unpickling", "pickling", "waiting", "idle", "transfer", "out", "in", "peak", "items")
_Table = tuple[str, tuple[str, ...], list[Sequence[Cell] | None]]  # title, columns, rows


def size(n_bytes: float) -> str:
    """Say a number of bytes as a person would."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000 or unit == "GB":
            break
        n_bytes /= 1000
    return f"{n_bytes:.0f} {unit}" if n_bytes >= 10 or unit == "B" else f"{n_bytes:.1f} {unit}"


class ProfileReport:
    """The profile of a run, which shows itself; while the run goes on, each look gives what has come by then.

    Parameters
    ----------
    run : Run, EndedRun or KeptRun
        A run that is, or was, profiled.
    label : callable, optional
        From an index to what a point is called.
    worker, host : str, optional
        Of whom to tell; of all if neither is given.

    Raises
    ------
    BadOption
        The run was not profiled, or had no such worker or host.
    """

    def __init__(
        self, run: Any, label: Callable[[int], str] | None = None, worker: str | None = None, host: str | None = None
    ) -> None:
        self._run: Recorded = run
        self._label, self._worker, self._host = label, worker, host
        profile = getattr(run, "profile", None)
        if profile is None:
            cure = "run it again with profile=True, or %%pmap --profile"
            raise BadOption(f"{run.title or 'the run'} was not profiled", cure=cure)
        self._profile: Profile = profile
        for name, known in ((worker, set(profile.workers)), (host, {u.host for u in profile.workers.values()})):
            if name is not None and name not in known:
                raise BadOption(f"nothing is known of {name!r}", cure=f"there are {', '.join(sorted(known)) or 'none'}")

    def of(self, worker: str | None = None, host: str | None = None) -> ProfileReport:
        """Give the profile of one worker, or of one host.

        Parameters
        ----------
        worker, host : str, optional
            Its name.

        Returns
        -------
        ProfileReport
        """
        return ProfileReport(self._run, self._label, worker, host)

    @property
    def functions(self) -> list[FunctionRow]:
        """The functions, those first that took the most time themselves."""
        return functions_of(self._profile, self._worker, self._host)

    @property
    def workers(self) -> list[Usage]:
        """What each worker's time was spent on."""
        with self._profile.lock:
            return [
                usage
                for usage in self._profile.workers.values()
                if self._worker in (None, usage.worker) and self._host in (None, usage.host)
            ]

    @property
    def hosts(self) -> list[Usage]:
        """What the workers of each host spent their time on, together."""
        return by_host({usage.worker: usage for usage in self.workers})

    @property
    def longest(self) -> list[Point]:
        """The points that took the most time, at most twenty; `amount` is seconds."""
        return self._points(self._profile.longest)

    @property
    def heaviest(self) -> list[Point]:
        """The points during which a worker was seen to hold the most memory; `amount` is bytes."""
        return self._points(self._profile.heaviest)

    def _points(self, points: Sequence[Point]) -> list[Point]:
        names = {usage.worker for usage in self.workers}
        with self._profile.lock:
            known = set(self._profile.workers)
            found = [p for p in points if (p.worker if p.worker in known else MORE_WORKERS) in names]
        if self._label is None:
            return found
        return [point._replace(argument=self._called(point)) for point in found]

    def _called(self, point: Point) -> str:
        try:
            return self._label(point.index) if self._label else point.argument
        except LookupError:
            return point.argument

    @property
    def notes(self) -> list[str]:
        """What is missing, and why."""
        return list(self._profile.notes)

    def flame(self) -> str:
        """Give the flame graph as an ``<img>``."""
        return flame_img(self._profile.tree, own_of(self._profile, self._worker, self._host))

    @plain
    def export(self, path: str | os.PathLike[str]) -> str:
        """Write the run to a file.

        Parameters
        ----------
        path : str or path
            Its name says the format: ``trace.json`` (Perfetto), ``*.speedscope.json``, ``*.pstats``, ``*.folded``.

        Returns
        -------
        str
            What was written.

        Raises
        ------
        BadOption
            The name says none of them.
        """
        return export(self._run, path, self._label or (lambda index: f"item {index}"))

    # looks

    def summary(self) -> str:
        """Say in one line what there is."""
        rows = self.workers
        kinds = [0] * len(KIND_WORDS)
        for times in own_of(self._profile, self._worker, self._host).values():
            kinds = [known + more for known, more in zip(kinds, times[1:], strict=True)]
        whole = sum(kinds) or 1
        shares = [f"{word} {k / whole:.0%}" for word, k in zip(KIND_WORDS, kinds, strict=True) if k >= 0.005 * whole]
        of = self._worker or self._host or self._run.title or "map"
        n_samples = sum(usage.n_samples for usage in rows)
        said = f"{of}: {duration(whole / 1e6)} in {n_samples:,} samples of {_count(len(rows), 'worker')}"
        return ": ".join([said, ", ".join(shares)]) if n_samples else f"{of}: no samples yet"

    def _function_rows(self) -> list[Sequence[Cell] | None]:
        rows = self.functions
        whole = sum(row.own_s for row in rows) or 1.0
        counts = any(row.n_calls for row in rows)
        return [_function_cells(row, whole, counts) for row in rows[:_N_FUNCTIONS]]

    def _usage_rows(self, rows: Sequence[Usage], n_workers: Mapping[str, int]) -> list[Sequence[Cell] | None]:
        """Give the rows of workers, or of hosts, which had the time of all their workers; 0 where that is not known."""
        elapsed = float(getattr(self._run, "seconds", 0.0))
        return [_usage_cells(usage, elapsed * n_workers.get(usage.worker, 0)) for usage in rows[:_N_WORKERS]]

    def _tables(self) -> list[_Table]:
        functions = self._function_rows()
        columns = (*_FUNCTIONS, "calls") if functions and len(functions[0] or ()) > len(_FUNCTIONS) else _FUNCTIONS
        workers, hosts = self.workers, self.hosts
        tables: list[_Table] = [("functions", columns, functions)]
        if len(hosts) > 1:
            on_host = Counter(usage.host for usage in workers)
            tables.append(("hosts", ("host", *_USAGE), self._usage_rows(hosts, on_host)))
        rows_of_workers = self._usage_rows(workers, {usage.worker: 1 for usage in workers if usage.pid})
        tables.append((_more("workers", len(workers), _N_WORKERS), ("worker", *_USAGE), rows_of_workers))
        for title, points, told in (("longest points", self.longest, duration), ("most memory", self.heaviest, size)):
            rows = [[Cell(told(p.amount)), Cell(p.argument), Cell(p.worker)] for p in points[:_N_POINTS]]
            if rows:
                tables.append((title, ("", "point", "worker"), list(rows)))
        return tables

    def __repr__(self) -> str:
        parts = [self.summary(), *(f"{title}\n{text_table(columns, rows)}" for title, columns, rows in self._tables())]
        return "\n\n".join([*parts, *self.notes])

    def folded(self) -> str:
        """Give it as HTML with the flame graph open and the tables folded, to stand below other things."""
        return f'<div style="font-size:12px;margin-top:4px">{escape(self.summary())}</div>{self._html(False)}'

    def _repr_html_(self) -> str:
        head = f"<div>{escape(self.summary())}</div>"
        return f'<div class="pathos-nb-profile" style="font-size:12px">{head}{self._html(True)}</div>'

    def _html(self, is_open: bool) -> str:
        notes = "".join(f'<div style="{FAINT}">{escape(note)}</div>' for note in self.notes)
        folds = []
        for number, (title, columns, rows) in enumerate(self._tables()):
            head = f'<summary style="cursor:pointer">{escape(title)}</summary>'
            opened = " open" * (is_open and number == 0)
            table = html_table(columns, rows)
            folds.append(f'<details style="font-size:12px"{opened}>{head}{table}</details>')
        return f"{self.flame()}{notes}{''.join(folds)}"


def _function_cells(row: FunctionRow, whole: float, counts: bool) -> list[Cell]:
    cells = [
        Cell(duration(row.own_s)), Cell(f"{row.own_s / whole:.0%}"), Cell(duration(row.total_s)), Cell(row.name[-60:]),
        Cell(row.where[-60:]), Cell(_mostly(row)),
    ]  # fmt: skip
    return [*cells, Cell(f"{row.n_calls:,}" if row.n_calls else "")] if counts else cells


def _mostly(row: FunctionRow) -> str:
    if not row.own_s:
        return ""
    return KIND_WORDS[kind_of([0, *(round(1e6 * seconds) for seconds in row.kinds)])]


def _usage_cells(usage: Usage, elapsed_s: float) -> list[Cell]:
    idle = duration(max(0.0, elapsed_s - usage.busy_s)) if elapsed_s else ""
    share = f" {usage.cpu_s / usage.run_s:.0%}" if usage.run_s > 0 else ""
    texts = [
        usage.worker, duration(usage.run_s), duration(usage.cpu_s) + share, duration(usage.load_s),
        duration(usage.dump_s), duration(usage.wait_s), idle,
        duration(usage.transfer_s), size(usage.bytes_out), size(usage.bytes_in), size(usage.peak_bytes),
        f"{usage.n_items:,}",
    ]  # fmt: skip
    return [Cell(text) for text in texts]


def _more(title: str, n: int, most: int) -> str:
    return f"{title} (the first {most} of {n:,})" if n > most else title


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
