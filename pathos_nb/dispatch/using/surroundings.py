"""What code was run with: the machine's kind, Python, and the versions of the libraries that the code names."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from types import CodeType, FunctionType, ModuleType
from typing import Any

__all__ = ["surroundings"]

_OURS = ("pathos-nb", "cloudpickle", "dill")
_DEPTH = 3


def surroundings(function: Any = None) -> dict[str, str]:
    """Give what a function is run with here.

    Parameters
    ----------
    function : callable, optional
        Its globals tell which libraries matter.

    Returns
    -------
    dict of str to str
        ``python``, ``system``, ``machine`` and one version for each library. Neither names of folders or users nor
        variables of the environment, which may hold secrets.
    """
    known = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    for root in sorted(_roots(function)):
        known |= _version(root)
    for name in _OURS:
        known |= _version(name)
    return known


def _version(name: str) -> dict[str, str]:
    try:
        return {name: importlib.metadata.version(name)}
    except (importlib.metadata.PackageNotFoundError, ValueError):
        version = getattr(sys.modules.get(name.replace("-", "_")), "__version__", None)
        return {name: version} if isinstance(version, str) else {}


def _roots(function: Any) -> set[str]:
    """Give the top modules of what a function's code names, and of what the functions named there name."""
    found: set[str] = set()
    waiting, seen = [(function, _DEPTH)], set[int]()
    while waiting:
        each, depth = waiting.pop()
        for value in _named(each) if depth and id(each) not in seen else ():
            found.add(_root(value))
            waiting.append((value, depth - 1))
        seen.add(id(each))
    return {root for root in found if root and root not in sys.stdlib_module_names and root != "__main__"}


def _named(function: Any) -> list[Any]:
    function = getattr(function, "function", function)  # with its source around it
    if not isinstance(function, FunctionType):
        return []
    space = function.__globals__
    return [space[name] for name in _names(function.__code__) if name in space]


def _names(code: CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _root(value: Any) -> str:
    if isinstance(value, ModuleType):
        return value.__name__.partition(".")[0]
    module = getattr(value, "__module__", None) or type(value).__module__
    return module.partition(".")[0] if isinstance(module, str) else ""
