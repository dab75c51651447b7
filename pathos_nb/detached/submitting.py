"""A sweep on its way into a queue: recorded, written to its folder, submitted; in that order.

A kernel that is killed in the midst of it leaves a record that says "submitting" and, at most, a job of a name that no
other job has: whoever looks next finds it by that name, or makes sure that it will never run.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pathos_nb.detached.ask import Ask
from pathos_nb.detached.jobs import REFUSED, SUBMITTED, Job, add_job, update_job
from pathos_nb.detached.order import Folder, Order, deal
from pathos_nb.detached.queues import Queue, Submission, is_secret
from pathos_nb.detached.runner import PROGRAM
from pathos_nb.dispatch.store.file import StoreFile
from pathos_nb.dispatch.store.files import write_atomically
from pathos_nb.errors import CannotSend, QueueError
from pathos_nb.launchers.agent_archive import archive
from pathos_nb.launchers.agent_beside import Beside
from pathos_nb.launchers.agent_context import OwnContext
from pathos_nb.launchers.failing import text_of
from pathos_nb.wire.serialization import MINOR, Payload, dump

__all__ = ["Wanted", "default_root", "submit"]


class Wanted(NamedTuple):
    """What is to be computed.

    Attributes
    ----------
    run : int
        The row of the run.
    run_id, title : str
        Its name, and what the user called it.
    function : callable
        Called with one row after the other.
    rows : sequence of tuple
        All points of the sweep.
    places : sequence of int
        Which of them are to run.
    options : dict
        ``seed``, ``timeout``, ``retries``, where they were given.
    """

    run: int
    run_id: str
    title: str
    function: Callable[..., Any]
    rows: Sequence[Any]
    places: Sequence[int]
    options: dict[str, Any]


def default_root(file: StoreFile) -> Path:
    """Give where sweeps have their folders unless somebody says otherwise: beside the store."""
    return file.path.with_name(f"{file.path.name}.detached")


def submit(file: StoreFile, wanted: Wanted, ask: Ask, queue: Queue) -> Job:
    """Submit points to a queue.

    Parameters
    ----------
    file : StoreFile
        The store that has the run.
    wanted : Wanted
        What.
    ask : Ask
        What each task gets.
    queue : Queue
        Where.

    Returns
    -------
    Job
        Submitted; still ``submitting`` if the queue did not answer, and may have taken it.

    Raises
    ------
    QueueError
        The queue does not take it, or its folder cannot be written.
    CannotSend
        The function or an argument cannot be pickled.
    """
    payload = _pickled(wanted.function)
    folder = Folder(ask.root(default_root(file)) / wanted.run_id)
    hands = deal(wanted.places, ask.n_tasks(len(wanted.places)))
    job = add_job(file, wanted.run, queue.name, str(folder.path), (f"pathos_nb-{wanted.run_id}", len(hands), ask))
    try:
        _fill(folder, job, wanted, hands, payload)
        write_atomically(folder.script(job.number), [_script(folder, job, ask, queue).encode()])
        log = folder.log / f"{job.number}."
        job.id = queue.submit(Submission(job.name, folder.script(job.number), len(hands), log, ask))
        job.state = SUBMITTED
    except BaseException as error:
        if isinstance(error, QueueError) and error.where.get("is_away"):
            return job
        job.state = REFUSED
        update_job(file, job)
        raise _translated(error, folder) from error
    update_job(file, job)
    return job


def _translated(error: BaseException, folder: Folder) -> BaseException:
    if not isinstance(error, OSError):
        return error
    what = f"the sweep's folder {folder.path} cannot be written"
    return QueueError(
        what, cause=error.strerror or str(error), cure="give another one by folder=PATH, which nodes see too"
    )


def _pickled(function: Callable[..., Any]) -> Payload:
    try:
        return dump((function, {}))
    except Exception as error:
        cause = f"{type(error).__name__}: {text_of(error)}"
        raise CannotSend("the function cannot be sent", cause=cause, cure="make in it what cannot be sent") from error


def _fill(folder: Folder, job: Job, wanted: Wanted, hands: Sequence[Sequence[int]], payload: Payload) -> None:
    """Write all that the runner reads."""
    folder.make()
    write_atomically(folder.package, [archive().data])
    folder.put_function(bytes(payload.body), [bytes(buffer) for buffer in payload.buffers])
    try:
        packed = folder.put_work(job.number, hands, wanted.rows)
    except OSError:
        raise
    except Exception as error:  # whatever an argument's own pickling raises
        cause = f"{type(error).__name__}: {text_of(error)}"
        raise CannotSend("the arguments of the points cannot be sent", cause=cause) from error
    if modules := _modules([payload.body, *packed]):
        write_atomically(folder.beside, [modules])
    here, path, changed, hooks = OwnContext().now()
    order = Order(
        wanted.title, job.n_tasks, workers=job.ask["workers"] or job.ask["cpus"], cpus=job.ask["cpus"],
        minor=list(MINOR) if payload.by_value else None, folder=here, path=path, hooks=hooks,
        environ={name: text for name, text in changed.items() if not is_secret(name)}, **wanted.options,
    )  # fmt: skip
    folder.put_order(job.number, order)


def _modules(pickles: Sequence[Any]) -> bytes:
    """Pack the user's own modules, as they are now, that these pickles need."""
    beside, packed = Beside(), b""
    for number, pickle in enumerate(pickles):
        news = beside.news(pickle, is_new_run=not number)
        packed = news[1] if news is not None and news[0] else packed
    return packed


def _script(folder: Folder, job: Job, ask: Ask, queue: Queue) -> str:
    """Write the job script: nothing of the user's stands in it but in quotes, and the lines that she asked for."""
    words = shlex.join([ask.interpreter, "-I", "-c", PROGRAM, str(folder.path), str(job.number)])
    missing = shlex.quote(f"pathos_nb: the folder {folder.path} is not to be read on this node")
    return "\n".join(
        [
            "#!/bin/sh",
            f"# a task of the detached sweep {job.name}",
            f"[ -r {shlex.quote(str(folder.package))} ] || {{ echo {missing} >&2; exit 72; }}",
            *([ask.setup] if ask.setup else []),
            f"exec {words} {queue.task_word}",
            "",
        ]
    )
