"""The notebook about other machines: it makes its hosts by itself, and takes them down again."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest
from nbformat import read

from tests import leftovers
from tests.rig.bed import HOSTS, why_no_bed
from tests.rig.kernels import executed

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "hosts.ipynb"


@pytest.fixture
def notebook():
    return read(NOTEBOOK, as_version=4)


def test_it_has_no_errors_and_no_settings_of_anybodys_machine(notebook):
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    kinds = [output.output_type for cell in notebook.cells for output in cell.get("outputs", [])]
    assert kinds and "error" not in kinds


class Listeners:
    """Who listens where while the notebook runs: its processes here, and everybody on a host."""

    def __init__(self, environ: dict[str, str]) -> None:
        self._environ, self._over = environ, threading.Event()
        self.here: set[tuple[str, int]] = set()
        self.there: set[tuple[str, int]] = set()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Listeners:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(1.0):
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error, OSError):
                    look = getattr(process, "net_connections", None) or process.connections  # before psutil 6
                    self.here |= {tuple(each.laddr) for each in look("tcp") if each.status == psutil.CONN_LISTEN}
            words = [sys.executable, str(HOSTS), "exec", "host1", "--", "ss", "-Hltn"]
            done = subprocess.run(
                words, env=self._environ, capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
            places = [line.split()[3].rpartition(":") for line in done.stdout.splitlines()]
            self.there |= {(address.strip("[]").replace("*", "0.0.0.0"), int(port)) for address, _, port in places}


def beyond_loopback(places: set[tuple[str, int]]) -> set[tuple[str, int]]:
    return {place for place in places if not ip_address(place[0].partition("%")[0]).is_loopback}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_it_runs_on_hosts_of_its_own(notebook, monkeypatch, tmp_path):
    if reason := why_no_bed():
        pytest.skip(reason)
    monkeypatch.setenv("PATHOS_TESTBED_RUN", str(tmp_path / "run"))
    monkeypatch.setenv("HOME", str(tmp_path))
    environ = {
        k: v for k, v in os.environ.items() if k != leftovers.TOKEN.split("=", 1)[0]
    }  # the hosts are no children
    try:
        with Listeners(environ) as listeners:
            outputs = executed(notebook, NOTEBOOK.parent, environ)
    finally:
        subprocess.run([sys.executable, str(HOSTS), "down"], env=environ, check=False, capture_output=True, timeout=60)
    text = json.dumps(outputs, default=str, ensure_ascii=False)
    for told in (
        "hello from host1",
        "link lost",
        "80/80",
        "π is about 3.14",
        "this lies on host1",
        "disconnected host1",
    ):
        assert told in text
    assert listeners.here and 22 in {port for _, port in listeners.there}, "somebody looked"
    assert not beyond_loopback(listeners.here)
    assert {port for _, port in beyond_loopback(listeners.there)} <= {22}, "only sshd"
