"""Every error this package raises by itself, and how an item's failure is kept.

::

    PathosNbError
    ├── BadOption            an argument that makes no sense          (also a ValueError)
    ├── UnknownPlace         no launcher or host of that name         (also a ValueError)
    ├── PoolClosed           work for a pool that has ended           (also a ValueError)
    ├── PoolRunning          a pool that must be closed first         (also a ValueError and AssertionError)
    ├── NothingFits          no worker of the pool is what a map wants (also a ValueError)
    ├── LauncherUnavailable  the launcher cannot run here, and why
    ├── PoolBroken           workers cannot be started, or never live to take work
    │   ├── HostLost         a host cannot be used, or its link is lost
    │   └── AllocationLost   a scheduler refuses nodes, they never come, or all of them have gone
    ├── WorkerLost           the machine broke: a worker died under an item
    │   └── TaskEnded        a detached sweep's task ended before the point, and how
    ├── QueueError           a batch queue does not take a job, or does not answer
    ├── ItemTimeout          an item ran past its timeout             (also a TimeoutError)
    ├── OutOfMemory          an item wanted more memory than it may have (also a MemoryError)
    ├── CannotSend           a function or argument refuses to travel (also a PicklingError)
    ├── CannotReturn         a result or exception refuses to travel  (also a PicklingError)
    ├── CannotKey            a value that no key can be made of: the store cannot know its points again
    ├── StoreError           the store of finished points cannot be read or written
    ├── InputFailed          the item was not run, since a result that is its argument failed
    ├── Cancelled            the item was not run, or was stopped, on request
    │   └── NotYet           it was not run yet: the run goes on
    ├── ShareClosed          a shared value was closed, or its owner has ended
    ├── FilesFailed          an item's files cannot be brought to it, or back
    ├── BadFile              a file that is not what it should be      (also a ValueError)
    ├── CannotWrite          a file that you asked for cannot be written            (also an OSError)
    ├── NotTheSame           points have other values than the serial loop gives
    ├── HostError            something about another machine
    │   ├── HostUnreachable  it does not answer, refuses, or the link was lost   (also a ConnectionError)
    │   ├── HostKeyRefused   its key is unknown, or is not the one that is known
    │   ├── LoginRefused     wrong user, key, passphrase, password or code       (also a PermissionError)
    │   ├── CommandFailed    a command there could not be run, or did not end
    │   ├── CopyFailed       files could not be copied
    │   └── TunnelFailed     a port could not be forwarded
    └── RemoteError          an item's exception that only its text came back of

Two kinds of failure are never mixed: *your function raised* (the exception is raised as itself, with a
`RemoteTraceback` as its cause), and *the machine broke* (one of the errors above).
"""

from __future__ import annotations

from functools import wraps

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from collections.abc import Callable
    from pickle import PicklingError
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])
else:
    try:
        from _pickle import PicklingError
    except ImportError:  # a Python without the C module
        from pickle import PicklingError

__all__ = [
    "AllocationLost",
    "BadFile",
    "BadOption",
    "Cancelled",
    "CannotKey",
    "CannotReturn",
    "CannotSend",
    "CannotWrite",
    "CommandFailed",
    "CopyFailed",
    "Failure",
    "FilesFailed",
    "HostError",
    "HostKeyRefused",
    "HostLost",
    "HostUnreachable",
    "InputFailed",
    "ItemTimeout",
    "LauncherUnavailable",
    "LoginRefused",
    "NotTheSame",
    "NotYet",
    "NothingFits",
    "OutOfMemory",
    "PathosNbError",
    "PoolBroken",
    "PoolClosed",
    "PoolRunning",
    "QueueError",
    "RemoteError",
    "RemoteTraceback",
    "ShareClosed",
    "StoreError",
    "TaskEnded",
    "TunnelFailed",
    "UnknownPlace",
    "WorkerLost",
    "plain",
    "without_engine",
]


def _rebuild(kind: type[PathosNbError], fields: dict[str, Any]) -> PathosNbError:
    return kind(**fields)


class PathosNbError(Exception):
    """What happened, where, the likely cause and the next step, as text and as fields.

    Parameters
    ----------
    what : str
        What happened, in one clause.
    cause : str, optional
        The likely cause.
    cure : str, optional
        What to do next.
    tail : str, optional
        The end of what the worker wrote before.
    **where : object
        Fields such as ``index``, ``worker``, ``host``; each becomes an attribute.
    """

    def __init__(self, what: str, *, cause: str = "", cure: str = "", tail: str = "", **where: Any) -> None:
        super().__init__(what)
        self.what, self.cause, self.cure, self.tail = what, cause, cure, tail
        self.where = where
        self.__notes__ = [_EXPLAINED.format(type(self).__name__)]  # tracebacks end with it, from Python 3.11 on

    def __getattr__(self, name: str) -> Any:
        where = self.__dict__.get("where", {})
        if name in where:
            return where[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __str__(self) -> str:
        told = {name: value for name, value in self.where.items() if name not in _SAID_ALREADY}
        place = ", ".join(f"{k} {v}" for k, v in told.items() if v not in (None, ""))
        text = f"{self.what} ({place})" if place else self.what
        for clause in (self.cause, self.cure):
            text += f"; {clause}" if clause else ""
        return f"{text}\n--- the last it wrote ---\n{self.tail}" if self.tail else text

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {"what": self.what, "cause": self.cause, "cure": self.cure, "tail": self.tail}
        return _rebuild, (type(self), {**fields, **self.where})

    def to_json(self) -> dict[str, Any]:
        """Give the error as plain data.

        Returns
        -------
        dict
            ``type``, ``what``, ``cause``, ``cure``, ``tail`` and the fields.
        """
        named = {"type": type(self).__name__, "what": self.what, "cause": self.cause}
        return {**named, "cure": self.cure, "tail": self.tail, **{k: _plain(v) for k, v in self.where.items()}}


_EXPLAINED = "explained by: python -m pathos_nb.explained {0}; in a notebook: %pathos help {0}"
# Fields for programs: the message has them.
_SAID_ALREADY = ("type_name", "text", "is_new", "job", "is_away", "how", "command", "fingerprint")


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


class BadOption(PathosNbError, ValueError):
    """An argument that makes no sense."""


class UnknownPlace(PathosNbError, ValueError):
    """No launcher and no host has that name."""


class PoolClosed(PathosNbError, ValueError):
    """The pool has ended and takes no more work."""


class PoolRunning(PathosNbError, ValueError, AssertionError):
    """The pool still takes work, and must be closed before it is joined or started again.

    pathos raises ValueError for the one and AssertionError for the other; this is both.
    """


class LauncherUnavailable(PathosNbError):
    """The launcher exists, but cannot run here."""


class NothingFits(PathosNbError, ValueError):
    """No worker of the pool is, or has, what a map wants."""


class PoolBroken(PathosNbError):
    """Workers cannot be started, or die before they take work."""


class HostLost(PoolBroken):
    """A host cannot be used: no agent comes to life there, or the link to it is lost for good."""


class AllocationLost(PoolBroken):
    """A scheduler refuses the nodes that were asked for, they did not come in time, or all of them have gone."""


class WorkerLost(PathosNbError):
    """A worker died, or stopped answering, under an item."""


class TaskEnded(WorkerLost):
    """The task of a detached sweep ended before this point was finished; `how` says by what, in one word."""


class QueueError(PathosNbError):
    """A batch queue does not take a job, does not answer, or has not got its commands here."""


class ItemTimeout(PathosNbError, TimeoutError):
    """An item ran past its timeout and was stopped."""


class OutOfMemory(PathosNbError, MemoryError):
    """An item wanted more memory than its map's ``memory=`` gives it; its worker goes on."""


class CannotSend(PathosNbError, PicklingError):
    """A function or an argument cannot be sent to a worker."""


class CannotReturn(PathosNbError, PicklingError):
    """A result or an exception cannot be brought back from a worker."""


class CannotKey(PathosNbError):
    """Nothing that stays the same from kernel to kernel can be said of a value."""


class StoreError(PathosNbError):
    """The store of finished points cannot be read or written; the running map goes on without it."""


class Cancelled(PathosNbError):
    """The item was not run, or was stopped, because somebody asked for it."""


class NotYet(Cancelled):
    """The item has not been run yet, and neither has it failed: its run goes on."""


class InputFailed(PathosNbError):
    """The item was not run: a result that is one of its arguments failed, which is the cause."""


class ShareClosed(PathosNbError):
    """What was shared is no longer there: it was closed, or its owner has ended."""


class FilesFailed(PathosNbError):
    """A file that an item was to have, or that it was to give back, cannot be brought there."""


class BadFile(PathosNbError, ValueError):
    """A file that is not what it should be: foreign, damaged, or of another version."""


class CannotWrite(PathosNbError, OSError):
    """A file of results, a report, a profile or a picture cannot be written where it was asked for."""


class NotTheSame(PathosNbError):
    """Points have other values than a serial loop gives."""


class HostError(PathosNbError):
    """Something about another machine; its field ``host`` says which."""


class HostUnreachable(HostError, ConnectionError):
    """The host is unknown, does not answer, refuses, or the link to it was lost."""


class HostKeyRefused(HostError):
    """The host's key is unknown, or is not the one that is known for it."""


class LoginRefused(HostError, PermissionError):
    """The host does not let this user in: wrong user, key, passphrase, password or code."""


class CommandFailed(HostError):
    """A command could not be run there, or did not end in time."""


class CopyFailed(HostError):
    """Files could not be copied; what was there before is untouched."""


class TunnelFailed(HostError):
    """A port could not be forwarded."""


class RemoteError(PathosNbError):
    """An exception of an item of which only the text could be brought back."""


class RemoteTraceback(Exception):
    """The traceback of the worker, as the cause of an item's own exception.

    Parameters
    ----------
    text : str
        The formatted traceback.
    index, argument, worker, host
        Which item it was and where it ran.
    """

    def __init__(self, text: str, index: int = -1, argument: str = "", worker: str = "", host: str = "") -> None:
        super().__init__(text, index, argument, worker, host)
        self.text, self.index, self.argument, self.worker, self.host = text, index, argument, worker, host

    def __str__(self) -> str:
        bare = self.argument.startswith("(")
        told = "" if not self.argument else f" {self.argument}" if bare else f" ({self.argument})"
        return f"item {self.index}{told} on worker {self.worker} of {self.host}\n{self.text.rstrip()}"


def without_engine(error: BaseException) -> BaseException:
    """Take the frames of this package off the beginning of a traceback: they tell a caller nothing.

    Parameters
    ----------
    error : BaseException
        As it was caught, to be raised again.

    Returns
    -------
    BaseException
        The same; what is left begins with the user's code, such as her generator or a function that ran in this thread.
    """
    found = error.__traceback__
    while found is not None and str(found.tb_frame.f_globals.get("__name__", "")).startswith("pathos_nb."):
        found = found.tb_next
    return error.with_traceback(found)


def plain(function: F) -> F:
    """Have a method that users call raise its errors without the frames of this package below it.

    Parameters
    ----------
    function : callable
        The method.

    Returns
    -------
    callable
        The same, but for the tracebacks.
    """

    @wraps(function)
    def call(*args: Any, **kwds: Any) -> Any:
        try:
            return function(*args, **kwds)
        except BaseException as error:
            raise without_engine(error)  # noqa: B904 - it is the same one, and its cause stays

    return call  # type: ignore[return-value]  # it has the signature of the other


def _text(error: BaseException) -> str:
    """Give an exception's text, whatever its ``__str__`` does."""
    try:
        return str(error)
    except BaseException as lie:  # an exception that lies
        return f"<its text raises {type(lie).__name__}>"


def _described(value: object) -> str:
    """Give a value's ``repr``, whatever that does."""
    try:
        return repr(value)
    except BaseException:
        return f"<{type(value).__name__}>"


class Failure:
    """One item that has no result, and why: what ``on_error="keep"`` puts in the item's place.

    ``[y for y in ys if not isinstance(y, Failure)]`` drops failures; they are false, as 0 and empty lists are.

    Parameters
    ----------
    index : int
        The item's place in the input, from 0.
    error : BaseException
        The item's own exception, or one of this module's errors.
    argument : str
        A short ``repr`` of what the item was called with.
    worker, host : str
        Where it ran last; empty if it never ran.
    attempt : int
        How often it was begun.
    seconds : float
        How long the last attempt took.
    traceback : str
        The worker's traceback.
    cure : str
        What to do about it, where that is known.
    """

    __slots__ = ("argument", "attempt", "cure", "error", "host", "index", "seconds", "traceback", "worker")

    def __init__(
        self,
        index: int,
        error: BaseException,
        *,
        argument: str = "",
        worker: str = "",
        host: str = "",
        attempt: int = 1,
        seconds: float = 0.0,
        traceback: str = "",
        cure: str = "",
    ) -> None:
        self.index, self.error, self.argument = index, error, argument
        self.worker, self.host, self.attempt = worker, host, attempt
        self.seconds, self.traceback, self.cure = seconds, traceback, cure

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        text = _text(self.error).partition("\n")[0]
        return f"<Failure of item {self.index}: {type(self.error).__name__}: {text}>"

    def reraise(self) -> None:
        """Raise the item's error, with the worker's traceback as its cause.

        Raises
        ------
        BaseException
            Always: the item's own exception; a `RemoteError` in place of SystemExit and KeyboardInterrupt.
        """
        error = self._raisable()
        if not self.traceback:
            raise error
        told = f"{self.traceback.rstrip()}\n{self.cure}" if self.cure else self.traceback
        raise error from RemoteTraceback(told, self.index, self.argument, self.worker, self.host)

    def _raisable(self) -> BaseException:
        """Give what can be raised here: an item's ``sys.exit()`` must not end the caller, silently at that."""
        if not isinstance(self.error, SystemExit | KeyboardInterrupt):
            return self.error
        name = type(self.error).__name__
        what = f"the item raised {name}({', '.join(map(_described, self.error.args))})"
        where: dict[str, Any] = {"index": self.index, "type_name": name, "text": _text(self.error)}
        return RemoteError(what, cure="return to end an item early", **where)

    def to_json(self) -> dict[str, Any]:
        """Give the failure as plain data.

        Returns
        -------
        dict
            All fields; the error as its type's name and its text.
        """
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "error"}
        return {**plain, "error": type(self.error).__name__, "message": _text(self.error)}
