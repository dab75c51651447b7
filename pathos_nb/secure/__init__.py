"""ssh: connections to hosts, and what pathos' ``secure`` offers on them."""

from __future__ import annotations
