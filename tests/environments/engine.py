"""The engine's day under another Python, as a script: it needs nothing of the notebook's, and says ``all is well``."""

from __future__ import annotations

import os
import sys
import time

from pathos_nb import Pool
from pathos_nb.errors import Failure

__all__ = ["main"]


def _square(x: int) -> int:
    return x * x


def _fail(x: int) -> int:
    if x == 3:
        raise LookupError(f"of {x}")
    return x


def _die(x: int) -> int:
    if x == 3:
        os._exit(7)
    return x


def _nap(x: int) -> int:
    time.sleep(0.05)
    return x


def _values(pool: Pool) -> None:
    shift = 7
    assert pool.map(_square, range(50)) == [x * x for x in range(50)]
    assert pool.map(lambda x: x + shift, range(5)) == [7, 8, 9, 10, 11]
    assert list(pool.imap(_square, iter(range(20)))) == [x * x for x in range(20)]
    assert sorted(pool.uimap(_square, range(20))) == [x * x for x in range(20)]
    assert pool.amap(_square, range(4)).get(60) == [0, 1, 4, 9]
    assert [len(text) for text in pool.map(bytes, [3_000_000] * 2)] == [3_000_000] * 2


def _failures(pool: Pool) -> None:
    kept = pool.map(_fail, range(5), on_error="keep")
    assert isinstance(kept[3], Failure) and isinstance(kept[3].error, LookupError) and kept[4] == 4
    try:
        pool.map(_fail, range(5))
    except LookupError as error:
        assert error.args == ("of 3",) and "item 3" in str(error.__cause__)
    else:
        raise AssertionError("it did not raise")


def _deaths(pool: Pool) -> None:
    kept = pool.map(_die, range(6), on_error="keep", chunksize=1)
    assert isinstance(kept[3], Failure) and [*kept[:3], *kept[4:]] == [0, 1, 2, 4, 5]
    run = pool.start(_nap, range(400), chunksize=1)
    run.cancel()
    assert run.wait(60)
    assert pool.map(_square, [9]) == [81]


def main() -> None:
    """Do it on each launcher that needs nothing but this machine."""
    for place in ("serial", "threads", "processes", "ppft"):
        with Pool(place, nodes=1 if place == "serial" else 2) as pool:
            _values(pool)
            _failures(pool)
            if place in ("processes", "ppft"):
                _deaths(pool)
    print("Python {}.{}: all is well".format(*sys.version_info))


if __name__ == "__main__":
    main()
