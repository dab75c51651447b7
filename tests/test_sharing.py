"""`share`: one copy for all workers, freed when nobody needs it, and a clear error when it is gone."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from pathos_nb.errors import CannotSend, ShareClosed
from pathos_nb.sharing import Shared, share
from pathos_nb.wire import sealed

np = pytest.importorskip("numpy")

LIMIT_S = 30


class Other:
    """Another Python process, which gets handles as pickles and says what became of them."""

    LOOP = """
import pickle, sys
from pathos_nb.wire import sealed
def serve():
    names = {"pickle": pickle, "sealed": sealed}
    while True:
        try:
            names["handle"], code = pickle.load(sys.stdin.buffer)
        except EOFError:
            break
        try:
            reply = eval(code, names)
        except BaseException as error:
            reply = error
        names.pop("handle")
        pickle.dump(reply, sys.stdout.buffer)
        sys.stdout.buffer.flush()
serve()
"""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    def ask(self, handle: object, code: str) -> Any:
        return self.ask_pickled(pickle.dumps((handle, code)))

    def ask_pickled(self, message: bytes) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(message)
        return pickle.load(self.process.stdout)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=LIMIT_S)


@pytest.fixture
def other() -> Iterator[Other]:
    process = Other()
    yield process
    process.close()


def n_files() -> int:
    """Count the memory and other files for sharing that this process has open."""
    gc.collect()
    count = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            count += "pathos_nb-share" in os.readlink(f"/proc/self/fd/{name}")
    return count


def test_a_worker_sees_the_array(other: Other) -> None:
    with share(np.arange(100_000.0)) as handle:
        assert other.ask(handle, "float(handle.value.sum())") == np.arange(100_000.0).sum()


def test_the_token_is_small_whatever_the_size() -> None:
    with share(np.zeros(1_000_000)) as handle:
        assert len(pickle.dumps(handle)) < 200
        assert handle.nbytes >= 8_000_000


@pytest.mark.parametrize("size", [1, 10, 1_000_000])
def test_arrays_are_read_only_everywhere(other: Other, size: int) -> None:
    with share(np.zeros(size)) as handle:
        assert not handle.value.flags.writeable
        assert other.ask(handle, "handle.value.flags.writeable") is False


def test_the_workers_array_is_the_memory_and_no_copy(other: Other) -> None:
    with share(np.zeros(1_000_000)) as handle:
        assert other.ask(handle, "handle.value.flags.owndata or type(handle.value.base).__name__") != "True"
        grown_kb = other.ask(
            handle,
            "(lambda r: (r(), handle.value.shape, r()))(lambda: __import__('resource').getrusage(0).ru_maxrss)",
        )
        assert grown_kb[2] - grown_kb[0] < 4_000


def test_it_is_the_value_at_the_time_of_sharing(other: Other) -> None:
    array = np.zeros(5)
    with share(array) as handle:
        array[:] = 1
        assert handle.value.tolist() == [0] * 5
        assert other.ask(handle, "handle.value.tolist()") == [0] * 5


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        {"a": [1, 2], "b": np.arange(3)},
        [np.zeros((0, 3)), np.arange(4, dtype="i2")],
        np.array(3.5),
        np.arange(24).reshape(2, 3, 4)[:, ::2],
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array(["x", None, 3], dtype=object),
        np.ma.masked_array([1, 2], [0, 1]),
        np.zeros(3, dtype=[("a", "i4"), ("b", "f8")]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_value_arrives_as_it_is(other: Other, value: object) -> None:
    with share(value) as handle:
        arrived = other.ask(handle, "handle.value")
        assert pickle.dumps(arrived) == pickle.dumps(handle.value) or repr(arrived) == repr(value)


def test_many_buffers_arrive_in_order(other: Other) -> None:
    with share([np.full(3, i) for i in range(3000)]) as handle:
        assert other.ask(handle, "[int(a[0]) for a in handle.value]") == list(range(3000))


def test_a_data_frame_is_shared(other: Other) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": np.arange(1000.0), "y": np.arange(1000)})
    with share(frame) as handle:
        assert handle.value.equals(frame)
        assert other.ask(handle, "float(handle.value.x.sum())") == frame.x.sum()


def test_a_value_without_buffers_stays_the_owners_own_object() -> None:
    value = {"a": 1}
    with share(value) as handle:
        assert handle.value is value
        assert pickle.loads(pickle.dumps(handle)).value is value


def test_numpy_takes_the_handle_for_the_array(other: Other) -> None:
    with share(np.arange(4.0)) as handle:
        assert np.asarray(handle) is handle.value
        assert np.asarray(handle, dtype="f4").dtype == np.dtype("f4")
        assert np.array(handle).flags.writeable
        assert float(np.dot(handle, handle)) == 14.0
        assert other.ask(handle, "float(__import__('numpy').sum(handle))") == 6.0


def test_numpy_is_told_when_a_copy_cannot_be_avoided() -> None:
    with share([1, 2]) as handle:
        assert np.asarray(handle).tolist() == [1, 2]
        with pytest.raises(ValueError, match="must be copied"):
            handle.__array__(copy=False)


def test_sharing_a_handle_again_gives_the_handle() -> None:
    with share(1) as handle:
        assert share(handle) is handle


def test_a_handle_within_a_shared_value_lives_as_long(other: Other) -> None:
    with share({"inner": share(np.arange(3)), "array": np.zeros(3)}) as outer:
        gc.collect()
        assert outer.value["inner"].value.tolist() == [0, 1, 2]
        assert other.ask(outer, "handle.value['inner'].value.tolist()") == [0, 1, 2]


def test_a_copy_of_the_handle_in_the_owner_is_the_same_memory() -> None:
    with share(np.arange(3)) as handle:
        assert pickle.loads(pickle.dumps(handle)).value is handle.value
        assert copy.deepcopy(handle).value is handle.value


def test_a_worker_attaches_once_for_all_handles_in_use(other: Other) -> None:
    with share(np.arange(3)) as handle:
        assert other.ask((handle, pickle.dumps(handle)), "handle[0].value is pickle.loads(handle[1]).value")


def test_a_worker_keeps_it_between_chunks_until_it_forgets(other: Other) -> None:
    with share(np.arange(3)) as handle:
        address = "handle.value.__array_interface__['data'][0]"
        assert other.ask(handle, address) == other.ask(handle, address)
        assert other.ask(handle, "len(sealed._latest)") == 1
        other.ask(None, "sealed.forget()")
        assert other.ask(None, "len(sealed._known)") == 0


def test_a_worker_keeps_only_a_few_between_chunks(other: Other) -> None:
    for _ in range(20):
        with share(np.arange(3)) as handle:
            other.ask(handle, "handle.value[0]")
    assert other.ask(None, "len(sealed._known)") <= 8


def test_a_workers_worker_reads_the_first_owners_memory(other: Other) -> None:
    third = Other()
    try:
        with share(np.arange(3)) as handle:
            again = other.ask(handle, "(handle.value.sum(), pickle.dumps((handle, 'handle.value.tolist()')))[1]")
            assert third.ask_pickled(again) == [0, 1, 2]
    finally:
        third.close()


def test_memory_and_descriptor_go_with_the_last_handle() -> None:
    before = n_files()
    handle: Shared[Any] | None = share(np.zeros(100))
    again = pickle.loads(pickle.dumps(handle))
    assert n_files() > before
    handle = None
    assert again.value.shape == (100,)
    again = None
    assert n_files() == before


def test_an_array_outlives_its_handle() -> None:
    array = share(np.arange(3)).value
    gc.collect()
    assert array.tolist() == [0, 1, 2]


def test_a_worker_that_has_the_value_keeps_it_after_the_owner_closed(other: Other) -> None:
    handle = share(np.arange(3))
    assert other.ask(handle, "globals().update(kept=handle.value)") is None
    handle.close()
    assert other.ask(None, "kept.tolist()") == [0, 1, 2]


@pytest.mark.parametrize("use", ["value", "__reduce__"])
def test_a_closed_handle_says_so(use: str) -> None:
    handle = share(np.zeros(3))
    handle.close()
    handle.close()
    assert handle.is_closed
    with pytest.raises(ShareClosed, match="has been closed; share it again"):
        getattr(handle, use) if use == "value" else pickle.dumps(handle)
    assert repr(handle) == "<Shared: closed>"


def test_who_takes_the_handle_for_the_value_is_told_where_that_is() -> None:
    with share(np.arange(3)) as own:
        for handle in (own, pickle.loads(pickle.dumps(own))):  # here, and as a worker has it
            with pytest.raises(TypeError, match=r"as in handle\.value\[0\]"):
                handle[0]
            with pytest.raises(TypeError, match=r"\.value is it"):
                list(handle)
            with pytest.raises(AttributeError, match=r"no attribute 'shape': .* as in handle\.value\.shape") as caught:
                _ = handle.shape
            assert caught.value.name == "shape"
            with pytest.raises(AttributeError, match="no attribute '__len__'$"):
                _ = handle.__len__
            assert np.asarray(handle).sum() == 3
            assert handle


def test_closing_one_handle_of_the_owner_closes_all() -> None:
    handle = share(np.zeros(3))
    again = pickle.loads(pickle.dumps(handle))
    again.close()
    with pytest.raises(ShareClosed, match="has been closed"):
        _ = handle.value


def test_a_worker_that_comes_late_is_told_that_it_was_closed(other: Other) -> None:
    handle = share(np.zeros(3))
    message = pickle.dumps((handle, "handle.value"))
    handle.close()
    error = other.ask_pickled(message)
    assert isinstance(error, ShareClosed)
    assert "closed it" in str(error)


@pytest.mark.parametrize("what", ["file", "pipe"])
def test_a_number_that_another_file_has_got_is_not_taken_for_the_memory(other: Other, what: str) -> None:
    handle = share(np.zeros(3))
    message = pickle.dumps((handle, "handle.value"))
    number = handle._token.place
    handle.close()
    opened = [os.open(__file__, os.O_RDONLY)] if what == "file" else [*os.pipe()]
    try:
        assert isinstance(number, int)
        os.dup2(opened[0], number)
        assert isinstance(other.ask_pickled(message), ShareClosed)
    finally:
        for fd in {*opened, number}:
            os.close(fd)


def test_a_dead_owner_is_named(other: Other) -> None:
    owner = Other()
    token = owner.ask(
        None, "globals().update(s=__import__('pathos_nb').share([1])) or pickle.dumps((s, 'handle.value'))"
    )
    assert other.ask_pickled(token) == [1]
    owner.close()
    other.ask(None, "sealed.forget()")
    error = other.ask_pickled(token)
    assert isinstance(error, ShareClosed)
    assert f"pid {owner.process.pid}" in str(error)
    assert "has ended" in str(error)


def test_what_cannot_be_pickled_is_an_error_here() -> None:
    before = n_files()
    with pytest.raises(CannotSend, match="cannot share a generator"):
        share(x for x in ())
    assert n_files() == before


class FailsToLoad:
    def __init__(self) -> None:
        self.array = np.zeros(3)

    def __setstate__(self, state: object) -> None:
        raise OSError("not today")


def test_what_cannot_be_unpickled_is_an_error_here() -> None:
    before = n_files()
    with pytest.raises(CannotSend, match="not today"):
        share(FailsToLoad())
    assert n_files() == before


@contextmanager
def limited(kind: int, limit: int) -> Iterator[None]:
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


@pytest.fixture
def named_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("way", ["memory file", "named file"])
def test_no_room_is_an_error_and_no_bus_error(request: pytest.FixtureRequest, way: str) -> None:
    if way == "named file":
        request.getfixturevalue("named_files")
    before = n_files()
    with limited(resource.RLIMIT_FSIZE, 1 << 20), pytest.raises(CannotSend, match="no room to share 8,000,"):
        share(np.zeros(1_000_000))
    assert n_files() == before


def test_no_descriptor_left_is_an_error_that_names_the_limit() -> None:
    with limited(resource.RLIMIT_NOFILE, 3), pytest.raises(CannotSend, match="limit of open files"):
        share(1)


def test_where_memory_has_no_file_a_named_one_serves(named_files: Path, other: Other) -> None:
    with share(np.arange(3)) as handle:
        (path,) = named_files.iterdir()
        assert path.stat().st_mode & 0o777 == 0o600
        assert other.ask(handle, "handle.value.tolist()") == [0, 1, 2]
    assert not list(named_files.iterdir())


def test_a_late_worker_is_told_with_named_files_too(named_files: Path, other: Other) -> None:
    handle = share(np.arange(3))
    message = pickle.dumps((handle, "handle.value"))
    handle.close()
    assert isinstance(other.ask_pickled(message), ShareClosed)


def test_named_files_of_a_killed_owner_are_removed_by_the_next(named_files: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait(LIMIT_S)
    left = named_files / f"{sealed._PREFIX}{dead.pid}-{'0' * 32}"
    theirs = named_files / f"{sealed._PREFIX}{os.getppid()}-{'1' * 32}"
    left.touch()
    theirs.touch()
    share(1).close()
    assert [path.name for path in named_files.iterdir()] == [theirs.name]


def test_a_fork_of_the_owner_frees_nothing_of_it(named_files: Path, other: Other) -> None:
    code = """
import os
del os.memfd_create
from pathos_nb.sharing import share
handle = share(b"x")
child = os.fork()
if child == 0:
    handle.close()
    del handle
    os._exit(0)
os.waitpid(child, 0)
print(len(os.listdir(os.environ["TMPDIR"])), handle.value)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT_S)
    assert done.stdout.split() == ["1", "b'x'"], done.stderr
    assert not list(named_files.iterdir())


def test_nothing_stays_when_the_owner_is_killed() -> None:
    def n_left() -> int:
        return len([name for name in os.listdir("/dev/shm") if "pathos_nb" in name])

    before = n_left()
    owner = Other()
    owner.ask(None, "globals().update(s=__import__('pathos_nb').share(b'x' * 1_000_000))")
    os.kill(owner.process.pid, signal.SIGKILL)
    owner.close()
    assert n_left() <= before


@pytest.mark.skipif(sys.platform != "linux", reason="memory files are sealed on Linux")
def test_not_even_the_owner_can_change_or_shorten_it() -> None:
    with share(np.zeros(3)) as handle:
        fd = handle._token.place
        assert isinstance(fd, int)
        for attempt in (lambda: os.ftruncate(fd, 0), lambda: os.pwrite(fd, b"x", 0)):
            with pytest.raises(PermissionError, match="not permitted"):
                attempt()


def test_threads_may_open_it_at_the_same_time() -> None:
    owner = Other()
    try:
        message = owner.ask(
            None, "globals().update(s=__import__('pathos_nb').share(list(range(9)))) or pickle.dumps(s)"
        )
        sums: list[int] = []
        threads = [threading.Thread(target=lambda: sums.append(sum(pickle.loads(message).value))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_S)
        assert sums == [36] * 8
    finally:
        owner.close()
        sealed.forget()


def test_it_needs_no_numpy_and_little_time() -> None:
    code = """
import sys
from pathos_nb import share
share([1]).value
print(*("numpy" in sys.modules, "tempfile" in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT_S)
    assert done.stdout.split() == ["False", "False"], done.stderr
