"""What users of dask are used to, beside what they write here: the same values, on the same cluster."""

from __future__ import annotations

import inspect
import operator
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pathos_nb import Pool, share
from pathos_nb.errors import NothingFits
from tests.contract.calls import picky, square
from tests.dask.calls import beside, give_a_resource
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
    table, _, rest = text.partition("| dask | here |")[2].partition("\n\n")
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    found = {"client": distributed.Client, "future": distributed.Future, "cluster": distributed.LocalCluster}
    named = set()
    for name in (word for row in rows for word in row.split("`")[1::2]):
        owner, _, attribute = name.partition("(")[0].partition(".")
        if owner != "dask":
            assert hasattr(found[owner], attribute) if owner in found else hasattr(distributed, owner), name
        named.add(name.partition("(")[0])
    assert {f"future.{name}" for name in _public(distributed.Future)} - named == _INNER
    assert {"map", "submit", "gather", "scatter"} <= {name.partition(".")[2] for name in named}
    words = {
        row.split("`")[1].partition("=")[0] for row in rest.partition("## How")[0].splitlines() if row.startswith("| `")
    }
    assert words <= set(inspect.signature(distributed.Client.map).parameters)


_INNER = {"future.bind_client", "future.client", "future.executor", "future.substitute"}  # dask's own workings


def _public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_a_worker_of_dasks_is_chosen_by_its_name_and_its_resources(dask_cluster: Cluster):
    client, pids = dask_cluster.client, dask_cluster.client.run(os.getpid)
    names = {str(worker["name"]): pids[address] for address, worker in client.scheduler_info()["workers"].items()}
    name, address = next((str(told["name"]), address) for address, told in client.scheduler_info()["workers"].items())
    client.run(give_a_resource, "microscope", workers=[address])
    with Pool(client) as pool:
        found = {each: set(pool.map(beside, range(8), where={"tag": each})) for each in names}
        assert found == {each: {pid} for each, pid in names.items()}
        assert set(pool.map(beside, range(8), where="microscope")) == {names[name]}
        with pytest.raises(NothingFits, match="there is dask.*microscope"):
            pool.map(beside, [1], where={"tag": "telescope"})
