"""Errors as the user should see them: her own code and nothing of ours.

IPython asks an exception for its ``_render_traceback_``; so the exception that is raised stays the user's own, of its
own type, and only its picture changes.
"""

from __future__ import annotations

import contextlib
import linecache
import re
from collections.abc import Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Any

from IPython.core.error import UsageError

from pathos_nb.dispatch.results import Results
from pathos_nb.errors import (
    BadOption,
    CannotReturn,
    CannotSend,
    CannotWrite,
    Failure,
    LauncherUnavailable,
    PathosNbError,
    PoolClosed,
    UnknownPlace,
    WorkerLost,
)
from pathos_nb.explained import EXPLAINED
from pathos_nb.launchers.failing import text_of

__all__ = ["dress", "picture_failure", "plainly", "say_interrupted"]

_MISUSE = (BadOption, UnknownPlace, LauncherUnavailable, PoolClosed, CannotWrite)
_UNTRACED = (CannotSend, CannotReturn, WorkerLost)  # their message says all; the traceback is that of our pickler
_N_CHARACTERS = 4000
_LOCAL_HINT = "What the body assigns is local to each point: read the notebook's variable under another name."
_FRAME = re.compile(r'^  File "(?P<file>[^"]*)", line (?P<line>\d+)(?P<name>.*)\n(?P<code>(?:    .*\n)*)', re.MULTILINE)
_OURS = re.compile(r"[/\\]pathos_nb[/\\](?:launchers|dispatch|wire|notebook)[/\\]")
_BOLD, _END = "\x1b[1m", "\x1b[0m"  # no colour: red text is hard to read on the red ground of an error


@contextlib.contextmanager
def plainly(shell: Any, *filenames: str) -> Iterator[None]:
    """Show errors of the block without our frames and IPython's.

    Parameters
    ----------
    shell : InteractiveShell
        It formats what is left.
    *filenames : str
        The first frame of one of these, and those below, are the user's.

    Raises
    ------
    UsageError
        In place of an error that says that something was asked wrongly.
    """
    try:
        yield
    except _MISUSE as error:
        raise UsageError(f"{' '.join(str(error).split())} (%pathos help {type(error).__name__})") from None
    except UsageError:
        raise
    except BaseException as error:
        if not hasattr(error, "_render_traceback_"):
            _cut(shell, error, filenames)
        raise


def _cut(shell: Any, error: BaseException, filenames: Sequence[str]) -> None:
    found: TracebackType | None = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename not in filenames:
        found = found.tb_next
    if found is not None:
        formatter = shell.InteractiveTB
        _draw(error, [formatter.stb2text(formatter.structured_traceback(type(error), error, found, tb_offset=0))])
    elif isinstance(error, PathosNbError | KeyboardInterrupt):
        _draw(error, [_last_line(error), *_explained(error)])


def _explained(error: BaseException) -> list[str]:
    """Say where an error of ours is explained at more length; nothing for any other."""
    name = type(error).__name__
    return [f"%pathos help {name} explains"] if isinstance(error, PathosNbError) and name in EXPLAINED else []


def _draw(error: BaseException, lines: Sequence[str]) -> None:
    text = "\n".join(lines)  # as one: where `%xmode` is Plain or Minimal, a terminal's IPython puts nothing between two
    with contextlib.suppress(Exception):  # an exception class of the user's that refuses attributes
        error._render_traceback_ = partial(list, [text])  # type: ignore[attr-defined]


def _last_line(error: BaseException) -> str:
    text = text_of(error)
    if len(text) > _N_CHARACTERS:
        text = f"{text[: _N_CHARACTERS // 2]} … {text[-_N_CHARACTERS // 2 :]}"
    return f"{_BOLD}{type(error).__name__}{_END}" + (f": {text}" if text else "")


def dress(shell: Any, text: str) -> str:
    """Make a worker's traceback fit for the notebook.

    Parameters
    ----------
    shell : InteractiveShell
        It knows the cells: only the kernel has the source of functions that were defined in them.
    text : str
        As the worker formatted it.

    Returns
    -------
    str
        Without our own frames; with cells by their number, and with their lines.
    """
    return _FRAME.sub(lambda found: _dress_frame(shell, found), text if text.endswith("\n") else f"{text}\n")


def _dress_frame(shell: Any, found: re.Match[str]) -> str:
    if _OURS.search(found["file"]):
        return ""
    code = found["code"] or _indented(linecache.getline(found["file"], int(found["line"])))
    cell = shell.compile.format_code_name(found["file"])
    place = " ".join(cell) if cell else f'File "{found["file"]}"'
    return f"  {place}, line {found['line']}{found['name']}\n{code}"


def _indented(line: str) -> str:
    return f"    {line.strip()}\n" if line.strip() else ""


def picture_failure(shell: Any, error: BaseException, failure: Failure, label: str) -> None:
    """Let the item's own exception show where in the body it was raised.

    Parameters
    ----------
    shell : InteractiveShell
        As in `dress`.
    error : BaseException
        What is about to be raised: the failure's error, or what stands for one that would end the kernel.
    failure : Failure
        The item's.
    label : str
        What the item is called.
    """
    where = f"{failure.worker} on {failure.host}" if failure.worker else ""
    head = f"{_BOLD}{label}{_END}" + (f"  ({where})" if where else "")
    body = [] if isinstance(error, _UNTRACED) else _frames(dress(shell, failure.traceback), failure.error)
    hint = [_LOCAL_HINT] if isinstance(error, UnboundLocalError) else [failure.cure] if failure.cure else []
    _draw(error, [head, *body, _last_line(error), *hint, *_explained(error)])


def _frames(text: str, error: BaseException) -> list[str]:
    """Give a traceback without its end, the exception itself, which is shown in our way."""
    lines = text.rstrip().splitlines()
    ends = [i for i, line in enumerate(lines) if re.match(rf"(?:[\w.<>]*\.)?{type(error).__name__}\b", line)]
    return [line for line in lines[: ends[-1] if ends else None] if not line.startswith("pathos_nb.")]


def say_interrupted(error: BaseException, results: Results, name: str | None) -> None:
    """Let an interrupt, or the end of a run that was cancelled, say what is left.

    Parameters
    ----------
    error : BaseException
        What is about to be raised.
    results : Results
        What there is.
    name : str or None
        The variable that holds it.
    """
    n_done, total = results.run.n_done, results.run.total
    of = f"{n_done:,}" if total is None else f"{n_done:,} of {total:,}"
    kept = f", kept in {name}" if name else ""
    text = f"stopped; {of} points are finished{kept}"
    _draw(error, [f"{_BOLD}{type(error).__name__}{_END}: {text}"])
