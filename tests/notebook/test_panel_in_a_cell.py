"""`%pathos panel`: the manager in a cell, in the form that can be had."""

from __future__ import annotations

import builtins
import sys
import time

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
    began = time.strftime("%H:%M:%S", time.localtime(run.started_at))
    assert f">{began}<" in plain.tables["runs"].value
    assert [label for label, _ in plain.chosen["runs"].options] == [f"long (running, {began})"]
    plain.buttons["Cancel"].click()
    assert wait_until(lambda: run.state == "cancelled" and "cancelled" in plain.tables["runs"].value)
    plain.buttons["Close"].click()
    assert wait_until(lambda: "no pool is open" in plain.tables["pools"].value and session.pools == {})


SECRET = "a-secret-that-nobody-keeps"


def type_in(plain, text, *, then_enter=True):
    """Do what a page does: the Enter key is told before what was typed."""
    field = plain.questions.field
    if then_enter:
        field._handle_custom_msg({"event": "submit"}, [])
    field._handle_msg({"content": {"data": {"method": "update", "state": {"value": text}}}})
    return field


def test_plain_widgets_ask_for_secrets_that_no_widget_keeps_and_whether_a_key_is_trusted(plain, panel, monkeypatch):
    from ipywidgets import Widget
    from ipywidgets.embed import dependency_state

    said, sent = [], []
    monkeypatch.setattr(Widget, "_send", lambda self, message, buffers=None: sent.append(message))

    def connect(session, values):
        said.append(panel.asker(lambda: None)("Password of me@node7: ", True))
        said.append(panel.asker(lambda: None)("Code: ", False))
        said.append(panel.truster()(f"the key of {HOSTILE} is not known", "SHA256:abc"))

    monkeypatch.setattr(acting, "ACTIONS", {"connect": connect})
    plain.fields["host"].value, plain.fields["user"].value, plain.fields["port"].value = "node7", "me", "2222"
    questions = plain.questions
    assert questions.field is None and questions.told.value == ""
    plain.buttons["Connect to it"].click()
    assert wait_until(lambda: questions.field is not None) and "Password of me@node7" in questions.told.value
    assert questions.field._view_name == "PasswordView"
    field = type_in(plain, SECRET)
    assert wait_until(lambda: "Code" in questions.told.value and said == [SECRET])
    assert (field.value, field.comm) == ("", None), "the field is gone with its question"
    type_in(plain, "123456", then_enter=False)  # left for another field: it waits for the button
    assert said == [SECRET]
    questions.answer.click()
    assert wait_until(lambda: questions.trust in questions.view.children[1].children)
    assert "<script" not in questions.told.value and "&lt;script" in questions.told.value
    questions.trust.click()
    assert wait_until(lambda: said == [SECRET, "123456", True]) and questions.view.children[1].children == ()
    assert {"value": ""} in [message.get("state") for message in sent], "the page is told to forget"
    kept = repr([*sent, dependency_state([plain.view]), plain.said.value, questions.widgets])
    assert SECRET not in kept and "123456" not in kept


def test_who_gives_up_is_asked_nothing_more_and_questions_come_one_after_the_other(plain, panel, monkeypatch):
    said = []

    def connect(session, values):
        said.append(panel.asker(lambda: None)(f"Password of {values['host']}: ", True))

    monkeypatch.setattr(acting, "ACTIONS", {"connect": connect})
    for host in ("node7", "node8"):
        plain.fields["host"].value = host
        plain.buttons["Connect to it"].click()
        assert wait_until(lambda: "node7" in plain.questions.told.value)
    plain.questions.refuse.click()
    assert wait_until(lambda: "node8" in plain.questions.told.value and said == [None])
    type_in(plain, SECRET)
    assert wait_until(lambda: said == [None, SECRET]) and plain.questions.told.value == ""


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
