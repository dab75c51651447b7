"""Files here and files on a host, behind the same few methods, so that a copy need not know which is which."""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import glob
import hashlib
import os
import posixpath
import select
import shutil
import socket
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pathos_nb.errors import BadOption, CommandFailed, CopyFailed, HostUnreachable
from pathos_nb.secure import wire
from pathos_nb.secure.pipelined import Small, Sunk, put_all
from pathos_nb.secure.remote import Remote

if TYPE_CHECKING:
    import paramiko

__all__ = ["SMALL_BYTES", "Files", "LocalFiles", "RemoteFiles", "Seen", "Stream"]

SMALL_BYTES = 1 << 16  # what is larger goes by a command's stream: sftp waits for an answer every 32 kB
BLOCK_BYTES = 1 << 18
STALL_S = 60.0
_DIGEST = 'tail -c "+$2" -- "$1" | head -c "$3" | { sha256sum || shasum -a 256; } 2>/dev/null'


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is at a path."""

    size: int
    is_folder: bool
    mtime: int
    mode: int
    is_file: bool = True
    version: str = ""  # what the machine knows besides: another one is another file


def _seen(size: int, mtime: int, mode: int, version: str = "") -> Seen:
    return Seen(size, stat.S_ISDIR(mode), mtime, stat.S_IMODE(mode), stat.S_ISREG(mode), version)


class Stream(Protocol):
    """An open file."""

    def read(self, size: int, /) -> bytes:
        """Give the next bytes; none at the end."""

    def write(self, data: bytes, /) -> Any:
        """Write all of it."""

    def close(self) -> None:
        """Close it."""


class Files(Protocol):
    """The files of one machine."""

    where: str

    def full(self, path: str) -> str:
        """Give the path from the root; ``~`` is the home folder."""

    def join(self, folder: str, name: str) -> str:
        """Give the path of a name in a folder."""

    def look(self, path: str) -> Seen | None:
        """Say what there is; None if there is nothing."""

    def real(self, path: str) -> str:
        """Give the path of what is there without any link in it."""

    def names(self, folder: str) -> list[str]:
        """Give the names in a folder."""

    def matches(self, pattern: str) -> list[str]:
        """Give the paths that match a pattern, sorted."""

    def make_folder(self, path: str) -> None:
        """Make a folder, and those above it; one that is there is fine."""

    def digest(self, path: str, start: int, end: int) -> str:
        """Give the SHA-256 of these bytes of a file; nothing if the machine cannot."""

    def reader(self, path: str, offset: int, size: int) -> Stream:
        """Open a file to read from an offset on."""

    def writer(self, path: str, offset: int, size: int) -> Stream:
        """Open a file to write: anew, or from an offset on; ``size`` is what it will have."""

    def move(self, path: str, to: str) -> None:
        """Put a file in the place of another, at once."""

    def remove(self, path: str) -> None:
        """Remove a file."""

    def remove_tree(self, path: str) -> None:
        """Remove a file, or a folder and all that is in it; links are not followed."""

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permissions."""

    def finish(self, path: str, mode: int, mtime: int) -> None:
        """Set permissions and the time of the last change."""

    def put_all(self, files: Sequence[Small]) -> list[Sunk]:
        """Write small files, and say why one was not; of one that is cut the time is not the one that is given."""


class LocalFiles:
    """The files of this machine."""

    where = "this machine"

    def full(self, path: str) -> str:
        """Give the path from the root; ``~`` is the home folder."""
        return str(Path(path).expanduser().absolute())

    def join(self, folder: str, name: str) -> str:
        """Give the path of a name in a folder."""
        return str(Path(folder, name))

    def look(self, path: str) -> Seen | None:
        """Say what there is; None if there is nothing."""
        try:
            found = Path(path).stat()
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP):
                return None
            raise
        version = f"{found.st_ino} {found.st_mtime_ns} {found.st_ctime_ns}"
        return _seen(found.st_size, int(found.st_mtime), found.st_mode, version)

    def real(self, path: str) -> str:
        """Give the path of what is there without any link in it."""
        return os.path.realpath(path)

    def names(self, folder: str) -> list[str]:
        """Give the names in a folder."""
        return sorted(found.name for found in Path(folder).iterdir())

    def matches(self, pattern: str) -> list[str]:
        """Give the paths that match a pattern, sorted."""
        return sorted(glob.glob(pattern))  # noqa: PTH207 - a pattern may begin at the root

    def make_folder(self, path: str) -> None:
        """Make a folder, and those above it; one that is there is fine."""
        Path(path).mkdir(parents=True, exist_ok=True)

    def digest(self, path: str, start: int, end: int) -> str:
        """Give the SHA-256 of these bytes of a file."""
        digest = hashlib.sha256()
        with Path(path).open("rb") as file:
            file.seek(start)
            while start < end and (block := file.read(min(BLOCK_BYTES, end - start))):
                digest.update(block)
                start += len(block)
        return digest.hexdigest()

    def reader(self, path: str, offset: int, size: int) -> Stream:
        """Open a file to read from an offset on."""
        found = Path(path).open("rb")  # noqa: SIM115 - the caller closes it
        found.seek(offset)
        return found

    def writer(self, path: str, offset: int, size: int) -> Stream:
        """Open a file to write: anew (for its owner only), or from an offset on."""
        flags = os.O_WRONLY | os.O_CREAT | (0 if offset else os.O_TRUNC)
        found = os.fdopen(os.open(path, flags, 0o600), "wb")
        found.seek(offset)
        return found

    def move(self, path: str, to: str) -> None:
        """Put a file in the place of another, at once."""
        Path(path).replace(to)

    def remove(self, path: str) -> None:
        """Remove a file."""
        Path(path).unlink()

    def remove_tree(self, path: str) -> None:
        """Remove a file, or a folder and all that is in it; links are not followed."""
        if Path(path).is_dir() and not Path(path).is_symlink():
            shutil.rmtree(path)
        else:
            Path(path).unlink()

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permissions."""
        Path(path).chmod(mode)

    def finish(self, path: str, mode: int, mtime: int) -> None:
        """Set permissions and the time of the last change."""
        self.set_mode(path, mode)
        os.utime(path, (mtime, mtime))

    def put_all(self, files: Sequence[Small]) -> list[Sunk]:
        """Write small files, and say why one was not; of one that is cut the time is not the one that is given."""
        return [self._put(file) for file in files]

    def _put(self, file: Small) -> Sunk:
        try:
            Path(file.path).write_bytes(file.data)
            self.finish(file.path, file.mode, file.mtime)
        except OSError as error:
            return error
        return None


class RemoteFiles:
    """The files of a host, by sftp.

    Parameters
    ----------
    remote : Remote
        The connection, which stays the caller's.

    Raises
    ------
    CopyFailed
        The host has no sftp.
    HostUnreachable
        The link is lost.
    """

    def __init__(self, remote: Remote) -> None:
        import paramiko

        self.where, self._name, self._remote = remote.where, remote.name, remote
        self._carrier = remote.subsystem("sftp") if remote.transport != "paramiko" else None
        channel: Any = self._channel() if self._carrier is None else _Plain(self._carrier.sock)
        try:
            self._sftp: paramiko.SFTPClient = paramiko.SFTPClient(channel)
        except (paramiko.SSHException, EOFError, OSError) as error:
            channel.close()
            if self._carrier is not None:
                self._carrier.close()
            raise self._no_sftp(str(error) or "the subsystem ended") from error
        self._home = ""

    def _channel(self) -> Any:
        try:
            channel = self._remote.subsystem_channel("sftp").channel
        except HostUnreachable as error:
            if not self._remote.is_alive():
                raise
            raise self._no_sftp("its sshd refuses the subsystem") from error
        channel.settimeout(STALL_S)
        return channel

    def _no_sftp(self, cause: str) -> CopyFailed:
        cure = "ask for the sftp subsystem in its sshd_config (Subsystem sftp internal-sftp)"
        return CopyFailed(f"{self.where} has no sftp", cause=cause, cure=cure, host=self._name)

    def close(self) -> None:
        """Close the sftp session."""
        self._sftp.close()
        if self._carrier is not None:
            self._carrier.close()

    def full(self, path: str) -> str:
        """Give the path from the root; ``~`` is the home folder, which a relative path begins at."""
        if not self._home:
            self._home = self._sftp.normalize(".")
        first, _, rest = path.partition("/")
        if first.startswith("~") and first != "~":
            raise BadOption(f"{first} is not looked up on {self.where}", cure="write the path from the root")
        return posixpath.normpath(posixpath.join(self._home, rest if first == "~" else path))

    def join(self, folder: str, name: str) -> str:
        """Give the path of a name in a folder."""
        return posixpath.join(folder, name)

    def look(self, path: str) -> Seen | None:
        """Say what there is; None if there is nothing."""
        try:
            found = self._sftp.stat(wire.path(path))
        except FileNotFoundError:
            return None
        except OSError as error:  # sftp has no number for a link that leads to itself
            if error.errno is not None or isinstance(error, TimeoutError):
                raise
            if not stat.S_ISLNK(self._sftp.lstat(wire.path(path)).st_mode or 0):
                raise
            return None
        return _seen(found.st_size or 0, int(found.st_mtime or 0), found.st_mode or 0)

    def real(self, path: str) -> str:
        """Give the path of what is there without any link in it, as far as the host says."""
        return wire.text(wire.real_path(self._sftp, path))

    def names(self, folder: str) -> list[str]:
        """Give the names in a folder; a host that shows ``../x`` as one is not believed."""
        names = sorted(wire.text(name) for name in wire.names_in(self._sftp, folder))
        if any(name in ("", ".", "..") or set(name) & {"/", "\0", os.sep} for name in names):
            raise OSError(f"{self.where} shows names of files that are paths")
        return names

    def matches(self, pattern: str) -> list[str]:
        """Give the paths that match a pattern, sorted."""
        return sorted(self._matches("/", pattern.strip("/").split("/")))

    def _matches(self, folder: str, parts: list[str]) -> Iterator[str]:
        first, *rest = parts
        names = [first]
        if glob.has_magic(first):
            shown = (n for n in self._names_or_none(folder) if first.startswith(".") or not n.startswith("."))
            names = fnmatch.filter(shown, first)
        for name in names:
            path = self.join(folder, name)
            if rest:
                yield from self._matches(path, rest)
            elif self.look(path):
                yield path

    def _names_or_none(self, folder: str) -> list[str]:
        with contextlib.suppress(OSError):
            return self.names(folder)
        return []

    def make_folder(self, path: str) -> None:
        """Make a folder, and those above it; one that is there is fine."""
        found = self.look(path)
        if found and found.is_folder:
            return
        parent = posixpath.dirname(path)
        if parent != path and not found:
            self.make_folder(parent)
        self._sftp.mkdir(wire.path(path))

    def digest(self, path: str, start: int, end: int) -> str:
        """Give the SHA-256 of these bytes of a file; nothing if the host has no program for it."""
        command = ["sh", "-c", _DIGEST, "sh", path, str(start + 1), str(end - start)]
        with contextlib.suppress(CommandFailed):
            said = self._remote.run(command, timeout=STALL_S, setup=False).stdout.split()
            return said[0].decode("ascii", "replace") if said else ""
        return ""

    def reader(self, path: str, offset: int, size: int) -> Stream:
        """Open a file to read from an offset on."""
        if size - offset > SMALL_BYTES:
            return _Streamed(self._remote, ["tail", "-c", f"+{offset + 1}", "--", path], is_written=False)
        found = self._sftp.open(wire.path(path), "rb")
        found.seek(offset)
        return found

    def writer(self, path: str, offset: int, size: int) -> Stream:
        """Open a file to write: anew (for its owner only), or from an offset on."""
        found = self._sftp.open(wire.path(path), "r+b" if offset else "wb")
        if not offset:
            found.chmod(0o600)
        if size - offset > SMALL_BYTES:
            found.close()
            return _Streamed(self._remote, ["sh", "-c", 'cat >>"$1"', "sh", path], is_written=True)
        found.seek(offset)
        return found

    def move(self, path: str, to: str) -> None:
        """Put a file in the place of another, at once (with OpenSSH's extension; else one after the other)."""
        try:
            self._sftp.posix_rename(wire.path(path), wire.path(to))
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                self._sftp.remove(wire.path(to))
            self._sftp.rename(wire.path(path), wire.path(to))

    def remove(self, path: str) -> None:
        """Remove a file."""
        self._sftp.remove(wire.path(path))

    def remove_tree(self, path: str) -> None:
        """Remove a file, or a folder and all that is in it; links are not followed."""
        if not stat.S_ISDIR(self._sftp.lstat(wire.path(path)).st_mode or 0):
            return self._sftp.remove(wire.path(path))
        for name in self.names(path):
            self.remove_tree(self.join(path, name))
        self._sftp.rmdir(wire.path(path))

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permissions."""
        self._sftp.chmod(wire.path(path), mode)

    def finish(self, path: str, mode: int, mtime: int) -> None:
        """Set both in one round trip; paramiko's own methods take one for each."""
        import paramiko

        told = paramiko.SFTPAttributes()
        told.st_mode, told.st_atime, told.st_mtime = mode, mtime, mtime
        self._sftp._request(paramiko.sftp.CMD_SETSTAT, wire.path(path), told)  # type: ignore[attr-defined]

    def put_all(self, files: Sequence[Small]) -> list[Sunk]:
        """Write small files, and say why one was not; of one that is cut the time is not the one that is given."""
        return put_all(self._sftp, files)


class _Streamed:
    """A file that a command on the host reads or writes; the command's own words are the error."""

    def __init__(self, remote: Remote, command: list[str], *, is_written: bool) -> None:
        self._carrier, self._is_written = remote.open(command, setup=False), is_written
        self._carrier.sock.settimeout(STALL_S)

    def read(self, size: int) -> bytes:
        block = self._carrier.sock.recv(size)
        if not block:
            self._check()
        return block

    def write(self, data: bytes) -> None:
        try:
            self._carrier.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self._check()
            raise
        if self._carrier.why_ended():
            self._check()

    def _check(self) -> None:
        if not self._carrier.wait_ended(STALL_S):
            raise TimeoutError("the command that reads or writes it does not end")
        if self._carrier.exit_status is None:
            raise ConnectionError(self._carrier.why_ended())
        if self._carrier.exit_status:
            said = self._carrier.error_text().strip().rpartition("\n")[2]
            full = "no space" in said.lower() or "quota" in said.lower()
            raise OSError(errno.ENOSPC if full else errno.EIO, said or self._carrier.why_ended())

    def close(self) -> None:
        """End it; what was sent is on the disk, or it raises."""
        try:
            with contextlib.suppress(OSError):
                self._carrier.sock.shutdown(socket.SHUT_WR)
            if self._is_written:
                self._check()
        finally:
            self._carrier.close()


class _Plain:
    """A socket with the methods of a channel that sftp calls."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        sock.settimeout(STALL_S)

    def send(self, data: bytes) -> int:
        return self._sock.send(data)

    def recv(self, size: int) -> bytes:
        return self._sock.recv(size)

    def recv_ready(self) -> bool:
        return bool(select.select([self._sock], [], [], 0)[0])

    def close(self) -> None:
        """Leave it open: its carrier closes it."""

    def get_name(self) -> str:
        return "sftp"
