"""The body of a parallel cell as a function: its parameters are the names that the ``for`` clause binds.

Names assigned in it are local to the point, ``return`` ends the point early, and the last expression is its value, as
in a cell. All other names are the notebook's, looked up when the function is sent.
"""

from __future__ import annotations

import ast
import contextlib
import re
import textwrap
import tokenize
from collections.abc import Iterator, Sequence
from io import StringIO
from types import CodeType, FunctionType
from typing import Any

from IPython.core.error import UsageError

from pathos_nb.launchers.sourced import Sourced

__all__ = ["assigned_last", "compile_body", "compile_expression", "is_silenced", "within_reason"]

_SHELL_LINE = re.compile(r"^\s*(?:[\w.,\s]+=\s*)?(?:!|%{1,2}[A-Za-z])|^\s*\?{1,2}\w|^\s*\w[\w.]*\?{1,2}\s*$")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_SHARED_TIME = (ast.Await, ast.AsyncFor, ast.AsyncWith)


@contextlib.contextmanager
def within_reason(what: str) -> Iterator[None]:
    """Say in one line what Python's parser and compiler raise besides SyntaxError: of text beyond all reason.

    Parameters
    ----------
    what : str
        What is being read.

    Raises
    ------
    UsageError
        It is nested too deeply, or has characters that no source text has.
    """
    try:
        yield
    except (RecursionError, MemoryError):
        raise UsageError(f"{what} is nested too deeply, or too long, for Python to read") from None
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{what} cannot be read as Python: {error}") from None


@within_reason("the cell")
def compile_body(
    source: str, names: Sequence[str], namespace: dict[str, Any], *, header: str, filename: str, flags: int = 0
) -> Sourced:
    """Make the function of one point from the cell's text.

    Parameters
    ----------
    source : str
        The cell without its first line.
    names : sequence of str
        The parameters.
    namespace : dict
        The notebook's names, which the function sees.
    header : str
        The cell's first line, so that line numbers are those that the editor shows.
    filename : str
        What tracebacks call it.
    flags : int
        The notebook's ``from __future__`` imports.

    Returns
    -------
    Sourced
        Called with one argument for each name; gives the last expression's value, or None.

    Raises
    ------
    UsageError
        If the text is not Python, or nothing that a worker could run.
    """
    body = _parse(source)
    for node in _own_nodes(body):
        _refuse(node)
    if isinstance(last := body[-1], ast.Expr):
        body[-1] = ast.copy_location(ast.Return(last.value), last)
    for statement in body:
        ast.increment_lineno(statement)
    function = FunctionType(_code(body, names, filename, flags), namespace)
    return Sourced(function, filename, f"{header}\n{source}")


@within_reason("the expression")
def compile_expression(
    source: str, names: Sequence[str], namespace: dict[str, Any], *, filename: str, flags: int = 0
) -> Sourced:
    """Make the function of one point from an expression.

    Parameters
    ----------
    source : str
        The expression.
    names, namespace, filename, flags
        As in `compile_body`.

    Returns
    -------
    Sourced
        Gives the expression's value.

    Raises
    ------
    UsageError
        If no worker could run it.
    """
    body = _parse(source)
    for node in _own_nodes(body):
        _refuse(node)
    value = body[0].value if isinstance(body[0], ast.Expr) else None
    code = _code([ast.copy_location(ast.Return(value), body[0])], names, filename, flags)
    return Sourced(FunctionType(code, namespace), filename, source)


def is_silenced(source: str) -> bool:
    """Tell whether a semicolon ends the cell.

    Parameters
    ----------
    source : str
        The body.

    Returns
    -------
    bool
        Comments and blank lines after it do not count.
    """
    blank = (tokenize.ENDMARKER, tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.DEDENT)
    tokens = [t for t in tokenize.generate_tokens(StringIO(textwrap.dedent(source)).readline) if t.type not in blank]
    return bool(tokens) and tokens[-1].string == ";"


def assigned_last(source: str) -> str:
    """Name what the last line assigns, if that is how the body ends and it never returns a value.

    Parameters
    ----------
    source : str
        The body.

    Returns
    -------
    str
        Such as ``score``; empty if the body gives a value, or does something else at its end.
    """
    body = _parse(source)
    if any(isinstance(node, ast.Return) and node.value for node in _own_nodes(body)):
        return ""
    last = body[-1]
    if isinstance(last, ast.AnnAssign) and last.value is None:
        return ""
    targets = last.targets[-1:] if isinstance(last, ast.Assign) else [getattr(last, "target", None)]
    is_assignment = isinstance(last, ast.Assign | ast.AugAssign | ast.AnnAssign)
    return ast.unparse(targets[0]) if is_assignment and isinstance(targets[0], ast.Name | ast.Tuple) else ""


def _parse(source: str) -> list[ast.stmt]:
    try:
        body = ast.parse(textwrap.dedent(source)).body  # a loop's body may be pasted as it was
    except SyntaxError as error:
        raise UsageError(_not_python(source, error)) from None
    if not body:
        raise UsageError("the cell has no body; its last expression is the value of a point")
    return body


def _not_python(source: str, error: SyntaxError) -> str:
    lines = source.splitlines()
    number = min(error.lineno or 1, len(lines) or 1)
    for candidate in (number, *range(1, len(lines) + 1)):
        text = lines[candidate - 1] if lines else ""
        if _SHELL_LINE.match(text):
            return f"line {candidate + 1} is for IPython, but a worker runs plain Python: {text.strip()}"
    text = lines[number - 1].strip() if lines else ""
    return f"line {number + 1} is not Python ({error.msg}): {text}"


def _own_nodes(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """All nodes that run in the function itself, not in one that is defined in it."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _FUNCTIONS):
            waiting.extend(ast.iter_child_nodes(node))


def _refuse(node: ast.AST) -> None:
    if isinstance(node, ast.Yield | ast.YieldFrom):
        raise UsageError(f"line {node.lineno + 1}: a point gives one value and cannot yield; make a list of them")
    if isinstance(node, _SHARED_TIME) or (isinstance(node, ast.comprehension) and node.is_async):
        line = getattr(node, "lineno", 0)
        where = f"line {line + 1}: " if line else ""
        raise UsageError(f"{where}a worker has no event loop, so the body cannot await; use asyncio.run(…) in it")


def _code(body: list[ast.stmt], names: Sequence[str], filename: str, flags: int) -> CodeType:
    nothing: dict[str, Any] = {"posonlyargs": [], "kwonlyargs": [], "kw_defaults": [], "defaults": []}
    parameters = ast.arguments(args=[ast.arg(name) for name in names], **nothing)
    function = ast.FunctionDef("point", parameters, body, [])
    if "type_params" in function._fields:  # from Python 3.12
        setattr(function, "type_params", [])  # noqa: B010 - unknown to the types of older versions
    ast.fix_missing_locations(ast.copy_location(function, body[0]))
    module = ast.Module([function], [])
    try:
        code = compile(module, filename, "exec", flags=flags, dont_inherit=True)
    except SyntaxError as error:
        raise UsageError(f"line {error.lineno or 1}: {error.msg}") from None
    return next(constant for constant in code.co_consts if isinstance(constant, CodeType))
