#!/usr/bin/env python3
"""Writes a MaxMind DB file (format 2.0) of a few networks, for tests.

usage: mmdb.py FILE KIND NETWORK=VALUE...
    KIND: country, registered_country, country_code or asn
    mmdb.py c.mmdb country 192.0.2.0/24=CH 2001:db8::/32=DE
    mmdb.py a.mmdb asn '192.0.2.0/24=64500 Example Org'
"""
import ipaddress
import struct
import sys

MARK = b"\xab\xcd\xefMaxMind.com"


def control(kind, size):
    """Control byte and size of a field."""
    first = kind << 5 if kind < 8 else 0
    more = b"" if kind < 8 else bytes([kind - 7])
    if size >= 29:
        assert size < 285
        return bytes([first | 29]) + more + bytes([size - 29])
    return bytes([first | size]) + more


def encode(value):
    if isinstance(value, str):
        raw = value.encode()
        return control(2, len(raw)) + raw
    if isinstance(value, dict):
        return control(7, len(value)) + b"".join(
            encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, list):
        return control(11, len(value)) + b"".join(map(encode, value))
    kind, number = value  # 5: u16, 6: u32, 9: u64
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return control(kind, len(raw)) + raw


def build(kind, networks):
    nodes = [[None, None]]  # of node numbers, ("data", offset), or None
    data = b""
    for text, value in networks:
        n = ipaddress.ip_network(text)
        bits, length = int(n.network_address), n.prefixlen
        if n.version == 4:
            length += 96
        if kind == "country_code":
            record = {"country_code": value}
        elif kind == "registered_country":
            record = {"registered_country": {"iso_code": value}}
        elif kind == "country":
            record = {"country": {"iso_code": value,
                                  "names": {"en": value * 20}}}
        else:
            number, _, org = value.partition(" ")
            record = {"autonomous_system_number": (6, int(number)),
                      "autonomous_system_organization": org}
        leaf = ("data", len(data))
        data += encode(record)
        at = 0
        for i in range(length - 1):
            side = bits >> (127 - i) & 1
            if nodes[at][side] is None:
                nodes.append([None, None])
                nodes[at][side] = len(nodes) - 1
            at = nodes[at][side]
        nodes[at][bits >> (128 - length) & 1] = leaf

    def record_of(x):
        if x is None:
            return len(nodes)
        if isinstance(x, tuple):
            return len(nodes) + 16 + x[1]
        return x

    tree = b"".join(struct.pack(">I", record_of(x))[1:]
                    for node in nodes for x in node)
    meta = encode({
        "node_count": (6, len(nodes)), "record_size": (5, 24),
        "ip_version": (5, 6), "database_type": "Test",
        "languages": ["en"], "binary_format_major_version": (5, 2),
        "binary_format_minor_version": (5, 0), "build_epoch": (9, 1767225600),
        "description": {"en": "test"}})
    return tree + bytes(16) + data + MARK + meta


def main():
    path, kind, *pairs = sys.argv[1:]
    with open(path, "wb") as f:
        f.write(build(kind, [p.split("=", 1) for p in pairs]))


if __name__ == "__main__":
    main()
