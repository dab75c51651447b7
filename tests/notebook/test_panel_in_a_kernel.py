"""The panel's comm in a real kernel: what a front end says is done while a cell blocks, and gone with the extension."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pathos_nb.wire.messages import PANEL_TARGET, PROTOCOL
from tests.notebook.kernel import Kernel, loaded_kernel

pytestmark = [pytest.mark.timeout(180), pytest.mark.leaves("children", "files")]


class Front:
    """A panel at a kernel."""

    def __init__(self, kernel: Kernel, subshell: str = "") -> None:
        self.kernel, self.told, self._number = kernel, list[dict[str, Any]](), 0
        self.comm = kernel.open_comm(PANEL_TARGET, {"type": "open", "version": PROTOCOL}, self.told.append)
        self.wait(lambda m: m["type"] == "tables")
        self.comm.subshell = subshell

    def say(self, type_: str, **fields: Any) -> None:
        self.comm.send({"type": type_, **fields})

    def begin(self, verb: str, *words: str) -> int:
        self._number += 1
        self.say("do", id=self._number, verb=verb, words=list(words))
        return self._number

    def do(self, verb: str, *words: str, timeout: float = 60) -> dict[str, Any]:
        number = self.begin(verb, *words)
        return self.wait(lambda m: m["type"] == "answer" and m["id"] == number, timeout)

    def wait(self, is_it: Any, timeout: float = 60) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        def look() -> bool:
            found[:] = [m for m in self.told if is_it(m)][:1]
            return bool(found)

        self.kernel.listen(look, timeout)
        return found[0]


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    with loaded_kernel() as made:
        yield made


def test_the_panel_works_while_a_cell_blocks(kernel):
    subshell = kernel.subshell()
    if not subshell:
        pytest.skip("this ipykernel has no subshells: what the panel says waits for the end of the cell")
    front = Front(kernel, subshell)
    front.say("watch", topics=["runs", "pools"], runs=[])
    assert front.do("pool", "two", "processes", "-n", "2")["is_ok"]  # its workers outlive the thread that made them
    cell = kernel.begin("%%pmap -p two --on-error keep for i in range(10_000)\nimport time\ntime.sleep(0.05)")
    tables = front.wait(lambda m: m["type"] == "tables" and any(r["state"] == "running" for r in m["runs"] or ()))
    run = tables["runs"][-1]["run"]
    front.say("watch", topics=["runs", "pools"], runs=[run])
    assert front.wait(lambda m: m["type"] == "run")["record"]["head"]["run"] == run
    assert front.wait(lambda m: m["type"] == "delta" and m["spans"]["lane"])["run"] == run
    front.say("look", id=9, run=run, lanes=[0, 1], from_s=0.0, to_s=60.0, n_pixels=500)
    assert front.wait(lambda m: m["type"] == "window")["id"] == 9
    assert not any(m["msg_type"] == "status" and m["content"]["execution_state"] == "idle" for m in cell.messages)
    assert front.do("pool", "other", "serial")["is_ok"]
    assert front.do("cancel")["text"].startswith("cancelled")
    assert kernel.end(cell, 30).seconds < 30
    front.wait(lambda m: m["type"] == "tables" and any(r["state"] == "cancelled" for r in m["runs"] or ()))
    assert front.wait(lambda m: m["type"] == "ended")["figures"]["state"] == "cancelled"
    assert kernel.value("sorted(t.name for t in __import__('threading').enumerate() if 'panel' in t.name)") == [
        "pathos-nb panel pump"
    ]


def test_without_subshells_what_is_shown_goes_on_and_what_is_said_waits(kernel):
    front = Front(kernel)
    front.say("watch", topics=["runs"], runs=[])
    cell = kernel.begin("%%pmap -q -p threads -n 2 for i in range(60)\nimport time\ntime.sleep(0.05)")
    front.wait(lambda m: m["type"] == "tables" and any(0 < r["n_done"] < 60 for r in m["runs"] or ()))
    number = front.begin("pools")
    assert kernel.end(cell, 60).status == "ok"
    assert front.wait(lambda m: m["type"] == "answer" and m["id"] == number)["is_ok"]


def test_it_comes_with_the_extension_and_goes_with_it(kernel):
    front = Front(kernel)
    assert front.do("use", "serial")["text"] == "cells run on serial now (1 worker)"
    assert kernel.run("%unload_ext pathos_nb").status == "ok"
    targets = "__import__('comm').get_comm_manager().targets"
    assert kernel.value(f"'{PANEL_TARGET}' in {targets}") is False
    assert kernel.value("[t.name for t in __import__('threading').enumerate() if 'panel' in t.name]") == []
    assert kernel.run("%load_ext pathos_nb").status == "ok"
    again = Front(kernel)
    assert again.do("status")["is_ok"] and "cells run on processes" in again.do("status")["text"]
    assert len(json.dumps(again.told)) < 20_000
