"""mystic's solvers take ``pool.map`` as their mapper."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("mystic")

from mystic.differential_evolution import DifferentialEvolutionSolver2  # noqa: E402
from mystic.ensemble import LatticeSolver  # noqa: E402
from mystic.models import rosen  # noqa: E402
from mystic.termination import VTR, NormalizedChangeOverGeneration  # noqa: E402
from mystic.tools import random_seed  # noqa: E402


def evolve(mapper):
    random_seed(7)
    solver = DifferentialEvolutionSolver2(3, 12)
    if mapper is not None:
        solver.SetMapper(mapper)
    solver.SetRandomInitialPoints([-2.0] * 3, [2.0] * 3)
    solver.SetEvaluationLimits(generations=6)
    solver.Solve(rosen, VTR(1e-6), disp=False)
    return list(solver.Solution()), solver.bestEnergy


def lattice(mapper):
    random_seed(7)
    solver = LatticeSolver(2, 4)
    if mapper is not None:
        solver.SetMapper(mapper)
    solver.SetStrictRanges([-2.0] * 2, [2.0] * 2)
    solver.SetEvaluationLimits(generations=20)
    solver.Solve(rosen, NormalizedChangeOverGeneration(1e-4, 5), disp=False)
    return list(solver.Solution()), solver.bestEnergy


def test_differential_evolution_gives_the_serial_result(pool):
    assert evolve(pool.map) == evolve(None)


@pytest.mark.leaves("children")  # the solver goes to the workers with its mapper, and so with a pool
def test_an_ensemble_of_solvers_gives_the_serial_result(pool):
    assert lattice(pool.map) == lattice(None)
