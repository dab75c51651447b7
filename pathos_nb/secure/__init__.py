"""ssh: connections to hosts, and what pathos' ``secure`` offers on them.

============  =====================================================
`Pipe`        a command on a host: output, exit status, stdin, kill
`Copier`      files and folders, both ways
`Tunnel`      a local port that leads to a port on a host
`Remote`      the connection that they stand on
============  =====================================================
"""

from __future__ import annotations

from pathos_nb.secure.connection import Pipe
from pathos_nb.secure.copier import Copier
from pathos_nb.secure.remote import Remote
from pathos_nb.secure.tunnel import Tunnel, TunnelException

__all__ = ["Copier", "Pipe", "Remote", "Tunnel", "TunnelException"]
