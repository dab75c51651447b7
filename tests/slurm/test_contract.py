"""What each launcher has to pass (tests/contract), on Slurm: results and failures; the rest with ``--everywhere``."""

from __future__ import annotations

import pytest

from tests.contract.test_failures import *  # noqa: F403
from tests.contract.test_results import *  # noqa: F403

pytestmark = pytest.mark.timeout(60)
