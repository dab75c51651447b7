"""Who waits for whom: the calls of a graph as nodes, which outlive their runs and hold none of their values."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterable, Iterator

from pathos_nb.dispatch.record import duration
from pathos_nb.dispatch.run import Run
from pathos_nb.events import ChunkDone, Event
from pathos_nb.typed import Any

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathos_nb.dispatch.graph_svg import Drawn

__all__ = ["Graph", "Node", "awaited", "link", "node_of"]


class Node:
    """One call of a graph.

    Parameters
    ----------
    run : Run
        The call.

    Attributes
    ----------
    inputs : list of Node
        What it waits for, or has waited for.
    """

    _is_listening = False

    def __init__(self, run: Run) -> None:
        self.run_id, self.label = run.run_id, run.label
        self.inputs: list[Node] = []
        self._known: set[int] = set()  # of the inputs, which stay
        self._awaited: dict[int, list[Callable[[], None]]] = {}
        self._outputs: weakref.WeakSet[Node] = weakref.WeakSet()
        self._run = weakref.ref(run)
        self._last = ("queued", 0, run.total, 0.0)
        run.when_over(self._keep)

    def _keep(self, run: Run) -> None:
        self._last = run.state, run.n_done, run.total, _worked_s(run)

    @property
    def state(self) -> str:
        """``waiting``, or as of a run."""
        run = self._run()
        if run is None or run.is_over:
            return self._last[0]
        return "waiting" if run.state == "queued" else run.state

    def told(self) -> tuple[str, int, int | None, float]:
        """Give state, items done, items in all, and seconds since it began to run."""
        run = self._run()
        if run is None or run.is_over:
            return self._last
        return self.state, run.n_done, run.total, _worked_s(run)

    @property
    def outputs(self) -> list[Node]:
        """The calls that wait for it, as far as anybody still has their results."""
        return sorted(self._outputs, key=_by_number)

    def wait_for(self, other: Node) -> None:
        """Note that it waits for another one."""
        if other is not self and id(other) not in self._known:
            self._known.add(id(other))
            self.inputs.append(other)
            other._outputs.add(self)

    def when_item(self, run: Run, index: int, callback: Callable[[], None]) -> None:
        """Have something called when an item of its run is done, or never will be; many may wait, each for its own."""
        self._awaited.setdefault(index, []).append(callback)
        if not self._is_listening:
            self._is_listening = True
            run.subscribe(self._hear)
            run.when_over(lambda run: self._call(list(self._awaited)))
        elif run.is_over:
            self._call([index])

    def _hear(self, event: Event) -> None:
        if self._awaited and isinstance(event, ChunkDone):
            self._call(event.indices)

    def _call(self, indices: Iterable[int]) -> None:
        for index in indices:
            for callback in self._awaited.pop(index, ()):
                callback()

    def __repr__(self) -> str:
        return f"<Node {self.label} (run {self.run_id}): {self.state}>"


def _worked_s(run: Run) -> float:
    if not run.chunks:  # nobody knows when it began to run
        return 0.0
    return float(max(0.0, (run.ended_at or time.time()) - run.chunks[0].started))


def _by_number(node: Node) -> int:
    return int(node.run_id.partition("-")[0])


def node_of(run: Run) -> Node:
    """Give the node of a run."""
    if run.node is None:
        run.node = Node(run)
    node: Node = run.node
    return node


def link(run: Run, inputs: Iterable[Run]) -> None:
    """Note that a run waits for others."""
    node = node_of(run)
    for each in {id(other): other for other in inputs}.values():
        node.wait_for(node_of(each))


def awaited(run: Run) -> list[str]:
    """Say in a sentence which calls a run waits for, if it does."""
    if run.state != "queued" or run.node is None:
        return []
    names = [node.label for node in run.node.inputs if node.state in ("waiting", "running")]
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return [f"it waits for {', '.join(names[:3])}{rest}"] if names else []


class Graph:
    """All calls that a call depends on, that depend on it, and so on; shown as a picture in a notebook.

    Parameters
    ----------
    node : Node
        Any of them.
    """

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def nodes(self) -> list[Node]:
        """The calls, each after its inputs."""
        return sorted(_reached(self.node), key=_by_number)

    @property
    def is_over(self) -> bool:
        """Whether all of them have ended."""
        return all(node.state in ("done", "failed", "cancelled") for node in self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def drawn(self) -> list[Drawn]:
        """Give what a picture needs of each."""
        from pathos_nb.dispatch.graph_svg import Drawn

        nodes = self.nodes
        number = {id(node): i for i, node in enumerate(nodes)}
        return [Drawn(node.label, *_said(node), [number[id(each)] for each in node.inputs]) for node in nodes]

    def __repr__(self) -> str:
        from pathos_nb.dispatch.graph_svg import as_text

        return as_text(self.drawn())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from pathos_nb.dispatch.graph_svg import as_picture, as_text

        drawn = self.drawn()
        return {"text/html": as_picture(drawn), "text/plain": as_text(drawn)}


def _said(node: Node) -> tuple[str, str]:
    state, n_done, total, seconds = node.told()
    many = f"{n_done:,} of {'?' if total is None else f'{total:,}'}" if total != 1 else ""
    took = duration(seconds) if seconds and state != "waiting" else ""
    return state, " · ".join(filter(None, [state, many, took]))


def _reached(node: Node) -> list[Node]:
    found, todo = {id(node): node}, [node]
    while todo:
        at = todo.pop()
        for each in (*at.inputs, *at.outputs):
            if id(each) not in found:
                found[id(each)] = each
                todo.append(each)
    return list(found.values())
