"""What items write is data of their chunk: with the index of the item that wrote it, whatever way it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.contract.writers import (
    WRITERS,
    ask,
    print_and_die,
    print_bytes,
    print_much,
    print_pieces,
    silent,
)
from tests.rig import script
from tests.rig.launchers import apart

pytestmark = [pytest.mark.timeout(60), apart]
WORDS = range(12)


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


def test_pieces_of_one_item_stay_together_and_in_order(pool: Any) -> None:
    run = pool.start(print_pieces, range(20))
    assert run.wait(30)
    assert written(run) == {x: f"a b {x}\ncd\n" for x in range(20)}


def test_items_that_write_nothing_have_no_output(pool: Any) -> None:
    run = pool.start(silent, range(500))
    assert run.wait(30)
    assert written(run) == {}


def test_bytes_that_are_no_text_do_no_harm(pool: Any) -> None:
    run = pool.start(print_bytes, [0, 1])
    assert run.wait(30)
    assert all("café" in text for text in written(run).values())
    assert sorted(written(run)) == [0, 1]


def test_ten_megabytes_of_output_are_capped_and_hold_nothing_up(pool: Any) -> None:
    run = pool.start(print_much, range(4))
    assert run.wait(30)
    assert run.result() == [0, 1, 2, 3]
    assert all(0 < len(text) < 2_000_000 for text in written(run).values())


def test_the_last_words_of_a_worker_that_dies_are_in_the_error(pool: Any) -> None:
    failure = pool.map(print_and_die, range(4), on_error="keep", retries=0)[2]
    assert "last words" in str(failure.error)


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
            pool.amap(item, [26]).get(30)
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
