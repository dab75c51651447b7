"""Cells in real kernels on a real queue: what they show, and what is left when a kernel is killed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.notebook.kernel import Answer, Kernel, loaded_kernel
from tests.rig.bed import wait_until
from tests.rig.cluster import Cluster, cluster, raised_cluster

__all__ = ["cluster", "raised_cluster"]

pytestmark = [pytest.mark.timeout(180), pytest.mark.leaves("files")]  # a front end keeps its loop
WAIT_S = 60.0

SWEEP = """%%pmap --detach -p slurm -o fits per_task=4 for x in range(4)
import pathlib, time
pathlib.Path(FOLDER, f"begun-{x}").touch()
while x >= 2 and not pathlib.Path(FOLDER, "open").exists():
    time.sleep(0.05)
10 * x
"""


@pytest.fixture
def kernels(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[[], Kernel]]:
    """Give what starts kernels that see the cluster; they end with the test."""
    held = []

    def start() -> Kernel:
        held.append(loaded_kernel())
        kernel = held[-1].__enter__()
        fine(kernel.run(f"FOLDER = {str(tmp_path)!r}"))
        return kernel

    yield start
    for each in held:
        each.__exit__(None, None, None)


def fine(answer: Answer) -> str:
    assert answer.status == "ok", answer.traceback or answer.text
    return "\n".join([answer.text, answer.result, *pictures(answer)])


def test_the_view_of_a_cell_says_what_its_nodes_wait_for(cluster: Cluster, kernels: Callable[[], Kernel]):
    hogs = [cluster.batch("sleep 1000", "-w", node, "-c", str(cluster.cpus))[0] for node in ("node1", "node2")]
    for number in hogs:
        cluster.wait(number, "RUNNING")
    kernel = kernels()
    fine(kernel.run("%pathos pool mine --on slurm -n 1 cpus=1", WAIT_S))
    answer = kernel.begin("squares = %pmap -p mine x * x for x in range(10)")
    kernel.listen(lambda: any("queued (Resources)" in text for text in pictures(answer)), WAIT_S)
    assert "waiting for slurm: 1 of 1 nodes is queued (Resources), asked for at" in pictures(answer)[-1]
    cluster.do("scancel", *hogs)
    fine(kernel.end(answer, WAIT_S))
    assert "waiting" not in pictures(answer)[-1]
    assert kernel.value("list(squares)") == [x * x for x in range(10)]


def pictures(answer: Answer) -> list[str]:
    return [shown.get("text/plain", "") for states in answer.displays.values() for shown in states]


def test_a_killed_kernel_takes_its_pool_along_and_leaves_the_sweep_which_the_next_one_finds(
    cluster: Cluster, kernels: Callable[[], Kernel], tmp_path: Path
):
    others, _ = cluster.batch("sleep 1000", "-c", "1")
    cluster.wait(others, "RUNNING")
    first = kernels()
    fine(first.run("%pathos pool mine --on slurm -n 1 cpus=1", WAIT_S))
    fine(first.run("here = %pmap -p mine x * x for x in range(4)", WAIT_S))
    assert first.value("list(here)") == [0, 1, 4, 9]
    pools = set(cluster.left()) - {others}
    assert "slurm job" in fine(first.run(SWEEP, WAIT_S))
    [sweep] = set(cluster.left()) - {others, *pools}
    assert wait_until(lambda: first.value("fits.run.n_done") == 2, WAIT_S)
    first.manager.signal_kernel(signal.SIGKILL)
    assert wait_until(lambda: set(cluster.left()) == {others, sweep}, WAIT_S), cluster.left()

    second = kernels()
    assert wait_until(lambda: "2 of 4" in fine(second.run("%pathos runs")), WAIT_S)
    assert f"slurm job {sweep}: 1 running" in fine(second.run("%pathos runs"))
    fine(second.run("%pathos load fits"))
    fine(second.run("%pathos cancel fits"))
    assert wait_until(lambda: cluster.left() == [others], WAIT_S), cluster.left()
    assert wait_until(lambda: second.value("fits.run.is_over"), WAIT_S)
    (tmp_path / "open").touch()
    (tmp_path / "begun-0").unlink()
    fine(second.run(SWEEP, WAIT_S))
    assert wait_until(lambda: second.value("fits.run.is_over"), WAIT_S)
    assert second.value("list(fits)") == [0, 10, 20, 30]
    assert not (tmp_path / "begun-0").exists(), "what was finished is not done again"
