"""A day's work, as a script: pools, cells, a store, an error; run by name in surroundings of many kinds.

It says ``all is well``, and before that why there are no processes, if there are none.
"""

from __future__ import annotations

import os
import resource
import sys
from typing import Any


def _square(x: int) -> int:
    print(f"item {x}")
    return x * x


def _fail(x: int) -> int:
    raise ValueError(f"of {x}")


def _with_pools(places: list[str]) -> None:
    from pathos_nb import Pool

    for place in places:
        with Pool(place, nodes=2 if place != "serial" else 1) as pool:
            assert pool.map(_square, range(20)) == [x * x for x in range(20)], place
            assert pool.map(lambda x: "é" + x, ["ü"]) == ["éü"], place
            assert len(pool.map(bytes, [2_000_000] * 3)) == 3, place
            try:
                pool.map(_fail, [7])
            except ValueError as error:
                assert str(error) == "of 7", place
            else:
                raise AssertionError(place)


def _with_cells(place: str) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell: Any = InteractiveShell.instance(history_length=0)
    shell.run_cell("%load_ext pathos_nb").raise_error()
    for _ in range(2):  # the second time its points may be there
        shell.run_cell(f"%%pmap -q -n 2 -p {place} -o fits for x in range(6)\ny = x * x\ny").raise_error()
    assert list(shell.user_ns["fits"]) == [0, 1, 4, 9, 16, 25]
    shell.run_cell("%pathos runs").raise_error()
    shell.run_cell("%unload_ext pathos_nb").raise_error()


def main(asked: str) -> None:
    """Do it, under the limit or with the lack that is asked for."""
    if asked == "64 descriptors":
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    elif asked == "no fork":
        del os.fork
    from pathos_nb.errors import LauncherUnavailable
    from pathos_nb.launchers.registry import registry

    places = ["serial", "threads"]
    try:
        registry.get("processes")
        places.append("processes")
    except LauncherUnavailable as error:
        print(error)
    _with_pools(places)
    _with_cells(places[-1])
    print("all is well")


if __name__ == "__main__":
    main(sys.argv[1])
