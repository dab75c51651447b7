"""What a line to one of dask's workers sends, without dask: all of it, in order, whoever is in the midst of what."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers import dask_messages as ours
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import DEFINE, WORK
from tests.rig.census import until

pytest.importorskip("distributed", reason="dask is not installed: the line takes its names from it")
from pathos_nb.launchers.dask_line import Line  # isort: skip

PATIENCE_S = 30.0
N_FRAMES = 3000


class Loop:
    """A loop in a thread of its own, as a client of dask's has one."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def add_callback(self, call: Any, *args: Any) -> None:
        """Have a coroutine run."""
        self.loop.call_soon_threadsafe(lambda: asyncio.ensure_future(call(*args), loop=self.loop))

    def run(self, call: Any) -> Any:
        """Run a coroutine, and wait for it."""
        return asyncio.run_coroutine_threadsafe(call, self.loop).result(PATIENCE_S)

    def close(self) -> None:
        """End it."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE_S)
        self.loop.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    """A loop that runs, as often as it can in the midst of what others do."""
    before, held = sys.getswitchinterval(), Loop()
    sys.setswitchinterval(1e-6)
    yield held
    sys.setswitchinterval(before)
    held.close()


class Station:
    """A line, and what would come to its worker."""

    def __init__(self, loop: Loop) -> None:
        client = SimpleNamespace(loop=loop)
        office: Any = SimpleNamespace(name="dask", client=client, tell=None, token="t", hub=None)
        self.line, self.came, self.brought = Line(office, "tcp://here:1", 1, 1), [], []
        self.line._obey, self.line._bring = self.obey, self.bring  # type: ignore[method-assign]

    async def obey(self, parcel: Any) -> None:
        """Take a parcel."""
        self.came += [(envelope.kind, envelope.frame.meta[0]) for envelope in parcel.envelopes]

    async def bring(self, run: int, frame: Frame) -> None:
        """Take a payload."""
        self.brought.append(run)


def test_nothing_that_is_sent_while_the_loop_takes_what_was_sent_before_is_left_behind(loop: Loop):
    station = Station(loop)
    station.line.is_up = True
    for number in range(N_FRAMES):
        station.line.send(messages.RELAY, 1, Frame(WORK, (number,)))
    assert until(lambda: len(station.came) == N_FRAMES, PATIENCE_S), len(station.came)
    assert [number for _, number in station.came] == list(range(N_FRAMES))


def test_a_large_payload_waits_until_its_worker_has_our_code(loop: Loop):
    station = Station(loop)
    station.line.send(messages.RELAY, 1, Frame(DEFINE, (5, ()), bytes(2 << 20)))
    loop.run(asyncio.sleep(0))
    assert (station.brought, station.came) == ([], [])
    station.line.is_up = True
    loop.add_callback(station.line._flush)
    assert until(lambda: station.came == [(ours.BY_FUTURE, "5")], PATIENCE_S)
    assert station.brought == [5]
