"""pathos in the notebook: parallel maps over cores, ssh hosts and clusters."""

from __future__ import annotations

TYPE_CHECKING = False  # the first pool of a script waits for this file, so it loads nothing
if TYPE_CHECKING:  # what a type checker sees of the names below, which are loaded when they are first used
    from typing import Any

    from pathos_nb.about import citation as citation
    from pathos_nb.about import license as license
    from pathos_nb.detaching import attach as attach
    from pathos_nb.detaching import detach as detach
    from pathos_nb.dispatch.cached import cached as cached
    from pathos_nb.dispatch.pool import Pool as Pool
    from pathos_nb.dispatch.results import Results as Results
    from pathos_nb.errors import Failure as Failure
    from pathos_nb.launchers.seeding import rng as rng
    from pathos_nb.sharing import share as share

__version__ = "0.1.0.dev0"

_HOMES = {
    "Pool": "dispatch.pool",
    "Failure": "errors",
    "Results": "dispatch.results",
    "cached": "dispatch.cached",
    "detach": "detaching",
    "attach": "detaching",
    "share": "sharing",
    "rng": "launchers.seeding",
    "license": "about",
    "citation": "about",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


def load_ipython_extension(ipython: Any) -> None:
    """Begin ``%load_ext pathos_nb``."""
    from importlib import import_module

    import_module(f"{__name__}.notebook").load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """End it: ``%unload_ext pathos_nb``."""
    from importlib import import_module

    import_module(f"{__name__}.notebook").unload(ipython)
