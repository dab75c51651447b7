"""The live view of a run in a real kernel: what goes over its comm, and when, while the cell blocks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pathos_nb.notebook.live import CODE, WIDGET_MIME
from pathos_nb.wire.messages import PROTOCOL, RUN_MIME
from tests.notebook.kernel import Answer, Kernel, held, loaded_kernel

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.leaves("children"),
    pytest.mark.skipif(not CODE.is_file(), reason="the view's code has not been built: make bundles"),
]

SLOW = "%%pmap -o slow --fresh --on-error keep for v in range({n})\nimport time\ntime.sleep(0.05)\n{body}\nv"


class Front:
    """What a front end with widgets does: a subshell for comms if the kernel has them, and one model's comm."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel, self.client = kernel, kernel.client
        self.subshell = kernel.subshell()

    def begin(self, code: str) -> Answer:
        """Begin a cell, and wait for the widget that it shows."""
        answer = self.kernel.begin(code)
        self.kernel.listen(lambda: any(WIDGET_MIME in data for data in shown(answer)), 20)
        (self.model,) = [data[WIDGET_MIME]["model_id"] for data in shown(answer) if WIDGET_MIME in data]
        return answer

    def say(self, **message: Any) -> None:
        """Say what a view says."""
        content = {"comm_id": self.model, "data": {"method": "custom", "content": message}}
        message = self.client.session.msg("comm_msg", content)
        message["header"]["subshell_id"] = self.subshell
        self.client.shell_channel.send(message)

    def hear(self, answer: Answer, kind: str, n: int = 1, timeout: float = 20) -> dict[str, Any]:
        """Wait for the n-th message of a kind."""
        self.kernel.listen(lambda: len(told(answer, kind)) >= n, timeout)
        return told(answer, kind)[n - 1]


def shown(answer: Answer) -> list[dict[str, Any]]:
    """Everything that the cell showed."""
    return [data for states in answer.displays.values() for data in states]


def told(answer: Answer, kind: str) -> list[dict[str, Any]]:
    """The messages of a kind that came to the view, by the cell's own parent."""
    sent = [m["content"]["data"]["content"] for m in answer.messages if m["msg_type"] == "comm_msg"]
    return [message for message in sent if message["type"] == kind]


def kinds(answer: Answer) -> list[str]:
    return [m["msg_type"] for m in answer.messages]


@pytest.fixture(scope="module")
def shared() -> Iterator[Front]:
    with loaded_kernel() as kernel:
        kernel.run("%%pmap -q for v in range(2)\nv")
        yield Front(kernel)


@pytest.fixture
def front(shared: Front) -> Front:
    if not shared.subshell:
        pytest.skip("this ipykernel has no subshells: a view is not heard while a cell blocks")
    return shared


def test_a_view_that_is_opened_is_fed_while_the_cell_blocks_and_a_bundle_stays(front, tmp_path):
    body = f"print('said', v)\nif v == 7: raise ValueError('<b>')\n{held(79, tmp_path / 'gate')}"
    answer = front.begin(SLOW.format(n=80, body=body))
    opening = next(m for m in answer.messages if m["msg_type"] == "comm_open")["content"]
    assert opening["data"]["state"]["_model_module"] == "anywidget"
    assert opening["data"]["state"]["record"]["head"]["title"] == "slow"
    front.say(type="open", version=PROTOCOL)
    assert front.hear(answer, "hello")["version"] == PROTOCOL
    record = front.hear(answer, "run")["record"]
    assert (record["head"]["names"], record["figures"]["state"], record["figures"]["total"]) == (["v"], "running", 80)
    front.hear(answer, "delta", 5)
    n_pictures = len(shown(answer))
    front.say(type="look", id=3, run=record["head"]["run"], lanes=[0, 1], from_s=0.0, to_s=9.0, n_pixels=500)
    window = front.hear(answer, "window")
    assert window["id"] == 3 and "v=0" in window["items"]["label"]
    (tmp_path / "gate").touch()
    front.kernel.end(answer)
    deltas = told(answer, "delta")
    n_items = sum(sum(part["spans"]["n_items"]) for part in [record, *deltas])
    assert n_items == 80, "every item came once"
    assert [row["label"] for part in [record, *deltas] for row in part["failures"]] == ["v=7"]
    assert "said 79" in json.dumps([record, *deltas])
    assert told(answer, "ended")[0]["figures"]["n_done"] == 80
    assert len(shown(answer)) == n_pictures + 1, "while it is open no picture is drawn; the last one stays"
    last = answer.picture
    assert WIDGET_MIME not in last and 'src="data:image/svg+xml;base64,' in last["text/html"]
    assert last[RUN_MIME]["figures"]["n_failed"] == 1 and len(json.dumps(last[RUN_MIME])) < 200_000
    front.kernel.listen(lambda: "comm_close" in kinds(answer), 30)
    assert kinds(answer).count("comm_open") == kinds(answer).count("comm_close") == 1
    targets = front.kernel.value("[c.target_name for c in __import__('comm').get_comm_manager().comms.values()]")
    assert "jupyter.widget" not in targets, "no model is left to be saved"


def test_at_most_ten_messages_and_100_kb_a_second(front):
    answer = front.begin("%%pmap for v in range(30000)\nimport time\ntime.sleep(0.0001)\nprint('x' * 30)\nv")
    front.say(type="open", version=PROTOCOL)
    front.hear(answer, "run")
    start = time.monotonic()
    front.kernel.end(answer, 60)
    seconds, deltas = time.monotonic() - start, told(answer, "delta")
    assert len(deltas) <= 10 * seconds + 41, "those after the end are the rest, and few"
    sizes = [len(json.dumps(delta)) for delta in deltas]
    assert sum(sizes) <= 100_000 * (seconds + 2) and max(sizes) < 100_000


def test_the_button_stops_a_cell_that_blocks(front):
    answer = front.begin(SLOW.format(n=2000, body=""))
    front.say(type="open", version=PROTOCOL)
    front.hear(answer, "delta")
    start = time.monotonic()
    front.say(type="cancel", run="")
    front.kernel.end(answer)
    assert time.monotonic() - start < 15
    assert told(answer, "ended")[0]["figures"]["state"] == "cancelled"
    assert answer.status == "ok", "--on-error keep"
    assert "cancelled" in answer.picture["text/plain"]
    assert front.kernel.run("%%pmap -o again for v in range(4)\nv").status == "ok"


def test_a_page_that_is_reloaded_gets_the_whole_run_again_and_what_is_saved_meanwhile_is_not_old(front, tmp_path):
    start = time.monotonic()
    answer = front.begin(SLOW.format(n=120, body=held(119, tmp_path / "gate")))
    front.say(type="open", version=PROTOCOL)
    front.hear(answer, "delta", 4)
    front.say(type="open", version=PROTOCOL)
    first, again = front.hear(answer, "run")["record"], front.hear(answer, "run", 2)["record"]
    assert again["figures"]["n_done"] > first["figures"]["n_done"]
    assert sum(again["spans"]["n_items"]) <= again["figures"]["n_done"]
    front.say(type="keep")
    front.kernel.listen(lambda: answer.picture[RUN_MIME]["figures"]["n_done"] > 0, 20)
    renewed = answer.picture
    assert renewed[WIDGET_MIME]["model_id"] == front.model and "still going on at 2" in renewed["text/plain"]
    assert "still going on at 2" in renewed["text/html"] and renewed[RUN_MIME]["figures"]["state"] == "running"
    (tmp_path / "gate").touch()
    front.kernel.end(answer)
    assert len(shown(answer)) <= 5 + (time.monotonic() - start), "now and then: once a second, and not ten times"
    assert "still going on" not in answer.picture["text/plain"]
    kept = answer.picture[RUN_MIME]["items"]
    assert len(kept["label"]) == 120 and "v=7" in kept["label"], "what is pointed at is named in a saved notebook too"


def test_a_view_of_another_version_is_told_and_gets_pictures(front):
    answer = front.begin(SLOW.format(n=160, body=""))
    front.say(type="open", version=PROTOCOL + 1)
    front.hear(answer, "hello")
    n = len(shown(answer))
    front.kernel.listen(lambda: len(shown(answer)) > n + 1, 20)
    assert WIDGET_MIME not in shown(answer)[-1]
    front.kernel.end(answer)
    assert not told(answer, "run")


def test_where_nobody_opens_the_view_pictures_go_on(front, tmp_path):
    answer = front.begin(SLOW.format(n=100, body=held(99, tmp_path / "gate")))
    front.kernel.listen(lambda: len(shown(answer)) > 5, 60)
    (tmp_path / "gate").touch()
    front.kernel.end(answer)
    assert not told(answer, "delta")


def test_a_run_behind_is_fed_in_its_own_cell(shared):
    answer = shared.begin("%%pmap --bg -o later for v in range(60)\nimport time\ntime.sleep(0.05)\nv")
    shared.kernel.end(answer)
    shared.say(type="open", version=PROTOCOL)
    shared.hear(answer, "run")
    other = shared.kernel.run("print('meanwhile')")
    shared.hear(answer, "ended")
    assert "comm_msg" not in kinds(other)
    shared.kernel.listen(lambda: RUN_MIME in answer.picture and "comm_close" in kinds(answer), 30)
