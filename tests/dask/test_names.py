"""What users of dask are used to, beside what they write here: the same values, on the same cluster."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pathos_nb import Pool, share
from tests.contract.calls import picky, square
from tests.rig.dask_cluster import ROOT, Cluster

pytestmark = [pytest.mark.timeout(120), pytest.mark.leaves("files", "threads", "children")]
pytest.importorskip("distributed", reason="dask is not installed")
Call = Callable[[Any], Any]


def _completed(client: Any) -> list[Any]:
    from distributed import as_completed

    return sorted(future.result() for future in as_completed(client.map(square, range(6))))


def _error(futures: Any) -> str:
    return str(futures[1].exception())


def _shared(pool: Pool) -> list[int]:
    with share(bytes(7)) as held:
        return pool.map(lambda n: len(held.value) + n, range(3))


def _scattered(client: Any) -> list[int]:
    held = client.scatter(bytes(7), broadcast=True)
    return list(client.gather([client.submit(lambda data, n: len(data) + n, held, n) for n in range(3)]))


def _chained(client: Any) -> Any:
    first = client.map(square, range(5))
    return client.submit(sum, first).result()


PAIRS: dict[str, tuple[Call, Call]] = {
    "map": (lambda c: c.gather(c.map(square, range(20))), lambda p: p.map(square, range(20))),
    "submit": (lambda c: c.submit(pow, 2, 5).result(), lambda p: p.apipe(pow, 2, 5).get(60)),
    "as_completed": (_completed, lambda p: sorted(p.uimap(square, range(6)))),
    "exception": (
        lambda c: _error(c.map(picky, range(3))),
        lambda p: str(p.map(picky, range(3), on_error="keep")[1].error),
    ),
    "scatter": (_scattered, _shared),
    "futures as arguments": (_chained, lambda p: p.apipe(sum, p.amap(square, range(5))).get(60)),
    "get_executor": (
        lambda c: list(c.get_executor().map(operator.neg, range(4))),
        lambda p: list(p.executor().map(operator.neg, range(4))),
    ),
    "nthreads": (lambda c: sum(c.nthreads().values()), lambda p: p.nodes),
}


@pytest.fixture(scope="module")
def pool(dask_cluster: Cluster) -> Iterator[Pool]:
    with Pool(dask_cluster.client) as pool:
        yield pool


@pytest.mark.parametrize("name", PAIRS)
def test_what_dask_gives_is_given_here(dask_cluster: Cluster, pool: Pool, name: str):
    theirs, ours = PAIRS[name]
    assert ours(pool) == theirs(dask_cluster.client)


def test_the_manual_names_what_there_is():
    """Each name of dask's in the table of docs/dask.md is one of its client's, or of the module."""
    import distributed

    text = (Path(ROOT) / "docs" / "dask.md").read_text(encoding="utf-8").partition("## dask's names")[2]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) > 8
    for name in (word for row in rows for word in row.split("`")[1::2]):
        owner, _, rest = name.partition("(")[0].partition(".")
        found = {"client": distributed.Client, "future": distributed.Future, "cluster": distributed.LocalCluster}
        assert hasattr(found[owner], rest) if owner in found else hasattr(distributed, owner), name
