"""What a worker takes over from the caller besides the function: folder, module path, environment, changed modules."""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from typing import Any


_CARRIED = ("pathos_nb", "cloudpickle", "dill")
_COARSE_NS = 20_000_000  # by so much the clock of a file system may be behind


class Surroundings:
    """The caller's surroundings, and what this worker's initializer changed in them."""

    def __init__(self) -> None:
        self._wanted: tuple[Any, ...] | None = None
        self._raw: dict[Any, Any] = {}
        self._hooks_called: set[str] = set()
        self._modules = LocalModules()
        self._beside = ""
        self._own_folder: str | None = None
        self._own_path: list[str] = []
        self._own_environ: dict[str, str] = {}

    def adopt(self, brought: tuple[Any, ...] | None = None) -> None:
        """Make this process look like the caller's; what items changed is undone.

        Parameters
        ----------
        brought : tuple, optional
            Current folder, module path, environment, and hooks (``module:function``) to call once; if not given, those
            that were brought last.
        """
        if brought is not None:
            self._wanted, self._raw = self._overlaid(brought), {}
        if self._wanted is None:
            return
        self.put_back()
        hooks = self._wanted[3]
        if hooks:
            self._call(hooks)
        self._modules.drop_changed()

    def put_back(self) -> None:
        """Undo what items changed."""
        if self._wanted is None:
            return
        folder, path, environ, _ = self._wanted
        try:
            if os.getcwd() != folder:  # noqa: PTH109 - asked before each run
                os.chdir(folder)
        except OSError:  # a folder that is gone: the run may not need it
            pass
        if sys.path != path:
            sys.path[:] = path
        self._adopt_environment(environ)

    def look_at_modules(self) -> None:
        """Forget modules that have changed, where all else was put back before."""
        self._modules.drop_changed()

    def bring(self, archive: str) -> None:
        """Have modules found in an archive first, from now on, in place of the last one that was brought.

        Parameters
        ----------
        archive : str
            Where it is.
        """
        old = {self._beside, archive}
        self._beside = archive
        sys.path[:] = [archive, *(entry for entry in sys.path if entry not in old)]
        if self._wanted is not None:
            folder, path, *rest = self._wanted
            self._wanted = folder, [archive, *(entry for entry in path if entry not in old)], *rest

    def _adopt_environment(self, environ: dict[str, str]) -> None:
        # Comparing os.environ decodes all of it, which takes longer than a whole call; its own dictionary tells too.
        raw: Any = getattr(os.environ, "_data", os.environ)
        if self._raw and raw == self._raw:
            return
        for name in set(os.environ) - set(environ):
            del os.environ[name]
        os.environ.update({name: value for name, value in environ.items() if os.environ.get(name) != value})
        self._raw = dict(raw)

    def _call(self, hooks: list[str]) -> None:
        for hook in hooks:
            if hook not in self._hooks_called:
                self._hooks_called.add(hook)
                module, _, function = hook.partition(":")
                getattr(__import__(module, fromlist=[function]), function)()

    def keep_changes(self) -> None:
        """Let what differs here from what was adopted, which is what an initializer changed, outlast each run."""
        if self._wanted is None:
            return
        folder, path, environ, _ = self._wanted
        here = os.getcwd()  # noqa: PTH109 - as a text
        self._own_folder = here if here != folder else None
        self._own_path = [entry for entry in sys.path if entry not in path]
        self._own_environ = {name: value for name, value in os.environ.items() if environ.get(name) != value}
        self._wanted, self._raw = self._overlaid(self._wanted), {}

    def _overlaid(self, brought: tuple[Any, ...]) -> tuple[Any, ...]:
        folder, path, environ, hooks = brought
        path = [*(entry for entry in self._own_path if entry not in path), *path]
        return self._own_folder or folder, path, {**environ, **self._own_environ}, hooks


class LocalModules:
    """The user's own modules: those that lie outside the installation, and may change while a worker lives."""

    def __init__(self) -> None:
        self._n_loaded, self._looked_ns = 0, time.time_ns()
        self._stamps: dict[str, tuple[str, int]] = {}

    def drop_changed(self) -> None:
        """Forget modules whose file has changed since they were loaded, so that the next import finds the new one."""
        changed = [name for name, (file, stamp) in self._stamps.items() if _stamp(file) != stamp]
        if len(sys.modules) != self._n_loaded:
            changed += self._scan()
        self._looked_ns = time.time_ns()
        if changed:
            self._drop(changed)

    def _scan(self) -> list[str]:
        """Stamp what was loaded since; give what may have changed between its loading and now."""
        changed = []
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and name not in self._stamps and _is_local(name, file):
                if _archive_has_gone(module):
                    del sys.modules[name]
                    continue
                self._stamps[name] = file, _stamp(file)
                if self._stamps[name][1] > self._looked_ns - _COARSE_NS:
                    changed.append(name)
        self._n_loaded = len(sys.modules)
        return changed

    def _drop(self, names: list[str]) -> None:
        """Forget modules, and those of their kind that hold something of theirs."""
        waiting, dropped = list(names), set()
        while waiting:
            name = waiting.pop()
            if name not in dropped:
                dropped.add(name)
                waiting += [each for each in self._stamps if each not in dropped and _holds(each, name)]
        for name in dropped:
            module = sys.modules.pop(name, None)
            self._stamps.pop(name, None)
            package, _, last = name.rpartition(".")
            above = getattr(sys.modules.get(package), "__dict__", {})
            if module is not None and above.get(last) is module:
                del above[last]
        self._n_loaded = -1


def _holds(name: str, other: str) -> bool:
    """Whether a module holds another one, or something that was made there."""
    module = sys.modules.get(other)
    values = list(getattr(sys.modules.get(name), "__dict__", {}).values())
    return any(value is module or getattr(value, "__module__", None) == other for value in values)


def _is_local(name: str, file: str) -> bool:
    if name == "__main__":
        return False
    installed = (sys.prefix, sys.base_prefix, sys.exec_prefix)
    is_carried = name.partition(".")[0] in _CARRIED  # in an agent's archive it lies where the user's own modules do
    return not file.startswith(installed) and "site-packages" not in file and not is_carried


def _archive_has_gone(module: object) -> bool:
    """Whether it came from an archive of modules in whose place there is another now."""
    archive = getattr(getattr(module, "__loader__", None), "archive", None)
    return archive is not None and archive not in sys.path


def _stamp(file: str) -> int:
    try:
        return os.stat(file).st_mtime_ns  # noqa: PTH116 - asked before each run
    except OSError:  # inside of an archive: good as long as that is on the path
        return int(any(file.startswith(f"{entry}/") for entry in sys.path))
