"""The bed of real ssh hosts (tests/testbed) as tests see it, and the fixtures that raise and mend it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pathos_nb.errors import HostError, HostLost
from tests import leftovers

ROOT = Path(__file__).parents[2]
HOSTS = ROOT / "tests" / "testbed" / "hosts"
DISTURBING = {"cut", "heal", "slow", "kill", "start", "rekey", "trust"}
COUNT = 3

# sshd reads its configuration again, and is waited for: it writes its number when it listens.
READ_ANEW = (
    "n=$(cat /run/sshd.pid); rm /run/sshd.pid; kill -HUP $n; "
    "for i in $(seq 100); do [ -s /run/sshd.pid ] && exit 0; sleep 0.1; done; exit 1"
)


class Bed:
    """Three hosts, and ``inner`` behind the first: ``bed("kill", "host2")``, ``bed.hosts["host2"]["address"]``."""

    def __init__(self, run: Path, count: int = COUNT, *options: str) -> None:
        self.path, self.count, self.options = run, count, options
        self.is_disturbed = False
        self.rekeyed: set[str] = set()
        self.facts: dict[str, Any] = {}
        # The token by which the tests count their own processes stays here: the hosts are no children of a test.
        token = leftovers.TOKEN.split("=", 1)[0]
        self.environ = {name: value for name, value in os.environ.items() if name != token}
        self.environ["PATHOS_TESTBED_RUN"] = str(run)
        self.environ["PATHOS_TESTBED_SHARE"] = str(ROOT)  # a clone under /tmp, where each host has its own

    def __call__(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the bed's command."""
        if words[0] in DISTURBING:
            self.is_disturbed = True
        if words[0] == "rekey":
            self.rekeyed.add(words[1])
        command = [sys.executable, str(HOSTS), *words]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode:
            raise RuntimeError(f"hosts {' '.join(words)}: {done.stderr.strip()}")
        return done

    def up(self) -> None:
        """Raise it."""
        self("up", str(self.count), *self.options)
        self.facts = json.loads(self("env").stdout)

    def mend(self) -> None:
        """Undo what a test did to it; what there is to know of it stays, but for keys."""
        if self.is_disturbed:
            self("up", str(self.count), *self.options)
        for host in self.rekeyed:
            self("trust", host)
        if self.rekeyed:
            self.facts = json.loads(self("env").stdout)
        self.is_disturbed, self.rekeyed = False, set()

    @property
    def hosts(self) -> dict[str, dict[str, Any]]:
        """The hosts by name: address, port, user."""
        return self.facts["hosts"]

    @property
    def config(self) -> str:
        """A configuration of ssh that reaches all of them."""
        return self.facts["ssh_config"]

    @property
    def password(self) -> str:
        """The password of ``pwuser``."""
        return Path(self.facts["users"]["pwuser"]["password_file"]).read_text(encoding="utf-8")

    def on(self, host: str, *words: str, check: bool = True) -> str:
        """Run a command on a host as root, without ssh: one word is a shell's line."""
        return self("exec", host, "--", *words, check=check).stdout

    @contextmanager
    def obeying(self, host: str, *lines: str, pwuser: Sequence[str] = (), without: str = "\n") -> Iterator[None]:
        """Have a host's sshd obey more lines, before all others or for ``pwuser`` alone, until the end of the block.

        Lines that begin ``without`` are left out.
        """
        before = self.on(host, "cat /etc/ssh/sshd_config")
        others = [line for line in before.rstrip("\n").split("\n") if not line.startswith(without)]
        self._configure(host, "\n".join([*lines, *others, *pwuser]))  # pwuser's block is the last
        try:
            yield
        finally:
            self._configure(host, before)

    def _configure(self, host: str, text: str) -> None:
        self.on(host, "sh", "-c", f'printf "%s\\n" "$1" >/etc/ssh/sshd_config; {READ_ANEW}', "sh", text)

    def logs(self, n_lines: int = 30) -> str:
        """Give the end of what each host's sshd has written."""
        found = sorted(self.path.glob("**/sshd.log"))
        tails = [path.read_text(encoding="utf-8", errors="replace").splitlines()[-n_lines:] for path in found]
        return "\n".join(f"{path}:\n  " + "\n  ".join(tail) for path, tail in zip(found, tails, strict=True))

    def needs(self, feature: str) -> None:
        """Skip the test where the bed has not got a feature, with its own reason."""
        if not self.facts["features"].get(feature):
            pytest.skip(f"the bed has no {feature} here: {self.facts['missing'].get(feature, 'unknown')}")


def why_no_bed() -> str:
    """Say what is missing for a bed; nothing if it can be raised."""
    if sys.platform != "linux":
        return "the bed of ssh hosts needs Linux"
    if not Path("/usr/sbin/sshd").exists():
        return "openssh-server is not installed: tools/testbed.sh installs what the bed needs (Debian, root)"
    return ""


@pytest.fixture(scope="session")
def raised_bed() -> Iterator[Bed]:
    """Raise the bed once for all tests; it is gone at the end."""
    if reason := why_no_bed():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="pathos-nb-bed-") as folder:
        bed = Bed(Path(folder) / "run")
        try:
            bed.up()
        except RuntimeError as error:
            pytest.skip(f"the bed of ssh hosts cannot be raised here: {error}")
        yield bed
        bed("down")


@pytest.fixture
def bed(raised_bed: Bed, request: pytest.FixtureRequest) -> Iterator[Bed]:
    """Give the bed; what the test does to it is undone after it, and of one that failed the hosts' side is told."""
    raised_bed.mend()
    n_failed = request.session.testsfailed
    yield raised_bed
    if request.session.testsfailed > n_failed:
        print(raised_bed.logs())
    raised_bed.mend()


def says_all(error: HostError | HostLost, host: str) -> None:
    """An error has the host's name as a field and in its words, and the next step."""
    assert error.host == host, error
    assert host in str(error)
    assert error.cure and str(error).count(error.cure), error


def wait_until(is_so: Callable[[], object], seconds: float = 60.0) -> bool:
    """Wait until something is so; say whether it is."""
    deadline = time.monotonic() + seconds
    while not (found := bool(is_so())) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found
