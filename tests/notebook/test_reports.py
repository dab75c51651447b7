"""Reports and records: one file that needs nothing, escaped, and plain data for other programs."""

from __future__ import annotations

import csv
import errno
import json
import math
import re

import pytest

from pathos_nb.dispatch.profile_export import export
from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.using.how import How
from pathos_nb.dispatch.writing import writing
from pathos_nb.errors import BadOption, CannotWrite, Failure
from tests.notebook.fake_run import FakeRun
from tests.notebook.test_results import failure

pytestmark = pytest.mark.leaves("files")  # matplotlib keeps its fonts open

BAD = "<script>alert(1)</script>"


def hostile() -> Results:
    run = FakeRun(4, title=BAD)
    bad = failure(1, f"{BAD} \x1b[31mred\x1b[0m")
    bad.traceback = 'File "/srv/lib/site-packages/sklearn/base.py", line 3\n' + BAD
    run.deliver({0: 1.5, 1: bad}, said=f"\x1b[31m{BAD}\x1b[0m \x1b]0;title\x07", worker=BAD)
    run.deliver({2: math.nan}, worker="p2", start=1.0)
    run.end("failed")
    function = compile(f"def f(x):\n    return '{BAD}'", "f", "exec")
    space: dict = {}
    exec(function, space)
    how = How(space["f"], told={"code": f"# {BAD}", "environment": {"python": "3", "lib": BAD}})
    return Results(run, ("x", "<i>"), [(0, BAD), (1, "a"), (2, "b"), (3, "=1+1")], how)


def test_the_report_is_one_file_without_script_or_address(tmp_path):
    path = hostile().report(tmp_path / "r.html")
    html = path.read_text(encoding="utf-8")
    assert "<script" not in html and "\x1b" not in html and "srv" not in html
    assert html.count("&lt;script&gt;") >= 6, "title, worker, parameter, error, output, code, environment"
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:)|url\(|@import|https?://""", html)
    assert "default-src 'none'" in html and path.stat().st_mode & 0o777 == 0o600
    for heading in ("Figures", "Workers", "What failed", "Points", "What was printed", "Code", "Environment"):
        assert f"<h2>{heading}</h2>" in html
    assert "data:image/svg+xml;base64," in html and "not run" in html


def test_a_long_report_is_cut_and_says_so_and_shows_what_failed(tmp_path):
    n = 20_000
    run = FakeRun(n)
    run.deliver({i: failure(i) if i == 11_111 else i for i in range(n)})
    run.end()
    html = Results(run, ("x",), [(i,) for i in range(n)]).report(tmp_path / "r.html").read_text(encoding="utf-8")
    assert len(html) < 2_000_000 and "of 20,000 points; the record has all" in html and ">11111<" in html


def test_a_profile_is_part_of_the_report(tmp_path, monkeypatch):
    class Profile:
        def _repr_html_(self) -> str:
            return "<table><tr><td>42 samples</td></tr></table>"

    monkeypatch.setattr(Results, "profile", Profile(), raising=False)
    assert "<h2>Profile</h2><table><tr><td>42 samples" in hostile().report(tmp_path / "r.html").read_text()

    def none_taken(results: Results) -> Profile:
        raise BadOption("the run was not profiled")

    monkeypatch.setattr(Results, "profile", property(none_taken), raising=False)
    assert "Profile" not in hostile().report(tmp_path / "r.html").read_text()


def test_the_record_is_plain_json(tmp_path):
    text = hostile().record(tmp_path / "r.json").read_text(encoding="utf-8")
    told = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert (told["format"], told["version"], told["parameters"]) == ("pathos_nb record", 1, ["x", "<i>"])
    assert told["points"][0]["value"] == 1.5 and told["points"][2]["value"] is None
    assert told["run"]["n_points"] == 4 and told["run"]["state"] == "failed" and told["run"]["started"][-1] == "Z"
    assert told["failures"][0]["index"] == 1 and BAD in told["failures"][0]["traceback"]
    assert told["code"] == f"# {BAD}" and told["environment"]["lib"] == BAD


def test_values_of_any_kind_are_written(tmp_path):
    numpy = pytest.importorskip("numpy")
    values = [
        numpy.float32(0.5),
        numpy.arange(3),
        numpy.zeros(5000),
        {1: (2, {3})},
        1 << 80,
        -math.inf,
        "\ud800",
        object,
    ]
    run = FakeRun(len(values))
    run.deliver(dict(enumerate(values)))
    run.end()
    results = Results(run, ("x",), [(numpy.int64(i),) for i in range(len(values))])
    told = json.loads(results.record(tmp_path / "r.json").read_text(encoding="utf-8"))
    found = [point["value"] for point in told["points"]]
    assert found[:2] == [0.5, [0, 1, 2]] and found[2] == "ndarray 5000" and found[3] == {"1": [2, "{3}"]}
    assert found[4] == str(1 << 80) and found[5] == "-Infinity" and told["points"][3]["x"] == 3
    rows = list(csv.DictReader(results.record(tmp_path / "r.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["x"] for row in rows] == [str(i) for i in range(len(values))] and rows[0]["value"] == "0.5"
    assert rows[1]["value"] == "ndarray 3" and rows[0]["error"] == ""
    assert "ndarray 5000" in results.report(tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_name_that_says_nothing_is_refused(tmp_path):
    results = hostile()
    with pytest.raises(BadOption, match=r"'r.pdf'; its name ends in .html"):
        results.report(tmp_path / "r.pdf")
    with pytest.raises(BadOption, match=r"'r'; its name ends in .json or .csv"):
        results.record(tmp_path / "r")
    with pytest.raises(BadOption, match=r"record\(path\) writes .json and .csv"):
        results.report(tmp_path / "r.json")
    with pytest.raises(BadOption, match=r"report\(path\) writes .html"):
        results.record(tmp_path / "r.html")


class Lies(Exception):
    """Nobody gets a word out of it."""

    def __str__(self) -> str:
        raise RuntimeError("in str")

    __repr__ = __str__


def test_an_error_whose_text_raises_is_told_wherever_errors_are_shown(tmp_path):
    run = FakeRun(2, title="hx")
    run.deliver({0: 1, 1: Failure(1, Lies(SystemExit), worker="p1", host="here")})
    run.end("failed")
    results = Results(run, ("x",), [(0,), (1,)])
    again = Results.load(results.save(tmp_path / "r.results"))
    page = results.report(tmp_path / "r.html").read_text()
    record = results.record(tmp_path / "r.json").read_text()
    table = results.to_dict()["error"][1]
    for told in (repr(results), results._repr_html_(), repr(results.errors), page, record, table, repr(again)):
        assert "whose text raises RuntimeError" in told or "its text raises RuntimeError" in told, told
    assert results.errors[0].to_json()["message"] == "<its text raises RuntimeError>"
    assert "RuntimeError" in repr(Failure(0, Lies()))


def test_a_pickled_result_has_the_same_report(tmp_path):
    results = hostile()
    again = Results.load(results.save(tmp_path / "r"))
    for name in ("r.html", "r.json", "r.csv"):
        write = "report" if name.endswith("html") else "record"
        first = getattr(results, write)(tmp_path / name).read_text()
        assert getattr(again, write)(tmp_path / name).read_text() == first


def _removed(folder):
    return folder / "missing" / "deep", "there is no folder .*make it first: Path\\(.*mkdir\\(parents=True\\)"


def _a_file(folder):
    (folder / "plain").write_text("")
    return folder / "plain", "is a file and no folder"


WRITERS = {
    "report": lambda results, folder: results.report(folder / "r.html"),
    "record": lambda results, folder: results.record(folder / "r.json"),
    "save": lambda results, folder: results.save(folder / "r.pathos"),
    "export": lambda results, folder: export(results.run, folder / "trace.json", results.label),
    "plot": lambda results, folder: results.plot("value").save(folder / "r.png"),
}


@pytest.mark.parametrize("where", [_removed, _a_file], ids=lambda where: where.__name__)
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_file_that_cannot_be_written_says_why_and_what_to_do(tmp_path, where, write):
    folder, match = where(tmp_path)
    run = FakeRun(1)
    run.profile = None
    run.deliver({0: 1.5})
    run.end("done")
    with pytest.raises(CannotWrite, match=match) as caught:
        write(Results(run, ("x",), [(0,)]), folder)
    assert isinstance(caught.value, OSError) and caught.value.errno and not list(tmp_path.rglob(".*.part"))


def test_a_folder_in_the_files_place_one_that_is_locked_and_a_full_disk_are_told(tmp_path):
    with pytest.raises(CannotWrite, match="may not be written to; name a file in a folder"), writing(tmp_path / "x"):
        raise PermissionError(errno.EROFS, "Read-only file system")
    with pytest.raises(CannotWrite, match="it is a folder; name a file in it"), writing(tmp_path):
        raise IsADirectoryError(errno.EISDIR, "Is a directory")
    with pytest.raises(CannotWrite, match="its disk is full; free some space"), writing(tmp_path / "x"):
        raise OSError(errno.ENOSPC, "No space left on device")
