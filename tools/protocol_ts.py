"""Write `labextension/src/protocol.ts` from `pathos_nb/wire/messages.py`, so that the two cannot drift apart.

    python tools/protocol_ts.py            write the file
    python tools/protocol_ts.py --check    say by the exit code whether it is as it should be

The Python file is read, not imported: of its classes come interfaces, of its aliases types, of its constants constants,
each with its docstring or the comment beside it. What it does not know is an error, never an `any`.
"""

from __future__ import annotations

import ast
import io
import json
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

__all__ = ["main", "typescript"]

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "pathos_nb" / "wire" / "messages.py"
TARGET = ROOT / "labextension" / "src" / "protocol.ts"

NAMES = {"str": "string", "int": "number", "float": "number", "bool": "boolean"}
HEAD = (
    "// Generated from pathos_nb/wire/messages.py by tools/protocol_ts.py; do not edit.\n\n"
    "/** The names of all types of messages. */\n"
    "export type MessageType = (ToFront | ToKernel)['type'];\n"
)


def typescript(source: str) -> str:
    """Give the TypeScript of a file of messages.

    Parameters
    ----------
    source : str
        Python: TypedDicts, aliases and constants.

    Returns
    -------
    str
        A module that exports the same names.

    Raises
    ------
    ValueError
        For a statement or a type that has no counterpart.
    """
    beside = comments(source)
    parts = (statement(node, beside) for node in ast.parse(source).body)
    return "\n".join([HEAD, *(part for part in parts if part)])


def comments(source: str) -> dict[int, str]:
    """Give the comments that stand behind code, by line."""
    found = tokenize.generate_tokens(io.StringIO(source).readline)
    behind = (t for t in found if t.type == tokenize.COMMENT and t.line.strip()[0] != "#")
    return {t.start[0]: t.string.lstrip("# ") for t in behind}


def statement(node: ast.stmt, beside: dict[int, str]) -> str:
    """Translate one statement at the top of the file; imports and the module's docstring give nothing."""
    if isinstance(node, ast.ClassDef):
        return interface(node, beside)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return assignment(node.targets[0].id, node.value)
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Expr):
        return ""
    raise ValueError(f"line {node.lineno}: {type(node).__name__} has no counterpart in TypeScript")


def assignment(name: str, value: ast.expr) -> str:
    """Translate a constant or an alias."""
    if isinstance(value, ast.Constant):
        return f"export const {name} = {literal(value)};\n"
    return f"export type {name} = {type_of(value)};\n"


def interface(node: ast.ClassDef, beside: dict[int, str]) -> str:
    """Translate a TypedDict."""
    fields = [field for field in node.body if isinstance(field, ast.AnnAssign)]
    lines = [*doc(ast.get_docstring(node) or "", ""), f"export interface {node.name} {{"]
    for field in fields:
        assert isinstance(field.target, ast.Name)
        lines += doc(beside.get(field.lineno, ""), "  ")
        lines.append(f"  {field.target.id}: {type_of(field.annotation)};")
    return "\n".join([*lines, "}\n"])


def doc(text: str, indent: str) -> Iterator[str]:
    """Give the lines of a comment of TypeScript."""
    if text:
        yield f"{indent}/** {' '.join(text.split()).replace('*/', '* /')} */"


def type_of(node: ast.expr) -> str:
    """Translate a type."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return f"{type_of(node.left)} | {type_of(node.right)}"
    if isinstance(node, ast.Constant) and node.value is None:
        return "null"
    if isinstance(node, ast.Name):
        return NAMES.get(node.id, node.id)
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        return generic(node.value.id, node.slice)
    raise ValueError(f"line {node.lineno}: {ast.unparse(node)} has no counterpart in TypeScript")


def generic(name: str, inner: ast.expr) -> str:
    """Translate ``Literal[...]``, ``list[...]`` and ``dict[str, ...]``."""
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Literal":
        return " | ".join(literal(part) for part in parts)
    if name == "list":
        element = type_of(parts[0])
        return f"({element})[]" if " " in element else f"{element}[]"
    if name == "dict" and type_of(parts[0]) == "string":
        return f"Record<string, {type_of(parts[1])}>"
    raise ValueError(f"line {inner.lineno}: {name}[{ast.unparse(inner)}] has no counterpart in TypeScript")


def literal(node: ast.expr) -> str:
    """Translate a constant."""
    if not isinstance(node, ast.Constant):
        raise ValueError(f"line {node.lineno}: {ast.unparse(node)} is no constant")
    if isinstance(node.value, str):
        return "'" + json.dumps(node.value)[1:-1].replace("'", "\\'") + "'"
    return json.dumps(node.value)


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    wanted = typescript(SOURCE.read_text(encoding="utf-8"))
    if "--check" not in arguments:
        TARGET.write_text(wanted, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") == wanted:
        return 0
    sys.stderr.write(f"{TARGET.name} is not what {SOURCE.name} gives: run python tools/protocol_ts.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
