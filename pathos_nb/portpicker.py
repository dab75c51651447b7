"""Port numbers: a random one of a range, then the next ones.

``python -m pathos_nb.portpicker`` (or the command ``portpicker``) prints one that is free on this machine's loopback.
"""

from __future__ import annotations

import argparse
import random
import socket
import sys

from pathos_nb.errors import BadOption, PathosNbError

__all__ = ["portnumber", "randomport"]

MAX_PORT = 65535  # pathos goes to 65536, which is none


class portnumber:  # noqa: N801 - pathos' name
    """Picks port numbers: the first call gives a random one of the range, each further call the next.

    Parameters
    ----------
    min, max : int
        The range, with both ends; 65536 is taken for 65535.

    Examples
    --------
    >>> pick = portnumber(min=1024, max=65535)
    >>> 1024 <= pick() <= 65535
    True
    """

    def __init__(self, min: int = 0, max: int = 64 * 1024) -> None:
        max = MAX_PORT if max == MAX_PORT + 1 else max
        if not 0 <= min <= max <= MAX_PORT:
            raise BadOption(f"there are no ports from {min} to {max}", cure=f"ports go from 0 to {MAX_PORT}")
        self.min, self.max = min, max
        self.first = self.current = -1

    def __call__(self) -> int:
        """Give the next number.

        Returns
        -------
        int

        Raises
        ------
        RuntimeError
            All of the range have been given.
        """
        if self.current < 0:
            self.first = self.current = random.randint(self.min, self.max)
            return self.current
        self.current = self.min if self.current >= self.max else self.current + 1
        if self.current == self.first:
            raise RuntimeError("Range exhausted")
        return self.current


def randomport(min: int = 1024, max: int = 65536) -> int:
    """Give a port that is free on this machine's loopback.

    Parameters
    ----------
    min, max : int
        The range.

    Returns
    -------
    int

    Raises
    ------
    RuntimeError
        None of the range is free.
    """
    pick = portnumber(min, max)
    while not _is_free(port := pick()):
        pass
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:  # taken, or only for root
            return False
    return True


def main(argv: list[str] | None = None) -> int:
    """Print a free port: the command ``portpicker``."""
    parser = argparse.ArgumentParser(prog="portpicker", description="Print a port that is free on this machine.")
    parser.add_argument("--min", type=int, default=1024, help="the smallest to take (1024)")
    parser.add_argument("--max", type=int, default=MAX_PORT, help=f"the largest to take ({MAX_PORT})")
    said = parser.parse_args(argv)
    try:
        port = randomport(said.min, said.max)
    except (PathosNbError, RuntimeError) as error:
        said_why = error if isinstance(error, PathosNbError) else f"no port from {said.min} to {said.max} is free"
        sys.stderr.write(f"portpicker: {said_why}\n")
        return 1
    sys.stdout.write(f"{port}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
