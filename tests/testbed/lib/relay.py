"""A slow cable in user space, for kernels without tc netem.

usage: relay.py LINK TAP DELAY_S RATE_BITS LOSS
Ethernet frames pass between LINK (one end of a veth pair) and TAP (made here, gone when this process
ends). Each direction has its own delay, rate (0: none) and loss, and a queue of 1000 frames, as netem has.
"""

import contextlib
import fcntl
import os
import random
import select
import socket
import struct
import sys
import time
from collections import deque

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
ETH_P_ALL, PACKET_OUTGOING = 3, 4
QUEUE, BURST = 1000, 64


class Direction:
    def __init__(self, send, delay, rate, loss):
        self.send, self.delay, self.rate, self.loss = send, delay, rate, loss
        self.queue, self.line_free = deque(), 0.0

    def admit(self, frame, now):
        if len(self.queue) >= QUEUE or random.random() < self.loss:
            return
        sent = now
        if self.rate:
            sent = self.line_free = max(self.line_free, now) + len(frame) * 8 / self.rate
        self.queue.append((sent + self.delay, frame))

    def deliver(self, now):
        """Pass on what is due; return when the next frame is, or None."""
        while self.queue and self.queue[0][0] <= now:
            with contextlib.suppress(OSError):  # the link is down (a cut), or the far buffer is full: the frame is lost
                self.send(self.queue.popleft()[1])
        return self.queue[0][0] if self.queue else None


def main(link_name, tap_name, delay, rate, loss):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", tap_name.encode(), IFF_TAP | IFF_NO_PI))
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    link.bind((link_name, 0))
    link.setblocking(False)
    print("ready", flush=True)

    shape = float(delay), float(rate), float(loss)
    to_link = Direction(link.send, *shape)
    to_tap = Direction(lambda frame: os.write(tap, frame), *shape)
    while True:
        now = time.monotonic()
        due = [t for t in (to_link.deliver(now), to_tap.deliver(now)) if t is not None]
        wait = max(0.0, min(due) - time.monotonic()) if due else None
        readable = select.select([tap, link], [], [], wait)[0]
        now = time.monotonic()
        try:
            for _ in range(BURST if tap in readable else 0):
                to_link.admit(os.read(tap, 65536), now)
        except OSError:
            pass  # nothing more to read
        try:
            for _ in range(BURST if link in readable else 0):
                frame, where = link.recvfrom(65536)
                if where[2] != PACKET_OUTGOING:
                    to_tap.admit(frame, now)
        except OSError:
            pass  # nothing more to read, or the link is down


if __name__ == "__main__":
    main(*sys.argv[1:])
