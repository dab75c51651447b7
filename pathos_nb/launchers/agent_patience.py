"""How long an agent may hear nothing before it takes itself for forgotten: said by the pool, with each beat.

An agent whose system sees whether the way here is cut (`agent_silence`) can be patient with silence itself. Behind a
jump host nothing is seen, and silence has to do. But a process that holds its interpreter is silent as well, and an
agent that ends for it takes the items of its workers along. So three beats are the measure only as long as this
process has always spoken in time: once it was late by two thirds of a beat, it is known to be one that may be, and asks
for as much patience as any. That is said while it speaks, so that what it learns costs an agent once at the most.
"""

from __future__ import annotations

from pathos_nb.launchers import agent_messages as messages

__all__ = ["Patience"]

_LATE_BEATS = 2 / 3


class Patience:
    """What is asked of an agent.

    Parameters
    ----------
    beat_s : float
        How often this side says that it is there.
    longest_s : float
        What is asked of an agent that sees a cut by itself, or whose pool may be late.
    is_direct : bool
        Whether its system can see a cut.

    Attributes
    ----------
    seconds : float
        How long it may hear nothing.
    """

    def __init__(self, beat_s: float, longest_s: float, is_direct: bool) -> None:
        self._late_s, self._longest_s = _LATE_BEATS * beat_s, longest_s
        self.seconds = longest_s if is_direct else min(longest_s, messages.JUMP_BEATS * beat_s)

    def note(self, late_s: float) -> None:
        """Learn how late this process was with what it had to do."""
        if late_s > self._late_s:
            self.seconds = self._longest_s
