"""A password that is typed in a notebook is looked for afterwards wherever somebody could find it."""

from __future__ import annotations

import contextlib
import inspect
import json
from pathlib import Path

import psutil
import pytest

from tests.notebook.kernel import Answer, Kernel
from tests.notebook.test_hosts import home
from tests.rig.bed import Bed, bed, raised_bed

__all__ = ["bed", "home", "raised_bed"]

WRONG = "a-password-that-is-wrong"


def told_to_programs() -> str:
    """Give the arguments and the environment of every process of this machine that may be read."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                found.append((process / name).read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
            except OSError:  # it has ended
                continue
    return "\n".join(found)


def remembers(pid: int, *secrets: str) -> bool:
    """Say whether a secret stands in what a process may write: what its core file would have."""
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            first, last = (int(word, 16) for word in line.split()[0].split("-"))
            if line.split()[1].startswith("rw"):
                memory.seek(first)
                with contextlib.suppress(OSError):  # a part that is the system's own
                    data = memory.read(last - first)
                    if any(secret.encode() in data for secret in secrets):
                        return True
    return False


def workers_of(kernel: Kernel) -> list[int]:
    """Give the processes of the package that a kernel has started, on this machine."""
    top = psutil.Process(kernel.manager.provisioner.pid)
    return [p.pid for p in top.children(recursive=True) if "pathos_nb" in " ".join(p.cmdline())]


# The same as `remembers` on a host, for all processes of the package there; the secrets come backwards.
REMEMBER = f"""
import contextlib, json, sys
from pathlib import Path
{inspect.getsource(remembers)}
found = {{}}
for path in Path("/proc").glob("[0-9]*/cmdline"):
    with contextlib.suppress(OSError):
        if b"pathos_nb" in (told := path.read_bytes()) and b"REMEMBER" not in told:
            found[path.parent.name] = remembers(int(path.parent.name), *(word[::-1] for word in sys.argv[1:]))
print(json.dumps(found))  # REMEMBER
"""


def connect(kernel: Kernel, transport: str, *passwords: str) -> Answer:
    """Connect as who has a password, and type these, as often as it is asked."""
    answer = kernel.begin(f"%pathos connect pwuser@host1 --name {transport} -n 1 --transport {transport}")
    for password in passwords:
        kernel.client.get_stdin_msg(timeout=60)
        kernel.client.input(password)
    return kernel.end(answer, 60)


@pytest.mark.timeout(120)
@pytest.mark.leaves("files")  # the loop that jupyter_client makes for a kernel's end, and keeps
@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
def test_it_is_in_no_argument_environment_file_log_message_or_traceback(
    home: Path, bed: Bed, transport: str, capfd, request
):
    if transport == "openssh" and not request.config.getoption("--everywhere"):
        pytest.skip("what ssh itself is told is tried elsewhere: --everywhere runs it")
    bed.needs("password")
    kernel = Kernel()
    try:
        kernel.run("%load_ext pathos_nb")
        said = [connect(kernel, transport, WRONG, bed.password)]
        assert said[0].status == "ok", said[0].traceback
        seen = [told_to_programs()]
        said.append(kernel.run(f"%%pmap -q -p {transport} -o there for x in range(3)\n1 / (x - 1)"))
        assert said[-1].ename == "ZeroDivisionError"
        looks = ("%pathos hosts", "%pathos status", "%pathos errors", "%tb", "%history -n", "import pathos_nb.session")
        said += [kernel.run(code) for code in looks]
        said.append(
            kernel.run("s = pathos_nb.session.current_session(); s, vars(s), vars(s.hosts), list(s.hosts.connected)")
        )
        seen += [told_to_programs(), bed.on("host1", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' ' '")]
        assert said[-1].status == "ok" and "pathos_nb" in seen[-1] and "ipykernel" in seen[0]
        assert kernel.run("%pmap -p processes x for x in range(4)").status == "ok"
        here = {pid: remembers(pid, WRONG, bed.password) for pid in workers_of(kernel)}
        words = [bed.hosts["host1"]["python"], "-c", REMEMBER, WRONG[::-1], bed.password[::-1]]
        there = json.loads(bed.on("host1", *words))
        assert here and there and not any([*here.values(), *there.values()]), "nor in what a core file would have"
    finally:
        kernel.close()
    seen += [json.dumps(answer.messages, default=str) for answer in said]
    seen += [path.read_bytes().decode("latin-1") for path in home.rglob("*") if path.is_file()]
    seen += capfd.readouterr()
    for secret in (WRONG, bed.password):
        assert not [text[max(0, text.find(secret) - 200) :][:400] for text in seen if secret in text]
