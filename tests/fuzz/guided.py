"""Fuzzing that looks at which lines an input reaches, by atheris: python -m tests.fuzz.guided NAME [-max_total_time=60].

``make fuzz ARGS=--guided`` runs it for each target. What it finds is told with a traceback, and is written to the folder
in which it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import atheris
from hypothesis import HealthCheck, given, settings

from tests.fuzz.probe import probe

with atheris.instrument_imports(include=["pathos_nb", "paramiko.config"]):
    from tests.fuzz.targets import TARGETS


def main(words: Sequence[str]) -> None:
    """Try one target until the time is over; ends the process."""
    (target,) = [target for target in TARGETS if target.name == words[0]]

    @settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(target.inputs)
    def one(value: object) -> None:
        probe(target, value)

    atheris.Setup([sys.argv[0], *words[1:]], one.hypothesis.fuzz_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
