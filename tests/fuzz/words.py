"""What a person writes: lines of magics, clauses and bodies, names of hosts, and the files that say how to reach them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hypothesis import strategies as st
from IPython.core.error import UsageError

from pathos_nb import hosts
from pathos_nb.errors import BadOption, HostUnreachable
from pathos_nb.notebook import commands
from pathos_nb.notebook.body import assigned_last, compile_body, compile_expression, is_silenced
from pathos_nb.notebook.clause import read_clause, read_comprehension
from pathos_nb.notebook.completion import suggest
from pathos_nb.secure import known_hosts
from pathos_nb.secure.config import hosts_in_config, route
from pathos_nb.secure.names import jumps, parse
from tests.fuzz.probe import Target
from tests.fuzz.spoiling import lines

__all__ = ["TARGETS"]

_OPTIONS = sorted(
    {
        flag
        for c in (commands.PMAP_CELL, commands.PPIPE, *commands.VERBS.values())
        for o in c.options
        for flag in o.flags
    }
)
_PLACES = (
    "processes",
    "threads",
    "node7,node8",
    "me@node7",
    "time=2:00:00",
    "a=1",
    "5",
    "0",
    "nan",
    "SHA256:" + "A" * 43,
)
_CLAUSE = (
    "for",
    "x",
    "in",
    "range(3)",
    "if",
    "zip(a, b)",
    "(",
    ")",
    ",",
    ":",
    "[",
    "]",
    "lambda",
    ":=",
    "async",
    "await",
)
_CLAUSE += ("yield", "x.y", "x[0]", "f'{x}'", '"""', "for x in range(3)", "f(x)", "and", "not", "None", "*", "1_0")
_BODY = (
    "x",
    "=",
    "+",
    "return",
    "yield",
    "await",
    "!ls",
    "%time",
    "def f():",
    "    ",
    "class A:",
    "import os",
    "\\\n",
    "?",
)
_BODY += (
    "for x in y:",
    "try:",
    "except",
    "f(x)",
    '"',
    "'''",
    "a: int",
    "a, b = 1, 2",
    "lambda: 0",
    "global x",
    "nonlocal y",
)
_BODY += (
    "print(x)",
    "pass",
    "async def f():",
    "[y for y in x]",
    "match x:",
    "case _:",
    "type X = int",
    ";",
    "#",
    "x += 1",
)


def _command(given: tuple[str, str]) -> None:
    name, line = given
    if name in commands.VERBS:
        values = commands.VERBS[name].parse(line)
        assert set(values) >= {"help"}
        return
    command = {"%%pmap": commands.PMAP_CELL, "%pmap": commands.PMAP_LINE, "%%ppipe": commands.PPIPE}[name]
    _, rest = command.split(line)
    assert rest in line


def _pathos(line: str) -> None:
    verb, rest = commands.split_verb(line)
    assert verb in commands.VERBS
    commands.VERBS[verb].parse(rest)


def _help(line: str) -> None:
    assert commands.help_alone([line])
    assert commands.help_text(line)


def _completion(line: str) -> None:
    offers: dict[str, Callable[[], list[str]]] = {
        name: lambda: ["x"] for name in ("pools", "runs", "verbs", "hosts", "connected", "copies", "services", "topics")
    }
    for magic in ("%pathos ", "%%pmap ", "%pmap ", "%%ppipe "):
        found = suggest(magic + line, offers)
        assert found is None or all(isinstance(word, str) for word in found)


def _clause(text: str) -> None:
    clause = read_clause(text, "%%pmap", "<fuzz>")
    assert clause.names and clause.text == text


def _comprehension(text: str) -> None:
    source, clause = read_comprehension(text, "%pmap", "<fuzz>")
    compile_expression(source, clause.names, {}, filename="<fuzz>")


def _body(text: str) -> None:
    function = compile_body(text, ("x",), {}, header="%%pmap for x in y", filename="<fuzz>")
    assert callable(function)
    is_silenced(text)
    assigned_last(text)


_magics = st.tuples(
    st.sampled_from(["%%pmap", "%pmap", "%%ppipe", *commands.VERBS]), lines(*_OPTIONS, *_PLACES, "for x in y", most=8)
)

# --- hosts

_NAMES = (
    "node7",
    "me@",
    "@",
    ":",
    "22",
    "[",
    "]",
    "::1",
    "-oProxyCommand=x",
    "a.b",
    "%eth0",
    "65536",
    ",",
    "none",
    "٣",
)
_SSH = ("Host *", "Host node7 !gate", "Host", "HostName", "User", "Port", "IdentityFile", "ProxyJump", "ProxyCommand")
_SSH += ("Include", "Match host", "Match final", "Match exec", "Match all", "Match canonical", "UserKnownHostsFile")
_SSH += ("GlobalKnownHostsFile", "StrictHostKeyChecking", "IdentitiesOnly", "CertificateFile", "HostKeyAlias", "none")
_SSH += (
    "CanonicalizeMaxDots",
    "CanonicalizeHostname no",
    "node7",
    "gate",
    "a,b",
    "22",
    "~/x",
    "%h",
    "%%",
    "%",
    "config",
    "*",
)
_SSH += (
    "**/*",
    "../*",
    "/",
    "true",
    "Include config",
    "ProxyJump node7",
    "ProxyJump gate",
    "User me",
    "Port ٣",
    "Host node7",
)
_INI = (
    "[node7]",
    "[node8]",
    "[",
    "]",
    "host = node7",
    "port",
    "=",
    "22",
    "nodes = 4",
    "setup =",
    "\n    module load x",
    "user",
)
_INI += ("key", "%(x)s", "[DEFAULT]", "x = 1", "python = 3.12", "port = ٣", "#", ":")
_KNOWN = (
    "node7",
    "[node7]:2222",
    "|1|",
    "|1|AAAA|AAAA",
    "ssh-ed25519",
    "AAAA",
    "@revoked",
    "@cert-authority",
    "*",
    "!",
    ",",
)


def _parse(text: str) -> None:
    target = parse(text)
    assert not target.host.startswith("-") and not set(target.host) & set(" \n\0'\"$;&|")
    for name in jumps(text):
        parse(name)


def _in_home(act: Callable[[Path], None]) -> None:
    """Try something where the home folder is an empty one."""
    before = {name: os.environ.get(name) for name in ("HOME", "XDG_CONFIG_HOME")}
    with tempfile.TemporaryDirectory(prefix="pathos-nb-fuzz-") as folder:
        os.environ["HOME"], os.environ["XDG_CONFIG_HOME"] = folder, folder
        try:
            act(Path(folder))
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


def _config(text: str) -> None:
    _in_home(partial(_read_config, text))


def _read_config(text: str, home: Path) -> None:
    config = str(_written(home / ".ssh" / "config", text))
    assert all(isinstance(name, str) for name in hosts_in_config(config))
    way = route(parse("me@node7"), config=config)
    assert way[-1].name == "node7" and 1 <= len(way) <= 64


def _registry(text: str) -> None:
    def read(home: Path) -> None:
        _written(hosts.path(), text)
        faults, known = hosts.faults(), hosts.load()
        for name in known:
            assert hosts.get(name) == known[name] and name not in faults

    _in_home(read)


def _remember(texts: dict[str, str]) -> None:
    host = hosts.Host(**{"name": "node7", **texts})  # type: ignore[arg-type]

    def save(home: Path) -> None:
        hosts.save(host)
        found = hosts.get(host.name)
        assert found is not None
        for key, text in texts.items():
            assert getattr(found, key) == text.strip(), f"{key}: {text!r} came back as {getattr(found, key)!r}"

    _in_home(save)


def _keys(text: str) -> None:
    def read(home: Path) -> None:
        file = _written(home / "known_hosts", text)
        for name in ("node7", "[node7]:2222"):
            verdict = known_hosts.judge(known_hosts.entries_for([file], name), "ssh-ed25519", b"\0\0\0")
            assert verdict.word in ("known", "unknown", "changed", "revoked", "certified")

    _in_home(read)


_texts = st.dictionaries(
    st.sampled_from(["host", "user", "key", "profile", "python"]), lines("a", "b = c", "[x]", most=4), max_size=3
)
_USAGE = (UsageError,)
TARGETS = (
    Target("lines of magics", _magics, _command, _USAGE, 120),
    Target("%pathos", lines("use", "pool", "help", "-h", *_PLACES, *_OPTIONS, most=6), _pathos, _USAGE, 60),
    Target("help", lines("%%pmap", "-h", "--help", "help", "use", "WorkerLost", most=4), _help, _USAGE, 25),
    Target("completion", lines("pool", "use", "tunnel", *_OPTIONS, *_PLACES, most=6), _completion, (), 60),
    Target("for clauses", lines(*_CLAUSE).map("for x in ".__add__) | lines(*_CLAUSE), _clause, _USAGE, 90),
    Target("comprehensions", lines(*_CLAUSE).map("x for x in ".__add__) | lines(*_CLAUSE), _comprehension, _USAGE, 80),
    Target("bodies", lines(*_BODY), _body, _USAGE, 100),
    Target("names of hosts", lines(*_NAMES, most=6), _parse, (BadOption,), 80),
    Target("ssh's configuration", lines(*_SSH, most=10), _config, (BadOption, HostUnreachable), 80),
    Target("the registry of hosts", lines(*_INI), _registry, (BadOption,), 50),
    Target("hosts that are remembered", _texts, _remember, (BadOption,), 40),
    Target("known_hosts", lines(*_KNOWN), _keys, (), 50),
)  # fmt: skip
