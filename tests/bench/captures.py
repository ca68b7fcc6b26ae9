#!/usr/bin/env python3
"""captures.py PCAPS PACKETS FILE: one capture file out of many real ones.

All Ethernet captures in the folder one after the other, again and again, each
time between other addresses (bytes 2 and 3 of IPv4 ones, 3 and 4 of IPv6 ones
are changed), until there are PACKETS; whole frames, a microsecond apart but for
the rounds, which are a minute apart.  For programs that look at payload.
"""
import os
import struct
import sys

START = 1768435200


def frames(path):
    """Ethernet frames of a classic pcap file."""
    with open(path, "rb") as f:
        data = f.read()
    for order, magic in (("<", 0xa1b2c3d4), (">", 0xa1b2c3d4),
                         ("<", 0xa1b23c4d), (">", 0xa1b23c4d)):
        if len(data) >= 24 and struct.unpack_from(order + "I", data)[0] == magic:
            break
    else:
        return
    if struct.unpack_from(order + "I", data, 20)[0] != 1:
        return
    at = 24
    while at + 16 <= len(data):
        caplen, wire = struct.unpack_from(order + "II", data, at + 8)
        if caplen > 65535 or caplen < wire or at + 16 + caplen > len(data):
            return
        frame = data[at + 16:at + 16 + caplen]
        at += 16 + caplen
        if len(frame) > 54 and frame[12:14] in (b"\x08\0", b"\x86\xdd"):
            yield frame


def moved(frame, n):
    out = bytearray(frame)
    places = (27, 31) if frame[12] == 8 else (24, 40)
    for at in places:
        out[at] ^= n & 0xff
        out[at + 1] ^= n >> 8
    return out


def main():
    folder, packets, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    every = []
    for name in sorted(os.listdir(folder)):
        if name.endswith((".pcap", ".cap")):
            every += frames(os.path.join(folder, name))
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for k in range(packets):
            n, i = divmod(k, len(every))
            frame = moved(every[i], n)
            f.write(struct.pack("<IIII", START + n * 60 + i // 10**6,
                                i % 10**6, len(frame), len(frame)))
            f.write(frame)


if __name__ == "__main__":
    main()
