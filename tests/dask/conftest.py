"""A cluster of dask's that may be hurt: its workers find another pathos_nb than ours, and are killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.dask_cluster import Cluster


@pytest.fixture(scope="module")
def rough(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of two workers with one thread each, whose processes have another version of the package, not loaded."""
    from distributed import Client

    folder: Path = tmp_path_factory.mktemp("rough")
    (folder / "other" / "pathos_nb").mkdir(parents=True)
    (folder / "other" / "pathos_nb" / "__init__.py").write_text('__version__ = "0.0.1"\n')
    held = Cluster(folder, 2, 1, str(folder / "other"))
    with Client(held.address, set_as_default=False) as client:
        held.client = client
        yield held
    held.close()


@pytest.fixture(scope="module")
def seldom(request: pytest.FixtureRequest) -> None:
    """Skip what need not be tried every day."""
    if not request.config.getoption("--everywhere"):
        pytest.skip("clusters are hurt in many ways: --everywhere runs all of them")
