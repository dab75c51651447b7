"""scipy takes ``pool.map`` as ``workers=``."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")
optimize = pytest.importorskip("scipy.optimize")


def bowl(x, centre=0.5):
    return float(np.sum((np.asarray(x) - centre) ** 2))


def test_differential_evolution(pool):
    def solve(workers):
        found = optimize.differential_evolution(
            bowl, [(-2, 2)] * 3, rng=4, maxiter=5, popsize=5, updating="deferred", workers=workers, polish=False
        )
        return found.x.tolist(), found.fun, found.nfev

    assert solve(pool.map) == solve(1)


def test_brute_force(pool):
    def solve(workers):
        return optimize.brute(bowl, ((-1, 1), (-1, 1)), Ns=8, finish=None, workers=workers).tolist()

    assert solve(pool.map) == solve(1)


def test_finite_differences_of_minimize(pool):
    def solve(workers):
        return optimize.minimize(bowl, np.zeros(4), method="L-BFGS-B", options={"workers": workers}).x.tolist()

    try:
        serial = solve(map)
    except Exception as error:
        pytest.skip(f"this scipy has no workers= there: {error}")
    assert solve(pool.map) == serial


def test_numerical_integration(pool):
    integrate = pytest.importorskip("scipy.integrate")

    def solve(workers):
        return integrate.quad_vec(gauss, -3.0, 3.0, workers=workers)[0]

    assert float(solve(pool.map)) == float(solve(1))


def gauss(x):
    return float(np.exp(-x * x))


def test_a_failing_point_is_the_users_own_error(pool):
    with pytest.raises(ZeroDivisionError, match="division"):
        optimize.brute(lambda x: 1 / 0, ((-1, 1),), Ns=4, finish=None, workers=pool.map)
