"""Stacks of functions with what was seen of them: put together in a worker, small enough to be sent once a second.

A frame goes by the identity of its code, so that walking a stack hashes nothing. Names and files are made when the
stacks are taken. What a C function is called is read from the source at the place of the call, once for each place.
"""

from __future__ import annotations

import _thread
import ast
import itertools
import linecache
import sys
from collections.abc import Iterable, Sequence
from types import CodeType, FrameType
from typing import Any

from pathos_nb.wire.protocol import KINDS

__all__ = ["WAITS", "Stacks", "Told", "is_own", "place_of"]

MOST_STACKS = 2000
_DEPTH, _HEAD = 120, 60
_NAME, _FILE = 120, 200
_MOST_CODES = 20_000
_OWN = __file__[: -len("launchers/stacks.py")]
_BOOTSTRAP = ("_bootstrap", "_bootstrap_inner", "run")
MORE = ("(more functions)", "", 0)
_SHOWN, _HIDDEN, _ROOT = range(3)
WAITS = frozenset(
    [
        "sleep",
        "wait",
        "acquire",
        "select",
        "poll",
        "recv",
        "recv_into",
        "read",
        "readinto",
        "accept",
        "connect",
        "join",
        "get",
        "put",
        "communicate",
    ]
)
_NATIVE, _WAITING, _STARVED = map(KINDS.index, ("native", "waiting", "starved"))

Frame = tuple[str, str, int]
Told = tuple[list[Frame], list[tuple[tuple[int, ...], int, tuple[int, ...]]]]
_Key = tuple[tuple[int, ...], int, str]


def is_own(file: str) -> bool:
    """Whether a file is one of this package's."""
    return file.startswith(_OWN)


def place_of(file: str) -> str:
    """Give a file's name without the folder that it is imported from."""
    if file.startswith("<"):
        return file[:_FILE]
    best = max((entry for entry in sys.path if entry and file.startswith(entry)), key=len, default="")
    return file[len(best) :].lstrip("/\\")[-_FILE:] if best else file[-_FILE:]


def _role_of(code: CodeType) -> int:
    """Tell frames that are shown from those that are not, and from the one that everything of a worker is inside of."""
    file, name = code.co_filename, code.co_name
    if is_own(file):
        return _ROOT if name == "handle" and file.endswith("worker.py") else _HIDDEN
    is_start = name in _BOOTSTRAP and file.endswith("threading.py")
    is_frozen = file.startswith("<frozen ") and name != "<module>"
    return _HIDDEN if is_start or is_frozen or (file, name) == ("<string>", "<module>") else _SHOWN


class Stacks:
    """Counts and times of stacks, since they were last taken.

    Parameters
    ----------
    is_whole : bool
        Whether this package's own frames stay.
    """

    def __init__(self, is_whole: bool = False) -> None:
        self._is_whole = is_whole
        self._seen: dict[_Key, list[float]] = {}
        self._codes: dict[int, CodeType] = {}
        self._names: dict[int, Frame] = {}
        self._called: dict[tuple[int, int], str] = {}
        self._roles: dict[int, int] = {}
        self._lock = _thread.allocate_lock()

    def add(self, frame: FrameType, place: int, phase: str, times: Sequence[float]) -> None:
        """Note what a thread was at.

        Parameters
        ----------
        frame : frame
            Its innermost one.
        place : int
            The instruction that may be in C code; -1 if it is at none.
        phase : str
            What the worker does besides items, if it does.
        times : sequence of float
            Seconds of each of `KINDS`.
        """
        with self._lock:
            ids = self._walk(frame)
            key = ids, place if ids and ids[0] == id(frame.f_code) else -1, phase
            seen = self._seen.get(key)
            if seen is None:
                if len(self._seen) >= MOST_STACKS:
                    key = (), -1, MORE[0]
                seen = self._seen.setdefault(key, [0.0] * (len(KINDS) + 1))
            seen[0] += 1
            for number, seconds in enumerate(times, 1):
                seen[number] += seconds

    def _walk(self, frame: FrameType | None) -> tuple[int, ...]:
        """Give the identities of the codes of a stack, the innermost first."""
        ids: list[int] = []
        codes, roles = self._codes, self._roles
        n_inside = -1
        while frame is not None:
            code = frame.f_code
            known = id(code)
            if known not in codes:
                codes[known], roles[known] = code, _SHOWN if self._is_whole else _role_of(code)
            if not (role := roles[known]):
                ids.append(known)
            elif role == _ROOT:
                n_inside = len(ids)
            frame = frame.f_back
        return tuple(ids if n_inside < 0 else ids[:n_inside])

    def waits_in(self, frame: FrameType) -> bool:
        """Whether what a frame calls is known to wait, by its name."""
        with self._lock:
            self._codes.setdefault(id(frame.f_code), frame.f_code)
            self._roles.setdefault(id(frame.f_code), _SHOWN if self._is_whole else _role_of(frame.f_code))
            called = self._callee(id(frame.f_code), frame.f_lasti)
        return called.rpartition(".")[2] in WAITS

    def take(self) -> Told:
        """Give what there is, and begin anew.

        Returns
        -------
        tuple
            Frames, and stacks whose functions are places among them.
        """
        with self._lock:
            seen, self._seen = self._seen, {}
            frames: dict[Frame, int] = {}
            merged: dict[tuple[int, ...], list[float]] = {}
            for key, times in seen.items():
                path = tuple(frames.setdefault(frame, len(frames)) for frame in self._path(key, times))
                whole = merged.setdefault(path, [0.0] * len(times))
                whole[:] = map(float.__add__, whole, map(float, times))
            if len(self._codes) > _MOST_CODES:
                for known in (self._codes, self._names, self._called, self._roles):
                    known.clear()
        told = [(path, int(n), tuple(round(1e6 * s) for s in times)) for path, (n, *times) in merged.items()]
        return list(frames), told

    def _path(self, key: _Key, times: Sequence[float]) -> Iterable[Frame]:
        ids, place, phase = key
        path = [(f"[{phase}]", "", 0)] if phase else []
        path += map(self._name, reversed(ids))
        with_a_core = sum(times[1:]) - times[1 + _STARVED]  # what else the machine does says nothing of the code
        if place >= 0 and times[1 + _NATIVE] + times[1 + _WAITING] > 0.5 * with_a_core:
            called = self._callee(ids[0], place)
            path += [(called, "", 0)] if called else []
        if len(path) > _DEPTH:
            path[_HEAD : len(path) - _HEAD] = [MORE]
        return path or [("(between items)", "", 0)]

    def _name(self, known: int) -> Frame:
        name = self._names.get(known)
        if name is None:
            code = self._codes[known]
            called = getattr(code, "co_qualname", code.co_name).replace("<locals>.", "")
            name = self._names[known] = called[-_NAME:], place_of(code.co_filename), code.co_firstlineno
        return name

    def _callee(self, known: int, place: int) -> str:
        """Give what is called at a place of a function, as its source has it."""
        called = self._called.get((known, place))
        if called is None:
            called = self._called[known, place] = _called_at(self._codes[known], place)
        return called


def _called_at(code: CodeType, place: int) -> str:
    positions: Any = getattr(code, "co_positions", None)  # Python 3.10 knows lines only
    if positions is None:
        return ""
    first, last, start, end = next(itertools.islice(positions(), place // 2, None), (None,) * 4)
    if first is None or last is None or start is None or end is None or last - first > 20:
        return ""
    lines = [linecache.getline(code.co_filename, number) for number in range(first, last + 1)]
    if not all(lines):
        return ""
    raw = [line.encode() for line in lines]
    raw[-1] = raw[-1][:end]
    raw[0] = raw[0][start:]
    return _name_in(b"".join(raw).decode("utf-8", "replace"))


def _name_in(source: str) -> str:
    source = source.removeprefix("return ").strip()
    try:
        node = ast.parse(f"({source})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return " ".join(source.split())[:_NAME]
    called = node.func if isinstance(node, ast.Call) else node
    if called is node and isinstance(node, ast.Name | ast.Constant | ast.Tuple):
        return ""
    return " ".join(ast.unparse(called).split())[-_NAME:]
