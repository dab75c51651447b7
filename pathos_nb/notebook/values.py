"""The value that stands below a run's view: it is shown anew when points of the run have run again.

The table is the output of its cell as any value's, ``Out[3]``. Its metadata says where it stands, so that our extension
finds it in the page, and in a saved notebook too; elsewhere it stays as it was, as any output does.
"""

from __future__ import annotations

import weakref
from typing import Any

from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.run import Run
from pathos_nb.notebook.outlet import Outlet
from pathos_nb.wire.messages import ABOUT

__all__ = ["Values"]

_MOST = 100  # as many runs as a session remembers


class Values:
    """Knows which cells have shown the value of their run.

    Parameters
    ----------
    shell : InteractiveShell
        The kernel's shell; one that is no kernel's shows every value once.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._places: dict[str, Outlet] = {}
        self._shown: set[str] = set()

    def install(self) -> None:
        """Have results say where they stand."""
        self._formatter.for_type(Results, self._about)

    def remove(self) -> None:
        """Have them say nothing any more."""
        self._formatter.pop(Results, None)

    @property
    def _formatter(self) -> Any:
        return self._shell.display_formatter.mimebundle_formatter

    def expect(self, run_id: str) -> None:
        """Note that the running cell may show the value of a run.

        Parameters
        ----------
        run_id : str
            The run.
        """
        if hasattr(getattr(self._shell, "kernel", None), "get_parent"):
            self._places[run_id] = Outlet(self._shell)
            for old in list(self._places)[:-_MOST]:
                self._shown.discard(old)
                del self._places[old]

    def _about(self, results: Results) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give the metadata of results that are shown: none but for those that the cell itself has computed."""
        run_id = results.run.run_id
        outlet = self._places.get(run_id)
        if outlet is None or not outlet.is_of_this_request:
            return {}, {}
        self._shown.add(run_id)
        return {}, {ABOUT: {"place": outlet.place}}

    def renew_at_the_end(self, results: Results, run: Run) -> None:
        """Show a value anew when its run, which goes on behind, is over.

        Parameters
        ----------
        results : Results
            Those that are shown; if nobody has them by then, nothing is.
        run : Run
            Theirs.
        """
        found = weakref.ref(results)

        def renew(run: Run) -> None:
            if (results := found()) is not None:
                self.renew(results)

        run.when_over(renew)

    def renew(self, results: Results) -> None:
        """Show a value anew where its cell has shown it; from any thread.

        Parameters
        ----------
        results : Results
            As they are now.
        """
        run_id = results.run.run_id
        if run_id in self._shown and (outlet := self._places.get(run_id)) is not None:
            bundle, _ = self._shell.display_formatter.format(results, include=["text/html", "text/plain"])
            outlet.show(bundle, is_new=False)
