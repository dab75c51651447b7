"""`%pathos panel`: the manager in a cell, in the form that can be had."""

from __future__ import annotations

import builtins
import sys

import pytest

from pathos_nb.notebook import acting, panel_view
from pathos_nb.notebook.panel_forms import TABLES, table_of
from pathos_nb.wire.messages import PROTOCOL
from tests.rig.bed import wait_until

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


@pytest.fixture
def plain(panel):
    """The plain widgets, which without a kernel speak to nobody but the panel."""
    pytest.importorskip("ipywidgets")
    from pathos_nb.notebook.panel_plain import PlainPanel

    made = PlainPanel(panel)
    assert wait_until(lambda: "threads" in made.places.options)
    return made


def test_plain_widgets_start_use_resize_and_close_a_pool(plain, session):
    plain.pool["name"].value, plain.pool["workers"].value, plain.places.value = "two", "2", ("threads",)
    plain.buttons["Start a pool"].click()
    assert wait_until(lambda: plain.chosen["pools"].value == "two")
    assert "made the pool two on threads (2 workers)" in plain.said.value
    plain.buttons["Use it"].click()
    assert wait_until(lambda: session.places == ("two",) and "in use" in plain.tables["pools"].value)
    plain.pool["workers"].value = "3"
    plain.buttons["Resize"].click()
    assert wait_until(lambda: "0 of 3" in plain.tables["pools"].value)
    run = session.pools["two"].start(lambda v: __import__("time").sleep(0.02), range(100_000), title="long")
    assert wait_until(lambda: plain.chosen["runs"].value == run.run_id)
    plain.buttons["Cancel"].click()
    assert wait_until(lambda: run.state == "cancelled" and "cancelled" in plain.tables["runs"].value)
    plain.buttons["Close"].click()
    assert wait_until(lambda: "no pool is open" in plain.tables["pools"].value and session.pools == {})


def test_plain_widgets_ask_whether_a_key_is_trusted_but_for_no_secret(plain, panel, monkeypatch):
    said = []

    def connect(session, values):
        said.append(panel.asker(lambda: None)("Password of me@node7: ", True))
        said.append(panel.truster()(f"the key of {HOSTILE} is not known", "SHA256:abc"))

    monkeypatch.setattr(acting, "ACTIONS", {"connect": connect})
    plain.fields["host"].value, plain.fields["user"].value, plain.fields["port"].value = "node7", "me", "2222"
    assert plain.trust.layout.display == "none"
    plain.buttons["Connect to it"].click()
    assert wait_until(lambda: plain.trust.layout.display == "")
    assert "<script" not in plain.question.value and "&lt;script" in plain.question.value
    plain.buttons["Trust this key"].click()
    assert wait_until(lambda: said == [None, True]) and plain.trust.layout.display == "none"


def test_where_a_secret_is_wanted_the_line_for_a_cell_is_shown(plain, panel, monkeypatch):
    monkeypatch.setattr(acting, "ACTIONS", {"connect": lambda s, v: panel.asker(lambda: None)("Password: ", True)})
    plain.fields["host"].value, plain.fields["key"].value = "node7", "/keys/my key"
    plain.buttons["Connect to it"].click()
    assert wait_until(lambda: "%pathos connect node7 --key=&#x27;/keys/my key&#x27;" in plain.question.value)


def test_what_comes_from_outside_is_escaped():
    texts = {"name": HOSTILE, "state": HOSTILE, "problem": HOSTILE, "user": HOSTILE, "address": HOSTILE}
    row = {**texts, "n_workers": 1, "load": 0.5, "n_cores": 2, "free_bytes": 5, "round_trips_ms": [1.0],
           "python": HOSTILE, "mismatch": HOSTILE}  # fmt: skip
    page = table_of("hosts", [row], 3)
    assert "<script" not in page and "and 3 more" in page and set(TABLES) >= {"hosts", "runs"}


def show(panel, session, *, plain=False, has_kernel=True):
    return panel_view.view_of(panel, session, {"plain": plain}, has_kernel=has_kernel)


def test_with_the_bundle_it_is_the_widget_that_speaks_the_panels_messages(panel, session, monkeypatch, tmp_path):
    pytest.importorskip("anywidget")
    (tmp_path / "panel.js").write_text("export default { render() {} };")
    monkeypatch.setattr(panel_view, "BUNDLE", tmp_path / "panel.js")
    widget, told = show(panel, session), []
    monkeypatch.setattr(type(widget), "send", lambda self, message: told.append(message))
    for _ in range(2):  # a view that is closed, and shown again
        widget._handle_custom_msg({"type": "open", "version": PROTOCOL}, [])
        assert wait_until(lambda: any(m["type"] == "tables" for m in told)) and told[0]["type"] == "hello"
        widget._handle_custom_msg({"type": "close"}, [])
        told.clear()
    widget.close()


def test_without_the_bundle_or_when_asked_for_it_is_plain_widgets(panel, session, monkeypatch, tmp_path):
    ipywidgets = pytest.importorskip("ipywidgets")
    monkeypatch.setattr(panel_view, "BUNDLE", tmp_path / "missing.js")
    view = show(panel, session)
    assert isinstance(view, ipywidgets.VBox) and "lives as long as its kernel" in repr(view)


@pytest.mark.parametrize("missing", ["terminal", "ipywidgets"])
def test_without_widgets_it_is_a_table_that_says_what_is_missing(panel, session, monkeypatch, missing):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.partition(".")[0] in ("ipywidgets", "anywidget"):
            raise ImportError(f"no {name}")
        return real(name, *rest)

    for name in ("panel_plain", "panel_anywidget"):
        monkeypatch.delitem(sys.modules, f"pathos_nb.notebook.{name}", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    table = show(panel, session, has_kernel=missing != "terminal")
    assert "cells run on threads" in repr(table) and "<table" in table._repr_html_()
    assert {"terminal": "no widgets in a terminal", "ipywidgets": "%pip install ipywidgets"}[missing] in repr(table)
