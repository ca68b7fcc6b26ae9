#!/usr/bin/env python3
"""deal.py NEAR FAR FLOWS: conversations in both directions over a veth pair.

Frames are sent on FAR (they come in on NEAR) and on NEAR (they go out of it):
UDP between equal ports, so that only a flow's first packet tells who began;
IPv4 and IPv6, in datagrams and in fragments; with VLAN tags, MPLS labels,
PPPoE and LLC/SNAP.  Prints what NEAR's rows have to be, by interface:
sip,dip,dport,proto,packets_rcvd,packets_sent,packets,bytes_rcvd,bytes_sent,bytes
"""
import ipaddress
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pcapgen import ip, udp  # noqa: E402

MACS = bytes.fromhex("020000000002020000000001")
PORT = 40000


def plain(kind, body):
    return struct.pack("!H", kind) + body


def ppp(kind, body):
    number = {0x0800: 0x21, 0x86dd: 0x57}[kind]
    return struct.pack("!HBBHHH", 0x8864, 0x11, 0, 1, len(body) + 2,
                       number) + body


def snap(kind, body):
    return struct.pack("!HBBBBHH", len(body) + 8, 0xaa, 0xaa, 3, 0, 0,
                       kind) + body


WRAPS = (
    plain,
    lambda kind, body: struct.pack("!HH", 0x8100, 7) + plain(kind, body),
    lambda kind, body: struct.pack("!HHHH", 0x88a8, 9, 0x8100, 7) +
    plain(kind, body),
    lambda kind, body: struct.pack("!HII", 0x8847, 0x00010040,
                                   0x00020140) + body,
    ppp,
    snap,
)


def fragments(version, src, dst, ident):
    """A datagram of 108 bytes in two fragments, the first with the ports."""
    payload = udp(PORT, PORT, b"x" * 100)
    parts = payload[:64], payload[64:]
    if version == 4:
        return [ip(src, dst, 17, parts[0], ident, 0x2000),
                ip(src, dst, 17, parts[1], ident, 8)]
    return [ip(src, dst, 44, struct.pack("!BBHI", 17, 0, at, ident) + part)
            for at, part in ((1, parts[0]), (64, parts[1]))]


def datagrams(flow, back):
    version = 4 if flow % 2 else 6
    if version == 4:
        ends = ["10.7.%d.%d" % (flow // 250, flow % 250 + 1),
                "10.8.%d.%d" % (flow % 16, flow % 200 + 1)]
    else:
        ends = ["2001:db8:7::%x" % (flow + 1), "2001:db8:8::%x" % (flow % 97)]
    if back:
        ends.reverse()
    if flow % 3 == 0:
        packets = fragments(version, ends[0], ends[1], flow * 2 + back)
    else:
        packets = [ip(ends[0], ends[1], 17, udp(PORT, PORT, b"y" * 20))] * 2
    wrap = WRAPS[flow // 2 % len(WRAPS)]
    return ends, [MACS + wrap(kind, body) for kind, body in packets]


def main():
    near, far, flows = sys.argv[1], sys.argv[2], int(sys.argv[3])
    out = []
    for name in (far, near):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.bind((name, 0))
        out.append(s)
    rows = {}
    for turn in range(3):
        for flow in range(flows):
            # who begins; the other answers in later turns
            from_near = (flow // 5 + turn) % 2
            back = turn % 2
            ends, frames = datagrams(flow, back)
            key = tuple(reversed(ends)) if back else tuple(ends)
            row = rows.setdefault(key, [0, 0, 0, 0])
            for frame in frames:
                out[from_near].send(frame)
                row[from_near] += 1
                row[2 + from_near] += len(frame)
            if flow % 50 == 49:
                time.sleep(0.005)
        time.sleep(0.1)
    for (src, dst), (pr, ps, br, bs) in sorted(rows.items()):
        print("%s,%s,%d,UDP,%d,%d,%d,%d,%d,%d" % (
            ipaddress.ip_address(src), ipaddress.ip_address(dst), PORT,
            pr, ps, pr + ps, br, bs, br + bs))


if __name__ == "__main__":
    main()
