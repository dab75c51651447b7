"""What each launcher has to pass, on the one that the tutorial writes: results; the rest with ``--everywhere``."""

from __future__ import annotations

import pytest

from tests.contract.test_results import *  # noqa: F403

pytestmark = pytest.mark.timeout(60)
