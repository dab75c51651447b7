"""Which processes belong to a node of the Slurm bed, or to its controller."""

import os
from pathlib import Path

from ground import alive


def processes():
    """(pid, parent) of every live process."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if fields[0] not in "ZX":
                yield int(entry), int(fields[1])


def of_namespace(init):
    """The processes of the namespace that this one began."""
    if not alive(init):
        return set()
    space = namespace(init["pid"])
    return {pid for pid, _ in processes() if space and namespace(pid) == space}


def of_mark(name, top):
    """Where there are no namespaces: the processes of a node by the marks in their environment, and by descent."""
    marks = {f"TESTBED_SLURM_NODE={name}@{top / 'slurm.conf'}".encode()}
    job = {f"SLURMD_NODENAME={name}".encode(), f"SLURM_CONF={top / 'slurm.conf'}".encode()}
    log = str((top / f"log/slurmd-{name}.log").resolve())
    found = set()
    for pid, _ in processes():
        environ = set(read(f"/proc/{pid}/environ").split(b"\0"))
        if marks <= environ or job <= environ or is_step(pid, log):
            found.add(pid)
    return with_descendants(found)


def with_descendants(found):
    """These processes and all below them."""
    table, grown = list(processes()), set(found)
    while grown:
        grown = {pid for pid, parent in table if parent in found and pid not in found}
        found = found | grown
    return found


def is_step(pid, log):
    """A slurmstepd of the node: it writes its title over its environment, but keeps the node's log open."""
    if read(f"/proc/{pid}/comm") != b"slurmstepd\n":
        return False
    try:
        return log in {os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return False


def inner_number(pid):
    """What a process is called in its own namespace."""
    told = read(f"/proc/{pid}/status").partition(b"\nNSpid:")[2].split(b"\n")[0].split()
    return told[-1].decode() if told else ""


def namespace(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


def read(path):
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""
