"""The view of a run in a real browser: while the cell blocks, after a reload, and what stays of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from pathos_nb.notebook.live import CODE
from pathos_nb.wire.messages import RUN_MIME
from tests.e2e.reading import cut_off, faint, nameless
from tests.rig.bed import wait_until
from tests.rig.browser import SHOTS
from tests.rig.jupyter import ROOT
from tests.rig.sampling import seldom

pytestmark = pytest.mark.skipif(not CODE.is_file(), reason="the view's code has not been built: make bundles")

LOAD = "%load_ext pathos_nb\nimport pathos_nb\nprint(pathos_nb.__file__)\n%pmap v for v in range(4)"
SLOW = (
    "%%pmap -o slow --on-error keep for v in range({n})\n"
    "import time\ntime.sleep(0.05)\nif v % 50 == 7: print('\\x1b[31mred\\x1b[0m <b>', v)\n"
    "if v % 40 == 9: raise ValueError('<script>alert(1)</script>')\nv"
)
LONG = 20_000  # minutes: it is cancelled, or goes on for as long as a page on a busy machine takes
STOPPED = "print(slow.run.state, slow.run.n_done < len(slow), 'stopped')"
RUNNING = "section.pathos-nb-run[data-state=running]"
LIVE = "[...document.querySelectorAll('.jp-OutputArea section.pathos-nb-run[data-state=running]')]"
DONE = f"(n) => {LIVE}.some(e => parseInt((e.innerText.match(/([\\d,]+) \\/ /) ?? ['', '0'])[1].replace(',', '')) >= n)"
SHOWN = ".pathos-nb-saved section.pathos-nb-run"
SAVED = "() => document.querySelector('.pathos-nb-saved section.pathos-nb-run') !== null"


def wait_for_live(tab, n: int = 10) -> None:
    """Wait until the live view counts items: the kernel answers while its cell blocks."""
    tab.wait(DONE, f"the live view shows {n} items done", n)


def test_lanes_move_while_the_cell_blocks_and_the_button_or_an_interrupt_stops_it(open_notebook):
    tab = open_notebook(LOAD, SLOW.format(n=LONG), STOPPED)
    assert str(ROOT / "pathos_nb" / "__init__.py") in tab.run(0)
    end = tab.begin(1)
    wait_for_live(tab)
    pixels = f"() => {LIVE}[0].querySelector('canvas').toDataURL()"
    picture = tab.page.evaluate(pixels)
    tab.wait(f"old => ({pixels})() !== old", "lanes move", picture)
    wait_for_live(tab, 60)
    assert "failed" in tab.page.inner_text(RUNNING)
    assert (nameless(tab.page, RUNNING), faint(tab.page, RUNNING)) == ([], [])
    tab.shot("run-live")
    look_at_a_narrow_page(tab)
    tell_by_keys(tab)
    tab.dark()
    assert faint(tab.page, RUNNING) == []
    tab.shot("run-live-dark")
    tab.page.click(f"{RUNNING} .pathos-nb-cancel")
    end()
    assert tab.run(2) == "cancelled True stopped"
    tab.wait(SAVED.replace("section", "section[data-state=cancelled]"), "what stays says that it was cancelled")
    tab.shot("run-cancelled-dark")

    end = tab.begin(1)  # goes on where it was cancelled
    tab.page.wait_for_selector(RUNNING)
    tab.command("notebook:interrupt-kernel")
    assert "points are finished, kept in slow" in end()
    assert tab.run(2) == "cancelled True stopped"
    tab.wait(SAVED, "a record stays")


def look_at_a_narrow_page(tab) -> None:
    """Make the window small, and zoom: nothing sticks out, and what is drawn is as sharp as the screen."""
    size = tab.page.viewport_size
    tab.page.set_viewport_size({"width": 560, "height": 700})
    tab.wait(f"() => {LIVE}[0].clientWidth < 400", "the view is as narrow as its cell")
    assert cut_off(tab.page, RUNNING) == []
    tab.page.locator(RUNNING).scroll_into_view_if_needed()
    tab.shot("run-narrow")
    session = tab.page.context.new_cdp_session(tab.page)
    zoomed = {"width": size["width"] // 2, "height": size["height"] // 2, "deviceScaleFactor": 2, "mobile": False}
    session.send("Emulation.setDeviceMetricsOverride", zoomed)
    canvas = f"{LIVE}[0].querySelector('canvas')"
    tab.wait(f"() => Math.abs({canvas}.width - 2 * {canvas}.clientWidth) < 3", "a zoomed page is drawn anew")
    assert cut_off(tab.page, RUNNING) == []
    session.send("Emulation.clearDeviceMetricsOverride")
    session.detach()
    tab.page.set_viewport_size(size)


def tell_by_keys(tab) -> None:
    """Reach a worker and what it did without a mouse: the timeline takes the keys that it names."""
    scroller = tab.page.locator(f"{RUNNING} .pathos-nb-scroller")
    scroller.focus()
    tab.page.keyboard.press("ArrowDown")
    tip = tab.page.locator(f"{RUNNING} .pathos-nb-tip")
    tip.get_by_text("processes-").first.wait_for()
    tab.page.keyboard.press(",")
    tip.get_by_text("item").first.wait_for()
    assert tip.get_attribute("role") == "status", "it is read aloud"
    tab.page.keyboard.press("Escape")
    tip.wait_for(state="hidden")


def test_a_page_that_is_reloaded_while_the_cell_blocks_shows_all_of_it_again_and_what_is_missing_runs_from_there(
    open_notebook,
):
    """JupyterLab restores neither widgets nor outputs then: the kernel has not told it yet that it can be spoken to."""
    tab = open_notebook(LOAD, SLOW.format(n=LONG), STOPPED, "1")
    tab.run(0)
    tab.begin(1)
    wait_for_live(tab, 20)
    tab.reload(kernel=False)
    wait_for_live(tab, 60)
    assert "failed" in tab.page.inner_text(RUNNING), "also what was before"
    tab.shot("run-reloaded")
    tab.page.click(f"{RUNNING} .pathos-nb-cancel")
    tab.wait(SAVED.replace("section", "section[data-state=cancelled]"), "what stays comes to the new page")
    tab.wait("() => document.querySelector('.jp-OutputArea-executeResult') !== null", "so does the cell's value")

    retry = tab.page.locator(".pathos-nb-saved .pathos-nb-retry:visible")  # what ran again has failures: it has failed
    retry.wait_for()
    assert "missing points" in retry.inner_text()
    tab.shot("run-missing-points")
    retry.click()
    wait_for_live(tab)
    tab.page.click(f"{RUNNING} .pathos-nb-cancel")
    retry.wait_for()
    tab.page.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()")
    retry.wait_for(state="hidden")
    tab.wait_for_kernel()


def test_where_there_is_no_extension_the_kernel_brings_the_view(open_notebook, lab):
    """As in any front end that has widgets: the code comes by the comm, once, and what stays is a picture."""
    with lab.bare():
        tab = open_notebook(LOAD, SLOW.format(n=LONG))
        tab.run(0)
        end = tab.begin(1)
        wait_for_live(tab)
        tab.shot("run-live-without-extension")
        tab.page.click(f"{RUNNING} .pathos-nb-cancel")
        assert "cancelled" in end()
        tab.page.locator(
            ".jp-OutputArea img.pathos-nb-lanes, .jp-OutputArea img[src^='data:image/svg']"
        ).last.wait_for()
        assert tab.page.locator("section.pathos-nb-run").count() == 0


def test_what_a_run_behind_left_while_no_page_was_there_is_in_its_cell_when_one_is(open_notebook):
    tab = open_notebook(LOAD, SLOW.format(n=30).replace("%%pmap", "%%pmap --bg"))
    tab.run(0)
    tab.run(1)
    address = tab.page.url
    tab.page.goto("about:blank")
    kernel = tab.server.ask("GET", "api/kernels")[0]["id"]
    assert wait_until(lambda: tab.server.ask("GET", f"api/kernels/{kernel}")["connections"] == 0)
    time.sleep(30 * 0.05)  # as long as it takes at least; what comes later comes to the page
    tab.page.goto(address)
    tab.wait(SAVED.replace("section", "section[data-state=failed]"), "what stays is there")
    assert tab.page.locator(".jp-CodeCell").nth(1).locator("section.pathos-nb-run").count() == 1


def test_what_is_saved_needs_no_kernel_and_can_be_exported(open_notebook):
    tab = open_notebook(LOAD, SLOW.format(n=100))
    tab.run(0)
    tab.run(1)
    tab.command("docmanager:save")
    tab.wait("() => !jupyterapp.shell.currentWidget.context.model.dirty", "it is saved")
    tab.page.evaluate("jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")
    tab.page.reload()
    tab.wait(SAVED, "a saved run is drawn without a kernel")
    tab.shot("run-saved")
    assert (nameless(tab.page, SHOWN), faint(tab.page, SHOWN)) == ([], [])
    check_downloads(tab)
    file = tab.server.root / "test.ipynb"
    saved = json.loads(file.read_text())
    (bundle,) = [o["data"] for o in saved["cells"][1]["outputs"] if RUN_MIME in o.get("data", {})]
    record = bundle[RUN_MIME]
    assert record["figures"]["n_done"] == 100 and record["figures"]["n_failed"] == 3
    assert len(json.dumps(bundle)) < 250_000
    assert not saved["metadata"].get("widgets"), "no model of a widget is saved"
    check_export(tab, file)
    check_elsewhere(tab, file)


UNSAVED = "jupyterapp.shell.currentWidget.context.model.dirty"
CUT_OFF = ".pathos-nb-saved section.pathos-nb-run .pathos-nb-state"


def kept(tab) -> dict:
    """Save the notebook, and give what it has of the run in its second cell.

    What a run that goes on shows meanwhile is not saved: nobody waits here until there is nothing new.
    """
    tab.command("docmanager:save")
    outputs = json.loads((tab.server.root / "test.ipynb").read_text())["cells"][1]["outputs"]
    return next((o["data"] for o in outputs if RUN_MIME in o.get("data", {})), {})


def look_at_a_cut_off_run(tab, shot: str) -> None:
    tab.page.locator(CUT_OFF, has_text="cut off").wait_for()
    shown = tab.page.locator(SHOWN).last
    assert "Run the cell again" in shown.inner_text() and "not found" not in "".join(tab.outputs())
    assert shown.locator("canvas").count() == 1 and shown.locator(".pathos-nb-cancel:visible").count() == 0
    tab.shot(shot)


@pytest.mark.parametrize("is_seen", [True, *seldom(False)])
def test_a_run_whose_kernel_died_is_shown_as_far_as_it_was_known(open_notebook, is_seen: bool, request):
    """Whether a page was there to see it, or the notebook had only been saved: no widget is looked for in vain."""
    tab = open_notebook(f"{LOAD}\nprint(__import__('os').getpid())", SLOW.format(n=LONG))
    pid = int(tab.run(0).split()[-1])
    tab.begin(1)
    wait_for_live(tab, 40)
    assert wait_until(lambda: kept(tab)[RUN_MIME]["figures"]["n_done"] > 0), "what is saved is brought up to date"
    assert tab.page.locator(RUNNING).count() == 1, "and the view stays"
    address = tab.page.url
    if not is_seen:
        tab.page.goto("about:blank")
    os.kill(pid, signal.SIGKILL)
    if is_seen:
        tab.page.locator("section.pathos-nb-run .pathos-nb-notice", has_text="cut off").wait_for()
        tab.wait(
            f"() => {{ if ({UNSAVED}) jupyterapp.commands.execute('docmanager:save'); return !{UNSAVED}; }}",
            "it is saved",
        )
        last = kept(tab)
        assert last[RUN_MIME]["figures"]["n_done"] >= 40 and len(last) == 3, "the widget is not kept"
    tab.page.goto("about:blank")
    tab.server.end_kernels()
    tab.page.goto(address)
    look_at_a_cut_off_run(tab, f"run-cut-off-{'seen' if is_seen else 'unseen'}")
    if is_seen and request.config.getoption("--everywhere"):
        check_other_programs(tab)


def check_other_programs(tab) -> None:
    """Look at it in Notebook 7, in a JupyterLab without our extension, and exported."""
    file = tab.server.root / "test.ipynb"
    tab.page.goto(tab.server.url("notebooks/test.ipynb"))
    look_at_a_cut_off_run(tab, "run-cut-off-notebook")
    words = [sys.executable, "-m", "nbconvert", "--to", "html", str(file)]
    subprocess.run(words, check=True, capture_output=True, timeout=120, env={**os.environ, "HOME": str(file.parent)})
    assert "still going on at 2" in file.with_suffix(".html").read_text()
    with tab.server.bare():
        tab.page.goto(tab.server.url("lab/tree/test.ipynb"))
        tab.page.get_by_text("still going on at 2").first.wait_for()
        tab.shot("run-cut-off-without-extension")


def check_elsewhere(tab, file) -> None:
    """Open it as one that came by mail, which nobody trusts: drawn as ever; where there is no extension, as a picture."""
    book = json.loads(file.read_text())
    book["cells"][1]["outputs"].append(
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"text/html": "<script>isHarmed = 1</script>not trusted"},
        }
    )
    file.with_name("mail.ipynb").write_text(json.dumps(book))
    tab.page.goto(tab.server.url("lab/workspaces/mail/tree/mail.ipynb"))
    tab.wait(SAVED, "a run is drawn in a notebook that is not trusted")
    trusted = "[...jupyterapp.shell.currentWidget.content.model.cells].map(cell => cell.trusted)"
    assert not any(tab.page.evaluate(trusted)[1:])
    with tab.server.bare():
        tab.page.reload()
        picture = tab.page.locator(
            ".jp-OutputArea img.pathos-nb-lanes, .jp-OutputArea img[src^='data:image/svg']"
        ).first
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("image => image.naturalWidth") > 0
        shown = tab.page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea").first.inner_text()
        assert "100/100" in shown and "2 workers" in shown and "<script>alert(1)</script>" in shown
        assert tab.page.locator("section.pathos-nb-run").count() == 0, "there is no extension"
        tab.shot("run-without-extension")
    assert tab.page.evaluate("window.isHarmed") is None


def check_downloads(tab) -> None:
    """Take the record away as files."""
    shown = tab.page.locator(SHOWN).last
    texts = {}
    for name in ("JSON", "CSV"):
        with tab.page.expect_download() as download:
            shown.get_by_role("button", name=name, exact=True).click()
        texts[name] = download.value.path().read_text(encoding="utf-8")
    record = json.loads(texts["JSON"])
    assert record["figures"]["n_done"] == 100
    assert len(texts["CSV"].splitlines()) == 1 + len(record["spans"]["lane"])


def check_export(tab, file) -> None:
    """Export the notebook as HTML, and look at it in a browser that runs no script."""
    words = [sys.executable, "-m", "nbconvert", "--to", "html", str(file)]
    subprocess.run(words, check=True, capture_output=True, timeout=120, env={**os.environ, "HOME": str(file.parent)})
    page = tab.page.context.new_page()
    page.context.new_cdp_session(page).send("Emulation.setScriptExecutionDisabled", {"value": True})
    page.goto(file.with_suffix(".html").as_uri())
    text = page.inner_text("body")
    assert "100/100" in text and "workers" in text and "<script>alert(1)</script>" in text
    picture = page.locator("img[src^='data:image/svg+xml']").first
    picture.scroll_into_view_if_needed()
    assert picture.evaluate("image => image.naturalWidth") > 0
    page.screenshot(path=SHOTS / "run-exported.png")
    page.close()
