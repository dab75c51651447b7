"""The pages that are made from the code are those of this code; each error of ours is explained, here and in a cell."""

from __future__ import annotations

import inspect
import pickle
import re
import sys
import traceback
from importlib import metadata
from pathlib import Path

import pytest
from IPython.core.error import UsageError

from pathos_nb import errors
from pathos_nb.dispatch.failed import Errors
from pathos_nb.explained import EXPLAINED, explain, main
from pathos_nb.notebook.commands import TOPICS, help_text
from pathos_nb.notebook.completion import suggest
from pathos_nb.notebook.plain import plainly

ROOT = Path(__file__).parents[1]
OURS = {name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, errors.PathosNbError)}


@pytest.fixture
def reference(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    monkeypatch.delitem(sys.modules, "reference", raising=False)
    import reference

    yield reference
    sys.modules.pop("reference", None)


def test_the_pages_are_those_of_this_code(reference):
    assert list(reference.not_current()) == [], "python tools/reference.py writes them"


def test_a_page_that_is_old_missing_or_of_no_error_is_found(reference, tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "DOCS", tmp_path)
    assert set(reference.not_current()) == set(reference.pages())
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0
    (tmp_path / "errors" / "WorkerLost.md").write_text("old")
    (tmp_path / "errors" / "NoSuchError.md").write_text("of a class that is no more")
    assert list(reference.not_current()) == ["errors/WorkerLost.md", "errors/NoSuchError.md"]
    assert reference.main(["--check"]) == 1
    assert reference.main([]) == 0
    assert list(reference.not_current()) == []


def test_each_error_of_ours_is_explained_and_no_other():
    assert set(EXPLAINED) == OURS


@pytest.mark.parametrize("name", sorted(EXPLAINED))
def test_an_explanation_says_what_why_and_what_to_do(name):
    told = explain(name)
    assert told.startswith(f"# {name}\n") and "## Why" in told and "## What to do" in told
    for command in re.findall(r"`%pathos (\w+)", told):
        assert command in TOPICS, f"%pathos has no verb {command}"
    for option in re.findall(r"`%%pmap[^`]*?(--[a-z-]+)", told):
        assert option in help_text("pmap")


def test_an_error_is_explained_in_a_cell():
    assert help_text("WorkerLost") == explain("WorkerLost")
    assert "WorkerLost" in help_text(), "the overview says that there is such a thing"
    assert "HostKeyRefused" in [found for found in suggest("%pathos help Host", {"topics": lambda: TOPICS})]
    with pytest.raises(UsageError, match="did you mean WorkerLost"):
        help_text("WorkerLots")


def test_an_error_is_explained_in_a_shell(capsys):
    assert main(["WorkerLost", "NoSuchError"]) == 1
    told = capsys.readouterr()
    assert told.out == f"{explain('WorkerLost')}\n" and "NoSuchError is no error of pathos_nb" in told.err
    assert main([]) == 0
    assert capsys.readouterr().out.split() == sorted(EXPLAINED)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tracebacks have no notes before Python 3.11")
@pytest.mark.parametrize("name", sorted(EXPLAINED))
def test_a_traceback_of_ours_ends_with_where_it_is_explained(name):
    for error in (kind := getattr(errors, name))("gone"), pickle.loads(pickle.dumps(kind("gone", index=3))):
        last = traceback.format_exception(error)[-1]
        assert f"python -m pathos_nb.explained {name}" in last and f"%pathos help {name}" in last


def test_what_is_said_in_one_line_in_a_cell_names_its_page():
    with pytest.raises(UsageError, match=r"no such thing \(%pathos help BadOption\)$"), plainly(None):
        raise errors.BadOption("no such thing")


def test_a_table_of_failures_says_where_ours_are_explained():
    failures = [errors.Failure(0, errors.WorkerLost("gone")), errors.Failure(1, ValueError("<b>"))]
    shown = Errors(failures)
    assert repr(shown).endswith("\n%pathos help WorkerLost explains")
    assert "%pathos help WorkerLost" in shown._repr_html_()
    assert "%pathos help" not in repr(Errors(failures[1:])) + Errors(failures[1:])._repr_html_()


@pytest.mark.parametrize("package", ["pathos", "pyina"])
def test_the_tables_of_names_are_those_of_the_installed_packages(package, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    monkeypatch.delitem(sys.modules, "pathos_table", raising=False)
    import pathos_table

    family = next(each for each in pathos_table.FAMILIES if each.name == package)
    try:
        found = metadata.version(package)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed here")
    if found != family.version:
        pytest.skip(f"{package} {found} is installed; the table is that of {family.version}")
    names = pathos_table.names_of(family)
    assert family.page.read_text(encoding="utf-8") == pathos_table.page(family, names), "python tools/pathos_table.py"
    module, pool = {"pathos": ("pathos.pools", "ProcessPool"), "pyina": ("pyina.launchers", "MpiPool")}[package]
    assert pool in names[module] and sum(map(len, names.values())) > 80
    assert "left out" in list(pathos_table.rows(family, module, ["NoSuchPool"]))[1]
    sys.modules.pop("pathos_table", None)
