"""Write the table of all names of pathos, and where each is here; pathos itself is asked, so it has to be installed.

python tools/pathos_table.py           write docs/reference/pathos.md
python tools/pathos_table.py --check   say whether it is current
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from pathos_nb.compat.names import HOMES, VERSION

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "pathos.md"
HEAD = """<!-- Written by tools/pathos_table.py from pathos {version} and this package; do not edit it by hand. -->

# Each name of pathos

What the modules of pathos {version} offer (`__all__`, or else what they define), and where it is here. Under
`pathos_nb.compat.install()` the names on the left work as they are. The rules and the differences are
[another page](../pathos-names.md).
"""
# Asked of pathos in a process of its own: what it imports and sets is none of ours.
ASK = """
import importlib, json, sys, types, warnings
warnings.simplefilter("ignore")
told = {}
for name in json.loads(sys.argv[1]):
    module = importlib.import_module(name)
    found = getattr(module, "__all__", None)
    if found is None:
        found = [n for n, thing in vars(module).items()
                 if not n.startswith("_") and not isinstance(thing, types.ModuleType)
                 and str(getattr(thing, "__module__", name)).split(".")[0] == "pathos"]
    told[name] = sorted(set(found))
print(json.dumps(told))
"""


def main(argv: list[str]) -> int:
    """Write the page, or compare it; give the exit status."""
    text = page(names_of_pathos())
    if "--check" in argv:
        is_current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        print("the table is current" if is_current else "the table is not current: python tools/pathos_table.py")
        return int(not is_current)
    PAGE.write_text(text, encoding="utf-8")
    return 0


def names_of_pathos() -> Mapping[str, list[str]]:
    """Give the public names of each module, as the installed pathos has them."""
    command = [sys.executable, "-c", ASK, json.dumps(sorted(HOMES))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    told: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return told


def page(names: Mapping[str, list[str]]) -> str:
    """Give the page.

    Parameters
    ----------
    names : mapping
        From each module of pathos to its public names.

    Returns
    -------
    str
    """
    parts = [HEAD.format(version=VERSION)]
    for module, found in names.items():
        lines = "\n".join(rows(module, found))
        parts.append(f"## `{module}`\n\n| pathos | here |\n|---|---|\n{lines}\n")
    return "\n".join(parts)


def rows(module: str, found: list[str]) -> Iterator[str]:
    """Give a line for the module, and one for each name in it."""
    here = importlib.import_module(HOMES[module])
    yield f"| `{module}` | `{HOMES[module]}` |"
    for name in found:
        place = f"`{HOMES[module]}.{name}`" if hasattr(here, name) else "left out, an accident of how pathos imports"
        yield f"| `{name}` | {place} |"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
