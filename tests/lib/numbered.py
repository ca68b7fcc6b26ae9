#!/usr/bin/env python3
"""numbered.py IFACE PREFIX N RATE: N frames that carry their number.

UDP from PREFIX.250 port 60001 to PREFIX.(number / 50000), port
number % 50000 + 1.  RATE packets a
second, 0 for as fast as it goes.  Each number is a row of its own in the
store.  Prints how many went out.
"""
import socket
import struct
import sys
import time

iface, prefix, count, rate = (sys.argv[1], sys.argv[2], int(sys.argv[3]),
                              int(sys.argv[4]))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
s.bind((iface, 0))
head = bytes.fromhex("020000000002020000000001") + b"\x08\0"
start = time.monotonic()
for n in range(1, count + 1):
    body = struct.pack("!HHHH", 60001, n % 50000 + 1, 12, 0) + struct.pack("!I", n)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 32, n & 0xffff, 0, 64, 17, 0,
                     socket.inet_aton(prefix + ".250"),
                     socket.inet_aton("%s.%d" % (prefix, n // 50000)))
    s.send(head + ip + body)
    if rate and n % 50 == 0:
        late = start + n / rate - time.monotonic()
        if late > 0:
            time.sleep(late)
print(count)
