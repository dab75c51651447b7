"""The conda recipe says of the package what pyproject.toml says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")
yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def recipe():
    return yaml.safe_load((ROOT / "conda-recipe" / "recipe.yaml").read_text(encoding="utf-8"))


def plain(requirement: str) -> str:
    return re.sub(r"\s", "", requirement)


def test_it_needs_the_same_packages(project, recipe):
    ours = {plain(line) for line in project["project"]["dependencies"]}
    python = f"python{project['project']['requires-python']}"
    assert {plain(line) for line in recipe["requirements"]["run"]} == {*ours, python}
    assert {plain(line) for line in project["build-system"]["requires"]} < {
        plain(line) for line in recipe["requirements"]["host"]
    }


def test_it_has_the_same_commands_name_and_licence(project, recipe):
    said = dict(map(str.strip, line.split("=", 1)) for line in recipe["build"]["python"]["entry_points"])
    assert said == project["project"]["scripts"]
    assert recipe["package"]["name"] == project["project"]["name"]
    assert recipe["about"]["summary"] == project["project"]["description"]
    assert recipe["about"]["license"] == project["project"]["license"]
    assert (ROOT / recipe["about"]["license_file"]).is_file()
