"""What a host is good for: each fact with its judgement, and which Python there is taken. Pure functions."""

from __future__ import annotations

import sys
from typing import NamedTuple

from pathos_nb.errors import HostError
from pathos_nb.secure.probe import HostFacts

__all__ = ["OLDEST", "Line", "Taken", "judge", "size", "take_python"]

OLDEST = (3, 10)
HERE = sys.version_info[:2]
_CLOCK_S, _SLOW_TRIP_S, _SLOW_BYTES = 2.0, 0.15, 2e6
_LITTLE_MEMORY, _LITTLE_DISK = 256 << 20, 100 << 20


class Line(NamedTuple):
    """One fact of a host: what it is about, what was found, whether that is well, and what follows if it is not."""

    what: str
    found: str
    is_well: bool = True
    remark: str = ""


class Taken(NamedTuple):
    """The Python that is used on a host: its path, its version, and whether code goes there by value."""

    path: str
    version: str

    @property
    def minor(self) -> tuple[int, ...]:
        """Such as (3, 11)."""
        return tuple(int(part) for part in self.version.split(".")[:2])

    @property
    def is_like_here(self) -> bool:
        """Whether it is of this kernel's minor version."""
        return self.minor == HERE


def take_python(facts: HostFacts) -> Taken:
    """Choose the Python of a host: one like the kernel's, else the newest that will do.

    Parameters
    ----------
    facts : HostFacts
        What was found there.

    Returns
    -------
    Taken

    Raises
    ------
    HostError
        There is none that will do.
    """
    found = {tuple(int(part) for part in minor.split(".")): path for minor, path in facts.pythons.items()}
    minor = HERE if HERE in found else max(found, default=(0, 0))
    if minor < OLDEST:
        there = ", ".join(facts.pythons) or "none at all"
        raise HostError(
            f"{facts.host} has no Python that can be used",
            cause=f"on its PATH there is {there}, and 3.10 or later is needed",
            cure="name another one (--python PATH), or have the host's set-up lines put one on the PATH",
            host=facts.host,
        )
    return Taken(found[minor], facts.versions.get(found[minor], ".".join(map(str, minor))))


def judge(facts: HostFacts, python: Taken | None, bytes_a_second: float = 0.0) -> list[Line]:
    """Say what a host is like, and what does not fit.

    Parameters
    ----------
    facts : HostFacts
        What was found there.
    python : Taken or None
        The Python that would be used; None if there is none.
    bytes_a_second : float
        What the link carries, if it was measured.

    Returns
    -------
    list of Line
        For a table.
    """
    lines = [_python(python), _cores(facts), _memory(facts), _disk(facts), _cache(facts), _clock(facts), _trip(facts)]
    if bytes_a_second:
        is_well = bytes_a_second >= _SLOW_BYTES
        lines.append(Line("link", f"{size(bytes_a_second)}/s", is_well, "" if is_well else "send little, compute much"))
    return lines


def _python(python: Taken | None) -> Line:
    if python is None:
        return Line("Python", "none that will do", False, "3.10 or later is needed: --python PATH")
    remark = "" if python.is_like_here else f"this kernel has {HERE[0]}.{HERE[1]}: only functions of modules go there"
    return Line("Python", f"{python.version} at {python.path}", python.is_like_here, remark)


def _cores(facts: HostFacts) -> Line:
    is_busy = facts.load > facts.cores
    text = f"{facts.cores} ({facts.system} {facts.machine}), load {facts.load:.1f}"
    return Line("cores", text, not is_busy, "others are at work there" if is_busy else "")


def _memory(facts: HostFacts) -> Line:
    if not facts.memory_bytes:
        return Line("memory", "not known")
    free = facts.free_bytes or facts.memory_bytes
    is_well = free >= _LITTLE_MEMORY
    text = f"{size(free)} free of {size(facts.memory_bytes)}" if facts.free_bytes else size(facts.memory_bytes)
    return Line("memory", text, is_well, "" if is_well else "hardly any is free")


def _disk(facts: HostFacts) -> Line:
    is_well = facts.disk_free_bytes >= _LITTLE_DISK
    return Line("disk", f"{size(facts.disk_free_bytes)} free at home", is_well, "" if is_well else "hardly any is free")


def _cache(facts: HostFacts) -> Line:
    if facts.is_writable:
        return Line("cache", "can be written")
    return Line("cache", facts.why_not or "cannot be written", False, "what the agent needs is sent anew each time")


def _clock(facts: HostFacts) -> Line:
    is_well = abs(facts.clock_offset_s) < _CLOCK_S
    way = "ahead" if facts.clock_offset_s > 0 else "behind"
    off = abs(facts.clock_offset_s)
    text = f"{off:.1f} s {way}" if off >= 0.1 else "agrees"
    return Line("clock", text, is_well, "" if is_well else "set it, by NTP say; times are corrected meanwhile")


def _trip(facts: HostFacts) -> Line:
    is_well = facts.round_trip_s < _SLOW_TRIP_S
    remark = "" if is_well else "far away: points should take longer than that"
    return Line("round trip", f"{facts.round_trip_s * 1e3:.1f} ms", is_well, remark)


def size(n_bytes: float) -> str:
    """Say a size as a person would.

    Parameters
    ----------
    n_bytes : float
        At least 0.

    Returns
    -------
    str
        Such as ``3.2 GB``.
    """
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.3g} {unit}"
    return "1 byte" if round(n_bytes) == 1 else f"{n_bytes:.0f} bytes"
