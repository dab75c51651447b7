"""How a line of options is read: one description of a command feeds parsing, help, completion and tests.

`argparse` is not used, because it cannot stop at the first word that is no option (what follows is Python), and because
its messages do not say what was meant.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from IPython.core.error import UsageError

__all__ = ["Command", "Option", "Word", "line_of", "nearest", "refuse_settings"]

_WORD = re.compile(r"""\s*((?:[^\s"']|"[^"]*"|'[^']*')+)""")
_SETTING = re.compile(r"[A-Za-z_]\w*=(?!=).+", re.DOTALL)


def nearest(word: str, known: Iterable[str]) -> str:
    """Give ``"; did you mean X?"`` for a mistyped word, or nothing.

    Parameters
    ----------
    word : str
        What was typed.
    known : iterable of str
        What there is.

    Returns
    -------
    str
        A clause to put at the end of a message.
    """
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else ""


def line_of(words: Iterable[str]) -> str:
    """Write words as a line that is read as these very words, whatever is in them.

    Parameters
    ----------
    words : iterable of str
        Options (``--port=22``, or ``--port`` and ``22``) and others.

    Returns
    -------
    str
        For `Command.parse`.
    """
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    flag, equals, value = word.partition("=")
    is_flag = bool(re.fullmatch(r"--?[A-Za-z][A-Za-z0-9-]*", flag))
    return f"{flag}={shlex.quote(value)}" if is_flag and equals else shlex.quote(word)


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command.

    Parameters
    ----------
    long : str
        Its name without dashes.
    help : str
        What it does.
    short : str
        One letter, or nothing.
    metavar : str
        What its value is called in the help; empty for a switch.
    kind : callable
        From the text to the value; raises ValueError with "a number above 0" or the like.
    offers : str
        What its value is completed from: ``"pools"``, ``"open"``, ``"runs"``, ``"going"`` or words with spaces between.
    bare : str
        The value where none is written. Then a word that follows is the value only if it is a whole number, and before
        an expression not even that.
    """

    long: str
    help: str
    short: str = ""
    metavar: str = ""
    kind: Callable[[str], Any] = str
    offers: str = ""
    bare: str = ""

    @property
    def key(self) -> str:
        """The name under which the parsed values hold it."""
        return self.long.replace("-", "_")

    @property
    def flags(self) -> tuple[str, ...]:
        """Every way to write it."""
        return (f"-{self.short}", f"--{self.long}") if self.short else (f"--{self.long}",)

    def value(self, text: str) -> Any:
        """Read the value.

        Parameters
        ----------
        text : str
            As it was typed.

        Returns
        -------
        object
            What `kind` makes of it.

        Raises
        ------
        UsageError
            Where `kind` refuses it.
        """
        try:
            return self.kind(text)
        except ValueError as error:
            raise UsageError(f"--{self.long} wants {error}, not {text!r}") from None


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a command that is no option.

    Parameters
    ----------
    name : str
        The key it gets.
    offers : str
        What it is completed from, as in `Option`.
    is_needed : bool
        Must it be there?
    is_many : bool
        Takes all that follow, as a tuple.
    """

    name: str
    offers: str = ""
    is_needed: bool = False
    is_many: bool = False

    def __str__(self) -> str:
        text = self.name.upper() + (" …" if self.is_many else "")
        return text if self.is_needed else f"[{text}]"


@dataclass(frozen=True, slots=True)
class Command:
    """What may be typed after a magic, and what it means.

    Parameters
    ----------
    name : str
        As it is typed, such as ``%%pmap``.
    summary : str
        One line for the help.
    options : tuple of Option
        In the order of the help.
    words : tuple of Word
        For a command that takes words.
    rest : str
        For one that takes Python after the options, or with `words` anything after ``--``: what its usage calls it.
    more : str
        The end of the help: examples.
    has_settings : bool
        Whether words KEY=VALUE may stand among the options; they are no Python.
    """

    name: str
    summary: str
    options: tuple[Option, ...] = ()
    words: tuple[Word, ...] = ()
    rest: str = ""
    more: str = ""
    has_settings: bool = False

    def split(self, line: str) -> tuple[dict[str, Any], str]:
        """Read the options that begin the line; the rest is Python and is not touched.

        Parameters
        ----------
        line : str
            What stands after the magic's name.

        Returns
        -------
        tuple of dict and str
            All options by their keys (None or False where not given), and the rest.

        Raises
        ------
        UsageError
            For an unknown option, or a value that is missing or makes no sense.
        """
        values, position = self._nothing(), 0
        while (found := _WORD.match(line, position)) and (_is_option(found[1]) or self._is_setting(found[1])):
            position = found.end()
            if found[1] == "--":
                break
            if self._is_setting(found[1]):
                key, _, text = found[1].partition("=")
                values["settings"] = {**(values["settings"] or {}), key: _bare(text)}
                continue
            position = self._take(found[1], line, position, values)
        return values, line[position:].strip()

    def _is_setting(self, word: str) -> bool:
        return self.has_settings and bool(_SETTING.fullmatch(word))

    def parse(self, line: str) -> dict[str, Any]:
        """Read a line of options and words, in any order.

        Parameters
        ----------
        line : str
            What stands after the command's name; a comment at its end is left out.

        Returns
        -------
        dict
            Options and words by their keys.

        Raises
        ------
        UsageError
            As `split`; also for a word too many or too few.
        """
        line = _without_comment(line)
        values, words, position = self._nothing(), list[str](), 0
        while found := _WORD.match(line, position):
            position = found.end()
            if found[1] == "--" and self.rest:
                values["rest"], position = self._words_of(line[position:]), len(line)
            elif _is_option(found[1]):
                position = self._take(found[1], line, position, values)
            else:
                words.append(_bare(found[1]))
        if line[position:].strip():
            raise UsageError(f"{self.name}: a quotation mark is not closed in {line.strip()!r}")
        if values["help"]:
            return values
        named = self._named(words)
        if self.rest and not values["rest"]:
            raise UsageError(f"{self.name} wants {self.rest}: {self.usage}")
        return {**values, **named}

    def _words_of(self, text: str) -> tuple[str, ...]:
        try:
            return tuple(shlex.split(text))
        except ValueError:
            raise UsageError(f"{self.name}: a quotation mark is not closed in {text.strip()!r}") from None

    def _nothing(self) -> dict[str, Any]:
        rest: dict[str, Any] = {"rest": ()} if self.rest and self.words else {}
        if self.has_settings:
            rest["settings"] = None
        return {"help": False, **{o.key: None if o.metavar else False for o in self.options}, **rest}

    def _take(self, word: str, line: str, position: int, values: dict[str, Any]) -> int:
        option, text = self._find(word)
        if option is None:
            values["help"] = True
            return position
        if not option.metavar:
            values[option.key] = True
            return position
        if text is None:
            found = _WORD.match(line, position)
            if option.bare and not (found and found[1].isdecimal() and not self.rest.startswith("EXPR")):
                text = option.bare
            elif not found:
                raise UsageError(f"--{option.long} wants a value: {option.flags[0]} {option.metavar}")
            else:
                text, position = found[1], found.end()
        if values[option.key] is not None:
            raise UsageError(f"--{option.long} is given twice; {_more_than_one(option)}")
        values[option.key] = option.value(_bare(text))
        return position

    def _find(self, word: str) -> tuple[Option | None, str | None]:
        flag, equals, text = word.partition("=")
        if flag in ("-h", "--help"):
            return None, None
        for option in self.options:
            if flag in option.flags and equals and not option.metavar:
                raise UsageError(f"{flag} is a switch and takes no value: {flag}, not {word}")
            if flag in option.flags:
                return option, text if equals else None
            if option.metavar and option.short and not word.startswith("--") and word[1] == option.short:
                return option, word[2:].removeprefix("=")
        raise UsageError(f"{self.name} has no option {flag}{self._meant(flag)}")

    def _meant(self, flag: str) -> str:
        if self.rest.startswith("EXPR") and not flag.startswith("--"):
            return "; an expression that begins with a minus goes in parentheses"
        known = [f for o in self.options for f in o.flags if f.startswith("--")]
        return nearest(flag, known) or f"; {self.name} -h lists them"

    def _named(self, words: list[str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for word in self.words:
            if word.is_needed and not words:
                raise UsageError(f"{self.name} wants {word.name.upper()}: {self.usage}")
            if word.is_many:
                values[word.name], words = tuple(words), []
            else:
                values[word.name] = words.pop(0) if words else None
        if words:
            raise UsageError(f"{self.name} does not take {words[0]!r}: {self.usage}")
        return values

    @property
    def usage(self) -> str:
        """The command in one line."""
        parts = [self.name, "[options]" if self.options else "", *map(str, self.words), self.rest]
        return " ".join(part for part in parts if part)

    @property
    def help(self) -> str:
        """What ``-h`` prints."""
        rows = [(f"{', '.join(o.flags)} {o.metavar}".rstrip(), o.help) for o in self.options]
        rows.append(("-h, --help", "print this"))
        width = max(len(left) for left, _ in rows)
        lines = [f"  {left:<{width}}  {right}" for left, right in rows]
        tail = ["", *self.more.strip("\n").splitlines()] if self.more else []
        return "\n".join([self.usage, "", self.summary, "", *lines, *tail])


def _more_than_one(option: Option) -> str:
    return f"several go behind one, as {option.metavar}" if "," in option.metavar else "leave one out"


def _is_option(word: str) -> bool:
    return bool(re.match(r"--?[A-Za-z]|--$", word))


def _without_comment(line: str) -> str:
    """Leave out what follows a word that begins with ``#``, as a shell does and Python; IPython leaves it in."""
    position = 0
    while found := _WORD.match(line, position):
        if found[1].startswith("#"):
            return line[: found.start(1)]
        position = found.end()
    return line


def _bare(word: str) -> str:
    return "".join(shlex.split(word)) if "'" in word or '"' in word else word


def given(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Give those of the parsed values that were typed.

    Parameters
    ----------
    values : mapping
        From `Command.split` or `Command.parse`.
    *keys : str
        Which of them.

    Returns
    -------
    dict
        Without those that are None.
    """
    return {key: values[key] for key in keys if values[key] is not None}


def refuse_settings(values: Mapping[str, Any], command: Command) -> None:
    """Refuse words ``NAME=VALUE`` where they would do nothing: they are settings of a queue.

    Parameters
    ----------
    values : mapping
        All options by their keys.
    command : Command
        Whose.

    Raises
    ------
    UsageError
        There is one, and nothing is detached.
    """
    if not values.get("settings") or values.get("detach"):
        return
    [(name, text), *_] = values["settings"].items()
    known = [option.key for option in command.options if option.metavar]
    meant = name if name in known else next(iter(difflib.get_close_matches(name, known, n=1)), "")
    hint = f"; did you mean --{meant.replace('_', '-')} {text}?" if meant else ""
    raise UsageError(f"{name}={text} is a setting of a queue, for --detach{hint}")
