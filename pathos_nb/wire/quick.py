"""The C pickler without pickle.py, which imports ``re``, ``struct`` and more while every worker's start waits."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pickle import PickleBuffer, dumps, loads
else:
    try:
        from _pickle import PickleBuffer, dumps, loads
    except ImportError:  # a Python without the C module
        from pickle import PickleBuffer, dumps, loads


__all__ = ["PickleBuffer", "dumps", "loads"]
