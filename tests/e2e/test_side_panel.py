"""The side panel in a real JupyterLab, by somebody who never typed a verb of ``%pathos``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.side_panel import SidePanel
from tests.rig.bed import Bed
from tests.rig.jupyter import EXTENSION, Jupyter

pytestmark = pytest.mark.skipif(not EXTENSION.is_dir(), reason="the extension is not built: make bundles")

SLOW_SWEEP = """%load_ext pathos_nb
import time
def slow(x):
    time.sleep(0.05)
    return 1 / (x - 3)
%pmap --on-error keep slow(x) for x in range(2000)"""


@pytest.fixture
def strangers(bed: Bed, lab: Jupyter) -> Path:
    """A home folder whose configuration of ssh names the bed's hosts, and knows none of their keys."""
    folder = lab.home / ".ssh"
    folder.mkdir(mode=0o700)
    text = Path(bed.config).read_text(encoding="utf-8")
    (folder / "config").write_text(re.sub(r"(?im)^(\s*UserKnownHostsFile).*$", rf"\1 {folder}/known_hosts", text))
    return folder / "known_hosts"


def test_a_host_a_tunnel_and_a_pool_by_mouse_alone(open_notebook, bed, strangers):
    bed.needs("password")
    tab = open_notebook(
        "import socket\nnames = %pmap socket.gethostname() for i in range(8)\nprint(sorted(set(names)))", width=1500
    )
    panel = SidePanel(tab)
    panel.show()
    tab.shot("panel-not-loaded")
    panel.load()
    form = panel.form("hosts")
    form.locator("datalist option[value=host1]").first.wait_for(state="attached")
    form.get_by_label("Host", exact=True).fill("host2")
    form.get_by_label("User").fill("pwuser")
    form.get_by_label("Workers").fill("2")
    tab.shot("panel-form")
    panel.press("Connect", form)

    question = panel.element.locator(".pathos-nb-panel-question")
    fingerprint = question.locator(".pathos-nb-panel-fingerprint").inner_text()
    assert fingerprint.startswith("SHA256:") and not strangers.exists()
    tab.shot("panel-unknown-key")
    panel.press("It is the same: trust it")
    question.locator("input[type=password]").fill(bed.password)
    tab.shot("panel-password")
    panel.press("Send")
    panel.wait_for_note("host2 is connected as pwuser@host2")
    panel.state("hosts", "host2", "connected")
    assert fingerprint not in tab.page.content() and bed.password not in tab.page.content()

    form = panel.form("tunnels")
    form.get_by_label("Port there").fill(str(bed.hosts["host2"]["port"]))
    panel.press("Open", form)
    panel.wait_for_note("leads to port")
    (tunnel,) = _when_there(panel, "tunnels")
    panel.state("tunnels", tunnel, "connected")

    form = panel.form("pools")
    form.locator("[data-name=host2] input").check()
    form.get_by_label("Workers each").fill("2")
    panel.press("Start", form)
    panel.wait_for_note("cells run on host2-pool")
    panel.state("pools", "host2-pool", "default")
    assert "['host2']" in tab.run(0)
    panel.element.locator(".pathos-nb-panel-spark").first.wait_for()
    tab.shot("panel-at-work")

    at_rest = panel.card("pools", "host2-pool").get_by_text("0 of 2 workers busy")
    at_rest.wait_for()  # else it asks whether to cancel what it still believes to run
    panel.press("Close", panel.card("pools", "host2-pool"))
    panel.wait_for_note("closed host2-pool")
    panel.press("Close", panel.card("tunnels", tunnel))
    panel.wait_for_note(f"ended {tunnel}")
    panel.card("hosts", "host2").get_by_text("2 workers").wait_for(state="detached")  # or it would ask first
    panel.press("Disconnect", panel.card("hosts", "host2"))
    panel.wait_for_note("disconnected host2")
    for topic in ("hosts", "tunnels"):
        panel.section(topic).locator("[role=listitem]").wait_for(state="detached")
    assert "host2" not in " ".join(panel.names("pools"))


def test_a_password_that_is_wrong_is_an_error_with_a_cure(open_notebook, bed, strangers):
    bed.needs("password")
    tab = open_notebook("")
    panel = SidePanel(tab)
    panel.show()
    panel.load()
    form = panel.form("hosts")
    form.get_by_label("Host", exact=True).fill("pwuser@host2")
    panel.press("Connect", form)
    panel.press("It is the same: trust it")
    secret = panel.element.locator(".pathos-nb-panel-question input[type=password]")
    secret.fill("not this")
    panel.press("Send")
    panel.press("Give up")
    said = panel.wait_for_note("pwuser@host2", is_ok=False)
    assert "not let in" in said and form.get_by_label("Host", exact=True).input_value() == "pwuser@host2"
    tab.shot("panel-error")


def test_it_follows_the_kernel_through_restart_and_reload(open_notebook):
    tab = open_notebook("%load_ext pathos_nb", "ys = %pmap x for x in range(4)\nprint(list(ys))")
    panel = SidePanel(tab)
    panel.show()
    panel.element.get_by_text("pathos_nb is not loaded").wait_for()
    tab.run(0)
    tab.run(1)
    (pool,) = _when_there(panel, "pools")
    panel.state("pools", pool, "default")

    panel.wait_until_kept()
    tab.reload()
    panel.element.wait_for(state="visible")  # the layout is as it was
    assert _when_there(panel, "pools") == [pool]
    (run,) = _when_there(panel, "runs")
    panel.state("runs", run, "done")

    tab.page.evaluate("() => { jupyterapp.commands.execute('kernelmenu:restart'); }")
    tab.page.locator(".jp-Dialog button.jp-mod-accept").click()
    panel.element.get_by_text("The kernel was restarted").wait_for()
    tab.shot("panel-restarted")
    panel.load()
    assert "[0, 1, 2, 3]" in tab.run(1)
    assert len(_when_there(panel, "runs")) == 1


def test_a_run_is_opened_and_cancelled_while_its_cell_blocks_and_its_rest_is_run_again(open_notebook):
    tab = open_notebook(SLOW_SWEEP)
    panel = SidePanel(tab)
    panel.show()
    panel.load()
    end = tab.begin(0)
    (run,) = _when_there(panel, "runs")
    panel.state("runs", run, "running")
    panel.press("Open", panel.card("runs", run))
    tab.page.locator(".pathos-nb-run-tab .pathos-nb-run[data-state=running] canvas").wait_for()
    panel.element.get_by_text("1 failed").wait_for()
    tab.shot("panel-running")
    panel.press("Cancel", panel.card("runs", run))
    panel.state("runs", run, "cancelled")
    end()
    tab.page.locator(".pathos-nb-run-tab .pathos-nb-run[data-state=cancelled]").wait_for()

    panel.press("Rerun failed", panel.card("runs", run))
    again = panel.section("runs").locator(f"[role=listitem]:not([data-name='{run}'])")
    again.get_by_text("running").wait_for()
    tab.shot("panel-rerun")
    panel.press("Cancel", again)
    again.get_by_text("cancelled").wait_for()


def test_it_is_dark_where_jupyterlab_is(open_notebook):
    tab = open_notebook("")
    panel = SidePanel(tab)
    panel.show()
    panel.load()
    tab.dark()
    panel.form("hosts")
    panel.form("pools")
    ground, ink = tab.page.evaluate("""() => { const s = getComputedStyle(document.querySelector('.pathos-nb-panel'));
        return [s.backgroundColor, s.color].map(c => c.match(/[\\d.]+/g).slice(0, 3).reduce((a, b) => a + +b, 0)); }""")
    assert ground < 200 < 500 < ink
    tab.shot("panel-dark")


def test_a_kernel_of_another_version_gets_a_plain_notice(open_notebook):
    tab = open_notebook("%load_ext pathos_nb\nimport pathos_nb.notebook.panel_seat as seat\nseat.PROTOCOL = 99")
    tab.run(0)
    panel = SidePanel(tab)
    panel.show()
    notice = panel.element.locator(".pathos-nb-panel-problem")
    panel.element.locator(".pathos-nb-panel-problem, .pathos-nb-panel").first.wait_for()
    panel.wait_until_kept()
    tab.reload()
    notice.get_by_text("The kernel speaks version 99").wait_for()
    assert not panel.element.locator(".pathos-nb-panel-sections").is_visible()
    tab.shot("panel-other-version")


def test_in_notebook_7_too(open_notebook):
    tab = open_notebook("ys = %pmap x for x in range(4)\nprint(list(ys))", ui="notebook")
    panel = SidePanel(tab)
    panel.show()
    panel.load()
    assert "[0, 1, 2, 3]" in tab.run(0)
    _when_there(panel, "runs")
    tab.shot("panel-notebook-7")


def _when_there(panel: SidePanel, topic: str) -> list[str]:
    """Give the names of a part's rows as soon as there are any."""
    panel.section(topic).locator("[role=listitem]").first.wait_for()
    return panel.names(topic)
