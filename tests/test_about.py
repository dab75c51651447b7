"""What the package says of itself: version, licence, whom to cite, and its types."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pathos_nb

ROOT = Path(__file__).parents[1]


def test_the_licence_is_the_one_in_the_repository(capsys: Any) -> None:
    assert pathos_nb.license() is None
    assert capsys.readouterr().out == (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_the_papers_about_pathos_are_to_be_cited_too(capsys: Any) -> None:
    pathos_nb.citation()
    told = " ".join(capsys.readouterr().out.split())
    for words in (pathos_nb.__version__, "Building a framework for predictive science", "arxiv.org/abs/1202.1056"):
        assert words in told
    assert "pathos: a framework for heterogeneous computing" in told


def test_a_type_checker_sees_each_name_that_is_loaded_late() -> None:
    tree = ast.parse((ROOT / "pathos_nb" / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: (node.module or "").removeprefix("pathos_nb.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }
    assert seen == pathos_nb._HOMES
    assert (ROOT / "pathos_nb" / "py.typed").is_file()


def test_each_name_of_the_front_door_is_there() -> None:
    assert all(callable(getattr(pathos_nb, name)) for name in pathos_nb._HOMES)
