"""The interpreter's import lock, let go of where an interrupt has left it held.

importlib takes it for a few instructions, to find the lock of a module, and the block that gives it back begins one
instruction later. An interrupt that is raised between the two leaves it with a thread that knows nothing of it, and
every import of every other thread waits for ever. Code of ours or of a user never runs while it is held rightly: so
whoever has just been interrupted may give back what his thread holds of it.

References
----------
``importlib._bootstrap._get_module_lock`` in CPython 3.10 to 3.13.
"""

from __future__ import annotations

import _imp

__all__ = ["let_go_of_imports"]


def let_go_of_imports() -> None:
    """Give back what this thread holds of the import lock; that of another stays his."""
    while _imp.lock_held():
        try:
            _imp.release_lock()
        except RuntimeError:  # another thread has it, and is importing
            return
