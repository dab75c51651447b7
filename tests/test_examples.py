"""The examples in docstrings do what they show."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import pathos_nb

ROOT = Path(pathos_nb.__file__).parent
WITH_EXAMPLES = sorted(
    "pathos_nb." + ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8")
)


@pytest.mark.leaves("children", "files", "threads")  # pathos' pools are shared, and outlive an example
@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    failed, attempted = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert attempted, f"{name} has prompts that are no examples"
    assert not failed
