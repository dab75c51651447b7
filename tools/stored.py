"""Execute notebooks and keep what came out in them, so that who opens one cold sees what it does.

python tools/stored.py [NAME …] [--anyway]        names of notebooks/, such as clusters; all of them, if none is named

What they tell of times is kept with the rest, so it is done on a machine that has nothing else to do; `--anyway` does
not look. Where this system can (Linux, as root), it goes by the name of LAPTOP meanwhile.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.rig.kernels import executed  # noqa: E402 - it is found by the line above

BEDS = {"PATHOS_TESTBED_RUN": "hosts", "PATHOS_TESTBED_SLURM": "slurm"}
LAPTOP = "laptop"
# A namespace of its own for the name, and one for the file in which Slurm and MPI look up where that is.
_NAMED = """set -e; hostname "$1"; mount --bind "$2" /etc/hosts; shift 2; exec "$@" """
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_OF_A_KERNEL = ("application/vnd.jupyter.widget-view+json",)  # nothing is behind it when the kernel has gone


def main(names: Sequence[str]) -> int:
    """Do it; give how many notebooks could not be kept."""
    wanted = [name for name in names if name != "--anyway"]
    found = wanted or sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    if "--anyway" not in names and (told := _busy()):
        print(told)
        return len(found)
    if socket.gethostname() != LAPTOP and _can_be_named():
        return _named([sys.executable, str(Path(__file__).resolve()), *found, "--anyway"])
    return sum(not _keep(ROOT / "notebooks" / f"{name}.ipynb") for name in found)


def _can_be_named() -> bool:
    able = sys.platform == "linux" and shutil.which("unshare") is not None
    tried = ["unshare", "--uts", "--mount", "true"]
    return able and subprocess.run(tried, check=False, capture_output=True, timeout=60).returncode == 0


def _named(command: Sequence[str]) -> int:
    """Run a command on this machine, by the name of LAPTOP; give its exit status."""
    with tempfile.NamedTemporaryFile("w", prefix="pathos-nb-hosts-") as hosts:
        hosts.write(f"127.0.0.1 localhost {LAPTOP}\n{Path('/etc/hosts').read_text(encoding='utf-8')}")
        hosts.flush()
        there = ["unshare", "--uts", "--mount", "sh", "-c", _NAMED, "sh", LAPTOP, hosts.name]
        return subprocess.run([*there, *command], check=False).returncode


def _busy() -> str:
    """Say how much else this machine has to do; nothing if its times can be kept."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load < cores / 2:
        return ""
    return f"others are at work here (load {load:.1f} on {cores} cores): wait until they are done, or say --anyway"


def _keep(path: Path) -> bool:
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory(prefix="pathos-nb-") as folder:
        environ, begun = _surroundings(Path(folder)), time.monotonic()
        try:
            executed(notebook, path.parent, environ)
            took = time.monotonic() - begun
        finally:
            for command in BEDS.values():
                words = [sys.executable, str(ROOT / "tests" / "testbed" / command), "down"]
                subprocess.run(words, env=environ, check=False, capture_output=True, timeout=60)
        clean(notebook, {folder: "~", str(ROOT): "…", sys.prefix: "…", sys.base_prefix: "…", str(Path.home()): "~"})
    left = sorted(set(machine_paths(notebook)))
    if left:
        print(f"{path.name}: paths of this machine are in what it says: {left}")
        return False
    nbformat.write(notebook, path)
    n_shown = sum(bool(cell.get("outputs")) for cell in notebook.cells)
    print(f"{path.name}: {n_shown} cells show something, after {took:.0f} s")
    return True


def _surroundings(folder: Path) -> dict[str, str]:
    """Give an environment with a home of its own, and beds that are nobody else's."""
    own = {name: str(folder / command) for name, command in BEDS.items()}
    strange = ("SSH_AUTH_SOCK", "SSH_ASKPASS", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DASK_SCHEDULER_ADDRESS")
    known = {name: value for name, value in os.environ.items() if name not in strange}
    return {**known, **own, "HOME": str(folder)}


def clean(notebook: Any, names: Mapping[str, str]) -> None:
    """Take out of a notebook what only this machine and this run have.

    Parameters
    ----------
    notebook : NotebookNode
        Changed in place.
    names : mapping
        What stands for which path.
    """
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        cell.metadata.pop("pathos_nb", None)
        outputs = [_cleaned(output, names) for output in cell.get("outputs", [])]
        if "outputs" in cell:
            cell.outputs = [output for output in outputs if output.get("data", True)]


def _cleaned(thing: Any, names: Mapping[str, str]) -> Any:
    if isinstance(thing, str):
        for path in sorted(names, key=len, reverse=True):
            thing = thing.replace(path, names[path])
        return _ADDRESS.sub("0x…", thing)
    if isinstance(thing, list):
        return [_cleaned(one, names) for one in thing]
    if isinstance(thing, Mapping):
        kept = {key: _cleaned(value, names) for key, value in thing.items() if key not in _OF_A_KERNEL}
        return nbformat.from_dict(kept)
    return thing


def machine_paths(notebook: Any) -> Iterator[str]:
    """Give the paths in a notebook's outputs that others do not have."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield from re.findall(r"/(?:root|work|opt|home/\w+|Users/\w+)/[\w./-]*", str(output))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
