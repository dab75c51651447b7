"""A host whose Python, or whose packages, are not the kernel's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import pathos_nb
from pathos_nb import Pool
from pathos_nb.errors import CannotReturn, CannotSend
from tests.rig import agents
from tests.rig.pythons import other_pythons

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def other() -> str:
    """Make a place whose Python is of another minor version, if there is one on this machine that starts."""
    for minor, python in sorted(other_pythons().items(), key=lambda one: abs(one[0] - 12)):
        agents.register("other", python=python)
        return f"3.{minor}"
    pytest.skip("there is no Python of another minor version on this machine")


def test_another_minor_version_gets_importable_functions_only(other):
    with Pool("other", nodes=1) as pool:
        assert pool.map(abs, range(-3, 0)) == [3, 2, 1]
        with pytest.raises(CannotSend, match=rf"lambda.*code of Python 3.*Python {other} cannot load.*--python"):
            pool.map(lambda x: x, range(3))
        with pytest.raises(CannotSend, match="argument"):
            pool.map(callable, [lambda: 1])
        assert pool.map(abs, [-1]) == [1]


def test_code_that_comes_back_is_not_loaded_either(other):
    from tests.agent.far_things import make_a_function

    with Pool("other", nodes=1) as pool:
        with pytest.raises(CannotReturn, match=rf"code of Python {other}"):
            pool.map(make_a_function, [1])
        assert pool.map(abs, [-1]) == [1]


def test_in_a_mixed_pool_code_goes_where_it_can_be_loaded(other):
    with Pool("processes", "other", nodes=1) as pool:
        assert pool.map(lambda x: -x, range(50)) == [-x for x in range(50)]
        assert pool.map(abs, range(-50, 0)) == list(range(50, 0, -1))


def test_so_does_an_argument_that_carries_code(other):
    from tests.agent.far_things import call

    with Pool("other", "processes", nodes=1) as pool:  # the first to be asked is the one that cannot take it
        assert pool.map(call, [abs, *[lambda: 7] * 20]) == [0, *[7] * 20]
        assert pool.map(abs, range(-50, 0)) == list(range(50, 0, -1))
        assert {w.place for w in pool.workers()} == {"other", "processes"}


def without(package: str) -> Any:
    """Give what opens a carrier to an agent whose Python cannot import a package."""
    return agents.beginning_with("", f"import sys; sys.modules[{package!r}] = None; ")


def test_a_host_that_has_another_version_installed_runs_ours(tmp_path: Path) -> None:
    """What is installed there is neither asked nor loaded: agents are of the kernel's version, always."""
    package = tmp_path / "pathos_nb"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('this is another version')\n")
    agents.register("old", agents.beginning_with(f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n", ""))
    with Pool("old", nodes=1) as pool:
        assert pool.map(abs, range(-3, 0)) == [3, 2, 1]
        found = pool.map(lambda _: (__import__("pathos_nb").__version__, __import__("pathos_nb").__file__), [1])
        assert found[0][0] == pathos_nb.__version__ and ".zip/pathos_nb/" in found[0][1]


def test_a_package_that_the_function_needs_and_the_host_lacks_is_said_plainly():
    numpy = pytest.importorskip("numpy")
    agents.register("poor", without("numpy"))
    with Pool("poor", nodes=1) as pool:
        with pytest.raises(CannotSend, match=r"poor.*has no module 'numpy.*-m pip install numpy"):
            pool.map(numpy.sqrt, [4.0])
        with pytest.raises(CannotSend, match=r"poor.*has no module 'numpy.*-m pip install numpy"):
            pool.map(len, [numpy.ones(3)])
        assert pool.map(abs, [-1]) == [1]


def needs_inside(_: int) -> Any:
    import numpy

    return numpy.ones(3)


def test_so_is_one_that_an_item_imports_itself():
    agents.register("poor", without("numpy"))
    with Pool("poor", nodes=1) as pool, pytest.raises(ModuleNotFoundError, match="numpy") as caught:
        pool.map(needs_inside, range(5))
    told = str(caught.value.__cause__)
    assert "item 0" in told and "poor" in told and "-m pip install numpy" in told
