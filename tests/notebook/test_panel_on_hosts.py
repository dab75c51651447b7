"""A host by the panel's form, on real sshds: password, unknown key, changed key, live figures, tunnel, pool, the end."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pathos_nb.notebook.panel import Panel
from pathos_nb.session import Session
from tests.notebook.front_end import FrontEnd
from tests.rig.bed import Bed, bed, raised_bed, wait_until

__all__ = ["bed", "raised_bed"]

pytestmark = [pytest.mark.timeout(180), pytest.mark.leaves("children")]


@pytest.fixture
def config(bed: Bed, tmp_path: Path, monkeypatch) -> Path:
    """A configuration of ssh that knows the hosts' addresses, but none of their keys."""
    for name in ("SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "SSH_ASKPASS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    text = Path(bed.config).read_text()
    (tmp_path / "config").write_text(re.sub(r"(?im)^(\s*UserKnownHostsFile).*$", rf"\1 {tmp_path}/known", text))
    return tmp_path / "config"


@pytest.fixture
def front(config: Path) -> Iterator[FrontEnd]:
    session = Session(("threads",))
    session.hosts.config = str(config)
    panel = Panel(session)
    session.hosts.asker, session.hosts.truster = lambda: panel.asker(lambda: None), panel.truster
    yield FrontEnd.at(panel)
    panel.close()
    session.close()


def question(front: FrontEnd, number: int, kind: str) -> dict:
    return front.wait(lambda m: m["type"] == "ask" and m["do"] == number and m["kind"] == kind, 60)


def ended(front: FrontEnd, number: int) -> dict:
    return front.wait(lambda m: m["type"] == "answer" and m["id"] == number, 60)


def row(front: FrontEnd, name: str, is_it) -> dict:
    rows = front.table("hosts", lambda rows: any(r["name"] == name and is_it(r) for r in rows), 60)
    return next(r for r in rows if r["name"] == name)


def test_a_host_from_the_form_to_the_end(front, bed, config, tmp_path):
    front.say("watch", topics=["hosts", "tunnels", "pools"], runs=[])
    tables = front.wait(lambda m: m["type"] == "tables" and m["ssh_names"])
    assert {"host1", "host2", "inner"} <= set(tables["ssh_names"])

    number = front.begin("connect", "pwuser@host1", "--name=pw", "-n", "1")
    asked = question(front, number, "trust")
    assert "the key of host1 is not known" in asked["prompt"] and asked["fingerprint"].startswith("SHA256:")
    assert row(front, "pw", lambda r: r["state"] == "connecting")["user"] == "pwuser"
    front.say("reply", id=asked["id"], text=asked["fingerprint"])
    front.say("reply", id=question(front, number, "secret")["id"], text=bed.password)
    answer = ended(front, number)
    assert answer["is_ok"] and "pw is connected as pwuser@host1" in answer["text"], answer

    live = row(front, "pw", lambda r: len(r["round_trips_ms"]) > 1 and r["load"] is not None)
    assert (live["state"], live["user"], live["address"]) == ("connected", "pwuser", bed.hosts["host1"]["address"])
    assert 0 < live["round_trips_ms"][0] < 5000 and 0 < live["free_bytes"] <= live["memory_bytes"]
    assert live["n_workers"] == 1 and live["n_cores"] >= 1

    answer = front.do("tunnel", "pw", str(bed.hosts["host1"]["port"]))
    (tunnel,) = front.table("tunnels", lambda rows: bool(rows))
    assert (tunnel["state"], tunnel["n_reconnects"]) == ("connected", 0) and tunnel["latency_ms"] > 0
    with socket.create_connection(("127.0.0.1", tunnel["local_port"]), timeout=20) as way:
        assert way.recv(4) == b"SSH-"
    front.table("tunnels", lambda rows: bool(rows) and rows[0]["n_bytes"] > 0)

    assert front.do("pool", "both", "pw", "threads", "-n", "1")["is_ok"]
    assert front.do("use", "both")["is_ok"]
    assert front.do("pool", "both", "-n", "2")["text"] == "the pool both has 3 workers now"
    assert front.do("pool", "both", "--restart")["text"] == "the pool both has 3 workers now, all fresh"
    front.table(
        "pools", lambda rows: any(r["name"] == "both" and r["is_default"] and r["n_workers"] == 3 for r in rows)
    )

    assert front.do("disconnect", "pw")["text"] == "disconnected pw"
    front.wait(lambda m: m["type"] == "tables" and m["hosts"] == [] and front.told.index(m) > 5)
    front.wait(lambda m: m["type"] == "tables" and m["tunnels"] == [] and front.told.index(m) > 5)
    kept = json.dumps(front.told) + "".join(p.read_text(errors="replace") for p in tmp_path.rglob("*") if p.is_file())
    assert bed.password not in kept


def test_a_key_that_is_declined_or_has_changed_is_refused(front, bed, config):
    number = front.begin("connect", "host2", "-n", "1")
    front.say("reply", id=question(front, number, "trust")["id"], text=None)
    answer = ended(front, number)
    assert not answer["is_ok"] and "the key of host2 is not known" in answer["text"]
    assert "--fingerprint" in answer["cure"] and not (config.parent / "known").exists()

    number = front.begin("connect", "host2", "-n", "1")
    shown = question(front, number, "trust")
    bed("rekey", "host2")  # between the question and its answer: what was accepted is the key that was shown
    front.say("reply", id=shown["id"], text=shown["fingerprint"])
    assert wait_until(lambda: len(front.of("ask")) == 3)
    again = front.of("ask")[2]
    assert again["fingerprint"] != shown["fingerprint"]
    front.say("reply", id=again["id"], text="no")
    assert "is not known" in ended(front, number)["text"]

    words = [f"--fingerprint={again['fingerprint']}", f"--key={bed.facts['encrypted_key']}"]
    number = front.begin("connect", "host2", "-n", "1", *words)
    asked = question(front, number, "secret")
    assert "Passphrase of" in asked["prompt"]
    front.say("reply", id=asked["id"], text=Path(bed.facts["passphrase_file"]).read_text())
    assert ended(front, number)["is_ok"], front.told[-1]
    assert front.do("disconnect", "host2")["is_ok"]
    bed("rekey", "host2")
    answer = front.do("connect", "host2", "-n", "1", seconds=60)
    assert not answer["is_ok"] and "is not the one that is known" in answer["text"]
    assert len(front.of("ask")) == 4, "a changed key is no question"


def test_a_slow_host_keeps_nothing_else_waiting(front, bed, config):
    bed.needs("cut")
    bed("cut", "host3")

    def others_go_on(name: str) -> bool:
        number = front.begin("connect", "host3", "-n", "1")
        assert front.do("pool", name, "threads", "-n", "2", seconds=60)["is_ok"]
        assert front.do("status", seconds=60)["is_ok"] and not front.of("ask")
        is_kept_waiting = any(message["id"] == number for message in front.of("answer"))
        assert "did not answer" in ended(front, number)["text"]
        return not is_kept_waiting

    assert others_go_on("two") or others_go_on("three"), "a busy machine may be as slow as the host, once"
