"""Random configurations of ssh, and what ``ssh -G`` and we read in them: `make fuzz` has bad ones, these are good."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

from pathos_nb.secure.ssh_config import Asked, canonical, is_yes, look_up

NAMES = ("a", "b", "A", "ab", "a.org", "b.org", "B.Org", "x-y_z", "10.1", "::1")
PATTERNS = ("*", "a*", "?", "*.org", "!a", "!*.org", "b", "A", "[ab]", "a?", "**", "10.*", "!b", "*b*")
ODD = ('"b"', "'A'", '"a b"', "!!a", "a\\ b", "a\u00a0b", "a#b", "=")
USERS = ("joe", "jim", "j*", "!joe", "*", "root")
VALUES = {
    "HostName": ("b.org", "%h.org", "h%%h", "A.Far.Org", "127.1", "%h", "[ab]", "0::1"),
    "Port": ("1", "22", "2022", "65535"),
    "User": ("joe", "jim", "Me"),
    "ProxyJump": ("none", "g", "u@g:2022", "g,h", "ssh://u@g:2022"),
    "ProxyCommand": ("none", "nc %h %p # no comment"),
    "IdentityFile": ("~/k1", "/k2", '"/a key"', "none", "%d/k"),
    "CertificateFile": ("/c1", "/c2"),
    "UserKnownHostsFile": ("/n1", "/n1 /n2", '"/a b" /n3', "none", "a\\ b"),
    "HostKeyAlias": ("c", "Alias"),
    "IdentitiesOnly": ("yes", "no", "true", "False"),
    "StrictHostKeyChecking": ("yes", "no", "accept-new", "ask", "off", "false", "True"),
    "Compression": ("no",),
    "LogLevel": ("quiet",),
}
LISTS = ("identityfile", "certificatefile")
DEFAULTS = {"port": "22", "stricthostkeychecking": "ask", "identitiesonly": "no"}
ON_OFF = {"yes": "true", "no": "false", "off": "false"}


class Made:
    """A random configuration: its files, and about whom is asked."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)
        self.folder, self.path = folder, folder / "config"
        for name in ("one.conf", "two.conf"):
            (folder / name).write_text(self.text(includes=()), encoding="utf-8")
        self.path.write_text(self.text(includes=("one.conf", "two.conf", "*.conf", "none.conf")), encoding="utf-8")
        some = self.random.choice
        self.asked = Asked(some(NAMES), some(("", "", "joe", "Me")), some((0, 0, 2222)))

    def text(self, includes: tuple[str, ...]) -> str:
        lines = [self.line(includes) for _ in range(self.random.randrange(3, 25))]
        return self.random.choice(("\n", "\n", "\r\n")).join(lines) + "\n"

    def line(self, includes: tuple[str, ...]) -> str:
        kind = self.random.random()
        if kind < 0.25:
            return self.option(
                "Host", " ".join(self.random.choices(NAMES + PATTERNS + ODD, k=self.random.randrange(1, 4)))
            )
        if kind < 0.4:
            return self.option("Match", " ".join(self.tests()))
        if kind < 0.5 and includes:
            return f"Include {self.folder}/{self.random.choice(includes)}"
        if kind < 0.55:
            return self.random.choice(("", "# a comment", "   # Port 5", "#Host *\x0bPort 7", "# é\u2028Port 9", " \t"))
        name = self.random.choice([*VALUES])
        return self.option(name, self.random.choice(VALUES[name]))

    def option(self, name: str, value: str) -> str:
        some = self.random.choice
        name, between = some((name, name, name.lower(), name.upper())), some((" ", " ", "  ", "\t", "=", " = ", " ="))
        is_raw = name.lower().startswith("proxy") or name.lower() == "match"
        end = "" if is_raw else some(("", "", "", " # a comment", " \t"))
        return f"{some(('', '  ', chr(9)))}{name}{between}{value}{end}"

    def tests(self) -> list[str]:
        if self.random.random() < 0.2:
            return [self.random.choice(("all", "final all", "canonical all", "!final host *", "final", "!canonical"))]
        return [self.test() for _ in range(self.random.randrange(1, 4))]

    def test(self) -> str:
        some, not_ = self.random.choice, self.random.choice(("", "", "!"))
        word = some(("host", "originalhost", "user", "localuser", "exec"))
        if word == "exec":
            return not_ + some(("exec true", "exec false", 'exec "test %n = a"', 'exec "test %p = 22"', "exec=true"))
        patterns = USERS if word.endswith("user") else NAMES + PATTERNS
        value = ",".join(self.random.choices(patterns, k=self.random.randrange(1, 3)))
        return f"{not_}{some((word, word, word.upper()))}{some((' ', ' ', '='))}{value}"


def by_ssh(made: Made) -> dict[str, object] | None:
    """Give what ``ssh`` reads there; None if it refuses the configuration."""
    options = [
        *(["-l", made.asked.user] if made.asked.user else []),
        *(["-p", str(made.asked.port)] * bool(made.asked.port)),
    ]
    command = ["ssh", "-F", str(made.path), *options, "-G", made.asked.host]
    told = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, errors="replace")
    if told.returncode:
        return None
    read: dict[str, object] = {name: [] for name in LISTS}
    for line in told.stdout.split("\n"):
        name, _, value = line.partition(" ")
        if name in LISTS:
            read[name].append(value)  # type: ignore[union-attr, attr-defined]
        else:
            read[name] = value
    return read


def by_us(made: Made) -> dict[str, object]:
    """Give what we read there, in the words of ``ssh -G``."""
    said = look_up([made.path], made.asked)
    read: dict[str, object] = {
        name: said.first(name, DEFAULTS.get(name, "")) for name in ("port", "proxyjump", "proxycommand")
    }
    read |= {"hostname": canonical(said.address), "user": said.user, "hostkeyalias": said.first("hostkeyalias").lower()}
    read |= {name: said.values.get(name, []) for name in LISTS}
    read["userknownhostsfile"] = " ".join(said.values.get("userknownhostsfile", []))
    read["identitiesonly"] = "yes" if is_yes(said.first("identitiesonly")) else "no"
    read["stricthostkeychecking"] = said.first("stricthostkeychecking", "ask").lower()
    return read


def differences(made: Made) -> list[str]:
    """Say what of a configuration is read otherwise by us than by ``ssh``."""
    theirs = by_ssh(made)
    if theirs is None:
        return []
    ours = by_us(made)
    found = [f"{name}: {ours[name]!r}, ssh: {theirs.get(name)!r}" for name in ours if not _is_same(name, ours, theirs)]
    return [f"{made.asked}, {made.path.read_text()!r}: {one}" for one in found]


def _is_same(name: str, ours: dict[str, object], theirs: dict[str, object]) -> bool:
    mine, its = ours[name], theirs.get(name, "")
    if name == "identityfile" and not mine:
        return True  # ssh names the usual ones
    if name == "userknownhostsfile" and not mine:
        return True
    if name in ("proxyjump", "proxycommand") and mine == "none":
        return not its
    if name == "proxyjump":
        return str(mine).removeprefix("ssh://") == str(its).removeprefix("ssh://")
    if name == "stricthostkeychecking":
        return ON_OFF.get(str(mine), mine) == ON_OFF.get(str(its), its)
    return mine == its
