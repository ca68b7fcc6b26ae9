#!/usr/bin/env python3
"""Capture files for the tests, made from nothing and always the same.

usage: pcapgen.py -o DIR [NAME...]      write NAME.pcap (or .pcapng)
       pcapgen.py --list                names and what they hold

Addresses are the documentation ranges (RFC 5737, RFC 3849).  Each capture is
a function below; tests/data/README says which test uses it.
"""
import argparse
import ipaddress
import os
import random
import struct
import sys

DAY = 1768435200            # 2026-01-15T00:00:00Z
CLIENT_MAC = bytes.fromhex("020000000001")
SERVER_MAC = bytes.fromhex("020000000002")
SYN, ACK, PSH, FIN = 2, 16, 8, 1


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip(src, dst, proto, payload, ident=0, flags=0, options=b"", wire=None):
    """IPv4 or IPv6 header before payload; wire: length the header claims."""
    a, b = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    n = len(payload) if wire is None else wire
    if a.version == 4:
        ihl = 5 + len(options) // 4
        head = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, 0, ihl * 4 + n, ident,
                           flags, 64, proto, 0, a.packed, b.packed) + options
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        return 0x0800, head + payload
    return 0x86dd, struct.pack("!IHBB16s16s", 6 << 28, n, proto, 64,
                               a.packed, b.packed) + payload


def ether(packet, upward=True, vlans=()):
    ethertype, body = packet
    out = (SERVER_MAC + CLIENT_MAC) if upward else (CLIENT_MAC + SERVER_MAC)
    for tpid, tag in vlans:
        out += struct.pack("!HH", tpid, tag)
    return out + struct.pack("!H", ethertype) + body


def tcp(sport, dport, flags, seq=0, payload=b""):
    return struct.pack("!HHIIBBHHH", sport, dport, seq, 0, 0x50, flags, 65535,
                       0, 0) + payload


def udp(sport, dport, payload=b""):
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def icmp(kind, code=0, payload=b"\0" * 56):
    body = struct.pack("!BBHI", kind, code, 0, 0) + payload
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


class Capture:
    """Frames with their times; wire lengths may exceed what is kept."""

    def __init__(self, snaplen=128, linktype=1):
        self.snaplen, self.linktype, self.frames = snaplen, linktype, []

    def add(self, time, frame, wire=None):
        self.frames.append((time, frame[:self.snaplen],
                            len(frame) if wire is None else wire))

    def session(self, time, client, server, sport, dport, up, down, rtt=0.02,
                seconds=1.0, vlans=()):
        """A TCP connection that moves up and down bytes of payload."""
        def put(at, upward, flags, payload):
            a, b = (client, server) if upward else (server, client)
            p, q = (sport, dport) if upward else (dport, sport)
            seg = tcp(p, q, flags)
            frame = ether(ip(a, b, 6, seg, wire=20 + payload), upward, vlans)
            self.add(at, frame, len(frame) + payload)
        put(time, True, SYN, 0)
        put(time + rtt / 2, False, SYN | ACK, 0)
        put(time + rtt, True, ACK, 0)
        chunks = [(True, n) for n in split(up)] + \
                 [(False, n) for n in split(down)]
        for i, (upward, n) in enumerate(chunks):
            at = time + rtt + seconds * (i + 1) / (len(chunks) + 1)
            put(at, upward, ACK | PSH, n)
            if i % 2:
                put(at + rtt / 4, not upward, ACK, 0)
        put(time + rtt + seconds, True, FIN | ACK, 0)
        put(time + rtt * 1.5 + seconds, False, FIN | ACK, 0)
        put(time + rtt * 2 + seconds, True, ACK, 0)

    def ask(self, time, client, server, sport, dport, up, down, rtt=0.01):
        """A UDP question with its answer (none when down is 0)."""
        frame = ether(ip(client, server, 17, udp(sport, dport, b"q" * up)))
        self.add(time, frame)
        if down:
            frame = ether(ip(server, client, 17,
                             udp(dport, sport, b"a" * down)), False)
            self.add(time + rtt, frame)

    def pcap(self):
        out = [struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, self.snaplen,
                           self.linktype)]
        for time, frame, wire in self.frames:
            us = round(time * 1e6)
            out.append(struct.pack("<IIII", us // 10**6 & 0xffffffff,
                                   us % 10**6, len(frame), wire) + frame)
        return b"".join(out)

    def pcapng(self):
        units = 10**6
        return ng_section("<") + ng_iface("<", self.linktype, self.snaplen) + \
            b"".join(ng_packet("<", 0, round(time * units), frame, wire)
                     for time, frame, wire in self.frames)


def ng_block(order, kind, body):
    body += b"\0" * (-len(body) % 4)
    n = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + n + body + n


def ng_section(order):
    return ng_block(order, 0x0a0d0d0a,
                    struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1))


def ng_iface(order, linktype, snaplen, options=b""):
    return ng_block(order, 1, struct.pack(order + "HHI", linktype, 0, snaplen) +
                    options)


def ng_packet(order, iface, units, frame, wire):
    return ng_block(order, 6, struct.pack(order + "IIIII", iface, units >> 32,
                                          units & 0xffffffff, len(frame),
                                          wire) + frame)


def split(total, mss=1448):
    return [mss] * (total // mss) + ([total % mss] if total % mss else [])


def office():
    """A quarter of an hour in a small office: web, mail, names, a backup"""
    rnd = random.Random(1)
    c = Capture(snaplen=96)
    start = DAY + 9 * 3600
    hosts = ["192.0.2.%d" % n for n in (11, 12, 13, 14, 21)]
    web = ["198.51.100.10", "198.51.100.20", "203.0.113.80", "203.0.113.81"]
    for k in range(60):
        client, t = rnd.choice(hosts), start + rnd.random() * 850
        c.ask(t - 0.05, client, "192.0.2.1", rnd.randint(32768, 60999), 53,
              rnd.randint(25, 45), rnd.randint(60, 180))
        c.session(t, client, rnd.choice(web), rnd.randint(32768, 60999),
                  rnd.choice((443, 443, 443, 80)), rnd.randint(300, 3000),
                  int(rnd.paretovariate(1.2) * 4000) % 90000)
    for k in range(8):
        t = start + 30 + k * 100
        c.session(t, "2001:db8::15", "2001:db8:1::25", 40000 + k, 993,
                  400, 6000)
        c.ask(t + 3, "192.0.2.%d" % (11 + k % 4), "203.0.113.123", 123, 123,
              48, 48)
    c.session(start + 200, "192.0.2.21", "192.0.2.5", 51515, 22, 240000, 4000,
              seconds=500)
    for k in range(20):
        t = start + 10 + k
        c.add(t, ether(ip("192.0.2.12", "198.51.100.10", 1, icmp(8))))
        c.add(t + .01, ether(ip("198.51.100.10", "192.0.2.12", 1, icmp(0)),
                             False))
    for k in range(15):
        c.add(start + k * 60, ether((0x0806, b"\0\1\x08\0\6\4\0\1" +
                                     b"\0" * 38)))
    c.frames.sort(key=lambda f: f[0])
    return c.pcap()


def days():
    """Three days, one packet in each of six blocks around two midnights"""
    c = Capture()
    for k, t in enumerate((DAY - 301, DAY - 1, DAY, DAY + 86399, DAY + 86400,
                           DAY + 86700)):
        c.ask(t, "192.0.2.1", "192.0.2.2", 40000 + k, 53, 30 + k, 0)
    return c.pcap()


def disorder():
    """Packets that leap back and forth over five block boundaries"""
    rnd = random.Random(2)
    c = Capture()
    for k in range(600):
        t = DAY + 3600 + rnd.randint(0, 5) * 300 + rnd.random() * 299
        c.ask(t, "192.0.2.%d" % rnd.randint(1, 9), "198.51.100.7",
              rnd.randint(32768, 60999), rnd.choice((53, 123, 514)), 40,
              rnd.choice((0, 90)), rtt=0.2)
    return c.pcap()


def links():
    """The same flow behind VLAN, QinQ, MPLS and PPPoE, and IPv6 twice"""
    c = Capture(snaplen=256)
    t = DAY + 7200
    plain = ip("192.0.2.1", "192.0.2.2", 17, udp(40000, 53, b"x" * 20))
    six = ip("2001:db8::1", "2001:db8::2", 60,
             b"\x11\0" + b"\1\4\0\0\0\0" + udp(40000, 53, b"x" * 20))
    c.add(t, ether(plain))
    c.add(t + 1, ether(plain, vlans=((0x8100, 5),)))
    c.add(t + 2, ether(plain, vlans=((0x88a8, 7), (0x8100, 5))))
    c.add(t + 3, ether((0x8847, b"\0\1\0\x40" + b"\0\2\1\x40" + plain[1])))
    pppoe = b"\x11\0\0\1" + struct.pack("!H", len(plain[1]) + 2) + b"\0\x21"
    c.add(t + 4, ether((0x8864, pppoe + plain[1])))
    c.add(t + 5, ether(six))
    c.add(t + 6, ether(six, vlans=((0x8100, 9),)))
    options = ip("192.0.2.1", "192.0.2.2", 17, udp(40000, 53, b"x" * 20),
                 options=b"\x94\4\0\0")
    c.add(t + 7, ether(options))
    return c.pcap()


def fragments():
    """A datagram in three fragments, in order, reversed, and headless"""
    c = Capture(snaplen=1600)
    whole = udp(40000, 2049, b"f" * 4000)
    for n, order in enumerate(((0, 1, 2), (2, 1, 0), (1, 2))):
        for k in order:
            more = 0x2000 if k < 2 else 0
            part = whole[k * 1480:(k + 1) * 1480]
            c.add(DAY + 10800 + n * 10 + k,
                  ether(ip("192.0.2.%d" % (n + 1), "192.0.2.100", 17, part,
                           ident=77, flags=more | k * 185)))
    return c.pcap()


def times():
    """Stamps at 1970, at the last second of 2^32, and between"""
    c = Capture()
    for k, t in enumerate((0, 299, 2**31, 4294967099, 4294967100, 2**32 - 1)):
        c.ask(t, "192.0.2.1", "192.0.2.2", 40000, 5000 + k, 10, 0)
    return c.pcap()


def cut():
    """office, ended in the middle of a record"""
    return office()[:-30]


def garbage():
    """Bytes that are no capture"""
    return bytes(random.Random(3).randbytes(4096))


def empty():
    """A header and no packet"""
    return Capture().pcap()


def records(data):
    """Time, frame and length on the wire of each packet in pcap data"""
    at = 24
    while at < len(data):
        sec, usec, n, wire = struct.unpack_from("<IIII", data, at)
        yield sec + usec / 1e6, data[at + 16:at + 16 + n], wire
        at += 16 + n


def office_ng():
    """links as pcapng"""
    c = Capture(snaplen=256)
    for record in records(links()):
        c.add(*record)
    return c.pcapng()


def mixed():
    """links as from three interfaces that differ, and two sections"""
    out = []
    nano = struct.pack(">HHB3xHH", 9, 1, 9, 0, 0)
    for k, (time, frame, wire) in enumerate(records(links())):
        if k == 0:
            out += [ng_section("<"), ng_iface("<", 1, 262144),
                    ng_iface("<", 101, 65535)]
        elif k == 4:
            out += [ng_section(">"), ng_iface(">", 113, 0, nano),
                    ng_iface(">", 1, 256, nano)]
        ether_type = frame[12:14]
        is_ip = ether_type in (b"\x08\0", b"\x86\xdd")
        units = round(time) * (10**6 if k < 4 else 10**9)
        if k < 4:
            out.append(ng_packet("<", is_ip, units, frame[14:] if is_ip
                                 else frame, wire))
        elif is_ip:
            cooked = b"\0\0\0\1\0\6" + frame[6:12] + b"\0\0" + frame[12:]
            out.append(ng_packet(">", 0, units, cooked, wire))
        else:
            out.append(ng_packet(">", 1, units, frame, wire))
    return b"".join(out)


CAPTURES = {"office.pcap": office, "days.pcap": days,
            "disorder.pcap": disorder, "links.pcap": links,
            "links.pcapng": office_ng, "mixed.pcapng": mixed,
            "fragments.pcap": fragments,
            "times.pcap": times, "cut.pcap": cut, "garbage.pcap": garbage,
            "empty.pcap": empty}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-o", metavar="DIR", default=".")
    p.add_argument("--list", action="store_true")
    p.add_argument("names", nargs="*")
    args = p.parse_args()
    if args.list:
        for name, make in CAPTURES.items():
            print("%-16s %s" % (name, make.__doc__))
        return
    for name in args.names or CAPTURES:
        if name not in CAPTURES:
            sys.exit("pcapgen.py: no capture %r; --list names them" % name)
        with open(os.path.join(args.o, name), "wb") as out:
            out.write(CAPTURES[name]())


if __name__ == "__main__":
    main()
