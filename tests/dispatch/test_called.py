"""What an item is called with, as short text."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from pathos_nb.dispatch.called import called_with, name_of
from pathos_nb.launchers.sourced import Sourced


def fit(alpha, fold=2, *rest):
    """Take some arguments."""


class Model:
    """Has a method, and can be called."""

    def fit(self, alpha):
        """Take one."""

    def __call__(self, alpha):
        """Take one."""


class Mute:
    """Has no repr."""

    def __repr__(self):
        raise ValueError("no")


@functools.wraps(fit)
def wrapped(*args):
    """Hide the parameters of another."""


CASES = [
    (fit, (0.1, 3), "alpha=0.1, fold=3"),
    (fit, (0.1,), "alpha=0.1"),
    (fit, (np.float64(1), np.int64(3)), "alpha=1, fold=3"),
    (fit, (1, 2, 3), "(1, 2, 3)"),
    (fit, (), "()"),
    (Model().fit, (1,), "alpha=1"),
    (functools.partial(fit, 1), (5,), "fold=5"),
    (Sourced(fit, "<a cell>", "…"), (1, 2), "alpha=1, fold=2"),
    (wrapped, (1, 2), "alpha=1, fold=2"),
    (Model(), (3,), "(3)"),
    (abs, (-3,), "(-3)"),
    (None, (3,), "(3)"),
    (fit, (Mute(),), "alpha=<Mute instance at"),
]


@pytest.mark.parametrize(("function", "row", "text"), CASES, ids=[text for *_, text in CASES])
def test_arguments_are_told_with_the_names_of_their_parameters(function, row, text):
    assert called_with(function, row).startswith(text)


def test_a_long_argument_is_cut():
    assert len(called_with(fit, ["x" * 1000] * 2)) < 200 and called_with(fit, range(99)).endswith("...)")


def test_the_name_is_that_of_the_users_own_function():
    assert [name_of(f) for f in (fit, functools.partial(fit, 1), Model())] == ["fit", "fit", "Model"]
