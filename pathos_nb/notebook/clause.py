"""The ``for`` clause of a parallel cell: Python's own comprehension grammar, parsed by Python's own parser.

``for alpha in alphas for fold in range(5) if ok(alpha)`` becomes the points, each a tuple with one entry for every name
that the clause binds.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

from IPython.core.error import UsageError

from pathos_nb.launchers.sourced import remember
from pathos_nb.notebook.body import within_reason
from pathos_nb.notebook.points import Points

__all__ = ["Clause", "read_clause", "read_comprehension"]

_LATE_OPTION = re.compile(r"\s(--[a-z][a-z-]*|-[a-z])(?=[\s=]|$)")
_EXAMPLE = "for NAME in ITERABLE"
_SEEN = "_pathos_nb_seen"  # the parameter of the clause's outer function


@dataclass(frozen=True, slots=True)
class Clause:
    """Which points there are.

    Parameters
    ----------
    names : tuple of str
        What each point binds, in the order of first mention.
    text : str
        The clause as it was typed.
    code : code
        A function of a callable that is to see every iterable of the clause; what it gives, called, gives the points.
    """

    names: tuple[str, ...]
    text: str
    code: CodeType

    def points(self, namespace: dict[str, Any]) -> Points:
        """Evaluate the clause, as far as its end is near.

        Parameters
        ----------
        namespace : dict
            The notebook's names.

        Returns
        -------
        Points
            In the order in which nested loops would run; each a tuple as long as `names`.

        Raises
        ------
        Exception
            Whatever the user's expressions raise.
        """
        return Points(eval(self.code, namespace))


@within_reason("the for clause")
def read_clause(text: str, magic: str, filename: str) -> Clause:
    """Read what stands after the options of ``%%pmap``.

    Parameters
    ----------
    text : str
        ``for … in …`` and so on; a trailing comment does no harm.
    magic : str
        Who asks, for the messages.
    filename : str
        What tracebacks call the clause.

    Returns
    -------
    Clause
        Ready to evaluate.

    Raises
    ------
    UsageError
        If it is not a comprehension's clause.
    """
    if not re.match(r"for\b", text):
        raise UsageError(_no_for(text, magic))
    source = f"[0\n{text}\n]"
    return _clause(_comprehension(source, text, magic), text, filename)


@within_reason("the comprehension")
def read_comprehension(text: str, magic: str, filename: str) -> tuple[str, Clause]:
    """Read a whole comprehension without its brackets: what stands after the options of ``%pmap``.

    Parameters
    ----------
    text : str
        ``EXPR for … in …``.
    magic, filename : str
        As in `read_clause`.

    Returns
    -------
    tuple of str and Clause
        The source of the expression, and the clause.

    Raises
    ------
    UsageError
        If it is not a comprehension.
    """
    if not text or re.match(r"for\b", text):
        raise UsageError(f"{magic} wants an expression first: {magic} EXPR {_EXAMPLE}; a body of lines goes in %%pmap")
    source = f"[\n{text}\n]"
    tree = _comprehension(source, text, magic)
    return ast.get_source_segment(source, tree.elt) or "", _clause(tree, text, filename)


def _no_for(text: str, magic: str) -> str:
    wanted = f"{magic} [options] {_EXAMPLE}"
    if bare := _without_brackets(text):
        said = f", and {bare[0]} goes into the cell's body" if bare[0] != bare[1].split()[1] else ""
        return f"the clause stands without brackets: {magic} {bare[1]}{said}"
    if re.search(r"\bfor\b", text):
        return f"what is before for belongs into the cell's body, or is a mistyped option: {text!r}; write {wanted}"
    return f"{magic} wants a for clause: {wanted}" + (f", not {text!r}" if text else "")


def _comprehension(source: str, text: str, magic: str) -> ast.ListComp:
    late = _LATE_OPTION.search(_without_strings(text))
    if late and late[1].startswith("--"):
        raise UsageError(f"options come before for: move {late[1]}")
    try:
        tree = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        hint = f"; options come before for: move {late[1]}" if late else _meant(text, magic)
        raise UsageError(f"{magic} cannot read {text!r}: {error.msg}{hint}") from None
    if not isinstance(tree, ast.ListComp):
        if bare := _without_brackets(text):
            raise UsageError(f"the comprehension stands without brackets: {magic} {' '.join(bare)}")
        raise UsageError(f"{magic} wants {_EXAMPLE}, and nothing after it, not {text!r}")
    _refuse(tree)
    return tree


def _meant(text: str, magic: str) -> str:
    """Say what was meant by a clause that ends in a colon, as a loop's first line does."""
    bare = re.sub(r"\s*:\s*(#.*)?$", "", text)
    return f"; write it without the colon at its end: {magic} {bare}" if bare != text else ""


def _without_brackets(text: str) -> tuple[str, str] | None:
    """Give the value and the clause of a comprehension that was typed with its brackets; None if it is none."""
    try:
        tree = ast.parse(text.rstrip().removesuffix(":"), mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(tree, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        return None
    value = ast.unparse(tree.elt)
    return value, ast.unparse(ast.ListComp(ast.Name("_"), tree.generators))[3:-1]


def _without_strings(text: str) -> str:
    return re.sub(r"""("[^"]*"|'[^']*'|#.*)""", "''", text)


def _refuse(tree: ast.ListComp) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.NamedExpr):
            raise UsageError(
                f"a walrus has no place in a for clause: {ast.unparse(node)}; bind the name before the cell"
            )
        if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom):
            raise UsageError(f"a for clause cannot await or yield: {ast.unparse(node)}")
        if isinstance(node, ast.comprehension) and node.is_async:
            raise UsageError("async for has no place here; collect the points in a list before the cell")


def _clause(tree: ast.ListComp, text: str, filename: str) -> Clause:
    names = tuple(dict.fromkeys(name for part in tree.generators for name in _targets(part.target)))
    if not names:
        raise UsageError("the for clause binds no name")
    point = ast.Tuple([ast.Name(name, ast.Load()) for name in names], ast.Load())
    first = tree.generators[0].iter
    for part in tree.generators:
        seen = ast.Call(ast.Name(_SEEN, ast.Load()), [part.iter], [])
        part.iter = ast.copy_location(seen, part.iter)
    rows = ast.copy_location(ast.GeneratorExp(ast.copy_location(point, first), tree.generators), first)
    inner = ast.Lambda(_parameters(), rows)  # without parameters: tracebacks show them
    whole = ast.Expression(ast.copy_location(ast.Lambda(_parameters(_SEEN), inner), first))
    ast.increment_lineno(ast.fix_missing_locations(whole), -1)  # the text's first line is the second of what was parsed
    remember(filename, text)
    try:
        return Clause(names, text, compile(whole, filename, "eval", dont_inherit=True))
    except SyntaxError as error:
        raise UsageError(f"cannot read {text!r}: {error.msg}") from None


def _parameters(*names: str) -> ast.arguments:
    nothing: dict[str, Any] = {"posonlyargs": [], "kwonlyargs": [], "kw_defaults": [], "defaults": []}
    return ast.arguments(args=[ast.arg(name) for name in names], **nothing)


def _targets(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Attribute | ast.Subscript):
            raise UsageError(f"for binds names only, not {ast.unparse(node)}")
        if isinstance(node, ast.Name):
            yield node.id
