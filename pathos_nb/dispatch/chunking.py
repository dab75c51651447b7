"""How many items to send next: a pure function of what was measured.

With ``w`` a slot, ``mu_w`` its measured seconds an item, ``o_w`` its overhead a chunk, ``R`` the items left and
``fair_w = R · (1/mu_w) / Σ(1/mu)``::

    k = max(fair_w / 2, min(fair_w, 10 · o_w / mu_w), o_w / mu_w)

at most twice the last chunk or one millisecond's worth, and under a cap of bytes and of seconds. Half of the fair share
each time is factoring weighted by measured speed; the second term keeps the overhead under a tenth while enough is
left; the third keeps the last crumbs together, which take longer to send than to do.

Towards the end two more questions count, as a slow worker may begin an item that all others then wait for:

* an item is left to the others if they will have done all that is left sooner (`is_better_left`);
* what an idle worker takes over is as much as lets both end together, by their speeds (`taken_over`).

References
----------
Hummel, Schmidt, Uma & Wein (1996), Load-sharing in heterogeneous systems via weighted factoring.
Cariño & Banicescu (2008), Dynamic load balancing with adaptive factoring methods in scientific applications.
Yang & Casanova (2003), UMR: a multi-round algorithm for scheduling divisible workloads.
"""

from __future__ import annotations

import math

from pathos_nb.typed import NamedTuple

MAX_CHUNK_S = 0.25
FAR_S = 5e-3  # a round trip from which on a worker is sent two chunks before it has reported any
CUT_S = 2 * MAX_CHUNK_S  # a worker gives back then what it has not begun: its items take longer than those before
MAX_CHUNK_BYTES = 1 << 23
OVERHEAD_FACTOR = 10.0
FREE_GROWTH_S = 1e-3
TRIAL_ITEMS = 1 << 14


class Measured(NamedTuple):
    """What is known of a slot in a run: seconds an item, seconds of overhead a chunk, bytes an item, last chunk."""

    item_s: float
    overhead_s: float
    item_bytes: float
    last: int


def _growth(slot: Measured, item_s: float) -> float:
    """How large a chunk may be, seeing the last: a mistake of a millisecond does no harm, a longer one might."""
    return max(2 * slot.last, FREE_GROWTH_S / item_s)


def next_size(slot: Measured | None, left: int, speed_share: float) -> int:
    """Give the size of the next chunk for a slot.

    Parameters
    ----------
    slot : Measured or None
        None before the slot's first chunk has come back.
    left : int
        Items not yet sent; where the length is unknown, the room in the window.
    speed_share : float
        This slot's part of the speed of all slots, in (0, 1].

    Returns
    -------
    int
        At least 1, at most `left` (if that is not 0).
    """
    if slot is None or left <= 1:
        return 1
    item_s = max(slot.item_s, 1e-9)
    fair = left * speed_share
    floor = slot.overhead_s / item_s
    size = max(min(fair / 2, _growth(slot, item_s)), min(fair, OVERHEAD_FACTOR * floor), floor)
    size = min(size, MAX_CHUNK_S / item_s, MAX_CHUNK_BYTES / max(slot.item_bytes, 1.0), left)
    return max(1, int(size))


def trial_size(total: int, n_slots: int, n_chunks: int = 1) -> int:
    """Give the size of a run's first chunk for each slot, where items are light: what is not short comes back at once.

    Parameters
    ----------
    total : int
        Items of the run.
    n_slots : int
        How many share them.
    n_chunks : int, optional
        In how many chunks a slot gets its share: of two, the second gives it work while its report is on its way.

    Returns
    -------
    int
        At least 1: an equal share, if that is little to send.
    """
    return max(1, min(-(-total // max(1, n_slots * n_chunks)), TRIAL_ITEMS))


def is_better_left(left: int, speed_share: float, own: int, others: int) -> bool:
    """Tell whether the others will have done all that is left before this slot had done one item of it.

    Parameters
    ----------
    left : int
        Items not yet sent.
    speed_share : float
        This slot's part of the speed of all slots, in (0, 1].
    own, others : int
        Items that this slot, and all others together, have before them; of the latter also one for each, which is as
        much as they may end apart.

    Returns
    -------
    bool
        Never true of slots of equal speed with equally much before them.
    """
    speed_of_others = 1 / speed_share - 1  # in items, during one of this slot's
    return (1 + own) * speed_of_others > left + others


def taken_over(n_items: int, taker_s: float, victim_s: float, head_start_s: float) -> int:
    """Give how many items an idle slot takes over, so that both end at about the same time.

    Parameters
    ----------
    n_items : int
        What the other has not begun.
    taker_s, victim_s : float
        Seconds an item of each.
    head_start_s : float
        How much later than the taker the other can begin with them.

    Returns
    -------
    int
        From 0 to `n_items`.
    """
    size = (n_items * victim_s + head_start_s) / (taker_s + victim_s)
    return max(0, min(n_items, math.ceil(size - 0.5)))


def stream_size(slot: Measured, room: int) -> int:
    """Give the size of the next chunk where the input's end is not known, or values are taken while they come.

    Parameters
    ----------
    slot : Measured
        What is known of the slot.
    room : int
        Items that may be pulled now.

    Returns
    -------
    int
        At least 1: only as many as hide the overhead, so that values come early and evenly.
    """
    item_s = max(slot.item_s, 1e-9)
    size = min(OVERHEAD_FACTOR * slot.overhead_s / item_s, _growth(slot, item_s), room)
    return max(1, int(min(size, MAX_CHUNK_BYTES / max(slot.item_bytes, 1.0))))
