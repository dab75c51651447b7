"""The self-test of the installed package: what passes, what it finds, and that it ends whatever it tries."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pathos_nb.errors import BadOption
from pathos_nb.launchers.contract import Availability, Launcher
from pathos_nb.launchers.registry import registry
from pathos_nb.tests import __main__ as command
from pathos_nb.tests import surroundings
from pathos_nb.tests.exams import EXAMS, Wrong
from pathos_nb.tests.trial import FAILED, PASSED, Row, run
from tests.rig.census import until

ROOT = Path(__file__).parents[1]


def self_test(*words: str, within_s: float = 50.0) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    line = [sys.executable, "-m", "pathos_nb.tests", *words]
    return subprocess.run(line, env=environ, capture_output=True, text=True, timeout=within_s, check=False)


@pytest.mark.parametrize("place", ["serial", "processes"])
def test_a_launcher_that_is_here_passes(place: str) -> None:
    done = self_test(place)
    assert done.returncode == 0, done.stdout + done.stderr
    row = next(line for line in done.stdout.splitlines() if line.split()[:1] == [place])
    assert "passed" in row and "order, errors, laziness" in row
    assert ("a lost worker" in row) == (place == "processes")
    assert done.stdout.endswith("\n1 passed\n")


@pytest.mark.timeout(200)
def test_all_that_is_here_passes(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--everywhere"):
        pytest.skip("every launcher takes twenty seconds: --everywhere")
    done = self_test(within_s=180.0)
    assert done.returncode == 0, done.stdout
    named = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert set(registry.names()) <= set(named)


def test_a_place_that_nobody_knows_has_failed_with_the_word_for_it() -> None:
    done = self_test("nosuch")
    assert done.returncode == 1
    assert "UnknownPlace" in done.stdout and "processes" in done.stdout


# ------------------------------------------------------------------------------------------------------ what exams find


class Liar:
    """A pool that gives what it was told to give, whatever it is asked."""

    def __init__(self, gives: list[Any], pulls: int = 0) -> None:
        self.gives, self.pulls = gives, pulls

    def map(self, function: Any, xs: Any, **options: Any) -> Any:
        return self.gives

    def imap(self, function: Any, xs: Any, **options: Any) -> Any:
        for _ in range(self.pulls):
            next(xs)
        return self._values()

    def _values(self) -> Any:
        yield from self.gives


@pytest.mark.parametrize(
    ("exam", "pool"),
    [
        ("order", Liar([x * x + 7 for x in reversed(range(200))])),
        ("order", Liar([])),
        ("errors", Liar([0, 1, 2, 4, 5, 6, 7])),  # right where it is kept, and silent where it should raise
        ("errors", Liar([0, 1, 2, None, 4, 5, 6, 7])),
        ("laziness", Liar([1], pulls=1000)),
        ("laziness", Liar([2])),
        ("a lost worker", Liar([0, 1, None, 3, 4, 5])),
    ],
)
def test_an_exam_finds_a_pool_that_lies(exam: str, pool: Any) -> None:
    with pytest.raises(Wrong, match=r"instead of|pulled|raised"):
        EXAMS[exam](pool)


# -------------------------------------------------------------------------------------------------------- what it shows


def script(text: str, timeout_s: float = 30.0) -> Row:
    return run("it", [sys.executable, "-c", text], timeout_s)


def test_what_hangs_is_killed_and_said_with_the_part_it_was_at() -> None:
    told = script('import time; print(\'{"begins": "order"}\', flush=True); time.sleep(600)', timeout_s=1.0)
    assert told.verdict == FAILED
    assert told.told.startswith("at 'order': no end after")


def test_an_interrupt_ends_what_is_being_tried(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    trial = f"import os, pathlib, time; pathlib.Path({str(noted)!r}).write_text(str(os.getpid())); time.sleep(600)"
    program = f"import sys; from pathos_nb.tests.trial import run; run('it', [sys.executable, '-c', {trial!r}], 500.0)"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", program], env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert until(lambda: noted.is_file() and bool(noted.read_text()), 30.0)
        process.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in process.communicate(timeout=30)[1]
    until(lambda: not is_there(int(noted.read_text())), 30.0)
    assert not is_there(int(noted.read_text()))


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_dies_without_a_word_has_failed_and_its_last_words_are_shown() -> None:
    told = script("import os; print('half a line', flush=True); os._exit(3)")
    assert (told.verdict, told.told, told.tail) == (FAILED, "it ended without a word", "half a line")


def test_what_says_why_it_failed_is_believed() -> None:
    told = script('print(\'{"begins": "start"}\\n{"ended": "PoolBroken: no"}\')')
    assert (told.verdict, told.told) == (FAILED, "at 'start': PoolBroken: no")


def test_a_launcher_that_is_missing_is_a_row_with_its_reason(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(registry, "launchers", lambda: {"mpi": Availability(0.0, "mpi4py is not installed")})
    assert command.main(["mpi"]) == 1, "it was asked for"
    assert "mpi4py is not installed" in capsys.readouterr().out
    monkeypatch.setattr(command, "surroundings", SimpleNamespace(cell=told_of("a cell"), panel=told_of("side panel")))
    assert command.main([]) == 0
    shown = capsys.readouterr().out
    assert "1 passed, 2 not here" not in shown and "2 passed, 1 not here" in shown


def told_of(name: str) -> Any:
    return lambda *_: Row(name, PASSED, "")


def test_a_cluster_is_asked_for_a_job_only_by_name(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(registry, "launchers", lambda: {"slurm": Availability(0.5, "")})
    monkeypatch.setattr(command, "surroundings", SimpleNamespace(cell=told_of("a cell"), panel=told_of("side panel")))
    asked: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(
        command, "run_place", lambda place, settings, _: asked.append((place, settings)) or told_of(place)()
    )
    assert command.main([]) == 0
    assert asked == [] and "it would queue a job" in capsys.readouterr().out
    assert command.main(["slurm", "time=5"]) == 0
    assert asked == [("slurm", {"time": "5"})]


def test_a_launcher_that_must_be_told_something_is_tried_only_by_name(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(registry, "launchers", lambda: {"hosts": Availability(0.5, "")})
    monkeypatch.setattr(registry, "_known", {"hosts": Wanting})
    monkeypatch.setattr(command, "surroundings", SimpleNamespace(cell=told_of("a cell"), panel=told_of("side panel")))
    assert command.main([]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "hosts not tried at=''; it is an address; to try it: python -m pathos_nb.tests hosts KEY=VALUE" in told


class Wanting(Launcher):
    """A launcher that is nothing without its address."""

    @classmethod
    def wants_settings(cls) -> bool:
        return True

    @classmethod
    def configured(cls, **settings: Any) -> type[Launcher]:
        raise BadOption("at=''", cure="it is an address")


def test_settings_without_one_place_are_misuse(capsys: Any) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(["time=5"])
    assert "KEY=VALUE" in capsys.readouterr().err


def test_a_panel_without_its_files_is_found(tmp_path: Path, monkeypatch: Any) -> None:
    if find_spec("jupyterlab") is None:
        pytest.skip("JupyterLab is not installed")
    folder = tmp_path / "labextensions" / "pathos-nb"
    folder.mkdir(parents=True)
    package = folder / "package.json"
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    package.write_text(json.dumps({"jupyterlab": {"_build": {"load": "static/entry.js"}}}))
    assert surroundings.panel().verdict == FAILED
    (folder / "static").mkdir()
    (folder / "static" / "entry.js").write_text("")
    assert surroundings.panel().verdict == PASSED
    package.write_text("{")
    assert surroundings.panel().verdict == FAILED
