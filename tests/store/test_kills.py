"""A sweep whose process is killed at random moments loses nothing that it has reported."""

from __future__ import annotations

import pytest

from tests.rig.sampling import seldom
from tests.store.kills import killed_at_random


@pytest.mark.timeout(300)
@pytest.mark.leaves("threads")
@pytest.mark.parametrize("seed", [2, *seldom(1)])
def test_ten_kills_lose_nothing_that_was_reported(tmp_path, seed):
    killed_at_random(tmp_path, seed, 10)
