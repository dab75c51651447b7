"""`cache=` and `cached`: what is there is not computed again, whatever keeps it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from pathos_nb import Pool, cached
from pathos_nb.dispatch.caches import as_cache
from pathos_nb.errors import BadOption

pytestmark = pytest.mark.leaves("threads")


def triple(log: str, x: int, k: int = 3) -> int:
    with Path(log).open("a") as file:
        file.write(".")
    return k * x


class Counted:
    """Counts the calls of `triple` since it was last asked."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.log.touch()

    def __call__(self) -> int:
        n = len(self.log.read_text())
        self.log.write_text("")
        return n


@pytest.fixture
def counted(tmp_path: Path) -> Counted:
    return Counted(tmp_path)


def klepto_archive(kind: str, folder: Path, **options):
    archives = pytest.importorskip("klepto.archives")
    return getattr(archives, kind)(str(folder / kind), **options)


CACHES = {
    "a store": lambda folder: folder / "cache.sqlite",
    "a dict": lambda folder: {},
    "klepto's dir": lambda folder: klepto_archive("dir_archive", folder, cached=False),
    "klepto's dir behind memory": lambda folder: klepto_archive("dir_archive", folder, cached=True),
    "klepto's file": lambda folder: klepto_archive("file_archive", folder, cached=False),
    "klepto's dict": lambda folder: klepto_archive("dict_archive", folder, cached=False),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("make", CACHES.values(), ids=CACHES.keys())
def test_every_map_sends_only_what_is_not_there(tmp_path, counted, make):
    cache, log, repeat = make(tmp_path), str(counted.log), itertools.repeat
    tripled = [3 * x for x in range(9)]
    with Pool("threads", nodes=2) as pool:
        assert pool.map(triple, [log] * 6, range(6), cache=cache) == tripled[:6] and counted() == 6
        assert pool.map(triple, [log] * 9, range(9), cache=cache) == tripled and counted() == 3
        assert pool.map(triple, [log] * 9, range(9), cache=cache, k=4) == [4 * x for x in range(9)] and counted() == 9
        assert pool.starmap(triple, [(log, x) for x in range(9)], cache=cache) == tripled
        assert list(pool.imap(triple, repeat(log), (x for x in range(9)), cache=cache)) == tripled
        assert list(itertools.islice(pool.imap(triple, repeat(log), itertools.count(), cache=cache), 9)) == tripled
        counted()
        assert sorted(pool.uimap(triple, [log] * 9, range(9), cache=cache)) == tripled
        assert pool.amap(triple, [log] * 9, range(9), cache=cache).get() == tripled
        assert pool.pipe(triple, log, 5, cache=cache) == 15 and counted() == 0


@pytest.mark.parametrize("place", ["processes", "serial"])
def test_another_pool_finds_what_the_first_has_kept(tmp_path, counted, place):
    for n in (20, 0):
        with Pool(place, nodes=2 if place != "serial" else 1) as pool:
            assert pool.map(triple, [str(counted.log)] * 20, range(20), cache=tmp_path / "c") == [
                3 * x for x in range(20)
            ]
        assert counted() == n


def test_a_cached_function_is_computed_once_and_travels_bare(tmp_path, counted):
    kept = cached(cache=tmp_path / "c.sqlite")(triple)
    log = str(counted.log)
    assert kept(log, 2) == kept(log, 2) == 6 and counted() == 1
    assert kept(log, 2, k=5) == 10 and counted() == 1
    with Pool("processes", nodes=2) as pool:
        assert pool.starmap(kept, [(log, x) for x in range(4)]) == [0, 3, 6, 9] and counted() == 3
        assert pool.map(lambda x: kept(log, x), [2]) == [6] and counted() == 1, "in a worker it is the bare function"
    there: dict = {}
    assert kept.copy_to(there) == 5 == len(there)
    other = cached(cache=tmp_path / "other.sqlite")(triple)
    assert other.copy_from(there) == 5 and other(log, 3) == 9 and counted() == 0
    kept.cache.close()
    other.cache.close()


def test_what_fails_is_not_kept_and_what_cannot_be_written_harms_no_map(tmp_path):
    class Refuses(dict):
        def update(self, *args, **kwargs):
            raise OSError("full")

    def fails(x):
        return 1 // x

    with Pool("threads", nodes=2) as pool:
        kept: dict = {}
        pool.map(fails, [0, 1, 2], cache=kept, on_error="keep")
        assert sorted(kept.values()) == [0, 1]
        assert pool.map(abs, [-1, -2], cache=Refuses()) == [1, 2]
        with pytest.raises(BadOption, match="cache is 3"):
            pool.map(abs, [1], cache=3)


def test_a_cache_is_true_a_path_or_a_mapping():
    with pytest.raises(BadOption, match="it may be True"):
        as_cache(object())
    with pytest.raises(BadOption, match="decorates a function"):
        cached("path")
