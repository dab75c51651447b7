"""An item that takes its machine's agent along, each time it runs: it fails in the end, alone, and all others come."""

from __future__ import annotations

import os
import time

import pytest

from pathos_nb import Failure, Pool
from pathos_nb.errors import WorkerLost
from pathos_nb.launchers.agent_link import LinkSettings
from tests.rig import agents

pytestmark = pytest.mark.timeout(120)
DRIVER = os.getpid()


def deadly(x: int, driver: int) -> int:
    """Give the number; of 5, end the agent, as a queue does that counts the memory of all processes of a job."""
    if x == 5:
        import psutil

        for process in psutil.Process().parents():
            if process.ppid() == driver:
                process.kill()
        time.sleep(60)
    return x


@pytest.mark.parametrize("chunksize", [1, 3])
def test_an_item_that_ends_its_agent_each_time_fails_alone(chunksize: int):
    agents.register("frail", settings=LinkSettings(first_pause_s=0.02, longest_pause_s=0.1, patience_s=60.0))
    with Pool("frail", nodes=1) as pool:
        got = pool.map(deadly, range(9), [DRIVER] * 9, chunksize=chunksize, retries=0, on_error="keep")
        assert [y.error.__class__ if isinstance(y, Failure) else y for y in got] == [0, 1, 2, 3, 4, WorkerLost, 6, 7, 8]
        told = str(got[5].error)
        assert "the way to its worker was lost while this item was at work, 4 times" in told
        assert "exit status -9" in told or "stream" in told
        assert "takes more memory than its machine" in told
        assert pool.map(abs, [-1]) == [1]
