"""The user's own modules, however many and however often asked for: a changed file is the one that goes."""

from __future__ import annotations

import io
import os
import pickle
import sys
import zipfile

import pytest

from pathos_nb.launchers.agent_beside import Beside
from tests.rig.census import until

N_FILES = 40


@pytest.fixture(params=["linux", "elsewhere"])
def project(tmp_path, monkeypatch, request):
    """Give a folder with a package of many files, on the path; once where the system tells of changes, once not."""
    if request.param == "elsewhere":
        monkeypatch.setattr("pathos_nb.launchers.file_watch.sys.platform", "other")
    folder = tmp_path / "manyfold"
    folder.mkdir()
    for number in range(N_FILES):
        (folder / f"part{number}.py").write_text(f"value = {number:04}\n")
    (folder / "__init__.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return folder


@pytest.fixture(params=[0, 50])
def beside(request):
    """Give the looks and how often one looks before anything changes: at first each time, later the system tells."""
    made = Beside()
    news = made.news

    def after_some(payload, is_new_run):
        found = news(payload, is_new_run)
        for _ in range(request.param if found else 0):
            assert news(payload, True) is None
        return found

    made.news = after_some
    yield made
    made.close()


PAYLOAD = pickle.dumps({"__module__": "manyfold.part3"}, 5)


def sent(news) -> dict[str, bytes]:
    names, packed = news
    assert "manyfold" in names
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_what_has_not_changed_goes_once(project, beside):
    assert len(sent(beside.news(PAYLOAD, True))) == N_FILES + 1
    assert [beside.news(PAYLOAD, True) for _ in range(100)] == [None] * 100


def test_a_file_that_has_changed_goes_however_it_was_changed(project, beside):
    beside.news(PAYLOAD, True)
    (project / "part3.py").write_text("value = 'written over'\n")
    assert b"written over" in sent(beside.news(PAYLOAD, True))["manyfold/part3.py"]
    (project / "new").write_text("value = 'put in its place'\n")
    (project / "new").replace(project / "part3.py")
    assert b"put in its place" in sent(beside.news(PAYLOAD, True))["manyfold/part3.py"]
    assert beside.news(PAYLOAD, True) is None
    (project / "part7.py").unlink()
    assert "manyfold/part7.py" not in sent(beside.news(PAYLOAD, True))
    with (project / "part9.py").open("a") as file:
        file.write("more = 1\n")
    assert b"more = 1" in sent(beside.news(PAYLOAD, True))["manyfold/part9.py"]


def test_what_is_followed_is_let_go(project):
    before, beside = len(os.listdir("/dev/fd")), Beside()
    for _ in range(50):
        beside.news(PAYLOAD, True)
    beside.close()
    assert until(lambda: len(os.listdir("/dev/fd")) <= before), "what earlier tests had open may go meanwhile"


def test_within_a_run_files_are_taken_as_they_were(project, beside):
    beside.news(PAYLOAD, True)
    (project / "part3.py").write_text("value = 'written over'\n")
    assert beside.news(PAYLOAD, False) is None
    assert beside.news(PAYLOAD, True) is not None


@pytest.mark.parametrize("payload", [b"amanyfold", b"manyfolds", b"\x8c\x0bin_manyfold\x94", b"nothing"])
def test_a_name_within_another_is_none(project, beside, payload):
    assert beside.news(payload, True) is None


@pytest.mark.parametrize("length", [9, 50, 80, 110])
def test_a_name_is_found_whatever_its_size_looks_like(project, beside, length):
    name = "manyfold" if length == 9 else f"manyfold.{'x' * (length - 9)}"
    assert beside.news(pickle.dumps(name, 5), True) is not None
