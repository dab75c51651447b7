"""What somebody finds who scans this machine while a map runs: ports, sockets, and what another user may read."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.contract.calls import wait_for
from tests.rig.census import until
from tests.rig.launchers import not_serial

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(sys.platform != "linux", reason="who has which socket is read from /proc"),
]
# ppft's server is one; ranks and stations live in programs of MPI's and of dask's, which listen as these like.
WITH_PORTS = {"ppft"}
OTHERS_PROGRAMS = {"mpi", "dask"}
OPENED = "00010000"  # of a socket that takes calls, in /proc/net/unix

AS_ANOTHER = """
import json, os, socket, sys
os.setgroups([]), os.setgid(65534), os.setuid(65534)
pids, doors = json.loads(sys.argv[1])
found = []
for path in [f"/proc/{pid}/{name}" for pid in pids for name in ("environ", "mem", "maps", "fd")]:
    try:
        os.listdir(path) if path.endswith("fd") else open(path, "rb").read(1)
        found.append(path)
    except OSError:
        continue
for door in doors:
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(0.5)  # of a pool that does nothing, nobody hears who knocks
    try:
        peer.connect(door.replace("@", chr(0)) if door.startswith("@") else door)
        peer.sendall(b"GET / HTTP/1.0")
        found += [door] if peer.recv(1) else []
    except OSError:
        continue
print(json.dumps(found))
"""


def ours(pool: Any) -> list[psutil.Process]:
    """Give this process, the pool's workers that run here, and what of ours stands between."""
    found = {os.getpid(): psutil.Process()}
    for worker in pool.workers():
        with contextlib.suppress(psutil.Error):
            if worker.pid and worker.pid != os.getpid():
                above = [p for p in psutil.Process(worker.pid).parents() if "pathos_nb" in " ".join(p.cmdline())]
                found.update({p.pid: p for p in (psutil.Process(worker.pid), *above)})
    return list(found.values())


def listening_ports(process: psutil.Process) -> list[tuple[str, int]]:
    """Give where it takes calls from a network, or packets."""
    look = getattr(process, "net_connections", None) or process.connections  # before psutil 6
    return [tuple(c.laddr) for c in look("inet") if c.laddr and not c.raddr]


def unix_doors(process: psutil.Process) -> set[str]:
    """Give the Unix sockets at which it takes calls; those without a file begin with @."""
    held = set()
    for fd in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            held.add(os.readlink(fd))
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return {row[7] for row in rows if len(row) > 7 and row[3] == OPENED and f"socket:[{row[6]}]" in held}


def is_closed_to_others(path: Path) -> bool:
    """Whether a file, or a folder on the way to it, is its owner's alone."""
    return any(not stat.S_IMODE(each.stat().st_mode) & 0o077 for each in (path, *path.parents))


@not_serial
def test_a_scan_while_a_map_runs_finds_nothing_open_to_others(pool: Any, launcher: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run = pool.start(wait_for, [str(gate)] * 2, chunksize=1)
    try:
        assert until(lambda: len([w for w in pool.workers() if w.pid]) == len(pool.workers()))
        family = ours(pool)
        ports = {port for process in family for port in listening_ports(process)}
        doors = {door for process in family for door in unix_doors(process)}
        if launcher not in OTHERS_PROGRAMS:
            assert {at for at in ports if not ip_address(at[0].partition("%")[0]).is_loopback} == set()
            assert bool(ports) == (launcher in WITH_PORTS)
        assert [door for door in doors if door[0] != "@" and not is_closed_to_others(Path(door))] == []
        assert read_by_another(family, doors) == []
    finally:
        gate.touch()
    assert run.result() == [str(gate)] * 2


def read_by_another(family: list[psutil.Process], doors: set[str]) -> list[str]:
    """Let another user of this machine look at these processes and knock at these doors; say what was open."""
    if os.getuid() != 0:  # only root can be another user
        return []
    told = json.dumps([[process.pid for process in family], sorted(doors)])
    done = subprocess.run([sys.executable, "-c", AS_ANOTHER, told], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))
