"""Whether silence means that the way is cut: asked of this machine's own table of connections, where it has one.

A pool that says nothing may compute, and hold its interpreter for a while; its machine then still acknowledges what is
sent to it. Over a link that is cut nobody does, and the system sends the same again and again. So an agent need not
wait as long as for a pool that is only busy. Behind a jump host the connection is the jump host's: that its further
way is cut is not seen here, and the pool says how long a silence may last (`agent_patience`).

References
----------
proc_net_tcp in the kernel's documentation; sshd(8), SSH_CONNECTION.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

__all__ = ["is_cut", "unanswered"]

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_SENT_AGAIN = "01"  # the timer that runs: something is sent again
_TIMES = 2  # once may be a lost packet


def is_cut(connection: str | None = None) -> bool:
    """Say whether what this session of sshd sends is acknowledged no more.

    Parameters
    ----------
    connection : str, optional
        As sshd tells it (``SSH_CONNECTION``): address and port there, address and port here.

    Returns
    -------
    bool
        False as well where it cannot be known.
    """
    words = (os.environ.get("SSH_CONNECTION", "") if connection is None else connection).split()
    try:
        there, here = (_place(words[i], int(words[i + 1])) for i in (0, 2))
    except (IndexError, OSError, ValueError):
        return False
    return any(unanswered(table, there, here) >= _TIMES for table in _read())


def _read() -> list[str]:
    found = []
    for path in _TABLES:
        try:
            found.append(Path(path).read_text(encoding="ascii"))
        except OSError:  # another system, or one without such addresses
            continue
    return found


def _place(address: str, port: int) -> str:
    """Give an address as the table has it, in groups of four bytes in the machine's own order; the last will do."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address.partition("%")[0])
    return f"{int.from_bytes(packed[-4:], sys.byteorder):08X}:{port:04X}"


def unanswered(table: str, there: str, here: str) -> int:
    """Give how often the oldest thing was sent that is not acknowledged.

    Parameters
    ----------
    table : str
        The system's, of one kind of addresses.
    there, here : str
        The ends of the connection, as the table writes them; the end of an address is enough.

    Returns
    -------
    int
        0 if all is acknowledged, or there is no such connection.
    """
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 6 and fields[1].endswith(here) and fields[2].endswith(there):
            return int(fields[6], 16) if fields[5].startswith(_SENT_AGAIN) else 0
    return 0
