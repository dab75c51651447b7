"""The connections to one host: one as a rule, and more when sshd opens no further session on it (``MaxSessions``).

sshd allows ten sessions a connection unless it is told otherwise, and each agent, command and copy takes one. So when
there is no room another connection is made, without asking anybody: by the keys and the agent that let us in before.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from pathos_nb.errors import CommandFailed, HostError, HostUnreachable
from pathos_nb.secure.channel import FarChannel
from pathos_nb.secure.config import Hop
from pathos_nb.secure.link import Link, LinkOptions

__all__ = ["Links"]

MAX_SPARE = 8


class Links:
    """Connections to a host.

    Parameters
    ----------
    name : str
        The host, as the user calls it.
    route : callable
        Gives the hops to it, as the configuration has them now.
    options : LinkOptions
        How to connect.
    """

    def __init__(self, name: str, route: Callable[[], Sequence[Hop]], options: LinkOptions) -> None:
        self._name, self._route, self._options = name, route, options
        self._lock, self._growing = threading.Lock(), threading.Lock()
        self._main: Link | None = None
        self._is_over = False
        self._spare: list[Link] = []
        self._opening: list[Link] = []

    @property
    def main(self) -> Link:
        """The connection that was made first.

        Raises
        ------
        HostUnreachable
            It is closed.
        """
        main = self._main
        if main is None:
            raise self._was_closed()
        return main

    def is_alive(self) -> bool:
        """Say whether the first connection stands, as far as is known without asking the host."""
        main = self._main
        return main is not None and main.is_alive()

    def open(self) -> None:
        """Connect.

        Raises
        ------
        HostUnreachable, HostKeyRefused, LoginRefused
            It did not connect, or was closed meanwhile.
        """
        link = self._opened(self._options)
        with self._lock:
            self._main = link

    def _opened(self, options: LinkOptions) -> Link:
        link = Link(self._route(), options)
        with self._lock:
            if self._is_over:
                raise self._was_closed()
            self._opening.append(link)
        try:
            link.open()
        finally:
            with self._lock:
                is_wanted = link in self._opening
                self._opening = [other for other in self._opening if other is not link]
        if not is_wanted:
            link.close()
            raise self._was_closed()
        return link

    def _was_closed(self) -> HostUnreachable:
        return HostUnreachable(f"the connection to {self._name} is closed", cure="connect again", host=self._name)

    def channel(self, line: str, *, is_subsystem: bool = False) -> FarChannel:
        """Open a session for a command or a subsystem, on whichever connection has room.

        Parameters
        ----------
        line : str
            What the login shell is given; with ``is_subsystem`` the subsystem's name.
        is_subsystem : bool
            That is what it is.

        Returns
        -------
        FarChannel

        Raises
        ------
        CommandFailed
            There is no room, and no further connection is let in.
        HostUnreachable
            The link is lost.
        """
        main, refusal = self.main, CommandFailed("no session was asked for")
        for link in (main, *self._alive()):
            try:
                return FarChannel(link, line, self._options.timeout, is_subsystem=is_subsystem)
            except CommandFailed as error:
                refusal = error
        return FarChannel(self._one_more(refusal), line, self._options.timeout, is_subsystem=is_subsystem)

    def _alive(self) -> list[Link]:
        with self._lock:
            self._spare = [link for link in self._spare if link.is_alive()]
            return list(self._spare)

    def _one_more(self, refusal: CommandFailed) -> Link:
        n_before = len(self._alive())
        with self._growing:
            spare = self._alive()
            if len(spare) > n_before:  # somebody else has just made one
                return spare[-1]
            if len(spare) >= MAX_SPARE:
                raise refusal
            try:
                link = self._opened(replace(self._options, ask=None, accept_new=False))
            except HostError as error:
                refusal.cause = f"{refusal.cause}; nor does it let in another connection: {error.what}"
                raise refusal from error
            with self._lock:
                self._spare.append(link)
        return link

    def close(self, *, for_good: bool = False) -> None:
        """Close all, and what is just being opened; for good, so that none is opened any more."""
        with self._lock:
            self._is_over = self._is_over or for_good
            links = [*self._opening, *self._spare, *([self._main] if self._main else [])]
            self._opening, self._spare, self._main = [], [], None
        for link in links:
            with contextlib.suppress(OSError):
                link.close()
