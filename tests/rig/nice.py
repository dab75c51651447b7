"""The launchers that docs/add-a-launcher.md writes, registered as entry points would."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from pathos_nb.launchers.registry import registry

__all__ = ["FILE", "forget", "register"]

FILE = Path(__file__).parents[2] / "docs" / "code" / "command_launcher.py"
KINDS = {"command": "CommandLauncher", "nice": "NiceLauncher"}


def register() -> None:
    """Make them known."""
    module = tutorial()
    for name, kind in KINDS.items():
        registry.register(name, getattr(module, kind))


def forget() -> None:
    """Make them unknown again."""
    for name in KINDS:
        registry._known.pop(name)


def tutorial() -> ModuleType:
    """Give the module that the tutorial shows, line by line."""
    spec = importlib.util.spec_from_file_location("command_launcher", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
