"""pymoo evaluates a population by ``pool.starmap``."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("pymoo")

from pymoo.algorithms.soo.nonconvex.ga import GA  # noqa: E402
from pymoo.core.problem import ElementwiseProblem  # noqa: E402
from pymoo.optimize import minimize  # noqa: E402
from pymoo.parallelization.starmap import StarmapParallelization  # noqa: E402


class Sphere(ElementwiseProblem):
    def __init__(self, **options):
        super().__init__(n_var=4, n_obj=1, xl=-2.0, xu=2.0, **options)

    def _evaluate(self, x, out, *args, **kwargs):
        out["F"] = float(np.sum((x - 0.5) ** 2))


def best(**options):
    found = minimize(Sphere(**options), GA(pop_size=10), ("n_gen", 4), seed=1, verbose=False)
    return found.X.tolist(), found.F.tolist()


def test_the_optimum_is_that_of_the_serial_loop(pool):
    assert best(elementwise_runner=StarmapParallelization(pool.starmap)) == best()
