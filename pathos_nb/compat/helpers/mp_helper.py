"""``pathos.helpers.mp_helper``: a function of one tuple, and random numbers that differ between workers."""

from __future__ import annotations

import os
import random
import time
from importlib import import_module
from types import ModuleType
from typing import Any

from pathos_nb.served_pool import StarCall as starargs  # noqa: N813 - pathos' name

__all__ = ["random_seed", "random_state", "starargs"]


def random_seed(s: Any = None) -> None:
    """Seed `random`, and numpy's legacy generator if numpy is there.

    Parameters
    ----------
    s : object, optional
        The seed; without it, the system's entropy.
    """
    random.seed(s)
    try:
        numpy_random = import_module("numpy.random")
    except ImportError:
        return
    numpy_random.seed(s)


def random_state(module: str | ModuleType = "random", new: bool = False, seed: Any = "!") -> Any:
    """Give a generator of random numbers.

    Parameters
    ----------
    module : str or module
        ``random``, ``numpy.random`` (or ``numpy``), or another module that has ``Random`` or ``RandomState``.
    new : bool, default False
        A generator of its own, rather than the one the module shares.
    seed : object, default "!"
        ``"!"`` leaves it as it is; ``"*"`` gives each process and moment another; None takes the system's entropy.

    Returns
    -------
    object
        The generator, or the module that has its methods.

    Raises
    ------
    AttributeError
        If the module has no generator.
    """
    name = module.__name__ if isinstance(module, ModuleType) else module
    source = import_module("numpy.random" if name == "numpy" else name)
    kind = getattr(source, "RandomState", None) or source.Random
    generator = kind() if new else source
    if seed != "!":
        generator.seed(_own_seed() if seed == "*" else seed)
    return generator


def _own_seed() -> int:
    """Give a seed that no other process has, within the 32 bits that numpy takes."""
    return (os.getpid() * 0x9E3779B1 ^ time.time_ns()) & 0xFFFFFFFF
