"""The rig itself: this checkout's package in a real notebook, in both of Jupyter's interfaces."""

from __future__ import annotations

import pytest

from tests.rig.browser import SHOTS
from tests.rig.jupyter import ROOT


@pytest.mark.parametrize("ui", ["lab", "notebook"])
def test_a_notebook_runs_this_checkouts_package(open_notebook, ui):
    where = "import pathos_nb\nprint(pathos_nb.__file__)"
    tab = open_notebook(where, "%load_ext pathos_nb\nys = %pmap x * x for x in range(5)\nprint(list(ys))", ui=ui)
    assert tab.run(0) == str(ROOT / "pathos_nb" / "__init__.py")
    assert "[0, 1, 4, 9, 16]" in tab.run(1)
    assert tab.shot(f"rig-{ui}").parent == SHOTS
