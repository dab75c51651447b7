"""Build a release and try it as users will: ``make release``.

    python tools/release.py [--pythons python3.10 …] [--tests tests …] [--quick]

Builds wheel and sdist twice, looks at their metadata and contents, and installs the wheel, the sdist and the repository
into clean environments that have neither network nor Node, on each supported Python of this machine. A table tells what
held. Nothing is uploaded; what passed lies in ``dist/``.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import distributions
import installs
from installs import Clean, Failed

ROOT = Path(__file__).resolve().parents[1]
BACKEND = "hatchling>=1.27"
SUPPORTED = tuple(f"python3.{minor}" for minor in range(10, 14))


class Report:
    """What was tried, and how it went."""

    def __init__(self) -> None:
        self.n_failed = 0

    def step(self, name: str, work: Callable[[], Iterable[str] | str]) -> None:
        """Do one thing; its text is good news, its lines are offences."""
        began = time.monotonic()
        try:
            told = work()
            offences = [] if isinstance(told, str) else list(told)
        except (Failed, subprocess.SubprocessError) as error:
            told, offences = "", [str(error)]
        verdict = "FAILED" if offences else "passed"
        self.n_failed += bool(offences)
        news = told if isinstance(told, str) else ""
        print(f"  {name:<44}  {verdict}  {time.monotonic() - began:6.1f} s  {news}".rstrip(), flush=True)
        for offence in offences:
            print("      " + offence.replace("\n", "\n      "), flush=True)


def main(argv: list[str] | None = None) -> int:
    """Do it; give the exit status."""
    said = _parser().parse_args(argv)
    report = Report()
    with tempfile.TemporaryDirectory(prefix="pathos-nb-release-") as folder:
        wheel, sdist = _archives(Path(folder), report)
        if not said.quick:
            _try_here(Path(folder), report, (wheel, sdist), said.tests)
            for python in _others() if said.pythons is None else said.pythons:
                _try_elsewhere(Path(folder), report, (wheel, sdist), python)
        if not report.n_failed:
            _keep(wheel, sdist)
    return _end(report, wheel)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--pythons",
        nargs="*",
        default=None,
        help="install and try it on these as well (the supported ones that answer)",
    )
    parser.add_argument(
        "--tests", nargs="*", default=list(installs.SLICE), help="what to run against the wheel (some of the contract)"
    )
    parser.add_argument("--quick", action="store_true", help="build and look, install nothing")
    return parser


def _others() -> list[str]:
    """Give the supported Pythons that this machine has, but for the one that runs this."""
    running = f"python3.{sys.version_info.minor}"
    return [name for name in SUPPORTED if name != running and _answers(name)]


def _answers(python: str) -> bool:
    """Say whether there is such a Python: pyenv has a name for each, and some of them end with an error."""
    command = [python, "-c", "import ensurepip, venv"]
    return shutil.which(python) is not None and not subprocess.run(command, capture_output=True, check=False).returncode


def _archives(folder: Path, report: Report) -> tuple[Path, Path]:
    built: list[Path] = []
    report.step("wheel and sdist, built twice: the same bytes", lambda: _built(folder, built))
    wheel, sdist = built
    report.step("contents of the wheel, licence, metadata", lambda: distributions.offences_of_wheel(wheel))
    report.step("contents of the sdist", lambda: distributions.offences_of_sdist(sdist))
    report.step("twine, check-wheel-contents", lambda: distributions.offences_of_checkers([wheel, sdist]))
    return wheel, sdist


def _built(folder: Path, built: list[Path]) -> list[str]:
    wheel, sdist, differing = distributions.build_twice(folder)
    built += [wheel, sdist]
    return differing


def _try_here(folder: Path, report: Report, archives: tuple[Path, Path], tests: Sequence[str]) -> None:
    """Try everything on the Python that runs this."""
    wheel, sdist = archives
    house = folder / "wheelhouse"
    clean = Clean(folder / "wheel", sys.executable, house)
    report.step("a wheelhouse for going offline", lambda: _filled(clean, wheel))
    report.step("the packages that it needs", lambda: _with_needs(clean, wheel))
    before = clean.files()
    report.step("the wheel, offline, without Node", lambda: _installed(clean, str(wheel)))
    report.step("  jupyter labextension list", lambda: installs.lab_extension(clean))
    report.step("  python -m pathos_nb.tests", lambda: installs.self_test(clean))
    report.step("  uninstalled: nothing stays", lambda: installs.left_after_uninstall(clean, before))
    report.step("installed again", lambda: _installed(clean, str(wheel)))
    report.step("  tests against it", lambda: installs.run_tests(clean, tests))
    clean.remove()
    _try_sources(report, folder / "another", sys.executable, house, sdist)


def _filled(clean: Clean, wheel: Path) -> str:
    installs.fill_wheelhouse(clean, [f"{wheel}[lab]", BACKEND, *installs.NEEDED])
    return f"{sum(1 for _ in clean.wheelhouse.iterdir())} wheels"


def _with_needs(clean: Clean, wheel: Path) -> str:
    """Install it and take it away again: what stays are the packages that it needs."""
    clean.pip("install", "-q", f"{wheel}[lab]")
    clean.pip("uninstall", "-q", "-y", "pathos-nb")
    return ""


def _installed(clean: Clean, source: str) -> Iterator[str]:
    clean.pip("install", "-q", source)
    yield from clean.offences()


def _try_sources(report: Report, folder: Path, python: str, house: Path, sdist: Path) -> None:
    """Install from what is not built yet, each into an environment of its own."""
    for name, source in (("the sdist", str(sdist)), ("a git checkout", f"git+{ROOT.as_uri()}")):
        clean = Clean(folder, python, house)
        report.step(f"{name}, offline, without Node", lambda c=clean, s=source: _installed(c, s))
        report.step("  python -m pathos_nb.tests", lambda c=clean: installs.self_test(c))
        clean.remove()


def _try_elsewhere(folder: Path, report: Report, archives: tuple[Path, Path], python: str) -> None:
    """Try all of it on another Python."""
    if not _answers(python):
        report.step(python, lambda: ["it is not here, or cannot make environments"])
        return
    wheel, sdist = archives
    clean = Clean(folder / "elsewhere", python, folder / "elsewhere-wheels")
    report.step(f"{python}: a wheelhouse", lambda: installs.fill_wheelhouse(clean, [str(wheel), BACKEND]) or "")
    report.step("  the wheel, offline, without Node", lambda: _installed(clean, str(wheel)))
    report.step("  python -m pathos_nb.tests", lambda: installs.self_test(clean))
    clean.remove()
    _try_sources(report, folder / "elsewhere", python, clean.wheelhouse, sdist)
    shutil.rmtree(clean.wheelhouse, ignore_errors=True)


def _keep(*archives: Path) -> None:
    (ROOT / "dist").mkdir(exist_ok=True)
    for path in archives:
        shutil.copy2(path, ROOT / "dist")


def _end(report: Report, wheel: Path) -> int:
    if report.n_failed:
        print(f"\n{report.n_failed} of these failed; nothing was kept")
        return 1
    version = wheel.name.split("-")[1]
    missing = list(distributions.offences_of_release(version))
    print(f"\nall of it held; {wheel.name} and the sdist are in dist/")
    print("a rehearsal: " + "; ".join(missing) if missing else f"to publish it: twine upload dist/*{version}*")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
