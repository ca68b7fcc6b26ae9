#!/usr/bin/env python3
"""Compares what goprobe stores with flow truth from another program.

usage: truth.py [-b BIN | -D FLOWDUMP] [-j N] [-v] PCAPS [NAME...]

PCAPS holds capture files and truth/NAME.csv, truth/NAME.totals.csv
(conversations of the outermost IP header and whole-file counts).  Prints TAP:
a line for each capture, then the score of orientation.

  -b BIN       folder with goprobe and goquery: the whole chain
  -D FLOWDUMP  tests/lib/flowdump: the packet loop alone; checks the counts
               of non-IP and malformed frames as well
  -j N         captures at a time (2)
  -v           print every difference

A capture is exact when packets and frame bytes agree for each address pair and
protocol, and each row's dport is a port of one of the pair's conversations.
Where libpcap reads another number of packets than the truth's program did,
that number is all there is to compare; but pcapng is not read by libpcap, nor
refused where interfaces differ, so there the truth holds.  Captures that may differ are listed
with the reason in tests/data/truth-exceptions.csv; one that is listed and
does not differ fails, too.
"""
import argparse
import collections
import concurrent.futures
import csv
import ipaddress
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
EXCEPTIONS = os.path.join(HERE, "..", "data", "truth-exceptions.csv")
PORTS = {6, 17, 33, 132, 136}
ORIENTED_MIN = 0.99

Row = collections.namedtuple("Row", "sip dip dport proto packets bytes")


def addr(text):
    return ipaddress.ip_address(text)


def pair(a, b, proto):
    return (a.version, min(a, b), max(a, b), proto)


PCAPNG = b"\n\r\r\n"


class Truth:
    def __init__(self, pcaps, name):
        folder = os.path.join(pcaps, "truth")
        with open(os.path.join(pcaps, name), "rb") as f:
            self.pcapng = f.read(4) == PCAPNG
        with open(os.path.join(folder, name + ".totals.csv")) as f:
            self.total = dict(csv.reader(f))
        self.sums = collections.defaultdict(lambda: [0, 0])
        self.ports = collections.defaultdict(set)
        self.talks = []
        with open(os.path.join(folder, name + ".csv")) as f:
            for r in csv.DictReader(f):
                self.add(r)

    def add(self, r):
        a, b, proto = addr(r["a"]), addr(r["b"]), int(r["proto"])
        key = pair(a, b, proto)
        self.sums[key][0] += int(r["pkts_ab"]) + int(r["pkts_ba"])
        self.sums[key][1] += int(r["frbytes_ab"]) + int(r["frbytes_ba"])
        ports = int(r["aport"] or 0), int(r["bport"] or 0)
        self.ports[key].update(ports)
        if proto in PORTS and r["aport"] and a != b:
            self.talks.append((a, ports[0], b, ports[1], proto,
                               int(r["syn_ab"]), int(r["syn_ba"])))

    def number(self, key):
        return int(self.total.get(key) or 0)

    def comparable(self):
        return self.pcapng or \
            self.number("frames") == self.number("libpcap_packets")


def protocols():
    # what Debian's file has not, and IANA's registry has
    names = {"MANET": 138, "AGGFRAG": 144, "NSH": 145, "HOMA": 146}
    with open("/etc/protocols") as f:
        for line in f:
            words = line.split("#")[0].split()
            if len(words) >= 3:
                names.setdefault(words[2].upper(), int(words[1]))
    return names


class Chain:
    """goprobe -r into a store, then goquery."""

    def __init__(self, folder):
        self.goprobe = os.path.join(folder, "goprobe")
        self.goquery = os.path.join(folder, "goquery")
        self.names = protocols()
        self.tmp = tempfile.mkdtemp(prefix="truth.")
        os.chmod(self.tmp, 0o755)

    def proto(self, text):
        return int(text) if text.isdigit() else self.names[text.upper()]

    def run(self, path):
        store = tempfile.mkdtemp(prefix="s.", dir=self.tmp)
        store = os.path.join(store, "store")
        try:
            put = subprocess.run([self.goprobe, "-d", store, "-i", "truth",
                                  "-r", path], stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True)
            if put.returncode not in (0, 1, 3):
                return [], {}, "goprobe: exit %d: %s" % (
                    put.returncode, put.stderr.strip())
            if not os.path.isdir(os.path.join(store, "truth")):
                return [], {}, None
            return self.ask(store)
        finally:
            shutil.rmtree(os.path.dirname(store))

    def ask(self, store):
        get = subprocess.run([self.goquery, "-d", store, "-i", "truth", "-f",
                              "0", "-l", "4294967100", "-e", "csv", "-n",
                              "all", "sip,dip,dport,proto"],
                             capture_output=True, text=True)
        if get.returncode not in (0, 3):
            return [], {}, "goquery: exit %d: %s" % (
                get.returncode, get.stderr.strip())
        rows = [Row(addr(r["sip"]), addr(r["dip"]), int(r["dport"]),
                    self.proto(r["proto"]), int(r["packets"]),
                    int(r["bytes"]))
                for r in csv.DictReader(get.stdout.splitlines())]
        return rows, {}, None

    def close(self):
        shutil.rmtree(self.tmp)


class Dump:
    """The packet loop alone."""

    def __init__(self, program):
        self.program = program

    def run(self, path):
        out = subprocess.run([self.program, path], capture_output=True,
                             text=True)
        if out.returncode not in (0, 1, 3):
            return [], {}, "flowdump: exit %d: %s" % (
                out.returncode, out.stderr.strip())
        rows, totals = [], {}
        for w in csv.reader(out.stdout.splitlines()):
            if w[0] == "total":
                totals[w[1]] = int(w[2])
            elif w[0] == "row":
                n = [int(x) for x in w[8:12]]
                rows.append(Row(addr(w[3]), addr(w[4]), int(w[5]),
                                int(w[6]), n[2] + n[3], n[0] + n[1]))
        return rows, totals, None

    def close(self):
        pass


def compare_totals(truth, totals):
    if not truth.comparable():
        want = truth.number("libpcap_packets")
        if totals and totals["seen"] != want:
            yield "%d packets, libpcap reads %d" % (totals["seen"], want)
        return
    for ours, theirs in (("seen", "frames"), ("seen_bytes", "frame_bytes"),
                         ("non_ip", "nonip_frames"),
                         ("malformed", "badip_frames")):
        # SunATM: libpcap counts the 4-byte header, the truth does not
        if ours == "seen_bytes" and truth.total["tshark_encap"][:3] == "13=":
            continue
        if totals and totals[ours] != truth.number(theirs):
            yield "%s %d, truth %d" % (ours, totals[ours],
                                       truth.number(theirs))


def compare_rows(truth, rows):
    sums = collections.defaultdict(lambda: [0, 0])
    for r in rows:
        key = pair(r.sip, r.dip, r.proto)
        sums[key][0] += r.packets
        sums[key][1] += r.bytes
    for key in sorted(set(sums) | set(truth.sums)):
        got, want = sums.get(key, [0, 0]), truth.sums.get(key, [0, 0])
        if got != want:
            yield "%s %s proto %d: %d packets %d bytes, truth %d, %d" % (
                key[1], key[2], key[3], *got, *want)
    for r in rows:
        ports = truth.ports.get(pair(r.sip, r.dip, r.proto), ())
        if r.dport not in (ports if r.proto in PORTS else (0,)):
            yield "%s %s proto %d: no port %d in the truth" % (
                r.sip, r.dip, r.proto, r.dport)


class Score:
    """How often sip is the side that sent the SYN, or the first packet."""

    def __init__(self):
        self.syn = self.syn_right = self.all = self.all_first = 0
        self.wrong = []

    def add(self, name, truth, rows):
        have = {(r.sip, r.dip, r.dport, r.proto) for r in rows}
        for a, aport, b, bport, proto, syn_ab, syn_ba in truth.talks:
            from_a = (a, b, bport, proto) in have
            from_b = (b, a, aport, proto) in have
            if not from_a and not from_b:
                continue
            self.all += 1
            self.all_first += from_a
            if proto != 6 or (syn_ab > 0) == (syn_ba > 0):
                continue
            self.syn += 1
            if from_a if syn_ab else from_b:
                self.syn_right += 1
            else:
                self.wrong.append("%s: %s.%d %s.%d" % (name, a, aport, b,
                                                       bport))


def read_exceptions():
    with open(EXCEPTIONS) as f:
        return {r["capture"]: r["reason"] for r in csv.DictReader(f)}


def captures(folder):
    return sorted(n[:-len(".totals.csv")]
                  for n in os.listdir(os.path.join(folder, "truth"))
                  if n.endswith(".totals.csv"))


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    ap.add_argument("-b")
    ap.add_argument("-D")
    ap.add_argument("-j", type=int, default=2)
    ap.add_argument("-v", action="store_true")
    ap.add_argument("pcaps")
    ap.add_argument("names", nargs="*")
    arg = ap.parse_args()
    if not os.path.isdir(os.path.join(arg.pcaps, "truth")):
        print("1..0 # SKIP no captures with truth at %s" % arg.pcaps)
        return 0
    if not arg.D and not arg.b:
        ap.error("one of -b and -D is needed")
    under_test = Dump(arg.D) if arg.D else Chain(arg.b)
    known = read_exceptions()
    names = arg.names or captures(arg.pcaps)
    score, count, failed, exact = Score(), 0, 0, 0

    def judge(name):
        truth = Truth(arg.pcaps, name)
        rows, totals, error = under_test.run(os.path.join(arg.pcaps, name))
        if error:
            return name, truth, rows, [error], True
        diffs = list(compare_totals(truth, totals))
        if truth.comparable():
            diffs += compare_rows(truth, rows)
        elif truth.number("libpcap_packets") == 0 and rows:
            diffs.append("rows from a file that libpcap cannot read")
        return name, truth, rows, diffs, False

    def tap(good, text):
        nonlocal count, failed
        count += 1
        failed += not good
        print("%sok %d - %s" % ("" if good else "not ", count, text))

    with concurrent.futures.ThreadPoolExecutor(arg.j) as pool:
        for name, truth, rows, diffs, broken in pool.map(judge, names):
            exact += not diffs
            score.add(name, truth, rows)
            listed = name in known
            if diffs and listed and not broken:
                tap(True, "%s differs as listed" % name)
            elif listed and not diffs:
                tap(False, "%s is exact but listed as an exception" % name)
            else:
                tap(not diffs, name)
            if diffs and (arg.v or not listed):
                for line in diffs[:None if arg.v else 5]:
                    print("# %s" % line)
    under_test.close()
    for name in sorted(set(known) - set(captures(arg.pcaps))):
        tap(False, "exception %s names no capture" % name)
    print("# %d of %d captures exact (%.2f %%)" % (
        exact, len(names), 100.0 * exact / max(1, len(names))))
    tap(exact >= 0.99 * len(names) or bool(arg.names),
        "at least 99 % of the captures are exact")
    print("# orientation: SYN sender is sip in %d of %d flows" % (
        score.syn_right, score.syn))
    print("# orientation: first sender is sip in %d of %d flows" % (
        score.all_first, score.all))
    for line in score.wrong[:None if arg.v else 10]:
        print("# turned: %s" % line)
    tap(score.syn_right >= ORIENTED_MIN * score.syn,
        "sip sent the SYN in at least 99 % of the flows that have one")
    print("1..%d" % count)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
