"""A little of ``make fuzz`` every day, and that it would not overlook what it is there to find."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import main
from tests.fuzz.probe import Endless, Target, probe
from tests.fuzz.spoiling import spoil
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_it_gives_a_value_or_an_error_of_ours_soon_and_in_little_memory(target: Target) -> None:
    @settings(settings.get_profile("fuzz"), max_examples=target.n_examples)
    @given(target.inputs)
    def whatever_comes(value: object) -> None:
        probe(target, value)

    whatever_comes()


def forever(_: object) -> None:
    while True:
        time.process_time()


def much(n_bytes: int) -> None:
    bytearray(n_bytes)


FAULTS = [
    (lambda _: {}["x"], KeyError, "x"),
    (forever, Endless, "not enough"),
    (much, MemoryError, "^$"),
]


@pytest.mark.parametrize(("act", "error", "told"), FAULTS, ids=["another error", "no end", "much memory"])
def test_what_it_is_there_to_find_is_found(act, error, told) -> None:
    with pytest.raises(error, match=told):
        probe(Target("faulty", st.none(), act, (ValueError,)), 1 << 34, cpu_s=0.2)


def test_its_own_errors_are_no_finding_and_a_good_file_is_read_to_its_end() -> None:
    probe(Target("strict", st.none(), int, (ValueError,)), "no number")
    for name, given_ in [
        ("pages of a store", []),
        ("files of results", []),
        ("frames", ([], [])),
        ("envelopes", ([], [5])),
    ]:
        (target,) = [target for target in TARGETS if target.name == name]
        probe(Target(name, target.inputs, target.attempt, ()), given_)


def test_wounds_change_what_is_good() -> None:
    wounds = {
        "bit": b"ggod",
        "byte": b"g\3od",
        "cut": b"g",
        "drop": b"g",
        "insert": b"g\3\3\3\3ood",
        "double": b"ggood",
    }
    for kind, spoilt in {**wounds, "huge": b"g\x80\0\0\0"}.items():
        assert spoil(b"good", [(kind, 1, 3)]) == spoilt
    assert spoil(b"good", []) == b"good"


def test_the_long_form_tells_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seconds", "0.01", "--only", "help"]) == 0
    assert re.search(r"help: [1-9]\d* inputs\nseed 1: 1 targets, 0 with findings", capsys.readouterr().out)
