"""What is kept with a run serves in the next kernel: its profile, its record, its code."""

from __future__ import annotations

import json

import pytest

from tests.store.test_sweeps_in_kernels import Kernels

pytestmark = [pytest.mark.timeout(120), pytest.mark.leaves("children", "files")]

BODY = "if i == 3 and not os.path.exists(flag): raise ValueError(i)\ntime.sleep(0.02)\ni * 2"
FAILING = f"%%pmap -p threads --profile --on-error keep -o s for i in range(8)\n{BODY}"
STOPPED = f"%%pmap -p threads -n 1 --profile -o y for i in range(8)\n{BODY} + 1"


@pytest.fixture
def kernels(tmp_path):
    made = Kernels(tmp_path)
    yield made
    made.close()


def test_a_loaded_result_is_looked_into_and_mended_and_its_profile_and_record_are_found(kernels, tmp_path):
    first = kernels.new()
    setup = f"import os, time\nflag = {str(tmp_path / 'flag')!r}"
    export = f"%pathos profile plain --export {tmp_path / 'trace.json'}"
    first.run(setup)
    first.run("%%pmap -q -p threads -o plain for i in range(60)\ni")
    first.run(FAILING)
    first.run(STOPPED)
    assert "60 items as a trace" in first.run(export).result, "without a profile"
    assert len(items(tmp_path / "trace.json")) == 60
    first.run("plain = None")
    assert "60 items as a trace" in first.run(export).result, "from what is kept"
    first.manager.shutdown_kernel(now=True)

    second = kernels.new()
    second.run(setup)
    second.run("%pathos load s -o t")
    assert second.run("t.debug(commands=['p i', 'q'])").text.count("ValueError: 3") == 1
    (tmp_path / "flag").touch()
    assert second.run("t.retry()").status == "ok" and second.value("list(t)") == [i * 2 for i in range(8)]
    second.run("%pathos load s -o u")
    assert second.value("list(u)") == [i * 2 for i in range(8)], "what ran again is kept where it was"
    assert "nothing to do" not in second.run("t.retry()").text and second.value("t.run.state") == "done"

    assert "y was cut short" in second.run(STOPPED.replace("--profile ", "")).text
    said = second.run("%pathos profile y").result
    assert "samples" in said and "went on without --profile" in said, said
    assert second.value("[len(list(y)), y.profile.workers[0].n_items > 0]") == [8, True]


def test_rerun_of_an_earlier_kernels_run_keeps_its_profile(kernels, tmp_path):
    first = kernels.new()
    first.run(f"import os, time\nflag = {str(tmp_path / 'flag')!r}")
    first.run(FAILING)
    first.manager.shutdown_kernel(now=True)
    second = kernels.new()
    (tmp_path / "flag").touch()
    second.run(f"import os, time\nflag = {str(tmp_path / 'flag')!r}")
    assert second.run("%pathos rerun s --failed").status == "ok"
    assert "samples" in second.run("%pathos profile s").result


def items(path) -> list[dict]:
    return [event for event in json.loads(path.read_text())["traceEvents"] if event["ph"] == "X"]
