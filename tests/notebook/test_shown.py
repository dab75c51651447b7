"""What items show besides text: pictures travel with the output, and nothing of them is believed but their looks."""

from __future__ import annotations

import base64
import builtins
import json
import subprocess
import sys

import pytest

from pathos_nb.dispatch.shown import Picture, part
from pathos_nb.launchers import rich
from pathos_nb.notebook.picture import Snapshot, html

PIXEL = base64.b64encode(b"\x89PNG and so on").decode()


def frame(*told: object) -> str:
    return f"{rich.BEGIN}{json.dumps(told)}{rich.END}"


def test_a_picture_is_parted_from_the_text_around_it():
    text, pictures = part(f"before\n{frame('image/png', PIXEL, '<Figure>')}\nafter\n")
    assert (text, pictures) == ("before\n<Figure>\nafter\n", [Picture("image/png", PIXEL)])
    assert part("nothing to see\n") == ("nothing to see\n", [])


ODD = {
    "cut off": frame("image/png", PIXEL, "x")[:40],
    "not in base64": frame("image/png", '"><script>alert(1)</script>', "x"),
    "no json": f"{rich.BEGIN}hello{rich.END}",
    "too few parts": frame("image/png", PIXEL),
    "another kind": frame("text/html", "<script>alert(1)</script>", "its text"),
}


@pytest.mark.parametrize("output", ODD.values(), ids=ODD.keys())
def test_what_is_no_picture_is_not_shown_as_one(output):
    text, pictures = part(output)
    assert not pictures and "script" not in text and rich.BEGIN not in text


def test_a_drawing_becomes_a_picture_that_runs_nothing():
    _, (picture,) = part(frame("image/svg+xml", "<svg><script>alert(1)</script></svg>", "x"))
    shot = Snapshot("t", "done", 1, 0, 1, 1.0, 1.0, pictures=[("v=<1>", *picture)], n_pictures=3)
    shown = html(shot)
    assert 'src="data:image/svg+xml;base64,' in shown and "<script" not in shown and "<svg" not in shown
    assert "v=&lt;1&gt;" in shown and "2 more pictures" in shown


def test_a_run_that_goes_on_shows_no_pictures_yet():
    shot = Snapshot("t", "running", 1, 0, 2, 1.0, 1.0, pictures=[("v=1", "image/png", PIXEL)], n_pictures=1)
    assert "data:image" not in html(shot)


def test_raw_data_is_written_as_one_frame(capsys):
    rich.publish({"text/plain": "dots", "image/png": b"\x89PNG and so on", "text/html": "<b>"})
    rich.publish({"text/plain": "only text", "text/html": "<b>"})
    rich.publish({"image/png": b"0" * rich.MAX_CHARS, "text/plain": "large"})
    text, pictures = part(capsys.readouterr().out)
    assert pictures == [Picture("image/png", PIXEL)]
    assert text.splitlines()[:2] == ["dots", "only text"] and "too large to travel" in text


INSTALLED = """
import sys
from pathos_nb.launchers import rich
rich.install(); rich.install()
assert "IPython" not in sys.modules
display({"a": 1})
from IPython.display import display as theirs, display_png, publish_display_data
assert theirs is rich.display and not any(type(f).__name__ == "_Watch" for f in sys.meta_path)
theirs("text", display_id="x").update("anew")
import IPython.core.display_functions
"""


def test_a_worker_shows_through_ipython_whoever_imports_it():
    done = subprocess.run([sys.executable, "-c", INSTALLED], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "{'a': 1}\n'text'\n'anew'\n"), done.stderr
    assert getattr(builtins, "display", None) is not rich.display, "not here"
