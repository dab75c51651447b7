"""How a worker of dask's, or its scheduler, gets this package, if it has not got the same.

Nothing but the standard library is asked for by name until then, and nothing goes as code of one Python's, which
another could not read: `exec` and `eval` are everywhere. The archive is an agent's; it lies in memory as long as that
process lives, last on the path, so that the machine's own libraries go first, unless it has another version of this
package.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pathos_nb.errors import LauncherUnavailable
from pathos_nb.launchers.agent_archive import archive

__all__ = ["ASK", "BOOT", "GIVE", "Found", "own_digest"]

_PARTS = ("errors.py", "events.py", "launchers", "wire")

BOOT = r"""
import sys, types
boot = types.ModuleType("pathos_nb_boot")
exec('''
import hashlib, importlib, importlib.util, os, socket, sys
PARTS = ("errors.py", "events.py", "launchers", "wire")
def digest():
    spec = importlib.util.find_spec("pathos_nb")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    state = hashlib.sha256()
    if not folders:
        return ""
    for part in PARTS:
        path = os.path.join(folders[0], part)
        names = [path] if part.endswith(".py") else sorted(
            os.path.join(path, name) for name in os.listdir(path) if name.endswith(".py"))
        for name in names:
            with open(name, "rb") as file:
                state.update(file.read())
    return state.hexdigest()
def ask(wanted):
    try:
        found = kept if (kept := globals().get("KEPT")) else digest()
    except OSError:
        found = "another"
    version = list(sys.version_info[:3])
    return {"found": found, "loaded": "pathos_nb" in sys.modules, "python": version, "host": socket.gethostname()}
def give(data, wanted, first):
    global KEPT
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("pathos_nb-code")
        path = "/proc/%d/fd/%d" % (os.getpid(), fd)
    else:
        import atexit, shutil, tempfile
        folder = tempfile.mkdtemp(prefix="pathos_nb-")
        atexit.register(shutil.rmtree, folder, True)
        path = os.path.join(folder, "pathos_nb.zip")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb", closefd=not path.startswith("/proc/")) as file:
        file.write(data)
    sys.path.insert(0 if first else len(sys.path), path)
    importlib.invalidate_caches()
    importlib.import_module("pathos_nb.launchers.dask_station")
    KEPT = wanted
''', boot.__dict__)
sys.modules.setdefault("pathos_nb_boot", boot)
"""
ASK = "__import__('pathos_nb_boot').ask({!r})"
GIVE = "__import__('pathos_nb_boot').give(data, {!r}, {!r})"


class Found(NamedTuple):
    """What a process of dask's has.

    Attributes
    ----------
    found : str
        The digest of this package there; empty if there is none.
    loaded : bool
        Whether it is loaded, and so cannot be replaced.
    python : list of int
        Its version.
    host : str
        What its machine calls itself.
    """

    found: str
    loaded: bool
    python: list[int]
    host: str

    def needs(self, who: str, is_worker: bool) -> bool:
        """Say whether the code must be sent there.

        Parameters
        ----------
        who : str
            That process, for messages.
        is_worker : bool
            Whether it must be the same code, and not just one of that name.

        Raises
        ------
        LauncherUnavailable
            It has another version at work, which cannot be replaced; or its Python is too old.
        """
        if tuple(self.python) < (3, 10):
            version = ".".join(map(str, self.python))
            cure = "start dask with Python 3.10 or later there"
            raise LauncherUnavailable(f"{who} has Python {version}", cause="pathos_nb needs 3.10", cure=cure)
        if self.found == own_digest() or (self.found and not is_worker):
            return False
        if self.loaded:
            what = f"{who} on {self.host} has another version of pathos_nb at work"
            cure = "restart dask's workers (client.restart()), or install the same version there"
            raise LauncherUnavailable(what, cause="a module that is loaded cannot be replaced", cure=cure)
        return True

    def give(self) -> tuple[str, dict[str, Any]]:
        """Give what is to be evaluated there, and with what."""
        return GIVE.format(own_digest(), bool(self.found)), {"data": archive().data}


@cache
def own_digest() -> str:
    """Give the digest of this package, as far as both sides must have the same."""
    folder, state = Path(__file__).parent.parent, hashlib.sha256()
    for part in _PARTS:
        place = folder / part
        for path in [place] if place.suffix else sorted(place.glob("*.py")):
            state.update(path.read_bytes())
    return state.hexdigest()
