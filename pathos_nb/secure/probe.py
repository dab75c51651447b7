"""What a host is like: one fixed script for any POSIX shell, whose answer is lines of ``name value``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["SCRIPT", "HostFacts", "read_facts"]

# Nothing that a user typed is in it. What is missing there is a line that is missing, not an error.
SCRIPT = r"""
say() { printf '%s %s\n' "$1" "$2"; }
say clock "$(date +%s.%N)"
say system "$(uname -s)"; say machine "$(uname -m)"; say hostname "$(uname -n)"; say user "$(id -un)"
say home "$HOME"; say shell "$SHELL"
try='import sys; print("%d.%d.%d" % sys.version_info[:3])'
for name in python3 python python3.10 python3.11 python3.12 python3.13 python3.14; do
  path=$(command -v "$name" 2>/dev/null) && [ -x "$path" ] &&
    version=$("$path" -I -S -c "$try" </dev/null 2>/dev/null) && say python "$version $path"
done
for name in mpiexec srun sbatch; do path=$(command -v "$name" 2>/dev/null) && say program "$name $path"; done
say cores "$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)"
if [ -r /proc/meminfo ]; then
  while read -r key value rest; do
    case $key in MemTotal:) say memory_kib "$value" ;; MemAvailable:) say free_kib "$value" ;; esac
  done </proc/meminfo
  read -r load rest </proc/loadavg && say load "$load"
else
  say memory_bytes "$(sysctl -n hw.memsize 2>/dev/null)"
  say load "$(sysctl -n vm.loadavg 2>/dev/null | cut -d ' ' -f 2)"
fi
say disk_kib "$(df -Pk "$HOME" 2>/dev/null | awk 'NR == 2 { print $4 }')"
folder=${XDG_CACHE_HOME:-$HOME/.cache}
file=$folder/.pathos_nb-$$
if said=$( { mkdir -p "$folder" && printf '%4096s' x | cat >"$file"; } 2>&1 ); then say writable yes
else say writable "no $said"; fi
rm -f "$file" 2>/dev/null
say done yes
"""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What one host is like, as `Remote.probe` found it.

    Attributes
    ----------
    host : str
        The host, as the user calls it.
    pythons : dict of str to str
        The path by minor version (``3.11``), the first on the host's PATH of each.
    versions : dict of str to str
        The full version by path.
    programs : dict of str to str
        The path of ``mpiexec``, ``srun``, ``sbatch``, where they are.
    cores : int
        Those that the user may use.
    memory_bytes, free_bytes, disk_free_bytes : int
        Of the machine, and of the home folder's disk; 0 if not known.
    load : float
        Processes that want to run, over the last minute.
    clock_offset_s : float
        Its clock less ours.
    round_trip_s : float
        One question and answer of ssh.
    home, is_writable, why_not : str, bool, str
        The home folder, whether the cache folder in it can be written, and if not what the host says.
    """

    host: str
    system: str = ""
    machine: str = ""
    hostname: str = ""
    user: str = ""
    shell: str = ""
    home: str = ""
    pythons: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    programs: dict[str, str] = field(default_factory=dict)
    cores: int = 0
    memory_bytes: int = 0
    free_bytes: int = 0
    disk_free_bytes: int = 0
    load: float = 0.0
    clock_offset_s: float = 0.0
    round_trip_s: float = 0.0
    is_writable: bool = False
    why_not: str = ""

    @property
    def newest(self) -> str:
        """The newest Python's minor version; empty if there is none."""
        return max(self.pythons, key=lambda minor: [int(n) for n in minor.split(".")], default="")


def read_facts(host: str, text: str, sent_at: float, round_trip_s: float) -> HostFacts | None:
    """Read the script's answer.

    Parameters
    ----------
    host : str
        The host, as the user calls it.
    text : str
        What the script wrote.
    sent_at : float
        Our clock when its was read, as near as can be known.
    round_trip_s : float
        What was measured.

    Returns
    -------
    HostFacts or None
        None if the answer is not whole.
    """
    said: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        said.setdefault(name, []).append(value.strip())
    if "done" not in said:
        return None
    one = {name: values[0] for name, values in said.items()}
    pythons, versions = _pythons(said.get("python", []))
    clock = _number(one.get("clock", "").replace(".N", ""))
    return HostFacts(
        host=host,
        **{name: one.get(name, "") for name in ("system", "machine", "hostname", "user", "shell", "home")},
        pythons=pythons,
        versions=versions,
        programs=dict(value.split(" ", 1) for value in said.get("program", [])),
        cores=int(_number(one.get("cores", ""))),
        memory_bytes=int(_number(one.get("memory_kib", "")) * 1024 or _number(one.get("memory_bytes", ""))),
        free_bytes=int(_number(one.get("free_kib", "")) * 1024),
        disk_free_bytes=int(_number(one.get("disk_kib", "")) * 1024),
        load=_number(one.get("load", "")),
        clock_offset_s=clock - sent_at if clock else 0.0,
        round_trip_s=round_trip_s,
        is_writable=one.get("writable") == "yes",
        why_not=one.get("writable", "").partition("no ")[2],
    )


def _pythons(lines: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Give the paths by minor version, the first found of each, and the versions by path."""
    by_minor: dict[str, str] = {}
    by_path: dict[str, str] = {}
    for line in lines:
        version, _, path = line.partition(" ")
        by_minor.setdefault(".".join(version.split(".")[:2]), path)
        by_path.setdefault(path, version)
    return by_minor, by_path


def _number(text: str) -> float:
    found = re.match(r"-?[0-9]+(\.[0-9]+)?", text.strip())
    return float(found.group()) if found else 0.0
