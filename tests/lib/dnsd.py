#!/usr/bin/env python3
"""A DNS server for tests: answers questions for the names of addresses.

usage: dnsd.py [--on ADDRESS] PORTFILE NAME=ANSWER...
NAME is an address; ANSWER a host name, or one of
    @silent  no answer         @slow   an answer after 2.5 s
    @forge   answers with another id and another question first
    @loop    a name that points to itself      @cut    half an answer
    @bytes   a name with control characters    @refuse  it will not tell
It listens on ADDRESS, or 127.0.0.1, writes its port to PORTFILE, and a line to standard
error for each question.  Other addresses do not exist.
"""
import ipaddress
import os
import socket
import struct
import sys
import threading
import time


def labels(name):
    return b"".join(bytes([len(x)]) + x for x in name.split(b".")) + b"\0"


def answer(query, name, rcode=0, count=1, ident=None):
    head = (ident or query[:2]) + struct.pack(
        ">HHHHH", 0x8180 | rcode, 1, count, 0, 0)
    body = query[12:]
    if count:
        body += b"\xc0\x0c" + struct.pack(">HHIH", 12, 1, 60, len(name)) + name
    return head + body


def reply(query, what):
    """Packets to send."""
    if what is None:
        return [answer(query, b"", 3, 0)]
    if what == "@forge":
        other = bytes([query[0] ^ 1]) + query[1:2]
        return [answer(query, labels(b"forged.example"), ident=other),
                answer(query[:13] + b"x" + query[14:],
                       labels(b"forged.example")),
                answer(query, labels(b"true.example"))]
    if what == "@refuse":
        return [answer(query, b"", 5, 0)]
    if what == "@loop":
        at = len(query) + 12
        return [answer(query, struct.pack(">H", 0xc000 | at))]
    if what == "@cut":
        return [answer(query, labels(b"cut.example"))[:-5]]
    if what == "@bytes":
        return [answer(query, labels(b"a\tb\n\x1b[31m.example"))]
    return [answer(query, labels(what.encode()))]


def main():
    where, table = "127.0.0.1", {}
    if sys.argv[1] == "--on":
        where = sys.argv[2]
        del sys.argv[1:3]
    for pair in sys.argv[2:]:
        name, what = pair.split("=", 1)
        table[ipaddress.ip_address(name).reverse_pointer.encode()] = what
    family, _, _, _, local = socket.getaddrinfo(
        where, 0, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind(local)
    with open(sys.argv[1] + ".new", "w") as f:
        f.write(str(s.getsockname()[1]))
    os.rename(sys.argv[1] + ".new", sys.argv[1])

    def serve(query, peer):
        name, at = [], 12
        while query[at]:
            name.append(query[at + 1:at + 1 + query[at]])
            at += 1 + query[at]
        what = table.get(b".".join(name))
        print(b".".join(name).decode(), file=sys.stderr, flush=True)
        if what == "@silent":
            return
        if what == "@slow":
            time.sleep(2.5)
            what = "slow.example"
        for packet in reply(query, what):
            s.sendto(packet, peer)

    while True:
        query, peer = s.recvfrom(512)
        threading.Thread(target=serve, args=(query, peer), daemon=True).start()


if __name__ == "__main__":
    main()
