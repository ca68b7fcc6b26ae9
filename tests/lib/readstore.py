#!/usr/bin/env python3
"""readstore.py STORE [IFACE...] - all rows of a store as csv, sorted.

readstore.py --addresses STORE - checks each address index against the rows;
prints how many there are and how many addresses they have.

A second reader of goDB, written from common/godb/FORMAT.md alone and with the
standard library only, so that the document and libgodb check each other.  It
trusts the store (no checksums) and is slow.  With KINDS set it says on the
standard error which kinds of arrays and methods it has met.
"""
import ipaddress
import os
import struct
import sys

COLUMNS = ("sip dip dport proto l7proto "
           "bytes_rcvd bytes_sent pkts_rcvd pkts_sent").split()
BITS = dict(sip=32, dip=32, dport=16, proto=8, l7proto=16)  # others: 64
CHUNK = 65536
met = set()


class In:
    def __init__(self, data):
        self.data, self.at = data, 0

    def bytes(self, n):
        part = self.data[self.at:self.at + n]
        if len(part) != n:
            raise ValueError("ends early")
        self.at += n
        return part

    def u8(self):
        return self.bytes(1)[0]

    def u64(self):
        return int.from_bytes(self.bytes(8), "little")

    def varint(self):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    def packed(self, n, width):
        data = self.bytes((n * width + 7) // 8)
        mask, out = (1 << width) - 1, []
        for i in range(0, n, 8):  # eight numbers fill whole bytes
            bits = int.from_bytes(data[i // 8 * width:(i // 8 + 1) * width],
                                  "little")
            out += [bits >> (k * width) & mask for k in range(min(8, n - i))]
        return out


def array(s, n, bits):
    kind = s.u8()
    met.add("array %d" % kind)
    if kind == 1:  # CONST
        return [s.varint()] * n
    if kind == 2:  # PACK
        width, base = s.u8(), s.varint()
        assert width <= bits, "width of a PACK"
        return [base + d for d in s.packed(n, width)]
    if kind == 3:  # PATCH
        width, base, m = s.u8(), s.varint(), s.varint()
        assert width < bits, "width of a PATCH"
        values = [base + d for d in s.packed(n, width)]
        row = -1
        gaps = array(s, m, 32)
        for gap, high in zip(gaps, array(s, m, bits)):
            row += gap + 1
            values[row] += high << width
        return values
    if kind == 4:  # DELTA
        values = [s.varint()]
        for d in array(s, n - 1, bits):
            values.append(values[-1] + d)
        return values
    if kind == 5:  # DICT
        values = array(s, s.varint(), bits)
        return [values[code] for code in array(s, n, bits)]
    if kind == 6:  # STEP
        m = s.varint()
        steps = s.bytes((n + 7) // 8)
        values, at, out = array(s, m, bits), 0, []
        for i in range(n):
            at += steps[i // 8] >> i % 8 & 1
            out.append(values[at])
        return out
    raise ValueError("kind %d" % kind)


def addresses(s, n):
    kind = s.u8()
    met.add("addresses %d" % kind)
    m = s.varint() if kind == 17 else n
    high = array(s, m, 64)
    both = [h << 64 | l for h, l in zip(high, array(s, m, 64))]
    return [both[code] for code in array(s, n, 32)] if kind == 17 else both


def lz4(data, size):
    out, at = bytearray(), 0
    while at < len(data):
        token = data[at]
        at += 1
        n = token >> 4
        if n == 15:
            while True:
                n += data[at]
                at += 1
                if data[at - 1] != 255:
                    break
        out += data[at:at + n]
        at += n
        if at >= len(data):
            break
        back = data[at] | data[at + 1] << 8
        at += 2
        n = token & 15
        if n == 15:
            while True:
                n += data[at]
                at += 1
                if data[at - 1] != 255:
                    break
        for _ in range(n + 4):
            out.append(out[-back])
    assert len(out) == size
    return bytes(out)


def chunk(data, name, v6, n):
    s = In(data)
    met.add("method %d" % data[0])
    if s.u8() == 1:
        size = s.varint()
        s = In(lz4(data[s.at:], size))
    values = (addresses(s, n) if v6 and name in ("sip", "dip") else
              array(s, n, BITS.get(name, 64)))
    if s.at != len(s.data):
        raise ValueError("bytes left over")
    return values


def column(folder, name, s, n4, n6):
    """IPv4's values and IPv6's."""
    out = ([], [])
    offset = s.varint()
    for v6, n in ((0, n4), (1, n6)):
        for row in range(0, n, CHUNK):
            rows = min(CHUNK, n - row)
            stored = s.varint()
            s.u64()
            low = s.varint()
            span = s.varint()
            with open(os.path.join(folder, name + ".gpf"), "rb") as f:
                f.seek(offset)
                values = chunk(f.read(stored), name, v6, rows)
            if v6 and name in ("sip", "dip"):
                zone = [v >> 64 for v in values]
            else:
                zone = values
            assert (min(zone), max(zone)) == (low, low + span), "zone"
            out[v6].extend(values)
            offset += stored
    return out


def record(data, folder):
    slot, = struct.unpack_from("<q", data, 24)
    n4, n6, n_sections = struct.unpack_from("<III", data, 52)
    columns = {}
    s = In(data[80:-8])
    for _ in range(n_sections):
        kind, flags, length = struct.unpack("<HHI", s.bytes(8))
        body = In(s.bytes(length))
        if kind == 2:
            while body.at < length:
                name = body.bytes(body.varint()).decode()
                part = In(body.bytes(body.varint()))
                if name in COLUMNS and n4 + n6:
                    columns[name] = column(folder, name, part, n4, n6)
        elif kind == 4 and n4 + n6:
            for name in COLUMNS[5:]:
                total = min(sum(map(sum, columns[name])), 2 ** 64 - 1)
                assert body.varint() == total, "sums"
        elif kind not in (1, 3, 4) and flags & 1:
            raise ValueError("newer")
    for v6, n in ((0, n4), (1, n6)):
        rows = zip(*(columns[c][v6] for c in COLUMNS)) if n else ()
        previous = None
        for row in rows:
            assert previous is None or previous < row[:5], "order"
            previous = row[:5]
            yield slot, v6, row


def blocks(folder, until=None):
    with open(os.path.join(folder, "blocks.idx"), "rb") as f:
        data = f.read(until)
    assert data[:8] == b"goDBidx\n"
    at = 64
    while at < len(data):
        magic, length = struct.unpack_from("<II", data, at)
        assert magic == 0x31425047 and length % 8 == 0
        yield from record(data[at:at + length], folder)
        at += length


def names(store):
    out = {0: "Unknown"}
    try:
        with open(os.path.join(store, "goDB-l7proto.names")) as f:
            for line in f:
                if line != "\n":
                    number, name, _ = line.split("\t", 2)
                    out[int(number)] = name
    except FileNotFoundError:
        pass
    return out


def group(s, v6, n):
    """Addresses and the numbers of the blocks that each is in."""
    addrs = addresses(s, n) if v6 else array(s, n, 32)
    counts = [c + 1 for c in array(s, n, 16)]
    few = [i for i in range(n) if counts[i] <= 96]
    sets = [[] for _ in range(n)]
    for i, block in zip(few, array(s, len(few), 16) if few else []):
        sets[i] = [block]
    low = 1
    for high in (2, 4, 8, 16, 32, 64, 96):
        mine = [i for i in few if low < counts[i] <= high]
        total = sum(counts[i] - 1 for i in mine)
        gaps = iter(array(s, total, 16) if total else [])
        for i in mine:
            for _ in range(counts[i] - 1):
                sets[i].append(sets[i][-1] + 1 + next(gaps))
        low = high
    for i in range(n):
        if counts[i] > 96:
            bits = int.from_bytes(s.bytes(36), "little")
            sets[i] = [k for k in range(288) if bits >> k & 1]
    assert s.at == len(s.data) and [len(x) for x in sets] == counts, "group"
    return zip(addrs, map(tuple, sets))


def address_index(folder):
    """(version, address) to block numbers, and how much of blocks.idx it is
    of; None: there is none."""
    try:
        with open(os.path.join(folder, "addresses.idx"), "rb") as f:
            data = f.read()
    except FileNotFoundError:
        return None
    assert data[:8] == b"goDBadr\n"
    head_at, = struct.unpack_from("<Q", data, 40)
    head = In(data[head_at:-8])
    covered = head.u64()
    head.bytes(200)
    head.bytes(16 * head.u64())
    assert head.u64() == 0, "not listed"
    n4, n6 = head.u64(), head.u64()
    out, at = {}, 64
    for v6, n in ((0, n4), (1, n6)):
        for k in range(0, n, 512):
            first = head.u64() << 64 | head.u64() if v6 else \
                int.from_bytes(head.bytes(4), "little")
            size = int.from_bytes(head.bytes(4), "little")
            head.bytes(12 if v6 else 8)
            have = dict(group(In(data[at:at + size]), v6, min(512, n - k)))
            assert min(have) == first, "first"
            out.update(((v6, a), blocks) for a, blocks in have.items())
            at += size
    assert at == head_at and head.at == len(head.data), "head"
    return out, covered


def check_addresses(store):
    indexes = total = 0
    for iface in sorted(os.listdir(store)):
        for day in sorted(os.listdir(os.path.join(store, iface))) \
                if not iface.startswith("goDB-") else []:
            folder = os.path.join(store, iface, day)
            if len(day) != 10 or not address_index(folder):
                continue
            have, covered = address_index(folder)
            want = {}
            for slot, v6, row in blocks(folder, covered):
                for a in row[:2]:
                    want.setdefault((v6, a), set()).add(slot % 86400 // 300)
            assert have == {k: tuple(sorted(v)) for k, v in want.items()}, \
                folder
            indexes += 1
            total += len(have)
    print(indexes, total)


def main():
    if sys.argv[1] == "--addresses":
        check_addresses(sys.argv[2])
        return
    store = sys.argv[1]
    l7 = names(store)
    sums = {}
    for iface in sys.argv[2:] or sorted(os.listdir(store)):
        if iface.startswith("goDB-"):
            continue
        for day in sorted(os.listdir(os.path.join(store, iface))):
            if len(day) != 10:
                continue
            for slot, v6, row in blocks(os.path.join(store, iface, day)):
                address = ipaddress.IPv6Address if v6 else \
                    ipaddress.IPv4Address
                key = (slot, iface, str(address(row[0])),
                       str(address(row[1])), row[2], row[3], l7[row[4]])
                have = sums.setdefault(key, [0, 0, 0, 0])
                for i in range(4):
                    have[i] += row[5 + i]
    print("time,iface,sip,dip,dport,proto,l7proto,"
          "bytes_rcvd,bytes_sent,packets_rcvd,packets_sent")
    for key, value in sorted(sums.items()):
        print(",".join(map(str, key + tuple(value))))
    if os.environ.get("KINDS"):
        print("\n".join(sorted(met)), file=sys.stderr)


if __name__ == "__main__":
    main()
