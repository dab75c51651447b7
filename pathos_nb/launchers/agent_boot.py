"""How an agent begins on a host: one fixed program, given to its Python as an argument, fetches the rest by its stdin.

::

    here                                        python -I -c BOOT, there
      │ ◄─────────────── {"python", "host", …} ──────  there is a Python, and which
      │ ── {"digest", "size", "key", …} ─────────────► looks in its cache
      │ ◄──────────────────────── {"have": false} ───
      │ ── the archive, if it is not there ──────────► checks the digest, writes it, runs it
      │ ◄───────────────────────── {"ready": …} ─────  from here on envelopes only

An archive's time is that of its last use: of those not used for a day the cache keeps as many as make it four in all.

Whatever a login prints before is skipped. The program understands itself under Pythons that are too old for the rest,
to say so. The key of the envelopes goes by stdin too: a command line can be read by everybody on the host.
"""

from __future__ import annotations

__all__ = ["BOOT", "CORES", "MARK", "boot_command"]

MARK = b"\npathos_nb:"

CORES = """
import os, sys
n = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
sys.stdout.write('\\npathos_nb:{"cores": %d}\\n' % n)
"""

BOOT = r"""
import sys
if sys.version_info < (3, 10):
    sys.stdout.write('\npathos_nb:{"old": [%d, %d], "at": "python"}\n' % sys.version_info[:2])
    sys.stdout.flush()
    sys.exit(3)
import os
i, o, pid = os.dup(0), os.dup(1), os.getpid()
null = os.open(os.devnull, os.O_RDWR)
os.dup2(null, 0)
os.dup2(2, 1)
import hashlib, json, socket, time
def say(**what):
    data = b"\npathos_nb:" + json.dumps(what).encode() + b"\n"
    while data:
        data = data[os.write(o, data):]
def read(n):
    parts = []
    while n:
        parts.append(os.read(i, min(n, 1 << 20)))
        if not parts[-1]:
            os._exit(1)
        n -= len(parts[-1])
    return b"".join(parts)
def line():
    text = b""
    while not text.endswith(b"\n"):
        text += read(1)
    return json.loads(text)
def is_it(data):
    return hashlib.sha256(data).hexdigest() == order["digest"]
def cache():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    path = os.path.join(home, "pathos_nb")
    os.makedirs(path, 0o700, exist_ok=True)
    told = os.lstat(path)
    if told.st_uid != os.getuid() or (told.st_mode & 0o170000) != 0o040000:
        raise OSError("not a folder of ours: " + path)
    if told.st_mode & 0o077:
        os.chmod(path, 0o700)
    return path
def fill(fd, data):
    with os.fdopen(fd, "wb", closefd=False) as file:
        file.write(data)
        file.flush()
def keep(data, path):
    part = "%s.%d" % (path, pid)
    try:
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fill(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(part, path)
    except BaseException:
        if os.path.lexists(part):
            os.unlink(part)
        raise
def clear_out(folder, mine):
    found = [(os.lstat(os.path.join(folder, name)).st_mtime, name) for name in os.listdir(folder) if ".zip" in name]
    for used, name in sorted(found, reverse=True)[4:]:
        if time.time() - used > 86400 and name != mine:
            os.unlink(os.path.join(folder, name))
def in_memory(data):
    fd = os.memfd_create("pathos_nb-agent")
    fill(fd, data)
    return "/proc/%d/fd/%d" % (pid, fd)
def in_a_temporary_file(data):
    import atexit, shutil, tempfile
    folder = tempfile.mkdtemp(prefix="pathos_nb-")
    atexit.register(shutil.rmtree, folder, True)
    path = os.path.join(folder, "agent.zip")
    keep(data, path)
    return path
say(python=list(sys.version_info[:3]), host=socket.gethostname(), pid=pid, time=time.time(), at=sys.executable)
order = line()
path, why, data = "", "", b""
try:
    path = os.path.join(cache(), order["digest"] + ".zip")
    if os.path.lexists(path):
        with open(path, "rb") as file:
            data = file.read()
except OSError as error:
    why = str(error)
have = is_it(data)
say(have=have)
try:
    if have:
        os.utime(path)
        clear_out(*os.path.split(path))
except OSError:
    pass
if not have:
    data = read(order["size"])
    if not is_it(data):
        say(error="the archive came damaged")
        os._exit(1)
    try:
        if not path:
            raise OSError(why)
        keep(data, path)
    except OSError as error:
        why = str(error)
        path = in_memory(data) if hasattr(os, "memfd_create") else in_a_temporary_file(data)
del data
sys.path.insert(0, path)
from importlib import import_module
import_module(order.get("run", "pathos_nb.launchers.agent_main")).main(i, o, order, say, why)
"""


def boot_command(python: str) -> list[str]:
    """Give the command that starts an agent.

    Parameters
    ----------
    python : str
        The interpreter there, by name or path.

    Returns
    -------
    list of str
    """
    return [python, "-I", "-c", BOOT]
