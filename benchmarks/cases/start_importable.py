"""Fresh interpreter to the first result of a function that can be imported."""

from __future__ import annotations

from benchmarks.starting import StartCase

CASE = StartCase("start_importable", "fresh interpreter to first result, importable function", is_own=False)
