"""Clean environments: what was built is installed there without network and without Node, tried, and removed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INSTALL_S, TRY_S, TESTS_S = 900, 600, 7200
OURS = ("pathos_nb", "pathos-nb", "pathos_connect")
# A slice of the tests that needs nothing of the repository but themselves.
SLICE = ("tests/contract/test_results.py", "tests/contract/test_failures.py", "tests/contract/test_lazy.py")
NEEDED = ("pytest>=8.4", "pytest-timeout>=2.3", "psutil>=5.9", "numpy>=1.26")
TRAP = '#!/bin/sh\necho "$0 $*" >>"{log}"\nexit 1\n'


class Failed(Exception):
    """A command ended badly; its text is the end of what it wrote."""


@dataclass
class Clean:
    """One virtual environment, whose PATH has a Node that tells when it is called.

    Parameters
    ----------
    folder : Path
        Where it is made.
    python : str
        The interpreter to make it with.
    wheelhouse : Path
        Where packages come from; there is no network.
    """

    folder: Path
    python: str
    wheelhouse: Path
    environ: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        traps, self.node_log = self.folder / "traps", self.folder / "node.log"
        traps.mkdir(parents=True)
        for name in ("node", "npm", "npx", "jlpm", "yarn"):
            (traps / name).write_text(TRAP.format(log=self.node_log))
            (traps / name).chmod(0o755)
        home = self.folder / "home"
        home.mkdir()
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "PYTHON", "JUPYTER"))}
        path = os.pathsep.join([str(traps), str(self.folder / "venv" / "bin"), kept.get("PATH", "")])
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheelhouse), "PIP_CONFIG_FILE": os.devnull}
        self.environ = {**kept, **offline, "PATH": path, "HOME": str(home), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        self.run([self.python, "-m", "venv", str(self.folder / "venv")])

    @property
    def bin(self) -> Path:
        """Where its commands are."""
        return self.folder / "venv" / "bin"

    def run(self, command: Sequence[str], timeout_s: float = INSTALL_S, folder: Path | None = None) -> str:
        """Run something in it; give what it writes.

        Raises
        ------
        Failed
            It ended badly, or not in time.
        """
        try:
            told = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            done = subprocess.run(
                command, env=self.environ, cwd=folder or self.folder, timeout=timeout_s, check=False, **told
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"{' '.join(command)} did not end within {timeout_s} s") from None
        if done.returncode:
            raise Failed(f"{' '.join(command)}\n{done.stdout[-3000:]}")
        return done.stdout

    def pip(self, *words: str) -> str:
        """Run its pip."""
        return self.run([str(self.bin / "python"), "-m", "pip", *words])

    def files(self) -> set[str]:
        """Give all files in it, but for compiled ones."""
        venv = self.folder / "venv"
        return {str(path.relative_to(venv)) for path in venv.rglob("*") if path.is_file() and path.suffix != ".pyc"}

    def offences(self) -> Iterator[str]:
        """Give what holds for each environment and does not hold for this one."""
        if self.node_log.exists():
            yield f"Node was called: {self.node_log.read_text().strip()}"
        where = self.run([str(self.bin / "python"), "-c", "import pathos_nb; print(pathos_nb.__file__)"]).strip()
        if not Path(where).is_relative_to(self.folder):
            yield f"pathos_nb comes from {where}"
        self.pip("check")

    def remove(self) -> None:
        """Take it away."""
        shutil.rmtree(self.folder, ignore_errors=True)


def fill_wheelhouse(clean: Clean, wanted: Sequence[str]) -> None:
    """Fetch wheels for this environment's Python, by the network that the caller has."""
    command = [str(clean.bin / "python"), "-m", "pip", "download", "-q", "-d", str(clean.wheelhouse), *wanted]
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command)}\n{done.stderr[-3000:]}")


def self_test(clean: Clean) -> str:
    """Run ``python -m pathos_nb.tests``; give its last line."""
    return clean.run([str(clean.bin / "python"), "-m", "pathos_nb.tests"], TRY_S).strip().splitlines()[-1]


def run_tests(clean: Clean, tests: Sequence[str]) -> str:
    """Run tests against what is installed, beside none of our source; give pytest's last line."""
    tree = clean.folder / "tree"
    shutil.copytree(ROOT / "tests", tree / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "pyproject.toml", tree)
    clean.pip("install", "-q", *NEEDED)
    command = [str(clean.bin / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    return clean.run(command, TESTS_S, tree).strip().splitlines()[-1]


def lab_extension(clean: Clean) -> str:
    """Ask JupyterLab for its extensions; give the line about ours."""
    told = clean.run([str(clean.bin / "jupyter"), "labextension", "list"], TRY_S)
    clean.node_log.unlink(missing_ok=True)  # JupyterLab itself asks Node for yarn's settings here, and does without
    line = next((line.strip() for line in told.splitlines() if line.strip().startswith("pathos-nb ")), "")
    if "enabled" not in line or "OK" not in line:
        raise Failed(f"jupyter labextension list does not show it as enabled and OK:\n{told}")
    return re.sub(r"\x1b\[\d*m", "", " ".join(line.split()))


def left_after_uninstall(clean: Clean, before: set[str]) -> Iterator[str]:
    """Uninstall, and give a line for each file that stays."""
    clean.pip("uninstall", "-q", "-y", "pathos-nb")
    yield from (f"uninstalled, {name} stays" for name in sorted(clean.files() - before))
    compiled = (path for path in (clean.folder / "venv").rglob("*") if any(name in path.name for name in OURS))
    yield from (f"uninstalled, {path.relative_to(clean.folder)} stays" for path in compiled)
