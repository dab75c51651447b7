"""The far side: one process that owns one peer and does what it is told, line by line.

::

    race or probe ── {"op": "rep", "args": {…}} ──► stdin   contender: getattr(far, op)(**args)
                  ◄── {"ok": …} or {"error": …} ──── stdout

Commands and replies move to descriptors of their own before the peer's library is imported, so that neither a worker
that reads its stdin nor a print can disturb them.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from importlib import import_module
from typing import Any, TextIO

from benchmarks import cases, peers


def private_streams() -> tuple[TextIO, TextIO]:
    """Take stdin and stdout away from everybody else; prints go to stderr from here on."""
    commands = os.fdopen(os.dup(0), "r")
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    return commands, replies


def answer(far: Any, command: dict[str, Any]) -> dict[str, Any]:
    """Do one command; an error is an answer too."""
    try:
        return {"ok": getattr(far, command["op"])(**command.get("args", {}))}
    except Exception as error:  # whatever a peer raises is its result
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"[:300]}


def main(case: str, peer: str, is_quick: str) -> None:
    """Serve until stdin ends."""
    commands, replies = private_streams()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    module = import_module(f"benchmarks.cases.{case}" if case in cases.NAMES else f"benchmarks.{case}")
    far = module.Far(peers.make(peer), is_quick == "quick")
    for line in commands:
        replies.write(json.dumps(answer(far, json.loads(line))) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
