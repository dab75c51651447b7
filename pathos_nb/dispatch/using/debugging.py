"""One point, run here, under a debugger where it fails."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from pathos_nb.dispatch.using.how import How
from pathos_nb.errors import BadOption, Failure
from pathos_nb.launchers.seeding import seeded

__all__ = ["call_here", "look_into", "where_it_failed"]


def call_here(how: How, point: Sequence[Any], index: int) -> Any:
    """Give what a point gives in this process, seeded as in its run.

    Parameters
    ----------
    how : How
        The function, and the seed.
    point : sequence
        Its parameters.
    index : int
        Its place in the run.

    Returns
    -------
    object
        The value.

    Raises
    ------
    BadOption
        The function is not there: the results were loaded from a file, or copied.
    """
    if how.function is None:
        cure = "hand it over: function=f, where f takes the parameters in their order"
        raise BadOption("the function of these results is not here any more", cure=cure)
    with seeded(how.seed, index) if how.seed is not None else contextlib.nullcontext():
        return how.function(*point)


def where_it_failed(error: BaseException) -> TracebackType | None:
    """Give an error's traceback from the point's own code on, without the frames of this package above it."""
    found = error.__traceback__
    while found is not None and found.tb_next is not None and _is_ours(found):
        found = found.tb_next
    return found


def _is_ours(at: TracebackType) -> bool:
    return str(at.tb_frame.f_globals.get("__name__", "")).startswith("pathos_nb.")


def look_into(how: How, at: TracebackType, commands: Sequence[str] | None) -> None:
    """Let the user, or commands, look into a traceback.

    Parameters
    ----------
    how : How
        It may know a better debugger than Python's.
    at : TracebackType
        Of an error.
    commands : sequence of str, optional
        What the debugger is to do; it then ends by itself, and asks nobody.
    """
    import pdb

    if commands is None:
        (how.post_mortem or pdb.post_mortem)(at)
        return
    debugger = pdb.Pdb(stdout=sys.stdout, nosigint=True, readrc=False)
    debugger.use_rawinput = False
    debugger.reset()
    debugger.cmdqueue = [*commands, "quit"]
    debugger.interaction(None, at)


def first_failed(failures: Sequence[Failure]) -> int:
    """Give the place of the first failure, which is the one to look into if none is named.

    Parameters
    ----------
    failures : sequence of Failure
        In the order of the points.

    Returns
    -------
    int

    Raises
    ------
    BadOption
        There is none.
    """
    if not failures:
        raise BadOption("no point has failed", cure="name one: debug(3) runs the point at 3")
    return failures[0].index
