"""``pathos.helpers.pp_helper``: the result objects of ParallelPool and, if it is installed, the names of ppft."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pathos_nb.lazily import lazy_names
from pathos_nb.pending import PendingResult as ApplyResult
from pathos_nb.pending import PendingResult as MapResult

__all__ = ["ApplyResult", "MapResult"]

_of_multiprocess = lazy_names(
    __name__,
    {
        "TimeoutError": "multiprocess:TimeoutError",
        "_ApplyResult": "multiprocess.pool:ApplyResult",
        "_MapResult": "multiprocess.pool:MapResult",
    },
)


def __getattr__(name: str) -> Any:
    if name not in ("ppft", "Server", "_Task"):
        return _of_multiprocess(name)
    try:
        ppft = import_module("ppft")
    except ModuleNotFoundError as error:
        raise ImportError(f"{name} is a name of ppft, which is not installed: pip install ppft") from error
    return ppft if name == "ppft" else getattr(ppft, name)
