"""Profiles as files that other tools read: speedscope, pstats, collapsed stacks. The file's name says which.

References
----------
speedscope: its file format schema (github.com/jlfwong/speedscope). Collapsed stacks: B. Gregg's FlameGraph. pstats: the
marshalled dictionary of Python's `pstats.Stats`.
"""

from __future__ import annotations

import contextlib
import json
import marshal
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from pathos_nb.dispatch.calltree import CallTree, Times
from pathos_nb.dispatch.functions import own_of
from pathos_nb.dispatch.profiles import Profile
from pathos_nb.dispatch.trace import write_trace
from pathos_nb.dispatch.writing import writing
from pathos_nb.errors import BadOption

__all__ = ["ENDINGS", "Recorded", "collapsed", "export", "pstats_of", "speedscope_of"]

ENDINGS = (".speedscope.json", ".json", ".pstats", ".prof", ".folded", ".collapsed", ".txt")
_SCHEMA = "https://www.speedscope.app/file-format-schema.json"
_NOTHING: dict[Any, Any] = {("~", 0, "<no samples>"): (0, 0, 0.0, 0.0, {})}  # pstats refuses an empty file
_NEEDS_PROFILE = "run it again with profile=True, or %%pmap --profile; the trace needs no profile"


class Recorded(Protocol):
    """What an export is made from: a run, or what is left of one."""

    @property
    def title(self) -> str:
        """What the user called it."""

    @property
    def started_at(self) -> float:
        """When it began, in seconds since the epoch."""

    @property
    def chunks(self) -> Any:
        """The record."""

    @property
    def profile(self) -> Profile | None:
        """What was sampled."""


def export(run: Recorded, path: str | os.PathLike[str], label: Callable[[int], str]) -> str:
    """Write a run to a file, in the format that the file's name asks for.

    Parameters
    ----------
    run : Recorded
        A run.
    path : str or path
        ``*.speedscope.json``, ``*.pstats``, ``*.folded``, or any other ``*.json`` for a trace.
    label : callable
        From an index to what an item is called.

    Returns
    -------
    str
        What was written.

    Raises
    ------
    BadOption
        The name asks for no format that is known, or the run was not profiled.
    CannotWrite
        Its folder is not there, or takes nothing; it is an OSError too.
    """
    path = Path(path).expanduser()
    kind = next((ending for ending in ENDINGS if path.name.endswith(ending)), None)
    if kind is None:
        cure = "give it a name such as trace.json, fits.speedscope.json, fits.pstats or fits.folded"
        raise BadOption(f"{path.name!r} does not say which format to write", cure=cure)
    profile = run.profile
    if kind == ".json":
        with _written(path, "w") as file:
            n = write_trace(file, run.chunks, run.started_at, label, profile)
        return f"{n:,} items as a trace for Perfetto (ui.perfetto.dev)"
    if profile is None:
        raise BadOption(f"{run.title or 'the run'} was not profiled", cure=_NEEDS_PROFILE)
    return _write_profile(profile, path, kind, run.title)


def _write_profile(profile: Profile, path: Path, kind: str, title: str) -> str:
    if kind == ".speedscope.json":
        with _written(path, "w") as file:
            json.dump(speedscope_of(profile, title), file, separators=(",", ":"))
        return "a profile for speedscope.app"
    if kind in (".pstats", ".prof"):
        with _written(path, "wb") as raw:
            marshal.dump(pstats_of(profile) or _NOTHING, raw)
        return "a profile for pstats"
    with _written(path, "w") as file:
        file.writelines(f"{line}\n" for line in collapsed(profile))
    return "collapsed stacks, in microseconds"


@contextmanager
def _written(path: Path, mode: str) -> Iterator[IO[Any]]:
    """Give a file that takes the place of an older one when it is whole."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), mode) as file:
                yield file
            part.replace(path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink()


def collapsed(profile: Profile) -> Iterator[str]:
    """Give one line a stack: functions with semicolons between, and microseconds."""
    own, tree = own_of(profile), profile.tree
    for node, times in sorted(own.items()):
        if (micros := sum(times[1:])) > 0:
            names = (_flat(tree.frames[tree.frame_of[each]]) for each in tree.path(node))
            yield f"{';'.join(names)} {micros}"


def _flat(frame: tuple[str, str, int]) -> str:
    name, file, line = frame
    text = f"{name} ({file}:{line})" if file else name
    return " ".join(text.split()).replace(";", ",") or "?"


def speedscope_of(profile: Profile, title: str) -> dict[str, Any]:
    """Give a profile in speedscope's format: all workers together first, then each."""
    tree = profile.tree
    names = [None, *profile.workers]
    with profile.lock:
        frames = [{"name": name, **({"file": file, "line": line} if file else {})} for name, file, line in tree.frames]
        profiles = [_sampled(tree, own_of(profile, worker), worker or "all workers") for worker in names]
    return {
        "$schema": _SCHEMA,
        "exporter": "pathos_nb",
        "name": title or "map",
        "activeProfileIndex": 0,
        "shared": {"frames": frames},
        "profiles": profiles,
    }


def _sampled(tree: CallTree, own: Mapping[int, Times], name: str) -> dict[str, Any]:
    nodes = sorted(node for node, times in own.items() if sum(times[1:]))
    weights = [sum(own[node][1:]) / 1e6 for node in nodes]
    samples = [[tree.frame_of[each] for each in tree.path(node)] for node in nodes]
    return {
        "type": "sampled", "name": name, "unit": "seconds", "startValue": 0, "endValue": sum(weights),
        "samples": samples, "weights": weights,
    }  # fmt: skip


def pstats_of(profile: Profile) -> dict[Any, Any]:
    """Give what `pstats.Stats` loads: counted calls where calls were counted, else samples in their place."""
    with profile.lock:
        if profile.calls:
            return _counted(profile)
    return _estimated(profile)


def _key(frame: tuple[str, str, int]) -> tuple[str, int, str]:
    name, file, line = frame
    return (file or "~", line, name)


def _counted(profile: Profile) -> dict[Any, Any]:
    frames, found = profile.tree.frames, {}
    for number, (cc, nc, own_s, total_s, callers) in profile.calls.items():
        by = {_key(frames[caller]): (n, c, own, total) for caller, (c, n, own, total) in callers.items()}
        found[_key(frames[number])] = cc, nc, own_s, total_s, by
    return found


def _estimated(profile: Profile) -> dict[Any, Any]:
    own, tree = own_of(profile), profile.tree
    with profile.lock:
        totals = tree.totals(own)
        outer = set(tree.outermost(node for node in totals if node))
        found: dict[Any, list[Any]] = {}
        for node, times in totals.items():
            if not node:
                continue
            mine = own.get(node, [0] * len(times))
            whole_s = sum(times[1:]) / 1e6 if node in outer else 0.0
            entry = found.setdefault(_key(tree.frames[tree.frame_of[node]]), [0, 0, 0.0, 0.0, {}])
            _sum_up(entry, times[0], sum(mine[1:]) / 1e6, whole_s)
            if parent := tree.parent_of[node]:
                by = entry[4].setdefault(_key(tree.frames[tree.frame_of[parent]]), [0, 0, 0.0, 0.0])
                _sum_up(by, times[0], sum(mine[1:]) / 1e6, whole_s)
    return {key: (*entry[:4], {by: tuple(told) for by, told in entry[4].items()}) for key, entry in found.items()}


def _sum_up(entry: list[Any], n: int, own_s: float, total_s: float) -> None:
    entry[0] += n
    entry[1] += n
    entry[2] += own_s
    entry[3] += total_s
