r"""The one way in which a command reaches a host's shell, whatever that shell is.

ssh hands over one line of text, and the user's login shell there (bash, csh, fish ...) takes it apart. So the line is
always the same sentence, in which the only thing that varies is a run of letters, digits and ``\0ooo`` codes between
quotes; ``printf %b`` turns it into a script for bash (or sh), in which each word of the user's is quoted. The script

1. sources the host's profile and runs its set-up lines, with their output on stderr and no stdin,
2. writes a marker with its process id: what a login shell or a profile says comes before it, and is not the command's,
3. becomes the command (``exec``): the id is the command's own.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from pathos_nb.errors import BadOption

__all__ = ["HOOK_STATUS", "Marker", "SetUp", "failed_line", "line_for"]

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=:,+@%-")
_SENTENCE = (
    'exec /bin/sh -c \'s=$(command -v bash) || s=/bin/sh; exec "$s" -c "$(printf %b "$1")" pathos_nb\' sh \'{}\''
)
HOOK_STATUS = 125  # a set-up line failed
_FAILED = "pathos_nb: the set-up line failed: "
MAX_LINE_BYTES = 100_000  # Linux takes 131072 bytes as one argument


@dataclass(frozen=True, slots=True)
class SetUp:
    """What is done on a host before a command: a profile to source, lines for its shell.

    Attributes
    ----------
    profile : str
        A file, from the home folder if it is not absolute; passed over if it is not there.
    lines : tuple of str
        Such as ``module load python``. They come from the host registry, that is, from the user. Without a profile
        ``/etc/profile`` is sourced before them, but what the PATH had is found first all the same.
    """

    profile: str = ""
    lines: tuple[str, ...] = ()


class Marker:
    """The line that comes before a command's own output: a word nobody can guess, and the process id."""

    def __init__(self) -> None:
        self.word = f"pathos-nb-{secrets.token_hex(12)}"

    def found_in(self, data: bytes) -> tuple[bytes, int, bytes] | None:
        """Take the first output apart.

        Parameters
        ----------
        data : bytes
            All that has come so far.

        Returns
        -------
        tuple or None
            What came before the marker, the process id, what came after; None until the marker is complete.
        """
        before, found, after = data.partition(b"\n" + self.word.encode() + b" ")
        number, end, rest = after.partition(b"\n")
        return (before, int(number), rest) if found and end and number.isdigit() else None


def line_for(command: Sequence[str], marker: Marker, setup: SetUp) -> str:
    """Give the line that runs a command on a host.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    marker : Marker
        What comes before its output.
    setup : SetUp
        What is done before.

    Returns
    -------
    str
        Text for any shell.

    Raises
    ------
    BadOption
        The command is empty, has a NUL in it, or is too long.
    """
    words = [str(word) for word in command]
    if not words or not words[0] or any("\0" in word for word in words):
        raise BadOption("a command has at least one word, and no NUL in it")
    line = _SENTENCE.format(_coded(_script(words, marker, setup)))
    if len(line) > MAX_LINE_BYTES:
        raise BadOption(f"the command is too long for a line ({len(line)} bytes)", cure="send it by stdin")
    return line


def _coded(script: str) -> str:
    return "".join(chr(b) if b in _PLAIN else f"\\0{b:03o}" for b in script.encode("utf-8", "surrogateescape"))


def _script(words: list[str], marker: Marker, setup: SetUp) -> str:
    # A `cd` in a profile must not move the command: it begins where ssh does, in the home folder.
    parts = [_profile(setup), *map(_setup_line, setup.lines), 'cd "$HOME" 2>/dev/null']
    parts += [f"printf '\\n%s %s\\n' {marker.word} $$", f"exec {shlex.join(words)}"]
    return "\n".join(part for part in parts if part)


def _profile(setup: SetUp) -> str:
    """Source the profile; where there are only lines, that of the system, which defines `module`.

    The system's sets a PATH of its own. What was found without it stays first, so that adding a line to a host does not
    silently change its Python; a line such as ``module load python`` puts its own before both.
    """
    if setup.profile:
        name = shlex.quote(setup.profile)
        return f'p={name}; case $p in /*) ;; *) p=$HOME/$p ;; esac\n[ -r "$p" ] && {{ . "$p"; }} </dev/null >&2'
    if setup.lines:
        kept = "pathos_nb_path=$PATH; . /etc/profile; PATH=$pathos_nb_path:$PATH; unset pathos_nb_path"
        return f"[ -r /etc/profile ] && {{ {kept}; }} </dev/null >&2"
    return ""


def _setup_line(line: str) -> str:
    """Run a line in this very shell; ``eval`` keeps a line that no shell understands from spoiling the others."""
    said = shlex.quote(_FAILED + line)
    return f"eval {shlex.quote(line)} </dev/null >&2 || {{ printf '%s\\n' {said} >&2; exit {HOOK_STATUS}; }}"


def failed_line(said: str) -> str:
    """Give the set-up line that failed.

    Parameters
    ----------
    said : str
        What came on stderr.

    Returns
    -------
    str
        Empty if none did.
    """
    return next((line[len(_FAILED) :] for line in reversed(said.splitlines()) if line.startswith(_FAILED)), "")
