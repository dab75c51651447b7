"""Where anywidget, or ipywidgets, is not installed: pictures, tables and plain widgets, and no word about it in a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pathos_nb.wire.messages import RUN_MIME
from tests.notebook.kernel import Kernel, held

pytestmark = [pytest.mark.timeout(120), pytest.mark.leaves("children")]

CELL = "%%pmap -n 2 -o ys for v in range(16)\n{}time.sleep(0.05)\nv"


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    made = Kernel()
    made.run("import sys\nsys.modules['ipywidgets'] = sys.modules['anywidget'] = None")
    assert made.run("%load_ext pathos_nb").status == "ok"
    yield made
    made.close()


def test_a_run_draws_pictures_while_it_goes_on_and_leaves_all_that_others_do(kernel, tmp_path):
    answer = kernel.begin(CELL.format(held(15, tmp_path / "gate")))
    kernel.listen(lambda: any(len(states) > 2 for states in answer.displays.values()), 50)
    (tmp_path / "gate").touch()
    kernel.end(answer)
    assert answer.status == "ok" and "idget" not in answer.text, answer.traceback
    (states,) = answer.displays.values()
    assert all("text/html" in state and "text/plain" in state for state in states)
    assert not any("widget-view" in kind for state in states for kind in state)
    assert "comm_open" not in [message["msg_type"] for message in answer.messages]
    assert "16/16" in states[-1]["text/plain"] and "<img" in states[-1]["text/html"] and RUN_MIME in states[-1]


def test_the_panel_is_a_table_without_ipywidgets_and_plain_widgets_without_anywidget(kernel):
    table = kernel.run("%pathos panel")
    assert "%pip install ipywidgets" in table.result + table.text and "<table" in table.html, table.traceback
    pytest.importorskip("ipywidgets")
    kernel.run("del sys.modules['ipywidgets']")
    plain = kernel.run("%pathos panel")
    assert plain.status == "ok" and "lives as long as its kernel" in plain.result, plain.traceback
    assert "comm_open" in [message["msg_type"] for message in plain.messages]
