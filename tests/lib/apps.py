#!/usr/bin/env python3
"""apps.py FILE: flows of applications with a name, around the end of a block.

 10.0.0.1:40000 > 192.0.2.9:443   TLS.Google; handshake in one block, the
                                  ClientHello in the next
 10.0.0.2:40000 > 192.0.2.9:443   TLS, no service; all in the first
 10.0.0.3:40000 > 192.0.2.9:22    a SYN that nobody answers
 10.0.0.4 <> 192.0.2.9            ping
 10.0.0.5:123 > 192.0.2.9:123     NTP, an hour apart: one flow, two blocks
 10.0.0.6 > 192.0.2.9             ESP
"""
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "fuzz"))
import pcapgen as g     # noqa: E402
from seeds import client_hello  # noqa: E402

START = 1768435200      # 2026-01-15T00:00:00Z, begins a block
SERVER = "192.0.2.9"


class Flow:
    """A TCP conversation, packet by packet."""

    def __init__(self, capture, client, port):
        self.c, self.client, self.port = capture, client, port
        self.seq = [1000, 5000]

    def put(self, at, upward, flags, payload=b""):
        me = 0 if upward else 1
        ends = ((self.client, 40000), (SERVER, self.port))
        (a, ap), (b, bp) = ends if upward else ends[::-1]
        seg = bytearray(g.tcp(ap, bp, flags, self.seq[me], payload))
        struct.pack_into("!I", seg, 8, self.seq[1 - me] if flags & g.ACK else 0)
        self.seq[me] += len(payload) + (1 if flags & g.SYN else 0)
        self.c.add(at, g.ether(g.ip(a, b, 6, bytes(seg)), upward))

    def open(self, at):
        self.put(at, True, g.SYN)
        self.put(at + 0.01, False, g.SYN | g.ACK)
        self.put(at + 0.02, True, g.ACK)

    def hello(self, at, host):
        self.put(at, True, g.ACK | g.PSH, client_hello(host))
        body = b"\3\3" + bytes(32) + b"\0\x13\1\0\0\6\0\x2b\0\2\3\4"
        answer = b"\2" + struct.pack("!I", len(body))[1:] + body
        self.put(at + 0.02, False, g.ACK | g.PSH, b"\x16\3\3" +
                 struct.pack("!H", len(answer)) + answer)
        for n in range(4):
            self.put(at + 0.1 + n / 50, n % 2 == 0, g.ACK | g.PSH,
                     b"\x17\3\3\0\x40" + bytes(64))


def main():
    c = g.Capture(snaplen=65535)
    google = Flow(c, "10.0.0.1", 443)
    google.open(START + 299.5)
    google.hello(START + 300.5, b"www.google.com")
    google.put(START + 301, True, g.FIN | g.ACK)
    other = Flow(c, "10.0.0.2", 443)
    other.open(START + 200)
    other.hello(START + 201, b"www.example.invalid")
    Flow(c, "10.0.0.3", 22).put(START + 100, True, g.SYN)
    c.add(START + 50, g.ether(g.ip("10.0.0.4", SERVER, 1, g.icmp(8))))
    c.add(START + 51, g.ether(g.ip(SERVER, "10.0.0.4", 1, g.icmp(0)), False))
    for hour in (0, 3600):
        c.add(START + 60 + hour, g.ether(g.ip("10.0.0.5", SERVER, 17, g.udp(
            123, 123, b"\x23" + bytes(47)))))
    c.add(START + 70, g.ether(g.ip("10.0.0.6", SERVER, 50, bytes(80))))
    c.frames.sort(key=lambda f: f[0])
    with open(sys.argv[1], "wb") as f:
        f.write(c.pcap())


if __name__ == "__main__":
    main()
