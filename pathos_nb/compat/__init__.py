"""Run code that was written for pathos, unchanged, on pathos_nb.

``install()`` makes ``import pathos`` and every module of it resolve to this package, here and in the workers of every
run that starts afterwards; ``uninstall()`` takes it back. From a shell::

    python -m pathos_nb.compat script.py arguments
    python -m pathos_nb.compat -m package.module arguments

Examples
--------
>>> from pathos_nb import compat
>>> compat.install()
>>> from pathos.pools import SerialPool
>>> SerialPool().map(abs, [-1, 2])
[1, 2]
>>> compat.uninstall()
"""

from __future__ import annotations

import sys

from pathos_nb.compat.finder import Finder
from pathos_nb.launchers.registry import registry

__all__ = ["install", "uninstall"]

_HOOK = "pathos_nb.compat:install"  # called in a worker before a run that comes from here


def _finder() -> Finder | None:
    return next((hook for hook in sys.meta_path if isinstance(hook, Finder)), None)


def install() -> None:
    """Make ``import pathos`` mean pathos_nb; a second call changes nothing."""
    if _finder() is None:
        Finder().begin()
        registry.worker_hooks.append(_HOOK)


def uninstall() -> None:
    """Make ``import pathos`` mean what it meant before."""
    finder = _finder()
    if finder is not None:
        finder.end()
        registry.worker_hooks.remove(_HOOK)
