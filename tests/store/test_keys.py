"""Keys: the same for the same in every kernel, another for whatever a worker would see."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pathos_nb.dispatch.store import keys
from pathos_nb.dispatch.store.canonical import digest
from pathos_nb.dispatch.store.keys import function_key, is_plain
from pathos_nb.errors import CannotKey
from tests.source import ROOT

NUMBER_2 = "2899ee729afeb9865704e278845f330a49d8139e13f9116bf4bcd545e32b93b0"

EVERYTHING = """
import abc, collections, dataclasses, datetime, enum, functools, math, pathlib, re
import numpy as np
K = 3
@dataclasses.dataclass
class P:
    a: int = 1
    b: list = dataclasses.field(default_factory=list)
    def area(self): return self.a * K
class Col(enum.Enum):
    RED = 1
    BLUE = 2
class Base(abc.ABC):
    __slots__ = ("x", "y")
    @abc.abstractmethod
    def go(self): ...
    @property
    def p(self): return helper(1)
    @staticmethod
    def s(): return {"a", "b"}
class Sub(Base):
    def go(self):
        self.zz = 1
        return super().s()
@functools.lru_cache
def helper(x):
    return x + K if x else recur(x)
def recur(x): return helper(x) if x in {"a", "b", "c", "d"} else recur(x - 1)
part = functools.partial(helper, 3)
s = {"p", "q", "r", ("t", frozenset(["u", "v", "w"]))}
arr = np.arange(12.0).reshape(3, 4)
rng = np.random.default_rng(3)
NT = collections.namedtuple("NT", "a b")
lam = lambda z, q=[1]: (z, s, arr[::2], P(2), Col.RED, Sub, NT(1, 2), part(z), math.pi, np.linalg.norm, rng,
    re.compile("a+"), datetime.date(2020, 1, 1), pathlib.Path("x"), collections.Counter("aab"))
def body(alpha):
    class Inner:
        v = alpha
        def f(self): self.q = 1; self.r = 2
    return lam(alpha), Inner
"""
PROGRAM = """
import sys, __main__
lines, text = int(sys.argv[1]), sys.argv[2]
exec(compile('\\n' * lines + text, f'<ipython-input-{lines}>', 'exec'), __main__.__dict__)
from pathos_nb.dispatch.store.keys import function_key
key = function_key(__main__.body, names=('alpha',))
print(key.digest.hex(), key.points([(1,), ('a',), (__main__.np.float64(2.5),), (__main__.arr,), (__main__.s,)]).hex())
"""


def in_a_fresh_process(text: str, seed: int, lines: int = 0) -> str:
    pytest.importorskip("numpy")
    command = [sys.executable, "-c", PROGRAM, str(lines), text]
    environ = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environ, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_fresh_process_with_other_hashes_files_and_lines_makes_the_same_keys():
    assert in_a_fresh_process(EVERYTHING, 1) == in_a_fresh_process(EVERYTHING, 2, lines=7)


def made(text: str, **names: object):
    space: dict = {"__name__": "__main__", **names}
    exec(compile(TYPES, "<cell>", "exec"), space)
    exec(compile(text, "<cell>", "exec"), space)
    return space["body"]


TYPES = """
from functools import cached_property
from typing import Generic, TypeVar
T, U = TypeVar("T"), TypeVar("U", bound=int)
"""
BODY = (
    "def helper(v): return v + k\nclass A:\n    def m(self): return 1\ndef body(v): return helper(v), A().m(), k\nk = 1"
)
CHANGES = {
    "a constant": ("v + k", "v + k + 0"),
    "a helper's default": ("helper(v)", "helper(v, w=2)"),
    "a method": ("return 1", "return 2"),
    "a captured value": ("k = 1", "k = 1.0"),
    "the body": ("A().m(), k", "A().m(), -k"),
    "an array's middle": ("k = 1", "import numpy\nk = numpy.zeros(10_000); k[5_000] = 1"),
    "a set": ("k = 1", "k = {1, 2, 3}"),
    "a property that is computed once": ("    def m(", "    @cached_property\n    def n(self): return 3\n    def m("),
    "a class with a type's name": ("class A:", "class A(Generic[T]):"),
    "a type's name": ("k = 1", "k = U"),
}


@pytest.mark.parametrize(("old", "new"), CHANGES.values(), ids=CHANGES.keys())
def test_what_a_worker_would_see_changed_is_another_key(old, new):
    if "numpy" in new:
        pytest.importorskip("numpy")
    before, after = digest(made(BODY)), digest(made(BODY.replace(old, new, 1)))
    assert before != after
    assert after == digest(made("\n\n# a comment\n" + BODY.replace(old, new, 1)))


def test_two_arrays_that_look_alike_when_printed_are_two():
    numpy = pytest.importorskip("numpy")
    one, other = numpy.zeros(10_000), numpy.zeros(10_000)
    other[5_000] = 1
    assert digest(one) != digest(other) != digest(other.reshape(100, 100)) != digest(other.astype("f4"))
    assert digest(other[::2]) == digest(other[::2].copy())


def test_an_arrays_order_in_memory_tells_and_what_lies_between_its_fields_does_not():
    numpy = pytest.importorskip("numpy")
    rows = numpy.arange(6.0).reshape(2, 3)
    assert digest(rows) != digest(numpy.asfortranarray(rows)) == digest(rows.T.copy().T)
    assert digest(numpy.arange(6.0)) == digest(numpy.asfortranarray(numpy.arange(6.0)))
    kind = numpy.dtype([("a", "i1"), ("b", "f8"), ("c", [("d", "i2"), ("e", "i1")])], align=True)
    one, other = numpy.zeros(3, kind), numpy.zeros(3, kind)
    one.view("u1")[:] = 255
    for name in ("a", "b"):
        one[name] = other[name]
    one["c"]["d"] = one["c"]["e"] = 0
    assert bytes(one) != bytes(other) and digest(one) == digest(other)
    other["c"]["e"][1] = 1
    assert digest(one) != digest(other)


def test_values_that_are_equal_to_python_and_not_to_a_function_are_told_apart():
    key = function_key(len)
    rows = [
        (1,),
        (1.0,),
        (True,),
        ("1",),
        (b"1",),
        (None,),
        (0.0,),
        (-0.0,),
        ((1,),),
        ([1],),
        ({1},),
        ({1: None},),
        (1j,),
    ]
    assert len({key.point(row) for row in rows}) == len(rows)
    assert not is_plain(rows) and is_plain(rows[:3])


def test_parts_of_a_value_that_are_one_list_are_not_two_that_are_equal():
    part = [1, 2]
    assert digest([part, part]) != digest([[1, 2], [1, 2]])
    assert digest([[0] * 3] * 3) == digest([[0] * 3] * 3) != digest([[0] * 3 for _ in range(3)])
    assert digest({"a": (part,), "b": part}) != digest({"a": (part,), "b": [1, 2]})
    key, other = function_key(len), [1, 2]
    assert key.point((part, part)) == key.point((part, other)), "two arguments are two values"
    one, two = made("def body(v): return a, b\na = b = [1]"), made("def body(v): return a, b\na, b = [1], [1]")
    assert digest(one) == digest(two), "so are two names"


def test_parts_of_a_value_that_are_one_array_are_not_two_that_are_equal():
    numpy = pytest.importorskip("numpy")
    part = numpy.arange(3)
    assert digest([part, part]) != digest([part, part.copy()])


def test_which_objects_happen_to_be_one_does_not_tell_where_nobody_can_change_them():
    part = (1, (2,))
    assert digest([part, part]) == digest([(1, (2,)), (1, (2,))])
    assert digest({"ab", "cd"}) == digest({"cd", "ab"}) and digest(("x" * 3, "xxx")) == digest(("xxx", "xxx"))
    around: list = [1]
    around.append(around)
    assert digest(around) == digest(around)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch):
    """Give what writes a module beside the notebook; they are forgotten at the end."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = set(sys.modules)

    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def fresh(name: str):
    return importlib.reload(importlib.import_module(name))


def test_a_module_beside_the_notebook_is_its_text_and_that_of_the_modules_it_uses(beside):
    beside("mine_below.py", "def g(): return 1\n")
    beside("mine_above.py", "from mine_below import g\ndef f(v): return g() + v\n")
    before = digest(fresh("mine_above").f)
    beside("mine_below.py", "def g(): return 2\n")
    fresh("mine_below")
    with pytest.raises(CannotKey, match=r"mine_below\.py has changed since"):
        digest(sys.modules["mine_above"].f)  # its g is the old one
    after = digest(fresh("mine_above").f)
    assert after != before
    beside("mine_below.py", "def g(): return 1\n")
    fresh("mine_below")
    assert digest(fresh("mine_above").f) == before


@pytest.mark.parametrize("text", ["K = 2\ndef f(v): return v\n", "K = 1\ndef f(v): return v + 1\n", "K = (\n"])
def test_a_module_that_was_edited_and_not_reloaded_has_no_key(beside, text):
    old = "K = 1\ndef f(v): return v\n"
    beside("mine_edited.py", old)
    before = digest(fresh("mine_edited").f)
    beside("mine_edited.py", text)
    with pytest.raises(CannotKey, match=r"mine_edited\.py (has changed since it was imported: reload|cannot be comp)"):
        digest(sys.modules["mine_edited"].f)
    beside("mine_edited.py", old)
    assert digest(sys.modules["mine_edited"].f) == before
    if "(\n" not in text:
        beside("mine_edited.py", text)
        assert digest(fresh("mine_edited").f) != before


def test_a_constant_that_was_edited_before_its_module_was_first_used_is_seen(beside, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    beside("mine_constant.py", "K = 1\ndef f(v): return v * K\n")
    os.utime(tmp_path / "mine_constant.py", (1e9, 1e9))
    module = fresh("mine_constant")
    beside("mine_constant.py", "K = 2\ndef f(v): return v * K\n")
    with pytest.raises(CannotKey, match=r"mine_constant\.py has changed since it was imported"):
        digest(module.f)
    os.utime(tmp_path / "mine_constant.py", (1.1e9, 1.1e9))
    importlib.reload(module)
    after = digest(module.f)
    os.utime(tmp_path / "mine_constant.py")
    assert digest(module.f) == after, "a file that was touched is the same"


def test_a_module_that_was_edited_before_it_was_first_used_has_no_key(beside):
    beside("mine_early.py", "class A:\n    @property\n    def p(self): return 1\n")
    module = fresh("mine_early")
    beside("mine_early.py", "class A:\n    @property\n    def p(self): return 2\n")
    with pytest.raises(CannotKey, match=r"mine_early\.py has changed since it was imported"):
        digest(module.A)


def test_functions_that_were_patched_in_place_are_those_of_the_new_text(beside):
    beside("mine_patched.py", "def f(v): return 1\n")
    module = fresh("mine_patched")
    before = digest(module.f)
    beside("mine_patched.py", "# autoreload does so\ndef f(v): return 2\n")
    space: dict = {}
    exec(compile("def f(v): return 2", "<string>", "exec", dont_inherit=True), space)
    module.f.__code__ = space["f"].__code__
    assert digest(module.f) != before


IMPORTS = {
    "in the body": "def body(v):\n    import mine_inside\n    return mine_inside.h(v)",
    "of a name": "def body(v):\n    from mine_inside import h\n    return h(v)",
    "in a helper": "def helper(v):\n    import mine_inside as m\n    return m.h(v)\ndef body(v): return helper(v)",
    "in code inside": "def body(v):\n    def inner():\n        import mine_inside\n    return inner()",
    "of a submodule": "def body(v):\n    from minepack import used\n    return used.h(v)",
    "below a module": "def body(v):\n    import mine_upper\n    return mine_upper.h(v)",
}


@pytest.mark.parametrize("text", IMPORTS.values(), ids=IMPORTS.keys())
def test_what_the_code_imports_when_it_runs_is_in_its_key_imported_yet_or_not(beside, text):
    beside("minepack/__init__.py", "")
    beside("mine_upper.py", "def h(v):\n    from minepack.used import h\n    return h(v)\n")
    beside("minepack/used.py", "def h(v): return v\n")
    beside("mine_inside.py", "def h(v): return v\n")
    function = made(text)
    before = digest(function)
    assert not {"mine_inside", "minepack.used", "mine_upper"} & set(sys.modules), "nothing is imported for a key"
    function(1)
    assert digest(function) == before
    for name in ("minepack.used", "mine_inside"):
        beside(name.replace(".", "/") + ".py", "def h(v): return v + 50\n")
        if name in sys.modules:
            fresh(name)
    assert digest(made(text)) != before


def test_what_else_of_its_package_happens_to_be_imported_does_not_tell(beside):
    beside("minepack/__init__.py", "")
    beside("minepack/used.py", "def f(v): return v\n")
    beside("minepack/other.py", "def g(v): return v\n")
    used = fresh("minepack.used")
    before = digest(used.f)
    fresh("minepack.other")
    assert digest(used.f) == before
    beside("minepack/__init__.py", "VERSION = 2\n")
    fresh("minepack")
    assert digest(used.f) != before


def test_a_seed_makes_the_place_of_a_point_part_of_its_key():
    plain, seeded = function_key(abs), function_key(abs, seed=1)
    assert plain.point((1,), 0) == plain.point((1,), 5) and seeded.point((1,), 0) != seeded.point((1,), 5)
    assert seeded.digest != function_key(abs, seed=2).digest != function_key(abs, {"k": 1}).digest


REFUSED = {"a lock": threading.Lock(), "a generator": (i for i in ()), "an open file": sys.__stdout__}


@pytest.mark.parametrize("thing", REFUSED.values(), ids=REFUSED.keys())
def test_what_has_no_content_has_no_key_and_the_refusal_names_it(thing):
    with pytest.raises(CannotKey, match=f"helper, which uses thing is a {type(thing).__name__}, whose content nothing"):
        digest(made("def helper(): return thing\ndef body(v): return helper()", thing=thing))


def test_what_is_nested_for_ever_is_refused():
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(CannotKey, match="nested too deeply"):
        digest(deep)


def test_a_value_is_written_as_the_number_of_keys_says():
    numpy, shared = pytest.importorskip("numpy"), [1]
    padded = numpy.zeros(2, numpy.dtype([("a", "i1"), ("b", "f8")], align=True))
    values = [
        1,
        -2.5,
        1j,
        "ä",
        b"b",
        None,
        True,
        (1, [2]),
        {"k": {3, 4}},
        [shared, shared],
        [[1], [1]],
        bytearray(b"c"),
    ]
    arrays = [numpy.ones((2, 3)), numpy.asfortranarray(numpy.ones((2, 3))), padded, numpy.float32(2)]
    assert digest((*values, *arrays)).hex() == NUMBER_2, "another way to write values is another number of keys"
    assert keys._VERSION == b"pathos_nb key 2"
