"""`cache=` and `cached`: what is there is not computed again, whatever keeps it."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path

import pytest

from pathos_nb import Pool, cached
from pathos_nb.dispatch.caches import as_cache
from pathos_nb.errors import BadOption
from tests.rig.bed import wait_until

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


def klepto_sql(folder: Path, **options):
    archives = pytest.importorskip("klepto.archives")
    return archives.sql_archive(f"sqlite:///{folder}/sql.db", **options)


def klepto_sql_in_memory(**options):
    archives = pytest.importorskip("klepto.archives")
    if importlib.util.find_spec("sqlalchemy"):
        pytest.skip("with SQLAlchemy an archive in memory belongs to its thread")
    return archives.sql_archive("sqlite:///:memory:", **options)


def klepto_hdf(folder: Path):
    pytest.importorskip("h5py")
    return klepto_archive("hdf_archive", folder, cached=False)


CACHES = {
    "a store": lambda folder: folder / "cache.sqlite",
    "a dict": lambda folder: {},
    "klepto's dir": lambda folder: klepto_archive("dir_archive", folder, cached=False),
    "klepto's dir behind memory": lambda folder: klepto_archive("dir_archive", folder, cached=True),
    "klepto's file": lambda folder: klepto_archive("file_archive", folder, cached=False),
    "klepto's SQL": lambda folder: klepto_sql(folder, cached=False),
    "klepto's SQL behind memory": lambda folder: klepto_sql(folder, cached=True),
    "klepto's SQL in memory": lambda folder: klepto_sql_in_memory(cached=False),
    "klepto's SQL in memory behind memory": lambda folder: klepto_sql_in_memory(cached=True),
    "klepto's HDF": lambda folder: klepto_hdf(folder),
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
        counted()
        assert sorted(pool.uimap(triple, [log] * 9, range(9), cache=cache)) == tripled
        assert pool.amap(triple, [log] * 9, range(9), cache=cache).get() == tripled
        assert pool.pipe(triple, log, 5, cache=cache) == 15 and counted() == 0
    with Pool("serial") as pool:  # where nothing is at work when the endless input is dropped
        assert list(itertools.islice(pool.imap(triple, repeat(log), itertools.count(), cache=cache), 9)) == tripled


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("make", CACHES.values(), ids=CACHES.keys())
def test_what_was_computed_is_exported_to_any_and_imported_from_it(tmp_path, counted, make):
    there, log = make(tmp_path), str(counted.log)
    kept, other = cached(cache={})(triple), cached(cache={})(triple)
    assert [kept(log, x) for x in range(4)] == [0, 3, 6, 9] and counted() == 4
    assert kept.copy_to(there) == 4 == other.copy_from(there)
    assert [other(log, x) for x in range(4)] == [0, 3, 6, 9] and counted() == 0


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


def test_a_call_is_the_same_however_its_arguments_are_written(counted):
    there: dict = {}
    kept, log = cached(cache=there)(triple), str(counted.log)
    assert kept(log, 2) == kept(log, x=2) == kept(x=2, log=log) == 6 and counted() == 1
    assert kept(log, 2, 5) == kept(log, 2, k=5) == kept(k=5, x=2, log=log) == 10 and counted() == 1
    with Pool("threads", nodes=2) as pool:
        assert pool.map(kept, [log] * 2, [2, 3], kwargs={"k": 5}) == [10, 15] and counted() == 1
        assert pool.map(kept, [log] * 2, [2, 3], [5, 5]) == [10, 15] and counted() == 0
    assert kept(log, k=7, x=1) == 7 and len(there) == 4 and counted() == 1
    with pytest.raises(TypeError, match="unexpected keyword"):
        kept(log, 2, z=1)


def test_a_method_is_kept_with_what_its_object_is_made_of(counted):
    there: dict = {}

    class Times:
        def __init__(self, k: int) -> None:
            self.k = k

        @cached(cache=there)
        def of(self, log: str, x: int) -> int:
            return triple(log, x, self.k)

        @classmethod
        @cached(cache=there)
        def of_five(cls, log: str) -> int:
            return triple(log, 5)

        @cached(cache=there)
        @staticmethod
        def of_six(log: str) -> int:
            return triple(log, 6)

    log, two = str(counted.log), Times(2)
    assert two.of(log, 3) == Times(2).of(log, x=3) == 6 and counted() == 1
    assert Times(4).of(log, 3) == 12 and counted() == 1, "another object is another value"
    with Pool("processes", nodes=2) as pool:
        assert pool.starmap(two.of, [(log, 3), (log, 4)]) == [6, 8] and counted() == 1
    assert two.of(log, 4) == 8 and counted() == 0, "a map and a call keep the same"
    assert Times.of_five(log) == two.of_five(log) == 15 and counted() == 1
    assert Times.of_six(log) == two.of_six(log) == 18 and counted() == 1


def test_a_function_whose_values_cannot_be_kept_is_refused_when_it_is_decorated():
    def numbers():
        yield 1

    async def later():
        return 1

    with pytest.raises(BadOption, match=r"numbers gives a generator, which cannot be kept; have it return a list"):
        cached(numbers)
    with pytest.raises(BadOption, match="later gives a coroutine, which cannot be kept"):
        cached(cache={})(later)


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


class Asked(dict):
    """Counts how many values were looked for and found."""

    n_found = 0

    def __getitem__(self, key):
        value = super().__getitem__(key)
        self.n_found += 1
        return value


def test_an_iterator_takes_from_the_cache_what_is_asked_of_it_and_no_more(tmp_path):
    kept, n = Asked(), 20_000
    with Pool("threads", nodes=2) as pool:
        pool.map(abs, range(n), cache=kept)
        kept.n_found = 0
        values = pool.imap(abs, range(n), cache=kept)
        assert [next(values) for _ in range(10)] == list(range(10))
        assert kept.n_found < n / 2, "one pull of the input takes 2 ms at most, and is not repeated until there is room"
        assert list(values) == list(range(10, n)) and kept.n_found == n
        left = pool.imap(abs, range(-5, n), cache=kept)
    assert list(left) == [5, 4, 3, 2, 1, *range(n)], "a pool that closes finishes what was begun on a list"


def test_values_that_are_handed_over_come_from_the_cache_too(counted, tmp_path):
    given: dict[int, int] = {}

    def take(indices, values):
        given.update(zip(indices, values, strict=True))

    with Pool("threads", nodes=2) as pool:
        for n, n_calls in ((4, 4), (6, 2)):
            pool.start(triple, [str(counted.log)] * n, range(n), cache=tmp_path / "c", deliver=take).wait()
            assert counted() == n_calls
        assert wait_until(lambda: given == {x: 3 * x for x in range(6)}), given
