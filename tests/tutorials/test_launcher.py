"""The launcher of docs/add-a-launcher.md: it is as short as is said, and does what is shown."""

from __future__ import annotations

import os

import pytest

from pathos_nb import Pool
from pathos_nb.errors import BadOption, HostLost
from tests.rig.launchers import params
from tests.rig.nice import FILE


def test_it_is_as_short_as_the_pages_say():
    n_lines = len(FILE.read_text(encoding="utf-8").splitlines())
    assert n_lines < 60
    for page in ("README.md", "CONTRIBUTING.md"):
        text = " ".join((FILE.parents[2] / page).read_text(encoding="utf-8").split())
        assert f"{n_lines} lines" in text


def test_its_workers_run_behind_the_command(registered):
    with Pool("command", nodes=2, through="nice -n 3") as pool:
        assert set(pool.map(lambda _: os.nice(0), range(4))) == {min(os.nice(0) + 3, 19)}
        assert {worker.place for worker in pool.workers()} == {"command"}


def test_without_its_setting_it_says_what_is_missing(registered):
    with pytest.raises(BadOption, match="through=''; it is a command"):
        Pool("command", nodes=1)


@pytest.mark.parametrize("through", ["", "no-such-command-here -x"])
def test_a_command_that_is_not_there_is_one_line(registered, through):
    with pytest.raises(BadOption, match="a command that is installed here"):
        Pool("command", nodes=1, through=through)


def test_a_command_that_ends_at_once_is_an_error_with_its_words(registered):
    with pytest.raises(HostLost, match="command"):
        Pool("command", nodes=1, through="false").map(abs, [1])


def test_a_pool_without_a_size_has_as_many_workers_as_the_far_side_has_cores(registered):
    with Pool("command", through="nice -n 3") as pool:
        assert pool.nodes == len(os.sched_getaffinity(0))


def test_the_same_behind_one_command_has_a_name_of_its_own_and_is_the_one_that_the_contract_can_try(registered):
    with Pool("nice", nodes=1) as pool:
        assert pool.map(lambda _: os.nice(0), [0]) == [min(os.nice(0) + 10, 19)]
        assert {worker.place for worker in pool.workers()} == {"nice"}
    skipped = {param.values[0]: bool(param.marks) for param in params()}
    assert skipped["command"] and not skipped["nice"]
