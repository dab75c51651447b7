"""How hypothesis looks for what breaks: the same examples each time, without a clock, however busy the machine is."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

__all__ = ["given"]

settings.register_profile(
    "ours", deadline=None, max_examples=60, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("ours")
