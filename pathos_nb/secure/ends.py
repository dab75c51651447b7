"""The beginning and the end of an output that is too long to be shown."""

from __future__ import annotations

__all__ = ["Ends"]


class Ends:
    """Bytes that are added block by block; of many, those in the middle are counted and let go.

    Parameters
    ----------
    most_bytes : int
        How many are kept: half from the beginning, half from the end.

    Attributes
    ----------
    n_left_out : int
        So many bytes were let go.

    Notes
    -----
    At most twice as many are held, so that each byte is moved at most once on the average.
    """

    def __init__(self, most_bytes: int) -> None:
        self.n_left_out = 0
        self._most_bytes, self._blocks = most_bytes, bytearray()

    def extend(self, block: bytes) -> None:
        """Add a block at the end."""
        self._blocks += block
        if len(self._blocks) > 2 * self._most_bytes:
            self._let_go()

    def __bytes__(self) -> bytes:
        """Give both ends in whole lines, with a line between them that says how much is left out."""
        if len(self._blocks) > self._most_bytes:
            self._let_go()
        if not self.n_left_out:
            return bytes(self._blocks)
        half = self._most_bytes // 2
        head, tail = self._blocks[:half], self._blocks[half:]
        if b"\n" in head and b"\n" in tail:  # else there is a line without an end
            head, tail = head[: head.rindex(b"\n")], tail[tail.index(b"\n") + 1 :]
        n_bytes = self.n_left_out + 2 * half - len(head) - len(tail)
        return b"%s\n[... %d bytes are left out ...]\n%s" % (head, n_bytes, tail)

    def _let_go(self) -> None:
        half, n_bytes = self._most_bytes // 2, len(self._blocks)
        self.n_left_out += n_bytes - 2 * half
        del self._blocks[half : n_bytes - half]
