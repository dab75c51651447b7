"""The archive that a host is sent: this package, cloudpickle and dill, so that nothing but Python need be there.

It is made of what is installed here, so that both sides speak the same; made twice, it is the same to the byte, and it
goes by its digest. All of it is Python source: any machine can use it.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from zipimport import zipimporter

from pathos_nb.errors import LauncherUnavailable

__all__ = ["Archive", "archive", "pack_files"]

_OWN = "pathos_nb"
_STAYS_HERE = ("notebook", "labextension", "tests")
_LIBRARIES = ("cloudpickle", "dill")
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Archive(NamedTuple):
    """An archive, and the SHA-256 that it goes by."""

    data: bytes
    digest: str


@cache
def archive(*more: str) -> Archive:
    """Give the archive for hosts, made when it is first wanted.

    Parameters
    ----------
    *more : str
        Packages of pure Python that go along besides, such as ``ppft``.

    Returns
    -------
    Archive

    Raises
    ------
    LauncherUnavailable
        A library that has to go along is not installed as files.
    """
    loader = getattr(find_spec(_OWN), "loader", None)
    if isinstance(loader, zipimporter):  # this is a host itself: what was sent here goes on
        data = Path(loader.archive).read_bytes()
        return Archive(data, hashlib.sha256(data).hexdigest())
    files = dict(entry for name in (_OWN, *_LIBRARIES, *more) for entry in _files_of(name))
    data = pack_files(files.items())
    return Archive(data, hashlib.sha256(data).hexdigest())


def pack_files(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Pack files so that the same files always give the same bytes.

    Parameters
    ----------
    files : iterable of (str, bytes)
        Paths with slashes, and contents.

    Returns
    -------
    bytes
        A zip archive that Python can import from.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for path, content in sorted(files):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o600 << 16
            packed.writestr(entry, content, compresslevel=6)
    return stream.getvalue()


def _files_of(package: str) -> Iterator[tuple[str, bytes]]:
    folder = _folder_of(package)
    for path in sorted(folder.rglob("*.py")):
        inner = path.relative_to(folder)
        if not set(inner.parts) & set(_STAYS_HERE):
            yield f"{package}/{inner.as_posix()}", path.read_bytes()


def _folder_of(package: str) -> Path:
    spec = find_spec(package)
    folder = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path()
    if not (folder / "__init__.py").is_file():
        cure = f"install {package} as files, or use places on this machine"
        raise LauncherUnavailable(f"{package} cannot be sent to a host", cause="its files are not found", cure=cure)
    return folder
