"""Files on their way to a machine that does not see ours, and back: once for all its workers, whole or not at all.

The agent has folders of its own in place of some of ours: it runs in a mount namespace, where these are empty. What may
go wrong on the way is tried on its two ends, without a wire between them.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.dispatch.staging import find_inputs
from pathos_nb.errors import Failure, FilesFailed
from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers import staged
from pathos_nb.launchers.agent_files import FileStore
from pathos_nb.launchers.agent_staging import Staging
from pathos_nb.wire.framing import Frame
from tests.rig import agents
from tests.rig.census import until

pytestmark = pytest.mark.timeout(60)
APART = ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"']


def why_not_apart() -> str:
    if sys.platform != "linux":
        return "folders of one's own need Linux"
    try:
        done = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unshare cannot be run: {error}"
    return done.stderr.strip() if done.returncode else ""


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder which the place ``away`` does not see."""
    if reason := why_not_apart():
        pytest.skip(f"no machine of its own here: {reason}")

    def carrier(command: Sequence[str]) -> agents.LocalCarrier:
        return agents.LocalCarrier([*APART, str(tmp_path), *command])

    agents.register("away", carrier)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def digest_of(name: str) -> str:
    return hashlib.sha256(Path(name).read_bytes()).hexdigest()


def use(x: int) -> tuple[str, str]:
    """Give what a large file is, and where it really lies."""
    Path("out.bin").write_bytes(bytes([x]) * 100_000)
    return digest_of("large.bin"), os.path.realpath("large.bin")


def test_files_are_carried_once_to_a_machine_that_does_not_see_them(apart: Path) -> None:
    Path("large.bin").write_bytes(os.urandom(9_000_000))  # three pieces
    Path("empty").touch()
    with Pool("away", nodes=2) as pool:
        run = pool.start(use, [1, 2, 3], files=["large.bin", "empty"], collect="*.bin", chunksize=1)
        told = run.result()
        assert {digest for digest, _ in told} == {digest_of("large.bin")}
        [place] = {place for _, place in told}
        [store] = {folder for folder in Path(place).parents if folder.name.startswith("pathos_nb-files-")}
        assert store.is_dir()
        Path("same.bin").write_bytes(Path("large.bin").read_bytes())
        Path("large.bin").unlink()
        Path("same.bin").rename("large.bin")  # the same content, of another file
        assert [real for _, real in pool.map(use, [4], files="large.bin")] == [place]
    assert {index: path.read_bytes() for index, (path,) in run.collected.items()} == {
        index: bytes([index + 1]) * 100_000 for index in range(3)
    }
    assert sorted(path.name for path in (apart / "collected").iterdir()) == [run.run_id]
    assert until(lambda: not store.exists())


def test_machines_that_see_the_files_and_that_do_not_share_a_map(apart: Path) -> None:
    Path("large.bin").write_bytes(b"some")
    with Pool("processes", "away", nodes=1) as pool:
        far = pool.map(use, range(4), files="large.bin", where="away", collect="*.bin", collect_to="far")
        both = pool.map(use, range(40), files="large.bin", collect="*.bin", collect_to="both", chunksize=1)
    assert {digest for digest, _ in [*far, *both]} == {digest_of("large.bin")}
    assert str(apart / "large.bin") not in {place for _, place in far}
    assert len(list((apart / "both").iterdir())) == 40


def test_more_than_is_carried_back_is_refused(apart: Path) -> None:
    with Pool("away", nodes=1) as pool:
        [value] = pool.map(write_much, [staged.MOST_BACK_BYTES + 1], collect="*", on_error="keep")
    assert isinstance(value, Failure)
    assert isinstance(value.error, FilesFailed)
    assert "an item's files are more than 256 MB" in str(value.error)


def write_much(n_bytes: int) -> None:
    with Path("large.bin").open("wb") as file:
        file.truncate(n_bytes)


def test_a_machine_without_room_takes_no_part(apart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("large.bin").write_bytes(b"some")
    code = "import errno, os\ndef full(*_): raise OSError(errno.ENOSPC, 'No space left on device')\nos.posix_fallocate = full\n"
    opens = agents.beginning_with(code, "")

    def carrier(command: Sequence[str]) -> Any:
        inner = opens(command)
        inner.close()
        return agents.LocalCarrier([*APART, str(apart), *inner.process.args])

    agents.register("full", carrier)
    with Pool("full", "processes", nodes=1) as pool:
        with pytest.raises(FilesFailed, match=r"no worker .* large.bin \(4 bytes\) cannot be put into .*No space left"):
            pool.map(use, [1], files="large.bin", where="full")
        assert [digest for digest, _ in pool.map(use, [1], files="large.bin")] == [digest_of("large.bin")]
        assert pool.map(abs, [-1], where="full") == [1]


# --- the two ends ---


class Ends:
    """A store and what feeds it, with nothing between."""

    def __init__(self) -> None:
        self.up: list[tuple[int, Frame]] = []
        self.down: list[tuple[int, Frame]] = []
        self.store = FileStore(lambda kind, slot, frame: self.up.append((kind, frame)))
        self.staging = Staging(self)

    def send(self, kind: int, slot: int, *frames: Frame) -> None:
        self.down += [(kind, frame) for frame in frames]

    def step(self) -> bool:
        """Deliver what is under way; tell whether there was anything."""
        up, self.up, down, self.down = self.up, [], self.down, []
        for kind, frame in down:
            if kind == messages.LOOK:
                number, files = frame.meta
                self.store.look(number, tuple((*told[:4], told[4] + 1, told[5]) for told in files))  # another machine
            else:
                self.store.take(frame.body, *frame.meta)
        for kind, frame in up:
            self.staging.hear(kind, frame)
        return bool(up or down)


@pytest.fixture
def ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    made = Ends()
    yield made
    made.store.close()
    assert not Path(made.store.folder).exists()


def inputs(*names: str) -> Any:
    return tuple(told._replace(digest=digest_of(told.path)) for told in find_inputs(names))


def settle(ends: Ends, files: Any) -> str | None:
    while ends.step():
        pass
    return ends.staging.stage(files)


def test_what_has_come_is_not_asked_for_again(ends: Ends) -> None:
    Path("a").write_bytes(b"a" * 5_000_000)
    Path("b").write_bytes(b"")
    first, second = inputs("a", "b"), inputs("b", "a")
    assert ends.staging.stage(first) is None
    assert ends.staging.stage(second) is None
    assert settle(ends, first) == settle(ends, second) == ""
    third = inputs("a")
    assert ends.staging.stage(third) is None
    assert ends.step()
    assert [kind for kind, _ in ends.up] == [messages.LOOKED]
    assert {path.name for path in Path(ends.store.folder).iterdir()} == {".lock", *(told.digest for told in first)}


@pytest.mark.parametrize("when", ["before", "between"])
def test_a_file_that_changes_on_the_way_does_not_arrive(when: str, ends: Ends) -> None:
    Path("a").write_bytes(b"a" * 9_000_000)
    Path("b").write_bytes(b"b")
    files = inputs("b", "a")
    ends.staging.stage(files)
    for _ in range(0 if when == "before" else 5):
        ends.step()
    Path("a").write_bytes(b"x" * 9_000_000)
    assert "a has changed since the map began" in str(settle(ends, files))
    assert not [path for path in Path(ends.store.folder).iterdir() if path.stat().st_size > 1]
    assert ends.staging.stage(inputs("b")) is None
    assert settle(ends, files) is not None


def test_bytes_that_are_not_the_files_are_refused(ends: Ends) -> None:
    Path("a").write_bytes(b"right")
    files = inputs("a")
    ends.staging.stage(files)
    ends.step()
    ends.step()
    ends.down = [(kind, frame._replace(body=b"wrong")) for kind, frame in ends.down]
    assert "has changed since the map began" in str(settle(ends, files))


def test_only_what_was_meant_for_it_is_given_to_a_machine(ends: Ends) -> None:
    Path("secret").write_bytes(b"secret")
    ends.staging.hear(messages.WANT, Frame(0, (digest_of("secret"), 0)))
    assert not ends.down


def test_what_an_agent_left_that_was_killed_the_next_one_clears_away(ends: Ends, tmp_path: Path) -> None:
    dead, living = FileStore(print), FileStore(print)
    Path("a").write_bytes(b"a")
    for store in (dead, living):
        store._make_folder()
    os.close(dead._lock)  # as the system does for a process that is killed
    files = inputs("a")
    ends.staging.stage(files)
    assert settle(ends, files) == ""
    assert not Path(dead.folder).exists()
    assert Path(living.folder).exists()
    dead._lock = -1
    living.close()
