"""Fresh interpreter to the first result of a function of the script itself."""

from __future__ import annotations

from benchmarks.starting import StartCase

CASE = StartCase("start_script", "fresh interpreter to first result, function of the script", is_own=True)
