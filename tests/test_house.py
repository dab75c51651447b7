"""The house style, as far as a program can keep it.

Where a rule has exceptions they stand in a table here, each with its reason. To add one is to say why in public.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.source import (
    PACKAGE,
    ROOT,
    circles_in,
    functions,
    global_statements,
    import_graph,
    imported,
    imports,
    inside,
    is_changed,
    is_mutable,
    module_assignments,
    module_name,
    place,
    positional,
    public_things,
    python_files,
    tracked,
    tree_of,
)

PYTHON_FOLDERS = ("pathos_nb", "tests", "tools", "benchmarks", "notebooks")

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_POSITIONAL = 5

# Libraries that may be imported inside a function, because `import pathos_nb` and a worker's start must stay light.
LATE = {
    "IPython": "only where a display is wanted",
    "altair": "an extra",
    "asyncio": "only for `await` on a result (30 ms)",
    "cProfile": "only where calls are counted (10 ms)",
    "cloudpickle": "only for functions of the notebook",
    "concurrent": "only for the executor face (10 ms)",
    "cryptography": "only for certificates of hosts (paramiko brings it)",
    "ctypes": "only to interrupt a thread, or to follow many files (2 ms)",
    "dask": "an extra",
    "difflib": "only for a name that is no option's (2 ms)",
    "dill": "only for what the other picklers refuse (40 ms)",
    "dis": "only to name what cannot be sent, or is large (4 ms)",
    "distributed": "an extra",
    "fcntl": "not on every platform",
    "grp": "not on every platform",
    "importlib": "the registry reads entry points only for names that are not ours (58 ms)",
    "joblib": "an extra",
    "klepto": "an extra",
    "matplotlib": "an extra",
    "mpi4py": "an extra",
    "logging": "only when a view has failed (5 ms)",
    "msvcrt": "not on every platform",
    "multiprocess": "only for the names of pathos (66 ms)",
    "numpy": "an extra, and 100 ms",
    "pandas": "an extra, and 300 ms",
    "paramiko": "only for hosts (100 ms)",
    "pathos": "never ours: the one that the user has",
    "pdb": "only to look into a point (30 ms)",
    "pox": "only where a program is looked for (30 ms)",
    "ppft": "only for remote servers",
    "pwd": "not on every platform",
    "random": "only for seeded runs (every worker's start would wait for it)",
    "re": "only where a text has to be taken apart (5 ms)",
    "resource": "not on every platform",
    "scipy": "an extra",
    "shutil": "only when a worker was killed under an item with files (every worker's start would wait for it)",
    "signal": "only to name the signal that ended a worker: numbers become enums (3 ms)",
    "sqlite3": "only for a store (10 ms)",
    "sklearn": "an extra",
    "tempfile": "only where there is no memory file, and for items with files (4 ms)",
    "traceback": "only when an item has failed (5 ms)",
    "threadpoolctl": "an extra",
    "xarray": "an extra",
}
# Modules of ours that a function may import: (file, module) and why.
LATE_OWN: dict[tuple[str, str], str] = {
    (
        "dispatch/chunk_log.py",
        "pathos_nb.dispatch.spill",
    ): "only for more than a million stamps: it brings pathlib (4 ms)",
    ("dispatch/graph.py", "pathos_nb.dispatch.graph_svg"): "only to show a graph: it brings html (3 ms)",
    ("dispatch/run.py", "pathos_nb.dispatch.profiles"): "only for a profiled run: dataclasses bring inspect (8 ms)",
    ("dispatch/maps.py", "pathos_nb.dispatch.cache_lookup"): "only for a map with a cache: it brings the store (20 ms)",
    ("dispatch/maps.py", "pathos_nb.dispatch.staging"): "only for a map with files (10 ms)",
    ("notebook/panel_view.py", "pathos_nb.notebook.panel_anywidget"): "with anywidget, which may be missing (300 ms)",
    ("notebook/panel_view.py", "pathos_nb.notebook.panel_plain"): "with ipywidgets, which may be missing (200 ms)",
    ("launchers/agent_main.py", "pathos_nb.launchers.agent_far"): "imported while the zygote boots, on each host",
    ("dispatch/pool.py", "pathos_nb.dispatch.maps"): "imported while the zygote boots: half of a script's start",
    (
        "launchers/ppft_call.py",
        "pathos_nb.launchers.ppft_line",
    ): "with ppft, which takes 100 ms, in a call's own thread",
    (
        "notebook/live.py",
        "pathos_nb.notebook.run_widget",
    ): "ipywidgets takes 200 ms: for the first run that shows itself",
    ("launchers/ppft_process.py", "pathos_nb.launchers.ppft_server"): "only in the server's own process",
    ("launchers/mpi_keeper.py", "pathos_nb.launchers.mpi_far"): "only for ranks on other nodes than the pool",
    ("launchers/mpi_rank.py", "pathos_nb.launchers.mpi_group"): "only in workers of several ranks (20 ms)",
    ("launchers/mpi_rank.py", "pathos_nb.launchers.mpi_leader"): "only in workers of several ranks",
    ("launchers/mpi_rank.py", "pathos_nb.launchers.mpi_member"): "only in workers of several ranks",
    ("launchers/worker.py", "pathos_nb.launchers.metering"): "only in workers of a profiled run (10 ms)",
    ("launchers/worker.py", "pathos_nb.launchers.initialized"): "only for an initializer of a script (pickle.py: 5 ms)",
    (
        "wire/serialization.py",
        "pathos_nb.wire.code_pickler",
    ): "only for code of a script: it brings cloudpickle (40 ms)",
    ("dispatch/pool.py", "pathos_nb.launchers.inside"): "only in a worker that a pool was sent to, where it is loaded",
}

DRAWERS = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "tools"}
DRAWERS_ALLOWED = {
    "compat": "pathos has modules of these names, and they have to resolve",
}

JUPYTER = {"IPython", "ipykernel", "ipywidgets", "anywidget", "comm", "jupyter_client", "jupyterlab"}
# Libraries that only their own files speak to.
AT_HOME = {
    "altair": ("dispatch/using/altair_plot.py",),
    "dask": ("launchers/dask_client.py", "tests/dask_cluster.py"),
    "distributed": ("launchers/dask_", "tests/dask_cluster.py"),
    "joblib": ("joblib_backend.py",),
    "mpi4py": ("launchers/mpi_",),
    "pox": ("programs.py",),
    "ppft": ("launchers/ppft_",),
    "psij": ("detached/psij_door.py",),
    "xarray": ("dispatch/using/grids.py",),
}
NOT_AT_START = ("IPython", "anywidget", "cloudpickle", "dask", "dill", "ipywidgets", "multiprocess", "numpy", "pandas")
NOT_AT_START += ("paramiko", "ppft", "traitlets", "asyncio", "multiprocessing", "sqlite3")
NOT_AT_FIRST_MAP = ("base64", "dataclasses", "difflib", "enum", "html", "inspect", "json", "logging", "pathlib", "re")
NOT_AT_FIRST_MAP += ("signal", "socket", "tempfile", "traceback", "typing")

# Files whose modules may hold state that changes: the three places of the design, and what belongs to one worker.
STATEFUL = {
    "launchers/registry.py": "the registry of launchers",
    "session.py": "the one session of a kernel",
    "shared_pools.py": "the pools that pathos shares by id",
    "launchers/worker.py": "a worker's own process: nothing else lives in it",
    "launchers/ppft_worker.py": "a worker's own process: ppft gives the trampoline nothing but its argument",
    "wire/code_pickler.py": "which classes have come here, and from where: they are this process' own",
    "wire/sealed.py": "the shared values that this process has attached: it has one address space",
    "launchers/seeding.py": "the generator of the item that runs, one for each thread",
}

# Put together here, so that this file does not have them in it.
MACHINE_PATHS = ["/" + word + "/" for word in ("root", "work", "home/[a-z][a-z0-9_-]*", "Users/[A-Za-z]+", "opt")]
REGISTRIES = [
    r"\.".join(p) for p in (("pypi", "org"), ("files", "python" + "hosted", "org"), ("registry", "npmjs", "org"))
]
REGISTRIES += [r"\.".join(p) for p in (("deb", "debian", "org"), ("registry", "yarnpkg", "com"))]
TEXT_SUFFIXES = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".ipynb", ".sh", ".ts", ".tsx", ".js", ".css", ".rst"}
TEXT_SUFFIXES |= {".txt", ".cfg", ".ini", ".lock", ".svg", ".html", ""}


def none_of(offences: list[str], rule: str) -> None:
    """Fail with every offence, not only the first."""
    assert not offences, rule + "\n" + "\n".join(f"  {line}" for line in offences)


# ---------------------------------------------------------------------------------------------------------------- size


def test_files_are_short():
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(*PYTHON_FOLDERS)}
    long = [f"{place(path)}: {n} lines" for path, n in sizes.items() if n > MAX_FILE_LINES]
    none_of(long, f"a file has at most {MAX_FILE_LINES} lines: find the seam")


def test_functions_are_short():
    long = [
        f"{place(path, f)} {f.name}: {f.end_lineno - f.lineno + 1} lines"
        for path in python_files(*PYTHON_FOLDERS)
        for f in functions(tree_of(path))
        if f.end_lineno - f.lineno >= MAX_FUNCTION_LINES
    ]
    none_of(long, f"a function has at most {MAX_FUNCTION_LINES} lines: name its parts")


def test_functions_take_few_positional_parameters():
    many = [
        f"{place(path, f)} {f.name}: {n}"
        for path in python_files("pathos_nb", "tools")
        for f in functions(tree_of(path))
        if (n := positional(f)) > MAX_POSITIONAL
    ]
    none_of(many, f"at most {MAX_POSITIONAL} positional parameters: many options are one frozen dataclass")


# ------------------------------------------------------------------------------------------------------------- imports


def test_imports_go_down_only():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_every_folder_is_a_package():
    """Where `__init__.py` is missing, the tools that read imports see nothing."""
    folders = {path.parent for path in python_files("pathos_nb")}
    none_of([place(f) for f in sorted(folders) if not (f / "__init__.py").exists()], "a folder has an __init__.py")


def test_there_is_no_import_circle():
    graph = import_graph()
    circles = [" -> ".join(circle) for circle in circles_in(graph)]
    none_of(circles, "no import circle of any kind, none hidden in a function or behind TYPE_CHECKING")


def test_imports_stand_at_the_top():
    hidden = [
        f"{place(path, node)} {name}"
        for path in python_files("pathos_nb")
        for function in functions(tree_of(path))
        for node in imports(function)
        for name in imported(node, path)
        if not may_be_late(path, name)
    ]
    none_of(sorted(set(hidden)), "imports stand at the top of the file (LATE and LATE_OWN list what may wait)")


def may_be_late(path: Path, name: str) -> bool:
    """Say whether a file may import something inside a function."""
    return name.partition(".")[0] in LATE or any(
        inside(path) == file and (name + ".").startswith(module + ".") for file, module in LATE_OWN
    )


def test_nobody_inside_imports_the_front_door():
    modules = {module_name(path) for path in python_files("pathos_nb")}
    guests = [
        f"{place(path, node)} {name}"
        for path in python_files("pathos_nb")
        for node in imports(tree_of(path))
        for name in imported(node, path)
        if name == "pathos_nb" or (name.startswith("pathos_nb.") and name.count(".") == 1 and name not in modules)
    ]
    none_of(guests, "nobody inside imports the package's __init__: go to the module that has it")


def test_jupyter_is_spoken_to_under_notebook_only():
    none_of(list(strangers(JUPYTER, ("notebook/",))), "Jupyter packages are imported only under notebook/")


@pytest.mark.parametrize("home", sorted(AT_HOME.items()), ids=sorted(AT_HOME))
def test_a_library_is_spoken_to_in_its_own_file(home):
    library, files = home  # together: a parameter "dask" alone would start a cluster
    none_of(list(strangers({library}, files)), f"{library} is imported only in {files}")


def strangers(libraries: set[str], homes: tuple[str, ...]) -> Iterator[str]:
    """Give the imports of some libraries outside their homes."""
    for path in python_files("pathos_nb"):
        for node in imports(tree_of(path)):
            for name in imported(node, path):
                if name.partition(".")[0] in libraries and not inside(path).startswith(homes):
                    yield f"{place(path, node)} {name}"


def test_importing_the_package_is_light():
    assert brought_by("pathos_nb", NOT_AT_START) == set()


def test_the_first_map_of_a_script_waits_for_few_imports():
    files = ("dispatch.maps", "launchers.processes", "launchers.zygote", "launchers.child")
    assert brought_by(", ".join(f"pathos_nb.{each}" for each in files), NOT_AT_START + NOT_AT_FIRST_MAP) == set()


def brought_by(names: str, heavy: tuple[str, ...]) -> set[str]:
    """Give which of the heavy modules come with an import, and not with the interpreter itself."""
    code = f"import sys, {names}; print(*sorted({set(heavy)!r} & set(sys.modules)))"
    loaded = [
        subprocess.run(
            [sys.executable, "-c", each], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
        ).stdout
        for each in (code, code.replace(f", {names}", ""))
    ]
    return set(loaded[0].split()) - set(loaded[1].split())


# ----------------------------------------------------------------------------------------------------- names and state


def test_no_module_is_a_drawer():
    drawers = [
        place(path)
        for path in python_files("pathos_nb")
        if DRAWERS & set(path.with_suffix("").parts[len(PACKAGE.parts) :])
        and inside(path).split("/")[0] not in DRAWERS_ALLOWED
    ]
    none_of(drawers, "no utils, helpers, common, manager: name what is in it")


def test_modules_hold_no_state():
    stateful = [
        line
        for path in python_files("pathos_nb")
        if inside(path) not in STATEFUL
        for line in (*changing_globals(path), *global_statements(path))
    ]
    none_of(stateful, "no module state that changes (a CONSTANT table is fine; STATEFUL lists the places)")


def changing_globals(path: Path) -> Iterator[str]:
    """Give the module-level lists, dicts and sets that are not written as constants, or are changed."""
    tree = tree_of(path)
    for name, node in module_assignments(tree):
        is_dunder = name.startswith("__") and name.endswith("__")
        if not is_dunder and is_mutable(node.value) and (not is_constant(name) or is_changed(name, tree)):
            yield f"{place(path, node)} {name}"


def is_constant(name: str) -> bool:
    """Say whether a name is written as a constant's."""
    return name.upper() == name


def test_the_package_does_not_print():
    prints = [
        place(path, node)
        for path in python_files("pathos_nb")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    none_of(prints, "the package does not print: what is said is an event, a display or a write to a stream handed in")


# --------------------------------------------------------------------------------------------------------- what is said


def test_what_is_public_is_documented():
    silent = [
        f"{place(path, node)} {node.name}"
        for path in python_files("pathos_nb")
        for node in public_things(tree_of(path))
        if not ast.get_docstring(node)
    ]
    none_of(silent, "every public class, function and method says what it gives")


def test_modules_say_what_they_are():
    silent = [place(p) for p in python_files("pathos_nb") if tree_of(p).body and not ast.get_docstring(tree_of(p))]
    none_of(silent, "a module begins by saying what it is")


def test_no_file_names_a_machine_or_a_registry():
    forbidden = re.compile("|".join([rf"(?<![\w.~$}}>/-]){path}" for path in MACHINE_PATHS] + REGISTRIES))
    found = [
        f"{place(path)}:{number}: {match.group()}"
        for path in tracked()
        if path.suffix in TEXT_SUFFIXES
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if (match := forbidden.search(line))
    ]
    none_of(found, "no absolute path of somebody's machine, and no registry host")


def test_the_version_is_written_once():
    text = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    version = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert version, "pathos_nb/__init__.py has no __version__"
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in project
    assert 'path = "pathos_nb/__init__.py"' in project
    quoted = re.compile(rf"[\"']{re.escape(version[1])}[\"']")
    copies = [place(path) for path in python_files(*PYTHON_FOLDERS) if quoted.search(path.read_text(encoding="utf-8"))]
    assert copies == ["pathos_nb/__init__.py"]
