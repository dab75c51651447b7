"""What a page in a browser says: any JSON at all, to the panel and to the view of a run."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pathos_nb.notebook.feed import Feed
from pathos_nb.notebook.panel_seat import Seat
from pathos_nb.notebook.stream import Stream
from pathos_nb.notebook.watch import Watch
from pathos_nb.wire.messages import PROTOCOL
from tests.fuzz.probe import Target
from tests.notebook.fake_run import FakeRun

__all__ = ["TARGETS"]

_TYPES = (
    "open",
    "look",
    "cancel",
    "retry",
    "do",
    "reply",
    "watch",
    "know",
    "missed",
    "code",
    "close",
    "x",
    "",
    None,
    5,
)
_FIELDS = (
    "version",
    "id",
    "run",
    "runs",
    "topics",
    "verb",
    "words",
    "text",
    "since",
    "lanes",
    "from_s",
    "to_s",
    "n_pixels",
)
_WORDS = ("use", "pools", "close", "runs", "-h", "--all", "'", "a", "hosts", "panel", "\ud800", "")

_leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(_WORDS) | st.just(PROTOCOL)
_json: st.SearchStrategy[Any] = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=3),
    max_leaves=6,
)
_fields = st.dictionaries(st.sampled_from(_FIELDS), _json, max_size=6)
_messages = st.builds(lambda kind, fields: {"type": kind, **fields}, st.sampled_from(_TYPES), _fields)
_talks = st.lists(_messages | _json, max_size=5)


class _House:
    """A panel that keeps what it is asked."""

    def __init__(self) -> None:
        self.news = self
        self.asked: list[Any] = []

    def begin(self, seat: Seat, number: int, verb: str, values: Any) -> bool:
        self.asked.append((number, verb, values))
        return len(self.asked) % 2 > 0

    def cancel(self, run: str) -> None:
        assert len(run) <= 20_000

    retry = cancel

    def can_retry(self, run: str) -> bool:
        return run == "a"

    def changed(self) -> None:
        pass

    def leave(self, seat: Seat) -> None:
        pass

    def follow(self, run_id: str, send: Any) -> None:
        assert isinstance(run_id, str)

    def record(self, run_id: str) -> None:
        assert isinstance(run_id, str)

    def left(self, since: float) -> list[Any]:
        assert isinstance(since, float)
        return []


def _panel(said: list[Any]) -> None:
    told: list[Any] = []
    house = _House()
    seat = Seat(house, told.append)  # type: ignore[arg-type]
    n_asked = sum(isinstance(message, dict) and message.get("type") == "do" for message in said)
    for message in said:
        seat.hear(message)
    n_answered = sum(message["type"] == "answer" for message in told)
    assert not seat.is_open or n_answered + sum(i % 2 == 0 for i in range(len(house.asked))) >= n_asked - len(said), (
        told
    )
    assert len(house.asked) + n_answered <= 2 * n_asked


def _view(said: list[Any]) -> None:
    told: list[Any] = []
    stream, now = Stream(Feed(Watch(FakeRun(10), 0.0, 1000)), told.append), 1.0
    for message in said:
        if isinstance(message, dict):
            stream.hear(message)
        now += 1.0
        stream.tell(now)
    stream.finish(now + 1.0)
    assert len(told) <= 100


TARGETS = (
    Target("what a page says to the panel", _talks, _panel, (), 60),
    Target("what a page says to a run", _talks, _view, (), 50),
)
