"""A private Slurm cluster on this one machine: how it is made, disturbed and removed."""

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from ground import SYSTEM_PATH, BedError, alive, end, identify, run, wait_for, write_secret
from members import inner_number, of_mark, of_namespace, with_descendants

LIB = Path(__file__).resolve().parent
CONTROLLER = "controller"
UNSHARE = ("unshare", "--uts", "--ipc", "--mount", "--pid", "--fork", "--kill-child")
PROBE = "hostname probe && mount -t proc proc /proc && mount --bind /etc/hosts /etc/hosts"
CLEAN = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"}
READY = ("idle", "mixed", "allocated", "completing")
SETTINGS = """
AuthType=auth/munge CredType=cred/munge CommunicationParameters=NoInAddrAny,NoCtldInAddrAny,DisableIPv6
ProctrackType=proctrack/linuxproc TaskPlugin=task/none SwitchType=switch/none MpiDefault=none
SelectType=select/cons_tres SelectTypeParameters=CR_CPU SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
JobAcctGatherType=jobacct_gather/none AccountingStorageType=accounting_storage/none JobCompType=jobcomp/filetxt
ReturnToService=2 SlurmctldTimeout=30 SlurmdTimeout=10 InactiveLimit=0 KillWait=2 MinJobAge=300
"""


def program(name):
    found = shutil.which(name, path=f"{SYSTEM_PATH}:{os.environ.get('PATH', '')}")
    if not found:
        raise BedError(f"{name} is not installed: tools/testbed.sh installs it (Debian, root)")
    return found


def why_no_namespaces():
    if os.environ.get("PATHOS_TESTBED_NETNS") == "0":
        return "switched off by PATHOS_TESTBED_NETNS=0"
    probe = run(*UNSHARE, "sh", "-c", PROBE, check=False)
    return (probe.stderr.strip().splitlines() or ["the probe failed"])[-1] if probe.returncode else None


def free_ports(count):
    """Ports below the range from which the kernel takes those of outgoing connections."""
    ports = []
    for port in random.sample(range(20000, 32000), 2000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise BedError("no free ports")


class Cluster:
    def __init__(self, rundir, state):
        self.dir, self.state = rundir, state
        self.conf = rundir / "slurm.conf"

    # -- commands ------------------------------------------------------------------------------

    def client(self, *argv, **kw):
        """Run one of Slurm's own commands, without what a job around us may have set."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SBATCH", "SINFO", "SQUEUE"))}
        return run(program(argv[0]), *argv[1:], env={**env, "SLURM_CONF": str(self.conf)}, **kw)

    def node_states(self):
        """{node: state} as the controller sees it; {} while it does not answer."""
        try:
            told = self.client("sinfo", "-h", "-N", "-o", "%N %T", check=False, timeout=5)
        except subprocess.TimeoutExpired:
            return {}
        return dict(line.split() for line in told.stdout.splitlines()) if told.returncode == 0 else {}

    # -- up and down ---------------------------------------------------------------------------

    def prepare(self, count, cpus, extra):
        """Lay out the directory: key, slurm.conf, spools, logs."""
        state, top = self.state, self.dir
        names = [f"node{i}" for i in range(1, count + 1)]
        reason = why_no_namespaces()
        host = socket.gethostname().split(".")[0]
        control, *ports = free_ports(count + 1)
        state.update(
            reason=reason, cpus=cpus, nodes={name: {"port": port} for name, port in zip(names, ports, strict=True)}
        )
        (top / "munge").mkdir(mode=0o700)
        write_secret(top / "munge/key", os.urandom(64).hex())
        for sub in ("log", "state"):
            (top / sub).mkdir()
        (top / "hosts").write_text(f"127.0.0.1 localhost {host} {' '.join(names)}\n" + Path("/etc/hosts").read_text())
        user = pwd.getpwuid(os.geteuid()).pw_name
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        settings = dict(word.split("=", 1) for word in SETTINGS.split()) | {
            "ClusterName": "testbed",
            "SlurmctldHost": f"{host}(127.0.0.1)",
            "SlurmctldPort": control,
            "SlurmUser": user,
            "SlurmdUser": user,
            "AuthInfo": f"socket={top / 'munge.socket'}",
            "StateSaveLocation": top / "state",
            "SlurmdSpoolDir": top / "spool-%n",
            "SlurmctldPidFile": top / "state/pid",
            "SlurmdPidFile": top / "spool-%n/pid",
            "SlurmctldLogFile": top / "log/slurmctld.log",
            "SlurmdLogFile": top / "log/slurmd-%n.log",
            "JobCompLoc": top / "log/jobcomp.txt",
        }
        for setting in extra:
            key, equals, value = setting.partition("=")
            if not equals:
                raise BedError(f"--conf: {setting!r} is not KEY=VALUE")
            settings[next((k for k in settings if k.lower() == key.lower()), key)] = value
        state["gpus"] = settings.get("GresTypes") == "gpu" and self.stand_ins("gpu", 2)
        gres = " Gres=gpu:2" if state["gpus"] else ""
        lines = [f"{key}={value}" for key, value in settings.items()]
        for name, node in state["nodes"].items():
            (top / f"spool-{name}").mkdir()
            lines.append(
                f"NodeName={name} NodeHostname={host if reason else name} NodeAddr=127.0.0.1"
                f" Port={node['port']} CPUs={cpus} RealMemory={memory}{gres}"
            )
        lines.append(f"PartitionName=debug Nodes={','.join(names)} Default=YES MaxTime=INFINITE State=UP")
        self.conf.write_text("\n".join(lines) + "\n")
        (top / "log/jobcomp.txt").touch()

    def stand_ins(self, kind, count):
        """Make devices that stand for others, which Slurm shares out all the same; whether that is allowed here."""
        try:
            for i in range(count):
                os.mknod(self.dir / f"{kind}{i}", 0o20600, os.makedev(1, 3))  # what /dev/null is
        except OSError:
            return False
        (self.dir / "gres.conf").write_text(f"Name={kind} File={self.dir / kind}[0-{count - 1}]\n")
        return True

    def up(self):
        """Start what does not run, and wait until the controller finds every node ready."""
        if not alive(self.state.get("munged")):
            (self.dir / "munge.socket").unlink(missing_ok=True)
            munge = self.dir / "munge"
            self.daemon(
                "munged",
                [
                    program("munged"),
                    "--foreground",
                    "--force",
                    f"--key-file={munge}/key",
                    f"--socket={self.dir.path}/munge.socket",
                    f"--pid-file={munge}/pid",
                    f"--seed-file={munge}/seed",
                    f"--log-file={self.dir.path}/log/munged.log",
                    "--num-threads=2",
                ],
            )
            try:
                wait_for(lambda: (self.dir / "munge.socket").exists() or not alive(self.state["munged"]), 10, "")
                if not alive(self.state["munged"]):
                    raise BedError("")
            except BedError:
                raise BedError(f"munged does not listen: {(self.dir / 'log/munged.out').read_text()}") from None
        self.restore([CONTROLLER, *self.state["nodes"]])

    def cancel(self, timeout=2):
        """Cancel every job, so that an srun that waits for one ends too: it would outlive its daemons."""
        deadline = time.monotonic() + timeout
        try:
            while self.client("squeue", "-h", check=False, timeout=timeout).stdout and time.monotonic() < deadline:
                for signum, state in (("-sKILL", "RUNNING"), ("-Q", "RUNNING"), ("-Q", "PENDING")):
                    self.client("scancel", signum, f"--state={state}", check=False, timeout=timeout)
                time.sleep(0.02)
        except subprocess.TimeoutExpired:
            pass

    def down(self):
        """End whatever of this cluster runs, however far `up` came."""
        if alive(self.state.get(CONTROLLER)) and alive(self.state.get("munged")):
            self.cancel()
        for name in self.state.get("nodes", {}):
            self.lose(name)
        self.lose(CONTROLLER)
        end(self.state.get("munged"))

    def daemon(self, name, argv):
        with open(self.dir / f"log/{name}.out", "a") as log:
            process = subprocess.Popen(
                [str(a) for a in argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                env=CLEAN,
            )
        self.state[name] = identify(process.pid)
        self.dir.save(self.state)

    # -- a node, or the controller ---------------------------------------------------------------

    def restore(self, names):
        for name in names:
            if name == CONTROLLER and not alive(self.state.get(CONTROLLER)):
                self.daemon(CONTROLLER, [program("slurmctld"), "-D", "-f", self.conf])
            elif name != CONTROLLER and not alive(self.state["nodes"][name].get("slurmd")):
                if self.state["nodes"][name].pop("lost", False):
                    self.tell(name)  # else the controller, if it has not noticed, believes in the node's jobs for long
                self.start_node(name)
        self.wait_ready([n for n in names if n != CONTROLLER])

    def start_node(self, name):
        node = self.state["nodes"][name]
        spaces = []
        if not self.state["reason"]:
            if not alive(node.get("init")):
                self.start_init(name)
            spaces = ["nsenter", "-t", node["init"]["pid"], "-m", "-u", "-i", "-p", "--wdns=/"]
        pid_file = self.dir / f"spool-{name}/pid"
        pid_file.unlink(missing_ok=True)
        log = self.dir / f"log/{name}.out"
        with open(log, "a") as out:
            done = subprocess.run(
                [str(a) for a in (*spaces, program("slurmd"), "-N", name, "-f", self.conf)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd="/",
                start_new_session=True,
                env={**CLEAN, "TESTBED_SLURM_NODE": f"{name}@{self.conf}"},
            )
        if done.returncode:
            raise BedError(f"slurmd of {name} did not start:\n{log.read_text()}")
        wait_for(lambda: pid_file.exists() and pid_file.read_text().strip(), 10, f"slurmd of {name} does not run")
        inner = pid_file.read_text().strip()
        for pid in self.members(name):
            if inner_number(pid) == inner:
                node["slurmd"] = identify(pid)
        self.dir.save(self.state)

    def start_init(self, name):
        node = self.state["nodes"][name]
        with open(self.dir / f"log/{name}.out", "a") as log:
            process = subprocess.Popen(
                [*UNSHARE, LIB / "node-init", name, self.dir / "hosts"],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        node["unshare"] = identify(process.pid)
        pid = process.stdout.readline()
        if not pid:
            raise BedError(f"{name} did not start: {(self.dir / f'log/{name}.out').read_text()}")
        node["init"] = identify(int(pid))
        self.dir.save(self.state)

    def members(self, name):
        """The processes of a node, or of the controller."""
        if name == CONTROLLER:
            there = alive(self.state.get(CONTROLLER))
            return with_descendants({self.state[CONTROLLER]["pid"]}) if there else set()
        if self.state["reason"]:
            return of_mark(name, self.dir.path)
        return of_namespace(self.state["nodes"][name].get("init"))

    def lose(self, name):
        """Stop all of it, then kill: else slurmstepd would outlive its job by a moment, and report its end."""
        node = self.state if name == CONTROLLER else self.state["nodes"][name]
        deadline = time.monotonic() + 10
        stopped = {}
        while fresh := self.members(name) - stopped.keys():
            for pid in fresh:
                stopped[pid] = identify(pid)
                send(stopped[pid], signal.SIGSTOP)
        while left := [proc for proc in stopped.values() if alive(proc)]:
            for proc in left:
                send(proc, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise BedError(f"processes of {name} do not end: {[p['pid'] for p in left]}")
            time.sleep(0.005)
        for process in ("init", "unshare") if name != CONTROLLER else ():
            end(node.get(process))

    def tell(self, name):
        """Make the controller take a node for lost now; whoever waits for its jobs hears of it."""
        self.client("scontrol", "update", f"NodeName={name}", "State=DOWN", "Reason=lost", check=False, timeout=10)

    def wait_ready(self, names, timeout=30):
        """Until the controller answers and finds these nodes fit for work."""
        lost, deadline = list(names), time.monotonic() + timeout
        while True:
            seen = self.node_states()
            for name in lost:
                if seen.get(name, "").rstrip("*") in ("down", "drained"):
                    self.client("scontrol", "update", f"NodeName={name}", "State=RESUME", check=False)
            lost = [name for name in lost if seen.get(name) not in READY]
            if seen and not lost:
                return
            if time.monotonic() > deadline:
                logs = "\n".join(f"{x.name}: {x.read_text()[-1500:]}" for x in (self.dir / "log").glob("slurm*.log"))
                raise BedError(f"not ready after {timeout} s: {lost}, the controller says {seen}\n{logs}")
            time.sleep(0.05)


def send(proc, signum):
    if alive(proc):
        with contextlib.suppress(ProcessLookupError):
            os.kill(proc["pid"], signum)
