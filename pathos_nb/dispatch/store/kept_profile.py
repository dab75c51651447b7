"""The profile of a run as the store keeps it: plain numbers and names, compressed; written while the run goes on.

::

    workers' samples ──► run.profile ──► every few seconds, and at the end ──► one row a run
                                                                                  ├─► the run that goes on with it
                                                                                  └─► results, reports, %pathos profile
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from pathos_nb.dispatch.profiles import Point, Profile, Usage
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.store.file import StoreFile
from pathos_nb.wire.protocol import Profiling
from pathos_nb.wire.quick import dumps, loads

if TYPE_CHECKING:
    import sqlite3

__all__ = ["ProfileWriter", "packed_profile", "profile_of", "profiled_runs", "read_profile"]

_FORMAT = 1
_EVERY_S = 5.0
_MOST_SHARE = 0.01  # of the time, for writing a profile that grows large


def packed_profile(profile: Profile) -> bytes:
    """Give a profile as bytes.

    Parameters
    ----------
    profile : Profile
        It may grow meanwhile.

    Returns
    -------
    bytes
        For `profile_of`.
    """
    with profile.lock:
        tree = profile.tree
        parts = (
            tuple(profile.how), tree.frames, (tree.frame_of, tree.parent_of), profile.own,
            [astuple(usage) for usage in profile.workers.values()], profile.calls,
            [list(map(tuple, points)) for points in (profile.longest, profile.heaviest)], profile.notes,
        )  # fmt: skip
        raw = dumps((_FORMAT, parts), 5)
    return zlib.compress(raw, 1)


def profile_of(raw: bytes) -> Profile | None:
    """Give a profile back.

    Parameters
    ----------
    raw : bytes
        From `packed_profile`.

    Returns
    -------
    Profile or None
        None if it is of a newer pathos_nb, or damaged.
    """
    try:
        number, parts = loads(zlib.decompress(raw))
        return _profile(parts) if number == _FORMAT else None
    except Exception:  # a damaged row may raise anything; the run is worth as much without
        return None


def _profile(parts: Sequence[Any]) -> Profile:
    how, frames, nodes, own, workers, calls, points, notes = parts
    found = Profile(Profiling(*how))
    for frame in frames:
        found.tree.frame(frame)
    for frame, parent in list(zip(*nodes, strict=True))[1:]:
        found.tree.below(parent, frame)
    found.own, found.calls, found.notes = own, calls, notes
    found.workers = {usage[0]: Usage(*usage) for usage in workers}
    found.longest, found.heaviest = ([Point(*point) for point in each] for each in points)
    found.version = 1
    return found


def read_profile(file: StoreFile, run: int) -> Profile | None:
    """Read the profile of a run.

    Parameters
    ----------
    file : StoreFile
        The store.
    run : int
        Its row.

    Returns
    -------
    Profile or None
        None if it has none that can be read.
    """
    with file.reading() as connection:
        row = connection.execute("SELECT profile FROM profiles WHERE run = ?", (run,)).fetchone()
    return profile_of(row[0]) if row is not None else None


def profiled_runs(file: StoreFile) -> list[int]:
    """Give the rows of the runs that have a profile, the latest first."""
    with file.reading() as connection:
        query = "SELECT run FROM profiles JOIN runs USING (run) ORDER BY seen DESC, run DESC"
        return [run for (run,) in connection.execute(query)]


class ProfileWriter:
    """Writes the profile of a run that goes on.

    Parameters
    ----------
    run : Run
        Whether it is profiled or not.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._before: bytes | None = None  # of the run whose points run again
        self._is_read = False
        self._version = self._taken = 0
        self._due = 0.0

    def write(self, connection: sqlite3.Connection, row: int, places: Sequence[int] | None, is_last: bool) -> None:
        """Write it, if it has changed and it is time.

        Parameters
        ----------
        connection : sqlite3.Connection
            Inside of a transaction.
        row : int
            The run's.
        places : sequence of int or None
            Where its items stand among the points, when some of them run again.
        is_last : bool
            Whether the run is over.
        """
        profile, now = self._run.profile, time.monotonic()
        if profile is None or profile.version == self._version or (now < self._due and not is_last):
            return
        self._taken = profile.version
        if places is not None:
            profile = self._with_earlier(connection, row, profile, places)
        packed = packed_profile(profile)
        connection.execute("INSERT OR REPLACE INTO profiles (run, profile) VALUES (?, ?)", (row, packed))
        self._due = time.monotonic() + max(_EVERY_S, (time.monotonic() - now) / _MOST_SHARE)

    def _with_earlier(
        self, connection: sqlite3.Connection, row: int, profile: Profile, places: Sequence[int]
    ) -> Profile:
        if not self._is_read:
            found = connection.execute("SELECT profile FROM profiles WHERE run = ?", (row,)).fetchone()
            self._before, self._is_read = found[0] if found else None, True
        whole = (profile_of(self._before) if self._before else None) or Profile(profile.how)
        whole.join(profile, places)
        return whole

    def committed(self) -> None:
        """Note that what was written is on the disk."""
        self._version = self._taken

    def failed(self) -> None:
        """Note that it is not."""
        self._due, self._is_read = 0.0, False

    def begin_again(self) -> None:
        """Write it once more, whether it has changed or not: the store is another one."""
        self._version = self._taken = 0
        self.failed()
