"""ssh itself: commands, tunnels, copies and connecting, against bare paramiko and the system's own ssh."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.figures import Outcome, Row, at_least, ratio, row_of
from benchmarks.hosts import MIB, Hosts, NoBed, hosts, seconds, times
from benchmarks.scene import Scene
from benchmarks.ssh import HOST, SERVICE, Stream, dialled, ways

MS = 1e3
DELAY_MS = 10
BESIDE = {"pathos_nb, paramiko": "paramiko", "pathos_nb, openssh": "ssh"}
WRITE = "import sys; b = bytes(1 << 20); [sys.stdout.buffer.write(b) for _ in range({n})]"
READ = "import os; [0 for _ in iter(lambda: os.read(0, 1 << 20), bytes())]; os.write(1, bytes([46]))"


class Ssh:
    """One host of the bed; every way takes its turn in each repetition."""

    name = "ssh"
    title = "ssh: commands, tunnels, copies"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        try:
            with hosts(HOST) as bed:
                found = ways(bed.bed)
                try:
                    self._measure(bed, found, scene, outcome)
                finally:
                    for way in found:
                        way.close()
        except NoBed as error:
            outcome.rows.append(Row("pathos_nb", "connect", None, "ms", note=str(error)))
        return outcome

    def _measure(self, bed: Hosts, found: list[Any], scene: Scene, outcome: Outcome) -> None:
        n, n_far = (32, 16) if scene.is_quick else (200, 60)
        service = bed.remotes[HOST].open([sys.executable, "-c", SERVICE])
        service.sock.settimeout(60)
        port = int(service.sock.recv(20))
        self._turns(scene, outcome, found, "connect", "ms", lambda way: seconds(way.connect) * MS)
        self._commands(scene, outcome, found, n, "")
        self._tunnels(scene, outcome, found, (port, n), "")
        self._copies(scene, outcome, found, n)
        self._judge(outcome, "")
        if bed.bed.facts["features"].get("slow"):
            bed.bed("slow", HOST, "--delay", f"{DELAY_MS}ms")
            far, near = f", {2 * DELAY_MS} ms away", found[:2] if scene.is_quick else found
            self._commands(scene, outcome, near, n_far, far)
            self._tunnels(scene, outcome, near, (port, n_far), far)
            self._judge(outcome, far)

    def _turns(
        self, scene: Scene, outcome: Outcome, found: list[Any], what: str, unit: str, once: Callable[[Any], float]
    ) -> None:
        """Have every way do something in turns."""
        values: dict[str, list[float]] = {way.name: [] for way in found}
        for repetition in range(scene.n_reps + 1):
            for way in found:
                value = once(way)
                if repetition:  # the first is for warming up: connections begin slowly
                    values[way.name].append(value)
        for name, each in values.items():
            outcome.rows.append(row_of(name, what, each, unit, is_bound=name not in BESIDE))

    def _commands(self, scene: Scene, outcome: Outcome, found: list[Any], n: int, far: str) -> None:
        def down(way: Any) -> float:
            with way.command([sys.executable, "-c", WRITE.format(n=n)]) as stream:
                return _rate_down(stream, n)

        def up(way: Any) -> float:
            with way.command([sys.executable, "-c", READ]) as stream:
                return _rate_up(stream, n)

        def echo(way: Any) -> float:
            with way.command(["cat"]) as stream:
                return _echo(stream)

        self._turns(scene, outcome, found, f"command, from the host{far}", "MiB/s", down)
        self._turns(scene, outcome, found, f"command, to the host{far}", "MiB/s", up)
        self._turns(scene, outcome, found, f"command, one byte{far}", "ms", echo)

    def _tunnels(self, scene: Scene, outcome: Outcome, found: list[Any], service: tuple[int, int], far: str) -> None:
        port, n = service

        def through(way: Any, measure: Callable[[Stream], float]) -> float:
            with way.forward(port) as local, dialled(local) as stream:
                return measure(stream)

        def down(stream: Stream) -> float:
            stream.sendall(b"d" + n.to_bytes(2, "big"))
            return _rate_down(stream, n)

        def up(stream: Stream) -> float:
            stream.sendall(b"u")
            return _rate_up(stream, n)

        def echo(stream: Stream) -> float:
            stream.sendall(b"e")
            return _echo(stream)

        for what, unit, measure in (
            ("from the host", "MiB/s", down),
            ("to the host", "MiB/s", up),
            ("one byte", "ms", echo),
        ):
            self._turns(scene, outcome, found, f"tunnel, {what}{far}", unit, lambda way, m=measure: through(way, m))

    def _copies(self, scene: Scene, outcome: Outcome, found: list[Any], n: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            large, many = Path(folder, "large"), Path(folder, "many")
            large.write_bytes(bytes(MIB) * n)
            many.mkdir()
            for i in range(50):
                Path(many, f"file-{i}").write_bytes(bytes(4096))
            number = iter(range(1_000_000))

            def put(way: Any) -> float:
                return n / seconds(lambda: way.put(large, f"/tmp/large-{next(number)}"))

            def get(way: Any) -> float:
                return n / seconds(lambda: way.get("/tmp/large-0", Path(folder, f"back-{next(number)}")))

            def put_many(way: Any) -> float:
                return seconds(lambda: way.put(many, f"/tmp/many-{next(number)}")) * MS

            self._turns(scene, outcome, found, "copy of a large file, to the host", "MiB/s", put)
            self._turns(scene, outcome, found, "copy of a large file, from the host", "MiB/s", get)
            self._turns(scene, outcome, found, "copy of 50 small files", "ms", put_many)

    def _judge(self, outcome: Outcome, far: str) -> None:
        rows = {(row.who, row.what): row for row in outcome.rows if row.value}
        for ours, bare in BESIDE.items():
            for what, share in (("command", 0.75), ("tunnel", 0.9)):
                for way in ("from", "to"):
                    text = f"{what}, {way} the host{far}"
                    got = [rows[who, text].value for who in (ours, bare) if (who, text) in rows]
                    if len(got) == 2:
                        outcome.goals.append(at_least(f"{text}: {ours} over {bare}", ratio(got[0], got[1]), share))


def _rate_down(stream: Stream, n_mib: int) -> float:
    """Give the MiB/s of what comes, from its first byte on: to begin is not what is measured."""
    left = n_mib * MIB - len(stream.recv(1))
    took = seconds(lambda: _take(stream, left))
    return n_mib / took


def _take(stream: Stream, left: int) -> None:
    while left:
        block = stream.recv(MIB)
        assert block, "the stream ended early"
        left -= len(block)


def _rate_up(stream: Stream, n_mib: int) -> float:
    block = bytes(MIB)

    def send() -> None:
        for _ in range(n_mib):
            stream.sendall(block)
        stream.end()
        assert stream.recv(1) == b"."

    return n_mib / seconds(send)


def _echo(stream: Stream) -> float:
    """Give the milliseconds of one byte there and back, the median of many."""

    def once() -> None:
        stream.sendall(b"x")
        assert stream.recv(1) == b"x"

    once()
    return statistics.median(times(30, once)) * MS


CASE = Ssh()
