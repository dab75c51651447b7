"""The first thing a pool does: start the process that forks its workers, then import the rest of the package.

An interpreter takes as long to boot as the rest of this package to import; side by side, a fresh script waits for one
of the two only. So nothing is imported here that an interpreter has not loaded by itself.
"""

from __future__ import annotations

import _socket
import os
import sys

from pathos_nb.launchers.cores import shares, usable_cores
from pathos_nb.launchers.shared_file import shared_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

REQUEST_BYTES = 64
_PRELOAD = ("cloudpickle",)
_ROOT = __file__.rsplit(os.sep, 3)[0]
# A package that was carried here in an archive goes before one that is installed; a folder goes last, since it may have
# modules in it that are named like the standard library's.
_IS_FOLDER = os.path.isdir(_ROOT)  # noqa: PTH112 - pathlib would cost every start 3 ms
_PATH = "[*old, sys.argv[1]]" if _IS_FOLDER else "[sys.argv[1], *old]"
_BEGIN = f"import sys; old = list(filter(None, sys.path)); sys.path[:] = {_PATH}; "
BOOTSTRAP = _BEGIN + "from pathos_nb.launchers.zygote import main; main()"


def preloads() -> list[str]:
    """Give the modules that workers will want: what is loaded here, and what code of a script's own is sent by.

    The zygote imports them while the script does the same; else its first map would wait for one after the other.
    """
    has_own_code = _has_own_code(getattr(sys.modules.get("__main__"), "__dict__", {}))
    return [module for module in _PRELOAD if has_own_code or module in sys.modules]


def _has_own_code(names: dict[str, Any]) -> bool:
    """Whether a script has functions of its own so far, one of which is likely to be mapped."""
    kind = type(preloads)
    return any(type(value) is kind and value.__module__ == "__main__" for value in list(names.values()))


def program(module: str) -> list[str]:
    """Give the command that runs ``main`` of a module of ours in a fresh interpreter; its arguments follow.

    Parameters
    ----------
    module : str
        Below `pathos_nb.launchers`.

    Returns
    -------
    list of str
    """
    return [sys.executable, "-c", f"{_BEGIN}from pathos_nb.launchers.{module} import main; main()", _ROOT]


class ZygoteStart:
    """A zygote that boots.

    Parameters
    ----------
    n_workers : int
        Among how many workers the cores will be shared.
    child : str
        The module whose ``main`` a worker runs.
    preload : sequence of str
        Modules that it imports before it forks; by default those that are loaded here and that workers may want.

    Raises
    ------
    OSError
        It cannot be started.
    """

    __slots__ = ("_child", "_control", "limits", "log_fd", "pid")

    def __init__(self, n_workers: int, child: str = "pathos_nb.launchers.child", preload: Sequence[str] = ()) -> None:
        self._child = child
        self.limits = shares(n_workers)
        self.log_fd = shared_file("pathos-nb-zygote")
        control, remote = _socket.socketpair()
        try:
            self.pid = self._spawn(remote.fileno(), preload)
        except BaseException:
            control.close()
            os.close(self.log_fd)
            raise
        finally:
            remote.close()
        self._control: int | None = control.detach()

    def _spawn(self, stdin: int, preload: Sequence[str]) -> int:
        argv = [sys.executable, "-c", BOOTSTRAP, _ROOT, self._child, *(preload or preloads())]
        actions = [(os.POSIX_SPAWN_DUP2, stdin, 0)] + [(os.POSIX_SPAWN_DUP2, self.log_fd, fd) for fd in (1, 2)]
        raw: Any = dict(getattr(os.environ, "_data", os.environ))  # at once: another thread may change it meanwhile
        environ = {**{os.fsdecode(name): os.fsdecode(value) for name, value in raw.items()}, **self.limits}
        return os.posix_spawn(argv[0], argv, environ, file_actions=actions, setsid=True)

    def take(self) -> int:
        """Give the descriptor of the pool's end, which is the taker's to close from here on.

        Raises
        ------
        ValueError
            It has been taken.
        """
        control, self._control = self._control, None
        if control is None:
            raise ValueError("this zygote has been taken")
        return control

    def end(self) -> None:
        """End it, if nobody has taken it."""
        if self._control is not None:
            os.close(self.take())
            os.close(self.log_fd)
            os.waitpid(self.pid, 0)


def head_starts(places: Sequence[str], nodes: Any) -> dict[str, ZygoteStart]:
    """Start what takes long to start, as far as can be told without importing anything.

    Parameters
    ----------
    places : sequence of str
        The names of the launchers that will be asked for; any that is not known here is left out.
    nodes : object
        How many workers, as the user said it.

    Returns
    -------
    dict
        The launcher's name → what it will be handed; what it does not take is to be ended.
    """
    if "processes" not in places or not hasattr(os, "fork") or not sys.executable:
        return {}
    nodes = nodes.get("processes") if hasattr(nodes, "get") else nodes
    n_workers = nodes if isinstance(nodes, int) and nodes > 0 else usable_cores()
    try:
        return {"processes": ZygoteStart(n_workers)}
    except OSError:
        return {}  # the launcher will try again, and say what is wrong
