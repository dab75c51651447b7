"""Tab completion of verbs, options, pools and runs, from the table of commands.

One matcher is appended to the completer's ``custom_matchers``. It answers only on the line of one of our magics, and
before ``for``: behind that, the line is Python, which IPython completes itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from IPython.core.completer import SimpleCompletion, context_matcher

from pathos_nb.notebook.commands import PATHOS, PMAP_CELL, PMAP_LINE, PPIPE, VERBS
from pathos_nb.notebook.usage import Command, Option

__all__ = ["make_matcher", "suggest"]

_LINE = re.compile(r"^\s*(?:[\w.,\s]+=\s*)?(?P<magic>%{1,2}(?:pmap|ppipe)|%pathos)\s+(?P<tail>.*)$")
_COMMANDS = {c.name: c for c in (PMAP_CELL, PMAP_LINE, PPIPE)}
Offers = Mapping[str, Callable[[], Iterable[str]]]


class _Offered(list[SimpleCompletion]):
    """What may stand here, and nothing else may, even if it is nothing.

    IPython lets a matcher keep the others out only if it is not empty, by its length.
    """

    def __len__(self) -> int:
        return super().__len__() or 1


def make_matcher(offers: Offers) -> Any:
    """Make the matcher that IPython's completer is given.

    Parameters
    ----------
    offers : mapping
        Gives the words of ``pools``, ``open``, ``runs``, ``going`` and ``verbs``.

    Returns
    -------
    callable
        A matcher of the second version of IPython's interface.
    """

    @context_matcher(identifier="pathos_nb")  # type: ignore[untyped-decorator]
    def pathos_nb_matcher(context: Any) -> dict[str, Any]:
        found = suggest(context.text_until_cursor, offers)
        if found is None:
            return {"completions": [], "suppress": False}
        at = len(_begun(context.text_until_cursor)) - len(context.token)  # only what is behind a comma is replaced
        words = [word[at:] for word in found] if at > 0 else found
        completions = _Offered(SimpleCompletion(text=word, type="magic") for word in words)
        return {"completions": completions, "suppress": True, "ordered": True}

    return pathos_nb_matcher


def suggest(text: str, offers: Offers) -> list[str] | None:
    """Give what may stand at the end of the line.

    Parameters
    ----------
    text : str
        The line up to the cursor.
    offers : mapping
        As in `make_matcher`.

    Returns
    -------
    list of str or None
        Whole words that begin as the last one does; None where it is not ours to say, as Python stands there.
    """
    line = _LINE.match(text)
    if not line:
        return None
    words, begun = line["tail"].split(), _begun(text)
    if begun:
        words.pop()
    found = _candidates(line["magic"], words, begun, offers)
    return None if found is None else [word for word in found if word.startswith(begun)]


def _begun(text: str) -> str:
    """Give the word that is being typed."""
    return text.split()[-1] if text and not text[-1].isspace() else ""


def _candidates(magic: str, words: Sequence[str], begun: str, offers: Offers) -> list[str] | None:
    command: Command | None = _COMMANDS.get(magic)
    if magic == "%pathos":
        command = VERBS.get(words[0]) if words else PATHOS
        words = words[1:]
    if command is None:
        return []
    if command.rest and not command.words and _n_options(command, words) < len(words):
        return None  # behind the options
    if "--" in words:
        return []
    option = _last_option(command, words)
    if option is not None:
        return _values(option, begun, offers)
    if "=" in begun and (option := _last_option(command, [begun.partition("=")[0]])) is not None:
        flag, _, value = begun.partition("=")
        return [f"{flag}={word}" for word in _values(option, value, offers)]
    if begun.startswith("-"):
        return [*(flag for o in command.options for flag in o.flags if flag.startswith("--")), "--help"]
    if command is PMAP_LINE:
        return None
    return _next_word(command, words, offers) if command.words else ["for"] if command is PMAP_CELL else []


def _next_word(command: Command, words: Sequence[str], offers: Offers) -> list[str]:
    """Give what may stand as the next word that is no option."""
    taking = {flag for o in command.options if o.metavar for flag in o.flags}
    typed = [w for before, w in zip(["", *words], words, strict=False) if w[0] != "-" and before not in taking]
    left = [*command.words[len(typed) :], *(w for w in command.words[-1:] if w.is_many)]
    return _words(left[0].offers, offers) if left else []


def _n_options(command: Command, words: Sequence[str]) -> int:
    """Count the words at the beginning that are options and their values."""
    n = 0
    while n < len(words) and words[n].startswith("-"):
        n += 2 if any(o.metavar and words[n] in o.flags for o in command.options) else 1
    return n


def _last_option(command: Command, words: Sequence[str]) -> Option | None:
    """Find the option that waits for its value."""
    found = [o for o in command.options if o.metavar and words and words[-1] in o.flags]
    return found[0] if found else None


def _values(option: Option, begun: str, offers: Offers) -> list[str]:
    """Give an option's values; of one that takes several, each with those before it."""
    words = _words(option.offers, offers)
    if "," not in option.metavar:
        return words
    *before, _ = begun.split(",")
    return [",".join([*before, word]) for word in words if word not in before]


def _words(what: str, offers: Offers) -> list[str]:
    return list(offers[what]()) if what in offers else what.split()
