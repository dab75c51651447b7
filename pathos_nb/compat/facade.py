"""What ``import pathos`` gives under ``compat.install``: the package, whose modules are imported when first used."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from pathos_nb.about import citation as citation
from pathos_nb.about import license as license
from pathos_nb.compat.names import HOMES, VERSION, why_not

__version__ = VERSION  # of the pathos whose contract this keeps
__path__: list[str] = []  # a package: the import hook answers for what is below it
_SSH_NAMES = {"SSH_Launcher": "Pipe", "SCP_Launcher": "Copier", "SSH_Tunnel": "Tunnel"}


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    if name in _SSH_NAMES:
        return getattr(import_module(HOMES["pathos.secure"]), _SSH_NAMES[name])
    module = f"pathos.{name}"
    if module not in HOMES:
        raise AttributeError(why_not(module))
    return import_module(HOMES[module])


def __dir__() -> list[str]:
    below = {name.split(".")[1] for name in HOMES if "." in name}
    return sorted({"__version__", "citation", "license", "logger", *below})


def logger(level: int | None = None, handler: logging.Handler | None = None, **kwds: Any) -> logging.Logger:
    """Give the logger of a name, with a handler of its own.

    Parameters
    ----------
    level : int, optional
        The level to set.
    handler : logging.Handler, optional
        The only handler from now on; without it, one to stderr if there is none yet.
    **kwds : object
        ``name``: the logger's name, ``pathos`` by default.

    Returns
    -------
    logging.Logger
        The logger.
    """
    log = logging.getLogger(kwds.get("name", "pathos"))
    if handler is not None:
        log.handlers = [handler]
    elif not log.handlers:
        log.addHandler(logging.StreamHandler())
    if level is not None:
        log.setLevel(level)
    return log
