"""``%pathos panel`` in a real browser: the bundle and the plain widgets, side by side, while another cell blocks."""

from __future__ import annotations

from tests.remote.fake_server import FakeServer

BLOCK = "%%pmap -q -p threads -n 2 for i in range(10_000)\nimport time\ntime.sleep(0.05)"
SHOWN = ".jp-OutputArea .pathos-nb-panel"
HEARS_WIDGETS = """'supportsSubshells' in jupyterapp.shell.currentWidget.context.sessionContext.session.kernel"""


def test_the_panel_in_a_cell_steers_while_another_cell_blocks_and_forgets_secrets(open_notebook, lab):
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
    # Before JupyterLab 4.4 what plain widgets say waits for the end of the cell; the bundle finds a way of its own.
    steering = plain if tab.page.evaluate(HEARS_WIDGETS) else bundle
    steering.locator("button:text-is('Cancel')").click()
    end()
    for panel in (bundle, plain):
        panel.get_by_text("cancelled").locator("visible=true").first.wait_for()
    tab.shot("panel-in-a-cell-after")
    with FakeServer(password="correct horse", codes=["731946"], wants_both=True) as gate:
        gate.introduce(lab.home)
        ask_for_secrets(tab, plain)
    tab.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")  # JupyterLab's setting: off, unless it is wanted
    tab.command("docmanager:save")
    tab.wait("() => !jupyterapp.shell.currentWidget.context.model.dirty", "it is saved")
    saved = (lab.root / "test.ipynb").read_text()
    assert "PasswordModel" not in saved and "ComboboxModel" in saved, "the state of widgets is saved"
    for secret in ("correct horse", "731946", "wrong one"):
        assert secret not in saved and secret not in tab.page.content()


def ask_for_secrets(tab, plain) -> None:
    """Log in with a password, which is not accepted at first, and a code: by Enter, and by the button."""
    plain.get_by_role("tab", name="Hosts").click()
    plain.get_by_placeholder("host or name of").fill("fake")
    plain.get_by_placeholder("host or name of").press("Enter")
    plain.get_by_role("button", name="Connect to it").click()
    typed = plain.locator("input[type=password]")
    for secret, then in (("wrong one", "That was not accepted. Password of me@fake"), ("correct horse", "Code")):
        typed.wait_for()
        typed.fill(secret)
        typed.press("Enter")
        plain.get_by_text(then).first.wait_for()
    tab.shot("panel-in-a-cell-asks")
    plain.get_by_placeholder("kept nowhere").fill("731946")
    plain.get_by_role("button", name="Answer").click()
    plain.get_by_placeholder("kept nowhere").wait_for(state="detached")
    plain.get_by_text("✗ connect").wait_for()  # it lets in whoever has both, and can do nothing else
