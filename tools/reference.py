"""Write the pages of the documentation that are made from the code: magics, verbs, errors, launchers.

python tools/reference.py           write them
python tools/reference.py --check   say which are not current, and write nothing
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pathos_nb.explained import EXPLAINED, explain, names
from pathos_nb.launchers.contract import Launcher
from pathos_nb.launchers.registry import registry
from pathos_nb.notebook.commands import PMAP_CELL, PMAP_LINE, PPIPE, VERBS
from pathos_nb.notebook.magics import PathosMagics
from pathos_nb.notebook.usage import Command, Option

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SCHEMA = ROOT / "labextension" / "schema" / "panel.json"
NOTE = "<!-- Written by tools/reference.py from the code; do not edit it by hand. -->\n\n"


def main(argv: list[str]) -> int:
    """Write the pages, or compare them; give the exit status."""
    stale = list(not_current())
    if "--check" in argv:
        print(
            "\n".join(f"{path} is not current: python tools/reference.py" for path in stale) or "all pages are current"
        )
        return int(bool(stale))
    for path in stale:
        written = DOCS / path
        if path in pages():
            written.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(pages()[path], encoding="utf-8")
        else:
            written.unlink()
    print("\n".join(f"wrote docs/{path}" for path in stale) or "all pages were current")
    return 0


def pages() -> Mapping[str, str]:
    """Give the text of each page by its path under ``docs/``."""
    tables = {"magics": magics(), "settings": settings(), "launchers": launchers()}
    reference = {f"reference/{name}.md": text for name, text in tables.items()}
    errors = {f"errors/{name}.md": NOTE + explain(name) + "\n" for name in names()}
    return {**reference, "errors/index.md": index(), **errors}


def not_current() -> Iterator[str]:
    """Give the paths of pages that are missing, differ, or are of errors that are no more."""
    texts = pages()
    yield from (path for path, text in texts.items() if _text(DOCS / path) != text)
    there = {path.relative_to(DOCS).as_posix() for path in (DOCS / "errors").glob("*.md")}
    yield from sorted(there - texts.keys())


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


# --------------------------------------------------------------------------------------------------- magics and verbs


def magics() -> str:
    """Give the page of all magics and verbs."""
    head = [
        "# Magics and verbs\n",
        "After `%load_ext pathos_nb`. `%pathos help NAME` says the same in a cell; Tab completes names and options.\n",
        "## Magics\n",
    ]
    parts = [section(command) for command in (PMAP_CELL, PMAP_LINE, PPIPE)]
    verbs = [section(command) for command in VERBS.values()]
    return NOTE + "\n".join([*head, *parts, "## `%pathos`\n", table_of_verbs(), *verbs])


def section(command: Command) -> str:
    """Give a command's section: usage, options, examples."""
    lines = [f"### `{command.name}`\n", f"{command.summary}\n", f"```text\n{command.usage}\n```\n"]
    if command.has_settings:
        lines.append("Words `KEY=VALUE` among the options are settings of the place.\n")
    if command.options:
        lines += ["| option | |", "|---|---|", *map(row, command.options), ""]
    if command.more.strip():
        lines.append(f"```text\n{command.more.strip()}\n```\n")
    return "\n".join(lines)


def row(option: Option) -> str:
    """Give an option's line of the table."""
    flags = ", ".join(f"`{f'{flag} {option.metavar}'.strip()}`" for flag in option.flags)
    return _cells(flags, option.help)


def table_of_verbs() -> str:
    """Give all verbs in short."""
    rows = [_cells(f"[`{name}`](#{_anchor(command)})", command.summary) for name, command in VERBS.items()]
    return "\n".join(["| verb | |", "|---|---|", *rows, ""])


def _anchor(command: Command) -> str:
    return command.name.replace("%", "").replace(" ", "-")


def _cells(*texts: str) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def settings() -> str:
    """Give the page of settings: of the magics, and of the side panel."""
    traits = sorted(PathosMagics.class_own_traits(config=True).items())
    rows = [_cells(f"`{name}`", f"`{trait.default_value!r}`", trait.help) for name, trait in traits]
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))["properties"]
    panel = [_cells(said["title"], f"`{said['default']}`", said["description"]) for said in schema.values()]
    lines = [
        "# Settings\n",
        "In a cell `%config PathosMagics.nodes = 4`; for every notebook in `ipython_config.py`:"
        " `c.PathosMagics.nodes = 4`. `%config PathosMagics` shows what is set.\n",
        "| setting | default | |",
        "|---|---|---|",
        *rows,
        "\n## The side panel\n",
        "In JupyterLab under *Settings → Settings Editor → pathos_nb*.\n",
        "| setting | default | |",
        "|---|---|---|",
        *panel,
        "\n## Environment\n",
        "`PATHOS_NB_CORES=4` lets pools take at most four cores. `XDG_DATA_HOME` and `XDG_CONFIG_HOME` say where the"
        " store and the registry of hosts lie; on a host `XDG_CACHE_HOME`, where what its workers are made of does.",
    ]
    return NOTE + "\n".join(lines) + "\n"


# ----------------------------------------------------------------------------------------------- errors and launchers


def index() -> str:
    """Give the page that lists all errors."""
    rows = [_cells(f"[{name}]({name}.md)", _first(EXPLAINED[name].why)) for name in names()]
    lines = [
        "# Errors\n",
        "Each says what happened, where, the likely cause and the next step. In a cell, `%pathos help WorkerLost` shows"
        " the page of an error, in a shell `python -m pathos_nb.explained WorkerLost`; tracebacks end with that line"
        " (from Python 3.11 on), and what is said in one line in a cell names it too. An exception that *your"
        " function* raises is none of these: it is raised as itself.\n",
        "| error | why, in short |",
        "|---|---|",
        *rows,
        "\n```{toctree}\n:hidden:\n",
        *names(),
        "```\n",
    ]
    return NOTE + "\n".join(lines)


def launchers() -> str:
    """Give the page of our own launchers and their settings."""
    rows = [_launcher(name, registry.load(name)) for name in sorted(_ours())]
    lines = [
        "# Launchers\n",
        "What `Pool(…)`, `%pathos use` and `-p` take besides hosts. `%pathos status` says which can run here.\n",
        "| launcher | workers | settings | objects shared | a running item can be stopped |",
        "|---|---|---|---|---|",
        *rows,
    ]
    return NOTE + "\n".join(lines) + "\n"


def _ours() -> Iterable[str]:
    return [name for name in registry.names() if registry.load(name).__module__.startswith("pathos_nb.")]


def _launcher(name: str, kind: type[Launcher]) -> str:
    what = _first(" ".join((kind.__doc__ or "").split()))
    settings = ", ".join(f"`{key}`" for key in sorted(kind.settings)) or "–"
    return _cells(f"`{name}`", what, settings, _yes(kind.shares_memory), _yes(kind.can_stop_items))


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _first(text: str) -> str:
    """Give the first sentence."""
    return text.partition(". ")[0].rstrip(".") + "."


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
