"""Try other versions of what we stand on, each in an environment of its own: Pythons, kernels, front ends.

So are the lowest versions that are allowed (without numpy), and surroundings that are not as they should be.

python tools/matrix.py                       all cells
python tools/matrix.py ipykernel python3.13  those with these words in their names
python tools/matrix.py --list                say which there are
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import lowest

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "build" / "matrix"
_PYTHONS = ("python3.10", "python3.11", "python3.12", "python3.13")
_MIDDLE = ("python3.11", "python3.12", "python3", "python3.10", "python3.13")
_KERNELS = ("ipykernel==6.31.*", "ipykernel==7.3.*", "ipykernel")
_WIDGETS = ("ipywidgets==8.1.0",)  # every other environment has the newest
_LABS = ("jupyterlab==4.2.*", "jupyterlab==4.3.*", "jupyterlab==4.4.*", "jupyterlab")
_RUNNER = ("pytest>=8.4", "pytest-timeout", "pytest-xdist", "hypothesis", "psutil", "nbclient", "jupyter_client")
_DRAWING = ("numpy", "matplotlib", "altair", "pandas")
_HERE = "processes or not (serial or threads or ppft or agent or mpi or dask)"
_ENGINE = ("tests/dispatch", "tests/launchers", "tests/contract", "tests/faults", "-k", _HERE)
_IN_KERNELS = tuple(
    f"tests/notebook/test_{name}.py"
    for name in ("in_a_kernel", "live_in_a_kernel", "panel_in_a_kernel", "profile_in_a_kernel", "without_widgets")
)
_LAST = re.compile(r"^=* ?(.*(?:passed|failed|error|skipped).*?) in [\d.]+s", re.MULTILINE)


class Cell(NamedTuple):
    """An environment, and what is run in it.

    Attributes
    ----------
    name : str
        What it is called, and its folder.
    pythons : tuple of str
        The interpreter: the first of these that is found.
    requirements : tuple of str
        What is installed beside the package and its own dependencies.
    words : tuple of str
        For pytest: tests, and options.
    """

    name: str
    pythons: tuple[str, ...]
    requirements: tuple[str, ...]
    words: tuple[str, ...]


def cells() -> Iterator[Cell]:
    """Give all of them."""
    yield Cell("surroundings", _MIDDLE, (*_RUNNER, "numpy", "pandas"), ("tests/environments", "--everywhere"))
    pins = lowest.lowest((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    yield Cell("lowest", _PYTHONS, (*lowest.RUNNER, "pytest-xdist", *pins), lowest.TESTS)
    for python in _PYTHONS:
        yield Cell(python, (python,), (*_RUNNER, "numpy"), _ENGINE)
    for pin in (*_KERNELS, *_WIDGETS):
        yield Cell(_name(pin), _MIDDLE, (*_RUNNER, *_DRAWING, pin), _IN_KERNELS)
    for pin in _LABS:
        yield Cell(_name(pin), _MIDDLE, (*_RUNNER, *_DRAWING, pin, "notebook>=7.2", "playwright"), ("tests/e2e",))


def _name(pin: str) -> str:
    name, _, version = pin.partition("==")
    return f"{name}-{version.removesuffix('.*') or 'newest'}"


def main(words: Sequence[str]) -> int:
    """Run what is asked, and say at the end how each cell did; give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--list", action="store_true")
    asked = parser.parse_args(words)
    meant = [cell for cell in cells() if not asked.words or any(word in cell.name for word in asked.words)]
    if asked.list:
        print("\n".join(f"{cell.name}: {' '.join(cell.words)}" for cell in meant))
        return 0
    told = {cell.name: _tried(cell) for cell in meant}
    print("== matrix", *(f"  {name}: {how}" for name, (_, how) in told.items()), sep="\n", flush=True)
    return int(not meant or not all(is_good for is_good, _ in told.values()))


def _tried(cell: Cell) -> tuple[bool, str]:
    """Run a cell; say whether it is good, and how it went. One whose Python is not here is none of this machine's."""
    python = next(filter(_answers, cell.pythons), None)
    if python is None:
        return True, f"{cell.pythons[0]} is not here"
    print(f"== {cell.name}", flush=True)
    venv = PLACE / cell.name
    try:
        _install(python, venv, cell.requirements)
    except subprocess.CalledProcessError as error:
        return False, f"**could not be installed** (status {error.returncode})"
    command = [str(venv / "bin" / "python"), "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal", *cell.words]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout[-6000:] if done.returncode else done.stdout[-200:], flush=True)
    last = (_LAST.findall(done.stdout) or ["no test was run"])[-1]
    is_good = done.returncode == 0 and " passed" in last  # where all is skipped nothing has been tried
    return is_good, f"{_versions(venv, cell.requirements)}: {last if is_good else f'**{last}**'}"


def _answers(python: str) -> bool:
    """Whether an interpreter is here; pyenv has a name also for those that are not."""
    found = shutil.which(python)
    return bool(found) and not subprocess.run([found, "--version"], capture_output=True, check=False).returncode


def _install(python: str, venv: Path, requirements: Sequence[str]) -> None:
    subprocess.run([python, "-m", "venv", "--clear", str(venv)], check=True)
    install = [str(venv / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*install, *requirements, "--editable", str(ROOT)], check=True)


def _versions(venv: Path, requirements: Sequence[str]) -> str:
    """Say which version of what the cell is about it got."""
    code = "import sys; from importlib.metadata import version as v; print(*(f'{n} {v(n)}' for n in sys.argv[1:]))"
    plain = {re.split("[=>]", requirement)[0] for requirement in requirements}
    names = [name for name in ("ipykernel", "ipywidgets", "jupyterlab", "notebook") if name in {*plain, "ipykernel"}]
    command = [str(venv / "bin" / "python"), "-c", code, *names]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
