"""One pool of each kind for all the libraries."""

from __future__ import annotations

import pytest

from pathos_nb import Pool


@pytest.fixture(scope="module", params=["threads", "processes"])
def pool(request):
    with Pool(request.param, nodes=2) as pool:
        pool.map(abs, range(100))  # so that the workers are there before the first test counts what it leaves
        yield pool
