"""One pool of each kind for all the libraries."""

from __future__ import annotations

import pytest

from pathos_nb import Pool


@pytest.fixture(scope="module", params=["threads", "processes"])
def pool(request):
    with Pool(request.param, nodes=2) as pool:
        pool.each(abs, 1)  # so that workers and threads are there before the first test counts what it leaves
        pool.amap(abs, [1]).get(30)
        yield pool
