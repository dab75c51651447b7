"""Hosts as Linux namespaces: own network, host name, processes, home, /tmp and accounts each."""

import hashlib
import ipaddress
import json
import os
import subprocess
import sys
import time
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
    write_secret,
)

LIB = Path(__file__).parent
COVERED = ("/root", "/home", "/tmp", "/run")  # what host-init replaces
BARE = "/home/venv"  # on the host: an environment with nothing in it
TESTER, PWUSER = 20001, 20002
UNSHARE = ("unshare", "--net", "--uts", "--ipc", "--mount", "--pid", "--fork", "--kill-child")
PROBE = (
    "ip link add probe0 type bridge && ip link add probe1 type veth peer name probe2"
    " && ip link set probe1 master probe0 && mount -t tmpfs tmpfs /mnt && hostname probe"
)


def missing():
    """Why hosts cannot be namespaces here, or None."""
    if os.environ.get("PATHOS_TESTBED_NETNS") == "0":
        return "switched off by PATHOS_TESTBED_NETNS=0"
    probe = run(*UNSHARE, "sh", "-c", PROBE, check=False)
    return (probe.stderr.strip().splitlines() or ["the probe failed"])[-1] if probe.returncode else None


def slow_means():
    """How a link can be slowed: ('netem' | 'relay' | None, what to know about it)."""
    netem = "ip link set lo up && tc qdisc add dev lo root netem delay 1ms"
    if run("unshare", "--net", "sh", "-c", netem, check=False).returncode == 0:
        return "netem", None
    if not Path("/dev/net/tun").exists():
        return None, "this kernel has neither tc netem nor /dev/net/tun"
    if run("sh", "-c", "command -v ethtool", check=False).returncode:
        return None, "this kernel has no tc netem, and ethtool, which the relay needs, is not installed"
    return "relay", "this kernel has no tc netem: a userspace relay (lib/relay.py) delays and drops instead"


def features():
    means, note = slow_means()
    have = {
        "netns": True,
        "hostname": True,
        "separate_home": True,
        "separate_tmp": True,
        "bastion": True,
        "password": True,
        "users": True,
        "cut": True,
        "slow": means or False,
    }
    return have, {"slow": note} if note else {}


def inside(host, *argv, spaces="-n", **kw):
    """Run a command in some of a host's namespaces (default: only its network)."""
    return run("nsenter", "-t", host["init"]["pid"], *spaces.split(), *argv, **kw)


ALL = "-m -u -i -n -p"


class Bed:
    mode = "netns"

    def __init__(self, rundir, state):
        self.dir, self.state = rundir, state

    # -- up and down ---------------------------------------------------------------------------

    def up(self, count, pythons, shares, sshd_options):
        state = self.state
        tag = hashlib.sha1(str(self.dir.path).encode()).hexdigest()[:5]
        outer, inner = free_net(int(tag, 16)).subnets(new_prefix=24)
        state.update(
            bridge=f"pt{tag}",
            gateway=str(outer[1]),
            subnet=str(outer),
            inner_subnet=str(inner),
            login="root",
            relays={},
        )
        password = os.urandom(12).hex()
        write_secret(self.dir / "password", password)
        digest = run("openssl", "passwd", "-6", "-stdin", input=password).stdout.strip()
        names = [f"host{i}" for i in range(1, count + 1)]
        for i, name in enumerate(names, 1):
            state["hosts"][name] = {"address": str(outer[10 + i]), "link": f"pt{tag}h{i}", "jump": None}
        state["hosts"][INNER] = {"address": str(inner[2]), "link": "eth1", "jump": "host1"}

        starting = {}
        for name, host in state["hosts"].items():
            visible = self.prepare(name, host, digest, pythons.get(name, pythons[""]), shares, sshd_options)
            with open(self.dir / "hosts" / name / "init.log", "w") as log:
                starting[name] = subprocess.Popen(
                    [*UNSHARE, LIB / "host-init", name, self.dir / "hosts" / name, *visible],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    start_new_session=True,
                    cwd="/",
                )
            host["unshare"] = identify(starting[name].pid)
        self.dir.save(state)
        for name, process in starting.items():
            pid = process.stdout.readline()
            if not pid:
                log = (self.dir / "hosts" / name / "init.log").read_text()
                raise BedError(f"{name} did not start: {log.strip()}")
            state["hosts"][name]["init"] = identify(int(pid))
        self.dir.save(state)
        self.wire()
        for name in state["hosts"]:
            self.start(name)

    def prepare(self, name, host, digest, python, shares, sshd_options):
        """Lay out one host's directory; return the directories it must see through the covers."""
        top = self.dir / "hosts" / name
        homes = {"root": (0, "/root"), "tester": (TESTER, "/home/tester"), "pwuser": (PWUSER, "/home/pwuser")}
        for sub in ("root", "home/tester", "home/pwuser", "tmp", "run/sshd", "etc/ssh"):
            (top / sub).mkdir(parents=True)
        (top / "tmp").chmod(0o1777)
        if python == "bare":
            bare_env(top / "home/venv")
            interpreter, visible = f"{BARE}/bin/python", {sys.base_prefix}
        else:
            interpreter, visible = python_env(python)
        binaries = os.path.dirname(interpreter)
        visible = {str(p) for p in (visible | set(shares)) if p.startswith(tuple(f"{c}/" for c in COVERED))}

        def system(file):  # the machine's own accounts, less any that would clash
            lines = Path("/etc", file).read_text().splitlines()
            return [x for x in lines if x.split(":")[0] not in ("tester", "pwuser")]

        today = int(time.time() // 86400)
        etc = {
            "passwd": system("passwd") + [f"{u}:x:{n}:{n}::{h}:/bin/bash" for u, (n, h) in homes.items() if n],
            "group": system("group") + [f"{u}:x:{n}:" for u, (n, _) in homes.items() if n],
            "shadow": [f"{u}:{digest if u == 'pwuser' else '*'}:{today}:0:99999:7:::" for u in homes],
            "hosts": ["127.0.0.1 localhost", *(f"{h['address']} {n}" for n, h in self.state["hosts"].items())],
            "hostname": [name],
        }
        for file, lines in etc.items():
            (top / "etc" / file).write_text("\n".join(lines) + "\n")
        (top / "etc/shadow").chmod(0o600)
        for number, home in homes.values():
            at = top / home.lstrip("/")
            (at / ".profile").write_text(f"PATH={binaries}:$PATH\n")
            os.chown(at, number, number)

        host.update(port=22, python=interpreter, trusted_key=keygen(top / "etc/ssh/host_key"))
        (top / "etc/ssh/authorized_keys").write_text(
            "".join((self.dir / f"{key}.pub").read_text() for key in ("id_ed25519", "id_encrypted"))
        )
        (top / "etc/ssh/sshd_config").write_text(
            sshd_config(
                [
                    "Port 22",
                    "HostKey /etc/ssh/host_key",
                    "PidFile /run/sshd.pid",
                    "PermitRootLogin prohibit-password",
                    "AuthorizedKeysFile /etc/ssh/authorized_keys",
                ],
                {"PATH": f"{binaries}:{SYSTEM_PATH}", "LANG": "C.UTF-8"},
                sshd_options,
            )
            + "Match User pwuser\n  PubkeyAuthentication no\n  PasswordAuthentication yes\n"
        )
        return sorted(visible)

    def wire(self):
        """The bridge, a cable to each host, and host1's second cable to the inner host."""
        state, hosts = self.state, self.state["hosts"]
        bridge = state["bridge"]
        lines = [
            f"link add {bridge} type bridge stp_state 0 forward_delay 0",
            f"addr add {state['gateway']}/24 dev {bridge}",
            f"link set {bridge} up",
            f"route add unreachable {state['inner_subnet']}",
        ]  # never out to the real network
        for name, host in hosts.items():
            if name == INNER:
                continue
            host["mac"] = mac(host["address"])
            lines += [
                f"link add {host['link']} type veth peer name eth0 address {host['mac']} netns {host['init']['pid']}",
                f"link set {host['link']} master {bridge} up",
            ]
        batch(lines)
        for name, host in hosts.items():
            if name != INNER:
                batch(["link set lo up", f"addr add {host['address']}/24 dev eth0", "link set eth0 up"], host)
        first, last = hosts["host1"], hosts[INNER]
        near = str(ipaddress.ip_network(state["inner_subnet"])[1])
        batch(
            [
                f"link add eth1 type veth peer name eth0 netns {last['init']['pid']}",
                f"addr add {near}/24 dev eth1",
                "link set eth1 up",
            ],
            first,
        )
        batch(["link set lo up", f"addr add {last['address']}/24 dev eth0", "link set eth0 up"], last)

    def down(self):
        """Remove whatever of this bed exists, however far `up` came."""
        for relay in self.state.get("relays", {}).values():
            end(relay)
        for host in self.state["hosts"].values():
            end(host.get("init"))  # the kernel then kills the rest of its process namespace
            end(host.get("unshare"))
        bridge = self.state.get("bridge")
        if bridge:
            for link in json.loads(run("ip", "-j", "link", "show").stdout):
                if link["ifname"].startswith(bridge):
                    run("ip", "link", "del", link["ifname"], check=False)  # a veth may go by itself meanwhile
            run("ip", "route", "del", "unreachable", self.state["inner_subnet"], check=False)

    # -- one host ------------------------------------------------------------------------------

    def pid_file(self, name):
        return self.dir / "hosts" / name / "run/sshd.pid"

    def exists(self, name):
        return alive(self.state["hosts"][name].get("init"))

    def up_and_listening(self, name):
        return self.exists(name) and self.pid_file(name).exists()

    def start(self, name):
        if self.pid_file(name).exists():
            return
        argv = (SSHD, "-f", "/etc/ssh/sshd_config", "-E", "/run/sshd.log")
        start_sshd(
            name,
            lambda: inside(self.state["hosts"][name], *argv, spaces=ALL),
            self.pid_file(name),
            self.dir / "hosts" / name / "run/sshd.log",
        )

    def kill(self, name):
        """End every process of the host but its init; its address still answers, with a reset."""
        inside(self.state["hosts"][name], "bash", "-c", "kill -9 -1", spaces=ALL, check=False)
        self.pid_file(name).unlink(missing_ok=True)

    def rekey(self, name):
        keygen(self.dir / "hosts" / name / "etc/ssh/host_key")
        pid = self.pid_file(name).read_text().strip()
        self.pid_file(name).unlink()
        inside(self.state["hosts"][name], "kill", "-HUP", pid, spaces="-p -m")
        wait_for(self.pid_file(name).exists, 10, f"sshd of {name} did not come back after its new key")

    def public_key(self, name):
        return " ".join((self.dir / "hosts" / name / "etc/ssh/host_key.pub").read_text().split()[:2])

    def exec(self, name, argv):
        host = self.state["hosts"][name]
        env = {
            "HOME": "/root",
            "USER": "root",
            "LOGNAME": "root",
            "LANG": "C.UTF-8",
            "TERM": os.environ.get("TERM", "dumb"),
            "PATH": f"{os.path.dirname(host['python'])}:{SYSTEM_PATH}",
        }
        os.execvpe("nsenter", ["nsenter", "-t", str(host["init"]["pid"]), *ALL.split(), "--wdns=/root", *argv], env)

    def processes(self, name):
        """How many processes the host has, without its init, init's sleep and the shell that counts."""
        count = "set -- /proc/[0-9]*; echo $#"
        return int(inside(self.state["hosts"][name], "sh", "-c", count, spaces="-p -m").stdout) - 3

    # -- its link ------------------------------------------------------------------------------

    def on_link(self, name, *argv, **kw):
        """Run a command where the near end of a host's cable is."""
        return inside(self.state["hosts"]["host1"], *argv, **kw) if name == INNER else run(*argv, **kw)

    def cut(self, name, unreachable):
        host = self.state["hosts"][name]
        if name == INNER and unreachable:
            raise BedError(f"{INNER} can be cut, but not --unreachable")
        if unreachable:
            run("ip", "route", "replace", "unreachable", f"{host['address']}/32")
            host["cut"] = "unreachable"
        else:
            if name != INNER:  # keep its neighbour entry, so that packets vanish silently as in a partition
                run(
                    "ip",
                    "neigh",
                    "replace",
                    host["address"],
                    "lladdr",
                    host["mac"],
                    "dev",
                    self.state["bridge"],
                    "nud",
                    "permanent",
                )
            self.on_link(name, "ip", "link", "set", host["link"], "down")
            host["cut"] = "silent"

    def heal(self, name):
        """Undo cut and slow."""
        host = self.state["hosts"][name]
        if host.get("slow"):
            self.normal_speed(name)
        self.on_link(name, "ip", "link", "set", host["link"], "up")
        if name != INNER:
            run("ip", "route", "del", "unreachable", f"{host['address']}/32", check=False)
            run("ip", "neigh", "del", host["address"], "dev", self.state["bridge"], check=False)
        host["cut"] = None

    def slow(self, name, delay_ms, rate_bits, loss):
        host = self.state["hosts"][name]
        means, note = slow_means()
        if host.get("slow"):
            self.normal_speed(name)
        if means == "netem":
            how = ["netem", "delay", f"{delay_ms}ms", "loss", f"{loss * 100}%", "limit", "1000"]
            how += ["rate", f"{rate_bits}bit"] if rate_bits else []
            self.on_link(name, "tc", "qdisc", "replace", "dev", host["link"], "root", *how)
            inside(host, "tc", "qdisc", "replace", "dev", "eth0", "root", *how)
        elif means == "relay" and name != INNER:
            self.start_relay(name, delay_ms, rate_bits, loss)
        else:
            raise BedError(f"{name} cannot be slowed: {note}" + (f"; it does not serve {INNER}" if means else ""))
        host["slow"] = {"by": means, "delay_ms": delay_ms, "rate_bits": rate_bits, "loss": loss}

    def start_relay(self, name, delay_ms, rate_bits, loss):
        """Take the cable out of the bridge and put lib/relay.py between the two."""
        host, bridge = self.state["hosts"][name], self.state["bridge"]
        tap = host["link"].replace(f"{bridge}h", f"{bridge}t")
        inside(host, "ethtool", "-K", "eth0", "tx", "off")  # whole, checksummed frames
        Path(f"/proc/sys/net/ipv4/conf/{host['link']}/arp_ignore").write_text("1")
        run("ip", "link", "set", host["link"], "nomaster")
        with open(self.dir / "hosts" / name / "relay.log", "w") as log:
            relay = subprocess.Popen(
                [sys.executable, LIB / "relay.py", host["link"], tap, str(delay_ms / 1000), str(rate_bits), str(loss)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.state["relays"][name] = identify(relay.pid)
        self.dir.save(self.state)
        if relay.stdout.readline().strip() != "ready":
            raise BedError(f"the relay did not start: {(self.dir / 'hosts' / name / 'relay.log').read_text()}")
        run("ip", "link", "set", tap, "master", bridge, "up")

    def normal_speed(self, name):
        host = self.state["hosts"][name]
        if host["slow"]["by"] == "netem":
            self.on_link(name, "tc", "qdisc", "del", "dev", host["link"], "root")
            inside(host, "tc", "qdisc", "del", "dev", "eth0", "root")
        else:
            end(self.state["relays"].pop(name))
            inside(host, "ethtool", "-K", "eth0", "tx", "on")
            run("ip", "link", "set", host["link"], "master", self.state["bridge"])
        host["slow"] = None


def batch(lines, host=None):
    text = "\n".join(lines) + "\n"
    inside(host, "ip", "-batch", "-", input=text) if host else run("ip", "-batch", "-", input=text)


def mac(address):
    return "02:54:" + ":".join(f"{int(x):02x}" for x in address.split("."))


def free_net(seed):
    """A private /23 that no route of this machine overlaps; PATHOS_TESTBED_NET names one instead."""
    if os.environ.get("PATHOS_TESTBED_NET"):
        return ipaddress.ip_network(os.environ["PATHOS_TESTBED_NET"])
    routes = json.loads(run("ip", "-j", "-4", "route", "show", "table", "all").stdout)
    taken = [ipaddress.ip_network(r["dst"], strict=False) for r in routes if r["dst"] != "default"]
    for i in range(128):
        net = ipaddress.ip_network(f"10.213.{2 * ((seed + i) % 128)}.0/23")
        if not any(net.overlaps(t) for t in taken):
            return net
    raise BedError("no free private subnet: name one with PATHOS_TESTBED_NET=a.b.c.0/23")
