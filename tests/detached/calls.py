"""What tasks do: importable, and light, for each fresh worker imports it."""

from __future__ import annotations


def tenfold(x):
    return 10 * x
