"""What a worker takes over from the caller besides the function: folder, module path, environment, changed modules."""

from __future__ import annotations

import contextlib
import os
import sys

from pathos_nb.wire.quick import NamedTuple

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from typing import Any


def adopt(surroundings: tuple[Any, ...], hooks_called: set[str]) -> None:
    """Make this process look like the caller's.

    Parameters
    ----------
    surroundings : tuple
        Current folder, module path, environment, and hooks (``module:function``) to call once.
    hooks_called : set of str
        Those that were called; grows.
    """
    folder, path, environ, hooks = surroundings
    with contextlib.suppress(OSError):  # a folder that is gone: the run may not need it
        if os.getcwd() != folder:  # noqa: PTH109 - asked before each run
            os.chdir(folder)
    if sys.path != path:
        sys.path[:] = path
    if os.environ != environ:
        _adopt_environment(environ)
    for hook in hooks:
        if hook not in hooks_called:
            hooks_called.add(hook)
            module, _, function = hook.partition(":")
            getattr(__import__(module, fromlist=[function]), function)()


class Overlay(NamedTuple):
    """What an initializer changed, to be kept over what each run brings."""

    folder: str | None
    path: tuple[str, ...]
    environ: dict[str, str]


def difference(surroundings: tuple[Any, ...] | None) -> Overlay | None:
    """Give what differs here from surroundings that were adopted.

    Parameters
    ----------
    surroundings : tuple or None
        What `adopt` was given.

    Returns
    -------
    Overlay or None
        None if nothing was adopted.
    """
    if surroundings is None:
        return None
    folder, path, environ, _ = surroundings
    here = os.getcwd()  # noqa: PTH109 - as a text
    set_here = {name: value for name, value in os.environ.items() if environ.get(name) != value}
    return Overlay(here if here != folder else None, tuple(p for p in sys.path if p not in path), set_here)


def overlaid(surroundings: tuple[Any, ...], overlay: Overlay | None) -> tuple[Any, ...]:
    """Give surroundings with an initializer's changes kept."""
    if overlay is None:
        return surroundings
    folder, path, environ, hooks = surroundings
    path = [*(p for p in overlay.path if p not in path), *path]
    return overlay.folder or folder, path, {**environ, **overlay.environ}, hooks


def _adopt_environment(environ: dict[str, str]) -> None:
    for name in set(os.environ) - set(environ):
        del os.environ[name]
    os.environ.update({name: value for name, value in environ.items() if os.environ.get(name) != value})


class LocalModules:
    """The user's own modules: those that lie outside the installation, and may change while a worker lives."""

    def __init__(self) -> None:
        self._n_loaded = 0
        self._stamps: dict[str, tuple[str, int]] = {}

    def drop_changed(self) -> None:
        """Forget modules whose file has changed since they were loaded, so that the next import finds the new one."""
        for name, (file, stamp) in list(self._stamps.items()):
            if _stamp(file) != stamp:
                sys.modules.pop(name, None)
                del self._stamps[name]
        if len(sys.modules) != self._n_loaded:
            self._scan()

    def _scan(self) -> None:
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and name not in self._stamps and _is_local(name, file):
                self._stamps[name] = file, _stamp(file)
        self._n_loaded = len(sys.modules)


def _is_local(name: str, file: str) -> bool:
    installed = (sys.prefix, sys.base_prefix, sys.exec_prefix)
    return not file.startswith(installed) and "site-packages" not in file and not name.startswith("pathos_nb")


def _stamp(file: str) -> int:
    try:
        return os.stat(file).st_mtime_ns  # noqa: PTH116 - asked before each run
    except OSError:
        return 0
