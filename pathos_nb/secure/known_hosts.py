"""Is this the host's key? The files that ``ssh`` keeps answer: plain, hashed and wildcard entries, revoked keys too.

An entry is ``[@marker] names type key``; names are patterns with commas between them, or one ``|1|salt|hash``. A port
other than 22 stands in the name: ``[host]:2222``.

References
----------
sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import hmac
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Entry", "Verdict", "add", "entries_for", "fingerprint", "judge", "name_of"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a file that speaks of a host."""

    kind: str
    key: bytes
    marker: str
    place: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the files say of a key, and the line that says so.

    The word is ``known``, ``unknown``, ``changed``, ``revoked``, or ``certified``: no key is known, but an authority
    whose certificate the host should have shown.
    """

    word: str
    entry: Entry | None = None


def name_of(host: str, port: int) -> str:
    """Give the name under which a host's key is kept."""
    return host if port == 22 else f"[{host}]:{port}"


def fingerprint(key: bytes) -> str:
    """Give a key's fingerprint as ``ssh`` shows it."""
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def entries_for(files: Sequence[Path], name: str) -> list[Entry]:
    """Give the entries that speak of a name.

    Parameters
    ----------
    files : sequence of Path
        Those that are not there are passed over.
    name : str
        As `name_of` gives it.

    Returns
    -------
    list of Entry
    """
    return [entry for file in files for names, entry in _entries(file) if _is_meant(names, name)]


def _entries(file: Path) -> Iterator[tuple[str, Entry]]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # none there, or not ours to read: ssh passes over it as well
        return
    for number, line in enumerate(lines, 1):
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#"):
            continue
        try:
            key = base64.b64decode(words[2], validate=True)
        except ValueError:  # no base64, or not even ASCII
            continue
        yield words[0], Entry(words[1], key, marker, f"{file}:{number}")


def _is_meant(names: str, name: str) -> bool:
    if names.startswith("|1|"):
        return _is_hash_of(names, name)
    patterns = names.lower().split(",")
    if any(p.startswith("!") and _matches(p[1:], name) for p in patterns):
        return False
    return any(_matches(p, name) for p in patterns)


def _matches(pattern: str, name: str) -> bool:
    # Brackets stand for themselves here: they are part of "[host]:port".
    return fnmatch.fnmatchcase(name.lower(), pattern.replace("[", "[[]"))


def _is_hash_of(text: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in text.split("|")[2:4])
    except ValueError:
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)


def judge(entries: Sequence[Entry], kind: str, key: bytes) -> Verdict:
    """Say what the entries of a host mean for the key that it shows.

    Parameters
    ----------
    entries : sequence of Entry
        Those of the host.
    kind, key : str, bytes
        The key's type and its public blob.

    Returns
    -------
    Verdict
        A key of a type that is not known, where another type is, counts as changed.
    """
    revoked = next((e for e in entries if e.marker == "@revoked" and e.key == key), None)
    if revoked:
        return Verdict("revoked", revoked)
    plain = [e for e in entries if not e.marker]
    authority = next((e for e in entries if e.marker == "@cert-authority"), None)
    same = next((e for e in plain if (e.kind, e.key) == (kind, key)), None)
    if same:
        return Verdict("known", same)
    other = next((e for e in plain if e.kind == kind), None) or next(iter(plain), None)
    if other is None and authority is not None:
        return Verdict("certified", authority)
    return Verdict("changed", other) if other else Verdict("unknown")


def add(file: Path, name: str, kind: str, key: bytes) -> None:
    """Write a key to a file, which is made if it is not there (0600, its folder 0700).

    Parameters
    ----------
    file : Path
        The user's own known_hosts.
    name : str
        As `name_of` gives it.
    kind, key : str, bytes
        The key's type and its public blob.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    old = file.read_bytes() if file.exists() else b""
    begin = "\n" if old and not old.endswith(b"\n") else ""
    line = f"{begin}{name} {kind} {base64.b64encode(key).decode()}\n"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)
