"""A station in one of dask's workers that says what none of ours would: its line ends with a word, the rest goes on.

What dask's own processes say to each other is dask's to secure (its TLS): who can speak to its scheduler can run code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.errors import Failure, PathosNbError
from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers import dask_line
from pathos_nb.launchers.dask_parcel import Parcel
from pathos_nb.wire import protocol
from pathos_nb.wire.envelopes import Envelope
from pathos_nb.wire.framing import Frame
from tests.contract.calls import nap, square
from tests.rig.census import until
from tests.rig.dask_cluster import Cluster

pytestmark = [pytest.mark.timeout(120), pytest.mark.leaves("files", "threads")]
pytest.importorskip("distributed", reason="dask is not installed")
PATIENCE_S = 60.0

Lie = Callable[[Parcel], Any]


def adding(kind: int, slot: Any, frame: Any) -> Lie:
    """Give what puts one more envelope into a parcel."""
    return lambda parcel: Parcel(parcel.number, [*parcel.envelopes, Envelope(kind, slot, frame)])


LIES: dict[str, Lie] = {
    "no parcel": lambda parcel: b"\x80garbage",
    "nothing": lambda parcel: None,
    "a parcel that came before": lambda parcel: Parcel(parcel.number - 1, parcel.envelopes),
    "a parcel too early": lambda parcel: Parcel(parcel.number + 1, parcel.envelopes),
    "no envelopes": lambda parcel: Parcel(parcel.number, [5]),  # type: ignore[list-item]
    "no frame": adding(messages.RELAY, 1, b"frame"),
    "a slot that is no number": adding(messages.RELAY, [1], Frame(protocol.DONE, (1,))),
    "an end without a reason": adding(messages.DOWN, 1, Frame(0, ())),
    "a place that is none": adding(messages.AT, 1, Frame(0, ("here",))),
    "a huge length": adding(messages.WANT, 1, Frame(0, (b"no such file", 1 << 62))),
    "a huge number": lambda parcel: Parcel(1 << 70, parcel.envelopes),
    "files that nobody wants": adding(messages.WANT, 1, Frame(0, (5, 6, 7, 8, 9))),
}
HARMLESS: dict[str, Lie] = {
    "a slot that there is not": adding(messages.RELAY, 1 << 40, Frame(protocol.DONE, (1,))),
    "a kind that nobody knows": adding(250, 1, Frame(0, ("x",))),
}
EVERY_DAY = {"a parcel that came before", "an end without a reason"}


class Rogue:
    """Has one line's station lie once, when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lie: Lie | None = None
        ask = dask_line.Line.ask

        async def asked(line: dask_line.Line, function: str, *args: Any) -> Any:
            answer = await ask(line, function, *args)
            if function == "news" and self.lie is not None and line.slots:
                lie, self.lie = self.lie, None
                answer = lie(answer)
            await asyncio.sleep(0)
            return answer

        monkeypatch.setattr(dask_line.Line, "ask", asked)


@pytest.fixture
def rogue(monkeypatch: pytest.MonkeyPatch) -> Rogue:
    return Rogue(monkeypatch)


@pytest.mark.parametrize("name", LIES)
def test_a_station_that_lies_is_left_and_every_result_is_delivered(
    rough: Cluster, rogue: Rogue, name: str, request: pytest.FixtureRequest
) -> None:
    if name not in EVERY_DAY and not request.config.getoption("--everywhere"):
        pytest.skip("it ends as the others do: --everywhere runs it")
    with Pool(rough.client) as pool:
        run = pool.start(nap, [0.03] * 60, chunksize=1)
        assert until(lambda: run.n_done > 3, PATIENCE_S)
        rogue.lie = LIES[name]
        assert run.wait(PATIENCE_S)
        assert run.result() == [0.03] * 60
        assert rogue.lie is None, "it has lied"
        assert pool.map(square, range(20)) == [x * x for x in range(20)]


def test_a_station_that_says_it_piece_by_piece_and_slowly_is_slow_and_nothing_else(
    rough: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, ask, n_pieces = set[str](), dask_line.Line.ask, 0
    left: dict[str, list[Envelope]] = {}

    async def dripping(line: dask_line.Line, function: str, *args: Any) -> Any:
        nonlocal n_pieces
        if function != "news" or line.key not in slow:
            return await ask(line, function, *args)
        if not left.get(line.key):
            left[line.key] = list((await ask(line, function, *args)).envelopes)
        await asyncio.sleep(0.02)
        n_pieces += 1
        return Parcel(line._n_heard + 1, [left[line.key].pop(0)] if left[line.key] else [])

    monkeypatch.setattr(dask_line.Line, "ask", dripping)
    with Pool(rough.client, nodes=1) as pool:
        assert pool.map(square, range(4)) == [0, 1, 4, 9]
        [launcher] = pool._maps.dispatcher.crew.launchers
        slow |= {line.key for line in launcher.lines.values()}
        run = pool.start(nap, [0.001] * 20, chunksize=1)
        assert run.wait(PATIENCE_S) and run.result() == [0.001] * 20
        assert n_pieces > 2 and all(line.key in slow for line in launcher.lines.values()), "the line is the same"


@pytest.mark.usefixtures("seldom")
@pytest.mark.parametrize("name", HARMLESS)
def test_what_concerns_nobody_is_not_heard(rough: Cluster, rogue: Rogue, name: str) -> None:
    with Pool(rough.client) as pool:
        run = pool.start(nap, [0.03] * 60, chunksize=1)
        rogue.lie = HARMLESS[name]
        assert run.wait(PATIENCE_S) and run.result() == [0.03] * 60
        assert rogue.lie is None, "it has lied"


@pytest.mark.usefixtures("seldom")
def test_a_report_that_is_none_ends_the_pool_with_a_word(rough: Cluster, rogue: Rogue) -> None:
    with Pool(rough.client, nodes=1) as pool:
        run = pool.start(nap, [0.03] * 60, chunksize=1, on_error="keep")
        assert until(lambda: run.n_done > 3, PATIENCE_S)
        rogue.lie = lambda parcel: Parcel(
            parcel.number, [Envelope(messages.RELAY, slot, Frame(protocol.DONE, (1, 2))) for slot in range(4)]
        )
        assert run.wait(PATIENCE_S)
        try:
            assert all(y == 0.03 or isinstance(y, Failure) for y in run.result())
        except PathosNbError as error:
            assert "makes no sense" in str(error)
