"""What a script and its pool of two workers hold while they are idle, after a first small map."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from benchmarks import snippets
from benchmarks.figures import Outcome, Row, at_most
from benchmarks.peers import EVERY
from benchmarks.process import environment, marked, pss_bytes
from benchmarks.scene import Scene
from benchmarks.starting import BARE, EXPECTED, end_marked

SETTLE_S = 1.0


class IdleMemory:
    """Each peer once, one after the other: proportional sizes depend on who else shares the pages."""

    name = "idle_memory"
    title = "memory of the driver and all its processes while idle (PSS), two workers, no numpy"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        rows = [self._row(name) for name in (BARE, *scene.peers(EVERY))]
        outcome = Outcome(self.name, self.title, rows)
        outcome.goals = [at_most("driver, zygote and two workers", outcome.value("pathos_nb"), 45.0, "MB")]
        return outcome

    def _row(self, name: str) -> Row:
        mark = uuid.uuid4().hex
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "work_of_script.py").write_text(snippets.MODULE)
            script = Path(folder) / "holder.py"
            script.write_text(snippets.script(name, is_own=False, is_held=True))
            try:
                return self._measure(name, script, mark)
            finally:
                end_marked(mark)

    def _measure(self, name: str, script: Path, mark: str) -> Row:
        process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(mark),
            start_new_session=True,
            text=True,
        )
        assert process.stdout is not None
        if process.stdout.readline().strip() != EXPECTED:
            return Row(name, "idle", None, "MB", note="does not run")
        time.sleep(SETTLE_S)
        sizes = [pss_bytes(pid) for pid in marked(mark)]
        end_marked(mark)
        process.communicate(timeout=10)
        return Row(name, "idle", sum(sizes) / 1e6, "MB", note=f"{len(sizes)} processes", is_bound=name == BARE)


CASE = IdleMemory()
