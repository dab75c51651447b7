"""Which pools the running thread works for: a map that it begins on one of them must not wait for itself."""

from __future__ import annotations

import threading


class _Here(threading.local):
    pools: frozenset[int] = frozenset()


here = _Here()
