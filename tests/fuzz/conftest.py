"""The same inputs each time, and no clock."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fuzz", deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
