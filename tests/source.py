"""Reads the source of the house for the tests of its style: which files, which functions, who imports whom."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "pathos_nb"

MUTABLE_MAKERS = {"list", "dict", "set", "bytearray", "defaultdict", "deque", "OrderedDict", "Counter"}
MUTABLE_MAKERS |= {"WeakSet", "WeakValueDictionary", "WeakKeyDictionary"}
CHANGERS = {"append", "add", "update", "setdefault", "pop", "popitem", "clear", "extend", "insert", "remove", "discard"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tracked() -> list[Path]:
    """Give the files that are, or would be, in the repository."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True, timeout=30).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return sorted(path for name in names.split("\0") if name and (path := ROOT / name).is_file())


def python_files(*folders: str) -> list[Path]:
    """Give the Python files of the repository that lie in the folders."""
    return [p for p in tracked() if p.suffix == ".py" and p.relative_to(ROOT).parts[0] in folders]


@cache
def tree_of(path: Path) -> ast.Module:
    """Parse a file, once."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def place(path: Path, node: ast.AST | None = None) -> str:
    """Name a file, or a line of it, for a message."""
    line = f":{node.lineno}" if node is not None else ""
    return f"{path.relative_to(ROOT)}{line}"


def inside(path: Path) -> str:
    """Name a file by its place in the package."""
    return path.relative_to(PACKAGE).as_posix()


def functions(tree: ast.AST) -> Iterator[Function]:
    """Give all functions, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def positional(function: Function) -> int:
    """Count what may be given by position, without self."""
    names = [a.arg for a in [*function.args.posonlyargs, *function.args.args]]
    return len(names) - (names[:1] in (["self"], ["cls"]))


@cache
def imports(tree: ast.AST) -> list[ast.Import | ast.ImportFrom]:
    """Give all imports, those inside functions and behind TYPE_CHECKING too."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def imported(node: ast.Import | ast.ImportFrom, path: Path) -> list[str]:
    """Give the full names of the modules (or of names in modules) that an import statement speaks of."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        parts = path.relative_to(ROOT).with_suffix("").parts
        base = ".".join([*parts[: len(parts) - node.level], *([base] if base else [])])
    return [f"{base}.{alias.name}" for alias in node.names]


def import_graph() -> dict[str, set[str]]:
    """Give, for each module of the package, the modules of the package that it imports anywhere."""
    names = {module_name(path): path for path in python_files("pathos_nb")}
    graph: dict[str, set[str]] = {}
    for name, path in names.items():
        found = (full for node in imports(tree_of(path)) for full in imported(node, path))
        graph[name] = {module for full in found if (module := nearest(full, names))} - {name}
    return graph


def module_name(path: Path) -> str:
    """Give a file's module name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def nearest(full: str, names: dict[str, Path]) -> str | None:
    """Give the module that a dotted name is, or is in."""
    return next((name for name in (full, full.rpartition(".")[0]) if name in names), None)


def circles_in(graph: dict[str, set[str]]) -> Iterator[list[str]]:
    """Give a circle for each module that reaches itself, each circle once."""
    seen: set[frozenset[str]] = set()
    for start in sorted(graph):
        path = way_back(graph, start)
        if path and frozenset(path) not in seen:
            seen.add(frozenset(path))
            yield [*path, start]


def way_back(graph: dict[str, set[str]], start: str) -> list[str]:
    """Give the shortest way from a module to itself, or nothing."""
    ways, reached = [[start]], {start}
    for way in ways:
        for target in sorted(graph[way[-1]]):
            if target == start:
                return way
            if target not in reached:
                reached.add(target)
                ways.append([*way, target])
    return []


def module_assignments(tree: ast.Module) -> Iterator[tuple[str, ast.Assign | ast.AnnAssign]]:
    """Give the names that a module sets at its top level."""
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from ((target.id, node) for target in targets if isinstance(target, ast.Name))


def is_mutable(value: ast.expr | None) -> bool:
    """Say whether an expression makes a list, dict or set."""
    if isinstance(value, ast.Call):
        maker = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return maker in MUTABLE_MAKERS
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def is_changed(name: str, tree: ast.Module) -> bool:
    """Say whether some function of the module changes a table in place."""
    return any(changed_name(node) == name for function in functions(tree) for node in ast.walk(function))


def changed_name(node: ast.AST) -> str | None:
    """Give the name whose contents an expression may change: ``name[...] = ``, ``name.append``."""
    is_stored = isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)
    is_called = isinstance(node, ast.Attribute) and node.attr in CHANGERS
    return getattr(node.value, "id", None) if is_stored or is_called else None


def global_statements(path: Path) -> Iterator[str]:
    """Give the ``global`` statements of a file."""
    nodes = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Global))
    return (f"{place(path, node)} global {', '.join(node.names)}" for node in nodes)


def public_things(tree: ast.Module | ast.ClassDef) -> Iterator[Function | ast.ClassDef]:
    """Give public classes, functions and methods; not what is local to a function, nor overloads and setters."""
    for node in tree.body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_") or is_echo(node):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            yield from public_things(node)


def is_echo(node: Function | ast.ClassDef) -> bool:
    """Say whether a definition only repeats one that is documented."""
    last = (ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list)
    return bool({"overload", "override", "setter", "deleter"} & set(last))
