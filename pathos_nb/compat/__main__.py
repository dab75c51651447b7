"""Run a script or a module that was written for pathos: ``python -m pathos_nb.compat FILE|-m MODULE arguments``."""

from __future__ import annotations

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
        (sys.stdout if asked else sys.stderr).write(_USAGE)
        return 0 if asked else 2
    install()
    sys.argv = program
    if is_module:
        runpy.run_module(program[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = str(Path(program[0]).resolve().parent)  # as for ``python FILE``
        runpy.run_path(program[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
