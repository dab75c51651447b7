"""Errors in a terminal, by whatever ``%xmode`` they are shown."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from IPython.core.compilerop import CachingCompiler
from IPython.core.ultratb import AutoFormattedTB

from pathos_nb.errors import Failure, WorkerLost
from pathos_nb.notebook.plain import picture_failure, plainly

TRACE = """Traceback (most recent call last):
  File "<%%pmap In[1]>", line 2, in point
    1 / x
ZeroDivisionError: division by zero
"""


def shell_of(mode: str) -> SimpleNamespace:
    return SimpleNamespace(InteractiveTB=AutoFormattedTB(mode=mode), compile=CachingCompiler())


each_mode = pytest.mark.parametrize("mode", ["Plain", "Context", "Verbose", "Minimal"])


@each_mode
def test_a_failed_point_has_a_line_for_each_thing_there_is_to_say(mode: str) -> None:
    shell = shell_of(mode)
    error = ZeroDivisionError("division by zero")
    failure = Failure(1, error, worker="w-1", host="here", traceback=TRACE, cure="leave zero out")
    picture_failure(shell, error, failure, "x=0")
    shown = shell.InteractiveTB.stb2text(error._render_traceback_()).splitlines()
    assert [line for line in shown if "x=0" in line and "w-1 on here" in line]
    assert "    1 / x" in shown
    assert shown[-1] == "leave zero out"


@each_mode
def test_an_error_of_ours_ends_with_where_it_is_explained(mode: str) -> None:
    shell, error = shell_of(mode), WorkerLost("the worker was lost", cure="look at its log")
    with pytest.raises(WorkerLost), plainly(shell):
        raise error
    shown = shell.InteractiveTB.stb2text(error._render_traceback_()).splitlines()
    assert "look at its log" in shown[0]
    assert shown[-1] == "%pathos help WorkerLost explains"


@each_mode
def test_what_the_notebooks_own_code_raises_is_shown_as_ipython_shows_it(mode: str) -> None:
    shell = shell_of(mode)
    with pytest.raises(KeyError) as caught, plainly(shell, __file__):
        raise KeyError("missing")
    error = caught.value
    shown = shell.InteractiveTB.stb2text(error._render_traceback_())  # type: ignore[attr-defined]
    plain = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert plain.rstrip().splitlines()[-1] == "KeyError: 'missing'"
    assert ('raise KeyError("missing")' in plain) == (mode != "Minimal")
