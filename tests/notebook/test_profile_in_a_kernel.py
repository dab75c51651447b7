"""A profile in a real kernel: by the option of a cell, live over its comm, as a verb, and in what the cell keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pathos_nb.notebook.live import CODE
from tests.notebook.kernel import Answer, Kernel
from tests.notebook.test_live_in_a_kernel import Front, told

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.leaves("children"),
    pytest.mark.skipif(not CODE.is_file(), reason="the view's code has not been built: make bundles"),
]

CELL = """%%pmap --profile -n 1 -o slow for v in range(2)
def crunch(seconds):
    until, end = time.thread_time() + seconds, time.monotonic() + 60
    while time.thread_time() < until or (not os.path.exists({gate!r}) and time.monotonic() < end):
        sum(range(100))
import os, time
crunch(0.8)
v"""


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    kernel = Kernel()
    assert kernel.run("%load_ext pathos_nb").status == "ok"
    kernel.run("%%pmap -q for v in range(2)\nv")
    yield Front(kernel)
    kernel.close()


def test_a_profile_is_live_in_the_midst_of_an_item_and_stays(front: Front, tmp_path: Path) -> None:
    # A kernel without subshells cannot hear a view before the cell is over, and is given none.
    gate = tmp_path / "gate"
    cell = CELL.format(gate=str(gate))
    answer = watched(front, cell) if front.subshell else front.kernel.begin(cell)
    gate.touch()
    front.kernel.end(answer, 60)
    assert "pathos-nb-flame" in answer.picture["text/html"]
    record = json.loads(json.dumps(answer.picture["application/vnd.pathos-nb.run.v1+json"]))
    assert "crunch" in " ".join(record["profile"]["functions"]["name"])

    shown = front.kernel.run("%pathos profile slow")
    assert "crunch" in shown.result and "pathos-nb-profile" in shown.html
    assert front.kernel.value("slow.profile.functions[0].total_s > 1") is True
    assert "<%%pmap In[" in front.kernel.value(
        "[row.file for row in slow.profile.functions if 'crunch' in row.name][0]"
    )


def test_a_profile_calls_a_cell_as_the_user_does(front: Front) -> None:
    front.kernel.run(
        "import time\ndef churn(s):\n    t = time.thread_time() + s\n    while time.thread_time() < t: pass"
    )
    assert front.kernel.run("%%pmap -q --profile -n 1 -o churned for v in range(2)\nchurn(0.4)").status == "ok"
    files = front.kernel.value("[row.file for row in churned.profile.functions if 'churn' in row.name]")
    assert files and files[0].startswith("In["), files


def watched(front: Front, cell: str) -> Answer:
    """Begin the cell and open its view while the first item runs; it is told where the item is."""
    answer = front.begin(cell)
    front.say(type="open", version=1)
    first = front.hear(answer, "profile", timeout=60)["part"]
    assert not any(m["figures"]["n_done"] for m in told(answer, "delta")), "no item is over yet"
    assert "crunch" in " ".join(first["functions"]["name"])
    return answer


def test_a_profile_is_written_by_the_verb(front: Front, tmp_path: Path) -> None:
    kernel = front.kernel
    kernel.run("%%pmap --count-calls -q -o counted for v in range(3)\nsum(abs(x) for x in range(100))")
    assert kernel.value("max(row.n_calls for row in counted.profile.functions)") >= 100
    said = kernel.run(f"%pathos profile counted --export {tmp_path}/counted.pstats")
    assert "pstats" in said.text + said.result and (tmp_path / "counted.pstats").stat().st_size > 100
    kernel.run("%%pmap -q -o plain for v in range(3)\nv")
    refused = kernel.run("%pathos profile plain")
    assert refused.status == "error" and "was not profiled" in refused.traceback + refused.text + refused.evalue
