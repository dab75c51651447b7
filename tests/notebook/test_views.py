"""Progress: what is drawn, when, and by whom."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from types import SimpleNamespace

import pytest

from pathos_nb.dispatch.options import MapOptions
from pathos_nb.errors import Failure
from pathos_nb.notebook import live
from pathos_nb.notebook.ansi import as_html, as_text
from pathos_nb.notebook.picture import Snapshot, as_bundle, as_line, html, text
from pathos_nb.notebook.view import View
from pathos_nb.notebook.views import Look, Views
from pathos_nb.notebook.watch import Meter, Watch
from pathos_nb.wire.messages import PROTOCOL
from tests.notebook.fake_run import FakeRun
from tests.rig.census import until


class Drawn:
    """A screen that remembers."""

    def __init__(self, size: int = 100) -> None:
        self.interval_s, self.size = 0.1, size
        self.shots: list[tuple[float, Snapshot]] = []
        self.last: list[Snapshot] = []
        self.news = threading.Condition()

    def show(self, shot: Snapshot, live=None) -> int:
        with self.news:
            self.shots.append((time.monotonic(), shot))
            self.news.notify_all()
        return self.size

    is_there = True

    def liven(self, watch, controls, now, *, is_behind):
        return None

    def place(self, shot: Snapshot, live=None) -> bool:
        self.placed = shot
        return True

    def finish(self, shot: Snapshot, record) -> bool:
        with self.news:
            self.last.append(shot)
            self.news.notify_all()
        return True

    def wait_for(self, is_there) -> None:
        with self.news:
            assert self.news.wait_for(is_there, 30)


@pytest.fixture
def screen() -> Drawn:
    return Drawn()


@pytest.fixture
def views(screen):
    look = Look(after_s=0.05)
    made = Views(lambda: screen, lambda: look)
    yield made
    made.close()


def test_a_run_shows_itself_after_a_while_and_leaves_one_last_picture(views, screen):
    run = FakeRun(4)
    views.begin(run)
    run.deliver({0: 1})
    screen.wait_for(lambda: screen.shots)
    run.deliver({1: 1, 2: 1, 3: 1})
    run.end()
    screen.wait_for(lambda: screen.last)
    views.settle()
    assert [shot.n_done for shot in screen.last] == [4]


def test_a_short_run_is_never_drawn(screen):
    views = Views(lambda: screen, lambda: Look(after_s=30))
    run = FakeRun(4)
    views.begin(run)
    run.deliver({0: 1})
    run.end(seconds=0.1)
    views.close()
    assert not screen.shots and not screen.last


def test_a_short_run_that_prints_leaves_a_picture_at_the_end(screen):
    views = Views(lambda: screen, lambda: Look(after_s=30))
    run = FakeRun(4)
    views.begin(run)
    run.deliver({0: 1}, said="hello\n")
    run.end(seconds=0.1)
    views.settle()
    assert run.output_taken
    assert [shot.output for shot in screen.last] == [[("item 0", "hello\n")]]
    views.close()
    assert len(screen.last) == 1


def test_a_run_that_outlives_its_cell_takes_its_place_at_once(screen):
    views = Views(lambda: screen, lambda: Look(after_s=30))  # no picture is quicker
    run = FakeRun(4)
    views.begin(run)
    views.show_now("another run")
    views.show_now(run.run_id)
    assert screen.placed.n_done == 0
    run.end(seconds=0.01)
    views.settle()
    assert len(screen.last) == 1, "what is placed is finished, however short the run"
    views.close()


def test_a_run_behind_whose_picture_was_quicker_than_its_cell_is_live_from_then_on():
    shown = []
    live_view = SimpleNamespace(is_open=False, stream=None, is_in_use=lambda now: True, kept=lambda now: None)
    screen = SimpleNamespace(
        interval_s=0.1,
        show=lambda shot, view=None: shown.append(view) or 0,
        liven=lambda watch, controls, now, *, is_behind: live_view if is_behind else None,
    )
    watch = Watch(FakeRun(4), 0.0, 100)
    controls = live.Controls(lambda: None, live.ViewCode())
    view = View(watch, screen, controls, 0.0, 0.05, 0.5, lambda now: True, lambda: 1.0)
    view.draw(1.0)
    view.place(1.1)
    view.place(1.2)
    assert shown == [None, live_view] and watch.run.output_taken


def test_at_most_ten_pictures_a_second_however_many_events(views, screen):
    run = FakeRun(100_000)
    views.begin(run)
    start = time.monotonic()
    n = 0
    while time.monotonic() < start + 0.7 or (len(screen.shots) < 2 and time.monotonic() < start + 30):
        run.deliver({n: 1})
        n += 1
        time.sleep(0.0005)
    run.end()
    stamps = [stamp for stamp, _ in screen.shots]
    assert 2 <= len(stamps) <= 10 * (time.monotonic() - start) + 1 < n
    assert all(b - a >= 0.099 for a, b in zip(stamps, stamps[1:], strict=False))


def test_large_pictures_are_drawn_less_often(screen):
    screen.size = 40_000
    views = Views(lambda: screen, lambda: Look(after_s=0.0))
    run = FakeRun(100_000)
    start = time.monotonic()
    views.begin(run)
    for n in range(60):
        run.deliver({n: 1})
        time.sleep(0.01)
    run.end()
    views.close()
    assert len(screen.shots) <= (time.monotonic() - start) / 0.4 + 2, "100 kB a second"


def test_without_news_the_clock_goes_on(views, screen):
    run = FakeRun(4)
    views.begin(run)
    screen.wait_for(lambda: len(screen.shots) >= 2)
    run.end()


class Gone(Drawn):
    """A terminal whose user is at the prompt again."""

    def finish(self, shot: Snapshot, record) -> bool:
        return False


def test_output_that_no_screen_shows_any_more_is_given_back_to_the_run():
    views = Views(Gone, lambda: Look(after_s=30))
    run = FakeRun(4)
    views.begin(run)
    assert run.output_taken
    run.deliver({0: 1}, said="hello\n")
    run.end(seconds=0.1)
    views.close()
    assert not run.output_taken, "so that result() writes it"


def test_nothing_is_shown_on_request(screen):
    views = Views(lambda: screen, lambda: Look(is_shown=False, after_s=0))
    views.begin(FakeRun())
    assert not views._views
    wanted = FakeRun()
    wanted.options = MapOptions(progress=True)
    views.begin(wanted)
    assert len(views._views) == 1
    views.close()
    unwanted = FakeRun()
    unwanted.options = MapOptions(progress=False)
    loud = Views(lambda: screen, lambda: Look(after_s=0))
    loud.begin(unwanted)
    assert not loud._views
    loud.close()


def test_a_view_that_fails_does_not_end_the_others(views, screen):
    class Broken(Drawn):
        def show(self, shot: Snapshot, live=None) -> int:
            raise RuntimeError("no screen")

    views._open_screen = lambda: Broken()
    views.begin(FakeRun(run_id="broken"))
    views._open_screen = lambda: screen
    run = FakeRun(run_id="good")
    views.begin(run)
    screen.wait_for(lambda: screen.shots)
    assert until(lambda: set(views._views) == {"good"}), "whichever of the two is drawn first"


def test_closing_ends_the_thread(views, screen):
    views.begin(FakeRun())
    screen.wait_for(lambda: screen.shots)
    views.close()
    assert not [t for t in threading.enumerate() if t.name == "pathos-nb-views"]


def test_a_widget_outlives_its_run_until_pages_have_loaded_it_and_tells_them_the_end(monkeypatch):
    """A comm that is closed under a page that loads its widget is an error in that page's console."""
    made: list[FakeWidget] = []

    class FakeWidget:
        def __init__(self, outlet, code, record, hear) -> None:
            self.record, self.hear, self.is_closed = record, hear, False
            made.append(self)

        def close(self) -> None:
            self.is_closed = True

    monkeypatch.setattr(live, "preload", lambda: FakeWidget)
    watches, ends = [], []
    for is_heard in (False, True):
        run = FakeRun()
        watch = Watch(run, 0.0, 100)
        watches.append(weakref.ref(watch))
        view = live.LiveView(None, watch, live.Controls(lambda: None, live.ViewCode()), 0.0)
        if is_heard:
            made[-1].hear({"type": "open", "version": PROTOCOL})
        run.deliver({0: 0, 1: 1, 2: 2, 3: 3})
        run.end("done")
        view.end(10.0)
        assert not made[-1].is_closed and not view.is_open
        assert made[-1].record()["figures"]["state"] == "done"
        ends.append(view.gives_up_at)
        del watch, run
    assert 10.0 < ends[1] < ends[0], "who has opened it has loaded it; another page may be slow"
    gc.collect()
    assert [watch() for watch in watches] == [None, None], "results are not held meanwhile"


def test_a_page_has_longer_for_a_run_behind_until_nobody_has_opened_one(monkeypatch):
    monkeypatch.setattr(live, "preload", lambda: lambda *_: SimpleNamespace(send=lambda _: None, close=lambda: None))
    code = live.ViewCode()
    views = []

    def patience_s(*, is_behind: bool) -> float:
        watch = Watch(FakeRun(), 0.0, 100)
        views.append(live.LiveView(None, watch, live.Controls(lambda: None, code), 0.0, is_behind=is_behind))
        return views[-1].gives_up_at

    blocking, behind = patience_s(is_behind=False), patience_s(is_behind=True)
    assert 0 < blocking < behind and views[1].is_in_use(behind - 0.1)
    assert not views[1].is_in_use(behind)
    assert patience_s(is_behind=True) == blocking, "there is nobody who opens views"
    views[1].hear({"type": "open", "version": PROTOCOL})
    assert patience_s(is_behind=True) == behind, "there is"


def test_the_speed_is_that_of_the_last_seconds():
    meter = Meter(0.0, window_s=5.0)
    assert meter.rate(0.0, 0) == 0.0
    assert meter.rate(1.0, 10) == 10.0
    for second in range(2, 20):
        rate = meter.rate(float(second), 10 + (second - 1) * 2)
    assert rate == pytest.approx(2.0)


def test_a_watch_counts_workers_failures_and_output_up_to_a_cap():
    run = FakeRun(6)
    watch = Watch(run, 0.0, cap=10)
    run.subscribe(watch.take)
    run.deliver({0: 1, 1: 2}, worker="p1", said="abc")
    run.deliver({2: Failure(2, ValueError("bad"))}, worker="p2", said="defghijkl")
    shot = watch.snapshot(1.0)
    assert shot.workers == [("p1", 2), ("p2", 1)]
    assert shot.failures == [("item 2", "ValueError: bad")]
    assert shot.output == [("item 0", "abc"), ("item 1", "abc"), ("item 2", "defg")]
    assert shot.n_cut == 5
    assert (shot.n_done, shot.n_failed, shot.rate) == (3, 1, 3.0)


def shot(**changes) -> Snapshot:
    plain = {
        "title": "fits",
        "state": "running",
        "n_done": 30,
        "n_failed": 0,
        "total": 120,
        "seconds": 3.0,
        "rate": 10.0,
    }
    return Snapshot(**{**plain, **changes})


LINES = {
    "fits: 30/120 · 10/s · 3.0 s · 9.0 s left": shot(),
    "fits: 30/120 · 2 failed · 10/s · 3.0 s · 9.0 s left": shot(n_failed=2),
    "fits: 30 · 10/s · 3.0 s": shot(total=None),
    "fits: 0/120 · 3.0 s": shot(n_done=0, rate=0.0),
    "fits: 30/120 · 6.0/min · 3.0 s · 15 min 00 s left": shot(rate=0.1),
    "fits: 120/120 · 40/s · 3.0 s": shot(state="done", n_done=120, rate=40.0),
    "fits: 30/120 · 10/s · 3.0 s · cancelled": shot(state="cancelled"),
    "fits: 30/120 · 1 failed · 10/s · 3.0 s · stopped": shot(state="failed", n_failed=1),
    "fits: 120/120 · 1 failed · 10/s · 3.0 s": shot(state="failed", n_failed=1, n_done=120),
}


@pytest.mark.parametrize(("line", "moment"), LINES.items(), ids=LINES.keys())
def test_the_line_says_what_there_is_to_say(line, moment):
    assert as_line(moment) == line


def test_the_bundle_is_text_and_html_without_script_or_style_sheet():
    bundle = as_bundle(
        shot(title="<b>", workers=[("<p1>", 3)], failures=[("<x>", "<y>")], output=[("<i>", "<o>")], state="done")
    )
    assert set(bundle) == {"text/html", "text/plain"}
    for bad in ("<script", "<style", "<svg", "<b><b>", "<p1>", "<x>", "<y>", "<o>"):
        assert bad not in bundle["text/html"]


def test_long_output_is_folded_at_the_end_and_short_output_is_not():
    assert "<details open>" in html(shot(state="done", output=[("item 0", "hi")]))
    assert "<details>" in html(shot(state="done", output=[("item 0", "line\n" * 50)]))


def test_a_run_that_goes_on_shows_the_latest_lines_only():
    drawn = html(shot(output=[(f"item {i}", f"old {i}\n<new> {i}\n") for i in range(1000)]))
    assert "<details" not in drawn and "old" not in drawn
    assert "&lt;new&gt; 999" in drawn and "&lt;new&gt; 994" not in drawn
    assert len(drawn) < 5000


def test_many_workers_are_summed_up():
    assert "and 84 more" in html(shot(workers=[(f"p{i}", 1) for i in range(100)]))


def test_the_text_shows_the_bar_and_the_output():
    drawn = text(shot(output=[("x=1", "one\ntwo\n")], n_cut=7))
    assert drawn.startswith("████████░")
    assert "  x=1:\n    one\n    two" in drawn and "7 more characters" in drawn


ANSI = {
    "plain": ("a < b", "a &lt; b", "a < b"),
    "red": ("\x1b[31mbad\x1b[0m ok", '<span style="color:#d9534f">bad</span> ok', "bad ok"),
    "bold red": ("\x1b[1;91mbad\x1b[0m", '<span style="color:#d9534f">bad</span>', "bad"),
    "palette": ("\x1b[38;5;12mx\x1b[0m", "x", "x"),
    "cursor": ("\x1b[2K\x1b[1Ga", "a", "a"),
    "link": ("\x1b]8;;http://x\x07a\x1b]8;;\x07", "a", "a"),
    "overwritten": ("10 %\r20 %\r30 %\n", "30 %\n", "30 %\n"),
    "bell": ("a\x07b", "ab", "ab"),
    "script": ("<script>", "&lt;script&gt;", "<script>"),
    "cut short": ("a\x1b", "a", "a"),
}


@pytest.mark.parametrize(("printed", "as_markup", "plain"), ANSI.values(), ids=ANSI.keys())
def test_terminal_codes_become_colours_or_nothing(printed, as_markup, plain):
    assert (as_html(printed), as_text(printed)) == (as_markup, plain)


def test_what_was_there_before_a_run_began_is_no_speed_of_its():
    """Of a sweep that goes on nine tenths are there at once: the rest takes as long as it takes."""
    run = FakeRun(100)
    watch = Watch(run, 0.0, 100)
    run.n_done = run.n_before = 90
    assert watch.rate(1.0) == 0.0
    run.n_done = 92
    assert watch.rate(2.0) == 1.0
    run.end(seconds=4.0)
    assert watch.rate(4.0) == 0.5
