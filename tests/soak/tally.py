"""Which faults came in a soak, and where: counted, told as a table, and what never came named."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from tests.soak.schedule import HERE, NAMED, Pair

__all__ = ["Tally"]


class Tally:
    """Faults that came in time, by kind and place.

    Attributes
    ----------
    n_of : Counter
        Of each kind at each place, how many.
    """

    def __init__(self) -> None:
        self.n_of = Counter[Pair]()

    def add(self, kind: str, place: str, n: int = 1) -> None:
        """Count some."""
        if n > 0:
            self.n_of[kind, place] += n

    @property
    def total(self) -> int:
        """How many there were."""
        return self.n_of.total()

    def table(self) -> str:
        """Give a line for each kind: where, and how often."""
        lines = defaultdict(list)
        for (kind, place), n in sorted(self.n_of.items()):
            lines[kind].append(f"{place} {n}")
        return "\n".join(f"  {kind}: {', '.join(where)}" for kind, where in lines.items()) or "  none"

    def missing(self, possible: Iterable[Pair], absent: Mapping[str, str]) -> str:
        """Say what never came, in a line: kinds, places, and kinds at a place.

        Parameters
        ----------
        possible : iterable
            What can be done here (`schedule.pairs`).
        absent : mapping
            What this machine cannot raise, and why.
        """
        pairs = {pair for pair in possible if pair[0] in NAMED}
        kinds = [kind for kind in NAMED if not any(k == kind for k, _ in self.n_of)]
        hurt = {place for _, place in self.n_of}
        places = sorted({place for _, place in pairs} - hurt - {HERE})
        rest = [f"{k} at {p}" for k, p in sorted(pairs - set(self.n_of)) if k not in kinds and p not in places]
        without = [f"no {what}: {why.splitlines()[0]}" for what, why in absent.items()]
        told = [*kinds, *(f"anything at {place}" for place in places), *rest]
        if not told and not without:
            return "every fault came, at every place"
        return f"never came: {', '.join(told) or 'nothing'}{''.join(f'; {each}' for each in without)}"
