"""The far end of a carrier as a channel of paramiko's."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from pathos_nb.errors import HostError
from pathos_nb.secure.credit import FIRST_BYTES, LONGEST_BYTES
from pathos_nb.secure.inflow import Inflow
from pathos_nb.secure.link import Link

if TYPE_CHECKING:
    import paramiko

__all__ = ["FarChannel"]

READ_BYTES = 1 << 18
KILL_S = 1.0


class FarChannel:
    """A session channel in which a line runs, or a subsystem.

    Parameters
    ----------
    link : Link
        The connection.
    line : str
        What the login shell is given; with ``is_subsystem`` the subsystem's name.
    timeout : float
        Seconds to open it.
    """

    def __init__(self, link: Link, line: str, timeout: float, *, is_subsystem: bool = False) -> None:
        import paramiko

        self.where, self._link = link.where, link
        self.channel: paramiko.Channel = link.session(timeout, LONGEST_BYTES if is_subsystem else FIRST_BYTES)
        self.channel.settimeout(timeout)
        self._inflow = Inflow(self.channel, 0.0 if is_subsystem else link.trip_s)
        try:
            (self.channel.invoke_subsystem if is_subsystem else self.channel.exec_command)(line)
        except (paramiko.SSHException, OSError, EOFError) as error:
            self.channel.close()
            raise link.lost(error) from error
        self.channel.settimeout(None)

    def read(self) -> bytes:
        """Give the next bytes of stdout; none at its end."""
        return self._inflow.take(READ_BYTES)

    def flow_to(self, sink: socket.socket) -> None:
        """Have stdout handed on to a socket as it comes; what is not, `read` gives."""
        self._inflow.flow_to(sink)

    def read_error(self) -> bytes:
        """Give the next bytes of stderr; none at its end."""
        return self.channel.recv_stderr(READ_BYTES)

    def write(self, data: memoryview) -> None:
        """Send all of it to stdin."""
        try:
            while data:
                data = data[self.channel.send(bytes(data[: self.channel.out_max_packet_size])) :]
        except EOFError as error:  # what paramiko raises where the transport was closed meanwhile
            raise BrokenPipeError(str(error)) from error

    def end_input(self) -> None:
        """Close stdin."""
        self.channel.shutdown_write()

    def status(self, timeout: float) -> int | None:
        """Give the exit status, None if there is none."""
        self.channel.status_event.wait(timeout)
        return self.channel.exit_status if self.channel.exit_status >= 0 else None

    def signal(self, name: str, pid: int) -> None:
        """Send a signal to the command's process group, by a second session.

        sshd could be asked to do it (RFC 4254, 6.9). But it refuses for root, and drops the whole connection if the
        command's channel ends meanwhile; so that is left for when there is no second session.
        """
        if pid and self._kill_by_session(f"kill -{name} -{pid}"):
            return
        if not (self.channel.closed or self.channel.exit_status_ready()):
            self._ask_sshd(name)

    def _ask_sshd(self, name: str) -> None:
        import paramiko

        message = paramiko.Message()
        message.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
        message.add_int(self.channel.remote_chanid)
        message.add_string("signal")
        message.add_boolean(False)
        message.add_string(name)
        with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
            self._link.transport._send_user_message(message)  # type: ignore[attr-defined]

    def _kill_by_session(self, line: str) -> bool:
        with contextlib.suppress(HostError):
            killer = FarChannel(self._link, line, KILL_S)
            is_done = killer.channel.status_event.wait(KILL_S)
            killer.close()
            return is_done
        return False

    def lost(self) -> str:
        """Say why the link is lost; nothing while it stands."""
        return "" if self._link.is_alive() else str(self._link.lost().cause)

    def close(self) -> None:
        """Close the channel."""
        with contextlib.suppress(OSError, EOFError):
            self.channel.close()
