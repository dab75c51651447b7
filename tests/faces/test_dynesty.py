"""dynesty finds the same evidence with a pool as without, given the same queue."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")
dynesty = pytest.importorskip("dynesty")

N_DIM, QUEUE = 2, 2


def log_like(x):
    return -0.5 * float(np.sum(x**2)) * 25


def prior(u):
    return 4.0 * u - 2.0


class SerialQueue:
    """Stands for a pool: a builtin map that asks for as many proposals at a time."""

    size = QUEUE

    @staticmethod
    def map(function, *sequences):
        return list(map(function, *sequences))


def sample(pool, **options):
    sampler = dynesty.NestedSampler(
        log_like, prior, N_DIM, nlive=30, sample="unif", bound="single", pool=pool, rstate=np.random.default_rng(3),
        **options,
    )  # fmt: skip
    sampler.run_nested(dlogz=5.0, print_progress=False)
    return sampler.results


def same(one, other):
    return np.array_equal(one.samples, other.samples) and np.array_equal(one.logz, other.logz)


def test_samples_and_evidence_are_those_of_the_serial_map(pool):
    assert same(sample(pool, queue_size=QUEUE), sample(SerialQueue(), queue_size=QUEUE))


def test_the_pool_says_how_long_the_queue_should_be(pool):
    if not hasattr(pool, "size"):
        pytest.skip("the pool has no size")
    assert pool.size == pool.nodes
    assert same(sample(pool), sample(SerialQueue(), queue_size=pool.nodes))
