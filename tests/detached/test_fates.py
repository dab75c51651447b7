"""How a task ended is told by name, from whatever is left of it."""

from __future__ import annotations

import pytest

from pathos_nb.detached.fate import fate_of, named_in
from pathos_nb.detached.looking import Standing
from pathos_nb.detached.queues import ENDED, Task

BEGUN = {"how": "begun", "host": "node2", "at": 1.0}
STEPD = "slurmstepd: error: *** JOB 17 ON node2 CANCELLED AT 2026-11-23T02:00:00"
OOM = "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=17.batch. Some of your processes may have been killed"

FATES = [
    # what the queue remembers, what the task has said, the end of its log, the name
    (Task(ENDED, "TIMEOUT", "TimeLimit"), [BEGUN], "", "time limit"),
    (None, [BEGUN, {"how": "stopped"}], f"{STEPD} DUE TO TIME LIMIT ***", "time limit"),
    (Task(ENDED, "PREEMPTED"), [BEGUN], "", "preempted"),
    (None, [BEGUN], f"{STEPD} DUE TO PREEMPTION ***", "preempted"),
    (Task(ENDED, "NODE_FAIL"), [BEGUN], "", "node lost"),
    (None, [BEGUN], f"{STEPD} DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***", "node lost"),
    (Task(ENDED, "OUT_OF_MEMORY"), [BEGUN], "", "out of memory"),
    (Task(ENDED, "FAILED", "NonZeroExitCode"), [BEGUN], OOM, "out of memory"),
    (None, [BEGUN], OOM, "out of memory"),
    (Task(ENDED, "CANCELLED"), [BEGUN], f"{STEPD} ***", "cancelled"),
    (Task(ENDED, "CANCELLED"), [BEGUN], f"{STEPD} DUE TO TIME LIMIT ***", "time limit"),
    (None, [BEGUN, {"how": "stopped"}], f"{STEPD} ***", "cancelled"),
    (Task(ENDED, "CANCELLED"), [], "", "cancelled"),
    (Task(ENDED, "FAILED", "RaisedSignal:53", "node1", "0:53"), [], "", "not started"),
    (Task(ENDED, "FAILED", "NonZeroExitCode", "node1", "72:0"), [BEGUN], "Killed", "failed"),
    (Task(ENDED, "COMPLETED"), [BEGUN, {"how": "done"}], "", "done"),
    (None, [BEGUN, {"how": "done"}], "", "done"),
    (None, [BEGUN, {"how": "broken", "why": "the sweep is of Python 3.10"}], "", "broken"),
    (None, [BEGUN], "a line of the user's", "gone"),
    (None, [], "", "gone"),
]


@pytest.mark.parametrize(("task", "said", "log", "name"), FATES)
def test_the_end_of_a_task_has_a_name_and_a_next_step(task, said, log, name):
    fate = fate_of(task, said, log)
    assert fate.how == name
    assert name == "done" or (fate.cause and (fate.cure or name == "broken"))


def test_a_point_says_where_its_task_was_and_what_the_queue_called_its_end():
    fate = fate_of(Task(ENDED, "FAILED", "", "node1", "1:0"), [BEGUN], "")
    assert fate.cause == "it failed on node2, exit status 1:0"


def test_tasks_that_were_queued_again_are_told_with_what_ended_them():
    ends = (
        named_in(f"a line of the user's\n{STEPD} DUE TO PREEMPTION ***"),
        named_in(f"{STEPD} DUE TO NODE FAILURE"),
        "",
    )
    told = Standing(3, 2, 5, 9, ("BeginTime",), "", ends, ("preempted",))
    assert (
        str(told) == "2 running (1 again after: preempted), "
        "3 queued (BeginTime; 3 again after: preempted, node lost), 5 ended"
    )
    assert told.waiting == "3 tasks queued (BeginTime; 3 again after: preempted, node lost)"
    assert str(Standing(1, 0, 0, 0, (), "", ("",))) == "1 queued (1 again)"
