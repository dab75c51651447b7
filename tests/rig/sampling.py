"""What of the tests is tried every day, and what with `--everywhere` only.

A test with several shapes (parameters besides the launcher) is tried in each of them on this machine's launchers, and on
those that reach others in its first: what they add is how frames travel, which all shapes share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

__all__ = ["REMOTE", "contract_of_its_own", "launcher_of", "leave_out", "later_shapes", "name_of"]

REMOTE = {"agent", "ppft", "mpi", "dask"}

Rule = Callable[[pytest.Item], bool]


def launcher_of(item: pytest.Item) -> str:
    """Give the launcher that a test is for, if it is for one."""
    spec = getattr(item, "callspec", None)
    return str(spec.params.get("launcher", "")) if spec else ""


def name_of(item: pytest.Item) -> str:
    """Give the name of a test's function."""
    return str(getattr(item, "originalname", None) or item.name)


def later_shapes(items: Iterable[pytest.Item], is_sampled: Rule) -> set[pytest.Item]:
    """Give the tests whose function has been there for the same launcher, of those for which something holds."""
    seen: set[object] = set()
    left_out = set()
    for item in filter(is_sampled, items):
        key = item.path, name_of(item), launcher_of(item)
        if key in seen:
            left_out.add(item)
        seen.add(key)
    return left_out


def leave_out(config: pytest.Config, items: list[pytest.Item], left_out: set[pytest.Item]) -> None:
    """Take tests out of a session, and say how many."""
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def contract_of_its_own(config: pytest.Config, items: list[pytest.Item], files: tuple[str, str], name: str) -> None:
    """Have a launcher that is registered by its own tests tried by the contract's, as processes that run apart.

    Parameters
    ----------
    config : pytest.Config
        Whether it is `--everywhere`.
    items : list of pytest.Item
        All that were collected; those for other launchers are taken out.
    files : (str, str)
        The files that bring in the contract's part for every day, and all of it.
    name : str
        What the launcher is called in the tests' names.
    """
    ours = [item for item in items if item.path.name in files]
    others = {item for item in ours if launcher_of(item) not in ("", "processes")}
    if not config.getoption("--everywhere"):
        others |= {item for item in ours if item.path.name == files[1]}
    leave_out(config, items, others)
    for item in ours:
        if launcher_of(item):
            item.name = item.name.replace("processes", name)
