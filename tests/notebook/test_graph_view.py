"""A graph in a cell: drawn anew while its calls go on, and no longer."""

from __future__ import annotations

import threading
from typing import Any

from pathos_nb import Pool
from pathos_nb.dispatch.kept import KeptRun
from pathos_nb.notebook.feed import head_of
from pathos_nb.notebook.graph_view import GraphFollower
from pathos_nb.notebook.watch import Watch


class FakePlace:
    def __init__(self) -> None:
        self.pictures: list[tuple[dict[str, str], bool]] = []
        self.is_done = threading.Event()

    def show(self, bundle: dict[str, str], *, is_new: bool) -> int:
        self.pictures.append((bundle, is_new))
        if "▶" not in bundle["text/plain"] and "…" not in bundle["text/plain"]:
            self.is_done.set()
        return 0


class FakeShell:
    class display_formatter:  # noqa: N801 - as IPython has it
        class ipython_display_formatter:  # noqa: N801
            types: Any = {}

            @classmethod
            def for_type(cls, kind: type, show: Any) -> None:
                cls.types[kind] = show

            @classmethod
            def pop(cls, kind: type, default: Any = None) -> None:
                cls.types.pop(kind, default)


def test_each_call_of_a_graph_is_shown_by_the_name_of_its_function() -> None:
    with Pool("threads", nodes=1) as pool:
        first = pool.amap(abs, [-1, -2])
        then = pool.apipe(sum, first)
        named = pool.apipe(sum, first, title="all of it")
        assert then.get(30) == named.get(30) == 3
    heads = [head_of(Watch(call.run, 0.0, 1000))["title"] for call in (first, then, named)]
    assert heads == ["abs", "sum", "all of it"]
    assert [KeptRun(call.run).label for call in (first, then, named)] == heads


def test_the_picture_follows_the_calls_and_ends_with_them() -> None:
    gate, place = threading.Event(), FakePlace()
    follower = GraphFollower(lambda: place)
    follower.install(FakeShell)
    with Pool("threads", nodes=1) as pool:
        last = pool.apipe(abs, pool.apipe(lambda: gate.wait(30) and -3))
        show = FakeShell.display_formatter.ipython_display_formatter.types[type(last.graph)]
        show(last.graph)
        assert place.pictures[0][1]
        assert "waiting" in place.pictures[0][0]["text/plain"]
        gate.set()
        assert last.get(30) == 3
        assert place.is_done.wait(30)
    assert not place.pictures[-1][1]
    assert "✓ [1] abs: done" in place.pictures[-1][0]["text/plain"]
    follower.remove(FakeShell)
    assert not FakeShell.display_formatter.ipython_display_formatter.types


def test_a_graph_that_is_over_is_drawn_once() -> None:
    place = FakePlace()
    follower = GraphFollower(lambda: place)
    with Pool("serial") as pool:
        follower.show(pool.apipe(abs, pool.apipe(abs, -1)).graph)
    assert [is_new for _, is_new in place.pictures] == [True]
