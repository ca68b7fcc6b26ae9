#!/usr/bin/env python3
"""kill -9 of the writer: whenever it comes, every packet is counted once.

usage: kills.py [-b BIN] [-e EVERY] [-n RANDOM] [-s SEED]

A file is replayed into a store while the writer is killed, once before every
EVERY-th system call it makes from the end of its start on (so that each is
also the first that is missing behind another), every other time again while
it recovers, and RANDOM times at random instants of a longer replay, up to four
times each.  The launcher starts it again.  After each replay all rows of the
store are those of a replay that nobody disturbed, nothing is damaged, and no
journal is left.  A writer that dies before it has the ring ends the replay:
that must be told, nothing is stored, and the same command does it all.
Prints TAP and counts.
"""
import argparse
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

PCAP = "tests/data/office.pcap"
KEYS = "time,sip,dip,dport,proto,l7proto"
WRAPPER = """#!/bin/sh
n=1
while ! mkdir {tmp}/w/$n 2>/dev/null; do n=$((n + 1)); done
at=$(sed -n "$n"p {tmp}/w/plan)
case $at in
'') exec {bin}/real-writer "$@" ;;
log) exec strace -D -qq -o {tmp}/w/log {bin}/real-writer "$@" ;;
esac
exec strace -D -qq -o /dev/null -e trace="${{at%%:*}}" \\
    -e inject="${{at%%:*}}:signal=KILL:when=${{at##*:}}" {bin}/real-writer "$@"
"""


class Tap:
    n = failed = 0

    def ok(self, good, what, *details):
        self.n += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.n, what))
        for d in [] if good else details:
            print("# " + str(d).replace("\n", "\n# "))
        sys.stdout.flush()


class Kills:
    def __init__(self, arg, tmp):
        self.tmp, self.bin = tmp, os.path.join(tmp, "bin")
        self.query = os.path.abspath(os.path.join(arg.b, "goquery"))
        os.mkdir(self.bin)
        for name in ("goprobe", "goprobe-capture", "goprobe-writer"):
            shutil.copy(os.path.join(arg.b, name), os.path.join(
                self.bin, name.replace("goprobe-writer", "real-writer")))
        wrapper = os.path.join(self.bin, "goprobe-writer")
        with open(wrapper, "w") as f:
            f.write(WRAPPER.format(tmp=tmp, bin=self.bin))
        os.chmod(wrapper, 0o755)
        self.store = os.path.join(tmp, "store")
        self.kills = self.again = 0

    def prepare(self, plan):
        """plan: system calls, as NAME:COUNT, at which the first, second ...
        start is killed."""
        shutil.rmtree(self.store, ignore_errors=True)
        self.prepare_folder(plan)

    def prepare_folder(self, plan):
        w = os.path.join(self.tmp, "w")
        shutil.rmtree(w, ignore_errors=True)
        os.mkdir(w)
        os.chmod(w, 0o777)
        with open(os.path.join(w, "plan"), "w") as f:
            f.write("".join("%s\n" % p for p in plan))

    def start(self, pcap):
        return subprocess.Popen(
            [os.path.join(self.bin, "goprobe"), "-d", self.store, "-i", "e",
             "-r", pcap], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)

    def replay(self, pcap, plan=()):
        self.prepare(plan)
        return self.finish(self.start(pcap), pcap)

    def finish(self, p, pcap):
        """What is wrong, or ''."""
        try:
            text, _ = p.communicate(timeout=12)
        except subprocess.TimeoutExpired:
            p.terminate()
            text, _ = p.communicate()
            return "it did not end: " + text
        self.killed = len(re.findall(
            "goprobe-writer (?:was )?killed by signal 9", text))
        self.kills += self.killed
        if p.returncode == 1 and self.killed and not os.path.exists(
                os.path.join(self.store, "e")):
            self.again += 1
            self.prepare_folder([])
            killed, p = self.killed, self.start(pcap)
            wrong = self.finish(p, pcap)
            self.killed = killed
            return wrong
        return "" if p.returncode == 0 else "status %d: %s" % (
            p.returncode, text)

    def rows(self):
        """The csv of everything, and what went wrong."""
        p = subprocess.run(
            [self.query, "-d", self.store, "-i", "e", "-f", "0", "-l",
             "2106-01-01", "-n", "all", "-e", "csv", KEYS],
            capture_output=True, text=True)
        wrong = p.stderr
        if p.returncode != 0:
            wrong += "goquery: status %d" % p.returncode
        journals = os.path.join(self.store, "e", "journal")
        if os.path.isdir(journals) and os.listdir(journals):
            wrong += "left: %s" % os.listdir(journals)
        return p.stdout, wrong

    def same(self, want, wrong):
        """What is wrong with a replay's end and its rows, or ''."""
        if wrong:
            return wrong
        have, wrong = self.rows()
        if wrong:
            return wrong
        if have == want:
            return ""
        return "%d rows became %d, of these %d are the same" % (
            want.count("\n"), have.count("\n"),
            len(set(have.split("\n")) & set(want.split("\n"))))


def longer(path, out, times):
    """The same packets again and again, a quarter of an hour apart."""
    with open(path, "rb") as f:
        data = f.read()
    with open(out, "wb") as f:
        f.write(data[:24])
        for t in range(times):
            at = 24
            while at < len(data):
                s, us, have, wire = struct.unpack_from("<IIII", data, at)
                f.write(struct.pack("<IIII", s + 900 * t, us, have, wire))
                f.write(data[at + 16:at + 16 + have])
                at += 16 + have


def calls_of_one_run(kills):
    """Its system calls, and which of them is the first of its work."""
    with open(os.path.join(kills.tmp, "w", "log")) as f:
        calls = [line.split("(")[0] for line in f]
    sandbox = max([i for i, c in enumerate(calls) if c == "seccomp"] or [0])
    return calls, sandbox + 1


def named(calls, at):
    """The call at this place as strace counts: each name for itself."""
    return "%s:%d" % (calls[at], calls[:at + 1].count(calls[at]))


def every_call(tap, kills, arg, rng, want):
    wrong = kills.replay(PCAP, ["log"])
    calls, first = calls_of_one_run(kills)
    tap.ok(not kills.same(want, wrong), "a run that is looked at", wrong)
    done, reached, bad = 0, {}, []
    kills.kills = kills.again = 0
    for at in range(first + rng.randrange(arg.e), len(calls), arg.e):
        plan = [named(calls, at)]
        if at // arg.e % 2:
            plan.append(named(calls, rng.randrange(first, len(calls))))
        wrong = kills.same(want, kills.replay(PCAP, plan))
        done += 1
        if kills.killed:
            reached[calls[at]] = reached.get(calls[at], 0) + 1
        if wrong:
            bad.append("killed at %s: %s" % (plan, wrong))
    tap.ok(not bad, "%d replays, %d kills at system calls, %d told to try "
           "again: every row once" % (done, kills.kills, kills.again),
           *bad[:5])
    # timing moves a few calls, so the last places may not be reached
    tap.ok(sum(reached.values()) >= done * 0.8,
           "killed at " + ", ".join("%s %d" % (c, n) for c, n in sorted(
               reached.items())), "%d replays" % done)


def writer_of(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            children = [int(c) for c in f.read().split()]
        for c in children:
            with open("/proc/%d/comm" % c) as f:
                if f.read().strip() in ("real-writer", "goprobe-writer"):
                    return c
    except OSError:
        pass
    return None


def random_instants(tap, kills, arg, rng):
    pcap = os.path.join(kills.tmp, "longer.pcap")
    longer(PCAP, pcap, 40)
    began = time.monotonic()
    wrong = kills.replay(pcap)
    length = time.monotonic() - began
    want, more = kills.rows()
    tap.ok(not wrong + more, "a longer run of %d rows" % want.count("\n"),
           wrong, more)
    bad, aimed = [], 0
    kills.kills = kills.again = 0
    for _ in range(arg.n):
        kills.prepare([])
        began = time.monotonic()
        p = kills.start(pcap)
        moments = sorted(rng.random() * length
                         for _ in range(rng.choice((1, 1, 2, 4))))
        for m in moments:
            time.sleep(max(0, began + m - time.monotonic()))
            victim = writer_of(p.pid)
            if victim is not None and p.poll() is None:
                aimed += 1
                try:
                    os.kill(victim, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        wrong = kills.same(want, kills.finish(p, pcap))
        if wrong:
            bad.append("killed after %s s: %s" % (
                ", ".join("%.3f" % m for m in moments), wrong))
    tap.ok(not bad, "%d replays, %d kills at random instants, %d told to try "
           "again: every row once" % (arg.n, kills.kills, kills.again),
           *bad[:5])
    tap.ok(kills.kills >= arg.n // 2 and aimed > 0,
           "most of them met a writer at work")


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    ap.add_argument("-b", default="build/bin")
    ap.add_argument("-e", type=int, default=1)
    ap.add_argument("-n", type=int, default=1000)
    ap.add_argument("-s", type=int, default=int(
        os.environ.get("TEST_SEED", time.time_ns() & 0xffffffff)))
    arg = ap.parse_args()
    print("# TEST_SEED=%d" % arg.s)
    rng = random.Random(arg.s)
    tap = Tap()
    tmp = tempfile.mkdtemp(prefix="goprobe-kills.", dir="/tmp")
    os.chmod(tmp, 0o755)
    try:
        kills = Kills(arg, tmp)
        wrong = kills.replay(PCAP)
        want, more = kills.rows()
        tap.ok(not wrong + more and want.count("\n") > 50,
               "a run that nobody disturbs: %d rows" % want.count("\n"),
               wrong, more)
        every_call(tap, kills, arg, rng, want)
        random_instants(tap, kills, arg, rng)
    finally:
        shutil.rmtree(tmp)
    print("1..%d" % tap.n)
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
