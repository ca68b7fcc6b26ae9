#!/usr/bin/env python3
"""Hand-made inputs to begin with.

usage: seeds.py DIR     writes DIR/TARGET.seeds/*
"""
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import pcapgen as g     # noqa: E402

DATA = os.path.join(HERE, "..", "data")


def packets():
    """IP packets as (ethertype, bytes)."""
    a, b, c, d = "10.0.0.1", "192.0.2.9", "2001:db8::1", "2001:db8::2"
    yield g.ip(a, b, 6, g.tcp(40000, 443, g.SYN))
    yield g.ip(a, b, 6, g.tcp(443, 40000, g.SYN | g.ACK), options=b"\7\7\4" +
               bytes(5))
    yield g.ip(a, b, 17, g.udp(5353, 53, b"x" * 9))
    yield g.ip(a, b, 17, g.udp(1, 2, b"y" * 16), ident=7, flags=0x2000)
    yield g.ip(a, b, 17, b"z" * 24, ident=7, flags=3)
    yield g.ip(a, b, 1, struct.pack("!BBHHH", 8, 0, 0, 1, 1))
    yield g.ip(a, b, 132, struct.pack("!HHIIBBH", 5, 6, 0, 0, 1, 0, 20))
    yield g.ip(a, b, 33, struct.pack("!HHBBHBBHI", 5, 6, 4, 0, 0, 0, 0, 0, 0))
    yield g.ip(c, d, 58, struct.pack("!BBHHH", 128, 0, 0, 1, 1))
    yield g.ip(c, d, 136, g.udp(7, 8))
    hop = struct.pack("!BB6x", 43, 0)
    route = struct.pack("!BB6x", 44, 0)
    first = struct.pack("!BBHI", 60, 0, 1, 99)
    later = struct.pack("!BBHI", 60, 0, 8, 99)
    options = struct.pack("!BB6x", 6, 0)
    body = g.tcp(1000, 22, g.ACK)
    yield g.ip(c, d, 0, hop + route + first + options + body)
    yield g.ip(c, d, 0, hop + route + later + b"q" * 20)
    yield g.ip(c, d, 51, struct.pack("!BBHII", 6, 1, 0, 1, 1) + body)


def links(packet):
    """(link type, frame) around one IP packet."""
    kind, ip = packet
    v6 = kind == 0x86dd
    ether = g.ether(packet)
    snap = b"\xaa\xaa\x03\0\0\0" + struct.pack("!H", kind)
    ppp = b"\x00\x57" if v6 else b"\x00\x21"
    mpls = b"\0\1\0\x40\0\2\1\x40"
    mac = ether[:12]
    yield 0, struct.pack("<I", 10 if v6 else 2) + ip
    yield 108, struct.pack(">I", 24 if v6 else 2) + ip
    yield 1, ether
    yield 1, g.ether(packet, vlans=((0x88a8, 5), (0x8100, 6)))
    yield 1, mac + struct.pack("!H", len(snap + ip)) + snap + ip
    yield 1, mac + b"\x88\x47" + mpls + ip
    yield 1, mac + b"\x88\x64\x11\0\0\1" + struct.pack(
        "!H", len(ip) + 2) + ppp + ip
    yield 1, mac + b"\x88\xe7\0\0\0\1" + ether
    yield 1, mac + b"\x89\x4f\x0f\xc6\x01\x03" + bytes(20) + ether
    yield 6, b"\x10\x40" + mac + snap + ip
    yield 10, b"\x50" + mac + snap + ip
    yield 8, bytes(16) + ip
    yield 9, b"\xff\x03" + ppp + ip
    yield 50, b"\xff\x03" + ppp + ip
    yield 51, b"\x11\0\0\1\0\0" + ppp + ip
    yield 104, b"\x0f\0" + struct.pack("!H", kind) + ip
    yield 204, b"\1\xff\x03" + ppp + ip
    yield 166, b"\1\0\xff\x03" + ppp + ip
    for raw in (12, 14, 101, 228, 229):
        yield raw, ip
    for atm in (11, 19):
        yield atm, snap + ip
    yield 123, b"\x02\0\0\5" + snap + ip
    yield 105, b"\x08\x01\0\0" + mac + mac[:6] + b"\0\0" + snap + ip
    yield 105, b"\x88\x43\0\0" + mac * 2 + b"\0\0\0\0" + snap + ip
    radiotap = struct.pack("<BBHI", 0, 0, 8, 0)
    yield 127, radiotap + b"\x08\x01\0\0" + mac + mac[:6] + b"\0\0" + snap + ip
    yield 119, struct.pack("<II", 0x44, 144) + bytes(136) + \
        b"\x08\x01\0\0" + mac + mac[:6] + b"\0\0" + snap + ip
    yield 163, struct.pack(">II", 0x80211001, 64) + bytes(56) + \
        b"\x08\x01\0\0" + mac + mac[:6] + b"\0\0" + snap + ip
    yield 192, struct.pack("<BBHI", 0, 0, 8, 1) + ether
    yield 107, b"\x18\x41\x03" + (b"\x8e" if v6 else b"\xcc") + ip
    yield 113, struct.pack("!HHH8sH", 0, 1, 6, mac, kind) + ip
    for hardware in (778, 776, 65534, 512, 768):
        yield 113, struct.pack("!HHH8sH", 0, hardware, 6, mac, kind) + ip
    yield 276, struct.pack("!HHIHBB8s", kind, 0, 2, 1, 0, 6, mac) + ip
    yield 109, struct.pack("<III", 10 if v6 else 2, 0, 0) + ip
    yield 117, struct.pack("BB", 61, 10 if v6 else 2) + bytes(62) + ip
    yield 122, bytes(16) + snap + ip
    yield 149, b"\x01" + ip
    yield 226, struct.pack("BB", 1, 26 if v6 else 2) + bytes(22) + ip
    yield 239, struct.pack("BBHHH", 10 if v6 else 2, 0, 0, 4 + len(ip), 9) + ip
    yield 242, bytes(40) + struct.pack("!HH", kind, 0) + ip
    yield 258, struct.pack("<III", 108, 1, 1) + bytes(96) + ether
    yield 1, mac + b"\xd2\x8b\0\1\0\x10" + bytes(8) + ether[12:]
    yield 1, mac + b"\x88\x47" + mpls + bytes(4) + ether
    yield 1, mac + b"\x88\xe5\0\0\0\0\0\1" + ether[12:]
    for tag in (b"\x89\x09\1\1\0\1\0\5", b"\x89\x26\0\0\0\0",
                b"\x89\x3f" + bytes(6), b"\xf1\xc1\0\0\0\1"):
        yield 1, mac + tag + ether[12:]
    yield 1, mac + b"\x22\xf3\0\x7f\0\1\0\2" + bytes(4) + ether
    yield 1, mac + b"\x89\x03\0\5" + ether
    yield 1, b"\1\0\x0c\0\0" + bytes(9) + b"\xaa\xaa\3" + bytes(9) + ether
    for kind_, head in ((1, b"\x0f\0" + ether[12:14]), (5, bytes(4) +
                        b"\xff\x03" + ppp), (4, bytes(4) + snap),
                        (22 + v6, b"")):
        yield 197, bytes(8) + bytes([kind_, 4]) + bytes(6) + head + ip
    yield 197, bytes(8) + b"\x82\4" + bytes(6) + bytes(8) + b"\0\0" + ether
    yield 178, b"MGC\0" + ether
    yield 181, b"MGC\x80\0\2\1\1\x0f\0" + ether[12:14] + ip
    yield 178, b"MGC\2" + struct.pack("<I", 6 if v6 else 2) + ip
    yield 135, b"MGC\0\0\0\0\1" + bytes(4) + ether
    yield 135, b"MGC\1" + bytes(8) + ppp + ip
    yield 137, b"MGC\1" + bytes(4) + snap + ip
    yield 183, b"MGC\1" + bytes(18) + ip
    call = b"\x96" * 13 + b"\x61"
    yield 3, call + b"\x03\xcc" + ip
    yield 202, b"\0" + call + b"\x03\xcc" + ip
    yield 240, b"\0\4\4\0" + ether
    yield 99, bytes(6) + ether[12:14] + bytes(36) + ip
    yield 129, b"\1\2\0\0" + (b"\xc4" if v6 else b"\xd4") + bytes(3) + ip
    yield 138, bytes(16) + ether[12:14] + ip
    yield 259, bytes(8) + ether
    yield 274, b"\x55" * 7 + b"\xd5" + ether
    yield 284, mac + b"\xc0\0\0\0" + ether[12:]
    yield 285, mac + b"\xda\xda\0\0\xc0\0\0\0" + ether[12:]


def decode():
    every = list(packets())
    seen = set()
    for n, packet in enumerate(every):
        for dlt, frame in links(packet):
            # every link type once, every packet on Ethernet
            if n in (0, 8) or (dlt == 1 and (n, dlt) not in seen):
                seen.add((n, dlt))
                yield struct.pack("<HH", dlt, 0) + frame


def talk(proto, port, *payloads):
    """Packets of one flow, client and server in turn, raw IP."""
    out, seq = struct.pack("<H", 101), [1, 1]
    a, b = ("10.0.0.1", 40000), ("192.0.2.9", port)
    for n, data in enumerate(payloads):
        s, d = (b, a) if n % 2 else (a, b)
        if proto == 6:
            body = bytearray(g.tcp(s[1], d[1], g.ACK) + data)
            struct.pack_into("!II", body, 4, seq[n % 2], seq[1 - n % 2])
            seq[n % 2] += len(data)
        else:
            body = g.udp(s[1], d[1], data)
        ip = g.ip(s[0], d[0], proto, bytes(body))[1]
        out += struct.pack("<H", len(ip)) + ip
    return out


def extension(kind, body):
    return struct.pack("!HH", kind, len(body)) + body


def client_hello(host):
    sni = struct.pack("!HBH", len(host) + 3, 0, len(host)) + host
    ext = extension(0, sni) + extension(16, b"\0\x0c\2h2\x08http/1.1") + \
        extension(10, b"\0\2\0\x1d") + extension(43, b"\2\3\4")
    body = b"\3\3" + bytes(32) + b"\0\0\2\x13\1\1\0" + \
        struct.pack("!H", len(ext)) + ext
    hello = b"\1" + struct.pack("!I", len(body))[1:] + body
    return b"\x16\3\1" + struct.pack("!H", len(hello)) + hello


def dpi():
    dns = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1"
    yield talk(17, 53, dns, dns[:2] + b"\x81\x80\0\1\0\1" + dns[8:] +
               b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0\1")
    yield talk(6, 443, client_hello(b"www.google.com"),
               b"\x16\3\3\0\x2a\2\0\0\x26\3\3" + bytes(36))
    yield talk(6, 80, b"GET / HTTP/1.1\r\nHost: www.example.com\r\n"
               b"User-Agent: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Type: "
               b"text/html\r\nServer: y\r\n\r\n<html>")
    yield talk(6, 22, b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH-2.0-x\r\n")
    yield talk(6, 25, b"", b"220 mail ESMTP\r\n", b"EHLO a\r\n",
               b"250-mail\r\n250 STARTTLS\r\n")
    yield talk(6, 143, b"", b"* OK IMAP4rev1 ready\r\n", b"a1 LOGIN u p\r\n")
    yield talk(6, 110, b"", b"+OK POP3\r\n", b"USER u\r\n", b"+OK\r\n")
    yield talk(6, 21, b"", b"220 FTP\r\n", b"USER u\r\n", b"331 x\r\n")
    yield talk(17, 5060, b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP c\r\n"
               b"From: <sip:d@e>\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n")
    quic = b"\xc0\0\0\0\1\x08\1\2\3\4\5\6\7\x08\0\0\x44\x9e"
    for version in (b"\0\0\0\1", b"\xff\0\0\x1d", b"\x6b\x33\x43\xcf",
                    b"Q046", b"Q050"):
        q = quic[:1] + version + quic[5:]
        yield talk(17, 443, q + bytes(1200 - len(q)))
    yield talk(17, 123, b"\x23" + bytes(47), b"\x24\1" + bytes(46))
    yield talk(17, 161, b"0\x26\2\1\1\4\6public\xa0\x19\2\1\1\2\1\0\2\1\0"
               b"0\x0e0\x0c\6\x08+\6\1\2\1\1\1\0\5\0")
    yield talk(17, 67, b"\1\1\6\0" + bytes(232) + b"c\x82Sc\x35\1\1\x0c\4"
               b"host\xff")
    yield talk(6, 6881, b"\x13BitTorrent protocol" + bytes(48))
    yield talk(17, 6881, b"d1:ad2:id20:" + b"i" * 20 + b"e1:q4:ping1:t2:aa1:y1:"
               b"qe")
    yield talk(17, 51820, b"\1\0\0\0" + bytes(144), b"\2\0\0\0" + bytes(88))
    yield talk(17, 1194, b"\x38" + bytes(13), b"\x40" + bytes(25))
    yield talk(6, 1883, b"\x10\x0e\0\4MQTT\4\2\0\x3c\0\2id", b" \2\0\0")
    yield talk(6, 3306, b"", b"\x4a\0\0\0\x0a8.0.1\0" + bytes(66))
    yield talk(6, 5432, b"\0\0\0\x08\4\xd2\x16\x2f", b"N",
               b"\0\0\0\x10\0\3\0\0user\0u\0\0")
    yield talk(6, 445, b"\0\0\0\x40\xfeSMB\x40" + bytes(59))
    yield talk(6, 139, b"\0\0\0\x20\xffSMBr" + bytes(27))
    yield talk(6, 3389, b"\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0")
    yield talk(6, 389, b"0\x0c\2\1\1`\7\2\1\3\4\0\x80\0")
    yield talk(17, 88, b"j\x30" + bytes(48))
    yield talk(17, 3478, b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12))
    yield talk(17, 1900, b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900"
               b"\r\n\r\n")
    yield talk(17, 137, b"\0\1\1\x10\0\1\0\0\0\0\0\0 " + b"CK" * 16 +
               b"\0\0\x21\0\1")
    yield talk(17, 4789, b"\x08" + bytes(60))
    yield talk(17, 2152, b"\x30\xff" + bytes(30))


def pcapfile():
    for name in ("links.pcap", "links.pcapng", "mixed.pcapng",
                 "fragments.pcap", "times.pcap", "empty.pcap"):
        with open(os.path.join(DATA, name), "rb") as f:
            yield f.read()[:4096]
    frame = g.ether(next(packets()))
    for magic, order in ((0xa1b2c3d4, ">"), (0xa1b23c4d, "<"),
                         (0xa1b2cd34, "<"), (0xa1b2c3d4, "<")):
        out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
        out += struct.pack(order + "IIII", 1, 2, len(frame), len(frame))
        yield out + (bytes(8) if magic == 0xa1b2cd34 else b"") + frame
    # pcapng, big-endian, a packet block of each kind, and interfaces that
    # differ
    o = ">"
    yield (g.ng_section(o) +
           g.ng_iface(o, 1, 0, struct.pack(">HHBxxx", 9, 1, 9) + bytes(4)) +
           g.ng_packet(o, 0, 1 << 32 | 2, frame, len(frame)) +
           g.ng_block(o, 3, struct.pack(">I", len(frame)) + frame) +
           g.ng_block(o, 2, struct.pack(">HHIIII", 0, 0, 1, 2, len(frame),
                                        len(frame)) + frame) +
           g.ng_iface(o, 101, 96, struct.pack(">HHq", 14, 8, 7200)) +
           g.ng_packet(o, 1, 3, frame[14:], len(frame)) +
           g.ng_section("<") + g.ng_iface("<", 239, 0) +
           g.ng_packet("<", 0, 4, b"\2\0\0\0" + bytes(12), 16))


ROW4 = struct.pack("<4s4sHBBHH4Q", b"\12\0\0\1", b"\12\0\0\2", 443, 6, 0, 0,
                   0, 1, 2, 3, 4)
ROW6 = struct.pack("<16s16sHBBHH4Q", b" \1\r\xb8", b"\xff\2", 53, 17, 0, 0, 0,
                   1, 2, 3, 4)
NAME = struct.pack("48s32s", b"Unknown", b"Unspecified")


def make_frame(kind, seq, n4, n6):
    body = (b"" if kind == 3 else NAME) + ROW4 * n4 + ROW6 * n6
    return struct.pack("<IHHIIQ16s5q4IQQ11QQ", 0x31465047, 1, kind,
                       208 + len(body), 1, seq, bytes(16), 300, 1, 2, 1, 2,
                       kind != 3, n4, n6, n4 + n6, 0, 0, *([0] * 11), 0) + body


def frame():
    for kind, n4, n6 in ((1, 2, 1), (2, 0, 0), (3, 0, 0), (4, 1, 0)):
        yield b"\1" + make_frame(kind, 1, n4, n6)
    yield b"\0" + make_frame(1, 1, 1, 1)
    # a name that is not there, in the row of each version
    good = b"\1" + make_frame(1, 1, 1, 1)
    for row in (280, 280 + 48 + 24):
        at = 1 + row + 12
        yield good[:at] + b"\1" + good[at + 1:]


def ring():
    def pad(b):
        return b + bytes(-len(b) % 64)
    one, two = make_frame(1, 1, 2, 1), make_frame(2, 2, 0, 0)
    both = pad(one) + pad(two)
    yield struct.pack("<IQB", 0, len(both), 1) + both
    # the second one begins the data again
    start = (1 << 20) - len(pad(one))
    yield struct.pack("<IQB", start // 64, len(both), 1) + both
    padding = pad(make_frame(3, 0, 0, 0))
    gap = (1 << 20) - len(padding)
    yield struct.pack("<IQB", gap // 64, len(padding) + len(pad(two)), 1) + \
        padding + pad(two)
    yield struct.pack("<IQB", (1 << 14) - 1, 64 + len(pad(two)), 1) + \
        bytes(64) + pad(two)
    yield struct.pack("<IQB", 0, len(pad(one)), 0) + one


def hello():
    h = struct.pack("<IHHIHH16s16sQq", 0x31485047, 1, 1, 1, 0, 1, b"eth0",
                    b"\1" * 16, 1 << 20, 5)
    m = struct.pack("<IHHQQ", 0x31485047, 3, 0, 64, 0)
    yield b"\1" + bytes([len(h)]) + h
    yield b"\1" + bytes([len(h)]) + h + (bytes([len(m)]) + m) * 3
    yield b"\x92" + bytes([len(h)]) + h + bytes([len(m)]) + m
    yield b"\0" + bytes([len(h)]) + h
    yield b"\1" + bytes([len(h) + 1]) + h + b"x"


def conf():
    with open(os.path.join(HERE, "..", "..", "etc", "goprobe.ini"),
              "rb") as f:
        text = f.read()
    yield text.replace(b"\n;", b"\n").replace(b"\n#", b"\n")
    yield b"\n".join(line for line in text.split(b"\n")
                     if line[:1] not in b"#;")
    yield b"""[site]
name = lab
networks = 10.0.0.0/8, 2001:db8::/32
[store]
path = /var/lib/x
retain_days = 30
max_bytes = 10G
min_free = 512M
compression = none
[capture]
sandbox = seccomp
filter = not port 22
 and not host 10.0.0.1
snaplen = 128
buffer_mb = 64
promiscuous = no
l7 = off
direction = flow
[interface eth0]
[interface br-lan]
workers = 4
flows_max = 4096
l7_wait = 3
"""
    yield b"\xef\xbb\xbf[writer]\r\nsync_interval=1 ; why\r\nmetrics=/x\r\n"
    yield b"[export]\nurl = https://x/\nbatch_rows = 1000\ninterval = 9\n"


def cond():
    return [t.encode() for t in (
        "", "proto=TCP", "dport < 1024 and proto = udp",
        "sip = 10.0.0.1 or dip != 2001:db8::1", "not (host = 10.0.0.0/8)",
        "src net 10.0.0.0/8 && dst port 443", "!(dport=22|dport=53)",
        "l7proto = TLS", "l7proto in (TLS, 'DNS', \"SSH\")",
        "dport in (22, 80-90, https)", "ip6 and icmp6", "site",
        "sip = site and not dip = site", "portrange 1000-2000",
        "snet=10.0.0.0/8 & dnet=::/0", "host 10.0.0.1", "port 53 or arp",
        "proto >= 6", "apps_port", "talk_conv", "time,iface,sip,dip",
        "(((((dport=1)))))", "dport = 1 dport = 2", "sip=999.1.1.1", "=")]


def queryargs():
    return [t.replace(" ", "\n").replace("~", " ").encode() for t in (
        "-i eth0 talk_conv", "-ieth0 -n10 -cproto=TCP sip,dip",
        "--iface=any --limit=95% -s packets raw",
        "-i eth0,eth1 -f -7d -l -1d -e json apps_port -p -a -in",
        "-i !lo -f 2026-01-01 -l 2026-01-02T03:04:05Z -x time,sip",
        "-d /x -i e* -f 1768435200 -l 1768435500 -n all -e csv host --out",
        "-i x -f yesterday~14:00 -l now talk_src --no-live",
        "-h", "-V", "-t", "-T", "-c x -- -q", "--mem 1G -i a seen",
        "--sandbox=seccomp --fail=incomplete,empty -i a talk_dst")]


def patches():
    """Changes of a good file of the store (store.h)."""
    yield b"\1"                                 # none
    for at in (0, 4, 8, 16, 40, 104, 208):
        yield b"\1" + struct.pack("<HB", at, 1)
        yield b"\3" + struct.pack("<HB", at, 0x80)
        yield b"\5" + struct.pack("<HB", at, 0)     # cut
    yield b"\0"                                 # empty
    yield b"\0" + bytes(64)


def column():
    for n in range(9):
        for p in patches():
            yield bytes([n]) + p


def addresses():
    """Groups and heads (addresses.c), by hand from FORMAT.md."""
    const = lambda v: bytes([1, v])
    one = struct.pack("<H", 0) + bytes(15) + b"\5"     # an address: 5
    yield b"\0" + one + const(5) + const(0) + const(7)
    yield b"\2" + one + b"\x10" + const(0) + const(5) + const(0) + const(7)
    # in two blocks, 7 and 9; in all
    yield b"\0" + one + const(5) + const(1) + const(7) + const(1)
    yield b"\0" + one + const(5) + b"\1\x9f\2" + b"\xff" * 36
    # three addresses: 5 6 7, in 1, 2 and 1 blocks
    three = struct.pack("<H", 2) + bytes(15) + b"\5"
    yield b"\0" + three + b"\4\5" + const(1) + b"\2\1\0\2" + const(7) + \
        const(0)
    head = struct.pack("<QQIIIIIIqqQQ", 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    head += bytes(40 + 6 * 16)
    yield b"\1" + head + struct.pack("<QQQQ", 0, 0, 0, 0)
    yield b"\1" + head + struct.pack("<QQQQ", 0, 1, 0, 0)
    yield b"\1" + head + struct.pack("<QQQQ", 0, 0, 1, 0) + bytes(16)
    yield b"\1" + head + struct.pack("<QQQQ", 9, 0, 1 << 40, 1 << 60)


def rollups():
    """Sections of roll-ups (rollups.c), by hand from FORMAT.md."""
    def record(hour, section):
        return bytes([hour, len(section)]) + section
    hour, day = b"\x90\x1c", b"\x80\xa3\5"
    ids = bytes(range(48))
    refused = day + b"\0\3" + ids[:16] + b"\x0e"
    for kind in range(1, 10):
        yield record(0, day + bytes([kind, 3]) + ids)
        yield record(7, hour + bytes([kind, 3]) + ids)
    yield record(0, refused)
    yield record(0, refused[:-1])
    yield record(0, day + b"\5\4" + ids)              # one id is missing
    yield record(24, hour + b"\5\3" + ids)            # no hour's begin
    yield record(1, day + b"\5\3" + ids)
    yield record(0, day + b"\5\xff\xff\xff\xff\xff\xff\xff\xff\xff\1" + ids)
    yield record(0, day + b"\5" + b"\x80" * 8 + b"\x10" + ids)  # 2^60
    yield record(0, day + b"\5\3" + ids) + record(0, day + b"\6\0") + \
        record(0, refused) + record(0, day + b"\5\1" + ids)


def arrays():
    """Arrays of 100 rows (arrays.c), of each kind and width."""
    const = lambda v: bytes([1, v])
    packed = lambda n, w: bytes([2, w, 7]) + bytes(
        i * 37 & 255 for i in range((n * w + 7) // 8))
    few = lambda n: b"\2\1\0" + bytes((n + 7) // 8)     # codes, gaps: 0
    bitmap = b"\x10" * 12 + b"\0"                       # 12 steps
    kinds = [
        const(5), packed(100, 3), packed(100, 8),
        b"\3\3\7\x0a" + bytes(38) + packed(10, 0) + packed(10, 2),
        b"\3\0\7\x0a" + const(9) + b"\4\1" + packed(9, 3),
        b"\4\5" + packed(99, 2),
        b"\4\5\3\2\0\3" + bytes(25) + const(7) + packed(3, 1),
        b"\5\3" + packed(3, 8) + few(100),
        b"\5\3\4\5" + packed(2, 4) + b"\6\x0d" + bitmap + few(13),
        b"\6\x0d" + bitmap + packed(13, 6),
        b"\6\x0d" + bitmap + b"\4\1" + packed(12, 6)]
    for array in kinds:
        for first in (0, 1, 2, 3, 0xf8, 0xfa, 0xfb):
            yield bytes([first, 99, 0]) + array
        for first in (4, 0xfc):
            yield bytes([first, 99, 0, 0x10]) + array + packed(100, 5)
            yield bytes([first, 99, 0, 0x11, 2]) + packed(2, 9) + \
                const(1) + few(100)


TARGETS = {f.__name__: f for f in (decode, dpi, pcapfile, frame, ring, hello, conf,
                                   cond, queryargs, column,
                                   addresses, rollups, arrays)}
TARGETS["index"] = TARGETS["journal"] = patches


def main():
    for name, make in TARGETS.items():
        folder = os.path.join(sys.argv[1], name + ".seeds")
        os.makedirs(folder, exist_ok=True)
        for n, data in enumerate(make()):
            with open(os.path.join(folder, "seed-%03d" % n), "wb") as f:
                f.write(data)


if __name__ == "__main__":
    main()
