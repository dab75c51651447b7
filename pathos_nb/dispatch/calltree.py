"""A tree of calls: what was seen of each function, by who called it. Bounded, and only ever added to.

A node is a number; a parent's is smaller than its children's, so that totals are one pass from the end to the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["ROOT", "CallTree", "Frame", "Times"]

MOST_NODES = 10_000
MORE = ("(more functions)", "", 0)
ROOT = 0

Frame = tuple[str, str, int]  # name, file, line
Times = list[int]  # samples, then microseconds of each of protocol.KINDS


class CallTree:
    """Functions by their callers.

    Attributes
    ----------
    frames : list of (str, str, int)
        Functions: name, file, line.
    frame_of, parent_of : list of int
        Of each node.
    """

    def __init__(self) -> None:
        self.frames: list[Frame] = [("all", "", 0)]
        self.frame_of, self.parent_of = [0], [ROOT]
        self._is_outer = [False]
        self._numbers: dict[Frame, int] = {self.frames[0]: 0}
        self._children: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self.frame_of)

    def frame(self, frame: Frame) -> int:
        """Give the number of a function."""
        number = self._numbers.get(frame)
        if number is None:
            if len(self.frames) > MOST_NODES and frame != MORE:
                return self.frame(MORE)
            number = self._numbers[frame] = len(self.frames)
            self.frames.append(frame)
        return number

    def node(self, path: Iterable[int]) -> int:
        """Give the node of a stack.

        Parameters
        ----------
        path : iterable of int
            Functions by number, the outermost first.

        Returns
        -------
        int
            Where there are too many nodes, that of a part of the stack.
        """
        at = ROOT
        for frame in path:
            child = self.below(at, frame)
            if child == at:
                return at
            at = child
        return at

    def below(self, at: int, frame: int) -> int:
        """Give the node of a function that another one has called.

        Parameters
        ----------
        at : int
            The other one's node.
        frame : int
            The function, by number.

        Returns
        -------
        int
            Where there are too many nodes, the other one's.
        """
        child = self._children.get((at, frame))
        if child is None:
            if len(self) >= MOST_NODES:
                return at
            child = self._children[at, frame] = len(self)
            self._is_outer.append(not self._is_inside(at, frame))
            self.frame_of.append(frame)
            self.parent_of.append(at)
        return child

    def _is_inside(self, node: int, frame: int) -> bool:
        while node != ROOT:
            if self.frame_of[node] == frame:
                return True
            node = self.parent_of[node]
        return False

    def path(self, node: int) -> list[int]:
        """Give the nodes from the outermost function to this one."""
        found = []
        while node != ROOT:
            found.append(node)
            node = self.parent_of[node]
        return found[::-1]

    def totals(self, own: Mapping[int, Sequence[int]]) -> dict[int, Times]:
        """Give for each node what was seen in it and in what it called.

        Parameters
        ----------
        own : mapping
            What was seen in each node itself.

        Returns
        -------
        dict
            Of nodes in which something was seen.
        """
        found: dict[int, Times] = {node: list(times) for node, times in own.items()}
        for node in range(len(self) - 1, 0, -1):
            if (times := found.get(node)) is not None:
                whole = found.setdefault(self.parent_of[node], [0] * len(times))
                for place, amount in enumerate(times):
                    whole[place] += amount
        return found

    def outermost(self, nodes: Iterable[int]) -> Iterator[int]:
        """Give those nodes whose function is not among its own callers: what recursion adds counts once."""
        return (node for node in nodes if self._is_outer[node])
