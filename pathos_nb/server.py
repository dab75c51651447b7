"""Servers: the base class of pathos, a ppft server of this machine, and ``python -m pathos_nb.server``.

::

    python -m pathos_nb.server --port 0 --nodes 4        the first line of its standard input is the secret
    {"port": 40213, "pid": 4711}                         its answer

It listens on loopback only, takes callers that know the secret, and ends when its standard input closes or the process
that started it is gone.

Examples
--------
>>> from pathos_nb.parallel import ParallelPool
>>> from pathos_nb.server import LocalServer
>>> with LocalServer(nodes=2) as server:  # doctest: +SKIP
...     ParallelPool(0, servers=(server.address,)).map(pow, [2, 3], [5, 2])
[32, 9]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from pathos_nb import known_servers
from pathos_nb.dispatch.staffing import checked_offer
from pathos_nb.errors import BadOption
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.ppft_process import ServerProcess, run
from pathos_nb.selector import Selector

__all__ = ["LocalServer", "Server"]


class Server:
    """What pathos' servers are made of: something that waits by a selector, and can be timed."""

    def __init__(self) -> None:
        self._selector: Any = None

    def selector(self) -> Any:
        """Give the selector, None before `activate`."""
        return self._selector

    def activate(self, onTimeout: Callable[..., Any] | None = None, selector: Any = None) -> None:  # noqa: N803
        """Take a selector.

        Parameters
        ----------
        onTimeout : callable, optional
            Called whenever nothing has happened for as long as `serve` says.
        selector : Selector, optional
            The one to use; a new one by default.
        """
        if selector is None:
            selector = Selector()
        if onTimeout is not None:
            selector.notifyWhenIdle(onTimeout)
        self._selector = selector

    def deactivate(self) -> None:
        """Have the selector stop."""
        self._selector.state = False

    def serve(self, timeout: Any) -> None:
        """Wait for what happens, until `deactivate`.

        Parameters
        ----------
        timeout : float
            Seconds between two looks.
        """
        self._selector.watch(timeout)


class LocalServer:
    """A ppft server of this machine, which ends with its block or with this process.

    Parameters
    ----------
    nodes : int, optional
        How many workers it offers; by default as many as there are cores that this process may use.
    port : int
        Where it listens on loopback; 0 for any.

    Raises
    ------
    BadOption
        It is no number of workers, or too many by far.
    PoolBroken
        It cannot be started.
    """

    def __init__(self, nodes: int | None = None, port: int = 0) -> None:
        n_cores = usable_cores()
        offered = n_cores if nodes is None else checked_offer(nodes, n_cores, "this machine")
        self._process = ServerProcess(offered, port)
        try:
            self.address = f"localhost:{self._process.port()}"
            known_servers.remember(self.address, self._process.secret)
        except BaseException:
            self._process.close()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def close(self) -> None:
        """End it and all its workers; returns when they have gone."""
        known_servers.forget(self.address)
        self._process.close()

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<LocalServer {self.address}>"


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m pathos_nb.server``.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; the command line's by default.

    Returns
    -------
    int
        The exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m pathos_nb.server",
        description="A ppft server for ParallelPool, on loopback. The first line of standard input is its secret; it "
        "answers with a line of JSON, and ends when standard input closes.",
    )
    parser.add_argument("--port", type=int, default=0, help="where to listen on loopback; 0, the default: any port")
    parser.add_argument("--nodes", type=int, default=0, help="how many workers to offer; all cores by default")
    told, n_cores = parser.parse_args(argv), usable_cores()
    try:
        nodes = checked_offer(told.nodes, n_cores, "this machine") if told.nodes else n_cores
    except BadOption as error:
        parser.error(str(error))
    return run(told.port, nodes)


if __name__ == "__main__":
    sys.exit(main())
