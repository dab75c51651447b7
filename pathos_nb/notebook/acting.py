"""How a verb of ``%pathos`` is carried out, whether it was typed or comes from a button."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from IPython.core.error import UsageError

from pathos_nb.explained import EXPLAINED
from pathos_nb.notebook.actions import ACTIONS
from pathos_nb.notebook.commands import VERBS, help_text
from pathos_nb.notebook.said import Page, Said
from pathos_nb.session import Session

__all__ = ["act", "order_of"]

# What concerns one thing is done in the order in which it is asked; what only looks, or takes its time, waits for none.
_ORDERED = {"use", "pool", "close", "connect", "disconnect", "tunnel", "serve", "kill"}


def act(session: Session, verb: str, values: Mapping[str, Any]) -> Any:
    """Carry a verb out.

    Parameters
    ----------
    session : Session
        The kernel's.
    verb : str
        One of `VERBS`.
    values : mapping
        As its command has parsed them.

    Returns
    -------
    object
        Something to show.

    Raises
    ------
    UsageError, PathosNbError
        It cannot be done.
    """
    if values["help"]:
        return Said(VERBS[verb].help)
    if verb == "help":
        return (Page if values["topic"] in EXPLAINED else Said)(help_text(values["topic"]))
    if verb not in ACTIONS:
        raise UsageError(f"%pathos {verb} is for a cell")
    return ACTIONS[verb](session, values)


def order_of(verb: str, values: Mapping[str, Any]) -> str:
    """Give what a verb concerns, if it has to wait for others that concern the same.

    Parameters
    ----------
    verb : str
        One of `VERBS`.
    values : mapping
        As its command has parsed them.

    Returns
    -------
    str
        Empty if it waits for nobody.
    """
    if verb not in _ORDERED or verb == "use":
        return verb if verb in _ORDERED else ""
    word = VERBS[verb].words[0]
    found = values[word.name]
    if word.is_many:
        found = found[0] if len(found) == 1 else verb
    return str(values.get("name") or found).rpartition("@")[2]
