"""Code and classes of ``__main__``, as a notebook's are: each test is a script of its own, without a guard."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rig import script
from tests.rig.launchers import is_apart
from tests.rig.sampling import daily

pytestmark = pytest.mark.timeout(60)

CLASSES = """
    import dataclasses, enum, typing
    class Point:
        def __init__(self, x): self.x = x
    @dataclasses.dataclass(frozen=True)
    class Data:
        x: int
    class Colour(enum.Enum):
        RED = 1
    class Pair(typing.NamedTuple):
        a: int
    class Mine(Exception):
        def __init__(self, code, *, hint): super().__init__(f"code {code}"); self.code, self.hint = code, hint
    class Deeper(Point): pass
    pool = Pool(LAUNCHER, nodes=2)

    def make(x): return Point(x), Data(x), Colour.RED, Pair(x), Deeper(x)
    def look(things):
        p, d, c, n, e = things
        return [type(p) is Point, type(d) is Data, c is Colour.RED, type(n) is Pair, isinstance(e, Point)]
    def both(p): return isinstance(p, Point) and isinstance(Deeper(1), type(p))

    for made in pool.map(make, range(4)):                      # made there, seen here
        assert look(made) == [True] * 5, look(made)
    assert Data(3) == pool.map(make, [3])[0][1]
    for seen in pool.map(look, [make(x) for x in range(4)]):   # made here, seen there
        assert seen == [True] * 5, seen
    for seen in pool.map(look, pool.map(make, range(4))):      # there and back and there again
        assert seen == [True] * 5, seen
    assert all(pool.map(both, pool.map(Point, range(4))))      # another function, another payload
    assert [p.x for p in pool.map(Point, range(4))] == [0, 1, 2, 3]

    def fail(x): raise Mine(x, hint="look there")
    try:
        pool.map(fail, [7])
    except Mine as error:
        assert (type(error), error.code, error.hint, str(error)) == (Mine, 7, "look there", "code 7")
    else:
        raise AssertionError("nothing was raised")

    class Base: size = 5
    class Sized(Base): size = 3
    def count(x):
        Sized.size += 1
        return Sized()
    if APART:
        assert {type(made) for made in pool.map(count, range(4))} == {Sized}
        assert Sized.size == 3                                 # what comes back changes nothing here
        Sized.size = 4
        assert pool.map(lambda x: Sized.size, range(2)) == [4, 4]
        del Sized.size
        assert pool.map(lambda x: Sized.size, range(2)) == [5, 5]

    OldPoint = Point
    class Point:                                               # the cell is run again
        def __init__(self, x): self.x = -x
    assert [p.x for p in pool.map(Point, range(3))] == [0, -1, -2]
    assert all(type(p) is Point and type(p) is not OldPoint for p in pool.map(lambda x: Point(x), range(3)))
    pool.close()
    print("good")
"""

NAMESPACE = """
    counter, table = 0, {}
    def bump():
        global counter
        counter += 1
    def item(x):
        before = counter
        bump()
        return counter - before
    def total(x):
        bump()
        return counter
    class Teller:
        def tell(self, x): return helper(x)
    def helper(x): return offset + x
    def outer(x): return helper(x)
    def even(n): return n == 0 or odd(n - 1)
    def odd(n): return n != 0 and even(n - 1)
    offset = 10
    pool = Pool(LAUNCHER, nodes=1)
    assert pool.map(item, range(5)) == [1] * 5                 # a helper that sets a global is seen by its caller
    if APART:
        assert pool.map(total, range(3)) == [1, 2, 3]          # for one run
        assert pool.map(total, range(3)) == [1, 2, 3]          # and not for the next
        assert counter == 0                                    # and it never comes back
    assert pool.map(outer, [1, 2]) == [11, 12]
    assert pool.map(Teller().tell, [1, 2]) == [11, 12]
    assert pool.map(even, range(4)) == [True, False, True, False]
    offset = 20
    assert pool.map(outer, [1, 2]) == [21, 22]                 # a global that has changed
    def helper(x): return -x
    assert pool.map(outer, [1, 2]) == [-1, -2]                 # a helper that was defined again
    assert pool.map(Teller().tell, [1, 2]) == [-1, -2]
    assert list(pool.imap(outer, [1, 2])) == [-1, -2]
    def outer(x): return "new"
    assert pool.map(outer, [1]) == ["new"]
    pool.close()
    print("good")
"""

STDLIB = """
    import json, math, collections.abc
    import numpy as np, numpy.linalg
    from math import sqrt
    from pathlib import Path as P
    def item(x): return json.dumps([math.floor(sqrt(x)), P("a").name, float(np.linalg.norm(np.ones(4)))])
    with Pool(LAUNCHER, nodes=2) as pool:
        assert pool.map(item, [4, 9]) == ['[2, "a", 2.0]', '[3, "a", 2.0]']
    print("good")
"""

BESIDE = """
    import importlib, pathlib
    def write(text):
        pathlib.Path("beside.py").write_text(text)
    write("def answer(x): return x + 1\\n")
    sys.path.insert(0, os.getcwd())
    sys.dont_write_bytecode = True
    import beside
    def item(x): return beside.answer(x)
    with Pool(LAUNCHER, nodes=2) as pool:
        assert pool.map(item, [1, 2]) == [2, 3]
        assert pool.map(beside.answer, [1, 2]) == [2, 3]
        write("def answer(x): return x + 100\\n")
        importlib.reload(beside)
        assert pool.map(beside.answer, [1, 2]) == [101, 102], pool.map(beside.answer, [1, 2])
        assert pool.map(item, [1, 2]) == [101, 102], pool.map(item, [1, 2])
    print("good")
"""

UNGUARDED = """
    say("main")
    def item(x): return x * x
    pool = Pool(LAUNCHER, nodes=2)
    assert pool.map(item, range(10)) == [x * x for x in range(10)]
    from pathos_nb import Pool as again
    print("good")
"""

GLOBALS = """
    big = list(range(1000))
    unpicklable_and_unused = (x for x in range(3))
    def item(x): return big[x]
    nested = lambda n: (lambda x: x + n + len(big))
    with Pool(LAUNCHER, nodes=2) as pool:
        assert pool.map(item, [1, 2]) == [1, 2]
        big[1] = "changed"
        assert pool.map(item, [1, 2]) == ["changed", 2]
        assert pool.map(nested(1), [1]) == [1002]
        assert [f(1) for f in pool.map(nested, [1, 2])] == [1002, 1003]
        def remember(x, seen=[]):
            seen.append(x)
            return len(seen)
        assert pool.map(remember, range(3), n_workers=1) == [1, 2, 3]
        if APART:
            assert remember.__defaults__ == ([],)
    print("good")
"""

INITIALIZED = """
    import threading
    data, table, changing, steady = None, {}, 1, [1]
    class State: pass
    state = State()
    def deeper(x):
        global deep
        deep = x * 2
    def start(x):
        global data, lock
        data, lock, table["x"], state.x = x, threading.Lock(), x, x     # a lock cannot be sent
        deeper(x + changing + steady[0])
    def look(i): return data, deep, table["x"], state.x, lock.locked()
    def steadily(i): return changing, steady
    class Looker:
        def look(self, i): return data
    with Pool(LAUNCHER, nodes=2, initializer=start, initargs=(5,)) as pool:
        assert pool.map(look, range(3)) == [(5, 14, 5, 5, False)] * 3, pool.map(look, range(3))
        assert pool.pipe(lambda: data) == 5 and pool.map(Looker().look, [1]) == [5]
        changing, steady = 2, [2]                               # what it only reads is that of the call
        assert pool.map(steadily, range(2)) == [(2, [2])] * 2
        if APART:
            assert data is None and table == {}
    print("good")
"""

KINDS = """
    import dataclasses, functools, threading
    class Slots:
        __slots__ = ("a", "__b")
        def __init__(self, a): self.a, self.__b = a, -a
        def both(self): return self.a, self.__b
    class Deeper(Slots):
        __slots__ = "c"
    @dataclasses.dataclass(slots=True)
    class Data:
        x: int
    @functools.cache
    def cached(x): return 7 * x
    @functools.lru_cache(maxsize=3, typed=True)
    def factorial(n): return n * factorial(n - 1) if n else 1
    class Has:
        @functools.lru_cache
        def method(self, x): return x + 1
    class Locked:
        lock = threading.RLock()
        @functools.cached_property
        def once(self): return 5
    def takes(x): return Locked.lock.acquire(timeout=5) and Locked().once + x
    @functools.singledispatch
    def kind(x): return "thing"
    @kind.register
    def _(x: int): return "number"
    def uses(x): return cached(x) + factorial(x), kind(x), kind("x"), factorial.cache_info().maxsize
    with Pool(LAUNCHER, nodes=2) as pool:
        assert pool.map(Data, [1]) == [Data(1)] == pool.map(lambda d: d, [Data(1)])
        for made in (*pool.map(Slots, [1]), *pool.map(Deeper, [1]), *pool.map(lambda s: s, [Slots(1)])):
            assert made.both() == (1, -1) and not hasattr(made, "__dict__")
        assert pool.map(lambda s: (s.both(), hasattr(s, "__dict__")), [Slots(2)]) == [((2, -2), False)]
        assert pool.map(takes, [1]) == [6]
        assert pool.map(cached, [1, 2]) == [7, 14] and pool.map(Has().method, [1]) == [2]
        assert pool.map(uses, [3]) == [(27, "number", "thing", 3)] and pool.map(kind, [1, ""]) == ["number", "thing"]
    print("good")
"""

SCRIPTS = {
    "a_class_keeps_its_identity_both_ways": CLASSES,
    "functions_share_one_namespace_and_the_names_are_those_of_the_call": NAMESPACE,
    "imported_modules_are_found": STDLIB,
    "a_module_beside_the_script_that_changed_is_the_one_that_runs": BESIDE,
    "captured_values_are_those_of_the_call": GLOBALS,
    "what_an_initializer_sets_is_found_by_what_comes_later": INITIALIZED,
    "slots_caches_and_generic_functions_go_along": KINDS,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_in_main(launcher: str, tmp_path: Path, name: str) -> None:
    source = f"\n    APART = {is_apart(launcher)}\n" + SCRIPTS[name]
    assert script.run(tmp_path, source, launcher).endswith("good\n")


@daily("serial", "threads", "processes")
def test_a_script_without_a_guard_is_run_once_and_ends_without_a_close(launcher: str, tmp_path: Path) -> None:
    with script.Script(tmp_path, UNGUARDED, launcher) as running:
        out, err = running.end()
        assert (out, err) == ("good\n", "")
        assert running.left() == []
        assert running.heard() == ["main"]
        assert running.is_silent()
