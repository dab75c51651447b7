"""The side panel in a real JupyterLab, by somebody who never typed a verb of ``%pathos``."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.e2e.reading import cut_off, faint, nameless
from tests.e2e.side_panel import SidePanel
from tests.remote.fake_server import FakeServer
from tests.rig.bed import Bed, wait_until
from tests.rig.browser import Tab
from tests.rig.jupyter import EXTENSION, ROOT, Jupyter

pytestmark = pytest.mark.skipif(not EXTENSION.is_dir(), reason="the extension is not built: make bundles")

SWEEP = """%%pmap -o fits --on-error keep for x in range(200)
import time
time.sleep(0.01 if is_mended else 0.4 if x < 24 else 5)
if x % 7 == 3 and not is_mended:
    raise ValueError(f"no fit at {x}")
x * x"""
LAUNCHERS = """%load_ext pathos_nb
from pathos_nb.launchers.contract import Availability
from pathos_nb.launchers.registry import registry
from pathos_nb.launchers.serial import SerialLauncher
class Batch(SerialLauncher):
    @classmethod
    def availability(cls):
        return Availability(0.0, "no scheduler is installed here")
registry.register("batch", Batch)"""
HOSTILE = """%%pmap -p threads -n 1 --on-error keep --title "<script>evil()</script><img src=x onerror='isHarmed=1'> \u202e" for x in range(1)
print("<script>isHarmed = 1</script>" + "M" * 10_000_000)
raise ValueError("<img src=x onerror='isHarmed=1'>\x1b[31m\u202e" + "M" * 10_000_000)"""
FAST_SWEEP = """%load_ext pathos_nb
import time
%pmap --on-error keep 1 / (x - bad) for x in range(8)"""
OTHER_VERSION = "import pathos_nb.notebook.panel_seat as seat\nseat.PROTOCOL = 99\n%load_ext pathos_nb"
UNSEEN = "%pmap -q -o unseen --on-error keep (time.sleep(0.05), 1 / (x - 3))[0] for x in range(20_000)"
SLOW_SWEEP = """%load_ext pathos_nb
import time
def slow(x):
    time.sleep(0.05)
    return 1 / (x - 3)
%pmap --on-error keep slow(x) for x in range(20_000)"""


@pytest.fixture
def strangers(bed: Bed, lab: Jupyter) -> Path:
    """A home folder whose configuration of ssh names the bed's hosts, and knows none of their keys."""
    folder = lab.home / ".ssh"
    folder.mkdir(mode=0o700)
    text = Path(bed.config).read_text(encoding="utf-8")
    (folder / "config").write_text(re.sub(r"(?im)^(\s*UserKnownHostsFile).*$", rf"\1 {folder}/known_hosts", text))
    return folder / "known_hosts"


def test_the_whole_story_by_mouse_alone(open_notebook, bed, strangers):
    """A host, a pool, a sweep, cancelled and mended, all closed; and what happened is there without a kernel."""
    bed.needs("password")
    tab = open_notebook("is_mended = False", SWEEP, "is_mended = True", width=1500)
    panel = SidePanel(tab)
    panel.show()
    tab.shot("story-1-not-loaded")
    panel.load()
    connect_host2(panel, bed, strangers)

    form = panel.form("tunnels")
    form.get_by_label("Port there").fill(str(bed.hosts["host2"]["port"]))
    panel.press("Open", form)
    panel.wait_for_note("leads to port")
    (tunnel,) = _when_there(panel, "tunnels")
    panel.state("tunnels", tunnel, "connected")
    assert carry(panel.card("tunnels", tunnel).inner_text()).startswith(b"SSH-2.0")
    panel.card("tunnels", tunnel).get_by_text(re.compile(r"[1-9]\d*\sB\s· [\d.]+\sms")).wait_for()
    panel.press("Close", panel.card("tunnels", tunnel))
    panel.card("tunnels", tunnel).wait_for(state="detached")
    panel.press("Check", panel.card("hosts", "host2"))
    panel.wait_for_note("Check host2")

    form = panel.form("pools")
    for place in ("host2", "processes"):
        form.locator(f"[data-name={place}] input").check()
    panel.press("Start", form)
    panel.wait_for_note("cells run on processes-host2-pool")
    for cell in (0, 1):
        panel.click_run(cell)
    (run,) = _when_there(panel, "runs")
    panel.element.get_by_text(re.compile(r"[3-9] failed")).wait_for()
    tab.shot("story-5-sweep")
    panel.press("Cancel", panel.card("runs", run))
    panel.state("runs", run, "cancelled")
    tab.shot("story-6-cancelled")
    panel.click_run(2)
    panel.press("Rerun failed", panel.card("runs", run))
    panel.state("runs", run, "done")
    panel.card("runs", run).get_by_text("200 of 200 done").wait_for()
    tab.shot("story-7-mended")

    panel.press("Close all")
    tab.shot("story-8-close-all")
    panel.press("Yes: close all")
    assert "disconnected host2" in panel.wait_for_note("Close all")
    for topic in ("hosts", "tunnels", "pools"):
        panel.section(topic).locator("[role=listitem]").first.wait_for(state="detached")
    open_without_kernel(tab)
    tab.shot("story-9-without-a-kernel")


def connect_host2(panel: SidePanel, bed: Bed, strangers: Path) -> None:
    """Connect to a host that nobody knows, by what the configuration says of it and a password."""
    tab, form = panel.tab, panel.form("hosts")
    form.get_by_label("From ~/.ssh/config").select_option("host2")
    form.get_by_label("User").fill("pwuser")
    form.get_by_label("Workers").fill("2")
    tab.shot("story-2-form")
    panel.press("Connect", form)
    fingerprint = panel.question.locator(".pathos-nb-panel-fingerprint").inner_text()
    assert fingerprint.startswith("SHA256:") and not strangers.exists()
    assert panel.question.inner_text().count(fingerprint) == 1
    tab.shot("story-3-unknown-key")
    panel.press("It is the same: trust it")
    panel.answer("not this")
    panel.question.get_by_text("That was not accepted. Password of pwuser@host2").wait_for()
    tab.shot("story-4-password")
    panel.answer(bed.password)
    panel.wait_for_note("host2 is connected as pwuser@host2")
    panel.state("hosts", "host2", "connected")
    assert fingerprint not in tab.page.content() and bed.password not in tab.page.content()


def carry(way: str) -> bytes:
    """Have a tunnel carry something."""
    port = re.search(r"localhost:(\d+)", way)
    assert port
    with socket.create_connection(("127.0.0.1", int(port[1])), timeout=30) as stream:
        return stream.recv(100)


def open_without_kernel(tab: Tab) -> None:
    """Save by the button, end the kernel by the menu, load the page again."""
    tab.page.locator("jp-button[data-command='docmanager:save']").first.click()
    tab.wait("() => !jupyterapp.shell.currentWidget.context.model.dirty", "it is saved")
    tab.page.get_by_role("menuitem", name="Kernel", exact=True).click()
    tab.page.get_by_role("menuitem", name="Shut Down Kernel", exact=True).click()
    SidePanel(tab).element.get_by_text("No kernel").wait_for()
    tab.page.reload()
    saved = tab.page.locator(".pathos-nb-saved section.pathos-nb-run").first
    for text in ("fits", "done", "4 workers on 2 hosts, as a table"):
        saved.get_by_text(text, exact=True).first.wait_for()


def test_a_passphrase_a_code_and_a_jump_host(open_notebook, bed, lab):
    """Who is behind a gate, has an encrypted key, or has a second factor, gets in by the form too."""
    bed.needs("bastion")
    (lab.home / ".ssh").mkdir(mode=0o700)
    (lab.home / ".ssh" / "config").write_text(Path(bed.config).read_text(encoding="utf-8"))
    tab = open_notebook("")
    panel = SidePanel(tab)
    panel.show()
    panel.load()
    form = panel.form("hosts")
    for label, text in {"Host": bed.hosts["inner"]["address"], "User": "root", "Key file": bed.facts["encrypted_key"],
                        "Jump through": "host1", "Call it": "deep", "Workers": "1"}.items():  # fmt: skip
        form.get_by_label(label, exact=True).fill(text)
    panel.press("Connect", form)
    panel.answer("not this")
    panel.question.get_by_text("That was not accepted. Passphrase of").wait_for()
    tab.shot("panel-passphrase")
    panel.answer(Path(bed.facts["passphrase_file"]).read_text(encoding="utf-8"))
    panel.wait_for_note("deep is connected as root@")
    panel.card("hosts", "deep").get_by_text("through host1").wait_for()
    with FakeServer(codes=["424242"]) as gate:
        gate.introduce(lab.home)
        form = panel.form("hosts")
        form.get_by_label("Host", exact=True).fill("fake")
        panel.press("Connect", form)
        panel.question.get_by_text("Your second factor: Code").wait_for()
        tab.shot("panel-code")
        panel.answer("1")
        panel.question.get_by_text("That was not accepted.").wait_for()
        tab.page.keyboard.press("Escape")
        assert "me@fake was not let in" in panel.wait_for_note("Connect fake", is_ok=False)


def test_pools_and_servers_are_steered_by_their_buttons(open_notebook, bed, lab):
    (lab.home / ".ssh").mkdir(mode=0o700)
    (lab.home / ".ssh" / "config").write_text(Path(bed.config).read_text(encoding="utf-8"))
    tab = open_notebook(LAUNCHERS)
    tab.run(0)
    panel = SidePanel(tab)
    panel.show()
    form = panel.form("pools")
    absent = form.locator("[data-name=batch]")
    assert absent.locator("input").is_disabled() and "no scheduler is installed here" in absent.inner_text()
    for name in ("first", "second"):
        form = panel.form("pools")
        form.locator("[data-name=threads] input").check()
        form.get_by_label("Workers each").fill("1")
        form.get_by_label("Name").fill(name)
        panel.press("Start", form)
        panel.wait_for_note(f"cells run on {name}")
    first = panel.card("pools", "first")
    panel.press("Make default", first)
    panel.state("pools", "first", "default")
    first.get_by_role("spinbutton").fill("3")
    panel.press("Resize", first)
    first.get_by_text("0 of 3 workers busy").wait_for()
    panel.press("Restart", first)
    panel.wait_for_note("all fresh")
    panel.press("Close", panel.card("pools", "second"))
    panel.wait_for_note("closed second")

    form = panel.form("hosts")
    form.get_by_label("Host", exact=True).fill("host3")
    form.get_by_label("Workers").fill("1")
    panel.press("Connect", form)
    panel.wait_for_note("host3 is connected")
    form = panel.form("services")
    form.get_by_label("Workers").fill("1")
    panel.press("Start", form)
    assert "runs on host3" in panel.wait_for_note("a server with 1 worker")
    panel.state("services", "server-1", "connected")
    assert "ppft, 1 worker\xa0" in panel.card("services", "server-1").inner_text()
    tab.shot("panel-server")
    panel.press("Stop", panel.card("services", "server-1"))
    panel.press("Yes: stop")
    panel.wait_for_note("ended server-1")
    panel.press("Remember", panel.card("hosts", "host3"))
    panel.wait_for_note("host3 is in")
    panel.press("Disconnect", panel.card("hosts", "host3"))
    panel.press("Yes: disconnect")
    panel.state("hosts", "host3", "not connected")
    panel.press("Remove", panel.card("hosts", "host3"))
    panel.press("Yes: remove")
    panel.card("hosts", "host3").wait_for(state="detached")


def test_two_notebooks_the_palette_the_settings_and_the_status_bar(open_notebook):
    """The panel is the kernel's whose notebook is in front; it is found, and used, without a mouse."""
    tab = open_notebook("%load_ext pathos_nb\nys = %pmap x for x in range(4)", "1")
    tab.run(0)
    status = tab.page.locator(".pathos-nb-status-button")
    status.get_by_text(re.compile(r"pathos_nb 0/\d+")).click()
    panel = SidePanel(tab)
    (run,) = _when_there(panel, "runs")
    (tab.server.root / "other.ipynb").write_text((tab.server.root / "test.ipynb").read_text())
    tab.command("docmanager:open", path="other.ipynb")
    panel.element.get_by_text("pathos_nb is not loaded").wait_for()
    status.wait_for(state="hidden")
    tab.page.locator(".lm-TabBar-tab", has_text="test.ipynb").click()
    assert _when_there(panel, "runs") == [run]

    keys = tab.page.keyboard
    keys.press("Control+Shift+C")
    tab.page.get_by_role("menuitem", name="pathos_nb: Start a pool …").wait_for()
    keys.type("pathos pool")
    tab.page.locator(".lm-CommandPalette-item.lm-mod-active", has_text="Start a pool").wait_for()
    tab.shot("panel-palette")
    keys.press("Enter")
    tab.wait("document.activeElement.closest('.pathos-nb-panel-adder') !== null", "the form takes the keys")
    for _ in range(10):  # to the box of threads, which Space ticks
        if tab.page.evaluate("document.activeElement.value") == "threads":
            break
        keys.press("Tab")
    keys.press("Space")
    assert tab.page.evaluate("[document.activeElement.value, document.activeElement.checked]") == ["threads", True]
    for _ in range(20):  # past the boxes of the other places, to the number of workers
        keys.press("Tab")
        if tab.page.evaluate("document.activeElement.type") == "number":
            break
    for key in ("1", "Tab", "k", "Enter"):
        keys.press(key)
    panel.wait_for_note("cells run on k ")
    panel.state("pools", "k", "default")
    tree = panel.element.aria_snapshot()
    for line in ('heading "Pools"', 'progressbar "busy workers of k"', 'button "Restart k"', 'list "Runs"', "status"):
        assert line in tree, tree

    tab.command("settingeditor:open", query="pathos")
    tab.page.get_by_text("Show busy workers in the status bar").click()
    status.wait_for(state="hidden")
    tab.shot("panel-settings")


def test_hostile_names_and_fifty_hosts_are_shown_and_do_no_harm(open_notebook, lab):
    folder = lab.home / ".config" / "pathos_nb"
    folder.mkdir(parents=True)
    text = "".join(
        f"[compute-cluster-node{i:02d}]\nhost = node{i:02d}.{'long-' * 10}name.example.org\n" for i in range(50)
    )
    (folder / "hosts.ini").write_text(text)
    (folder / "hosts.ini").chmod(0o600)
    tab = open_notebook(HOSTILE)
    panel = SidePanel(tab)
    panel.show()
    panel.load()
    tab.run(0)
    (run,) = _when_there(panel, "runs")
    hosts = panel.section("hosts").locator("[role=listitem]")
    assert wait_until(lambda: hosts.count() == 5)
    panel.press("Show all 50")
    assert wait_until(lambda: hosts.count() == 50)
    panel.section("hosts").get_by_label("Find in Hosts").fill("NODE17")
    assert wait_until(lambda: hosts.count() == 1)
    assert panel.names("hosts") == ["compute-cluster-node17"]
    name = hosts.first.locator(".pathos-nb-panel-name")
    assert name.evaluate("name => name.scrollWidth <= name.clientWidth"), "what tells hosts apart is not cut off"
    panel.press("Open", panel.card("runs", run))
    failed = tab.page.locator(".pathos-nb-run-tab .pathos-nb-run")
    failed.get_by_text("1 failed").first.click()
    tab.shot("panel-hostile")
    panel.press("Rerun failed", panel.card("runs", run))
    panel.wait_for_note("<script>evil()</script>")
    shown = tab.page.locator("#pathos-nb-panel, .jp-OutputArea, .pathos-nb-run-tab").all_inner_texts()
    assert not [text for text in shown if "\u202e" in text]
    assert tab.page.evaluate("window.isHarmed") is None
    assert cut_off(tab.page, "#pathos-nb-panel") == []
    for form in ("hosts", "pools"):
        panel.form(form)
    assert (nameless(tab.page, "#pathos-nb-panel"), faint(tab.page, "#pathos-nb-panel")) == ([], [])
    look_in_the_dark(panel)


def test_two_browsers_on_one_notebook_steer_the_same_run(other, open_notebook):
    """What one of them began, the other one sees, opens and cancels; neither has an error in its console."""
    here, there = open_notebook(SLOW_SWEEP), open_notebook(SLOW_SWEEP, of=other)
    end = here.begin(0)
    here.page.wait_for_selector(".jp-OutputArea section.pathos-nb-run[data-state=running] canvas")
    panel = SidePanel(there)
    panel.show()
    (run,) = _when_there(panel, "runs")
    panel.press("Open", panel.card("runs", run))
    opened = there.page.locator(".pathos-nb-run-tab .pathos-nb-run")
    opened.and_(there.page.locator("[data-state=running]")).locator("canvas").wait_for()
    there.shot("other-browser")
    panel.press("Cancel", panel.card("runs", run))
    end()
    here.page.wait_for_selector(".jp-OutputArea section.pathos-nb-run[data-state=cancelled]")
    opened.and_(there.page.locator("[data-state=cancelled]")).wait_for()
    assert not [line for tab in (here, there) for line in tab.said if "anywidget" in line and "to activate" not in line]


def test_it_follows_the_kernel_through_restart_and_reload_and_says_if_it_is_of_another_version(open_notebook):
    tab = open_notebook("%load_ext pathos_nb", "ys = %pmap x for x in range(4)\nprint(list(ys))", OTHER_VERSION)
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

    restart(panel)
    tab.shot("panel-restarted")
    panel.load()
    assert "[0, 1, 2, 3]" in tab.run(1)
    assert len(_when_there(panel, "runs")) == 1

    restart(panel)
    tab.run(2)
    panel.element.locator(".pathos-nb-panel-problem").get_by_text("The kernel speaks version 99").wait_for()
    assert not panel.element.locator(".pathos-nb-panel-sections").is_visible()
    tab.shot("panel-other-version")


def restart(panel: SidePanel) -> None:
    """Restart the kernel by JupyterLab's command and its question."""
    panel.tab.page.evaluate("() => { jupyterapp.commands.execute('kernelmenu:restart'); }")
    panel.tab.page.locator(".jp-Dialog button.jp-mod-accept").click()
    panel.element.get_by_text("The kernel was restarted").wait_for()


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

    known = panel.names("runs")
    tab.page.locator(".lm-TabBar-tab", has_text="test.ipynb").click()
    tab.begin(0)
    new = panel.section("runs").locator(
        "".join(["[role=listitem]", *(f":not([data-name='{name}'])" for name in known)])
    )
    new.get_by_text("running").wait_for()
    tab.command("notebook:delete-cell")
    tab.page.locator(".jp-OutputArea section.pathos-nb-run").first.wait_for(state="detached")
    new.get_by_text(re.compile(r"\d+ of 20,000")).wait_for()  # it goes on without its cell
    panel.press("Cancel", new)
    new.get_by_text("cancelled").wait_for()
    tab.wait_for_kernel()


def test_a_value_is_whole_when_its_failed_points_have_run_again_and_a_quiet_run_is_opened_in_a_tab(open_notebook):
    tab = open_notebook("bad = 3", FAST_SWEEP, UNSEEN, "bad = 0.5")
    tab.run(0)
    tab.run(1)
    assert wait_until(lambda: all(said in tab.outputs()[1] for said in ("ZeroDivisionError", "1 failed"))), (
        tab.outputs()
    )
    panel = SidePanel(tab)
    panel.show()
    tab.run(3)
    (run,) = _when_there(panel, "runs")
    panel.press("Rerun failed", panel.card("runs", run))
    value = tab.page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea-executeResult")
    value.get_by_text("0.4").first.wait_for()  # 1 / (3 - 0.5)
    assert "ZeroDivisionError" not in value.inner_text() and value.count() == 1
    tab.page.locator(".jp-CodeCell").nth(1).locator("section.pathos-nb-run[data-state=done]").wait_for()
    tab.shot("value-whole")

    end = tab.begin(2)
    quiet = panel.section("runs").locator("[role=listitem]", has_text="unseen")
    panel.press("Open", quiet)
    opened = tab.page.locator(".pathos-nb-run-tab .pathos-nb-run")
    opened.and_(tab.page.locator("[data-state=running]")).locator("canvas").wait_for()
    tab.shot("quiet-run-in-a-tab")
    panel.press("Cancel", quiet)
    opened.and_(tab.page.locator("[data-state=cancelled]")).wait_for()
    end()
    assert tab.page.locator(".jp-CodeCell").nth(2).locator("section.pathos-nb-run").count() == 0, "its cell stays quiet"


def look_in_the_dark(panel: SidePanel) -> None:
    """Change to the dark theme: the panel is dark too, and its texts stand out."""
    panel.tab.dark()
    panel.form("hosts")
    panel.form("pools")
    ground, ink = (
        panel.tab.page.evaluate("""() => { const s = getComputedStyle(document.querySelector('.pathos-nb-panel'));
        return [s.backgroundColor, s.color].map(c => c.match(/[\\d.]+/g).slice(0, 3).reduce((a, b) => a + +b, 0)); }""")
    )
    assert ground < 200 < 500 < ink
    assert faint(panel.tab.page, "#pathos-nb-panel") == []
    panel.tab.shot("panel-dark")


def test_in_notebook_7_too(open_notebook):
    ours = "import pathos_nb\nprint(pathos_nb.__file__)\nys = %pmap x for x in range(4)\nprint(list(ys))"
    tab = open_notebook(ours, SLOW_SWEEP, ui="notebook")
    panel = SidePanel(tab)
    tab.page.get_by_role("menuitem", name="View", exact=True).click()
    tab.page.get_by_role("menuitem", name="pathos_nb: Show hosts, pools and runs").click()
    panel.load()
    shown = tab.run(0)
    assert "[0, 1, 2, 3]" in shown and str(ROOT / "pathos_nb" / "__init__.py") in shown
    (run,) = _when_there(panel, "runs")
    panel.press("Open", panel.card("runs", run))
    tab.wait(
        "() => document.querySelector('.pathos-nb-run-tab')?.clientHeight > 200", "the run is seen, not only its tab"
    )
    tab.shot("panel-notebook-7")
    end = tab.begin(1)
    live = tab.page.locator(".jp-OutputArea section.pathos-nb-run[data-state=running]")
    live.get_by_text(re.compile(r"[1-9]\d* / 20,000")).first.wait_for()
    tab.shot("run-notebook-7")
    live.locator(".pathos-nb-cancel").click()
    end()
    tab.page.locator(".pathos-nb-saved section.pathos-nb-run[data-state=cancelled]").wait_for()


def _when_there(panel: SidePanel, topic: str) -> list[str]:
    """Give the names of a part's rows as soon as there are any."""
    panel.section(topic).locator("[role=listitem]").first.wait_for()
    return panel.names(topic)
