"""What an item finds around it: the driver's folder, path and environment as they are now, and the standard library."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.contract.calls import modules
from tests.rig.launchers import apart, is_apart

pytestmark = pytest.mark.timeout(60)


def folder(_: Any = None) -> str:
    return os.getcwd()


def variable(name: str) -> str | None:
    return os.environ.get(name)


def answer_of(module: str) -> Any:
    return __import__(module).ANSWER


def test_a_running_pool_follows_the_current_folder(pool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert set(pool.map(folder, range(8))) == {str(tmp_path / name)}


def test_an_item_that_cannot_be_sent_keeps_nobody_from_following(
    pool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pool.map(abs, range(8))  # each worker has surroundings by now: only others than these are sent
    monkeypatch.chdir(tmp_path)
    refuses = (x for x in ())
    found = pool.map(folder, [refuses, *range(8)], on_error="keep", chunksize=1)
    assert set(found[1:]) == {str(tmp_path)}


def test_a_folder_that_is_gone_stops_no_map(pool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        assert pool.map(abs, [-1, -2]) == [1, 2]
    finally:
        os.chdir(tmp_path)


def test_a_running_pool_follows_the_module_path(pool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"beside_the_notebook_{id(pool)}"
    (tmp_path / f"{name}.py").write_text("ANSWER = 42\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        assert pool.map(answer_of, [name] * 4) == [42] * 4
    finally:
        sys.modules.pop(name, None)


def test_a_running_pool_follows_the_environment(pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("one", "two"):
        monkeypatch.setenv("PATHOS_NB_A_SETTING", value)
        assert set(pool.map(variable, ["PATHOS_NB_A_SETTING"] * 8)) == {value}
    monkeypatch.delenv("PATHOS_NB_A_SETTING")
    assert set(pool.map(variable, ["PATHOS_NB_A_SETTING"] * 8)) == {None}


def change_all(path: str, _: int) -> None:
    os.chdir(path)
    os.environ["PATHOS_NB_LEAK"] = "leaked"
    sys.path.insert(0, "/a/leak")


def leaks(_: int) -> tuple[bool, bool, bool]:
    return os.getcwd() == os.environ["PATHOS_NB_AT"], "PATHOS_NB_LEAK" in os.environ, "/a/leak" in sys.path


def test_what_one_run_changes_in_a_worker_the_next_run_does_not_see(
    pool: Any, launcher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_apart(launcher):
        pytest.skip(f"{launcher}: an item's os.chdir is the driver's own, as in a serial loop")
    monkeypatch.setenv("PATHOS_NB_AT", os.getcwd())
    pool.map(partial(change_all, str(tmp_path)), range(8))
    assert set(pool.map(leaks, range(8))) == {(True, False, False)}


def test_a_worker_sees_the_standard_librarys_own_modules(pool: Any) -> None:
    home = str(Path(os.__file__).parent)
    for names in pool.map(modules, range(4)):
        assert all(name.startswith(home) for name in names), names


def test_a_worker_gives_standard_pools_and_threads(pool: Any) -> None:
    assert pool.map(with_standard_threads, [3, 4]) == [6, 8]


def with_standard_threads(x: int) -> int:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as executor:
        return sum(executor.map(int, [x, x]))


def blas_threads(_: int) -> list[str | None]:
    return [os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")]


@apart
def test_inner_threads_of_a_worker_are_limited_to_its_share(pool: Any, launcher: str) -> None:
    limits = pool.map(blas_threads, range(2))[0]
    assert all(limit is not None and 1 <= int(limit) <= len(os.sched_getaffinity(0)) for limit in limits)
