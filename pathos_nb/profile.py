"""Profiles of functions where they run: in this thread, in another, in a worker process.

Three steps: wrap the function (`profiled`), switch profiling on where it runs (`enable_profiling`, by a pool's pipe for
a worker), run it. Each call of the wrapped function then prints its profile, or writes it to a file named after the
process or thread. `profile` does all three for one call.

Profiling is switched on for a whole process; each of its threads gets a profiler of its own when it first needs one.
From Python 3.12 on only one profiler can be active in a process at a time: a wrapped function that starts while another
thread is being profiled runs without.

Examples
--------
>>> from pathos_nb.profile import process_id, thread_id
>>> import os
>>> process_id() == os.getpid()
True
"""

from __future__ import annotations

import functools
import os
import threading
import types
from collections.abc import Callable
from cProfile import Profile
from typing import Any

__all__ = [
    "clear_stats",
    "disable_profiling",
    "dump_stats",
    "enable_profiling",
    "get_stats",
    "not_profiled",
    "print_stats",
    "process_id",
    "profile",
    "profiled",
    "start_profiling",
    "stop_profiling",
    "thread_id",
]


class _Switch(threading.local):
    """The profiler of each thread, made anew whenever profiling is switched on."""

    is_on = False  # of the class: for all threads
    n_times_on = 0
    profile: Profile | None = None  # of the instance: for this thread
    made_at = 0
    is_active = False

    def current(self) -> Profile | None:
        if not _Switch.is_on:
            return None
        if self.profile is None or self.made_at != _Switch.n_times_on:
            self.profile, self.made_at, self.is_active = Profile(), _Switch.n_times_on, False
        return self.profile


_switch = _Switch()


def __getattr__(name: str) -> Any:
    if name == "profiler":  # pathos keeps the current thread's profiler under this name
        return _switch.current()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def process_id() -> int:
    """Give the number of this process.

    Returns
    -------
    int
        The process id.
    """
    return os.getpid()


def thread_id() -> int:
    """Give the number of this thread.

    Returns
    -------
    int
        The thread's identifier.
    """
    return threading.get_ident()


def enable_profiling(*args: Any) -> None:
    """Switch profiling on in this process, with empty profiles.

    Parameters
    ----------
    *args : object
        Ignored, so that it can be mapped.
    """
    _Switch.is_on, _Switch.n_times_on = True, _Switch.n_times_on + 1


def disable_profiling(*args: Any) -> None:
    """Switch profiling off in this process and drop the profiles.

    Parameters
    ----------
    *args : object
        Ignored, so that it can be mapped.
    """
    stop_profiling()
    _Switch.is_on = False


def start_profiling(*args: Any) -> None:
    """Profile all that this thread does from now on; switches profiling on if need be.

    Parameters
    ----------
    *args : object
        Ignored, so that it can be mapped.
    """
    if not _Switch.is_on:
        enable_profiling()
    _begin()


def stop_profiling(*args: Any) -> None:
    """Profile no more of this thread; what was measured is kept.

    Parameters
    ----------
    *args : object
        Ignored, so that it can be mapped.
    """
    profile = _switch.current()
    if profile is not None and _switch.is_active:
        profile.disable()
        _switch.is_active = False


def _begin() -> Profile | None:
    """Start this thread's profiler and give it; None if it runs already, or another one has the process."""
    profile = _switch.current()
    if profile is None or _switch.is_active:
        return None
    _switch.is_active = True
    try:
        profile.enable()
    except ValueError:  # Python 3.12 and later: another profiler is active somewhere in the process
        _switch.is_active = False
        return None
    return profile


def clear_stats(*args: Any) -> None:
    """Forget what was measured in this thread.

    Parameters
    ----------
    *args : object
        Ignored, so that it can be mapped.
    """
    profile = _switch.current()
    if profile is not None:
        profile.clear()


def get_stats(*args: Any) -> list[Any] | None:
    """Give what was measured in this thread.

    Parameters
    ----------
    *args : object
        Ignored, so that it can be mapped.

    Returns
    -------
    list or None
        The entries of cProfile; None if profiling is off.
    """
    profile = _switch.current()
    return None if profile is None else profile.getstats()


def print_stats(*args: Any, **kwds: Any) -> None:
    """Print what was measured in this thread.

    Parameters
    ----------
    *args : object
        Ignored, so that it can be mapped.
    **kwds : object
        ``sort``: the column to sort by, a name or number of pstats.
    """
    profile = _switch.current()
    if profile is not None:
        profile.print_stats(kwds.get("sort", -1))


def dump_stats(*args: Any, **kwds: Any) -> None:
    """Write what was measured in this thread to a file that pstats reads.

    Parameters
    ----------
    *args : object
        Ignored, so that it can be mapped.
    **kwds : object
        ``prefix``, ``suffix`` and ``gen`` of `profiled`, which make the file's name.
    """
    named = {"gen": None, "prefix": "id-", "suffix": ".prof", **kwds}
    profile = _switch.current()
    if profile is not None:
        profile.dump_stats(f"{named['prefix']}{(named['gen'] or process_id)()}{named['suffix']}")


class profiled:  # noqa: N801 - pathos' name
    """Have each call of a function print or write its profile, where profiling is on.

    Parameters
    ----------
    gen : callable, str or bool, optional
        A callable gives the middle of the file's name (`process_id` by default). With a string or a bool nothing is
        written to a file: the profile is printed, sorted by the column of that name.
    prefix, suffix : str
        The rest of the file's name.
    """

    def __init__(self, gen: Any = None, prefix: str = "id-", suffix: str = ".prof") -> None:
        prints = isinstance(gen, str | bool)
        self.prefix, self.suffix = prefix, suffix
        self.sort: Any = gen if isinstance(gen, str) else -1
        self.pid: Any = str if prints else gen or process_id

    def __call__(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function.

        Parameters
        ----------
        f : callable
            The function.

        Returns
        -------
        callable
            The same to its callers; it can be sent to workers.
        """
        return _Profiled(f, self)

    def write(self) -> None:
        """Print or write the profile of this thread."""
        if self.pid is str:
            print_stats(sort=self.sort)
        else:
            dump_stats(gen=self.pid, prefix=self.prefix, suffix=self.suffix)


class _Profiled:
    """A measured function: an object, not a closure, so that a worker uses its own profiler."""

    def __init__(self, f: Callable[..., Any], how: profiled) -> None:
        functools.update_wrapper(self, f, updated=())
        self.__wrapped__, self._how = f, how

    def __call__(self, *args: Any, **kwds: Any) -> Any:
        measured = _begin()
        if measured is None:
            return self.__wrapped__(*args, **kwds)
        try:
            return self.__wrapped__(*args, **kwds)
        finally:
            measured.disable()  # before anything else, so that nothing of ours is in the profile
            _switch.is_active = False
            self._how.write()

    def __get__(self, owner: object, kind: type | None = None) -> Any:
        return self if owner is None else types.MethodType(self, owner)


def not_profiled(f: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function without the wrapping of `profiled`.

    Parameters
    ----------
    f : callable
        A function, wrapped or not.

    Returns
    -------
    callable
        The function itself.
    """
    return f.__wrapped__ if isinstance(f, _Profiled) else f


class profile:  # noqa: N801 - pathos' name
    """Run a function once, profiled, and give its value.

    Parameters
    ----------
    sort : str, optional
        The column to sort the printed profile by.
    **config : object
        ``pipe``: the pipe of a pool with one worker, where the function is to run; here by default. The rest goes to
        `profiled`.

    Raises
    ------
    ValueError
        If the pool of the pipe has more than one worker, since the three calls might reach different ones.
    """

    def __init__(self, sort: Any = None, **config: Any) -> None:
        self.pipe: Callable[..., Any] = config.pop("pipe", None) or _here
        if sort is not None and not isinstance(sort, bool):
            config["gen"] = sort
        self.config = config or {"gen": False}
        nodes = getattr(getattr(self.pipe, "__self__", None), "nodes", 1)
        if nodes != 1:
            raise ValueError(
                f"pipe must come from a pool with one worker, so that all calls reach it; this has {nodes}"
            )

    def __call__(self, function: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Run the function.

        Parameters
        ----------
        function : callable
            The function.
        *args, **kwds : object
            What it is called with.

        Returns
        -------
        object
            What the function gives.
        """
        self.pipe(enable_profiling, None)
        try:
            return self.pipe(profiled(**self.config)(function), *args, **kwds)
        finally:
            self.pipe(disable_profiling, None)


def _here(f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
    return f(*args, **kwds)
