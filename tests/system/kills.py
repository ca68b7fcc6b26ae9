#!/usr/bin/env python3
"""kill -9 of the writer: whenever it comes, every packet is counted once.

usage: kills.py [-b BIN] [-e EVERY] [-n RANDOM] [-s SEED] [-j JOBS]

A file is replayed into a store while the writer is killed, once before every
EVERY-th system call it makes from the end of its start on (so that each is
also the first that is missing behind another), every other time again while
it recovers, and RANDOM times at random instants of a longer replay, some
of them again and again.  The launcher starts it again.  After each replay all rows of the
store are those of a replay that nobody disturbed, nothing is damaged, and no
journal is left.  A writer that dies before it has the ring ends the replay:
that must be told, nothing is stored, and the same command does it all.
Prints TAP and counts.
"""
import argparse
import concurrent.futures
import os
import queue
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
RESTART_S = 0.5     # before a dead writer is started again
KEYS = "time,sip,dip,dport,proto,l7proto"
SUMMED = "sip,dip,dport,proto,l7proto"  # which roll-ups can answer
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
    """Replays one after another in a folder of its own."""

    def __init__(self, arg, tmp):
        os.mkdir(tmp)
        os.chmod(tmp, 0o755)
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
            text, _ = p.communicate(timeout=60)
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
        # one that dies twice when all is stored cannot end in order
        late = p.returncode == 1 and self.killed > 1 and " rows in " in text
        return "" if p.returncode == 0 or late else "status %d: %s" % (
            p.returncode, text)

    def ask(self, keys, *more):
        return subprocess.run(
            [self.query, "-d", self.store, "-i", "e", "-f", "0", "-l",
             "2106-01-01", "-n", "all", "-e", "csv", *more, keys],
            capture_output=True, text=True)

    def rows(self):
        """The csv of everything, and what went wrong."""
        p = self.ask(KEYS)
        wrong = p.stderr
        if p.returncode != 0:
            wrong += "goquery: status %d" % p.returncode
        if self.ask(SUMMED).stdout != self.ask(SUMMED, "--no-rollups").stdout:
            wrong += "roll-ups give another answer"
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


class Pool:
    """Several replays at a time: most of each is waiting for a restart."""

    def __init__(self, arg, tmp, n):
        self.idle = queue.Queue()
        self.first = Kills(arg, os.path.join(tmp, "0"))
        self.idle.put(self.first)
        for i in range(1, n):
            self.idle.put(Kills(arg, os.path.join(tmp, str(i))))
        self.threads = concurrent.futures.ThreadPoolExecutor(n)

    def run(self, work, item):
        kills = self.idle.get()
        kills.kills = kills.again = 0
        try:
            wrong = work(kills, item)
            return item, wrong, kills.killed, kills.kills, kills.again
        finally:
            self.idle.put(kills)

    def map(self, work, items):
        return list(self.threads.map(lambda i: self.run(work, i), items))


def told(tap, where, results):
    tap.ok(not any(r[1] for r in results),
           "%d replays, %d kills %s, %d told to try again: every row once" % (
               len(results), sum(r[3] for r in results), where,
               sum(r[4] for r in results)),
           *["%s: %s" % (r[0], r[1]) for r in results if r[1]][:5])


def every_call(tap, pool, arg, rng, want):
    wrong = pool.first.replay(PCAP, ["log"])
    calls, first = calls_of_one_run(pool.first)
    tap.ok(not pool.first.same(want, wrong), "a run that is looked at", wrong)
    plans, reached = [], {}
    for at in range(first + rng.randrange(arg.e), len(calls), arg.e):
        plan = [named(calls, at)]
        if at // arg.e % 2:
            plan.append(named(calls, rng.randrange(first, len(calls))))
        plans.append(plan)
    results = pool.map(
        lambda kills, plan: kills.same(want, kills.replay(PCAP, plan)), plans)
    told(tap, "at system calls", results)
    for plan, _, killed, _, _ in results:
        call = plan[0].split(":")[0]
        reached[call] = reached.get(call, 0) + (killed > 0)
    # timing moves a few calls, so the last places may not be reached
    tap.ok(sum(reached.values()) >= len(plans) * 0.8,
           "killed at " + ", ".join("%s %d" % (c, n) for c, n in sorted(
               reached.items())), "%d replays" % len(plans))


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


def kill_at(kills, pcap, moments):
    kills.prepare([])
    began = time.monotonic()
    p = kills.start(pcap)
    for m in moments:
        time.sleep(max(0, began + m - time.monotonic()))
        victim = writer_of(p.pid)
        if victim is not None and p.poll() is None:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                pass
    return kills.finish(p, pcap)


def random_instants(tap, pool, arg, rng):
    pcap = os.path.join(pool.first.tmp, "longer.pcap")
    longer(PCAP, pcap, 80)
    began = time.monotonic()
    wrong = pool.first.replay(pcap)
    length = time.monotonic() - began
    want, more = pool.first.rows()
    tap.ok(not wrong + more, "a longer run of %d rows" % want.count("\n"),
           wrong, more)
    moments = []
    for _ in range(arg.n):
        m = [rng.random() * length]
        while rng.random() < 0.4:   # again when it runs again
            m.append(m[-1] + RESTART_S + rng.random() * length)
        moments.append(m)
    results = pool.map(
        lambda kills, m: kills.same(want, kill_at(kills, pcap, m)), moments)
    told(tap, "at random instants", results)
    tap.ok(sum(r[2] > 0 for r in results) >= arg.n // 4,
           "%d of them met a writer at work" % sum(r[2] > 0 for r in results))


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    ap.add_argument("-b", default="build/bin")
    ap.add_argument("-e", type=int, default=1)
    ap.add_argument("-n", type=int, default=1000)
    ap.add_argument("-j", type=int, default=4)
    ap.add_argument("-s", type=int, default=int(
        os.environ.get("TEST_SEED", time.time_ns() & 0xffffffff)))
    arg = ap.parse_args()
    print("# TEST_SEED=%d" % arg.s)
    rng = random.Random(arg.s)
    tap = Tap()
    tmp = tempfile.mkdtemp(prefix="goprobe-kills.", dir="/tmp")
    os.chmod(tmp, 0o755)
    try:
        pool = Pool(arg, tmp, arg.j)
        wrong = pool.first.replay(PCAP)
        want, more = pool.first.rows()
        tap.ok(not wrong + more and want.count("\n") > 50,
               "a run that nobody disturbs: %d rows" % want.count("\n"),
               wrong, more)
        every_call(tap, pool, arg, rng, want)
        random_instants(tap, pool, arg, rng)
    finally:
        shutil.rmtree(tmp)
    print("1..%d" % tap.n)
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
