"""``%pathos panel`` in a real browser: the bundle and the plain widgets, side by side, while another cell blocks."""

from __future__ import annotations

BLOCK = "%%pmap -q -p threads -n 2 for i in range(10_000)\nimport time\ntime.sleep(0.05)"
SHOWN = ".jp-OutputArea .pathos-nb-panel"


def test_the_panel_in_a_cell_steers_while_another_cell_blocks(open_notebook):
    tab = open_notebook("%load_ext pathos_nb", "%pathos panel", "%pathos panel --plain", BLOCK, height=1500)
    for cell in (0, 1, 2):
        tab.run(cell)
    bundle, plain = tab.page.locator(SHOWN).nth(0), tab.page.locator(SHOWN).nth(1)
    plain.get_by_role("tab", name="Pools").click()
    plain.get_by_placeholder("name").locator("visible=true").fill("big")
    plain.get_by_placeholder("workers").fill("2")
    plain.get_by_role("listbox").locator("visible=true").select_option("threads")
    plain.get_by_role("button", name="Start a pool").click()
    plain.get_by_text("made the pool big on threads (2 workers)").wait_for()
    bundle.get_by_text("big", exact=True).wait_for()
    plain.get_by_role("tab", name="Runs").click()
    end = tab.begin(3)
    for panel in (bundle, plain):
        panel.get_by_text("running").locator("visible=true").first.wait_for()
    tab.shot("panel-in-a-cell")
    plain.get_by_role("button", name="Cancel", exact=True).click()
    end()
    for panel in (bundle, plain):
        panel.get_by_text("cancelled").locator("visible=true").first.wait_for()
    tab.shot("panel-in-a-cell-after")
