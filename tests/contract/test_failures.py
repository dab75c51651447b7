"""How an item's failure is told: raised with its place, kept in its place, or the end of the run."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pathos_nb.errors import BadOption, Cancelled, Failure, RemoteTraceback
from tests.contract.calls import fail_first, mark_file, mark_then_fail_at, picky, same
from tests.rig.kinds import KINDS

pytestmark = pytest.mark.timeout(60)
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
def test_raise_gives_the_items_own_exception_with_its_place(pool: Any, kind: str) -> None:
    with pytest.raises(ValueError, match=r"^no 1$") as caught:
        KINDS[kind](pool, picky, [0, 1, 2])
    cause = caught.value.__cause__
    assert type(caught.value) is ValueError
    assert isinstance(cause, RemoteTraceback)
    assert (cause.index, "1" in cause.argument, bool(cause.worker), bool(cause.host)) == (1, True, True, True)
    assert "picky" in cause.text and "no 1" in cause.text


@each_kind
def test_keep_puts_a_failure_in_the_items_place(pool: Any, kind: str) -> None:
    ys = KINDS[kind](pool, picky, range(8), on_error="keep")
    assert [y for y in ys if not isinstance(y, Failure)] == [0, 2, 3, 5, 6]
    failures = [y for y in ys if isinstance(y, Failure)]
    assert [(f.index, str(f.error), f.attempt) for f in failures] == [(1, "no 1", 1), (4, "no 4", 1), (7, "no 7", 1)]
    assert all(f.worker and f.host and f.seconds >= 0 and "picky" in f.traceback for f in failures)
    assert [f.argument for f in failures] == [f.argument for f in sorted(failures, key=lambda f: f.index)]


def test_a_failures_traceback_is_the_users_code_and_nothing_of_ours(pool: Any) -> None:
    failure = pool.map(picky, range(3), on_error="keep")[1]
    assert "launchers" not in failure.traceback
    with pytest.raises(ValueError, match="no 1") as caught:
        failure.reraise()
    frames = [str(entry.path) for entry in caught.traceback]
    assert not [path for path in frames if "launchers" in path], frames


def test_stop_begins_no_new_item_and_marks_those_not_run(pool: Any) -> None:
    ys = pool.map(picky, range(5000), on_error="stop", chunksize=1)
    assert len(ys) == 5000
    kept = [y for y in ys if not isinstance(y, Failure)]
    cancelled = [y for y in ys if isinstance(y, Failure) and isinstance(y.error, Cancelled)]
    raised = [y for y in ys if isinstance(y, Failure) and not isinstance(y.error, Cancelled)]
    assert raised and all(str(y.error) == f"no {y.index}" for y in raised)
    assert len(kept) + len(cancelled) + 1 >= 4000
    assert [f.index for f in cancelled] == [i for i, y in enumerate(ys) if y in cancelled]


@pytest.mark.parametrize("how", ["stop", "raise"])
@pytest.mark.parametrize("size", [None, 1, 4])
def test_a_worker_begins_nothing_after_the_failure_that_ends_the_map(
    pool: Any, tmp_path: Path, how: str, size: int | None
) -> None:
    marks = tmp_path / "marks"
    run = pool.amap(
        partial(mark_then_fail_at, str(marks), 9), range(400), on_error=how, chunksize=size, n_workers=1
    ).run
    run.wait(30)
    assert (run.state, list(run.failures)) == ("failed", [9])
    assert marks.read_text().split()[-1] == "9"


def test_an_exception_is_tried_again_only_if_it_is_named(pool: Any, tmp_path: Path) -> None:
    ys = pool.map(partial(fail_first, str(tmp_path / "a")), range(5), retry_on=(ConnectionError,))
    assert ys == [0, 1, 2, 3, 4]
    with pytest.raises(ConnectionError, match="first attempt"):
        pool.map(partial(fail_first, str(tmp_path / "b")), range(5), retry_on=(KeyError,))


def always(path: str, x: int) -> int:
    mark_file(path, x)
    raise ConnectionError(f"down {x}")


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_retries_are_counted(pool: Any, tmp_path: Path, retries: int) -> None:
    path = tmp_path / "runs"
    ys = pool.map(partial(always, str(path)), [7], retry_on=(OSError,), retries=retries, on_error="keep")
    assert path.read_text().split() == ["7"] * (retries + 1)
    assert ys[0].attempt == retries + 1
    assert isinstance(ys[0].error, ConnectionError)


def test_a_failure_is_false_and_can_be_raised_and_told_as_plain_data(pool: Any) -> None:
    import json

    failure = pool.map(picky, [1], on_error="keep")[0]
    assert not failure
    with pytest.raises(ValueError, match="no 1"):
        failure.reraise()
    told = json.loads(json.dumps(failure.to_json()))
    assert (told["index"], told["error"], told["message"]) == (0, "ValueError", "no 1")


def test_after_a_raise_no_further_item_is_begun(pool: Any, tmp_path: Path) -> None:
    path = tmp_path / "runs"

    def item(x: int) -> int:
        mark_file(str(path), x)
        return picky(x)

    with pytest.raises(ValueError, match="no"):
        pool.map(item, range(100_000))
    n_run = len(path.read_text().split())
    assert pool.map(same, range(100)) == list(range(100))
    assert len(path.read_text().split()) == n_run < 100_000


OPTIONS = [
    ({"chunksize": 0}, "chunksize"),
    ({"chunksize": -1}, "chunksize"),
    ({"chunksize": "x"}, "chunksize"),
    ({"chunksize": 1.5}, "chunksize"),
    ({"timeout": 0}, "timeout"),
    ({"timeout": -1}, "timeout"),
    ({"timeout": "soon"}, "timeout"),
    ({"timeout": float("nan")}, "timeout"),
    ({"retries": -1}, "retries"),
    ({"retries": "x"}, "retries"),
    ({"on_error": "ignore"}, "on_error"),
    ({"retry_on": "ValueError"}, "retry_on"),
    ({"retry_on": (3,)}, "retry_on"),
    ({"seed": "x"}, "seed"),
    ({"n_workers": 0}, "n_workers"),
    ({"kwargs": 3}, "kwargs"),
]


@pytest.mark.parametrize("kind", ["map", "imap", "uimap", "amap"])
def test_an_option_without_sense_is_one_clear_line_at_the_call(pool: Any, kind: str) -> None:
    for options, word in OPTIONS:
        with pytest.raises(BadOption, match=word) as caught:
            getattr(pool, kind)(same, [1], **options)
        assert "\n" not in str(caught.value)
