"""Try the lowest versions that pyproject.toml allows, in an environment of their own, without numpy.

python tools/lowest.py [--python python3.10] [--with NAME==VERSION …] [TEST …]
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / "build" / "lowest"
RUNNER = ("pytest>=8.4", "pytest-timeout", "hypothesis", "psutil", "nbclient", "jupyter_client", "import-linter")
TESTS = (
    "tests/environments", "tests/property", "tests/fuzz", "tests/test_about.py",
    "tests/faults/test_items_that_raise.py", "tests/faults/test_objects_that_do_not_travel.py",
    "tests/faults/test_interrupt.py", "tests/agent/test_link.py", "tests/rpc/test_parallel_pool.py",
    "tests/store/test_faults.py", "tests/notebook/test_in_a_kernel.py", "tests/notebook/test_panel.py",
    "tests/notebook/test_live_in_a_kernel.py", "tests/remote/test_connecting.py", "tests/remote/test_commands.py",
)  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Make the environment, say what is in it, and run the tests there; give their exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", default="python3.10")
    parser.add_argument("--with", dest="others", action="append", default=[], metavar="NAME==VERSION")
    parser.add_argument("tests", nargs="*")
    asked = parser.parse_args(words)
    others = {_name(text): text for text in asked.others}
    pins = [others.pop(_name(pin), pin) for pin in lowest((ROOT / "pyproject.toml").read_text(encoding="utf-8"))]
    python = VENV / "bin" / "python"
    subprocess.run([asked.python, "-m", "venv", "--clear", str(VENV)], check=True)
    install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--prefer-binary"]
    subprocess.run([*install, *pins, *others.values(), *RUNNER], check=True)
    subprocess.run([*install, "--no-deps", "--editable", str(ROOT)], check=True)
    print("\n".join(pins), flush=True)
    subprocess.run([str(python), "-m", "pip", "check"], check=True)
    words = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *(asked.tests or TESTS)]
    return subprocess.run(words, cwd=ROOT, check=False).returncode


def lowest(pyproject: str) -> Iterator[str]:
    """Give the lowest version of each dependency, as pip wants it: ``name==version``.

    Parameters
    ----------
    pyproject : str
        The text of the file; Python 3.10 has no reader for it.

    Yields
    ------
    str

    Raises
    ------
    ValueError
        A dependency says of no version that it is the lowest.
    """
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", pyproject, re.MULTILINE | re.DOTALL)
    for name in re.findall(r'"([^"]+)"', listed[1] if listed else ""):
        found = re.fullmatch(r"([A-Za-z0-9_.-]+)>=([0-9.]+)", name)
        if not found:
            raise ValueError(f"{name} says of no version that it is the lowest")
        yield f"{found[1]}=={found[2]}"


def _name(text: str) -> str:
    return text.partition("==")[0].lower().replace("_", "-")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
