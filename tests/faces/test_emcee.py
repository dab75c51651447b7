"""emcee samples the same chain with a pool as without."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")
emcee = pytest.importorskip("emcee")


def log_prob(theta, centre, width):
    return -0.5 * float(np.sum(((theta - centre) / width) ** 2))


def chain(pool, log_prob=log_prob):
    start = np.random.default_rng(1).normal(size=(12, 3))
    sampler = emcee.EnsembleSampler(12, 3, log_prob, args=(np.ones(3), 0.5), pool=pool)
    sampler._random = np.random.RandomState(5)
    sampler.run_mcmc(start, 20)
    return sampler.get_chain(), sampler.get_log_prob()


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_chain_is_that_of_the_serial_sampler(pool):
    assert same(chain(pool), chain(None))


def test_a_function_of_the_notebook_will_do(pool):
    def here(theta, centre, width):
        return log_prob(theta, centre, width)

    assert same(chain(pool, here), chain(None))


def test_a_failing_point_is_the_users_own_error(pool):
    def broken(theta, centre, width):
        raise FloatingPointError("no such model")

    with pytest.raises(FloatingPointError, match="no such model"):
        chain(pool, broken)
    assert pool.map(abs, [-1]) == [1]
