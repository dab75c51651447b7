"""What both kinds of bed share: the run directory, its state, keys, and the files that sshd and ssh read."""

import fcntl
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

SSHD = "/usr/sbin/sshd"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INNER = "inner"  # the host that is reached only by a jump through host1


class BedError(Exception):
    """Something the user should read: shown as one message, exit status 1."""


def run(*argv, check=True, **kw):
    """Run a command quietly; its stderr becomes the BedError when it fails."""
    done = subprocess.run([str(a) for a in argv], text=True, capture_output=True, **kw)
    if check and done.returncode:
        raise BedError(f"{shlex.join(str(a) for a in argv)}: {done.stderr.strip() or f'exit {done.returncode}'}")
    return done


def start_time(pid):
    """When a live process started (kernel ticks), or None. With the pid it names one process for good."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def identify(pid):
    return {"pid": pid, "started": start_time(pid)}


def alive(proc):
    return bool(proc) and proc["started"] is not None and start_time(proc["pid"]) == proc["started"]


def end(proc, sig=9, timeout=5):
    """Kill one process that the bed started, and wait until it is gone."""
    if alive(proc):
        os.kill(proc["pid"], sig)
    wait_for(lambda: not alive(proc), timeout, f"process {proc and proc['pid']} does not end")


def wait_for(ready, timeout, complaint):
    deadline = time.monotonic() + timeout
    while not ready():
        if time.monotonic() > deadline:
            raise BedError(complaint)
        time.sleep(0.005)


class RunDir:
    """The directory that holds everything about one bed; one file in it is the single record, and marks it as ours."""

    def __init__(self, path, record="state.json", mode=0o700):
        self.path = Path(path).absolute()
        self.file = self.path / record
        self.mode = mode
        self.lock = None

    def __truediv__(self, name):
        return self.path / name

    def create(self):
        self.path.mkdir(mode=self.mode, parents=True, exist_ok=True)
        if self.path.stat().st_uid != os.geteuid():
            raise BedError(f"{self.path} belongs to another user; choose another with --run")
        if not self.file.exists() and any(self.path.iterdir()):
            raise BedError(f"{self.path} holds something else; choose another with --run")
        self.path.chmod(self.mode)

    def hold(self):
        """One command at a time changes a bed; a second waits here. False: the directory went meanwhile."""
        try:
            self.lock = os.open(self.path, os.O_RDONLY)
            fcntl.flock(self.lock, fcntl.LOCK_EX)
            return os.path.samestat(os.fstat(self.lock), os.stat(self.path))
        except FileNotFoundError:
            return False

    def load(self):
        return json.loads(self.file.read_text()) if self.file.exists() else None

    def save(self, state):
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(state, indent=2))
        new.replace(self.file)

    def remove(self):
        mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        inside = [m for m in mounted if m == str(self.path) or m.startswith(f"{self.path}/")]
        if inside:  # never delete through a mount
            raise BedError(f"still mounted: {' '.join(inside)}; nothing was deleted")
        shutil.rmtree(self.path)


def keygen(path, passphrase="", comment="testbed"):
    for old in (path, path.with_name(path.name + ".pub")):
        old.unlink(missing_ok=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", comment, "-f", path)
    return " ".join(path.with_name(path.name + ".pub").read_text().split()[:2])


def write_secret(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)


def write_client_files(bed, state):
    """known_hosts (from each host's trusted key) and an ssh_config that makes `ssh -F ... host1` work."""
    known, config = (
        [],
        [
            "Host *",
            f'  IdentityFile "{bed / "id_ed25519"}"',
            "  IdentitiesOnly yes",
            "  IdentityAgent none",
            f'  UserKnownHostsFile "{bed / "known_hosts"}"',
            "  GlobalKnownHostsFile /dev/null",
            "  StrictHostKeyChecking yes",
            "  UpdateHostKeys no",
            "  LogLevel ERROR",
        ],
    )
    for name, host in state["hosts"].items():
        names = [name, host["address"]]
        if host["port"] != 22:
            names = [f"[{n}]:{host['port']}" for n in names]
        known.append(f"{','.join(names)} {host['trusted_key']}")
        config += [
            "",
            f"Host {name}",
            f"  HostName {host['address']}",
            f"  Port {host['port']}",
            f"  User {state['login']}",
        ]
        if host["jump"]:
            config.append(f"  ProxyJump {host['jump']}")
    (bed / "known_hosts").write_text("\n".join(known) + "\n")
    (bed / "ssh_config").write_text("\n".join(config) + "\n")


def sshd_config(lines, env, extra):
    """A server's configuration: options the caller gave come first, since sshd takes the first it reads."""
    setenv = " ".join(f'"{k}={v}"' for k, v in env.items())
    return (
        "\n".join(
            [
                *extra,
                *lines,
                "PubkeyAuthentication yes",
                "PasswordAuthentication no",
                "KbdInteractiveAuthentication no",
                "AllowTcpForwarding yes",
                "Subsystem sftp internal-sftp",
                "UseDNS no",
                "UsePAM no",
                "PrintMotd no",
                "PrintLastLog no",
                "LogLevel VERBOSE",
                f"SetEnv {setenv}",
            ]
        )
        + "\n"
    )


def python_env(choice):
    """(directory to put on PATH, directories that must be visible) for one Python environment."""
    python = next(filter(Path.exists, (Path(choice, "bin", p) for p in ("python", "python3"))), None)
    if not python:
        raise BedError(f"no Python environment at {choice}: bin/python is missing")
    found = run(python, "-c", "import sys; print(sys.prefix); print(sys.base_prefix)").stdout.split("\n")
    return str(python), {found[0], found[1]}


def bare_env(path):
    """A new environment with nothing but the standard library."""
    run(sys.executable, "-m", "venv", "--without-pip", path)


def start_sshd(name, command, pid_file, log):
    """Run sshd, and wait until it listens (it writes its pid file then)."""
    try:
        command()
        wait_for(pid_file.exists, 10, "it does not listen")
    except BedError as error:
        said = log.read_text() if log.exists() else ""
        raise BedError(f"sshd of {name} did not start: {error}\n{said}") from error
