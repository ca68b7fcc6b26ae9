#!/usr/bin/env python3
"""Compares goquery's answers with and without address indexes.

usage: needle.py -b BIN -H HELPERS [-n QUESTIONS]

A store of two interfaces and eight days has all that coverage knows: gaps,
drops, late packets, capture files beside live ones, quiet blocks, blocks that
came after their day's index, batches that are in no block yet.  Random
questions, conditions with NOT and OR among them, must have the same answer to
the byte, the same messages and the same exit status with --no-index; so must
they when the indexes are damaged in any way.  Prints TAP; TAP_SEED=n repeats.
"""
import argparse
import ipaddress
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from tap import ok, is_, diag, done  # noqa: E402

DAY, SLOT = 86400, 300
T0 = 1767225600  # 2026-01-01T00:00:00Z
DAYS = 8
IFACES = ["eth0", "wlan0"]
LIVE, OFFLINE, CUT, LOST = 8, 2, 16, 32
V4 = ["10.0.0.1", "10.0.0.2", "10.1.2.3", "192.0.2.1", "192.0.2.200",
      "198.51.100.7", "203.0.113.9", "0.0.0.0", "255.255.255.255"]
V6 = ["2001:db8::1", "2001:db8::2", "2001:db8:1::1", "fe80::1", "::",
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]


class Store:
    """Lines for rows2store, and what they say of addresses."""

    def __init__(self, rnd):
        self.rnd, self.lines = rnd, []

    def block(self, iface, slot, flags, rows, covered=SLOT, counters=(),
              commit=True):
        c = tuple(counters) or (0, 0, 0, 0)
        self.lines.append("B %s %d %d %d %d %d %d %d" % (
            (iface, slot, flags, covered) + c))
        for sip, dip in rows:
            self.lines.append("R %s %s %d %d %d %d %d %d %s" % (
                sip, dip, self.rnd.choice([53, 80, 443]),
                self.rnd.choice([6, 17]), self.rnd.randrange(1000),
                self.rnd.randrange(1000), 1, 1, "TLS"))
        if commit:
            self.lines.append("C %s %d" % (iface, slot))

    def rows(self, some, n):
        out = []
        for _ in range(n):
            pool = [a for a in some if ":" in a] if self.rnd.random() < 0.3 \
                else [a for a in some if ":" not in a]
            if not pool:
                continue
            out.append((self.rnd.choice(pool), self.rnd.choice(pool)))
        return out


def some_addresses(rnd):
    """Those of one day: not all of them, and one that no other has."""
    pool = V4 + V6
    some = rnd.sample(pool, rnd.randrange(2, len(pool)))
    return some + ["172.16.%d.%d" % (rnd.randrange(256), rnd.randrange(256))]


def make(rnd, rows2store, path):
    s = Store(rnd)
    late = []
    for iface in IFACES:
        for d in range(DAYS):
            some = some_addresses(rnd)
            kind = rnd.choice(["whole", "whole", "gaps", "drops", "mixed",
                               "offline", "bare"])
            slots = range(288) if kind == "whole" and rnd.random() < 0.3 \
                else range(0, 288, rnd.choice([1, 6, 18, 24]))
            span = slots[1] - slots[0]
            for k in slots:
                flags = OFFLINE if kind == "offline" or (
                    kind == "mixed" and rnd.random() < 0.5) else LIVE
                covered, counters = span * SLOT, (0, 0, 0, 0)
                if kind in ("gaps", "mixed") and rnd.random() < 0.2:
                    covered -= rnd.randrange(1, SLOT)
                if kind == "drops" and rnd.random() < 0.2:
                    counters = tuple(rnd.choice([0, 0, rnd.randrange(9)])
                                     for _ in range(4))
                    flags |= rnd.choice([0, 0, CUT, LOST])
                n = 0 if kind == "bare" else rnd.choice([0, 1, 3, 8])
                s.block(iface, T0 + d * DAY + k * SLOT, flags,
                        s.rows(some, n), covered, counters)
            if rnd.random() < 0.4:
                late.append((iface, T0 + d * DAY + slots[-1] * SLOT, span))
    s.lines += ["U %d" % time.time(), "K"]
    # after the indexes: more of some days, in blocks and in journals
    for iface, slot, span in late:
        rows = s.rows(V4 + V6 + ["172.31.0.1"], 2)
        s.block(iface, slot, LIVE, rows, span * SLOT,
                commit=rnd.random() < 0.6)
    # a day of its own with an open block, which is committed next
    slot = T0 + DAYS * DAY + 150 * SLOT
    s.block("eth0", T0 + DAYS * DAY, LIVE, s.rows(V4, 2), 150 * SLOT)
    s.block("eth0", slot, LIVE, s.rows(V4 + V6, 3), 138 * SLOT, (5, 1, 2, 3),
            commit=False)
    write(rows2store, path, s.lines)
    leave_journal(rows2store, path, slot)
    subprocess.run(["chmod", "-R", "a+rX", path], check=True)


def write(rows2store, path, lines):
    subprocess.run([rows2store, path], input="\n".join(lines) + "\n",
                   text=True, check=True)


def leave_journal(rows2store, path, slot):
    """Commits a block and puts its journal back: as if the writer had been
    killed there."""
    journal = os.path.join(path, "eth0", "journal", "%d.gpj" % slot)
    with open(journal, "rb") as f:
        data = f.read()
    write(rows2store, path, ["C eth0 %d" % slot, "U %d" % time.time(), "K"])
    with open(journal, "wb") as f:
        f.write(data)


# ---- questions --------------------------------------------------------------

def address(rnd):
    if rnd.random() < 0.15:
        return rnd.choice(["203.0.113.250", "2001:db8:ffff::1", "10.0.0.9",
                           "172.31.0.1"])
    return rnd.choice(V4 + V6)


def network(rnd):
    a = ipaddress.ip_address(address(rnd))
    bits = rnd.randrange(0, a.max_prefixlen + 1)
    if rnd.random() < 0.5:
        bits = max(bits, a.max_prefixlen - 12)
    return str(ipaddress.ip_network("%s/%d" % (a, bits), strict=False))


def leaf(rnd):
    kind = rnd.randrange(10)
    side = rnd.choice(["sip", "dip", "host"])
    if kind < 4:
        return "%s %s %s" % (side, rnd.choice(["=", "=", "=", "!="]),
                             address(rnd))
    if kind < 6:
        return "%s = %s" % (side, network(rnd))
    if kind == 6:
        return "%s in (%s)" % (side, ", ".join(
            address(rnd) for _ in range(rnd.randrange(1, 5))))
    if kind == 7:
        return rnd.choice(["ip6", "ip", "dport = 443", "proto = UDP",
                           "bytes > 900"])
    if kind == 8:
        a = rnd.choice(V4)
        return "%s %s %s" % (side, rnd.choice(["<", ">", "<=", ">="]), a)
    return "%s net %s" % (rnd.choice(["src", "dst"]), network(rnd))


def condition(rnd, depth=0):
    kind = rnd.randrange(6 if depth < 3 else 2)
    if kind < 2:
        return leaf(rnd)
    if kind == 2:
        return "not (%s)" % condition(rnd, depth + 1)
    return "(%s) %s (%s)" % (condition(rnd, depth + 1),
                             "and" if kind < 5 else "or",
                             condition(rnd, depth + 1))


def window(rnd):
    kind = rnd.randrange(5)
    if kind == 0:
        return ["-f", "0"]
    first = T0 + rnd.randrange(-1, DAYS + 1) * DAY
    last = first + rnd.randrange(1, DAYS + 1) * DAY
    if kind == 1:
        first += rnd.randrange(-2 * DAY, 2 * DAY)
    if kind == 2:
        last += rnd.randrange(-DAY // 2, DAY)
    if last <= first:
        last = first + DAY
    return ["-f", str(first), "-l", str(last)]


def question(rnd, folder):
    argv = window(rnd)
    argv += ["-i", rnd.choice(["any", "any", "eth0", "wlan0"])]
    argv += ["-e", rnd.choice(["txt", "csv", "json", "jsonl"])]
    if rnd.random() < 0.2:
        argv += ["--no-live"]
    if rnd.random() < 0.3:
        argv += ["--threads", str(rnd.choice([1, 3]))]
    kind = rnd.randrange(11)
    if kind == 10:
        argv = window(rnd) + argv[argv.index("-i"):]
        since = int(argv[1]) + rnd.randrange(DAY // 2, 3 * DAY) if \
            "-l" in argv else T0 + rnd.randrange(DAY, DAYS * DAY)
        return argv + ["seen", "--new", str(since)]
    if kind < 5:
        if rnd.random() < 0.2:
            argv += ["--fail-incomplete"]
        return argv + ["-c", condition(rnd), rnd.choice(
            ["talk_conv", "raw", "iface", "host", "time"])]
    if kind == 5:
        return argv + ["-c", condition(rnd), "seen"]
    what = [rnd.choice([address, network])(rnd)
            for _ in range(rnd.randrange(1, 9))]
    if kind < 9:
        return argv + ["seen"] + what
    path = os.path.join(folder, "list")
    with open(path, "w") as f:
        for _ in range(rnd.choice([5, 300])):
            what.append(str(ipaddress.ip_address(rnd.getrandbits(32))))
        f.write("\n".join(what))
    return argv + ["seen", "@" + path]


def ask(goquery, store, argv, *more):
    r = subprocess.run([goquery, "-d", store, *more] + argv, text=True,
                       stdin=subprocess.DEVNULL, capture_output=True)
    # how long it took, and the end of what is down until now
    out = re.sub(r"took \S+", "took", r.stdout)
    out = re.sub(r'"(took|seconds)[^,]*', "", out)
    err = re.sub(r"last=\S+ cause=down seconds=\d+", "down", r.stderr)
    return r.returncode, re.sub(r'("last":)"[^"]*"(,"cause":"down")[^}]*',
                                r"\1\2", out), err


def compare(rnd, goquery, store, folder, n, what):
    """Whether n questions have the same answers both ways."""
    wrong, seen = 0, {}
    for _ in range(n):
        argv = question(rnd, folder)
        want = ask(goquery, store, argv, "--no-index")
        have = ask(goquery, store, argv)
        seen[want[0]] = seen.get(want[0], 0) + 1
        if want != have and retry(goquery, store, argv):
            wrong += 1
            if wrong < 4:
                diag(" ".join(argv))
                diag("without: %r\nwith: %r" % (want, have))
    ok(wrong == 0, "%s: %d questions, exit statuses %s" % (
        what, n, ", ".join("%d: %d" % x for x in sorted(seen.items()))))
    return seen


def retry(goquery, store, argv):
    """A second may have gone by between the two."""
    return ask(goquery, store, argv, "--no-index") != \
        ask(goquery, store, argv)


# ---- damage -----------------------------------------------------------------

def indexes(store):
    for folder, _, names in sorted(os.walk(store)):
        if "addresses.idx" in names:
            yield os.path.join(folder, "addresses.idx")


def damage(rnd, path, others):
    with open(path, "rb") as f:
        data = bytearray(f.read())
    kind = rnd.randrange(6)
    if kind == 0:
        os.unlink(path)
        return
    if kind == 1:
        data = data[:rnd.randrange(len(data))]
    elif kind == 2:     # of another day, or another interface's of this one
        same = [p for p in others if p.split("/")[-2] == path.split("/")[-2]]
        with open(rnd.choice(rnd.choice([others, same])), "rb") as f:
            data = f.read()
    elif kind == 3:
        data += bytes(rnd.randrange(1, 99))
    else:
        for _ in range(rnd.choice([1, 1, 20])):
            data[rnd.randrange(len(data))] ^= rnd.randrange(1, 256)
    with open(path, "wb") as f:
        f.write(data)


def damage_all(rnd, store, broken):
    shutil.rmtree(broken, ignore_errors=True)
    shutil.copytree(store, broken)
    paths = list(indexes(broken))
    good = list(indexes(store))
    for path in paths:
        if rnd.random() < 0.7:
            damage(rnd, path, good)


# ---- what is spared ---------------------------------------------------------

def check_spared(goquery, rows2store, path):
    """Five days of 24 blocks, one with a needle in two of its blocks."""
    s = Store(random.Random(1))
    for d in range(5):
        for k in range(0, 288, 12):
            # zones alone do not rule out what lies between
            rows = [("10.0.0.1", "192.0.2.1"), ("10.0.0.2", "198.51.101.1")]
            if d == 2 and k in (24, 48):
                rows.append(("10.0.0.1", "198.51.100.77"))
            if d == 3:
                rows.append(("2001:db8::5", "2001:db8::6"))
            s.block("eth0", T0 + d * DAY + k * SLOT, LIVE, rows, 12 * SLOT)
    subprocess.run([rows2store, path], input="\n".join(s.lines) + "\n",
                   text=True, check=True)
    subprocess.run(["chmod", "-R", "a+rX", path], check=True)
    until = ["-l", str(T0 + 5 * DAY), "-e", "csv"]

    def told(argv, *more):
        _, out, err = ask(goquery, path, ["-i", "eth0", "-f", "0"] + until +
                          argv, "--explain", *more)
        lines = [x for x in err.splitlines() if "explain" in x]
        return out, lines

    needle = ["-c", "host 198.51.100.77", "time,sip,dip"]
    out, lines = told(needle)
    is_(len(out.splitlines()), 3, "the needle's two rows")
    # 5 x 24 blocks of 2 rows, 2 more rows in one day, 24 in another
    ok("4 whole days and, with those, 118 blocks, 260 rows" in lines[1],
       "4 days and 22 blocks of the fifth are spared: " + lines[1])
    ok("read: 2 blocks (22 skipped)" in lines[2], "two are read: " + lines[2])
    out, plain = told(needle, "--no-index")
    is_(len([x for x in plain if "spare" in x]), 0, "none by --no-index")
    page = [re.sub(r"took [^<]*|[0-9.]+ *[mµn]?s\\b", "", ask(
        goquery, path, ["-i", "eth0", "-f", "0", "-l", until[1], "-e", "html",
                        "--bin", "1d"] + needle + list(more))[1])
            for more in ([], ["--no-index"])]
    ok("<svg" in page[0] and page[0] == page[1], "the same chart")
    bytes_of = [float(m[1]) * (1024 if m[2] == "kB" else 1) for m in (
        re.search(r"skipped\), +([\d.]+) +(k?B)", x[-2])
        for x in (lines, plain))]
    ok(bytes_of[0] * 3 < bytes_of[1], "fewer bytes: %s" % bytes_of)
    out, lines = told(["-c", "host 2001:db8::5 and ip6", "time"])
    ok("4 whole days and, with those, 96 blocks, 194 rows" in lines[1],
       "IPv6: " + lines[1])
    out, lines = told(["-c", "not host 198.51.100.77", "time"])
    is_(len([x for x in lines if "spare" in x]), 0, "what is not it is "
        "everywhere")
    out, lines = told(["-c", "host 10.0.0.2 and dst 198.51.100.77", "time"])
    ok("118 blocks" in lines[1], "both must be there: " + lines[1])
    out, lines = told(["-c", "host 203.0.113.1 or host 198.51.100.77",
                       "time"])
    ok("118 blocks" in lines[1], "either may be: " + lines[1])
    out, lines = told(["-c", "host 198.51.100.77 or dport 9999", "time"])
    is_(len([x for x in lines if "spare" in x]), 0, "or a port: nothing is "
        "spared")
    out, lines = told(["seen", "198.51.100.77", "203.0.113.1"])
    ok("5 whole days" in lines[1] and "120 blocks" in lines[1],
       "seen asks the indexes alone: " + lines[1])
    ok(re.search(r"read: 0 blocks \(120 skipped\)", lines[2]),
       "  and no block: " + lines[2])


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("-b", required=True)
    ap.add_argument("-H", required=True)
    ap.add_argument("-n", default="")
    arg = ap.parse_args()
    n = int(arg.n or 120)
    goquery = os.path.join(arg.b, "goquery")
    rows2store = os.path.join(arg.H, "lib", "rows2store")
    seed = int(os.environ.get("TAP_SEED", time.time()))
    diag("TAP_SEED=%d" % seed)
    rnd = random.Random(seed)
    os.environ["TZ"] = "UTC"
    with tempfile.TemporaryDirectory() as t:
        os.chmod(t, 0o755)
        check_spared(goquery, rows2store, os.path.join(t, "five"))
        for turn in range(max(2, n // 200)):
            store = os.path.join(t, "store%d" % turn)
            make(rnd, rows2store, store)
            made = len(list(indexes(store)))
            ok(made >= DAYS, "%d days have an index" % made)
            compare(rnd, goquery, store, t, n // 2, "same answers")
            for _ in range(2):
                damage_all(rnd, store, os.path.join(t, "broken"))
                compare(rnd, goquery, os.path.join(t, "broken"), t, n // 8,
                        "with damaged indexes")
            shutil.rmtree(store)
    done()


if __name__ == "__main__":
    main()
