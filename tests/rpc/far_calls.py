"""What is asked of servers on hosts: importable, and light, for each fresh worker imports it."""

from __future__ import annotations

import os
import socket
import time
from typing import Any


def where(_: Any = None) -> str:
    return socket.gethostname()


def surroundings(_: Any) -> tuple[str, str | None]:
    return os.getcwd(), os.environ.get("PATHOS_NB_ONLY_HERE")


def slow(x: int) -> int:
    time.sleep(0.01)
    return x


def kind_of(x: Any) -> str:
    return f"{type(x).__module__} {getattr(x, 'says', '')}"
