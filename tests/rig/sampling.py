"""What of the tests is tried every day, and what with `--everywhere` only.

A test with several shapes (parameters besides the launcher) is tried in each of them on this machine's launchers, and on
those that reach others in its first: what they add is how frames travel, which all shapes share.

What finds nothing that another does says so itself: `@pytest.mark.everywhere("why")` on a test, `seldom("x", "y")` among
its parameters, `@daily("processes", "agent")` where the path is the same on the other launchers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

__all__ = [
    "REMOTE", "contract_of_its_own", "daily", "is_seldom", "later_shapes", "launcher_of", "leave_out", "name_of",
    "seldom",
]  # fmt: skip

REMOTE = {"agent", "ppft", "mpi", "dask"}

Rule = Callable[[pytest.Item], bool]


def launcher_of(item: pytest.Item) -> str:
    """Give the launcher that a test is for, if it is for one."""
    spec = getattr(item, "callspec", None)
    return str(spec.params.get("launcher", "")) if spec else ""


def name_of(item: pytest.Item) -> str:
    """Give the name of a test's function."""
    return str(getattr(item, "originalname", None) or item.name)


def daily(*launchers: str) -> pytest.MarkDecorator:
    """Try a test on these launchers every day, and on the others with `--everywhere`."""
    return pytest.mark.daily(*launchers)


def seldom(*values: Any) -> list[Any]:
    """Give parameters that are tried with `--everywhere` only: on another one's path."""
    return [pytest.param(value, marks=pytest.mark.everywhere("the path of another parameter")) for value in values]


def is_seldom(item: pytest.Item) -> bool:
    """Say whether a test has said of itself that it is not for every day."""
    launcher, chosen = launcher_of(item), item.get_closest_marker("daily")
    is_left = bool(launcher and chosen and launcher not in chosen.args)
    return is_left or item.get_closest_marker("everywhere") is not None


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


def _is_for_a_launcher(item: pytest.Item) -> bool:
    """Whether a test is tried on a launcher at all."""
    return "launcher" in getattr(item, "fixturenames", ())


def contract_of_its_own(config: pytest.Config, items: list[pytest.Item], files: tuple[str, ...], name: str) -> None:
    """Have a launcher that is registered by its own tests tried by the contract's, as processes that run apart.

    Parameters
    ----------
    config : pytest.Config
        Whether it is `--everywhere`.
    items : list of pytest.Item
        All that were collected; those for other launchers, and for none, are taken out.
    files : tuple of str
        The file that brings in the contract's part for every day, then those that bring in the rest.
    name : str
        What the launcher is called in the tests' names.
    """
    ours = [item for item in items if item.path.name in files]
    others = {item for item in ours if launcher_of(item) not in ("", "processes") or not _is_for_a_launcher(item)}
    if not config.getoption("--everywhere"):
        others |= {item for item in ours if item.path.name in files[1:]}
    leave_out(config, items, others)
    for item in ours:
        if launcher_of(item):
            item.name = item.name.replace("processes", name)
