"""The verbs of ``%pathos`` for other machines: their words and options, for the one table of commands."""

from __future__ import annotations

from collections.abc import Mapping

from pathos_nb.notebook import kinds
from pathos_nb.notebook.usage import Command, Option, Word

__all__ = ["REMOTE_VERBS"]

_TRANSPORTS = ("paramiko", "openssh")
_HOST = Word("host", "connected", is_needed=True)

_WAY = (
    Option("name", "what cells call it: -p NAME", "", "NAME", kinds.place),
    Option("nodes", "so many workers there; as many as it has cores", "n", "N", kinds.workers),
    Option("through", "by way of these hosts", "", "HOST[,HOST]", str, "hosts"),
    Option("port", "the port of its ssh", "", "PORT", kinds.port),
    Option("key", "the private key file to use", "", "FILE"),
    Option("python", "the Python to use there: a version or a path", "", "3.N|PATH"),
    Option(
        "transport",
        "openssh: by this system's own ssh",
        metavar="|".join(_TRANSPORTS),
        kind=kinds.choice(*_TRANSPORTS),
        offers=" ".join(_TRANSPORTS),
    ),
)

_CONNECT = Command(
    "%pathos connect",
    "Reach a host by ssh, and have its workers ready.",
    (
        *_WAY,
        Option("accept-new", "take the key of a host that is not known yet, and remember it"),
        Option("fingerprint", "take such a key only if it is this one", "", "SHA256:…", kinds.fingerprint),
    ),
    (Word("host", "hosts", is_needed=True),),
    more="""
HOST is [user@]host; what ~/.ssh/config says of it counts.
Passwords and codes are asked, and kept nowhere.

  %pathos connect me@node7 --through gate
  %pathos use node7 processes""",
)

REMOTE_VERBS: Mapping[str, Command] = {
    "connect": _CONNECT,
    "disconnect": Command(
        "%pathos disconnect",
        "End the connection to hosts, and what runs there.",
        (Option("all", "all of them", "a"),),
        (Word("host", "connected", is_many=True),),
    ),
    "hosts": Command(
        "%pathos hosts",
        "List the hosts: connected, and known.",
        (
            Option(
                "save", "remember a connected host, with the options it was connected by", "", "HOST", str, "connected"
            ),
            Option("forget", "remember it no longer", "", "HOST", str, "hosts"),
            Option("add", "remember one by its name, without connecting", "", "HOST"),
            *_WAY,
        ),
        more="""
The registry is a small file without secrets.
Profiles and set-up lines (module load …) are written into it by hand.

  %pathos hosts --add me@node7 --name fits --through gate""",
    ),
    "check": Command(
        "%pathos check", "Look at a host anew: Python, cores, memory, clock, link.", (), (Word("host", "connected"),)
    ),
    "copy": Command(
        "%pathos copy",
        "Copy files and folders to a host, or from one.",
        (),
        (Word("source", "copies", is_needed=True), Word("destination", "copies", is_needed=True, is_many=True)),
        more="""
HOST:PATH is a place on a host; the last of several is the destination.
A copy that was cut goes on where it was when it is made again.

  %pathos copy data/*.npy node7:data
  %pathos copy node7:results.csv .""",
    ),
    "tunnel": Command(
        "%pathos tunnel",
        "Lead a local port to a port on a host.",
        (Option("local", "the local port; any that is free if not given", "", "PORT", kinds.port),),
        (_HOST, Word("port", is_needed=True)),
    ),
    "tunnels": Command("%pathos tunnels", "List tunnels and servers."),
    "serve": Command(
        "%pathos serve",
        "Start a server on a host, for ParallelPool.",
        (
            Option("nodes", "so many workers; as many as it has cores", "n", "N", kinds.workers),
            Option("port", "where it listens there, on loopback; any if not given", "", "PORT", kinds.port),
        ),
        (_HOST,),
        more="""
Nothing but Python need be there.
Workers that %pathos use asks for need nothing there.""",
    ),
    "kill": Command(
        "%pathos kill",
        "End tunnels and servers.",
        (Option("all", "all of them", "a"),),
        (Word("name", "services", is_many=True),),
    ),
    "exec": Command(
        "%pathos exec",
        "Run a command on a host, and show what it writes.",
        (Option("timeout", "kill it if it runs longer; 60 if not given", "", "SECONDS", kinds.seconds),),
        (_HOST,),
        rest="-- COMMAND …",
        more="\nThe words reach the command as they are; for a shell:  %pathos exec node7 -- sh -c 'ls | wc -l'",
    ),
}
