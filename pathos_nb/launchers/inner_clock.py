"""News of maps inside of items, with the stamps of another machine's clock turned into this one's."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from pathos_nb.wire.protocol import InnerNews

__all__ = ["by_our_clock"]


def by_our_clock(raw: Sequence[Any], ahead_s: float) -> tuple[Any, ...]:
    """Give news as it is here.

    Parameters
    ----------
    raw : sequence
        Fields of `InnerNews`.
    ahead_s : float
        How much the other clock is ahead.

    Returns
    -------
    tuple
    """
    news = InnerNews(*raw)
    chunks = []
    for *head, started, stamps, block, n_failed in news.chunks:
        ends = array("d")
        ends.frombytes(stamps)
        stamps = array("d", [end - ahead_s for end in ends]).tobytes()
        chunks.append((*head, started - ahead_s, stamps, block, n_failed))
    ended = news.ended - ahead_s if news.ended else 0.0
    return tuple(news._replace(started=news.started - ahead_s, ended=ended, chunks=tuple(chunks)))
