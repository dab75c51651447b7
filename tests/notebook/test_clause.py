"""The for clause is Python's own comprehension grammar, and nothing else."""

from __future__ import annotations

import itertools
import linecache
import time

import pytest
from IPython.core.error import UsageError

from pathos_nb.notebook.clause import read_clause, read_comprehension

NAMES = {"xs": [1, 2, 3], "ys": [10, 20, 30], "ok": lambda x: x != 2, "rows": [(1, (2, 3, 4)), (5, (6, 7, 8))]}

CLAUSES = {
    "one": ("for x in xs", ("x",), [(1,), (2,), (3,)]),
    "grid": ("for x in xs for y in ys[:2]", ("x", "y"), [(x, y) for x in (1, 2, 3) for y in (10, 20)]),
    "pairs": ("for x, y in zip(xs, ys)", ("x", "y"), [(1, 10), (2, 20), (3, 30)]),
    "filter": ("for x in xs if ok(x)", ("x",), [(1,), (3,)]),
    "filters": ("for x in xs if x > 1 if ok(x)", ("x",), [(3,)]),
    "dependent": ("for n in xs for k in range(n)", ("n", "k"), [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]),
    "nested target": ("for a, (b, *rest) in rows", ("a", "b", "rest"), [(1, 2, [3, 4]), (5, 6, [7, 8])]),
    "name bound twice": ("for x in xs for x in [x * 2]", ("x",), [(2,), (4,), (6,)]),
    "comment": ("for x in xs  # all of them", ("x",), [(1,), (2,), (3,)]),
    "braces": ("for x in {1, 2} | {3}", ("x",), [(1,), (2,), (3,)]),
    "format": ("for m in [f'run{x}' for x in xs]", ("m",), [("run1",), ("run2",), ("run3",)]),
    "lambda": ("for x in map(lambda v: v + 1, xs)", ("x",), [(2,), (3,), (4,)]),
    "two iterables": ("for x in (xs if xs else ys)", ("x",), [(1,), (2,), (3,)]),
    "empty": ("for x in []", ("x",), []),
    "minus": ("for x in [3 - 1, 4 -1]", ("x",), [(2,), (3,)]),
    "dashes in a string": ("for x in ['--out']", ("x",), [("--out",)]),
}


@pytest.mark.parametrize(("text", "names", "points"), CLAUSES.values(), ids=CLAUSES.keys())
def test_a_clause_gives_the_points_that_nested_loops_would(text, names, points):
    clause = read_clause(text, "%%pmap", "<clause>")
    namespace = dict(NAMES)
    assert clause.names == names
    found = clause.points(namespace)
    assert found.is_all and found.rows() is found.read
    assert found.read == points
    assert set(namespace) - set(NAMES) <= {"__builtins__"}, "the targets must not leak into the notebook"


WRONG = {
    "": "wants a for clause: %%pmap [options] for NAME in ITERABLE",
    "x in xs": "wants a for clause",
    "f(x) for x in xs": "belongs into the cell's body",
    "-- for x in xs": "belongs into the cell's body",
    "async for x in xs": "before for belongs into",
    "for x in xs async for y in ys": "async for has no place here",
    "for x in (y := xs)": "a walrus has no place in a for clause",
    "for x in xs if (y := x)": "a walrus has no place in a for clause",
    "for x.y in xs": "for binds names only, not x.y",
    "for d['x'] in xs": "for binds names only",
    "for () in xs": "binds no name",
    "for x in xs] + [1": "and nothing after it",
    "for x in xs -o out": "options come before for: move -o",
    "for x in xs --bg": "options come before for: move --bg",
    "for x in xs --timeout 3": "options come before for: move --timeout",
    "for x xs": "cannot read 'for x xs'",
    "for x in xs if await y": "cannot await or yield",
    "for x in xs if (yield)": "cannot await or yield",
    "for 1 in xs": "cannot read",
    "for x in xs:": "write it without the colon at its end: %%pmap for x in xs",
    "for x in xs if x:  # all": "write it without the colon at its end: %%pmap for x in xs if x",
    "[x for x in xs]": "the clause stands without brackets: %%pmap for x in xs",
    "(x for x in xs if x > 1)": "the clause stands without brackets: %%pmap for x in xs if x > 1",
    "[f(x) for x in xs]:": "%%pmap for x in xs, and f(x) goes into the cell's body",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text or "nothing")
def test_what_is_no_clause_is_refused_in_one_line_that_says_what_was_meant(text):
    with pytest.raises(UsageError) as caught:
        read_clause(text, "%%pmap", "<clause>")
    assert WRONG[text] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_comprehension_gives_its_expression_and_its_points():
    source, clause = read_comprehension("score(m, {1: '}'}) for m in xs", "%pmap", "<clause>")
    assert source == "score(m, {1: '}'})"
    assert clause.points(dict(NAMES)).read == [(1,), (2,), (3,)]


def test_the_expression_may_hold_a_comprehension_itself():
    source, clause = read_comprehension("[k for k in range(x)] for x in xs", "%pmap", "<clause>")
    assert (source, clause.names) == ("[k for k in range(x)]", ("x",))


def test_a_comprehension_with_brackets_or_a_colon_is_told_how_it_is_written():
    for text in ("[f(x) for x in xs]", "(f(x) for x in xs)", "f(x) for x in xs:"):
        with pytest.raises(UsageError, match=r"without.*%pmap f\(x\) for x in xs$"):
            read_comprehension(text, "%pmap", "<clause>")


@pytest.mark.parametrize("text", ["", "for x in xs", "x, y for x in xs", "f(x)", "(a := x) for x in xs"])
def test_what_is_no_comprehension_is_refused(text):
    with pytest.raises(UsageError, match="%pmap|walrus"):
        read_comprehension(text, "%pmap", "<clause>")


def test_an_error_of_the_users_own_expression_comes_through_with_its_line():
    clause = read_clause("for x in 1 / 0", "%%pmap", "<clause of a test>")
    with pytest.raises(ZeroDivisionError) as caught:
        clause.points({})
    assert caught.traceback[-1].lineno == 0
    assert linecache.getline("<clause of a test>", 1).strip() == "for x in 1 / 0"


def test_the_points_are_those_of_itertools():
    clause = read_clause("for a in xs for b in ys for c in 'pq'", "%%pmap", "<clause>")
    assert clause.points(dict(NAMES)).read == list(itertools.product([1, 2, 3], [10, 20, 30], "pq"))


def test_an_iterator_that_ends_soon_is_read_to_its_end():
    points = read_clause("for x, y in zip(xs, ys)", "%%pmap", "<clause>").points(dict(NAMES))
    assert points.is_all and len(points.read) == 3


def test_a_clause_without_an_end_is_left_to_whoever_takes_the_points():
    clause = read_clause("for x in count() for y in range(2)", "%%pmap", "<clause>")
    points = clause.points({"count": itertools.count})
    n_begun = len(points.read)
    assert not points.is_all and n_begun < 200_000
    rows = points.rows()
    assert list(itertools.islice(rows, n_begun + 3)) == points.read
    assert len(points.read) == n_begun + 3, "no further than was asked for"
    with pytest.raises(UsageError, match=r"--bg has to read all points first.*itertools\.islice"):
        points.read_all()


def test_what_tells_its_length_is_read_to_its_end_and_can_go_on_but_not_what_could_never_be_held(monkeypatch):
    monkeypatch.setattr("pathos_nb.notebook.points._MOST", 1000)
    monkeypatch.setattr("pathos_nb.notebook.points._MOST_OF_MORE", 128)
    for n, n_read in ((1000, 1000), (1001, 128), (10**30, 128)):
        points = read_clause("for x in range(n)", "%%pmap", "<clause>").points({"n": n})
        assert len(points.read) == n_read
        assert len(list(itertools.islice(points.rows(), 1001))) == min(n, 1001)


def test_a_slow_iterator_does_not_keep_the_run_from_its_start():
    clock = itertools.count()

    def slow():
        for value in range(3):
            time.sleep(0.2)
            yield value + 0 * next(clock)

    points = read_clause("for x in slow()", "%%pmap", "<clause>").points({"slow": slow})
    assert not points.is_all and next(clock) < 3
    points.read_all()
    assert points.is_all and points.read == [(0,), (1,), (2,)]
