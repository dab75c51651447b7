"""What a link of Binder opens: the notebook in front, and the panel docked beside it."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from tests.rig.browser import Tab
from tests.rig.jupyter import EXTENSION, ROOT

pytestmark = pytest.mark.skipif(not EXTENSION.is_dir(), reason="the extension is not built: make bundles")

BINDER = ROOT / "binder"


@pytest.mark.everywhere("five seconds a page; what the files name is looked at each time, in tests/tutorials")
@pytest.mark.parametrize("name", ["one-cell", "survives", "panel"])
def test_a_link_opens_its_notebook_with_the_panel_beside_it(lab, context, name):
    shutil.copytree(BINDER, lab.root / "binder")
    workspace = json.loads((BINDER / f"{name}.jupyterlab-workspace").read_text(encoding="utf-8"))
    tab = Tab(context.new_page(), lab)
    try:
        tab.page.set_viewport_size({"width": 1280, "height": 760})
        lab.ask("PUT", f"lab/api/workspaces/{name}", workspace)
        tab.page.goto(lab.url(f"lab/workspaces/{name}"))
        tab.page.locator("#pathos-nb-panel").wait_for(state="visible")
        tab.page.get_by_role("tab", name=re.compile(rf"^{name}\.ipynb")).wait_for()
        tab.wait_for_kernel()
        tab.run(next(i for i, cell in enumerate(_cells(name)) if "load_ext" in cell))
        tab.page.locator(".pathos-nb-panel-section-pools").wait_for(state="visible")
        tab.shot(f"binder-{name}")
        assert tab.errors == []
    finally:
        tab.page.close()


def _cells(name: str) -> list[str]:
    notebook = json.loads((BINDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    return ["".join(cell["source"]) if cell["cell_type"] == "code" else "" for cell in notebook["cells"]]
