#!/usr/bin/env python3
"""numbered.py IFACE PREFIX N RATE [LOG]: N frames that carry their number.

UDP from PREFIX.250 port 60001 to PREFIX.(number / 50000), port
number % 50000 + 1.  RATE packets a
second, 0 for as fast as it goes.  Each number is a row of its own in the
store.  Prints how many went out.  SIGTERM ends it before N.  LOG gets a line
`number seconds` ahead of every 50 and at the end.
"""
import signal
import socket
import struct
import sys
import time

iface, prefix, count, rate = (sys.argv[1], sys.argv[2], int(sys.argv[3]),
                              int(sys.argv[4]))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
s.bind((iface, 0))
log = open(sys.argv[5], "w") if len(sys.argv) > 5 else None
stop = False


def on_term(*_):
    global stop
    stop = True


signal.signal(signal.SIGTERM, on_term)
head = bytes.fromhex("020000000002020000000001") + b"\x08\0"
start = time.monotonic()
for n in range(1, count + 1):
    if stop:
        count = n - 1
        break
    if log and n % 50 == 1:
        log.write("%d %.6f\n" % (n, time.time()))
    body = struct.pack("!HHHH", 60001, n % 50000 + 1, 12, 0) + struct.pack("!I", n)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 32, n & 0xffff, 0, 64, 17, 0,
                     socket.inet_aton(prefix + ".250"),
                     socket.inet_aton("%s.%d" % (prefix, n // 50000)))
    s.send(head + ip + body)
    if rate and n % 50 == 0:
        late = start + n / rate - time.monotonic()
        if late > 0:
            time.sleep(late)
if log:
    log.write("%d %.6f\n" % (count + 1, time.time()))
    log.close()
print(count)
