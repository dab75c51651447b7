"""What comes of what goes wrong, here and at the peers: an error, every result, or nothing for as long as one waits.

``python tools/reliability.py --peers`` has each peer do each of them, in a process of its own with a deadline, and puts
what came beside the promises. Two workers, default settings.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import peers
from benchmarks.cases.worker_killed import FatalOnce
from benchmarks.peers import LOCAL
from benchmarks.peers.base import Peer
from benchmarks.process import Contender, ContenderError, marked
from benchmarks.work import noop

__all__ = ["BEHAVIOURS", "Far", "WHO", "told_by"]

WHO = ("pathos_nb", *LOCAL)
_DEADLINE_S, _START_S, _GRACE_S, _LIMIT_S = 15.0, 60.0, 3.0, 1.0
_BAD, _N = 13, 40
_STREAM = 20_000


class Odd(Exception):
    """One whose constructor is not what pickle takes it for."""

    def __init__(self, code: int, *, hint: str) -> None:
        super().__init__(f"odd {code}")
        self.hint = hint


def raises(x: int) -> int:
    """Raise at one item, without saying at which."""
    if x == _BAD:
        raise ValueError("it has no root")
    return x


def odd(x: int) -> int:
    """Raise something that does not travel."""
    if x == _BAD:
        raise Odd(x, hint="look there")
    return x


def exits(x: int) -> int:
    """Leave, at one item."""
    if x == _BAD:
        sys.exit(3)
    return x


def kills(x: int) -> int:
    """Kill the worker at one item, each time that it is tried."""
    if x == _BAD:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def unreturnable(x: int) -> Any:
    """Give something that does not travel, at one item."""
    return (n for n in range(3)) if x == _BAD else x


def late(x: int) -> int:
    """Take far too long at one item."""
    time.sleep(60 if x == _BAD else 0)
    return x


def long(x: int) -> int:
    """Take seconds."""
    time.sleep(3)
    return x


class Nested:
    """An item that has a pool of the same kind inside."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, x: int) -> int:
        peer = peers.make(self.name)
        peer.open()
        try:
            return sum(peer.map(noop, range(x)))
        finally:
            peer.close()


class Far:
    """One peer in trouble.

    Parameters
    ----------
    peer : Peer
        Which.
    is_quick : bool
        Is of no use here.
    """

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        self.peer = peer
        self.n_pulled = 0

    def warm(self) -> None:
        """Open the pool and use it."""
        self.peer.open()
        self.peer.map(noop, range(8))

    def worker_killed(self) -> str:
        """Have a worker killed in the midst of a map, once."""
        with tempfile.TemporaryDirectory() as folder:
            return self._come_of(FatalOnce(folder), list(range(_N)))

    def killing(self) -> str:
        """Have an item kill its worker, each time."""
        return self._come_of(kills)

    def raising(self) -> str:
        """Have an item raise."""
        return self._come_of(raises)

    def odd(self) -> str:
        """Have an item raise what cannot be pickled back."""
        return self._come_of(odd)

    def exiting(self) -> str:
        """Have an item leave."""
        return self._come_of(exits)

    def unreturnable(self) -> str:
        """Have an item give what cannot be pickled."""
        return self._come_of(unreturnable)

    def unsendable(self) -> str:
        """Have an argument that cannot be pickled."""
        return self._come_of(noop, [*range(_BAD), (n for n in ()), *range(_BAD + 1, _N)])

    def closure(self) -> str:
        """Map a function that was made in a function."""
        shift = os.getpid()
        return self._come_of(lambda x: x + shift - shift)

    def nested(self) -> str:
        """Map inside of a map."""
        return self._come_of(Nested(self.peer.name), [0, 1, 2, 3], [0, 0, 1, 3])

    def limited(self) -> str:
        """Have an item that takes too long, where an item may have a limit."""
        limit = _LIMITS.get(self.peer.name)
        return self._come_of(late, run=lambda: limit(self.peer)) if limit else "items have no time limit"

    def hold(self) -> str:
        """Map until interrupted, and say what comes of it."""
        try:
            self.peer.map(long, range(8))
        except KeyboardInterrupt:
            return "stops"
        return "goes on"

    def busy(self) -> Any:
        """Keep the workers busy for minutes."""
        return self.peer.map(late, [_BAD] * 4)

    def pulled(self) -> str:
        """Say how much of an input is pulled for one result of a lazy map."""
        try:
            stream = iter(self.peer.imap(noop, self._counted()))
        except NotImplementedError:
            return "no lazy map"
        assert next(stream) == 0
        time.sleep(_LIMIT_S)
        return f"pulls {self.n_pulled:,} of {_STREAM:,}"

    def _counted(self) -> Iterator[int]:
        for number in range(_STREAM):
            self.n_pulled = number + 1
            yield number

    def _come_of(
        self,
        function: Callable[[Any], Any],
        items: list[Any] | None = None,
        wanted: list[Any] | None = None,
        run: Callable[[], list[Any]] | None = None,
    ) -> str:
        items = list(range(_N)) if items is None else items
        try:
            values = run() if run else self.peer.map(function, items)
            answer = "every result" if values == (wanted or items) else "wrong values"
        except (Exception, SystemExit) as error:
            answer = f"{type(error).__name__}{_where(error)}"
        return answer

    def then(self) -> str:
        """Say in what state the pool is afterwards."""
        try:
            return "" if list(self.peer.map(noop, range(8))) == list(range(8)) else ", then wrong values"
        except Exception as error:
            return f", then {type(error).__name__}"


def _where(error: BaseException) -> str:
    """Say whether an error, or what it was raised from, tells which item it was."""
    told, seen = "", error
    while seen is not None and len(told) < 100_000:
        told += f"{seen} {getattr(seen, '__notes__', '')}"
        seen = seen.__cause__ or seen.__context__  # type: ignore[assignment]
    return " that names the item" if any(f"{word} {_BAD}" in told for word in ("item", "index", "argument")) else ""


def _limit_ours(peer: Any) -> list[Any]:
    return list(peer.pool.map(late, range(_N), timeout=_LIMIT_S))


def _limit_mpire(peer: Any) -> list[Any]:
    return list(peer.plain.map(late, range(_N), task_timeout=_LIMIT_S))


def _limit_joblib(peer: Any) -> list[Any]:
    return list(peer.Parallel(n_jobs=peer.n_workers, timeout=_LIMIT_S)(peer.delayed(late)(x) for x in range(_N)))


_LIMITS: dict[str, Callable[[Any], list[Any]]] = {
    "pathos_nb": _limit_ours,
    "mpire": _limit_mpire,
    "joblib": _limit_joblib,
}


BEHAVIOURS = {
    "worker_killed": "a worker is killed in mid-map",
    "killing": "an item kills each worker that tries it",
    "exiting": "an item calls sys.exit",
    "raising": "an item raises",
    "odd": "an item raises what pickle cannot make again",
    "unreturnable": "a result cannot be pickled",
    "unsendable": "an argument cannot be pickled",
    "closure": "a function made in a function",
    "nested": "a map in a map",
    "limited": "an item runs past a limit of 1 s",
    "interrupted": "an interrupt in mid-map",
    "driver_killed": "the driver is killed in mid-map",
    "pulled": "one result of a lazy map",
}
"""What goes wrong, and how it is called in a table."""


def told_by(behaviour: str, peer: str) -> str:
    """Have a peer do one of them, and say what came of it.

    Parameters
    ----------
    behaviour : str
        Of `BEHAVIOURS`.
    peer : str
        Of `WHO`.
    """
    if why := peers.missing(peer):
        return why
    try:
        with Contender("behaviours", peer, False) as contender:
            contender.ask("warm", _START_S)
            if behaviour == "driver_killed":
                return _driver_killed(contender)
            answer = _interrupted(contender) if behaviour == "interrupted" else contender.ask(behaviour, _DEADLINE_S)
            return f"{answer}{_afterwards(contender)}"
    except ContenderError as error:
        return _brief(error)


def _afterwards(contender: Contender) -> str:
    try:
        return str(contender.ask("then", _DEADLINE_S))
    except ContenderError as error:
        return f", then {_brief(error)}"


def _brief(error: ContenderError) -> str:
    return str(error).partition("\n")[0][:80]


def _interrupted(contender: Contender) -> str:
    contender.tell("hold")
    time.sleep(0.7)
    os.killpg(contender.pid, signal.SIGINT)
    return str(contender.hear(_DEADLINE_S))


def _driver_killed(contender: Contender) -> str:
    contender.tell("busy")
    time.sleep(0.7)
    with contextlib.suppress(ProcessLookupError):
        os.kill(contender.pid, signal.SIGKILL)
    end = time.monotonic() + _GRACE_S
    while time.monotonic() < end and marked(contender.mark):
        time.sleep(0.1)
    n_left = len(marked(contender.mark))
    return f"leaves {n_left} processes" if n_left else "leaves nothing"
