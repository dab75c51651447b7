"""What `import pathos_nb` adds to the start of an interpreter, and what it pulls in."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.figures import Goal, Outcome, Row, at_most, row_of
from benchmarks.process import environment
from benchmarks.scene import Scene

FORBIDDEN = ("IPython", "numpy", "dill", "paramiko", "dask")
STATEMENTS = {
    "bare interpreter": "pass",
    "pathos_nb": "import pathos_nb",
    "pathos_nb, all of a pool": "import pathos_nb.dispatch.maps, pathos_nb.launchers.processes",
    "cloudpickle": "import cloudpickle",
    "dill": "import dill",
    "multiprocessing": "import multiprocessing.pool",
    "futures": "import concurrent.futures.process",
    "pathos": "import pathos.pools",
    "mpire": "import mpire",
    "joblib": "import joblib",
    "loky": "import loky",
}
BARE = "bare interpreter"


class ImportCost:
    """Whole processes, in turns."""

    name = "import_cost"
    title = "time that an import adds to an interpreter that starts and ends"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
        for number in range(2 * scene.n_reps + 1):
            for name, statement in STATEMENTS.items():
                seconds = run_statement(statement)
                if number:
                    times[name].append(seconds * 1000)
        outcome = Outcome(self.name, self.title)
        outcome.rows = [
            row_of(name, "whole process", series, "ms", is_bound=name == BARE) for name, series in times.items()
        ]
        outcome.rows += self._added(outcome)
        outcome.goals = self._judge(outcome)
        return outcome

    def _added(self, outcome: Outcome) -> list[Row]:
        bare = outcome.value(BARE) or 0.0
        values = {row.who: row.value for row in outcome.rows if row.value and not row.is_bound}
        return [Row(name, "added by the import", value - bare, "ms") for name, value in values.items()]

    def _judge(self, outcome: Outcome) -> list[Goal]:
        pulled = pulled_in("import pathos_nb")
        return [
            at_most("added by import pathos_nb", outcome.value("pathos_nb", "added by the import"), 20.0, "ms"),
            Goal("pulls in none of " + ", ".join(FORBIDDEN), "none", ", ".join(pulled) or "none", not pulled),
        ]


def run_statement(statement: str) -> float:
    """Give the seconds of an interpreter that runs one statement."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], env=environment("import"), check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - begin


def pulled_in(statement: str) -> list[str]:
    """Give the forbidden modules that a statement loads."""
    code = f"{statement}\nimport sys\nprint(*[name for name in {FORBIDDEN!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment("import"), check=True, capture_output=True, text=True
    )
    return done.stdout.split()


CASE = ImportCost()
