"""What goes wrong with a file, as an error that names machine, path, reason and the next step."""

from __future__ import annotations

import contextlib
import errno
import posixpath
from collections.abc import Iterator

from pathos_nb.errors import BadOption, CopyFailed
from pathos_nb.secure.files import Files, LocalFiles, Seen
from pathos_nb.secure.wire import shown

__all__ = ["failed", "is_full", "reading", "writing"]

_AGAIN = "copy again: it goes on where it was cut"
_READABLE, _WRITABLE = "copy what you may read, or ask its owner", "choose a place that you may write to"
_ROOM = "make room there, or choose another place"
_SOURCE = "try to read it there (%pathos exec HOST -- cat …): no file of a disk, or a damaged one, most likely"
_MUTE = "the host says only that it failed"
_SAYS_NOTHING = "Failure"  # sftp's word for all that it has no number for


@contextlib.contextmanager
def reading(place: Files, path: str) -> Iterator[None]:
    """Turn what goes wrong with a source into a `CopyFailed`."""
    try:
        yield
    except (BadOption, CopyFailed):
        raise
    except Exception as error:
        if not _is_of_files(error):
            raise
        if str(error) == _SAYS_NOTHING:
            raise failed(place, path, _MUTE, _SOURCE) from error
        raise failed(place, path, _reason(error), _cure(error, _READABLE)) from error


@contextlib.contextmanager
def writing(place: Files, path: str) -> Iterator[None]:
    """Turn what goes wrong with a destination into one, after a look at what stands in the way there."""
    try:
        yield
    except (BadOption, CopyFailed):
        raise
    except Exception as error:
        if not _is_of_files(error):
            raise
        cause, cure = _in_the_way(place, path, error) or (_reason(error), _cure(error, _WRITABLE))
        raise failed(place, path, cause, cure) from error


def failed(place: Files, path: str, cause: str, cure: str) -> CopyFailed:
    """Give the error of one path."""
    host = "localhost" if isinstance(place, LocalFiles) else place.where.rpartition("@")[2]
    path = shown(path)
    return CopyFailed(f"{path} on {place.where} was not copied", cause=shown(cause), cure=cure, host=host, path=path)


def is_full(error: CopyFailed) -> bool:
    """Say whether it failed since there is no room, as far as the machine says why."""
    return error.cure == _ROOM


def _is_of_files(error: Exception) -> bool:
    """Say whether it is about files and links; paramiko's own class is not imported for this."""
    return isinstance(error, OSError | EOFError | UnicodeError) or type(error).__module__.startswith("paramiko")


def _is_of_the_link(error: BaseException) -> bool:
    return isinstance(error, TimeoutError | EOFError | ConnectionError) or "closed" in str(error).lower()


def _in_the_way(place: Files, path: str, error: Exception) -> tuple[str, str] | None:
    """Say what is there that makes the path impossible, and what to do; None if nothing is found."""
    if _is_of_the_link(error) or getattr(error, "errno", None) in (errno.ENOSPC, errno.EACCES, errno.EDQUOT):
        return None
    with contextlib.suppress(Exception):  # it is only a closer look
        found = place.look(path)
        if found and found.is_folder:
            return "a folder of that name is there", "choose another name, or remove it"
        above = posixpath.dirname(path)
        while above not in ("", "/") and not (found := _looked(place, above)):
            above = posixpath.dirname(above)
        if found and not found.is_folder:
            return f"{above} is a file, and no folder", "choose another place"
        if above != posixpath.dirname(path):
            return f"there is no folder {posixpath.dirname(path)}", "make it first, or choose another place"
        if found and getattr(error, "errno", None) == errno.ENOENT:  # in /proc, or after somebody tidied up
            return f"the folder {above} takes no such file, or it was removed meanwhile", "choose another place"
    return None


def _looked(place: Files, path: str) -> Seen | None:
    with contextlib.suppress(NotADirectoryError):
        return place.look(path)
    return None


def _reason(error: BaseException) -> str:
    if _is_of_the_link(error):
        return "the link was lost"
    if str(error) == _SAYS_NOTHING:
        return f"{_MUTE}: its disk is full, most likely"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _cure(error: BaseException, allowed: str) -> str:
    number = getattr(error, "errno", None)
    if isinstance(error, UnicodeError):
        return "give it another name"
    if isinstance(error, PermissionError) or number == errno.EACCES:
        return allowed
    if number in (errno.ENOSPC, errno.EDQUOT) or str(error) == _SAYS_NOTHING:
        return _ROOM
    if number in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EROFS):
        return "check the path"
    return _AGAIN
