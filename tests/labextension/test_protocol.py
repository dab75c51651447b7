"""The front end's types are made from the kernel's: nobody writes them a second time."""

from __future__ import annotations

import pytest

from tools.protocol_ts import SOURCE, TARGET, main, typescript


def test_the_front_ends_types_are_those_of_the_kernel():
    assert TARGET.read_text(encoding="utf-8") == typescript(SOURCE.read_text(encoding="utf-8")), (
        "run python tools/protocol_ts.py"
    )
    assert main(["--check"]) == 0


def test_types_are_translated():
    source = (
        'class A(TypedDict):\n    """What it is."""\n\n    b: list[int | None]  # why\n    c: Literal["x", "y\'"]\n'
    )
    assert typescript(source).endswith(
        "/** What it is. */\nexport interface A {\n  /** why */\n  b: (number | null)[];\n  c: 'x' | 'y\\'';\n}\n"
    )


def test_a_type_that_nobody_knows_is_an_error():
    with pytest.raises(ValueError, match="line 2: Callable.* has no counterpart"):
        typescript("class A(TypedDict):\n    b: Callable[[int], str]\n")
