"""The body of a cell as the function of a point."""

from __future__ import annotations

import pickle
import subprocess
import sys
import traceback

import cloudpickle
import pytest
from IPython.core.error import UsageError

from pathos_nb.launchers.sourced import Sourced
from pathos_nb.notebook.body import assigned_last, compile_body, compile_expression, is_silenced


def body(source: str, names: tuple[str, ...] = ("x",), namespace: dict | None = None, name: str = "<body>") -> Sourced:
    return compile_body(
        source, names, {} if namespace is None else namespace, header="%%pmap for x in xs", filename=name
    )


VALUES = {
    "last expression": ("y = x + 1\ny * 2", 8),
    "hidden value": ("x * 2;", 6),
    "no value": ("y = x", None),
    "early return": ("if x > 2:\n    return 'early'\nx", "early"),
    "early return of nothing": ("if x > 2:\n    return\nx", None),
    "own function": ("def double(v):\n    return v * 2\ndouble(x)", 6),
    "generator inside": ("def each():\n    yield x\nlist(each())", [3]),
    "lambda inside": ("(lambda v: v + x)(1)", 4),
    "coroutine inside": (
        "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return x\nasyncio.run(f())",
        3,
    ),
    "class inside": ("class A:\n    v = 5\nA.v + x", 8),
    "comprehension": ("[x * k for k in range(3)]", [0, 3, 6]),
    "only a string": ("'hello'", "hello"),
    "indented as in its loop": ("    y = x\n    y + 1", 4),
    "comment at the end": ("x + 1  # done", 4),
    "modulo at a line's start": ("(x\n% 2)", 1),
}


@pytest.mark.parametrize(("source", "value"), VALUES.values(), ids=VALUES.keys())
def test_the_last_expression_is_the_value(source, value):
    assert body(source)(3) == value


def test_names_of_the_body_stay_in_it_and_those_of_the_notebook_are_seen_as_they_are_now():
    namespace = {"scale": 2}
    function = body("y = x * scale\ny", namespace=namespace)
    assert function(3) == 6
    namespace["scale"] = 5
    assert function(3) == 15
    assert set(namespace) - {"__builtins__"} == {"scale"}


def test_global_writes_into_the_notebook_where_it_runs_there():
    namespace: dict = {}
    body("global seen\nseen = x", namespace=namespace)(4)
    assert namespace["seen"] == 4


WRONG = {
    "": "the cell has no body",
    "# nothing": "the cell has no body",
    "yield x": "line 2: a point gives one value and cannot yield",
    "y = 1\nz = yield from y": "line 3: a point gives one value and cannot yield",
    "await x": "line 2: a worker has no event loop",
    "async with x: pass": "line 2: a worker has no event loop",
    "async for y in x: pass": "line 2: a worker has no event loop",
    "[y async for y in x]": "a worker has no event loop",
    "!ls": "line 2 is for IPython, but a worker runs plain Python: !ls",
    "y = 1\n%time y": "line 3 is for IPython, but a worker runs plain Python: %time y",
    "y = !ls": "line 2 is for IPython",
    "y = %pmap f(x) for x in y": "line 2 is for IPython",
    "%%time\nx": "line 2 is for IPython",
    "x?": "line 2 is for IPython",
    "y = = 3": "line 2 is not Python (invalid syntax): y = = 3",
    "x +": "line 2 is not Python",
    "from os import *": "line 2: import * only allowed at module level",
    "x = 1\nglobal x": "line 3: name 'x'",
    "break": "line 2: 'break' outside loop",
    "'abc": "line 2 is not Python",
}


@pytest.mark.parametrize("source", WRONG, ids=lambda source: source.replace("\n", "; ") or "nothing")
def test_what_no_worker_could_run_is_refused_in_one_line(source):
    with pytest.raises(UsageError) as caught:
        body(source)
    assert WRONG[source] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["x;", "x; # quiet", "y = 1\nx;\n\n", "  x;"])
def test_a_trailing_semicolon_silences(source):
    assert is_silenced(source)


@pytest.mark.parametrize("source", ["x", "a; b", "';'", "x # ;", "# ;"])
def test_any_other_semicolon_does_not(source):
    assert not is_silenced(source)


def test_a_traceback_shows_the_line_that_the_editor_shows():
    function = body("y = x\ny / 0", name="<%%pmap In[7]>")
    with pytest.raises(ZeroDivisionError) as caught:
        function(1)
    text = "".join(traceback.format_exception(caught.value))
    assert 'File "<%%pmap In[7]>", line 3, in point\n    y / 0' in text


def test_a_travelled_function_is_the_bare_one_and_still_shows_its_lines():
    namespace = {"__name__": "__main__"}
    payload = cloudpickle.dumps(body("x / 0", namespace=namespace, name="<far away>"))
    far = """
import pickle, sys, traceback
f = pickle.load(sys.stdin.buffer)
assert type(f).__name__ == 'function'
try:
    f(1)
except ZeroDivisionError:
    traceback.print_exc()
"""
    done = subprocess.run([sys.executable, "-c", far], input=payload, capture_output=True, timeout=30)
    assert b'File "<far away>", line 2, in point\n    x / 0' in done.stderr


def test_an_expression_becomes_a_function():
    namespace = {"f": lambda v: v + 1}
    function = compile_expression("f(x) * y", ("x", "y"), namespace, filename="<line>")
    assert function(1, 10) == 20


def test_a_wrapper_pickles_what_it_wraps():
    assert pickle.loads(pickle.dumps(Sourced(len, "<built in>", ""))) is len


LAST_LINES = {
    "y = f(x)": "y",
    "a = b = x": "b",
    "a, b = x": "(a, b)",
    "y: int = x": "y",
    "total += x": "total",
    "y = x\ny": "",
    "y = x\nprint(y)": "",
    "d['x'] = x": "",
    "if x:\n    return x\ny = x": "",
    "if x:\n    return\ny = x": "y",
    "y: int": "",
}


@pytest.mark.parametrize("source", LAST_LINES, ids=lambda source: source.replace("\n", "; "))
def test_a_body_that_ends_by_assigning_is_known(source):
    assert assigned_last(source) == LAST_LINES[source]
