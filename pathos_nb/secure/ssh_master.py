"""An ``ssh`` that was let in by answers: all others to that host go over its connection, and ask nothing more.

::

    ssh (ControlMaster) ══ sshd           a command of its own shows that the link stands, and ends it with its stdin
      ▲ folder (0700)/way
      └── ssh … ssh: each command, copy and tunnel
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from pathos_nb.errors import HostError, HostUnreachable, LoginRefused
from pathos_nb.secure.askpass import Questions
from pathos_nb.secure.carrier import Carrier
from pathos_nb.secure.endings import TELLS, Endings
from pathos_nb.secure.link import LinkOptions
from pathos_nb.secure.openssh import OpenSsh
from pathos_nb.secure.shell import Marker, SetUp, line_for

__all__ = ["Master"]


class Master:
    """A connection of the system's ``ssh``.

    Parameters
    ----------
    ssh : OpenSsh
        How it is called.
    options : LinkOptions
        Who is asked, and which unknown keys are accepted.

    Attributes
    ----------
    ssh : OpenSsh
        How those are called that go over it.
    endings : Endings or None
        What it tells of connections that were handed to it; None if it tells nothing.

    Raises
    ------
    HostUnreachable, HostKeyRefused, LoginRefused, CommandFailed
        It did not connect; nothing stays open.
    """

    def __init__(self, ssh: OpenSsh, options: LinkOptions) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pathos-nb-"))
        self.ssh = replace(ssh, control=str(self._folder / "way"))
        self.endings = Endings() if ssh.tells_of_endings() else None
        try:
            self._carrier = self._opened(options)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _opened(self, options: LinkOptions) -> Carrier:
        marker, tells = Marker(), TELLS if self.endings is not None else ()
        with Questions(self._folder, self.ssh.target.host, self.ssh.where, options) as questions:
            line, environ = line_for(["cat"], marker, SetUp()), questions.environ
            carrier = Carrier(self.ssh.start(line, *tells, asking=environ, endings=self.endings), marker)
            try:
                questions.attend(carrier)
            except HostError as error:
                raise self._refusal(error, carrier.error_text(), questions.answered) from None
        carrier.pid = 0  # to end it is to end ssh itself: no other ssh is asked to, which a lost link would keep
        return carrier

    def _refusal(self, error: HostError, said: str, answered: list[str]) -> HostError:
        """Give what ssh says of its end as an error of ours; errors that say it already as they are."""
        told = self.ssh.trouble(said) if type(error) is HostUnreachable and said else error
        if isinstance(told, LoginRefused) and told is not error and answered:
            told.what = f"{self.ssh.where} was not let in"
            told.cause = f"tried: answers to {', '.join(dict.fromkeys(answered))}; {told.cause}"
            told.cure = "check the user's name, and what was answered"
        return told

    def round_trip(self, timeout: float) -> float:
        """Give the seconds of one byte there and back.

        Raises
        ------
        HostUnreachable
            It has ended, or no answer came in time; it is closed then.
        """
        begun = time.monotonic()
        try:
            self._carrier.sock.settimeout(timeout)
            self._carrier.sock.sendall(b"x")
            answer = self._carrier.sock.recv(1)
        except OSError:
            answer = b""
        if not answer:
            cause = self._carrier.why_ended() or f"no answer within {timeout:g} s"
            self._carrier.close()
            raise self.lost(cause)
        return time.monotonic() - begun

    def lost(self, cause: str = "") -> HostUnreachable:
        """Give the error that says that the link is lost."""
        what = f"the link to {self.ssh.where} was lost"
        return HostUnreachable(
            what, cause=cause or self._carrier.why_ended(), cure="connect again", host=self.ssh.target.host
        )

    def is_alive(self) -> bool:
        """Say whether ssh still runs."""
        return not self._carrier.why_ended()

    def close(self) -> None:
        """End ssh, and all that goes over it."""
        self._carrier.close()
        shutil.rmtree(self._folder, ignore_errors=True)
