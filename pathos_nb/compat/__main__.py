"""Run a script or a module that was written for pathos: ``python -m pathos_nb.compat FILE|-m MODULE arguments``."""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path

from pathos_nb.compat import install

_USAGE = "usage: python -m pathos_nb.compat FILE|-m MODULE [arguments]\n"


def main(arguments: list[str]) -> int:
    """Run what the arguments name as ``__main__``.

    Parameters
    ----------
    arguments : list of str
        A file, or ``-m`` and a module; then the program's own arguments.

    Returns
    -------
    int
        0, or 2 if the arguments name nothing.
    """
    is_module = arguments[:1] == ["-m"]
    program = arguments[is_module:]
    if not program or (arguments[0].startswith("-") and not is_module):
        asked = arguments[:1] in (["-h"], ["--help"])
        wrong = f"there is no option {arguments[0]!r}\n" if program and not asked else ""
        (sys.stdout if asked else sys.stderr).write(wrong + _USAGE)
        return 0 if asked else 2
    install()
    if absent := _absent(program[0], is_module):
        sys.stderr.write(f"python -m pathos_nb.compat: {absent}\n")
        return 2
    sys.argv = program
    if is_module:
        runpy.run_module(program[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = str(Path(program[0]).resolve().parent)  # as for ``python FILE``
        runpy.run_path(program[0], run_name="__main__")
    return 0


def _absent(name: str, is_module: bool) -> str:
    """Say what is not there, before a traceback of ours would."""
    if not is_module:
        return "" if Path(name).exists() else f"can't open file {name!r}: there is no such file"
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError) as error:
        return str(error)
    return "" if found else f"no module named {name}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
