"""The extension in a real kernel, as a front end sees it."""

from __future__ import annotations

import re
import time

import pytest

from pathos_nb.explained import EXPLAINED
from tests.notebook.kernel import Kernel

# The kernel is one for all, and has workers that outlive a test.
pytestmark = [pytest.mark.timeout(120), pytest.mark.leaves("children")]


def test_a_cell_runs_for_every_point(kernel):
    answer = kernel.run("scale = 10\n")
    answer = kernel.run("%%pmap -o fits for a in [1, 2, 3] for b in range(2)\ny = a * scale\ny + b")
    assert (answer.status, answer.ename) == ("ok", "")
    assert "fits: 6 points" in answer.result
    assert "<script" not in answer.html and "<style" not in answer.html
    assert kernel.value("list(fits)") == [10, 11, 20, 21, 30, 31]
    assert kernel.value("fits.to_dict()['a']") == [1, 1, 2, 2, 3, 3]


def test_a_comprehension_on_a_line_gives_its_values(kernel):
    kernel.run("def score(m, k):\n    return m + k")
    assert kernel.run("best = %pmap score(m, {1: 100}[1]) for m in [1, 2]").status == "ok"
    assert kernel.value("list(best)") == [101, 102]


def test_braces_and_dollars_are_left_alone(kernel):
    kernel.run("m = 'wrong'")
    kernel.run("names = %pmap f'run{m}$m' for m in {1} | {2}")
    assert kernel.value("list(names)") == ["run1$m", "run2$m"]


def test_a_line_in_a_function_sees_the_functions_names(kernel):
    kernel.run("base = 1")
    kernel.run("def scores(ms, shift):\n    found = %pmap m + shift + base for m in ms\n    return list(found)")
    assert kernel.value("scores([1, 2], 10)") == [12, 13]


def test_the_body_sees_the_notebooks_names_as_they_are_now(kernel):
    for version in (1, 2):
        kernel.run(f"def helper():\n    return {version}")
        kernel.run("%%pmap -q -o seen for x in [0]\nhelper()")
        assert kernel.value("list(seen)") == [version]


def test_a_semicolon_and_q_hide_the_table(kernel):
    assert kernel.run("%%pmap for x in [1]\nx;").result == ""
    assert kernel.run("%%pmap -q for x in [1]\nx").result == ""
    assert kernel.run("%%pmap for x in [1]\nx").result != ""


def test_an_error_is_the_users_own_and_shows_only_her_code(kernel):
    kernel.run("def invert(v):\n    return 1 / v")
    answer = kernel.run("%%pmap -o broken for v in [2, 0, 4]\nw = v\ninvert(w)")
    assert (answer.status, answer.ename, answer.evalue) == ("error", "ZeroDivisionError", "division by zero")
    assert "v=0" in answer.traceback
    assert re.search(r'File "<%%pmap In\[\d+\]>", line 3, in point\n    invert\(w\)', answer.traceback)
    assert re.search(r"Cell In\[\d+\], line 2, in invert\n    return 1 / v", answer.traceback)
    assert "pathos_nb" not in answer.traceback and "IPython/core" not in answer.traceback
    assert kernel.value("broken.run.failures[1].error.args") == ("division by zero",)


ENDINGS = {
    "import os\nos._exit(3)": ("WorkerLost", "exited with status 3"),
    "import sys\nsys.exit(1)": ("RemoteError", "line 3, in point\n    sys.exit(1)"),
    "raise KeyboardInterrupt": ("RemoteError", "line 2, in point\n    raise KeyboardInterrupt"),
    "(i for i in [v])": ("CannotReturn", "cannot pickle 'generator' object"),
    "import time\ntime.sleep(29)": ("ItemTimeout", "line 3, in point\n    time.sleep(29)"),
    "total = total + v": ("UnboundLocalError", "What the body assigns is local to each point"),
    "class Odd(Exception):\n    def __init__(self, a, b): pass\nraise Odd(1, 2)": ("Odd", "raise Odd(1, 2)"),
}


@pytest.mark.parametrize("body", ENDINGS, ids=lambda body: body.replace("\n", "; "))
def test_every_end_of_a_point_is_told_without_our_code(kernel, body):
    kernel.run("total = 0")
    limit = 1 if "sleep" in body else 25  # what ends by itself has the time for it, whatever else the machine does
    answer = kernel.run(f"%%pmap -n 1 --timeout {limit} --retries 0 for v in [1]\n{body}")
    ename, said = ENDINGS[body]
    assert answer.ename == ename
    assert said in answer.traceback
    assert (f"%pathos help {ename} explains" in answer.traceback) == (ename in EXPLAINED)
    for ours in ("pathos_nb", "IPython/core", "cloudpickle"):
        assert ours not in answer.traceback
    assert kernel.run("%%pmap -n 1 for v in [1]\nv").status == "ok", "the pool goes on"


def test_what_items_print_is_shown_once(kernel):
    answer = kernel.run("%%pmap for v in [1]\nprint('only', 'once')\nv")
    assert "only once" in answer.picture["text/plain"] and answer.text == ""
    answer = kernel.run("%%capture caught\n%pmap print('caught') for v in [1]")
    assert not answer.displays and kernel.value("caught.stdout") == "caught\n"
    answer = kernel.run("%%pmap -q for v in [1]\nprint('plain')")
    assert not answer.displays and answer.text == "plain\n"


def test_failures_are_kept_on_request(kernel):
    answer = kernel.run("%%pmap -o kept --on-error keep for v in [2, 0, 4]\n1 / v")
    assert answer.status == "ok"
    assert kernel.value("[v if v else None for v in kept]") == [0.5, None, 0.25]
    shown = kernel.run("%pathos errors kept")
    assert "ZeroDivisionError" in shown.result


def test_an_error_of_the_for_clause_shows_the_clause(kernel):
    answer = kernel.run("%%pmap for v in nothing_of_that_name\nv")
    assert answer.ename == "NameError"
    assert "for v in nothing_of_that_name" in answer.traceback
    assert "pathos_nb" not in answer.traceback and "IPython/core" not in answer.traceback


MISUSE = {
    "%%pmap\n1": "wants a for clause",
    "%%pmap --outt x for v in [1]\nv": "did you mean --out?",
    "%%pmap --timeout soon for v in [1]\nv": "--timeout wants a number of seconds above 0, not 'soon'",
    "%%pmap -p prcesses for v in [1]\nv": "did you mean processes?",
    "%%pmap -p serial --timeout 3 for v in [1]\nv": "the serial launcher cannot stop an item",
    "%%pmap for v in [1]\n!ls": "line 2 is for IPython",
    "%%pmap for v in [1]\nyield v": "cannot yield",
    "%pmap for v in [1]": "wants an expression first",
    "%%ppipe for v in [1]\nv": "takes options only",
    "%%pmap -o a -o b for v in [1]\nv": "--out is given twice; leave one out",
    "%%pmap for v in [1]:\nv": "without the colon at its end: %%pmap for v in [1]",
    "%%pmap [v for v in [1]]\nv": "the clause stands without brackets: %%pmap for v in [1]",
    "%%pmap -p serial -n 3 for v in [1]\nv": "serial is one worker",
    "%pathos use serial -n 3": "serial is one worker",
    "import itertools\n%pmap --bg v for v in itertools.count()": "--bg has to read all points first",
    "%pathos usee processes": "did you mean use?",
    "%pathos use": "wants WHERE",
    "%pathos errors nosuchrun": "no run is called 'nosuchrun'",
    "%pathos close nosuchpool": "no open pool is called 'nosuchpool'",
}


@pytest.mark.parametrize("cell", MISUSE, ids=lambda cell: cell.replace("\n", "; "))
def test_misuse_is_one_line_that_says_what_was_meant_and_stops_run_all(kernel, cell):
    answer = kernel.run(cell)
    assert answer.status == "error"
    assert answer.text.startswith("UsageError: ")
    assert MISUSE[cell] in answer.text
    assert answer.text.count("\n") == 1


def test_progress_appears_while_it_runs_and_its_last_picture_stays(kernel):
    kernel.run("import time")
    kernel.run("%%pmap -q for v in range(2)\nv")
    answer = kernel.run("%%pmap -o slow for v in range(120)\ntime.sleep(0.05)\nprint('said', v)\nv")
    ((display_id, states),) = answer.displays.items()
    assert display_id
    assert len(states) >= 3
    assert len(states) <= 10 * (answer.seconds + 1)
    assert any("left" in state["text/plain"] for state in states[:-1])
    last = states[-1]
    assert "120/120" in last["text/plain"]
    assert "said 7" in last["text/html"] and "v=7" in last["text/html"]
    assert "<script" not in last["text/html"] and "<style" not in last["text/html"]
    order = [m["msg_type"] for m in answer.messages if m["msg_type"].endswith(("display_data", "execute_result"))]
    assert order[0] == "display_data" and order[-1] == "execute_result"


def test_a_quick_run_without_output_draws_nothing(kernel):
    kernel.run("%config PathosMagics.show_after = 30.0")  # what is quick depends on what else the machine does
    assert not kernel.run("%%pmap for v in range(20)\nv").displays
    kernel.run("%config PathosMagics.show_after = 0.05")


def test_what_items_print_is_escaped_and_shown_with_its_point(kernel):
    answer = kernel.run("%%pmap for v in [1, 2]\nprint('<b>bold</b>', v)\nv")
    html = answer.picture["text/html"]
    assert "&lt;b&gt;bold&lt;/b&gt; 1" in html and "<b>bold" not in html
    assert "v=2" in html


def test_a_plain_map_shows_itself_too_when_it_lasts(kernel):
    answer = kernel.run(
        "from pathos_nb import Pool\nimport time\n"
        "with Pool('processes', nodes=2) as pool:\n    ys = pool.map(lambda v: time.sleep(0.05) or v, range(40))"
    )
    assert answer.status == "ok", answer.traceback
    assert "40/40" in answer.picture["text/plain"]


def test_config_turns_progress_off(kernel):
    assert kernel.run("%config PathosMagics.progress = False").status == "ok"
    assert not kernel.run("%%pmap for v in range(10)\nimport time\ntime.sleep(0.1)\nprint(v)").displays
    kernel.run("%config PathosMagics.progress = True")


def test_config_says_where_cells_run(kernel):
    kernel.run("%config PathosMagics.pool = 'threads'")
    kernel.run("%%pmap -o pids for v in range(4)\nimport os\nos.getpid()")
    assert kernel.value("set(pids) == {__import__('os').getpid()}") is True
    kernel.run("%config PathosMagics.pool = 'processes'")


def test_a_pool_of_the_users_own_serves_a_cell(kernel):
    kernel.run("from pathos_nb import Pool\nmine = Pool('threads', nodes=2)")
    kernel.run("%%pmap -p mine -n 1 -o squares for v in range(6)\nv * v")
    assert kernel.value("list(squares)") == [0, 1, 4, 9, 16, 25]
    assert kernel.value("squares.run.options.n_workers") == 1
    kernel.run("mine.close()")
    assert "the pool is closed" in kernel.run("%%pmap -p mine for v in range(6)\nv").text


def test_a_run_behind_keeps_its_own_cell_up_to_date(kernel, tmp_path):
    kernel.run(f"import os, time\nfile = {str(tmp_path / 'go')!r}")
    body = "end = time.monotonic() + 40\nwhile not os.path.exists(file) and time.monotonic() < end: time.sleep(0.01)\nv"
    first = kernel.run(f"%%pmap --bg -o later for v in range(20)\n{body}")
    assert first.status == "ok"
    other = kernel.run("print('meanwhile')")
    assert kernel.value("later.is_over") is False
    (tmp_path / "go").touch()
    kernel.listen(lambda: "20/20" in first.picture["text/plain"], 20)
    assert kernel.run("later.wait(20)").result == "True"
    assert not other.displays and other.text == "meanwhile\n"
    assert kernel.value("list(later)") == list(range(20))


def test_a_run_behind_can_be_cancelled(kernel):
    kernel.run("%%pmap --bg -o later for v in range(200)\nimport time\ntime.sleep(0.1)\nv")
    assert "cancelled later" in kernel.run("%pathos cancel").result
    assert kernel.run("later.wait(25)").result == "True"
    assert kernel.value("later.run.state") == "cancelled"


def test_an_interrupt_is_one_short_message_and_keeps_what_is_finished(kernel):
    kernel.run("%%pmap -q for v in range(2)\nv")
    answer = kernel.begin("%%pmap -o part for v in range(3000)\nimport time\ntime.sleep(0.05)\nv")
    kernel.listen(lambda: bool(answer.displays) and re.search(r"[1-9]\d*/3,?000", answer.picture["text/plain"]), 40)
    start = time.monotonic()
    kernel.interrupt()
    kernel.end(answer, 20)
    assert time.monotonic() - start < 30, "all of it takes 75 s"
    assert answer.ename == "KeyboardInterrupt"
    assert re.fullmatch(r"KeyboardInterrupt: stopped; \d+ of 3,000 points are finished, kept in part", answer.traceback)
    assert "Traceback" not in answer.text
    n_done = kernel.value("part.run.n_done")
    assert 0 < kernel.value("sum(value == v for v, value in enumerate(part))") <= n_done < 3000
    assert kernel.run("%%pmap -o again for v in range(4)\nv").status == "ok", "the pool goes on"


def test_a_serial_cell_is_interrupted_in_the_same_way(kernel):
    answer = kernel.begin("%%pmap -p serial -o part for v in range(500)\nimport time\ntime.sleep(0.05)\nv")
    kernel.listen(lambda: bool(answer.displays) and re.search(r"[1-9]\d*/500", answer.picture["text/plain"]), 40)
    kernel.interrupt()
    kernel.end(answer, 20)
    assert re.search(r"stopped; \d+ of 500 points are finished, kept in part", answer.traceback)
    assert kernel.value("part[0]") == 0


def test_ppipe_gives_one_value_and_each_gives_one_from_every_worker(kernel):
    kernel.run("import os")
    answer = kernel.run("%%ppipe -o pid\nprint('from afar')\nos.getpid()")
    assert answer.status == "ok", answer.traceback
    assert "from afar" in answer.picture["text/plain"]
    assert kernel.value("pid != os.getpid()") is True
    kernel.run("%%ppipe --each -n 2 -o pids\nos.getpid()")
    assert kernel.value("len(set(pids))") == 2


def test_an_error_in_ppipe_is_the_users_own(kernel):
    for options in ("", " --each"):
        answer = kernel.run(f"%%ppipe{options}\nx = 1\n{{}}['key']")
        assert answer.ename == "KeyError"
        assert "line 3, in point" in answer.traceback and "pathos_nb" not in answer.traceback


def test_verbs_answer(kernel):
    kernel.run("%%pmap -q -o fits for v in range(3)\nv")
    assert "processes" in kernel.run("%pathos status").result
    assert "in use" in kernel.run("%pathos pools").result
    listed = kernel.run("%pathos runs").result
    assert "began" in listed and re.search(r"fits +\d\d:\d\d:\d\d  ", listed)
    assert "made the pool two" in kernel.run("%pathos pool two threads -n 2").result
    assert "threads-1" in kernel.run("%pathos pool two").result
    assert "made the pool threads on threads (3 workers)" in kernel.run("%pathos pool --on threads -n 3").result
    assert "no setting is called 'queue'" in kernel.run("%pathos pool long threads queue=x").text
    assert "settings are for a pool that is made" in kernel.run("%pathos pool two queue=x").text
    assert "no pool is named" in kernel.run("%pathos pool").text
    assert (
        kernel.run("%%pmap -p two -o there for v in range(3)\nimport threading\nthreading.get_ident() > 0").status
        == "ok"
    )
    assert "cells run on two now" in kernel.run("%pathos use two").result
    assert "closed two" in kernel.run("%pathos close two").result
    assert "no errors" in kernel.run("%pathos errors").result
    kernel.run(
        "def halve(x):\n    return x / 2\nfrom pathos_nb import Pool\nwith Pool('threads', nodes=1) as own: own.map(halve, [1])"
    )
    assert re.search(r"halve +\d\d:\d\d:\d\d  ", kernel.run("%pathos runs").result), "a map is called by its function"
    assert "%%pmap" in kernel.run("%pathos").result
    assert "--on-error" in kernel.run("%%pmap -h\nx").result


def test_tab_completes_verbs_options_pools_and_runs(kernel):
    def complete(code: str) -> list[str]:
        reply = kernel.client.complete(code, reply=True, timeout=60)
        return reply["content"]["matches"]

    kernel.run("%%pmap -q -o fits for v in range(3)\nv")
    assert complete("%pathos sta") == ["status"]
    assert "--on-error" in complete("%%pmap --o")
    assert complete("%%pmap --on-error ke") == ["keep"]
    assert complete("%%pmap -p thr") == ["threads"]
    assert complete("%pathos errors fi") == ["fits"]
    assert "--each" in complete("%%ppipe --")
    assert complete("best = %pmap --tim") == ["--timeout"]


def test_tab_offers_nothing_where_nothing_may_stand(kernel):
    for code in ("%%pmap -o ", "%%pmap -n ", "%pathos runs ", "%pathos nonsense ", "%%ppipe -"):
        matches = kernel.client.complete(code, reply=True, timeout=60)["content"]["matches"]
        assert all(match.startswith("--") for match in matches), code
    kernel.run("points_of_mine = [1]")
    reply = kernel.client.complete("%%pmap for v in points_of", reply=True, timeout=60)
    assert reply["content"]["matches"] == ["points_of_mine"], "behind for it is Python"


def test_help_of_a_cell_magic_needs_no_body(kernel):
    assert "--on-error" in kernel.run("%%pmap -h").result
    assert "--each" in kernel.run("%%ppipe --help").result
    both = kernel.run("%pmap -h").result
    assert "%%pmap [options] for NAME" in both and "%pmap [options] EXPR" in both


def test_a_body_that_gives_nothing_back_is_told_once_how_it_would(kernel):
    cell = "%%pmap -o doubled for v in [1, 2]\ntwice = v * 2"
    assert kernel.run(cell).text == (
        "note: the body ends by assigning twice, so each value is None; a last line twice gives it back\n"
    )
    assert kernel.run(cell).text == ""
    assert kernel.run(cell + ";").text == "", "a semicolon says that it is meant"


def test_points_without_an_end_run_until_they_are_stopped(kernel):
    kernel.run("import itertools, time")
    kernel.run("%%pmap -q for v in range(2)\nv")
    answer = kernel.begin("%%pmap -n 1 -o part for v in itertools.count()\ntime.sleep(0.01)\nv * 10")
    kernel.listen(lambda: bool(answer.displays) and re.search(r": [1-9][\d,]* ·", answer.picture["text/plain"]), 20)
    kernel.interrupt()
    kernel.end(answer, 20)
    assert re.fullmatch(r"KeyboardInterrupt: stopped; \d+ points are finished, kept in part", answer.traceback)
    n_done = kernel.value("part.run.n_done")
    assert n_done <= kernel.value("len(part)") <= n_done + 64, "what was read ahead is no result"
    assert kernel.value("[part[0], part.points[2], len(part.to_dict()['v']) == len(part)]") == [0, (2,), True]


def test_an_error_of_a_clause_that_is_read_on_the_way_shows_the_clause(kernel):
    kernel.run(
        "import time\nfrom pathos_nb.session import current_session\ndef few():\n    for v in range(1000):\n"
        "        time.sleep(0.02)\n        yield v\n"
        "        if v > 30 and current_session().run('got').n_done: 1 / 0"
    )
    answer = kernel.run("%%pmap -n 1 -o got for v in few()\nv")
    assert answer.ename == "ZeroDivisionError"
    assert "for v in few()" in answer.traceback and "1 / 0" in answer.traceback
    assert "pathos_nb" not in answer.traceback
    assert kernel.value("got[0]") == 0, "what was finished is kept"


def test_what_cannot_be_sent_is_called_by_its_name(kernel):
    kernel.run("stream = (i for i in [1])\ndef helper(v):\n    return next(stream)")
    answer = kernel.run("%%pmap for v in [1]\nhelper(v)")
    assert re.search(r"the body of %%pmap In\[\d+\] cannot be sent to a worker", answer.traceback)
    assert "it uses helper, which uses stream: TypeError" in answer.traceback
    assert "Sourced" not in answer.traceback


def test_a_large_value_that_travels_along_is_told_once_by_name_and_size(kernel):
    pytest.importorskip("numpy")
    kernel.run("import numpy as np\nlarge, small = np.zeros(2_000_000), np.zeros(10)")
    cell = "%%pmap -q for v in [0, 1]\nlarge[v] + small[v]"
    said = kernel.run(cell).text
    assert "large (16 MB)" in said and "pathos_nb.share(large)" in said and "small" not in said
    assert kernel.run(cell).text == ""


def test_a_result_can_be_pickled_and_copied(kernel):
    kernel.run(
        "class Odd(Exception):\n    def __init__(self, a, b):\n        super().__init__('odd')\nimport copy, pickle"
    )
    kernel.run("%%pmap -q -o mixed --on-error keep for v in [1, 2]\nif v == 2:\n    raise Odd(1, 2)\n[v]")
    kernel.run("again, copied = pickle.loads(pickle.dumps(mixed)), copy.deepcopy(mixed)")
    for name in ("again", "copied"):
        assert kernel.value(f"[{name}[0], {name}.names, {name}.points, len({name}.errors)]") == [
            [1], ("v",), [(1,), (2,)], 1,
        ]  # fmt: skip
        assert kernel.value(f"[repr({name}) == repr(mixed), {name}.to_dict() == mixed.to_dict()]") == [True, True]
        assert "Odd: odd" in kernel.run(f"{name}.errors").result
    assert kernel.value("copied[0] is mixed[0]") is False


def test_a_pool_of_the_users_that_raises_does_not_fill_the_screen_with_the_engine(kernel):
    kernel.run("from pathos_nb import Pool\ndef invert(v):\n    return 1 / v\npool = Pool('processes', nodes=1)")
    for call in ("pool.map(invert, [1, 0])", "pool.amap(invert, [1, 0]).get()", "pool.pipe(invert, 0)"):
        answer = kernel.run(call)
        assert answer.ename == "ZeroDivisionError"
        assert "RemoteTraceback: item" in answer.traceback and "in invert" in answer.traceback
        assert len(re.findall(r"pathos_nb/dispatch", answer.traceback)) == 1, answer.traceback
    kernel.run("pool.close()")


def test_figures_and_what_is_displayed_appear_with_their_point(kernel):
    pytest.importorskip("matplotlib")
    kernel.run("import matplotlib.pyplot as plt")
    cell = "for v in [1, 2]\nplt.plot([0, v])\nplt.show()\ndisplay({'said': v})\nv"
    answer = kernel.run(f"%%pmap {cell}", timeout=60)
    assert (answer.status, answer.text) == ("ok", "")
    assert answer.picture["text/html"].count('src="data:image/png;base64,') == 2
    assert "<Figure size" in answer.picture["text/plain"] and "{'said': 2}" in answer.picture["text/plain"]
    plain = kernel.run(f"%%pmap -q {cell}").text
    assert "<Figure size" in plain and "\x1b" not in plain


def test_closing_the_pool_in_use_says_where_cells_run_then(kernel):
    kernel.run("%pathos pool two threads -n 2")
    kernel.run("%pathos use two")
    assert "closed two; cells run on processes now" in kernel.run("%pathos close two").result
    assert kernel.run("%%pmap for v in [1]\nv").status == "ok"


def test_a_setting_that_makes_no_sense_is_refused(kernel):
    said = kernel.run("%config PathosMagics.pool = 'prcesses'").text
    assert "no place is called 'prcesses'; did you mean processes?" in said
    assert "a whole number from 1, or None" in kernel.run("%config PathosMagics.nodes = 0").text
    assert "cells run on processes" in kernel.run("%pathos status").result


STATE = """
import threading, psutil
from pathos_nb.launchers.registry import registry
def state(ip=get_ipython()):
    return dict(
        magics=sorted(n for table in ip.magics_manager.magics.values() for n in table if n.startswith("p")),
        settings=[type(c).__name__ for c in ip.configurables if "Pathos" in type(c).__name__],
        owners=[name for name in ip.magics_manager.registry if "Pathos" in name],
        transformers=len(ip.input_transformers_cleanup),
        matchers=len(ip.Completer.custom_matchers),
        callbacks={name: len(found) for name, found in ip.events.callbacks.items()},
        # pyzmq makes a thread of its own for the first large message, and keeps it
        threads=sorted(t.name for t in threading.enumerate() if type(t).__name__ != "GarbageCollectorThread"),
        children=len(psutil.Process().children(recursive=True)),
        observers=len(registry.observers),
        hooks=list(registry.worker_hooks),
        names=sorted(n for n in ip.user_ns if not n.startswith("_")),
    )
first = second = None
first = state()
"""


def test_unloading_leaves_nothing_behind():
    kernel = Kernel()
    try:
        assert kernel.run(STATE).status == "ok"
        kernel.run("%load_ext pathos_nb")
        kernel.run("%%pmap for v in range(20)\nimport time\ntime.sleep(0.06)\nprint(v)\nv;")
        kernel.run("%%pmap --bg for v in range(2000)\nimport time\ntime.sleep(0.06)\nv;")
        assert kernel.value("state()['children']") > 1
        assert kernel.run("%unload_ext pathos_nb").status == "ok"
        kernel.run("second = state()")
        assert kernel.value("{k: (first[k], second[k]) for k in first if first[k] != second[k]}") == {}
        assert kernel.run("%pathos status").status == "error"
    finally:
        kernel.close()


def test_where_nobody_looks_there_is_a_picture_at_the_end_and_no_updates():
    kernel = Kernel(allow_stdin=False)
    try:
        kernel.run("%load_ext pathos_nb")
        answer = kernel.run("%%pmap for v in range(20)\nimport time\ntime.sleep(0.06)\nv;")
        assert [len(states) for states in answer.displays.values()] == [1]
        assert "20/20" in answer.picture["text/plain"]
    finally:
        kernel.close()


def test_a_run_behind_leaves_its_last_picture_there_too():
    kernel = Kernel(allow_stdin=False)
    try:
        kernel.run("%load_ext pathos_nb")
        answer = kernel.run("%%pmap --bg -o later for v in range(20)\nimport time\ntime.sleep(0.05)\nv")
        assert re.search(r" \d+/20 ", answer.picture["text/plain"]) and answer.text == ""
        kernel.run("later.wait(20)")
        kernel.listen(lambda: "20/20" in answer.picture["text/plain"], 30)
        assert len(answer.displays) == 1
    finally:
        kernel.close()
