"""All commands and their options: the one table that parsing, help, completion and tests are made from."""

from __future__ import annotations

import re
from collections.abc import Mapping

from IPython.core.error import UsageError

from pathos_nb.explained import EXPLAINED, explain
from pathos_nb.notebook import kinds
from pathos_nb.notebook.remote_commands import REMOTE_VERBS
from pathos_nb.notebook.usage import Command, Option, Word, nearest

__all__ = [
    "MAGICS",
    "PATHOS",
    "PMAP_CELL",
    "PMAP_LINE",
    "PPIPE",
    "TOPICS",
    "VERBS",
    "help_alone",
    "help_text",
    "split_verb",
]

_HELP_ALONE = re.compile(r"%%(pmap|ppipe)(?: +-[^\n]*)? +(?:-h|--help)")
_ON_ERROR = ("raise", "keep", "stop")

_OUT = Option("out", "keep the result in the variable NAME", "o", "NAME", kinds.name)
_POOL = Option(
    "pool",
    "run there: processes, threads, serial, a host or a pool",
    "p",
    "WHERE[,WHERE]",
    kinds.places,
    "pools",
)
_NODES = Option("nodes", "so many workers in each place", "n", "N", kinds.workers)
_ON = Option("on", "its places; without a name it is called after them", "", "WHERE[,WHERE]", kinds.places, "pools")
_TITLE = Option("title", "what to call the run", "", "TEXT")
_QUIET = Option("quiet", "no progress and no table", "q")
_TIMEOUT = Option("timeout", "stop a point that runs longer", "", "SECONDS", kinds.seconds)
_RETRIES = Option("retries", "run a point again, so many times, whose worker is lost", "", "N", kinds.count)
_ALL = Option("all", "all of them", "a")
_ALL_KEPT = Option("all", "with --prune: those that were cut short as well", "a")

_POINTS = (
    _OUT,
    _POOL,
    _NODES,
    Option("bg", "return at once; the result fills meanwhile"),
    Option("detach", "have a batch queue compute it, which goes on without this kernel"),
    _TIMEOUT,
    _RETRIES,
    Option(
        "on-error",
        "raise ends the run (default), keep goes on, stop begins no more points",
        metavar="|".join(_ON_ERROR),
        kind=kinds.choice(*_ON_ERROR),
        offers=" ".join(_ON_ERROR),
    ),
    Option("files", "files of here that each point has in a folder of its own", "", "NAME[,NAME]", kinds.patterns),
    Option("collect", "files that points write, which come back", "", "NAME[,NAME]", kinds.patterns),
    Option("collect-to", "the folder they go to (collected/RUN)", "", "FOLDER"),
    Option("profile", "sample the workers, to see where the time goes"),
    Option("count-calls", "sample them, and count every call of a function (slower)"),
    Option("seed", "the same random numbers on any workers (in threads, by rng())", "", "N", kinds.count),
    Option("resume", "only points that are not there yet; the default if it was cut short"),
    Option("fresh", "all points, also if it was cut short"),
    Option("store", "keep finished points in the file PATH", "", "PATH"),
    Option(
        "dry-run",
        "try K points (5), and say how long all would take",
        "",
        "[K]",
        kinds.workers,
        offers="for",
        bare="5",
    ),
    Option("verify", "compute K points here too, and compare", "", "K", kinds.workers),
    Option("plot", "draw the values over the parameters, while they come"),
    _TITLE,
    _QUIET,
)

PMAP_CELL = Command(
    "%%pmap",
    "Run the cell for every point of the for clause; its last expression is the value.",
    _POINTS,
    rest="for NAME in ITERABLE …",
    more="""
Options come before for. Several for make a grid, zip makes pairs, if leaves points out:

  %%pmap -o fits for alpha in [0.1, 1, 10] for fold in range(5) if alpha > 0.5
  model = Ridge(alpha=alpha)
  score(model, fold)

Settings of a queue are words, docs/detached.md lists them:

  %%pmap --detach -p slurm time=2:00:00 -o fits for alpha in alphas

The result is a sequence of values: fits.to_pandas(), fits.errors, fits.timing.""",
    has_settings=True,
)

PMAP_LINE = Command(
    "%pmap",
    "A parallel comprehension: the value of the expression for every point.",
    _POINTS,
    rest="EXPR for NAME in ITERABLE …",
    more="\n  scores = %pmap score(m, 0) for m in models",
    has_settings=True,
)

PPIPE = Command(
    "%%ppipe",
    "Run the cell once on one worker; the last expression is the value.",
    (_OUT, _POOL, _NODES, Option("each", "run it once on every worker, and give a list"), _TIMEOUT, _TITLE, _QUIET),
    more="\n  %%ppipe -o cores\n  import os\n  os.cpu_count()",
)

VERBS: Mapping[str, Command] = {
    "use": Command(
        "%pathos use",
        "Run cells there from now on.",
        (_NODES,),
        (Word("where", "pools", is_needed=True, is_many=True),),
    ),
    "pool": Command(
        "%pathos pool",
        "Make a pool for -p NAME, change one, or show one.",
        (
            _NODES,
            _ON,
            Option("restart", "begin it again with fresh workers; what runs there is cancelled"),
        ),
        (Word("name", "pools"), Word("where", "pools", is_many=True)),
        more="""
  %pathos pool big processes node7 -n 4
  %pathos pool --on threads -n 8          cells with -p threads run there
  %pathos pool big PLACE KEY=VALUE        with settings of that kind of place
  %pathos pool big -n 8                   so many workers at its first place from now on
  %pathos use big                         cells run there from now on""",
    ),
    "pools": Command("%pathos pools", "List the open pools."),
    "runs": Command(
        "%pathos runs",
        "List the runs, those of earlier kernels too.",
        (
            Option("prune", "forget runs that are done; those that were cut short stay"),
            _ALL_KEPT,
            Option("set-aside", "move a store away that is damaged or newer; a new one is begun"),
        ),
        (Word("store"),),
        more="""
  %pathos runs --prune                    forget the runs that are done
  %pathos runs --prune --all              forget all of them
  %pathos load fits                       the result of a run of an earlier kernel
  %pathos runs sweeps.sqlite              those of a store that --store PATH has made, too
  %pathos runs --set-aside                nothing is deleted: it says what the file is called then""",
    ),
    "load": Command(
        "%pathos load",
        "Give the result of a run, also of an earlier kernel.",
        (_OUT,),
        (Word("run", "runs", is_needed=True),),
        more="""
  %pathos load fits                       into the variable fits
  %pathos load fits -o before             into another one

The values are read by unpickling, as they were given; a point that failed or was not run holds
a Failure. %pathos rerun fits --failed computes those.""",
    ),
    "cancel": Command("%pathos cancel", "Stop a run, by default the latest.", (_ALL,), (Word("run", "going"),)),
    "rerun": Command(
        "%pathos rerun",
        "Run the points of a run again, into the same result.",
        (Option("failed", "only those that failed or were not run", "f"),),
        (Word("run", "runs"),),
        more="""
  %pathos rerun fits --failed

Without RUN it is the latest. Function and points are those of the run; names that the body reads
are as they are now. The result has to be there still: in the variable given by -o, or as the
output of the cell. The last 100 runs can run again. A run of an earlier kernel runs again by the
code and the points that are kept with it, on the same Python.""",
    ),
    "report": Command(
        "%pathos report",
        "Write a run to a file.",
        (),
        (Word("file", is_needed=True), Word("run", "runs")),
        more="""
  %pathos report fits.html fits           a page that needs neither network nor kernel
  %pathos report fits.json                the record, for programs; .csv: the table

Without RUN it is the latest. The result has to be there still: in the variable given by -o, as
the output of the cell, or kept (%pathos runs).""",
    ),
    "profile": Command(
        "%pathos profile",
        "Show where a run's time went.",
        (
            Option("worker", "of one worker alone", "", "NAME"),
            Option("host", "of one host's workers", "", "NAME"),
            Option("export", "write it to FILE instead, in the format of its name", "", "FILE"),
        ),
        (Word("run", "runs"),),
        more="""
Without RUN it is the latest that was profiled.

  %%pmap --profile -o fits for alpha in alphas     sample the workers a hundred times a second
  %pathos profile fits
  %pathos profile fits --export trace.json         for ui.perfetto.dev: a track for each worker
  %pathos profile fits --export fits.speedscope.json, fits.pstats or fits.folded""",
    ),
    "errors": Command("%pathos errors", "Show what failed, by default in the latest run.", (), (Word("run", "runs"),)),
    **REMOTE_VERBS,
    "panel": Command(
        "%pathos panel",
        "Manage hosts, pools and runs by mouse, in the cell.",
        (Option("plain", "of plain widgets, for where the other one does not show itself"),),
        more="""
In JupyterLab the same manager is a side panel as well.
Passwords, passphrases and codes are asked in it, and kept nowhere, least of all in the notebook.""",
    ),
    "status": Command("%pathos status", "Show where cells run, and which launchers there are."),
    "close": Command("%pathos close", "End pools and their workers.", (_ALL,), (Word("pool", "open", is_many=True),)),
    "help": Command("%pathos help", "Explain a verb, a magic or an error.", (), (Word("topic", "topics"),)),
}

PATHOS = Command("%pathos", "Pools, runs, hosts, and where cells run.", (), (Word("verb", "verbs", is_needed=True),))

MAGICS: Mapping[str, Command] = {"pmap": PMAP_CELL, "ppipe": PPIPE}
TOPICS = (*VERBS, *MAGICS, *EXPLAINED)  # of ``%pathos help``


def split_verb(line: str) -> tuple[str, str]:
    """Part the verb from what belongs to it; a semicolon at the end, as one ends lines of IPython, is no part of it.

    Parameters
    ----------
    line : str
        What stands after ``%pathos``.

    Returns
    -------
    tuple of str
        The verb, ``help`` for an empty line or ``-h``, and the rest.

    Raises
    ------
    UsageError
        If there is no such verb.
    """
    line = line.strip()
    if " -- " not in line:  # what follows that is a host's own command, as ``find … -exec … ;``
        line = line.removesuffix(";").rstrip()
    verb, _, rest = line.partition(" ")
    if verb in ("", "-h", "--help"):
        return "help", ""
    if verb not in VERBS:
        raise UsageError(f"%pathos has no verb {verb!r}{nearest(verb, VERBS) or '; there are ' + ', '.join(VERBS)}")
    return verb, rest


def help_text(topic: str | None = None) -> str:
    """Explain a command.

    Parameters
    ----------
    topic : str, optional
        A verb, ``pmap``, ``ppipe`` or an error of ours; without it, all in short.

    Returns
    -------
    str
        Some lines.

    Raises
    ------
    UsageError
        If there is no such topic.
    """
    if topic is None:
        return _overview()
    name = topic.lstrip("%")
    if name in EXPLAINED:
        return explain(name)
    found = VERBS.get(name) or MAGICS.get(name)
    if found is None:
        raise UsageError(f"no help for {topic!r}{nearest(name, TOPICS)}")
    return f"{found.help}\n\n{PMAP_LINE.usage}\n{PMAP_LINE.more.strip()}" if found is PMAP_CELL else found.help


def help_alone(lines: list[str]) -> list[str]:
    """Let ``%%pmap -h`` be asked alone in a cell: IPython runs no cell magic that has no body.

    Parameters
    ----------
    lines : list of str
        A cell, before IPython reads it.

    Returns
    -------
    list of str
        ``%pathos help pmap`` in its place; any other cell as it is.
    """
    asked = _HELP_ALONE.fullmatch("".join(lines).strip()) if lines and lines[0].startswith("%%p") else None
    return [f"%pathos help {asked[1]}\n"] if asked else lines


def _overview() -> str:
    magics = [f"  {c.usage}\n      {c.summary}" for c in (PMAP_CELL, PMAP_LINE, PPIPE)]
    width = max(len(c.usage) for c in VERBS.values())
    verbs = [f"  {c.usage:<{width}}  {c.summary}" for c in VERBS.values()]
    more = "%pathos help NAME, or -h, tells more of any of them, and of errors: %pathos help WorkerLost."
    return "\n".join(["Maps over cores and hosts, in the notebook.", "", *magics, "", *verbs, "", more])
