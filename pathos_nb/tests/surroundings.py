"""What is tried besides launchers: a cell, and whether JupyterLab finds the side panel."""

from __future__ import annotations

import json
import os
import site
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from pathos_nb.tests.trial import FAILED, NOT_HERE, PASSED, Row, run

__all__ = ["cell", "panel"]

# A cell as somebody types it, in IPython without her settings.
_CELL = """
import json
ip = get_ipython()
ip.extension_manager.load_extension("pathos_nb")
offset = 7
print(json.dumps({"begins": "%pmap"}), flush=True)
ip.run_line_magic("pmap", "-q -n 2 -o line x * x + offset for x in range(20)")
print(json.dumps({"begins": "%%pmap"}), flush=True)
ip.run_cell_magic("pmap", "-q -n 2 -o cell for x in range(20)", "y = x * x\\ny + offset")
ok = list(line) == list(cell) == [x * x + 7 for x in range(20)]
ip.run_line_magic("pathos", "close --all")
print(json.dumps({"ended": "" if ok else f"values are {list(line)} and {list(cell)}"}), flush=True)
"""
_EXTENSION = Path("jupyter", "labextensions", "pathos-nb", "package.json")


def cell(timeout_s: float) -> Row:
    """Try a line and a cell in IPython.

    Parameters
    ----------
    timeout_s : float
        After so long it has failed.

    Returns
    -------
    Row
    """
    with tempfile.TemporaryDirectory(prefix="pathos-nb-") as folder:
        environ = {**os.environ, "IPYTHONDIR": folder, "XDG_DATA_HOME": folder}
        switches = ["--no-banner", "--colors=NoColor", "--HistoryManager.enabled=False"]
        return run("a cell", [sys.executable, "-m", "IPython", *switches, "-c", _CELL], timeout_s, environ)


def panel() -> Row:
    """Look for the side panel where JupyterLab would.

    Returns
    -------
    Row
    """
    if find_spec("jupyterlab") is None:
        return Row("side panel", NOT_HERE, "JupyterLab is not installed (pip install 'pathos-nb[lab]')")
    found = next((path for path in _places() if path.is_file()), None)
    if found is None:
        return Row("side panel", NOT_HERE, "pathos_nb is imported from its source and not installed (pip install it)")
    return _whole(found)


def _whole(package: Path) -> Row:
    """Say whether the file that JupyterLab would load first is there."""
    try:
        load = json.loads(package.read_text(encoding="utf-8"))["jupyterlab"]["_build"]["load"]
    except (OSError, ValueError, KeyError) as error:
        return Row("side panel", FAILED, f"{package} cannot be read: {type(error).__name__} {error}")
    if not (package.parent / load).is_file():
        return Row("side panel", FAILED, f"{package.parent / load} is missing: install pathos_nb anew")
    return Row("side panel", PASSED, f"in {package.parent}")


def _places() -> Iterator[Path]:
    for folder in os.environ.get("JUPYTER_PATH", "").split(os.pathsep):
        if folder:
            yield Path(folder) / Path(*_EXTENSION.parts[1:])
    bases = [sys.prefix, *([site.getuserbase()] if site.ENABLE_USER_SITE else [])]
    yield from (Path(base, "share") / _EXTENSION for base in bases)
