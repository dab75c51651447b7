"""Results as files: written whole or not at all, and read only if they are what was written.

A file is a line that says what it is, a line of JSON (version, sizes, what Python and what package wrote it, digest),
then the pickle and its buffers. The digest finds damage; it is no signature: what is in a pickle runs when it is read.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pathos_nb.dispatch.store.files import write_atomically
from pathos_nb.errors import BadFile, CannotReturn
from pathos_nb.wire.serialization import MINOR, Payload, dump, load

__all__ = ["read_pickled", "write_pickled"]

_MAGIC, _VERSION, _HEADER_BYTES = b"pathos_nb results\n", 1, 1 << 20


def write_pickled(path: Path, value: Any, about: Mapping[str, Any]) -> None:
    """Write an object.

    Parameters
    ----------
    path : Path
        Where.
    value : object
        What.
    about : mapping
        Plain data for the header: what can be known of the file without loading it.

    Raises
    ------
    CannotReturn
        It cannot be pickled.
    OSError
        The file cannot be written.
    """
    try:
        payload = dump(value)
    except Exception as error:
        cause = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        cure = "values such as locks, connections and open files cannot; to_pandas() gives what can be exported"
        raise CannotReturn(f"the results cannot be written to {path}", cause=cause, cure=cure) from error
    parts = [payload.body, *payload.buffers]
    header = {**about, "version": _VERSION, "python": list(MINOR), "by_value": payload.by_value}
    header |= {"sizes": [len(part) for part in parts], "sha256": _digest(parts)}
    write_atomically(path, [_MAGIC, json.dumps(header).encode() + b"\n", *parts])


def read_pickled(path: Path) -> Any:
    """Read what `write_pickled` wrote.

    Parameters
    ----------
    path : Path
        Where.

    Returns
    -------
    object

    Raises
    ------
    BadFile
        It is something else, damaged, or of another version.
    OSError
        It cannot be read.
    """
    with path.open("rb") as file:
        if file.readline(len(_MAGIC)) != _MAGIC:
            raise BadFile(f"{path} is not a file of results", cure="results.save(path) makes one")
        header = _header(path, file.readline(_HEADER_BYTES))
        parts = [file.read(size) for size in header["sizes"]]
        is_longer = bool(file.read(1))
    if is_longer or [len(part) for part in parts] != header["sizes"] or _digest(parts) != header["sha256"]:
        raise BadFile(f"{path} is damaged", cause="it was cut, or has changed since it was written")
    try:
        return load(Payload(parts[0], [bytearray(part) for part in parts[1:]]))
    except Exception as error:
        cause = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        cure = "import first, or install, what the values are made of, in the versions that wrote them"
        raise BadFile(f"what is in {path} cannot be loaded here", cause=cause, cure=cure) from error


def _header(path: Path, line: bytes) -> dict[str, Any]:
    try:
        header = json.loads(line)
        version, sizes = int(header["version"]), header["sizes"]
        is_whole = isinstance(sizes, list) and bool(sizes) and all(isinstance(n, int) and n >= 0 for n in sizes)
        is_whole = is_whole and isinstance(header.get("sha256"), str) and len(header["python"]) == 2
    except (ValueError, KeyError, TypeError):
        raise BadFile(f"{path} is damaged", cause="its header cannot be read") from None
    if version > _VERSION:
        raise BadFile(f"{path} was written by a newer pathos_nb", cure="install that one to read it")
    if not is_whole or sum(sizes) > path.stat().st_size:
        raise BadFile(f"{path} is damaged", cause="its header does not fit what follows")
    if header.get("by_value") and tuple(header["python"]) != MINOR:
        theirs, ours = (".".join(map(str, v)) for v in (header["python"], sys.version_info[:2]))
        what = f"{path} holds code of Python {theirs}, which Python {ours} cannot load"
        raise BadFile(what, cure=f"read it with Python {theirs}; to_pandas() there, and its own formats, fit all")
    return dict(header)


def _digest(parts: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
