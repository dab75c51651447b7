"""What items write is data of their chunk: with the index of the item that wrote it, whatever way it wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.rig import script
from tests.rig.launchers import apart

pytestmark = [pytest.mark.timeout(60), apart]
WORDS = range(12)


def by_print(x: int) -> None:
    print(f"item {x}")


def by_stderr(x: int) -> None:
    sys.stderr.write(f"item {x}\n")


def by_logging(x: int) -> None:
    import logging

    logging.getLogger("a.library").warning("item %d", x)


def by_descriptor(x: int) -> None:
    os.write(1, f"item {x}\n".encode())


def by_second_descriptor(x: int) -> None:
    os.write(2, f"item {x}\n".encode())


def by_subprocess(x: int) -> None:
    subprocess.run(["echo", f"item {x}"], check=True)


def by_buffer(x: int) -> None:
    sys.stdout.buffer.write(f"item {x}\n".encode())


def by_c_library(x: int) -> None:
    import ctypes

    libc = ctypes.CDLL(None)
    libc.printf(b"item %d\n", x)


def by_half_a_line(x: int) -> None:
    sys.stdout.write(f"item {x}")


def by_warning(x: int) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"item {x}", UserWarning, stacklevel=1)


def by_print_then_raise(x: int) -> None:
    print(f"item {x}")
    raise ValueError(x)


WRITERS = [
    by_print, by_stderr, by_logging, by_descriptor, by_second_descriptor, by_subprocess, by_buffer, by_c_library,
    by_half_a_line, by_warning, by_print_then_raise,
]  # fmt: skip


def written(run: Any) -> dict[int, str]:
    """Put together what each item wrote."""
    told: dict[int, str] = {}
    for chunk in run.chunks:
        for index, text in chunk.output:
            told[index] = told.get(index, "") + text
    return told


@pytest.mark.parametrize("chunksize", [1, None])
@pytest.mark.parametrize("writer", WRITERS, ids=lambda f: f.__name__)
def test_output_is_told_with_the_index_of_its_item(pool: Any, writer: Any, chunksize: int | None) -> None:
    run = pool.start(writer, WORDS, on_error="keep", chunksize=chunksize)
    assert run.wait(30)
    told = written(run)
    assert sorted(told) == list(WORDS)
    assert all(f"item {x}" in told[x] and told[x].count(f"item {x}") == 1 for x in WORDS), told


def print_pieces(x: int) -> None:
    for piece in ("a ", "b ", f"{x}\n", "c"):
        print(piece, end="")
    os.write(1, b"d\n")


def test_pieces_of_one_item_stay_together_and_in_order(pool: Any) -> None:
    run = pool.start(print_pieces, range(20))
    assert run.wait(30)
    assert written(run) == {x: f"a b {x}\ncd\n" for x in range(20)}


def silent(x: int) -> int:
    return x


def test_items_that_write_nothing_have_no_output(pool: Any) -> None:
    run = pool.start(silent, range(500))
    assert run.wait(30)
    assert written(run) == {}


def print_bytes(_: int) -> None:
    os.write(1, b"\xff\xfe caf\xc3\xa9 \x00 \x1b[31mred\n")


def test_bytes_that_are_no_text_do_no_harm(pool: Any) -> None:
    run = pool.start(print_bytes, [0, 1])
    assert run.wait(30)
    assert all("café" in text for text in written(run).values())
    assert sorted(written(run)) == [0, 1]


def print_much(x: int) -> int:
    for _ in range(100):
        sys.stdout.write("y" * 100_000 + "\n")
    return x


def test_ten_megabytes_of_output_are_capped_and_hold_nothing_up(pool: Any) -> None:
    run = pool.start(print_much, range(4))
    assert run.wait(30)
    assert run.result() == [0, 1, 2, 3]
    assert all(0 < len(text) < 2_000_000 for text in written(run).values())


def print_and_die(x: int) -> int:
    print(f"item {x}", flush=True)
    if x == 2:
        print("last words", flush=True)
        os._exit(4)
    return x


def test_the_last_words_of_a_worker_that_dies_are_in_the_error(pool: Any) -> None:
    failure = pool.map(print_and_die, range(4), on_error="keep", retries=0)[2]
    assert "last words" in str(failure.error)


def ask(_: int) -> str:
    return input("name? ")


def test_input_finds_a_closed_stdin(pool: Any) -> None:
    with pytest.raises(EOFError):
        pool.map(ask, [1])


def test_a_plain_script_shows_the_output_in_whole_lines_once(launcher: str, tmp_path: Path) -> None:
    out = script.run(
        tmp_path,
        """
        def item(x):
            print("item", x)
            os.write(1, f"bytes {x}\\n".encode())
        with Pool(LAUNCHER, nodes=2) as pool:
            pool.map(item, range(20))
            list(pool.imap(item, range(20, 25)))
            pool.pipe(item, 25)
            pool.amap(item, [26]).get(10)
        print("end")
        """,
        launcher,
    )
    lines = out.splitlines()
    assert sorted(lines) == sorted([f"{w} {x}" for w in ("item", "bytes") for x in range(27)] + ["end"])
    assert lines[-1] == "end"


def test_progress_off_and_output_kept_out_of_the_way_of_stdout_of_the_driver(pool: Any, capfd: Any) -> None:
    run = pool.start(silent, range(10), progress=False)
    assert run.wait(30)
    assert capfd.readouterr() == ("", "")
