"""A profile in a real browser: the flame graph grows while an item runs, can be entered, and stays in the cell."""

from __future__ import annotations

import pytest

from pathos_nb.notebook.live import CODE

pytestmark = pytest.mark.skipif(not CODE.is_file(), reason="the view's code has not been built: make bundles")

LOAD = "%load_ext pathos_nb\n%pmap v for v in range(2)"
SLOW = """%%pmap --profile -n 2 -o slow for v in range(4)
import time, zlib
def crunch(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(200))
def squeeze():
    for _ in range(4):
        zlib.compress(bytes(range(256)) * 12_000, 9)
crunch(0.8)
squeeze()
time.sleep(0.2)
v"""
LIVE = "section.pathos-nb-run[data-state=running]"


def test_the_flame_graph_is_live_can_be_entered_and_stays(open_notebook):
    tab = open_notebook(LOAD, SLOW)
    tab.run(0)
    end = tab.begin(1)
    tab.page.wait_for_selector(f"{LIVE} .pathos-nb-box:has-text('crunch')")
    tab.shot("profile-live")
    tab.page.locator(f"{LIVE} .pathos-nb-box:has-text('crunch')").first.click()
    tab.page.wait_for_selector(f"{LIVE} .pathos-nb-profile > .pathos-nb-small:visible")
    assert tab.page.locator(f"{LIVE} .pathos-nb-box:has-text('squeeze')").count() == 0
    end()
    tab.page.wait_for_selector(".pathos-nb-saved .pathos-nb-box:has-text('squeeze')")
    tab.shot("profile-saved")
    assert not tab.errors
