"""A script run as ``__main__`` in an interpreter of its own: where `__main__`, signals or the end of the driver matter.

Every script begins with `HEAD`. It is told the launcher as its first argument, and a *fifo* as its second, through
which its items say that they have begun, whatever process they run in.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path

import pathos_nb
from tests.rig.census import MARK, describe, marked, until

HEAD = """\
import os, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
LAUNCHER, FIFO = sys.argv[1:3]
from pathos_nb import Pool
if LAUNCHER == "agent":
    import tests.rig.agents
if LAUNCHER == "nice":
    import tests.rig.nice
    tests.rig.nice.register()
def say(text):
    fd = os.open(FIFO, os.O_WRONLY)
    os.write(fd, text.encode() + b"\\n")
    os.close(fd)
"""


class Script:
    """One run of a script.

    Parameters
    ----------
    folder : Path
        Where its file and its fifo are put.
    source : str
        What follows `HEAD`.
    launcher : str
        The name it finds in ``LAUNCHER``.
    *wrap : str
        A command to run the interpreter under.
    """

    def __init__(self, folder: Path, source: str, launcher: str, *wrap: str) -> None:
        self.mark = uuid.uuid4().hex
        self.path, self.fifo = folder / "script.py", folder / "fifo"
        self.path.write_text(HEAD + textwrap.dedent(source))
        os.mkfifo(self.fifo)
        self._news = os.open(self.fifo, os.O_RDWR)
        command = [*wrap, sys.executable, "-X", "faulthandler", str(self.path), launcher, str(self.fifo)]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, MARK: self.mark, "PYTHONPATH": str(Path(pathos_nb.__file__).parents[1])},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *exc: object) -> None:
        for process in marked(self.mark):
            process.kill()
        self.process.kill()
        self.process.communicate()
        os.close(self._news)

    def heard(self, n_lines: int = 1, within_s: float = 40.0) -> list[str]:
        """Wait for lines that the items `say`; a script that ends before, or says nothing, is told of with its threads."""
        text, deadline = b"", time.monotonic() + within_s
        while text.count(b"\n") < n_lines:
            if select.select([self._news], [], [], 0.5)[0]:
                text += os.read(self._news, 1)
            elif self.process.poll() is not None or time.monotonic() > deadline:
                self.process.send_signal(signal.SIGABRT)
                out, err = self.process.communicate(timeout=10)
                raise AssertionError(f"heard only {text!r}\n{out[-3000:]}\n{err[-6000:]}")
        return text.decode().split()

    def is_silent(self) -> bool:
        """Say whether nothing more has been said."""
        return not select.select([self._news], [], [], 0)[0]

    def interrupt(self, *, group: bool = False) -> None:
        """Press Ctrl-C: on the driver alone, as a kernel is; or on its whole group, as in a terminal."""
        os.killpg(self.process.pid, signal.SIGINT) if group else self.process.send_signal(signal.SIGINT)

    def end(self, within_s: float = 50.0) -> tuple[str, str]:
        """Wait for its end, and give what it wrote to stdout and stderr.

        Raises
        ------
        AssertionError
            If it does not end in time (with a dump of its threads) or ends badly.
        """
        try:
            out, err = self.process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            out, err = self.process.communicate(timeout=10)
            raise AssertionError(f"the script hangs\n{out[-3000:]}\n{err[-6000:]}") from None
        assert self.process.returncode == 0, f"rc {self.process.returncode}\n{out[-3000:]}\n{err[-6000:]}"
        return out, err

    def left(self, within_s: float = 30.0) -> list[str]:
        """Say which of its processes outlive it."""
        until(lambda: not marked(self.mark), within_s)
        return describe(marked(self.mark))


def run(folder: Path, source: str, launcher: str, *wrap: str, within_s: float = 50.0) -> str:
    """Run a script to its good end; it may write nothing to stderr and leave no process. Give its stdout."""
    with Script(folder, source, launcher, *wrap) as script:
        out, err = script.end(within_s)
        assert err == "", err[-6000:]
        assert script.left() == []
    return out
