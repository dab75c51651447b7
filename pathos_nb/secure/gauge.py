"""How a host is just now: a small script that stays there and answers a line with a line, for as long as one looks."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass

from pathos_nb.errors import HostUnreachable
from pathos_nb.secure.remote import Remote

__all__ = ["Gauge", "Reading"]

_ANSWER_S = 5.0
_LINE_BYTES = 256
# The first line tells the way's length: it is written before anything is looked up. Nothing of a user's is in it.
_SCRIPT = r"""
while read -r ask; do
  echo .
  free=
  if [ -r /proc/loadavg ]; then
    read -r load rest </proc/loadavg
    while read -r key value rest; do case $key in MemAvailable:) free=$value ;; esac; done </proc/meminfo
  else load=$(sysctl -n vm.loadavg 2>/dev/null | cut -d ' ' -f 2); fi
  echo "$load $free"
done
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured: seconds of a question and its answer, processes that want to run, bytes of free memory."""

    round_trip_s: float
    load: float | None
    free_bytes: int | None


class Gauge:
    """A question that can be asked again and again, over one channel of a connection.

    Parameters
    ----------
    remote : Remote
        The connection.

    Raises
    ------
    HostError
        The script could not be begun there.
    """

    def __init__(self, remote: Remote) -> None:
        self._where = remote.where
        self._carrier = remote.open(["/bin/sh", "-c", _SCRIPT], setup=False)
        self._carrier.sock.settimeout(_ANSWER_S)

    def read(self) -> Reading:
        """Measure.

        Returns
        -------
        Reading

        Raises
        ------
        HostUnreachable
            There was no answer within some seconds.
        """
        begun = time.monotonic()
        try:
            self._carrier.sock.sendall(b"\n")
            rest = self._lines(b"", 1)
            took_s = time.monotonic() - begun
            return _reading(took_s, self._lines(rest, 2))
        except OSError as error:
            cause = self._carrier.why_ended() or str(error)
            raise HostUnreachable(f"{self._where} does not answer", cause=cause, cure="try again later") from error

    def _lines(self, begun: bytes, n: int) -> bytes:
        while begun.count(b"\n") < n:
            block = self._carrier.sock.recv(_LINE_BYTES)
            if not block or len(begun) > _LINE_BYTES:
                raise ConnectionResetError("the script ended, or is another one")
            begun += block
        return begun

    def close(self) -> None:
        """End the script; who waits for an answer is let go."""
        with contextlib.suppress(OSError):
            self._carrier.sock.shutdown(socket.SHUT_RDWR)
        self._carrier.close()


def _reading(took_s: float, said: bytes) -> Reading:
    words = said.decode("ascii", "replace").splitlines()[1].split(" ")
    return Reading(took_s, _number(words[0]), int(free * 1024) if (free := _number("".join(words[1:2]))) else None)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
