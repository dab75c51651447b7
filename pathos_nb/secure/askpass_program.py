"""What ``ssh`` runs to ask its user: it hands the question on by a socket, and writes the answer to its stdout.

It is run by its path, in an interpreter of its own that loads nothing of ours: ``askpass_program.py SOCKET PROMPT``.
"""

import os
import socket
import sys

BLOCK_BYTES = 4096
ANSWERED = b"+"  # comes before an answer, which may be empty


def main(place: str, prompt: str) -> int:
    """Ask; the exit status says whether there was an answer.

    Parameters
    ----------
    place : str
        The socket of who is to be asked.
    prompt : str
        The question.

    Returns
    -------
    int
    """
    if os.environ.get("SSH_ASKPASS_PROMPT") == "none":  # "touch your key": nothing is asked
        return 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.connect(place)
        stream.sendall(prompt.encode("utf-8", "surrogateescape"))
        stream.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: stream.recv(BLOCK_BYTES), b""))
    if not answer.startswith(ANSWERED):
        return 1
    sys.stdout.buffer.write(answer.removeprefix(ANSWERED) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
