"""What the system's ``ssh`` asks, asked where the user is: passwords, passphrases, one-time codes, unknown keys.

::

    ssh ── runs ──► askpass_program ══ a socket in our folder (0700) ══ Questions, in the caller's thread ──► ask(…)
                        └─► answer on its stdout, to ssh

An answer is in no argument, no environment and no file.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shlex
import socket
import sys
import threading
import time
from pathlib import Path

from pathos_nb.errors import HostKeyRefused, HostUnreachable, LoginRefused
from pathos_nb.secure import askpass_program
from pathos_nb.secure.carrier import Carrier
from pathos_nb.secure.link import LinkOptions

__all__ = ["Questions"]

BLOCK_BYTES = 4096
PROMPT_BYTES = 1 << 16
SAY_S = 2.0  # until the program has said its question
GRACE_S = 1.0
_WAIT_S = 1e6  # the deadline is the loop's
_COMPARE = (
    "compare the fingerprint with the host's own (ssh-keygen -lf), then connect with --fingerprint {}, "
    "or with --accept-new"
)
_UNKNOWN_KEY = re.compile(r"(\S+) key fingerprint is (SHA256:[A-Za-z0-9+/]+)")


class Questions:
    """Where an ``ssh`` that is just connecting asks.

    Parameters
    ----------
    folder : Path
        Of ours, which nobody else enters.
    host, where : str
        The host, as the user calls it and as messages name it.
    options : LinkOptions
        Who is asked, and which unknown keys are accepted.

    Attributes
    ----------
    environ : dict
        What ssh has to be started with.
    answered : list of str
        What it has asked, and had an answer to.
    """

    def __init__(self, folder: Path, host: str, where: str, options: LinkOptions) -> None:
        self._host, self._where, self._options = host, where, options
        self.answered: list[str] = []
        place, program = folder / "ask", folder / "askpass"
        words = [sys.executable, "-I", "-S", askpass_program.__file__, str(place)]
        program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$1"\n', encoding="utf-8")
        program.chmod(0o700)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listener.bind(str(place))
            place.chmod(0o600)
            self._listener.listen()
        except BaseException:
            self._listener.close()
            raise
        self.environ = {**os.environ, "SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force"}
        self.environ.setdefault("DISPLAY", ":")  # before 8.4 it asks only where there is one

    def __enter__(self) -> Questions:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def attend(self, carrier: Carrier) -> None:
        """Answer what ssh asks, until its command has begun.

        Parameters
        ----------
        carrier : Carrier
            What ssh is to begin; it is closed if it does not.

        Raises
        ------
        HostKeyRefused, LoginRefused
            A key is unknown, or what was asked was not answered.
        HostUnreachable, CommandFailed
            It did not begin, or not in time: that of typing does not count.
        """
        over, told = socket.socketpair()
        failures: list[BaseException] = []
        waiter = threading.Thread(target=_wait, args=(carrier, failures, told), name="pathos-nb asks", daemon=True)
        waiter.start()
        try:
            with over:
                self._answer_until(over)
        except BaseException:
            carrier.close()
            raise
        finally:
            waiter.join(GRACE_S)
        if failures:
            carrier.close()
            raise failures[0]

    def _answer_until(self, over: socket.socket) -> None:
        deadline = self._deadline()
        with selectors.DefaultSelector() as selector:
            for each in (over, self._listener):
                selector.register(each, selectors.EVENT_READ)
            while ready := [key.fileobj for key, _ in selector.select(max(0.0, deadline - time.monotonic()))]:
                if over in ready:
                    return
                self._answer_next()
                deadline = self._deadline()
        raise HostUnreachable(
            f"ssh did not connect to {self._where} within {self._options.timeout:g} s",
            cause="it is off, or a firewall swallows the packets",
            cure="check the name and the network, or go through another host (--through)",
            host=self._host,
        )

    def _deadline(self) -> float:
        return time.monotonic() + self._options.timeout + SAY_S

    def _answer_next(self) -> None:
        stream, _ = self._listener.accept()
        with stream:
            answer = self._answer(_plain(_heard(stream)))
            with contextlib.suppress(OSError):  # ssh has gone, and its program with it
                stream.sendall(askpass_program.ANSWERED + answer.encode())

    def _answer(self, prompt: str) -> str:
        shown = _UNKNOWN_KEY.search(prompt)
        if shown and "yes/no" in prompt:
            return self._trusted(shown[1], shown[2])
        told = prompt if self._host in prompt else f"{self._host}: {prompt}"  # ssh names an address, or a file
        answer = self._options.ask(told, True) if self._options.ask else None
        if answer is None:
            raise LoginRefused(
                f"{self._where} was not let in",
                cause=f'ssh asked "{prompt.strip()}", and had no answer',
                cure="log in from a terminal or a notebook, where a password can be asked; or add the key to the agent",
                host=self._host,
            )
        self.answered.append(prompt.strip())
        return answer

    def _trusted(self, kind: str, fingerprint: str) -> str:
        """Give what ssh compares with the key itself."""
        if self._options.accept_new:
            return "yes"
        if fingerprint in self._options.fingerprints:
            return fingerprint
        raise HostKeyRefused(
            f"a key on the way to {self._host} is not known: {kind} {fingerprint}",
            cause="nobody has connected to it from here before",
            cure=_COMPARE.format(fingerprint),
            host=self._host,
            fingerprint=fingerprint,
            is_new=True,
        )


def _wait(carrier: Carrier, failures: list[BaseException], told: socket.socket) -> None:
    try:
        carrier.wait_begun(_WAIT_S)
    except BaseException as failure:  # it is raised in the caller's thread
        failures.append(failure)
    finally:
        told.close()


def _heard(stream: socket.socket) -> str:
    said, until_s = b"", time.monotonic() + SAY_S
    with contextlib.suppress(OSError):  # it says no more
        while len(said) < PROMPT_BYTES and (left_s := until_s - time.monotonic()) > 0:
            stream.settimeout(left_s)  # for all of it: who says a letter a second would have a question for a day
            if not (block := stream.recv(BLOCK_BYTES)):
                break
            said += block
    stream.settimeout(SAY_S)
    return said.decode("utf-8", "replace")


def _plain(prompt: str) -> str:
    return "".join(c for c in prompt if c.isprintable() or c in "\n ")
