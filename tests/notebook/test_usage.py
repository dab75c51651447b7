"""Options: one table feeds parsing, help and completion."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from IPython.core.error import UsageError

from pathos_nb.notebook.actions import ACTIONS
from pathos_nb.notebook.commands import PMAP_CELL, PMAP_LINE, PPIPE, TOPICS, VERBS, help_alone, help_text, split_verb
from pathos_nb.notebook.completion import suggest

ROOT = Path(__file__).parents[2]
_VERB_LINE = re.compile(r"^ *%pathos (.+)$", re.MULTILINE)
_PYTHON = re.compile(r"^ *```python\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
MADE = {"_build", "notebooks"}  # when the pages are built
COMMANDS = {command.name: command for command in (PMAP_CELL, PMAP_LINE, PPIPE, *VERBS.values())}

GIVEN = {
    "-o fits for x in xs": ({"out": "fits"}, "for x in xs"),
    "-ofits for x in xs": ({"out": "fits"}, "for x in xs"),
    "--out=fits for x in xs": ({"out": "fits"}, "for x in xs"),
    "-p processes,threads -n 3 for x in xs": ({"pool": ("processes", "threads"), "nodes": 3}, "for x in xs"),
    "-n4 for x in xs": ({"nodes": 4}, "for x in xs"),
    "--title 'for all of it' for x in xs": ({"title": "for all of it"}, "for x in xs"),
    '--title="a b" -q for x in xs': ({"title": "a b", "quiet": True}, "for x in xs"),
    "--timeout 2.5 --retries 0 for x in xs": ({"timeout": 2.5, "retries": 0}, "for x in xs"),
    "--timeout 30s for x in xs": ({"timeout": 30.0}, "for x in xs"),
    "--on-error keep --bg --seed 7 for x in xs": ({"on_error": "keep", "bg": True, "seed": 7}, "for x in xs"),
    "for x in ['-o', \"it's\"]": ({}, "for x in ['-o', \"it's\"]"),
    "  for x in xs  # -o is a comment": ({}, "for x in xs  # -o is a comment"),
    "-h": ({"help": True}, ""),
    "-- for x in xs": ({}, "for x in xs"),
}


@pytest.mark.parametrize(("line", "expected"), GIVEN.items(), ids=GIVEN.keys())
def test_options_are_read_up_to_the_first_word_that_is_none(line, expected):
    values, rest = PMAP_CELL.split(line)
    assert ({key: value for key, value in values.items() if value is not None and value is not False}, rest) == expected


def test_a_negative_number_begins_an_expression():
    assert PMAP_LINE.split("-1 * x for x in xs")[1] == "-1 * x for x in xs"


WRONG = {
    "--outt x for": "%%pmap has no option --outt; did you mean --out?",
    "--tiemout 3 for": "did you mean --timeout?",
    "--xyzzy for": "%%pmap has no option --xyzzy; %%pmap -h lists them",
    "--bg=1 for": "--bg is a switch and takes no value: --bg, not --bg=1",
    "--profile=abc for": "--profile is a switch and takes no value",
    "-o": "--out wants a value: -o NAME",
    "-o 3x for": "--out wants the name of a variable, not '3x'",
    "-o class for": "--out wants the name of a variable, not 'class'",
    "-n 0 for": "--nodes wants a whole number from 1, not '0'",
    "-n -1 for": "--nodes wants a whole number from 1, not '-1'",
    "-n many for": "--nodes wants a whole number from 1, not 'many'",
    "--timeout 0 for": "--timeout wants a number of seconds above 0, not '0'",
    "--timeout nan for": "--timeout wants a number of seconds above 0",
    "--timeout inf for": "--timeout wants a number of seconds above 0",
    "--retries -1 for": "--retries wants a whole number from 0",
    "--on-error skip for": "--on-error wants raise, keep or stop, not 'skip'",
    "-o a -n 2 --out b for": "--out is given twice; leave one out",
    "-p threads -p serial for": "--pool is given twice; several go behind one, as WHERE[,WHERE]",
    "-p , for": "--pool wants places with commas between",
}


@pytest.mark.parametrize(("line", "message"), WRONG.items(), ids=WRONG.keys())
def test_a_wrong_option_is_one_line_that_says_what_was_meant(line, message):
    with pytest.raises(UsageError) as caught:
        PMAP_CELL.split(line)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_expression_that_begins_with_a_minus_gets_a_hint():
    with pytest.raises(UsageError, match="goes in parentheses"):
        PMAP_LINE.split("-x for x in xs")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_the_help_of_every_command_names_all_that_it_takes(command):
    for option in command.options:
        assert all(flag in command.help for flag in option.flags)
        assert option.help in command.help
    for word in command.words:
        assert word.name.upper() in command.help
    assert command.summary in command.help
    assert max(map(len, command.help.splitlines())) <= 100, "it must fit a cell"


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_every_option_of_every_command_is_completed(command):
    for option in command.options:
        assert f"--{option.long}" in suggest(f"{command.name} --", {})


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_every_command_explains_itself(command):
    values = command.parse("-h") if command.name.startswith("%pathos") else command.split("-h")[0]
    assert values["help"]


def test_every_verb_has_an_action_and_a_line_in_the_overview():
    assert set(ACTIONS) == set(VERBS) - {"help", "panel"}
    overview = help_text()
    assert all(command.usage in overview for command in COMMANDS.values())
    assert max(map(len, overview.splitlines())) <= 100


VERB_LINES = {
    "use processes threads -n 2": ("use", {"where": ("processes", "threads"), "nodes": 2}),
    "pool big processes": (
        "pool",
        {"name": "big", "where": ("processes",), "nodes": None, "restart": False, "on": None},
    ),
    "pool big -n 4": ("pool", {"name": "big", "where": (), "nodes": 4, "restart": False, "on": None}),
    "cancel --all": ("cancel", {"run": None, "all": True}),
    "errors fits": ("errors", {"run": "fits"}),
    "errors": ("errors", {"run": None}),
    "close a b": ("close", {"pool": ("a", "b"), "all": False}),
    "errors fits   # what's in it": ("errors", {"run": "fits"}),
    "close a#1 '#2' # and no more": ("close", {"pool": ("a#1", "#2"), "all": False}),
    "": ("help", {"topic": None}),
    "-h": ("help", {"topic": None}),
    "help use": ("help", {"topic": "use"}),
}


@pytest.mark.parametrize(("line", "expected"), VERB_LINES.items(), ids=VERB_LINES.keys())
def test_verbs_are_read(line, expected):
    verb, rest = split_verb(line)
    assert (verb, VERBS[verb].parse(rest)) == (expected[0], {"help": False, **expected[1]})


def test_a_semicolon_at_the_end_is_no_part_of_a_verb_but_of_a_command_for_a_host():
    assert split_verb("use processes;") == split_verb("use processes ; ") == ("use", "processes")
    assert split_verb("pools;") == ("pools", "")
    verb, rest = split_verb(r"exec node7 -- find . -exec wc {} \;")
    assert VERBS[verb].parse(rest)["rest"][-1] == ";"


def test_a_command_for_a_host_ends_where_a_comment_begins():
    assert VERBS["exec"].parse("node7 -- grep '#' a#b  # how many?")["rest"] == ("grep", "#", "a#b")


def test_the_verbs_of_the_pages_can_be_typed_as_they_stand():
    """A comment behind a verb is what a page shows, and what is copied with it."""
    pages = [page for page in (ROOT / "docs").rglob("*.md") if not MADE & set(page.relative_to(ROOT / "docs").parts)]
    cells = [
        cell for page in (ROOT / "README.md", *pages) for cell in _PYTHON.findall(page.read_text(encoding="utf-8"))
    ]
    lines = [line for cell in cells for line in _VERB_LINE.findall(cell)]
    assert sum("#" in line for line in lines) > 10
    for line in lines:
        verb, rest = split_verb(line)
        assert "#" not in str(VERBS[verb].parse(rest)), line


WRONG_VERBS = {
    "usee processes": "%pathos has no verb 'usee'; did you mean use?",
    "xyzzy": "there are use, pool, pools",
    "use": "%pathos use wants WHERE",
    "use processes -x 3": "%pathos use has no option -x",
    "pools big": "%pathos pools does not take 'big'",
    "errors a b": "%pathos errors does not take 'b'",
    "connect -h2o": "%pathos connect has no option -h2o",
    "connect me@node7 --port 0": "--port wants a port from 1 to 65535, not '0'",
    "connect node7 --name 'a b'": "--name wants a name of letters",
    "exec node7": "%pathos exec wants -- COMMAND",
    "exec -- ls": "%pathos exec wants HOST",
    "exec node7 ls": "%pathos exec does not take 'ls'",
    "copy a": "%pathos copy wants DESTINATION",
    "errors 'a": "a quotation mark is not closed",
}


@pytest.mark.parametrize(("line", "message"), WRONG_VERBS.items(), ids=WRONG_VERBS.keys())
def test_a_wrong_verb_is_one_line_that_says_what_was_meant(line, message):
    with pytest.raises(UsageError) as caught:
        verb, rest = split_verb(line)
        VERBS[verb].parse(rest)
    assert message in str(caught.value)


HELP_ALONE = {
    "%%pmap -h": "%pathos help pmap\n",
    "%%pmap --help\n\n": "%pathos help pmap\n",
    "%%ppipe -o x -h": "%pathos help ppipe\n",
    "%%pmap -h\n1": None,
    "%%pmap for x in xs -h": None,
    "%%timeit -h": None,
    "%pmap -h": None,
    "": None,
}


@pytest.mark.parametrize("cell", HELP_ALONE, ids=lambda cell: cell or "empty")
def test_help_of_a_cell_magic_may_be_asked_alone(cell):
    lines = cell.splitlines(keepends=True)
    assert "".join(help_alone(lines)) == (HELP_ALONE[cell] or cell)


def test_help_knows_the_magics_too_and_guesses():
    assert "%pmap [options] EXPR" in help_text("pmap")
    assert "--each" in help_text("%%ppipe")
    with pytest.raises(UsageError, match="did you mean pools"):
        help_text("poools")


OFFERS = {"pools": lambda: ["processes", "big"], "runs": lambda: ["fits"]}
OFFERS |= {"open": lambda: ["big", "small"], "going": lambda: ["12-ab"]}
OFFERS |= {"verbs": lambda: list(VERBS), "topics": lambda: TOPICS}
OFFERS |= {"hosts": lambda: ["node7", "gate"], "connected": lambda: ["node7"]}

TYPED = {
    "%pathos ": list(VERBS),
    "%pathos ca": ["cancel"],
    "%pathos exec ": ["node7"],
    "%pathos exec node7 -- l": [],
    "%pathos exec --timeout 3 no": ["node7"],
    "%pathos exec node7 no": [],
    "%pathos disconnect node7 no": ["node7"],
    "%pathos connect --key k ga": ["gate"],
    "%pathos connect --transport ": ["paramiko", "openssh"],
    "%pathos connect --port ": [],
    "%pathos use pro": ["processes"],
    "%pathos errors ": ["fits"],
    "%pathos use -": ["--nodes", "--help"],
    "%pathos help po": ["pool", "pools"],
    "%pathos nonsense ": [],
    "%%pmap --t": ["--timeout", "--title"],
    "%%pmap -p ": ["processes", "big"],
    "%%pmap -p threads,": ["threads,processes", "threads,big"],
    "%%pmap -p big,pro": ["big,processes"],
    "%%pmap --pool=big,": ["--pool=big,processes"],
    "%%pmap --on-error=k": ["--on-error=keep"],
    "%%pmap --title=a": [],
    "%pathos close ": ["big", "small"],
    "%pathos close big s": ["small"],
    "%pathos cancel ": ["12-ab"],
    "%%pmap --on-error ": ["raise", "keep", "stop"],
    "%%pmap -o fits --on-error k": ["keep"],
    "%%pmap ": ["for"],
    "%%pmap -o ": [],
    "%%pmap -n ": [],
    "%%pmap xyz": [],
    "%%pmap for x in ": None,
    "%%pmap for x in xs --o": None,
    "%pathos runs ": [],
    "y = %pmap --se": ["--seed"],
    "%pmap sco": None,
    "%pmap score(m) for m in mod": None,
    "%%ppipe --e": ["--each"],
    "%%ppipe ": [],
    "%%time ": None,
    "pathos ": None,
}


@pytest.mark.parametrize(("text", "expected"), TYPED.items(), ids=TYPED.keys())
def test_completion_offers_what_may_stand_there(text, expected):
    assert suggest(text, OFFERS) == expected
