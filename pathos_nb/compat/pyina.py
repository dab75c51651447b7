"""What ``import pyina`` gives under ``compat.install``: the package, whose modules are imported when first used."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from pathos_nb.compat.names import PYINA, why_not

__version__ = "0.3.2"  # of the pyina whose names these are
_OLDER = {"parallel_map": "mpi_pool", "parallel_map2": "mpi_scatter"}
__path__: list[str] = []  # a package: the import hook answers for what is below it


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    module = f"pyina.{_OLDER.get(name, name)}"
    if module in PYINA:
        return import_module(PYINA[module])
    tools = import_module(PYINA["pyina.tools"])
    if name not in tools.__all__:
        raise AttributeError(why_not(f"pyina.{name}"))
    return getattr(tools, name)


def __dir__() -> list[str]:
    below = {name.split(".")[1] for name in PYINA if "." in name}
    return sorted({"__version__", "citation", "license", *_OLDER, *import_module(PYINA["pyina.tools"]).__all__, *below})


def license() -> None:
    """Print under which license this is."""
    sys.stdout.write("pathos_nb: BSD 3-Clause License\n")


def citation() -> None:
    """Print what to cite for the ideas."""
    sys.stdout.write(
        "M.M. McKerns, L. Strand, T. Sullivan, A. Fang, M.A.G. Aivazis, Building a framework for predictive science,\n"
        "Proceedings of the 10th Python in Science Conference, 2011; https://arxiv.org/abs/1202.1056\n"
    )
