"""The wheel and the sdist: build them twice, and look at what is in them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD_S = 300
MOST_BYTES = 2_000_000  # of one file in the wheel
NOT_IN_SDIST = (".ci/",)
BUNDLES = ("pathos_nb/static/run.js", "pathos_nb/static/panel.js", "pathos_nb/static/loader.js", "pathos_nb/py.typed")
EXTENSION = "share/jupyter/labextensions/pathos-nb/"


def commit_time() -> str:
    """Give the time of the commit, which is the time of every file in the archives."""
    return git("log", "-1", "--format=%ct")


def git(*words: str) -> str:
    """Ask git about this repository."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def tracked() -> set[str]:
    """Give the files of the repository that are there."""
    return {name for name in git("ls-files", "-z").split("\0") if name and (ROOT / name).is_file()}


def build_twice(folder: Path) -> tuple[Path, Path, list[str]]:
    """Build both from two copies of the repository at different places; give them, and what differs.

    Parameters
    ----------
    folder : Path
        Where the copies and the archives go.

    Returns
    -------
    tuple of Path, Path and list of str
        The wheel, the sdist, and a line for each that is not the same the second time.
    """
    digests = [_digests(_build(folder / f"source-{turn}", folder / f"dist-{turn}")) for turn in (1, 2)]
    differing = [
        f"{name} differs from build to build" for name in digests[0] if digests[0][name] != digests[1].get(name)
    ]
    wheel, sdist = (next((folder / "dist-1").glob(pattern)) for pattern in ("*.whl", "*.tar.gz"))
    return wheel, sdist, differing


def _build(source: Path, out: Path) -> Path:
    """Build from a fresh copy, as a clone would be."""
    for name in tracked():
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    environ = {**os.environ, "SOURCE_DATE_EPOCH": commit_time()}
    command = [sys.executable, "-m", "build", "--outdir", str(out), str(source)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=BUILD_S, check=False)
    if done.returncode:
        raise SystemExit(f"the build failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return out


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def offences_of_wheel(wheel: Path) -> Iterator[str]:
    """Give a line for each thing that is wrong with the contents of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        info = next(name for name in sizes if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(info).decode()
    stem = info.removesuffix(".dist-info/METADATA")
    expected = {name for name in tracked() if name.startswith("pathos_nb/") and "/labextension/" not in name}
    found = {name for name in sizes if name.startswith("pathos_nb/")}
    yield from (f"the wheel has not got {name}" for name in sorted({*expected, *BUNDLES} - found))
    yield from (f"the wheel has {name}, which is not in the repository" for name in sorted(found - expected))
    yield from _offences_of_extension({name for name in sizes if name.startswith(f"{stem}.data/")}, stem)
    yield from (f"{name} has {size:,} bytes" for name, size in sizes.items() if size > MOST_BYTES)
    homes = ("pathos_nb/", f"{stem}.dist-info/", f"{stem}.data/data/{EXTENSION}")
    yield from (f"{name} does not belong into the wheel" for name in sizes if not name.startswith(homes))
    yield from _offences_of_metadata(metadata, stem, set(sizes))


def _offences_of_extension(found: set[str], stem: str) -> Iterator[str]:
    """Compare the side panel's files, which go where JupyterLab looks for them."""
    source = {name.partition("/labextension/")[2] for name in tracked() if name.startswith("pathos_nb/labextension/")}
    expected = {f"{stem}.data/data/{EXTENSION}{name}" for name in {*source, "install.json"}}
    yield from (f"the side panel has not got {name}" for name in sorted(expected - found))


def _offences_of_metadata(text: str, stem: str, names: set[str]) -> Iterator[str]:
    said = HeaderParser().parsestr(text)
    for field in ("Name", "Version", "Summary", "License-Expression", "Requires-Python", "Description-Content-Type"):
        if not said[field]:
            yield f"the metadata does not say {field}"
    for name in said.get_all("License-File", ["LICENSE"]):
        if f"{stem}.dist-info/licenses/{name}" not in names:
            yield f"the licence file {name} is missing"
    if stem.rpartition("-")[2] != said["Version"]:
        yield f"the wheel's name says another version than its metadata, {said['Version']}"


def offences_of_sdist(sdist: Path) -> Iterator[str]:
    """Give a line for each file that the sdist lacks, or has although the repository has not."""
    with tarfile.open(sdist) as archive:
        found = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    expected = {name for name in tracked() if not name.startswith(NOT_IN_SDIST)}
    yield from (f"the sdist has not got {name}" for name in sorted(expected - found))
    yield from (
        f"the sdist has {name}, which is not in the repository" for name in sorted(found - expected - {"PKG-INFO"})
    )


def offences_of_checkers(archives: list[Path]) -> Iterator[str]:
    """Give what twine and check-wheel-contents complain about."""
    wheels = [str(path) for path in archives if path.suffix == ".whl"]
    for command in (["twine", "check", "--strict", *map(str, archives)], ["check_wheel_contents", *wheels]):
        line = [sys.executable, "-m", *command]
        done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            yield f"{command[0]}: {(done.stdout + done.stderr).strip()[-600:]}"


def offences_of_release(version: str) -> Iterator[str]:
    """Give what keeps this state of the repository from being a release, not a rehearsal."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if "dev" in version:
        yield f"{version} is a version in the making"
    if f"## [{version}]" not in changelog:
        yield f"CHANGELOG.md has no section [{version}]"
    if git("status", "--porcelain"):
        yield "there are changes that are not committed"
    if f"v{version}" not in git("tag", "--points-at", "HEAD").split():
        yield f"the commit has no tag v{version}"
