"""Which Python of a host is used: the one that was named, if it can be, or the one that fits best."""

from __future__ import annotations

import re

from pathos_nb.errors import HostError
from pathos_nb.joined.verdict import Taken, take_python
from pathos_nb.secure.probe import HostFacts
from pathos_nb.secure.remote import Remote

__all__ = ["interpreter"]

_VERSION = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
_RUN_S = 30.0
_MINOR = re.compile(r"3\.\d+")


def interpreter(remote: Remote, facts: HostFacts, wanted: str = "", name: str = "") -> Taken:
    """Give the Python of a host.

    Parameters
    ----------
    remote : Remote
        The connection.
    facts : HostFacts
        What was found there.
    wanted : str
        A path, a program's name or a minor version; empty to choose.
    name : str
        What the user calls the host.

    Returns
    -------
    Taken

    Raises
    ------
    HostError
        It is none that can be used, or there is none.
    """
    if not wanted:
        return take_python(facts)
    if wanted not in facts.pythons and _MINOR.fullmatch(wanted):
        raise _unusable(f"there is no Python {wanted} on the PATH of {name or remote.name}", facts, name or remote.name)
    # A command begins at home; a tilde would be read by its shell alone, and the agent could not tell where it is.
    path = re.sub(r"^~/", "./", facts.pythons.get(wanted, wanted))
    done = remote.run([path, "-I", "-c", _VERSION], timeout=_RUN_S)
    version = done.stdout.decode("utf-8", "replace").strip()
    if done.status or not version.startswith("3."):
        what = f"{path} on {name or remote.name} is no Python that can be used"
        raise _unusable(what, facts, name or remote.name, done.stderr[-2000:])
    return Taken(path, version)


def _unusable(what: str, facts: HostFacts, host: str, tail: str = "") -> HostError:
    there = ", ".join(facts.pythons) or "none"
    cure = "name one by its path (--python)"
    return HostError(what, cause=f"on the PATH there is {there}", cure=cure, host=host, tail=tail)
