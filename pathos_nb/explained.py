"""Each error of `errors`, explained at more length than its message: why it happens, and what to do.

``%pathos help WorkerLost`` shows one in a notebook, ``python -m pathos_nb.explained WorkerLost`` elsewhere; the pages
under ``docs/errors/`` are made of the same text. Tracebacks of our errors end with that line.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pathos_nb import errors

__all__ = ["EXPLAINED", "Explained", "explain", "main", "names"]


class Explained(NamedTuple):
    """What a message has no room for: the causes, and what helps, each a few sentences."""

    why: str
    cure: str


EXPLAINED: Mapping[str, Explained] = {
    "AllocationLost": Explained(
        "Slurm refused the nodes (partition, account, limits), they did not come in time (`start_within`), or all"
        " of them have ended: their time was over, they were preempted, or somebody cancelled the job.",
        "Read the queue's own reason in the message. Ask for less (`nodes`, `cpus`, `time`), or wait longer"
        " (`start_within=`). Work that outlasts an allocation is better detached: `%%pmap --detach -p slurm`.",
    ),
    "BadFile": Explained(
        "The file was not written by pathos_nb, was cut while it was written or copied, has been changed since,"
        " or comes from a newer version.",
        "Copy it again, or write it again (`results.save(path)`). A file of a newer version is read by that version.",
    ),
    "BadOption": Explained(
        "An option has a value that makes no sense, does not go with another one, or is not for this kind of pool"
        " (a `timeout` on the serial launcher, which cannot stop an item).",
        "The message names the option and what it takes. Where your *function* has a keyword of that name, give"
        " it by `kwargs={…}`.",
    ),
    "Cancelled": Explained(
        "Somebody cancelled the run (the button, `%pathos cancel`, `run.cancel()`, an interrupt), or `--on-error"
        " stop` begins no more items after the first that failed.",
        "What was finished is on the result. `%pathos rerun NAME --failed` computes the rest; so does the same cell.",
    ),
    "CannotKey": Explained(
        "The body, or the function of a cached map, uses something whose content cannot be compared: a lock, a"
        " generator, an open file or connection. So nobody could tell later whether a point is the same.",
        "Make that thing inside of the body, or use it by way of a module. Without a cache the map runs all the"
        " same; only its points are not kept.",
    ),
    "CannotReturn": Explained(
        "The value of an item, or the exception that it raised, cannot be pickled in the worker or not be loaded"
        " here: it holds a lock, a file or a connection, or its class refuses.",
        "Return plain data: numbers, arrays, tables, the path of a file. On the threads launcher nothing is pickled.",
    ),
    "CannotSend": Explained(
        "The function, something that it uses, or an argument cannot be pickled; or it could not be loaded in the"
        " worker, as a module is missing there or its Python is of another version.",
        "Open files and connections inside of the function. Install the module there, or lay it beside the"
        " notebook: such modules travel. Give a host the Python of the notebook (`%pathos connect --python 3.N`).",
    ),
    "CommandFailed": Explained(
        "A command could not be begun on a host or did not end in time; a set-up line of the host's entry failed,"
        " or its shell ended at login.",
        "Run it by `%pathos exec HOST -- …` and read what it writes. Set-up lines are in the registry (`%pathos"
        " hosts`); `--timeout` gives a command longer.",
    ),
    "CopyFailed": Explained(
        "The disk there is full or not writable, a path is missing, or the link broke in the middle.",
        "What was there before is untouched. Make room or name another folder, then copy again: it goes on where"
        " it was.",
    ),
    "EndlessWait": Explained(
        "An item found the handle of its own map (or of a call that depends on that map) in a global, and asked it"
        " for its value. That value is there when the item is over, and the item waits for the value. Or all workers of"
        " a pool are at items that wait for maps of that pool, and none is left to run them.",
        "Have the item return, and ask for the value outside; or give the pool more workers. What needs the"
        " results of a map takes its handle as an"
        " argument: `pool.apipe(f, handle)` begins when they are there.",
    ),
    "FilesFailed": Explained(
        "A file that items were to have (`files=`) changed while the map ran, is not seen where they run, or finds no"
        " room there; or one that they were to give back (`collect=`) is not there, is too large to be carried, has a"
        " name that leads elsewhere, or finds no room or another run's files here.",
        "The message names the file and the machine. Begin the map again when its inputs are complete; have items write"
        " what they are asked for, into their current folder; give `collect_to=` another folder, or one that both"
        " machines see.",
    ),
    "HostError": Explained(
        "Something about another machine went wrong that none of its kinds describes.",
        "`%pathos check HOST` looks at the host anew and says what it finds.",
    ),
    "HostKeyRefused": Explained(
        "The host's key is not in `known_hosts`, or it is another one than is known. The latter means that the"
        " machine was set up anew, or that somebody stands in between.",
        "Compare the fingerprint of an unknown key with what the host's owner tells you, then `%pathos connect"
        " HOST --fingerprint SHA256:…`. A key that has *changed* is never taken: ask the owner first, and only"
        " then remove the old line (`ssh-keygen -R HOST`).",
    ),
    "HostLost": Explained(
        "No agent came to life on the host (no Python, no room, a shell that ends), or its link was lost and did"
        " not come back within two minutes.",
        "`%pathos check HOST` tells of Python, memory and link. What was finished is on the result; run the cell"
        " again when the host is back, or on other places.",
    ),
    "HostUnreachable": Explained(
        "The name is unknown, nothing answers at that address and port, a jump host on the way is down, or the"
        " link broke.",
        "Try `ssh HOST` in a terminal: what works there works here, since the same `~/.ssh/config` is read. A"
        " proxy is set there too (`ProxyJump`; `ProxyCommand` with `--transport openssh`).",
    ),
    "InputFailed": Explained(
        "An argument of this call was the result of another one, and that one failed; so this one was never begun.",
        "The cause of this error is the one to mend: it is chained below. `handle.graph` shows the whole picture.",
    ),
    "ItemTimeout": Explained(
        "An item ran longer than the `timeout` of its map. It was stopped: in place, or with its worker.",
        "Give more time, or find out what it waits for: `%pathos errors` names its argument. A timeout is never"
        " tried again by itself; `%pathos rerun NAME --failed` does it.",
    ),
    "LauncherUnavailable": Explained(
        "A library or program that this kind of worker needs is not here, or the system cannot do it.",
        "The message says what is missing, and often the line to install it. `%pathos status` and `python -m"
        " pathos_nb.tests` list all launchers with their reasons.",
    ),
    "LoginRefused": Explained(
        "The host does not accept this user with what was offered: keys, agent, password, one-time code.",
        "The message lists what was tried. Check the user (`me@host`), name the key (`--key FILE`), or load it"
        " into the agent (`ssh-add`). In a script nobody can be asked for a password: use a key or an agent there.",
    ),
    "CannotWrite": Explained(
        "A report, saved results, an exported profile or a plot were to go where no file can be: the folder is not"
        " there, is not yours to write to, is a file, or its disk is full.",
        "Make the folder first, or name a file in one of yours. The results are where they were, in the notebook;"
        " a file that was there before is as it was.",
    ),
    "NotTheSame": Explained(
        "`--verify` computed some points once more in a plain loop, and the values differ: the body depends on"
        " something that changes from call to call, such as random numbers, the clock, or a variable that points"
        " change.",
        "Give `--seed N` and draw from `pathos_nb.rng()`; do not let a point change what the next one reads.",
    ),
    "NotYet": Explained(
        "The result was looked at while its run goes on, and this point has no value so far.",
        "Look again later, or wait for all: `NAME.run.wait()`, or call `get()` of a handle.",
    ),
    "NothingFits": Explained(
        "`where=`, `memory=` or `gpus=` asks for what no worker of the pool is or has.",
        "The message lists the workers' properties. Ask for less, or add a place that has it.",
    ),
    "OutOfMemory": Explained(
        "An item wanted more memory than `memory=` gives it. Its worker goes on.",
        "Give more, run fewer workers at once (`-n`), or let items work on parts. `share(x)` keeps one copy of"
        " what all of them read.",
    ),
    "PathosNbError": Explained(
        "The base of all errors of this package: catch it to catch all of them.",
        "Its fields `what`, `cause`, `cure` and `where` say what its text says; `to_json()` gives them as plain data.",
    ),
    "PoolBroken": Explained(
        "Workers cannot be started, or end before they take work: an initializer that raises, no processes or"
        " descriptors left, an interpreter that is gone.",
        "The end of what the worker wrote is in the message. `python -m pathos_nb.tests` shows whether workers"
        " can be started at all.",
    ),
    "PoolClosed": Explained(
        "The pool has ended: its `with` block is over, or somebody closed it. A pool of pathos' names is shared,"
        " so another handle may have closed it.",
        "Make another one, or `restart()` it; for shared pools also `clear()`.",
    ),
    "PoolRunning": Explained(
        "`join()` and `restart()` want a pool that was closed.",
        "Call `close()` before, or `restart(force=True)`.",
    ),
    "QueueError": Explained(
        "The batch queue refused the job or its command failed; or it does not answer, or its commands are not here.",
        "Its own words are in the message. What was submitted before is remembered: look at `%pathos runs` first,"
        " and run the cell again when the queue is back. Nothing is submitted twice.",
    ),
    "RemoteError": Explained(
        "An item raised an exception that cannot be built here (its class is missing or refuses), or SystemExit"
        " or KeyboardInterrupt, which must not end your notebook.",
        "`type_name` and `text` say what it was; the cause has the worker's traceback. Install the module that"
        " has the class, or raise something plainer; use `return` to end an item early.",
    ),
    "ShareClosed": Explained(
        "A value given by `share(x)` was closed before its last use, or the process that shared it has ended.",
        "Share it again, and close it after the last run that uses it.",
    ),
    "StoreError": Explained(
        "The file of finished points cannot be read or written: the disk is full, the folder is not writable,"
        " another program holds it, or it is no store.",
        "The run goes on without it, and its results are in the notebook. Make room, or name another file"
        " (`--store PATH`). `%pathos runs --set-aside` moves a damaged or newer store away, and a new one is made.",
    ),
    "TaskEnded": Explained(
        "The task of a detached sweep ended before this point was finished. The field `how` names the cause: time"
        " limit, memory, preemption, a lost node, `scancel`.",
        "Run the same cell again: only what is missing is submitted. Give more `time=` or `memory=`, or fewer"
        " points to a task (`per_task=`).",
    ),
    "TunnelFailed": Explained(
        "The local port is taken, or the host refuses to forward to that port.",
        "Leave `--local` out for a free port. Ask the host's owner whether forwarding is allowed"
        " (`AllowTcpForwarding`).",
    ),
    "UnknownPlace": Explained(
        "No launcher, host or pool has that name.",
        "The message lists what there is. A host is known when it is in `~/.ssh/config`, in the registry"
        " (`%pathos hosts`), or written as `me@host`.",
    ),
    "WorkerLost": Explained(
        "A worker died or stopped answering under an item: the system killed it (often for memory), C code"
        " crashed, the item ended its process, or the machine went away. The item has run `retries` times more.",
        "Read the signal and the last words in the message. Signal 9 mostly means memory: set `memory=`, or run"
        " fewer workers. The others' results are there; `%pathos rerun NAME --failed` runs this one again.",
    ),
}


def names() -> list[str]:
    """Give the names of all errors that are explained, in order."""
    return sorted(EXPLAINED)


def explain(name: str) -> str:
    """Explain an error.

    Parameters
    ----------
    name : str
        Its class.

    Returns
    -------
    str
        What happened, why, and what to do, in Markdown.

    Raises
    ------
    KeyError
        None has that name.
    """
    told = EXPLAINED[name]
    kind = getattr(errors, name)
    parents = [parent.__name__ for parent in kind.__mro__[1:] if parent not in (object, BaseException)]
    what = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("``", "`")
    lines = [f"# {name}", "", what, "", "## Why", "", told.why, "", "## What to do", "", told.cure, ""]
    return "\n".join([*lines, f"*It is also:* {', '.join(parents)}."])


def main(asked: Sequence[str]) -> int:
    """Print the pages of some errors; without a name, the names that there are. Give the exit status."""
    unknown = [name for name in asked if name not in EXPLAINED]
    for name in unknown:
        sys.stderr.write(f"{name} is no error of pathos_nb; python -m pathos_nb.explained lists them\n")
    pages = [explain(name) for name in asked if name not in unknown] if asked else names()
    sys.stdout.write("".join(f"{page}\n" for page in pages))
    return int(bool(unknown))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
