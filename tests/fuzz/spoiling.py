"""How something good is spoiled: bits turned, bytes put in, taken out and doubled, the end cut off, numbers made huge."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["Cut", "in_pieces", "lines", "spoil", "wounds"]

Cut = tuple[str, int, int]
_HUGE = (b"\xff" * 8, b"\xff\xff\xff\xff", (1 << 40).to_bytes(8, "little"), (1 << 31).to_bytes(4, "big"), bytes(8))
_KINDS = ("bit", "byte", "cut", "drop", "insert", "double", "huge")

cuts = st.tuples(st.sampled_from(_KINDS), st.integers(0, 1 << 20), st.integers(0, 255))


def wounds(most: int = 6) -> st.SearchStrategy[list[Cut] | bytes]:
    """Give up to so many wounds for `spoil`; sometimes bytes that stand in place of all."""
    some = st.lists(cuts, max_size=most)
    return st.one_of(some, some, some, st.binary(max_size=400))


def spoil(data: bytes, given: list[Cut] | bytes) -> bytes:
    """Give good bytes with their wounds."""
    if isinstance(given, bytes):
        return given
    for kind, place, value in given:
        data = _wound(data, kind, place % (len(data) + 1), value)
    return data


def _wound(data: bytes, kind: str, at: int, value: int) -> bytes:
    if kind == "cut":
        return data[:at]
    if kind == "insert":
        return data[:at] + bytes([value]) * (1 + value % 9) + data[at:]
    if kind == "drop":
        return data[:at] + data[at + 1 + value % 40 :]
    if kind == "double":
        return data[:at] + data[max(0, at - value) :]
    if kind == "huge":
        wrong = _HUGE[value % len(_HUGE)]
        return data[:at] + wrong + data[at + len(wrong) :]
    if at == len(data):
        return data
    new = data[at] ^ (1 << value % 8) if kind == "bit" else value
    return data[:at] + bytes([new]) + data[at + 1 :]


def in_pieces(data: bytes, places: list[int]) -> list[bytes]:
    """Give bytes in pieces that end at some places."""
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in zip(at, at[1:], strict=False)]


def lines(*words: str, most: int = 14) -> st.SearchStrategy[str]:
    """Give texts made of some words, put together in any order, with or without spaces, and of anything else."""
    odd = ("", " ", "\n", "\t", "\0", "\\", '"', "'", "=", "#", ";", "ä", "\u202e", "\x0c", "\r", "--", "9" * 5000)
    odd += ("(" * 300, "[" * 5000, "\ud800", "*", "?", "{x}", "$HOME", "~", "~nobody-of-that-name", "-1", "1e999")
    anything: st.SearchStrategy[Any] = st.one_of(
        st.sampled_from(words), st.sampled_from(words), st.sampled_from(odd), st.text(max_size=3)
    )
    parts = st.lists(st.tuples(anything, st.sampled_from((" ", " ", " ", "", "\n"))), max_size=most)
    return parts.map(lambda many: "".join(word + gap for word, gap in many))
