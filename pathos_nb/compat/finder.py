"""The import hook behind ``compat.install``: `pathos`, `pyina` and their modules are found here.

* The hook answers only for these two and what is below them, before any other hook.
* An alias is the very same module: ``pathos.pools is pathos_nb.pools``, so classes have one identity, and what is
  pickled by reference carries our names and needs no hook where it is loaded.
* Modules of an installed pathos that were imported before are set aside, and come back with ``uninstall``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from pathos_nb.compat.names import HOMES, PYINA, why_not

__all__ = ["Finder"]

PLACES = {**HOMES, **PYINA}
PACKAGES = frozenset(name.rpartition(".")[0] for name in PLACES if "." in name)


def _is_pathos(name: str) -> bool:
    return name.partition(".")[0] in ("pathos", "pyina")


class _Alias(Loader):
    """Puts a module under a second name."""

    def exec_module(self, module: ModuleType) -> None:
        # The import system takes from sys.modules what it finds there after this call.
        sys.modules[module.__name__] = import_module(PLACES[module.__name__])


class Finder(MetaPathFinder):
    """Finds the modules of pathos here.

    Attributes
    ----------
    set_aside : dict
        Modules of another pathos that were imported before.
    """

    def __init__(self) -> None:
        self.set_aside: dict[str, ModuleType] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Give the alias for a name of pathos.

        Parameters
        ----------
        fullname : str
            What is imported.
        path, target : object
            Not looked at.

        Returns
        -------
        ModuleSpec or None
            None for everything that is not pathos.

        Raises
        ------
        ModuleNotFoundError
            For a module of pathos that is not here, and why.
        """
        if not _is_pathos(fullname):
            return None
        if fullname not in PLACES:
            raise ModuleNotFoundError(why_not(fullname), name=fullname)
        return ModuleSpec(fullname, _Alias(), is_package=fullname in PACKAGES)

    def begin(self) -> None:
        """Answer from now on."""
        self.set_aside = _taken_out()
        sys.meta_path.insert(0, self)

    def end(self) -> None:
        """Answer no more, and put back what was set aside."""
        sys.meta_path.remove(self)
        _taken_out()
        sys.modules.update(self.set_aside)


def _taken_out() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if _is_pathos(name)]
    return {name: sys.modules.pop(name) for name in names}
