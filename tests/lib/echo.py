#!/usr/bin/env python3
"""echo.py serve ADDRESS PORT | ask ADDRESS PORT N: UDP questions, answered."""
import socket
import sys

mode, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
if mode == "serve":
    s.bind((address, port))
    while True:
        data, peer = s.recvfrom(2048)
        s.sendto(data, peer)
s.settimeout(2)
s.connect((address, port))
for n in range(int(sys.argv[4])):
    s.send(b"%08d" % n)
    s.recv(2048)
