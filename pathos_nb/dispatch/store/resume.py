"""Which points of a sweep are finished already, and where it goes on."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pathos_nb.dispatch.keepers import ListKeeper
from pathos_nb.dispatch.partial import ChosenRows
from pathos_nb.dispatch.profiles import Profile
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.store.file import StoreFile, point_id
from pathos_nb.dispatch.store.found import (
    StoredRun,
    keys_of,
    matches,
    of_function,
    written_blocks,
)
from pathos_nb.dispatch.store.kept_profile import read_profile
from pathos_nb.dispatch.store.keys import is_plain
from pathos_nb.dispatch.store.owners import said
from pathos_nb.dispatch.store.points import Kept, kept_points, read_points, without_collecting
from pathos_nb.dispatch.store.recorder import Recorder
from pathos_nb.dispatch.store.store import Store
from pathos_nb.dispatch.store.stretches import Stretch, stretches
from pathos_nb.dispatch.store.sweep import Row, Sweep, is_unnamed, packed_rows

__all__ = ["Plan", "path_of", "plan"]

_TOGETHER = 1 << 19  # points that are looked for in other runs at a time: their keys take 200 bytes each


@dataclass(slots=True)
class Plan:
    """How a sweep runs.

    Attributes
    ----------
    store : Store
        Where it is kept.
    sweep : Sweep
        What it is.
    first : StoredRun or None
        The run that it goes on with.
    kept : Kept or None
        What is finished.
    copies : list of Stretch
        Points of other runs, which become points of this one.
    note : str
        What is to be said about it.
    places : sequence of int or None
        Where the points stand in `first`, when some of it runs again.
    """

    store: Store
    sweep: Sweep
    first: StoredRun | None = None
    kept: Kept | None = None
    copies: list[Stretch] = field(default_factory=list)
    note: str = ""
    places: Sequence[int] | None = None

    @property
    def n_kept(self) -> int:
        """How many points need not run."""
        return len(self.kept.values) if self.kept is not None else 0

    def rows(self) -> list[Row] | ChosenRows:
        """Give what the map takes: all points, or those that are missing."""
        rows = self.sweep.rows
        if self.kept is None or not self.kept.values:
            return rows
        return ChosenRows(rows, self.kept.values.missing(len(rows)))

    @property
    def earlier_profile(self) -> Profile | None:
        """Where the time of the run went that it goes on with; None where points run again, as that is kept apart."""
        return read_profile(self.store.file, self.first.run) if self.first and self.places is None else None

    def attach(self, run: Run) -> Recorder:
        """Put what is finished into a run that begins, and have the rest written.

        Parameters
        ----------
        run : Run
            Of `rows`, not begun yet.

        Returns
        -------
        Recorder
        """
        kept, first = self.kept, self.first
        if kept is not None and kept.values and isinstance(run.keeper, ListKeeper):
            run.keeper.values = kept.values.whole(len(run.keeper.values))
            run.n_done = run.n_before = len(kept.values)
            run.chunks.folder = self.store.file.path.parent
            run.chunks.take_over(kept.chunks, run.run_id)
            run.earlier_s = first.seconds if first is not None else 0.0
        recorder = self.store.record(run, self.sweep, first.run if first is not None else None)
        recorder.places = self.places
        recorder.copies = self.copies
        self.store.begin(recorder)
        return recorder


def plan(store: Store, sweep: Sweep, how: str = "") -> Plan:
    """Look for what is finished.

    Parameters
    ----------
    store : Store
        Where.
    sweep : Sweep
        What is to run.
    how : {"", "resume", "fresh"}
        Go on with what any run has finished; begin anew; by default go on with the last run of this function, if it
        was cut short, and was of these very points.

    Returns
    -------
    Plan

    Raises
    ------
    StoreError
        The store cannot be read.
    CannotKey
        A point has no content that could be written down.
    """
    found = Plan(store, sweep)
    if how == "fresh":
        sweep.fix()
        return found
    store.writer.settle(sweep.key.digest)
    runs, n = of_function(store.file, sweep.key.digest), len(sweep.rows)
    where = f"{_said_running(runs[0])}" if runs and runs[0].is_running_elsewhere else ""
    cut = runs[0] if runs and runs[0].was_cut_short else None
    is_wanted = how == "resume" or (cut is not None and cut.total in (None, n))
    begins = bool(runs) and is_wanted and _begins(sweep, store.file, runs[0])
    is_same = is_wanted and cut is not None and (begins or cut.total is None)
    if runs and (how == "resume" or is_same):
        with without_collecting():
            _go_on(found, runs if how == "resume" else runs[:1], begins)
    sweep.fix()
    there = f"{found.n_kept:,} of {n:,} points are there"
    if how == "resume":
        found.note = f"{there} already{where and '; '}{where}"
    elif found.n_kept:
        rest = "none is computed" if found.n_kept == n else "the rest is computed"
        found.note = f"{runs[0].title} was cut short: {there}, {rest} (--fresh computes all)"
    elif cut is not None and not is_same:
        cure = "--resume takes those that are there"
        found.note = f"{cut.title} was cut short with other points: all are computed ({cure})"
    elif where:
        found.note = f"{where}: all points are computed here too; --resume takes what is there"
    return found


def _begins(sweep: Sweep, file: StoreFile, run: StoredRun) -> bool:
    """Whether a run is of the same points, or of the first of them."""
    return run.total is not None and run.total <= len(sweep.rows) and _is_of(sweep, file, run.run)


def _go_on(found: Plan, runs: Sequence[StoredRun], begins: bool) -> None:
    """Go on with the latest run if it is of the same points, or of the first of them; take the rest from the others.

    One that the user has named, and goes on under another name, stays as it is: what it has is taken from it.
    """
    file, sweep, latest, others = found.store.file, found.sweep, runs[0], runs
    kept = found.kept = Kept()
    if begins and latest.total is not None:
        others = runs[1:]
        is_other = latest.title != sweep.title and (latest.total < len(sweep.rows) or not is_unnamed(latest.title))
        if latest.is_running or is_other:
            first = point_id(latest.run, 0)
            _take(found, [Stretch(0, first, latest.total)], range(first, first + latest.total))
        else:
            found.first, found.kept = latest, kept_points(file, latest.run, max(1, len(sweep.rows)))
            kept = found.kept
    missing = kept.values.missing(len(sweep.rows)) if others else ()
    for first in range(0, len(missing), _TOGETHER):
        _take_from(found, others, missing[first : first + _TOGETHER])


def _take_from(found: Plan, others: Sequence[StoredRun], missing: Sequence[int]) -> None:
    """Take points from the latest run that has finished them."""
    assert found.kept is not None
    keys, there = found.sweep.keys_at(missing), dict[int, int]()
    first = wanted = dict(zip(reversed(keys), reversed(missing), strict=True))
    for run in others:
        if more := matches(found.store.file, run, wanted):
            _take(found, stretches(more), more)
            there |= more
            wanted = {key: place for key, place in wanted.items() if place not in found.kept.values}
        if not wanted:
            break
    if len(first) < len(keys):  # some points are the same: each of them is that one
        places = ((place, first[key]) for key, place in zip(keys, missing, strict=True))
        same = {place: there[one] for place, one in places if one != place and one in found.kept.values}
        _take(found, stretches(same), same)


def _take(found: Plan, wanted: list[Stretch], rows: Mapping[int, int] | Sequence[int]) -> None:
    """Read points of other runs, and have those copied that are finished and can be read.

    `rows` gives the row of a place.
    """
    assert found.kept is not None
    more = read_points(found.store.file, wanted)
    is_whole = len(more.values) == sum(stretch.n for stretch in wanted)
    found.copies += wanted if is_whole else stretches({place: rows[place] for place in more.values})
    places = array("q", more.values)
    found.kept.values.put(places, [value for _, value in more.values.items()])
    found.kept.chunks += more.chunks


def _is_of(sweep: Sweep, file: StoreFile, run: int) -> bool:
    """Whether the points that a run has written begin a sweep: plain ones are compared as they are written.

    That is five times as fast as making their keys, which say the same.
    """
    if sweep.keys is not None or not is_plain(sweep.rows):
        return sweep.all_keys().startswith(keys_of(file, run))
    for block in written_blocks(file, run):
        rows = sweep.rows[block.start : block.start + block.n]
        if packed_rows(rows) != block.rows and sweep.key.points(rows, block.start) != block.keys:
            return False
    return True


def _said_running(run: StoredRun) -> str:
    if run.is_detached:
        return f"{run.title} is in a queue (--detach collects what it finishes)"
    return f"{run.title} is running in another kernel ({said(run.owner)})"


def path_of(text: str) -> Path | None:
    """Give the path of a store that a user names; None for her own.

    Parameters
    ----------
    text : str
        A file, or a folder, in which it is called ``pathos_nb.sqlite``.

    Returns
    -------
    Path or None
    """
    if not text:
        return None
    path = Path(text).expanduser()
    return path / "pathos_nb.sqlite" if path.is_dir() else path
