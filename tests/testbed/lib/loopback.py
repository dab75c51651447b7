"""The fallback where namespaces are not allowed: one sshd per host on 127.0.0.x, all on the same machine."""

import getpass
import os
import signal
import socket
from pathlib import Path

from ground import (
    INNER,
    SSHD,
    SYSTEM_PATH,
    BedError,
    alive,
    bare_env,
    end,
    identify,
    keygen,
    python_env,
    run,
    sshd_config,
    start_sshd,
    wait_for,
)

LOGIN = """#!/bin/sh
# Every session of this host starts here: in the host's own home, not the account's.
cd "$HOME" || exit 1
case "$SSH_ORIGINAL_COMMAND" in
"") exec bash -l ;;
internal-sftp) exec /usr/lib/openssh/sftp-server ;;
*) exec bash -c "$SSH_ORIGINAL_COMMAND" ;;
esac
"""


def features(reason):
    have = {
        "netns": False,
        "hostname": False,
        "separate_home": True,
        "separate_tmp": False,
        "bastion": False,
        "password": False,
        "users": False,
        "cut": False,
        "slow": False,
    }
    return have, {
        "netns": reason,
        "hostname": "socket.gethostname() is this machine's; $TESTBED_HOST names the host",
        "separate_tmp": "the hosts share this machine's files; only $HOME differs",
        "bastion": f"ssh_config jumps to {INNER} through host1, but nothing stops a direct connection",
        "password": "a password login would need a change to this machine's accounts",
        "users": "one user, the caller",
        "cut": "one loopback device: use kill",
        "slow": "one loopback device",
    }


class Bed:
    mode = "loopback"

    def __init__(self, rundir, state):
        self.dir, self.state = rundir, state

    def up(self, count, pythons, shares, sshd_options):
        self.state["login"] = getpass.getuser()
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd, as root, refuses to start without it
        for i, name in enumerate([f"host{i}" for i in range(1, count + 1)] + [INNER], 1):
            self.prepare(name, f"127.0.0.{10 + i}", pythons.get(name, pythons[""]), sshd_options)
            self.dir.save(self.state)
            self.start(name)
            self.dir.save(self.state)

    def prepare(self, name, address, python, sshd_options):
        top = self.dir / "hosts" / name
        (top / "home").mkdir(parents=True)
        if python == "bare":
            bare_env(top / "home/venv")
            interpreter = str(top / "home/venv/bin/python")
        else:
            interpreter, _ = python_env(python)
        binaries = os.path.dirname(interpreter)
        with socket.create_server((address, 0)) as probe:
            port = probe.getsockname()[1]
        self.state["hosts"][name] = {
            "address": address,
            "port": port,
            "jump": "host1" if name == INNER else None,
            "python": interpreter,
            "trusted_key": keygen(top / "host_key"),
        }
        (top / "login").write_text(LOGIN)
        (top / "login").chmod(0o755)
        (top / "home/.profile").write_text(f"PATH={binaries}:$PATH\n")
        (top / "authorized_keys").write_text(
            "".join((self.dir / f"{key}.pub").read_text() for key in ("id_ed25519", "id_encrypted"))
        )
        (top / "sshd_config").write_text(
            sshd_config(
                [
                    f"ListenAddress {address}:{port}",
                    f"HostKey {top}/host_key",
                    f"PidFile {top}/sshd.pid",
                    f"AuthorizedKeysFile {top}/authorized_keys",
                    "StrictModes no",
                    f"ForceCommand {top}/login",
                ],
                {**self.environment(name), "PATH": f"{binaries}:{SYSTEM_PATH}"},
                sshd_options,
            )
        )

    def environment(self, name):
        return {
            "HOME": str(self.dir / "hosts" / name / "home"),
            "TESTBED_HOST": name,
            "TESTBED_RUN": str(self.dir.path),
            "LANG": "C.UTF-8",
        }

    def down(self):
        for name in self.state["hosts"]:
            self.kill(name)

    def pid_file(self, name):
        return self.dir / "hosts" / name / "sshd.pid"

    def exists(self, name):
        return "port" in self.state["hosts"][name]

    def up_and_listening(self, name):
        return alive(self.state["hosts"][name].get("sshd"))

    def start(self, name):
        if self.up_and_listening(name):
            return
        top = self.dir / "hosts" / name
        argv, env = (SSHD, "-f", top / "sshd_config", "-E", top / "sshd.log"), self.environment(name)
        start_sshd(name, lambda: run(*argv, env={**os.environ, **env}), self.pid_file(name), top / "sshd.log")
        self.state["hosts"][name]["sshd"] = identify(int(self.pid_file(name).read_text()))

    def own_processes(self, name):
        """The host's processes: sshd's descendants, and those that carry the host's marks in their environment."""
        marks = {f"{k}={v}".encode() for k, v in self.environment(name).items() if k.startswith("TESTBED_")}
        parents, found = {}, set()
        for entry in Path("/proc").glob("[0-9]*"):
            pid = int(entry.name)
            try:
                parents[pid] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if marks <= set((entry / "environ").read_bytes().split(b"\0")):
                    found.add(pid)
            except OSError:
                continue  # it ended meanwhile, or is another user's
        sshd = self.state["hosts"][name].get("sshd")
        roots = found | ({sshd["pid"]} if alive(sshd) else set())
        while more := {p for p, parent in parents.items() if parent in roots} - roots:
            roots |= more
        return [p for p in map(identify, roots - {os.getpid()}) if alive(p)]

    def kill(self, name):
        while found := self.own_processes(name):
            for process in found:
                end(process)
        self.pid_file(name).unlink(missing_ok=True)

    def rekey(self, name):
        keygen(self.dir / "hosts" / name / "host_key")
        self.pid_file(name).unlink()
        os.kill(self.state["hosts"][name]["sshd"]["pid"], signal.SIGHUP)
        wait_for(self.pid_file(name).exists, 10, f"sshd of {name} did not come back after its new key")

    def public_key(self, name):
        return " ".join((self.dir / "hosts" / name / "host_key.pub").read_text().split()[:2])

    def exec(self, name, argv):
        env = {**os.environ, **self.environment(name)}
        env["PATH"] = f"{os.path.dirname(self.state['hosts'][name]['python'])}:{SYSTEM_PATH}"
        os.chdir(env["HOME"])
        os.execvpe(argv[0], argv, env)

    def processes(self, name):
        return len(self.own_processes(name))

    def cut(self, name, unreachable):
        raise BedError("this bed has no links of its own to cut (see features in `hosts env`)")

    def slow(self, name, *_):
        raise BedError("this bed has no links of its own to slow (see features in `hosts env`)")

    def heal(self, name):
        pass
