"""Keys that are exchanged anew while channels come and go: paramiko alone waits for itself then, and gives up."""

from __future__ import annotations

import pytest

from pathos_nb.secure.remote import Remote

pytestmark = pytest.mark.timeout(120)

N_BYTES = 1 << 20
OFTEN_BYTES = 1 << 17


def test_channels_that_end_while_keys_are_exchanged_end_no_connection(bed):
    with Remote("host1", config=bed.config) as remote:
        packets = remote.link.transport.packetizer
        packets.REKEY_BYTES, packets.REKEY_BYTES_OVERFLOW_MAX = OFTEN_BYTES, 1 << 29
        command = ["head", "-c", str(N_BYTES), "/dev/zero"]
        lengths = [len(remote.run(command, stdin=bytes(N_BYTES), timeout=20).stdout) for _ in range(12)]
        assert lengths == [N_BYTES] * 12
        assert remote.is_alive()


def test_keys_are_exchanged_as_seldom_as_ssh_does(bed):
    with Remote("host1", config=bed.config) as remote:
        assert remote.link.transport.packetizer.REKEY_BYTES == 1 << 35
