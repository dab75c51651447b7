"""Shared values on a host: carried there once, however many items use them."""

from __future__ import annotations

import gc

import pytest

from pathos_nb import Pool, share
from pathos_nb.errors import CannotSend
from pathos_nb.launchers import agent_messages as messages
from tests.rig import agents
from tests.rig.census import until

np = pytest.importorskip("numpy")
pytestmark = pytest.mark.timeout(120)


def total(handle, x: int) -> float:
    return float(handle.value.sum()) + x


def sends(pool, kind: int) -> list[int]:
    """Count the messages of a kind that go to a pool's host from now on."""
    link, counts = pool._maps.dispatcher.crew.launchers[0].link, [0]
    send = link.send

    def counting(told: int, slot: int, *frames) -> None:
        counts[0] += told == kind
        send(told, slot, *frames)

    link.send = counting
    return counts


@pytest.fixture
def far_pool():
    """Give a pool on an agent, whose workers look at what the agent holds first."""
    agents.register()
    with Pool("agent", nodes=2) as pool:
        yield pool


def test_a_shared_value_is_sent_once_and_freed_with_the_share(far_pool):
    sent, freed = sends(far_pool, messages.SHARE), sends(far_pool, messages.UNSHARE)
    share_and_use(far_pool)
    assert sent == [1]
    gc.collect()
    assert until(lambda: freed == [1])


def share_and_use(pool) -> None:
    with share(np.arange(1_000_000.0)) as handle:
        wanted = float(handle.value.sum())
        assert pool.starmap(total, [(handle, x) for x in range(20)]) == [wanted + x for x in range(20)]
        assert pool.map(lambda x: total(handle, x), range(5)) == [wanted + x for x in range(5)]


def where_from(handle) -> bool:
    import os

    from pathos_nb.wire.carried import carried_path

    return carried_path(handle._token.key) is not None and "PATHOS_NB_HOLDER" in os.environ


def test_a_worker_there_has_it_from_its_agent(far_pool):
    with share(np.ones(100)) as handle:
        assert far_pool.map(where_from, [handle] * 3) == [True] * 3


def test_a_share_that_is_closed_is_said_to_be(far_pool):
    handle = share([1, 2, 3])
    handle.close()
    with pytest.raises(CannotSend, match="closed"):
        far_pool.map(total, [handle], [1])
