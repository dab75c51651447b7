"""Chunk sizes, whatever was measured: never none, never more than there is, never a sudden leap."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pathos_nb.dispatch.chunking import (
    FREE_GROWTH_S,
    MAX_CHUNK_S,
    OVERHEAD_FACTOR,
    TRIAL_ITEMS,
    Measured,
    is_better_left,
    next_size,
    stream_size,
    taken_over,
    trial_size,
)

slots = st.builds(
    Measured,
    item_s=st.floats(0, 1e4),
    overhead_s=st.floats(0, 10),
    item_bytes=st.floats(0, 1e12),
    last=st.integers(1, 10**6),
)
lefts = st.integers(0, 10**7)
shares = st.floats(1e-6, 1.0)


@given(st.none() | slots, lefts, shares)
def test_a_chunk_is_at_least_one_item_and_at_most_what_is_left(slot: Measured | None, left: int, share: float) -> None:
    assert 1 <= next_size(slot, left, share) <= max(1, left)


@given(slots, lefts, shares)
def test_a_chunk_grows_by_steps(slot: Measured, left: int, share: float) -> None:
    """At most to twice the last, a millisecond's worth, or what hides the overhead, whichever is most."""
    item_s = max(slot.item_s, 1e-9)
    most = max(2 * slot.last, FREE_GROWTH_S / item_s, OVERHEAD_FACTOR * slot.overhead_s / item_s)
    assert next_size(slot, left, share) <= max(1.0, most)


@given(slots, lefts)
def test_a_streams_chunk_fits_its_room(slot: Measured, room: int) -> None:
    assert 1 <= stream_size(slot, room) <= max(1, room)


@given(slots, lefts, shares)
def test_a_chunk_of_more_than_one_item_keeps_to_the_time_cap(slot: Measured, left: int, share: float) -> None:
    size = next_size(slot, left, share)
    assert size == 1 or size * slot.item_s <= MAX_CHUNK_S * 1.001


@given(lefts, shares)
def test_the_first_chunk_is_one_item(left: int, share: float) -> None:
    assert next_size(None, left, share) == 1


@given(st.integers(1, 10**7), st.integers(1, 64))
def test_a_chunk_on_trial_is_an_even_share_and_no_more_than_a_worker_does_at_once(total: int, n_slots: int) -> None:
    size = trial_size(total, n_slots)
    assert 1 <= size <= TRIAL_ITEMS
    assert size * n_slots >= total or size == TRIAL_ITEMS


@given(slots, st.integers(0, 10**6), st.integers(0, 10**6), shares)
def test_more_left_is_never_a_smaller_chunk(slot: Measured, left: int, more: int, share: float) -> None:
    assert next_size(slot, left, share) <= next_size(slot, left + more, share)


@settings(max_examples=50)
@given(st.lists(st.floats(1e-8, 1.0), min_size=1, max_size=4), st.integers(1, 5000))
def test_the_sizes_of_a_whole_run_add_up_to_its_items(item_s: list[float], n_items: int) -> None:
    left, last, sent = n_items, [0] * len(item_s), 0
    speed = sum(1 / s for s in item_s)
    while left:
        i = sent % len(item_s)
        slot = Measured(item_s[i], 1e-4, 8, last[i]) if last[i] else None
        last[i] = next_size(slot, left, 1 / item_s[i] / speed)
        left -= last[i]
        sent += 1
    assert left == 0
    assert sent <= n_items


seconds = st.floats(1e-6, 1e3)


@given(st.integers(1, 10**6), st.integers(2, 1000), st.integers(0, 1000))
def test_workers_of_equal_speed_never_leave_items_to_each_other(left: int, n_slots: int, before: int) -> None:
    others = (n_slots - 1) * (before + 1)
    assert not is_better_left(left, 1 / n_slots, before, others)


@given(st.integers(1, 100), st.lists(seconds, min_size=2, max_size=64))
def test_whoever_is_fastest_and_idle_leaves_nothing(left: int, item_s: list[float]) -> None:
    """Of all that are idle somebody takes what is left, whatever was measured."""
    speeds = [1 / s for s in item_s]
    assert not is_better_left(left, max(speeds) / sum(speeds), 0, len(item_s) - 1)


def test_a_worker_that_is_ten_times_slower_leaves_what_others_do_sooner() -> None:
    """Three of one second an item, and one of ten, or of one but with ten items before it."""
    assert is_better_left(26, 1 / 31, 0, 3)
    assert not is_better_left(27, 1 / 31, 0, 3)
    assert is_better_left(26, 1 / 4, 9, 3)


@given(st.integers(0, 10**4), seconds, seconds, st.floats(-10, 10))
def test_what_is_taken_over_lets_both_end_as_early_as_can_be(n: int, taker_s: float, victim_s: float, head: float):
    def end(k: int) -> float:
        return max(k * taker_s, head + (n - k) * victim_s if k < n else 0.0)

    k = taken_over(n, taker_s, victim_s, head)
    assert 0 <= k <= n
    best = min(map(end, range(n + 1)), default=0.0) if n < 200 else end(k)
    assert end(k) <= best + max(taker_s, victim_s)
