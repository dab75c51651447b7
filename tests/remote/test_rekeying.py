"""Keys that are exchanged anew while channels come and go: paramiko alone waits for itself then, and gives up."""

from __future__ import annotations

import threading

import pytest
from paramiko.common import MSG_CHANNEL_CLOSE

from pathos_nb.secure.remote import Remote
from tests.rig.bed import wait_until

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


class Gate(threading.Event):
    """Lets whoever is `late` through only after a close has been sent."""

    def __init__(self, transport) -> None:
        super().__init__()
        self.late: threading.Thread | None = None
        self._send, self._is_closed = transport._send_message, threading.Event()
        transport._send_message, transport.clear_to_send = self.send, self

    def send(self, message) -> None:
        self._send(message)
        if message.asbytes()[0] == MSG_CHANNEL_CLOSE:
            self._is_closed.set()

    def wait(self, timeout=None) -> bool:
        if threading.current_thread() is self.late:
            self._is_closed.wait(20)
        return super().wait(timeout)


def test_what_waits_for_keys_when_its_channel_is_closed_is_left_out(bed):
    with Remote("host1", config=bed.config) as remote:
        transport = remote.link.transport
        gate = Gate(transport)
        gate.set()
        channel = remote.link.session(10)
        channel.exec_command("sleep 98767")
        gate.clear()  # as if keys were being exchanged
        room = channel.out_window_size
        gate.late = threading.Thread(target=channel.send, args=(bytes(1000),))
        gate.late.start()
        assert wait_until(lambda: channel.out_window_size < room), "it is about to send"
        bed.on("host1", "pkill -f '^sleep 98767'")
        assert wait_until(lambda: channel.closed), "the host has closed it"
        gate.set()
        gate.late.join(30)
        assert not gate.late.is_alive()
        transport.open_session(timeout=20).close()
        assert transport.is_active()


def test_keys_are_exchanged_as_seldom_as_ssh_does(bed):
    with Remote("host1", config=bed.config) as remote:
        assert remote.link.transport.packetizer.REKEY_BYTES == 1 << 35
