"""The launchers that are registered, as parameters: an absent one is skipped with its own reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.launchers.registry import registry
from tests.contract.calls import same
from tests.rig import agents

__all__ = ["Pools", "agents", "apart", "is_apart", "not_serial", "only", "params", "together"]


# A cluster that is found here may be a real one, for people's work: tests/slurm has the contract for its own.
ON_ITS_OWN_CLUSTER = {"slurm"}


def params() -> list[Any]:
    """Give a parameter for each registered launcher."""
    found = sorted(registry.launchers().items())
    return [_param(name, *availability) for name, availability in found if name not in ON_ITS_OWN_CLUSTER]


def _param(name: str, score: float, reason: str) -> Any:
    why_not = registry.lacks(name) if score else reason
    return pytest.param(name, marks=[pytest.mark.skip(reason=f"{name}: {why_not}")] if why_not else [])


def is_apart(name: str) -> bool:
    """Say whether items run in processes of their own: what is sent is pickled, and a worker can die alone."""
    return not registry.get(name).shares_memory


def only(of: Callable[[str], bool]) -> pytest.MarkDecorator:
    """Run a test on those launchers only of which something holds; the others have nothing to do with it."""
    return pytest.mark.parametrize("launcher", [p for p in params() if p.marks or of(p.values[0])], indirect=True)


apart = only(is_apart)
together = only(lambda name: not is_apart(name))
not_serial = only(lambda name: name != "serial")


class Pools:
    """One warm pool a launcher for many tests; a pool that a test has failed on is thrown away."""

    def __init__(self) -> None:
        self._open: dict[str, Any] = {}

    def get(self, launcher: str) -> Any:
        """Give the launcher's pool of two workers."""
        if launcher not in self._open:
            self._open[launcher] = Pool(launcher, nodes=2)
            assert self._open[launcher].amap(abs, range(-8, 0)).get(30) == [8, 7, 6, 5, 4, 3, 2, 1]
            self._open[launcher].each(same, 0)  # each machine has the modules of the tests, and what watches them
        return self._open[launcher]

    def discard(self, launcher: str) -> None:
        """End the launcher's pool; the next test gets a new one."""
        pool = self._open.pop(launcher, None)
        if pool is not None:
            pool.terminate()

    def close(self) -> None:
        """End all of them."""
        for launcher in list(self._open):
            self.discard(launcher)
