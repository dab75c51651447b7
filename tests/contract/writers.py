"""Ways for an item to write: importable, and light, for each fresh worker imports it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path


def by_print(x: int) -> None:
    print(f"item {x}")


def by_stderr(x: int) -> None:
    sys.stderr.write(f"item {x}\n")


def by_logging(x: int) -> None:
    import logging

    logging.getLogger("a.library").warning("item %d", x)


def by_descriptor(x: int) -> None:
    os.write(1, f"item {x}\n".encode())


def by_second_descriptor(x: int) -> None:
    os.write(2, f"item {x}\n".encode())


def by_subprocess(x: int) -> None:
    subprocess.run(["echo", f"item {x}"], check=True)


def by_buffer(x: int) -> None:
    sys.stdout.buffer.write(f"item {x}\n".encode())


def by_c_library(x: int) -> None:
    import ctypes

    libc = ctypes.CDLL(None)
    libc.printf(b"item %d\n", x)


def by_half_a_line(x: int) -> None:
    sys.stdout.write(f"item {x}")


def by_warning(x: int) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"item {x}", UserWarning, stacklevel=1)


def by_print_then_raise(x: int) -> None:
    print(f"item {x}")
    raise ValueError(x)


WRITERS = [
    by_print, by_stderr, by_logging, by_descriptor, by_second_descriptor, by_subprocess, by_buffer, by_c_library,
    by_half_a_line, by_warning, by_print_then_raise,
]  # fmt: skip


def print_pieces(x: int) -> None:
    for piece in ("a ", "b ", f"{x}\n", "c"):
        print(piece, end="")
    os.write(1, b"d\n")


def silent(x: int) -> int:
    return x


def print_bytes(_: int) -> None:
    os.write(1, b"\xff\xfe caf\xc3\xa9 \x00 \x1b[31mred\n")


def print_much(x: int) -> int:
    for _ in range(100):
        sys.stdout.write("y" * 100_000 + "\n")
    return x


def print_and_die(x: int) -> int:
    print(f"item {x}", flush=True)
    if x == 2:
        print("last words", flush=True)
        os._exit(4)
    return x


def ask(_: int) -> str:
    return input("name? ")


def write(x: int) -> list[str]:
    """Read what there is, and write as many lines as said into a file of a name that all items use."""
    there = sorted(str(path) for path in Path().rglob("*") if not path.is_dir())
    Path("out.txt").write_text(Path("data/a.csv").read_text() * x)
    Path("more").mkdir()
    Path(f"more/log-{x}").write_text("log")
    return there


def write_only(text: str) -> str:
    Path("out.txt").write_text(text)
    return str(Path.cwd())


def misbehave(how: str) -> str:
    """Write what is not to be collected."""
    if how == "nothing":
        return how
    if how == "link":
        Path("out.txt").symlink_to("/etc/hostname")
    elif how == "raise":
        Path("out.txt").write_text("half")
        raise ValueError("no")
    elif how == "die":
        Path("out.txt").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        Path("out.txt").write_text(how)
    return how


def dies_once(x: int, marks: str) -> None:
    Path(f"out-{x}").touch()
    if x == 1 and not Path(f"{marks}/{x}").exists():
        Path(f"{marks}/{x}").touch()
        os.kill(os.getpid(), signal.SIGKILL)


def change_and_read(path: str) -> str:
    text = Path("data/a.csv").read_text()
    Path(path).write_text(f"{text},4")
    return text


def overwrite(path: str) -> None:
    Path(path).write_text("scribbled over")


def scribble(text: str) -> str:
    before = Path("data/a.csv").read_text()
    Path("data/a.csv").write_text(text)
    return before
