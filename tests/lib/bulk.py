#!/usr/bin/env python3
"""bulk.py serve ADDRESS PORT | bulk.py send ADDRESS PORT BYTES

A TCP stream as fast as it goes, so that segments are joined and cut by the
kernel (TSO, GRO) and frames are longer than the MTU.
"""
import socket
import sys

address, port = sys.argv[2], int(sys.argv[3])
if sys.argv[1] == "serve":
    with socket.create_server((address, port)) as listener:
        conn, _ = listener.accept()
        while conn.recv(1 << 20):
            pass
else:
    with socket.create_connection((address, port)) as s:
        left = int(sys.argv[4])
        while left > 0:
            left -= s.send(b"z" * min(left, 1 << 20))
