"""The launcher "command": workers behind any command that runs what follows it, and passes on stdin and stdout."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from pathos_nb.errors import BadOption
from pathos_nb.launchers.agent import AgentLauncher, agent_launcher
from pathos_nb.launchers.agent_birth import LinkFailed
from pathos_nb.launchers.contract import Availability, Launcher
from pathos_nb.launchers.process_carrier import ProcessCarrier


class CommandLauncher(AgentLauncher):
    """Workers behind a command, such as ``docker run --rm -i python:3.11``."""

    name = "command"
    settings = frozenset({"through", "python"})
    through = ""  # the command, where the setting does not say

    @classmethod
    def availability(cls) -> Availability:
        """Tell whether it can run here: whether there is such a command is seen when it is named."""
        return Availability(0.2, "")

    @classmethod
    def configured(cls, **settings: Any) -> type[Launcher]:
        """Give the launcher for one command; see `Launcher.configured`."""
        words = shlex.split(through := settings.get("through", cls.through))
        if not words or shutil.which(words[0]) is None:
            raise BadOption(f"{through=}", cure="it is a command that is installed here")

        def carrier(command: Sequence[str]) -> ProcessCarrier:
            try:
                return ProcessCarrier([*words, *command], words[0])
            except OSError as error:
                raise LinkFailed(f"{words[0]} cannot be started", str(error)) from error

        return agent_launcher(cls.name, carrier, settings.get("python") or sys.executable)


class NiceLauncher(CommandLauncher):
    """The same behind one command, by a name of its own and without a setting."""

    name, through = "nice", "nice -n 10"
