"""Write the tables of all names of pathos and of pyina, and where each is here; they are asked, so both are installed.

python tools/pathos_table.py           write docs/reference/pathos.md and pyina.md
python tools/pathos_table.py --check   say whether they are current
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pathos_nb.compat.names import HOMES, PYINA, VERSION

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
HEAD = """<!-- Written by tools/pathos_table.py from {name} {version} and this package; do not edit it by hand. -->

# Each name of {name}

What the modules of {name} {version} offer ({offered}), and where it is here. Under
`pathos_nb.compat.install()` the names on the left work as they are. The rules and the differences are
[another page](../{page}).
"""


class Family(NamedTuple):
    """A package whose names are here: where each module is, and the page about its rules."""

    name: str
    version: str
    homes: Mapping[str, str]
    offered: str
    rules: str
    left_out: str

    @property
    def page(self) -> Path:
        """Where its table is."""
        return REFERENCE / f"{self.name}.md"


FAMILIES = (
    Family(
        "pathos", VERSION, HOMES, "`__all__`, and what they define", "pathos-names.md",
        "an accident of how pathos imports",
    ),
    Family("pyina", "0.3.2", PYINA, "`__all__`, and what they define", "mpi.md", "what pyina itself works with"),
)  # fmt: skip
# Asked of it in a process of its own: what it imports and sets is none of ours.
ASK = """
import importlib, json, sys, types, warnings
warnings.simplefilter("ignore")
package, told = sys.argv[2], {}
for name in json.loads(sys.argv[1]):
    module = importlib.import_module(name)
    defined = [n for n, thing in vars(module).items()
               if not n.startswith("_") and not isinstance(thing, types.ModuleType)
               and str(getattr(thing, "__module__", name)).split(".")[0] == package]
    told[name] = sorted({*getattr(module, "__all__", ()), *defined})
print(json.dumps(told))
"""


def main(argv: list[str]) -> int:
    """Write the pages, or compare them; give the exit status."""
    texts = {family.page: page(family, names_of(family)) for family in FAMILIES}
    if "--check" in argv:
        is_current = all(page.is_file() and page.read_text(encoding="utf-8") == text for page, text in texts.items())
        print("the tables are current" if is_current else "a table is not current: python tools/pathos_table.py")
        return int(not is_current)
    for place, text in texts.items():
        place.write_text(text, encoding="utf-8")
    return 0


def names_of(family: Family) -> Mapping[str, list[str]]:
    """Give the public names of each module, as the installed package has them."""
    command = [sys.executable, "-c", ASK, json.dumps(sorted(family.homes)), family.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    told: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return told


def page(family: Family, names: Mapping[str, list[str]]) -> str:
    """Give the page.

    Parameters
    ----------
    family : Family
        Whose.
    names : mapping
        From each of its modules to that one's public names.

    Returns
    -------
    str
    """
    told = {"name": family.name, "version": family.version, "offered": family.offered, "page": family.rules}
    parts = [HEAD.format(**told)]
    for module, found in names.items():
        lines = "\n".join(rows(family, module, found))
        parts.append(f"## `{module}`\n\n| {family.name} | here |\n|---|---|\n{lines}\n")
    return "\n".join(parts)


def rows(family: Family, module: str, found: list[str]) -> Iterator[str]:
    """Give a line for the module, and one for each name in it."""
    home = family.homes[module]
    here = importlib.import_module(home)
    yield f"| `{module}` | `{home}` |"
    for name in found:
        is_here = name in dir(here) or hasattr(here, name)
        place = f"`{home}.{name}`" if is_here else f"left out, {family.left_out}"
        yield f"| `{name}` | {place} |"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
