"""What each launcher has to pass about files of items, on the one that the tutorial writes."""

from __future__ import annotations

import pytest

from tests.contract.test_files import *  # noqa: F403

pytestmark = pytest.mark.timeout(90)
