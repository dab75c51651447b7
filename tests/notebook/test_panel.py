"""The panel's flow with a front end that is played: tables, things done, questions; and nothing while nobody looks."""

from __future__ import annotations

import json
import threading
import time

import pytest

from pathos_nb.dispatch.pool import Pool
from pathos_nb.notebook import acting, panel_rows
from pathos_nb.notebook.panel import Panel
from pathos_nb.notebook.panel_questions import Questions
from pathos_nb.notebook.panel_rows import MOST
from pathos_nb.session import Session
from pathos_nb.wire.messages import PROTOCOL
from tests.notebook.front_end import FrontEnd
from tests.rig.bed import wait_until


@pytest.fixture
def front(panel) -> FrontEnd:
    return FrontEnd.at(panel)


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("pathos-nb panel")]


def test_who_opens_it_is_greeted_and_shown_everything_once(front, session):
    session.make("two", ("threads",), 2)
    front.say("open", version=PROTOCOL)
    assert front.wait(lambda m: True)["version"] == PROTOCOL
    tables = front.wait(lambda m: m["type"] == "tables")
    assert [row["name"] for row in tables["pools"]] == ["two"] and tables["n_slots"] == 2
    assert {row["name"]: row["is_ready"] for row in tables["launchers"]}["threads"] is True
    assert tables["hosts"] == tables["tunnels"] == tables["runs"] == tables["ssh_names"] == []
    assert json.loads(json.dumps(tables)) == tables
    assert wait_until(lambda: not threads()), "nobody watches, so nothing is left running"


def test_a_front_end_of_another_version_is_told_so_and_nothing_else(front):
    front.say("open", version=PROTOCOL + 1)
    assert front.do("pools")["is_ok"]
    assert [m["type"] for m in front.told] == ["hello", "answer"]


def test_what_is_watched_is_shown_when_it_changes_and_only_then(front, panel, session):
    front.say("watch", topics=["pools"], runs=[])
    front.table("pools", lambda rows: rows == [])
    session.make("two", ("threads",), 2)
    (row,) = front.table("pools", lambda rows: len(rows) == 1)
    assert row == {
        "name": "two", "places": ["threads"], "n_workers": 2, "n_first": 2, "n_busy": 0, "is_default": False,
        "is_owned": True,
    }  # fmt: skip
    n_told = len(front.told)
    for _ in range(3):
        panel.refresh()
    assert len(front.told) == n_told, "nothing is new"
    assert all(m["runs"] is None and m["hosts"] is None for m in front.of("tables"))
    front.say("watch", topics=[], runs=[])
    assert wait_until(lambda: not threads()), "no thread is left when nobody watches"


def test_busy_workers_and_runs_are_seen_while_they_are_at_work(front, session):
    go_on = threading.Event()
    front.say("watch", topics=["pools", "runs"], runs=[])
    run = session.make("two", ("threads",), 2).start(lambda v: go_on.wait(30), range(2), title="slow")
    front.wait(lambda m: m["type"] == "tables" and m["n_busy"] == 2)
    (row,) = front.table("runs", lambda rows: bool(rows) and rows[0]["state"] == "running")
    assert (row["title"], row["total"]) == ("slow", 2) and abs(row["started_at"] - run.started_at) < 0.01
    go_on.set()
    assert front.table("runs", lambda rows: bool(rows) and rows[0]["state"] == "done")[0]["n_done"] == 2
    assert run.is_over


def test_there_are_a_few_messages_a_second_whatever_happens(front, panel, session):
    front.say("watch", topics=["pools"], runs=[])
    front.table("pools", lambda rows: rows == [])
    begun, n_told = time.monotonic(), len(front.told)
    for n in range(30):
        session.make(f"p{n}", ("serial",))
        panel.changed()
        time.sleep(0.02)
    assert len(front.told) - n_told <= (time.monotonic() - begun) / 0.2 + 2


def test_lists_and_texts_are_bounded(front, session, monkeypatch):
    monkeypatch.setitem(panel_rows.MOST, "pools", 3)
    for n in range(5):
        session.make(f"p{n}" + "x" * 400 * (n == 0), ("serial",))
    front.say("watch", topics=["pools"], runs=[])
    tables = front.wait(lambda m: m["type"] == "tables" and bool(m["pools"]))
    assert len(tables["pools"]) == 3 and tables["n_more"] == {"pools": 2}
    assert len(tables["pools"][0]["name"]) == 120 and set(MOST) >= set(panel_rows.TOPICS)


def test_what_is_asked_is_done_by_the_verbs_of_pathos(front, session):
    answer = front.do("pool", "two", "threads", "-n", "2")
    assert (answer["is_ok"], answer["text"]) == (True, "made the pool two on threads (2 workers)")
    assert front.do("pool", "two", "-n", "3")["text"] == "the pool two has 3 workers now"
    assert front.do("pool", "two", "--restart")["text"] == "the pool two has 3 workers now, all fresh"
    assert front.do("use", "two")["is_ok"] and session.places == ("two",)
    assert front.do("close", "two")["text"] == "closed two; cells run on threads now"
    assert "%pathos use" in front.do("help", "use")["text"] and "--nodes" in front.do("use", "-h")["text"]


NONSENSE = {
    "unknown verb": ("frobnicate", [], "no verb 'frobnicate'"),
    "verb of a wrong type": (["use"], [], "no verb 'list'"),
    "words of a wrong type": ("use", [1, None], "are a list of texts"),
    "no words at all": ("use", [], "%pathos use wants WHERE"),
    "ten million characters": ("use", ["x" * 10_000_000], "too many or too long"),
    "a million words": ("use", ["x"] * 1_000_000, "too many or too long"),
    "an option that is none": ("use", ["--evil"], "has no option --evil"),
    "a value that is none": ("pool", ["a", "threads", "-n", "many"], "--nodes wants a whole number"),
    "quotation marks": ("use", ['it\'s "so"'], "no place is called 'it\\'s \"so\"'"),
    "spaces and line ends": ("use", ["a b\nc"], "no place is called 'a b\\nc'"),
    "an option's text in a name": ("connect", ["-oProxyCommand=id"], "has no option"),
    "something that is open": ("close", ["nope"], "no open pool is called 'nope'"),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_is_answered_once_without_a_traceback(front, case):
    verb, words, said = NONSENSE[case]
    number = front.begin(verb, *words)
    answer = front.wait(lambda m: m["type"] == "answer" and m["id"] == number)
    assert not answer["is_ok"] and said in answer["text"] and "Traceback" not in answer["text"]
    assert len(json.dumps(front.told)) < 2000


@pytest.mark.parametrize(
    "message",
    [None, "x", [], {}, {"type": 5}, {"type": ["do"]}, {"type": "reply", "id": 7, "text": "x"}, {"type": "watch"},
     {"type": "watch", "topics": [[], {}], "runs": 3}, {"type": "open"}, {"type": "cancel"}, {"type": "retry"}],
)  # fmt: skip
def test_a_message_that_makes_no_sense_does_no_harm(front, message):
    front.hear(message)
    assert front.do("pools")["is_ok"]


def test_a_do_without_a_number_is_answered_all_the_same(front):
    front.say("do", verb="pools", words=[])
    assert front.wait(lambda m: m["type"] == "answer")["id"] == -1


def test_an_error_gives_its_cure_apart(front):
    front.do("pool", "two", "threads")
    answer = front.do("pool", "two", "threads")
    assert (answer["text"], answer["cure"]) == ("the name 'two' is taken", "close it first: %pathos close two")


def test_a_fault_of_ours_is_an_answer_too(front, monkeypatch, caplog):
    monkeypatch.setattr(acting, "ACTIONS", {"pools": lambda session, values: 1 / 0})
    answer = front.do("pools")
    assert (answer["is_ok"], answer["text"]) == (False, "ZeroDivisionError: division by zero")
    assert "division by zero" in caplog.text


def test_a_thousand_at_once_are_each_answered_and_bounded(front, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(acting, "ACTIONS", {"exec": lambda s, v: go_on.wait(30), "cancel": lambda s, v: "stopped"})
    for _ in range(1000):
        front.begin("exec", "node7", "--", "true")
    assert len([name for name in threads() if name == "pathos-nb panel"]) == 12
    refused = len(front.of("answer"))
    assert refused == 1000 - 12 - 200 and not any(m["is_ok"] for m in front.of("answer"))
    assert front.do("cancel")["is_ok"], "cancelling waits for none of them"
    go_on.set()
    assert wait_until(lambda: len(front.of("answer")) == 1001)
    assert len({m["id"] for m in front.of("answer")}) == 1001


def test_what_concerns_one_thing_is_done_in_order_and_other_things_go_on(front, monkeypatch):
    done, go_on = [], threading.Event()

    def pool(session, values):
        done.append(values["nodes"])
        assert values["name"] != "slow" or go_on.wait(30)

    monkeypatch.setattr(acting, "ACTIONS", {"pool": pool, "close": lambda s, v: done.append("closed")})
    first = front.begin("pool", "slow", "-n", "1")
    assert wait_until(lambda: done == [1])
    rest = [front.begin("pool", "slow", "-n", "2"), front.begin("close", "slow")]
    assert front.do("pool", "other", "-n", "9")["is_ok"] and done == [1, 9]
    go_on.set()
    for number in (first, *rest):
        assert front.wait(lambda m, n=number: m["type"] == "answer" and m["id"] == n)["is_ok"]
    assert done == [1, 9, 2, "closed"]


def test_a_front_end_that_goes_drops_what_has_not_begun(front, monkeypatch, session):
    done, go_on = [], threading.Event()

    def use(session, values):
        done.append(values["where"])
        assert go_on.wait(30)

    monkeypatch.setattr(acting, "ACTIONS", {"use": use})
    for n in range(3):
        front.begin("use", str(n))
    assert wait_until(lambda: bool(done))
    front.say("close")
    go_on.set()
    assert wait_until(lambda: not threads())
    assert done == [("0",)] and front.of("answer") == []


def test_a_front_end_that_is_gone_without_a_word_is_forgotten(front, session, panel):
    other = FrontEnd.at(panel)
    for each in (front, other):
        each.say("watch", topics=["pools"], runs=[])
        each.table("pools", lambda rows: True)
    front.is_gone = True
    session.make("two", ("serial",))
    other.table("pools", lambda rows: bool(rows))
    other.say("close")
    assert wait_until(lambda: not threads())


def test_of_many_front_ends_the_oldest_go(panel):
    fronts = [FrontEnd.at(panel) for _ in range(10)]
    fronts[0].begin("pools")
    assert fronts[9].do("pools")["is_ok"] and fronts[0].told == []


def test_nothing_is_left_when_the_panel_is_closed(front, panel):
    front.say("watch", topics=["hosts", "pools"], runs=[])
    front.table("pools", lambda rows: True)
    panel.close()
    assert not threads()
    front.begin("pools")
    late = FrontEnd.at(panel)
    late.begin("pools")
    assert late.told == [] and front.of("answer") == []


# --------------------------------------------------------------------------------------------------------- questions


def asking(panel: Panel, session: Session):
    """Stand in for a host that asks: what it was answered is what the verb says."""
    ask = panel.asker(lambda: None)
    assert ask is not None
    trust = panel.truster()
    assert trust is not None
    return [ask("Password of me@node7: ", True), trust("the key of node7 is not known: SHA256:abc", "SHA256:abc")]


def test_questions_go_to_the_front_end_that_asked_and_answers_come_back(front, panel, session, monkeypatch):
    other, said = FrontEnd.at(panel), []
    monkeypatch.setattr(acting, "ACTIONS", {"connect": lambda s, v: said.append(asking(panel, s))})
    number = front.begin("connect", "node7")
    question = front.wait(lambda m: m["type"] == "ask")
    assert (question["do"], question["kind"], question["prompt"]) == (number, "secret", "Password of me@node7: ")
    other.say("reply", id=question["id"] + 40, text="wrong")
    front.say("reply", id=question["id"], text="s3cret")
    question = front.wait(lambda m: m["type"] == "ask" and m["kind"] == "trust")
    assert question["fingerprint"] == "SHA256:abc"
    front.say("reply", id=question["id"], text="SHA256:abc")
    front.wait(lambda m: m["type"] == "answer")
    assert said == [["s3cret", True]]
    assert "s3cret" not in json.dumps(front.told) + json.dumps(other.told) and other.told == []


@pytest.mark.parametrize("text", [None, 5, "", "no", "SHA256:other", "y" * 20_000])
def test_a_key_is_trusted_only_by_a_clear_yes(front, panel, session, monkeypatch, text):
    said = []
    monkeypatch.setattr(
        acting, "ACTIONS", {"connect": lambda s, v: said.append(panel.truster()("a key", "SHA256:abc"))}
    )
    front.begin("connect", "node7")
    front.say("reply", id=front.wait(lambda m: m["type"] == "ask")["id"], text=text)
    front.wait(lambda m: m["type"] == "answer")
    assert said == [False]


def test_who_asks_is_let_go_when_nobody_is_there_any_more(front, panel, session, monkeypatch):
    said = []
    monkeypatch.setattr(acting, "ACTIONS", {"connect": lambda s, v: said.append(asking(panel, s))})
    front.begin("connect", "node7")
    front.wait(lambda m: m["type"] == "ask")
    front.say("close")
    assert wait_until(lambda: said == [[None, False]])


def test_a_question_that_nobody_answers_has_an_end():
    told = []
    questions = Questions(told.append, wait_s=0.05)
    assert questions.put(1, "secret", "Password: ") is None
    questions.reply(told[0]["id"], "too late")
    assert questions.put(1, "secret", "Password: ") is None


def test_a_host_that_is_connected_again_asks_whoever_does_that(panel):
    """What asks outlives what it was made for."""
    cell = [lambda prompt, is_secret: "typed in a cell"]
    ask = panel.asker(lambda: cell[0])
    assert ask("Password: ", True) == "typed in a cell"
    told = []
    questions = Questions(told.append)
    panel.asked.begin(questions, 1)
    answer = []
    asker = threading.Thread(target=lambda: (panel.asked.begin(questions, 2), answer.append(ask("Password: ", True))))
    asker.start()
    assert wait_until(lambda: told)
    assert told[0]["do"] == 2
    questions.reply(told[0]["id"], "typed in the panel")
    asker.join(20)
    assert answer == ["typed in the panel"]
    panel.asked.end()
    cell[0] = None
    assert ask("Password: ", True) is None and panel.asker(lambda: None) is None and panel.truster() is None


class News:
    """Stands in for the views, where the messages of runs come from."""

    def __init__(self) -> None:
        self.followed: dict[str, News] = {}
        self.heard: list[dict] = []
        self.is_stopped = False

    def follow(self, run_id, send):
        if run_id == "over":
            return None
        self.followed[run_id] = News()
        for type_ in ("hello", "run", "delta"):
            send({"type": type_, "run": run_id})
        return self.followed[run_id]

    def record(self, run_id):
        return {"head": {"run": run_id}} if run_id == "over" else None

    def hear(self, message):
        self.heard.append(message)

    def stop(self):
        self.is_stopped = True


def test_the_messages_of_runs_that_are_watched_come_along(session):
    news = News()
    own = Panel(session, news=news)
    front = FrontEnd.at(own)
    front.say("watch", topics=[], runs=["r1", "over", 5])
    assert [m["type"] for m in front.told] == ["run", "delta", "run"] and front.told[2]["record"]
    front.say("look", run="r1", id=7)
    front.say("look", run="unknown", id=8)
    assert [m["id"] for m in news.followed["r1"].heard] == [7]
    front.say("watch", topics=[], runs=["r1", "r2"])
    assert not news.followed["r1"].is_stopped and len(front.of("run")) == 3
    front.say("watch", topics=[], runs=["r2"])
    assert news.followed["r1"].is_stopped and not news.followed["r2"].is_stopped
    front.say("open", version=PROTOCOL)
    assert news.followed["r2"].is_stopped, "the page was reloaded, and will say again what it shows"
    front.say("watch", topics=[], runs=["r2"])
    own.close()
    assert news.followed["r2"].is_stopped and len(front.of("run")) == 4


def test_the_users_own_pools_are_listed_but_not_the_sessions_twice(session):
    with Pool("threads", nodes=1) as mine:
        ours = session.pool(("threads",), 1)
        own = Panel(session, lambda: {"mine": mine, "again": ours})
        front = FrontEnd.at(own)
        front.say("watch", topics=["pools"], runs=[])
        rows = front.table("pools", lambda rows: len(rows) == 2)
        assert [(row["name"], row["is_owned"]) for row in rows] == [("threads:1", True), ("mine", False)]
        own.close()


def test_hosts_that_are_remembered_are_listed(front):
    assert front.do("hosts", "--add", "me@node7", "--name=fits", "--port", "2222", "--through=gate")["is_ok"]
    front.say("watch", topics=["hosts"], runs=[])
    (row,) = front.table("hosts", bool)
    assert (row["name"], row["user"], row["address"], row["port"], row["through"], row["state"], row["is_saved"]) == (
        "fits", "me", "node7", 2222, "gate", "known", True
    )  # fmt: skip
    assert front.do("hosts", "--forget", "fits")["is_ok"]
    front.wait(lambda m: m["type"] == "tables" and m["hosts"] == [])
    refused = front.do("hosts", "--add", "a;rm -rf")
    assert not refused["is_ok"] and "is not a name of a host" in refused["text"]


def test_a_pool_is_made_or_begun_again_but_not_both(front):
    assert "--restart is for a pool that there is" in front.do("pool", "a", "serial", "--restart")["text"]
