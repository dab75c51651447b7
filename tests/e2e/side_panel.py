"""The side panel as a person has it in front of her: what she sees, clicks and types."""

from __future__ import annotations

from typing import Any

from tests.rig.bed import wait_until
from tests.rig.browser import Tab

__all__ = ["SidePanel"]


class SidePanel:
    """The panel of a tab.

    Parameters
    ----------
    tab : Tab
        Where it is.
    """

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.element = tab.page.locator("#pathos-nb-panel")
        self.question = self.element.locator(".pathos-nb-panel-question")

    def show(self) -> None:
        """Click its icon; in Notebook 7, choose it from the menu."""
        if self.tab.ui == "lab":
            self.tab.page.locator(".jp-SideBar [data-id='pathos-nb-panel']").click()
        else:
            self.tab.command("pathos-nb:show")
        self.element.wait_for(state="visible")

    def wait_until_kept(self) -> None:
        """Wait until JupyterLab has noted that the panel is open, which it does after a moment."""
        assert wait_until(lambda: '"current":"pathos-nb-panel"' in self.tab.server.layouts()), self.tab.server.layouts()

    def load(self) -> None:
        """Have pathos_nb loaded by the button that the panel offers."""
        self.press("Load pathos_nb")
        self.section("hosts").wait_for(state="visible")

    def click_run(self, cell: int) -> None:
        """Run a cell by the mouse: a click on it, a click on the button of the notebook's bar."""
        self.tab.page.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".jp-InputArea-editor").click()
        self.tab.page.locator("jp-button[data-command='notebook:run-cell-and-select-next']").first.click()

    def answer(self, text: str) -> None:
        """Type an answer to the question that is shown, and send it."""
        self.question.locator("input").fill(text)
        self.press("Send")

    def section(self, topic: str) -> Any:
        """Give a part, unfolded."""
        part = self.element.locator(f".pathos-nb-panel-section-{topic}")
        if part.count() and part.get_attribute("open") is None:
            part.locator("> summary").click()
        return part

    def card(self, topic: str, name: str) -> Any:
        """Give a row."""
        return self.section(topic).locator(f"[role=listitem][data-name='{name}']")

    def names(self, topic: str) -> list[str]:
        """Give the names of a part's rows."""
        rows = self.section(topic).locator("[role=listitem]")
        return [str(row.get_attribute("data-name")) for row in rows.all()]

    def form(self, topic: str) -> Any:
        """Give a part's form, unfolded all the way."""
        form = self.section(topic).locator(".pathos-nb-panel-adder")
        for fold in [form, *form.locator("details").all()]:
            if fold.get_attribute("open") is None:
                fold.locator("> summary").click()
        return form

    def press(self, label: str, within: Any = None) -> None:
        """Click a button that says exactly this."""
        (within or self.element).locator(f"button:text-is('{label}')").first.click()

    def wait_for_note(self, text: str, *, is_ok: bool = True) -> str:
        """Wait until it is said how something ended; what went wrong instead fails."""
        ours, others = ("ok", "bad") if is_ok else ("bad", "ok")
        found = self.element.locator(f".pathos-nb-panel-note-{ours}", has_text=text)
        other = self.element.locator(f".pathos-nb-panel-note-{others}", has_text=text)
        found.or_(other).first.wait_for()
        assert found.count(), other.all_inner_texts()
        return str(found.first.inner_text())

    def state(self, topic: str, name: str, state: str) -> None:
        """Wait until a row has a state."""
        self.card(topic, name).locator(".pathos-nb-panel-state", has_text=state).wait_for()
