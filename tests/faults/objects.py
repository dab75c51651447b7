"""Objects that will not travel, or that lie: each by the way in which it is bad."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any


class RefusesToLeave:
    """Cannot be pickled."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("I stay here")


class RefusesToArrive:
    """Can be pickled, and not unpickled."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _raise, ("I will not arrive",)


def _raise(text: str) -> None:
    raise OSError(text)


@dataclass
class HangsOnArrival:
    """Never ends being unpickled."""

    x: int = 0

    def __setstate__(self, state: dict[str, int]) -> None:
        time.sleep(600)


def _die_elsewhere(home: int) -> Any:
    if os.getpid() != home:
        os._exit(11)
    return "at home"


@dataclass
class KillsOnArrival:
    """Kills any process but its own that unpickles it."""

    home: int = field(default_factory=os.getpid)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _die_elsewhere, (self.home,)


@dataclass
class KillsOnLeaving:
    """Kills any process but its own that pickles it."""

    home: int = field(default_factory=os.getpid)

    def __reduce_ex__(self, protocol: Any) -> Any:
        _die_elsewhere(self.home)
        return KillsOnLeaving, (self.home,)


class Deep:
    """Makes data nested too deep for any pickler."""

    def __new__(cls) -> Any:
        nest: Any = []
        for _ in range(100_000):
            nest = [nest]
        return nest


class RaisesBaseOnLeaving:
    """Raises what is no `Exception` where it is pickled."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise KeyboardInterrupt("in the pickler")


class ExitsOnArrival:
    """Raises SystemExit where it is unpickled."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        return exit, ("I will not arrive",)


class Contrary:
    """A good value whose every question raises."""

    def _refuse(self, *_: Any) -> Any:
        raise RuntimeError("do not ask")

    __bool__ = __len__ = __eq__ = __iter__ = __hash__ = __repr__ = __str__ = __call__ = __lt__ = _refuse

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RuntimeError("do not ask")


class ClassLies:
    """Says it is a failure."""

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        from pathos_nb.errors import Failure

        return Failure

    def __reduce_ex__(self, protocol: Any) -> Any:
        return ClassLies, ()


class DiesLoudly:
    """Raises when it is forgotten."""

    def __del__(self) -> None:
        raise RuntimeError("not yet")
