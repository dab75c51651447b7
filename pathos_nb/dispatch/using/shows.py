"""What of a result others can see: plots, a report, its record as a file."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pathos_nb.dispatch.record import Timing
from pathos_nb.dispatch.store.files import write_atomically
from pathos_nb.dispatch.using.drawing import Asked, Drawing, choose
from pathos_nb.dispatch.using.matplotlib_plot import picture
from pathos_nb.dispatch.using.plot import Plot
from pathos_nb.dispatch.using.record_files import as_csv, as_json, facts
from pathos_nb.dispatch.using.report import Report, page
from pathos_nb.dispatch.using.uses import Uses
from pathos_nb.dispatch.writing import writing
from pathos_nb.errors import BadOption, plain

__all__ = ["Shows"]

_RECORDS = (".json", ".csv")


class Shows(Uses):
    """Plots and files for others."""

    @abstractmethod
    def summary(self) -> str:
        """Say in one line what there is."""

    @property
    @abstractmethod
    def timing(self) -> Timing:
        """What the run cost."""

    @plain
    def plot(
        self,
        y: str | Sequence[str] | None = None,
        *,
        x: str | None = None,
        color: str | None = None,
        panels: str | None = None,
        kind: str | None = None,
    ) -> Plot:
        """Draw the values over the parameters.

        Parameters
        ----------
        y : str or sequence of str, optional
            Columns of `to_dict`; by default those of the values that are numbers, each in a panel of its own.
        x, color, panels : str, optional
            Parameters; chosen by their types and numbers of values where they are not given.
        kind : str, optional
            ``line``, ``scatter``, ``heat`` or ``bar``.

        Returns
        -------
        Plot
            Shows itself in a notebook; ``save`` writes it, ``chart`` and ``figure`` give it to altair and matplotlib.

        Raises
        ------
        BadOption
            There are no numbers to draw, or no such column.
        ImportError
            Neither altair nor matplotlib is installed.
        """
        columns = (y,) if isinstance(y, str) else tuple(y or ())
        return Plot(self.drawing(Asked(columns, x, color, panels, kind)))

    def drawing(self, asked: Asked | None = None) -> Drawing:
        """Give what `plot` draws, as data; see there."""
        return choose(self.names, self._columns(), self.run.title or "Results", asked)

    @plain
    def report(self, path: str | Path) -> Path:
        """Write a report: one HTML file that needs nothing else, neither network nor script.

        Parameters
        ----------
        path : str or Path
            The file; it should end in ``.html``. One that is there is replaced.

        Returns
        -------
        Path
            The file: figures, plot, what each worker did, failures with tracebacks, points, output, the profile where
            one was taken, code, environment.

        Raises
        ------
        BadOption
            The name ends otherwise.
        CannotWrite
            Its folder is not there, or takes nothing; it is an OSError too.
        """
        place = _place(path, (".html", ".htm"), "a report", (_RECORDS, "record(path) writes .json and .csv"))
        with writing(place):
            write_atomically(place, [page(self._report()).encode("utf-8", "replace")])
        return place

    def _report(self) -> Report:
        drawn: list[bytes] = []
        with contextlib.suppress(ImportError, BadOption):  # no numbers, or nothing to draw them with
            drawn.append(picture(self.drawing()))
        inner = self._profile_html()
        told = facts(self.run, self.timing, len(self))
        how = self.how
        return Report(
            self.run.title or "Results", self.summary(), told, self._columns(), self.values(), self.run, self.label,
            how.code, how.environment, drawn, [("Profile", inner)] if inner else [],
        )  # fmt: skip

    def _profile_html(self) -> str:
        """Give the profile as HTML that is safe as it stands; nothing where none was taken."""
        with contextlib.suppress(BadOption):
            profile: Any = getattr(self, "profile", None)
            return str(profile._repr_html_()) if hasattr(profile, "_repr_html_") else ""
        return ""

    @plain
    def record(self, path: str | Path) -> Path:
        """Write the record for other programs.

        Parameters
        ----------
        path : str or Path
            ``.json``: points, figures, failures with tracebacks, code and environment; ``.csv``: the table of
            `to_dict`. What is no number and no text is written as a short text; `save` keeps the values themselves.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        BadOption
            The name ends otherwise.
        CannotWrite
            Its folder is not there, or takes nothing; it is an OSError too.
        """
        place = _place(path, _RECORDS, "a record", ((".html", ".htm"), "report(path) writes .html"))
        if place.suffix.lower() == ".csv":
            text = as_csv(self._columns())
        else:
            told = facts(self.run, self.timing, len(self))
            text = as_json(told, self.names, self._columns(), (self.how, list(self.errors)))
        with writing(place):
            write_atomically(place, [text.encode("utf-8")])
        return place


def _place(path: str | Path, endings: Sequence[str], what: str, other: tuple[Sequence[str], str]) -> Path:
    """Give the file's path, if its name ends as it should; `other` says what is to be called for which endings."""
    place = Path(path).expanduser()
    if place.suffix.lower() not in endings:
        cure = other[1] if place.suffix.lower() in other[0] else f"its name ends in {' or '.join(endings)}"
        raise BadOption(f"{what} is not written as {place.name!r}", cure=cure)
    return place
