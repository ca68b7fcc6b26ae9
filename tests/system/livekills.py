#!/usr/bin/env python3
"""kill -9 under a sensor that captures: every packet is counted once.

usage: livekills.py [-b BIN] [-n INSTANTS] [-f FULL] [-s SEED] [-j JOBS]

Sensors, each started by its launcher in a network namespace of its own, see
frames that carry a number each.  At random instants the writer, the capture or
both are killed, or one is told to end, up to three times in a sensor's life; at
another the life ends: the launcher is killed or told to end.  After each
instant, from the live view, and again after the end, from blocks, the csv of
the numbers is that of numbers sent without a kill; FULL times also when the
writer is killed while the ring is full.

Only a capture's death may lose, and only what it saw in its last
snapshot_interval + l7_wait: each number that is missing was sent then or before
its successor began, within a time which no record covers and which goquery
tells as a gap.  What was sent before a capture or a sensor was told to end, or
before the launcher was killed, is all there.
Prints TAP and counts.
"""
import argparse
import collections
import concurrent.futures
import ctypes
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap

SNAPSHOT_S, WAIT_S = 1, 1
MARGIN_S = 0.03     # between a frame's sending and its stamp
UNREAD_S = 0.1      # writer/drain.c
N = 100             # frames of a run without a kill
RATE = 400
KEYS = "sip,dip,dport,proto"
KILLS = {"writer": ("writer",), "capture": ("capture",),
         "both": ("writer", "capture"), "stop-writer": ("writer",),
         "stop-capture": ("capture",)}
ORDER = ("writer", "writer", "capture", "both", "stop-writer",
         "stop-capture")
HEAD = bytes.fromhex("020000000002020000000001") + b"\x08\0"
LIBC = ctypes.CDLL(None, use_errno=True)


def frame(host, n):
    body = struct.pack("!HHHHI", 60001, n, 12, 0, n)
    return HEAD + struct.pack("!BBHHHBBH4s4s", 0x45, 0, 32, n & 0xffff, 0, 64,
                              17, 0, socket.inet_aton("10.98.0.1"),
                              socket.inet_aton(host)) + body


class Sender(threading.Thread):
    """Numbers 1, 2, ... to a host of their own until it is stopped; of each
    the times before and after it went out."""

    def __init__(self, sock, host, count=None, rate=RATE):
        super().__init__()
        self.sock, self.host, self.rate = sock, host, rate
        self.count, self.times, self.over = count, [None], False

    def run(self):
        start = time.monotonic()
        while not self.over and (self.count is None or
                                 len(self.times) <= self.count):
            n = len(self.times)
            before = time.time()
            self.sock.send(frame(self.host, n))
            self.times.append((before, time.time()))
            if self.rate and n % 4 == 0:
                time.sleep(max(0, start + n / self.rate - time.monotonic()))

    def end(self):
        self.over = True
        self.join()
        return len(self.times) - 1


class Network:
    """A veth pair between two namespaces, and a socket that sends into it."""

    def __init__(self, name):
        self.sides = ["%s%s" % (name, c) for c in "ab"]
        for side in self.sides:
            subprocess.run(["ip", "netns", "add", side], check=True)
        subprocess.run(["ip", "link", "add", "va", "netns", self.sides[0],
                        "type", "veth", "peer", "name", "vb", "netns",
                        self.sides[1]], check=True)
        for side, link in zip(self.sides, ("va", "vb")):
            for command in (["sysctl", "-qw",
                             "net.ipv6.conf.all.disable_ipv6=1"],
                            ["ip", "link", "set", link, "up"]):
                subprocess.run(self.inside(side) + command, check=True)
        opener = threading.Thread(target=self._open)
        opener.start()
        opener.join()

    @staticmethod
    def inside(side):
        return ["nsenter", "--net=/run/netns/" + side]

    def _open(self):
        fd = os.open("/run/netns/" + self.sides[0], os.O_RDONLY)
        if LIBC.setns(fd, 0x40000000) != 0:     # this thread's alone
            raise OSError(ctypes.get_errno(), "setns")
        os.close(fd)
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        self.sock.bind(("va", 0))

    def remove(self):
        self.sock.close()
        for side in self.sides:
            subprocess.run(["ip", "netns", "del", side])


class Wrong(Exception):
    pass


def until(seconds, test, what):
    limit = time.monotonic() + seconds
    while not test():
        if time.monotonic() > limit:
            raise Wrong("not within %d s: %s" % (seconds, what()
                                                 if callable(what) else what))
        time.sleep(0.1)


def child(pid, name):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            children = [int(c) for c in f.read().split()]
        for c in children:
            with open("/proc/%d/comm" % c) as f:
                if f.read().strip() == "goprobe-" + name:
                    return c
    except OSError:
        pass
    return None


class Place:
    """Where one sensor after another lives, with one store."""

    def __init__(self, arg, tmp, i):
        self.bin = os.path.abspath(arg.b)
        self.tmp = os.path.join(tmp, str(i))
        os.mkdir(self.tmp)
        os.chmod(self.tmp, 0o755)
        self.net = Network("gpl%d.%d" % (os.getpid(), i))
        self.store = os.path.join(self.tmp, "store")
        self.hosts, self.sensor = 0, None
        self.write_ini()

    def write_ini(self, more=""):
        self.ini = os.path.join(self.tmp, "ini")
        with open(self.ini, "w") as f:
            f.write("[capture]\nsnapshot_interval = %d\nl7_wait = %d\n%s"
                    "filter = net 10.98.0.0/15\n" % (SNAPSHOT_S, WAIT_S, more))

    # -- the sensor

    def start(self):
        self.log = os.path.join(self.tmp, "log")
        with open(self.log, "w") as log:
            self.sensor = subprocess.Popen(
                self.net.inside(self.net.sides[1]) +
                [self.bin + "/goprobe", "-c", self.ini, "-d", self.store, "vb"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(30, lambda: "capturing on" in self.said(), self.said)

    def said(self):
        with open(self.log) as f:
            return f.read()

    def pid(self, name):
        return self.sensor.pid if name == "launcher" else child(
            self.sensor.pid, name)

    def signal(self, name, number):
        """False when there is nobody of that name at this moment."""
        pid = self.pid(name)
        try:
            if pid is not None:
                os.kill(pid, number)
        except ProcessLookupError:
            pid = None
        return pid is not None

    def wait_end(self):
        children = [p for p in map(self.pid, ("writer", "capture")) if p]
        try:
            self.sensor.wait(30)
        except subprocess.TimeoutExpired:
            raise Wrong("the sensor does not end\n" + self.said())
        until(30, lambda: not any(os.path.exists("/proc/%d" % p)
                                  for p in children), "children are left")

    # -- what it stores

    def query(self, condition, form, keys):
        p = subprocess.run([self.bin + "/goquery", "-d", self.store, "-i",
                            "vb", "-f", "-1d", "-n", "all", "-c", condition,
                            "-e", form, keys], capture_output=True, text=True)
        if p.returncode != 0 and "no interface yet" not in p.stderr:
            raise Wrong("goquery: status %d, %s" % (p.returncode, p.stderr))
        return p.stdout

    def csv(self, host):
        return self.query("host " + host, "csv", KEYS)

    def host(self):
        self.hosts += 1
        return "10.99.%d.%d" % (self.hosts // 256, self.hosts % 256)

    def gaps(self):
        """Times that no record covers, behind the first."""
        spans = []
        folder = os.path.join(self.store, "vb")
        for day in sorted(os.listdir(folder)):
            if len(day) != 10:
                continue
            with open(os.path.join(folder, day, "blocks.idx"), "rb") as f:
                data = f.read()
            at = 64
            while at < len(data):
                length, = struct.unpack_from("<I", data, at + 4)
                first, last = struct.unpack_from("<qq", data, at + 32)
                spans.append((first / 1e9, last / 1e9))
                at += length
        spans.sort()
        out, end = [], spans[0][1]
        for first, last in spans[1:]:
            if first > end:
                out.append((end, first))
            end = max(end, last)
        return out

    def give_up(self):
        """What went wrong may have left anything."""
        if self.sensor and self.sensor.poll() is None:
            self.signal("writer", signal.SIGKILL)
            self.signal("capture", signal.SIGKILL)
            self.sensor.kill()
            self.sensor.wait()
        self.write_ini()

    def remove(self):
        self.give_up()
        self.net.remove()


def may_lose_s(kind):
    """Before the instant; the kernel had some not handed over."""
    return MARGIN_S + (0 if "stop" in kind else
                       SNAPSHOT_S + WAIT_S + UNREAD_S)


def header_and(rows):
    lines = rows.split("\n")
    return lines[0], [r for r in lines[1:] if r]


class Want:
    """The csv of numbers as a sensor that nobody disturbs has it."""

    def __init__(self, place):
        host = place.host()
        sender = Sender(place.net.sock, host, N)
        sender.start()
        sender.join()
        until(20, lambda: place.csv(host).count("\n") == N + 1,
              lambda: "%d rows" % place.csv(host).count("\n"))
        self.head, rows = header_and(place.csv(host))
        row = rows[0].split(",")
        if row[:4] != ["10.98.0.1", host, "1", "UDP"] or "1" not in row[4:]:
            raise Wrong("the first row is " + rows[0])
        self.tail = row[4:]
        if place.csv(host) != self.of(host, range(1, N + 1)):
            raise Wrong("the numbers are not rows alike")

    def of(self, host, numbers, times=1):
        tail = ",".join(str(int(v) * times) for v in self.tail)
        rows = ["10.98.0.1,%s,%d,UDP,%s" % (host, n, tail) for n in numbers]
        return "\n".join([self.head] + sorted(
            rows, key=lambda r: int(r.split(",")[2]))) + "\n"

    def numbers(self, host, csv):
        """Those it has; each must be a row as it ought to be."""
        head, rows = header_and(csv)
        have = [int(r.split(",")[2]) for r in rows]
        if csv != self.of(host, have):
            raise Wrong("rows of %s are not what was sent: %s" % (
                host, [r for r in rows if r.split(",")[4:] != self.tail][:3]))
        return have


class Life:
    """One sensor from its start to its end."""

    def __init__(self, place, rng, plan, counts):
        self.place, self.rng, self.counts = place, rng, counts
        self.plan, self.done, self.lost = plan, {}, []

    def run(self):
        self.place.start()
        self.want = Want(self.place)
        for kind in self.plan[:-1]:
            self.kill(kind)
        self.end(self.plan[-1])
        self.look_again()

    def begin(self):
        host = self.place.host()
        sender = Sender(self.place.net.sock, host)
        sender.start()
        return host, sender

    def kill(self, kind):
        host, sender = self.begin()
        try:
            time.sleep(self.rng.random() * 2.2 * SNAPSHOT_S)
            until(40, lambda: all(self.place.pid(v) for v in KILLS[kind]),
                  "a process is not started again")
            known = self.place.said().count("capturing iface=")
            at = time.time()
            number = signal.SIGTERM if "stop" in kind else signal.SIGKILL
            hit = False
            for victim in KILLS[kind]:
                hit |= self.place.signal(victim, number)
                time.sleep(self.rng.random() * 0.01)
            self.counts[kind] += hit
            if "capture" in KILLS[kind]:  # the next one is to see some, too
                until(40, lambda: self.place.said().count(
                    "capturing iface=") > known, self.place.said)
                far = len(sender.times) + 50
                until(40, lambda: len(sender.times) > far, "nothing is sent")
        finally:
            sent = sender.end()
        if "capture" not in KILLS[kind]:
            want = self.want.of(host, range(1, sent + 1))
            until(60, lambda: self.place.csv(host) == want,
                  lambda: self.differs(host, sent))
        else:
            until(60, lambda: self.has(host, sent),
                  lambda: self.differs(host, sent))
            time.sleep(WAIT_S)  # frames need not be named in order
            self.judge(kind, host, sender, at)
        self.done[host] = self.place.csv(host)

    def has(self, host, n):
        return "\n10.98.0.1,%s,%d,UDP," % (host, n) in self.place.csv(host)

    def differs(self, host, sent):
        have = self.want.numbers(host, self.place.csv(host))
        missing = sorted(set(range(1, sent + 1)) - set(have))
        return "of %d numbers %d are missing: %s\n%s" % (
            sent, len(missing), missing[:10], self.place.said())

    def judge(self, kind, host, sender, at):
        have = self.want.numbers(host, self.place.csv(host))
        if have and have[-1] >= len(sender.times):
            raise Wrong("a number that was never sent")
        missing = sorted(set(range(1, len(sender.times))) - set(have))
        early = [n for n in missing if
                 sender.times[n][1] < at - may_lose_s(kind)]
        if early:
            raise Wrong("%s: %d numbers sent %.2f s before are lost" % (
                kind, len(early), at - sender.times[early[0]][0]))
        self.counts["lost"] += len(missing)
        self.lost.append((kind, at, [sender.times[n] for n in missing]))

    def end(self, kind):
        host, sender = self.begin()
        try:
            time.sleep(0.2 + self.rng.random() * 2.2 * SNAPSHOT_S)
            until(40, lambda: self.place.pid("writer") and
                  self.place.pid("capture"), "a process is not started again")
            children = [self.place.pid("writer"), self.place.pid("capture")]
            at = time.time()
            self.counts[kind] += self.place.signal(
                "launcher",
                signal.SIGKILL if kind == "launcher" else signal.SIGTERM)
            self.place.wait_end()
            until(40, lambda: not any(os.path.exists("/proc/%d" % p)
                                      for p in children), "children are left")
        finally:
            sent = sender.end()
        have = self.want.numbers(host, self.place.csv(host))
        if have != list(range(1, len(have) + 1)):
            raise Wrong("%s: a hole before number %d of %d\n%s" % (
                kind, next(i for i, n in enumerate(have, 1) if n != i),
                len(have), self.place.said()))
        before = sum(t[1] < at for t in sender.times[1:])
        if not before <= len(have) <= sent:
            raise Wrong("%s: %d numbers were sent before it, %d are stored\n%s"
                        % (kind, before, len(have), self.place.said()))
        self.done[host] = self.want.of(host, have)

    def look_again(self):
        """What was so in the live view is so in blocks."""
        for host, csv in self.done.items():
            if self.place.csv(host) != csv:
                raise Wrong("blocks differ from the live view: %s" % host)
        journals = os.listdir(os.path.join(self.place.store, "vb", "journal"))
        if journals:
            raise Wrong("left: %s" % journals)
        p = subprocess.run([self.place.bin + "/goquery", "-d",
                            self.place.store, "--check"], capture_output=True,
                           text=True)
        if p.returncode != 0:
            raise Wrong("--check: " + p.stdout + p.stderr)
        gaps = self.place.gaps()
        for kind, at, missing in self.lost:
            self.in_a_gap(kind, at, missing, gaps)
        down = [i for i in json.loads(self.place.query(
                "net 10.98.0.0/15", "json", "proto"))
                ["summary"]["coverage"]["incomplete"] if i["cause"] == "down"]
        told = sum(i["seconds"] for i in down)
        if self.lost and abs(told - sum(b - a for a, b in gaps)) > \
                0.1 * len(gaps) + 1:
            raise Wrong("gaps of %.2f s, told %s" % (
                sum(b - a for a, b in gaps), down))

    def in_a_gap(self, kind, at, missing, gaps):
        if not missing:
            return  # nothing came while nobody was there
        mine = [g for g in gaps if g[0] - MARGIN_S <= missing[0][1] and
                missing[0][0] <= g[1] + MARGIN_S]
        if len(mine) != 1:
            raise Wrong("%s: lost %.3f s after it, in %d gaps" % (
                kind, missing[0][0] - at, len(mine)))
        begin, until_s = mine[0]
        if begin < at - may_lose_s(kind) - UNREAD_S:
            raise Wrong("%s: the gap begins %.2f s before" % (
                kind, at - begin))
        for before, after in missing:
            if after < begin - MARGIN_S or before > until_s + MARGIN_S:
                raise Wrong("%s: lost %.3f s after the kill, outside its gap "
                            "%.3f to %.3f" % (kind, before - at, begin - at,
                                              until_s - at))


def ring_filled(pid):
    """Bytes put into the ring that the launcher keeps, and what it holds."""
    for fd in os.listdir("/proc/%d/fd" % pid):
        path = "/proc/%d/fd/%s" % (pid, fd)
        try:
            if "memfd:goprobe-ring" not in os.readlink(path):
                continue
            with open(path, "rb") as f:
                return struct.unpack("<Q", os.pread(f.fileno(), 8, 4096))[0], \
                    os.fstat(f.fileno()).st_size - 8192
        except OSError:
            continue
    return 0, 1 << 62


def full_ring(place, rng, counts):
    """The writer stands still until the ring is full, and is killed.  The same
    flows are counted on meanwhile: each snapshot has all of them."""
    n, times = 20000, 7
    place.write_ini("flows_max = 29000\nl7 = off\n")
    place.start()
    want, host = Want(place), place.host()
    writer = place.pid("writer")
    os.kill(writer, signal.SIGSTOP)
    for _ in range(times):
        again = time.monotonic() + 1.1 * SNAPSHOT_S
        sender = Sender(place.net.sock, host, n, 60000)
        sender.start()
        sender.join()
        time.sleep(max(0, again - time.monotonic()))
    head, size = ring_filled(place.sensor.pid)
    if head < size - 262144:
        raise Wrong("the ring is not full: %d of %d" % (head, size))
    time.sleep(rng.random())
    os.kill(writer, signal.SIGKILL)
    counts["full"] += 1
    right = want.of(host, range(1, n + 1), times)
    until(60, lambda: place.csv(host) == right, lambda: "%d of %d rows; %s%s" %
          (place.csv(host).count("\n") - 1, n, place.query(
              "net 10.98.0.0/15", "json", "l7proto"), place.said()))
    place.signal("launcher", signal.SIGTERM)
    place.wait_end()
    if place.csv(host) != right:
        raise Wrong("blocks differ from the live view")
    place.write_ini()


def plans(rng, instants):
    """Lives until they have so many instants; each kind comes soon."""
    kinds, many = [], instants > 2 * len(ORDER)
    while instants > 0:
        life = []
        for _ in range(rng.randrange(1, 4) if many else 1):
            if not kinds:
                kinds = rng.sample(ORDER, len(ORDER))
            life.append(kinds.pop())
        life.append(rng.choice(("launcher", "launcher", "stop")))
        instants -= len(life)
        yield life


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    ap.add_argument("-b", default="build/bin")
    ap.add_argument("-n", type=int, default=1000)
    ap.add_argument("-f", type=int, default=10)
    ap.add_argument("-j", type=int, default=8)
    ap.add_argument("-s", type=int, default=int(
        os.environ.get("TEST_SEED", time.time_ns() & 0xffffffff)))
    arg = ap.parse_args()
    print("# TEST_SEED=%d" % arg.s)
    rng = random.Random(arg.s)
    counts, lock = collections.Counter(), threading.Lock()
    work = [("life", p, rng.random()) for p in plans(rng, arg.n)]
    work += [("full", [], rng.random()) for _ in range(arg.f)]
    rng.shuffle(work)
    wrong = []
    tmp = tempfile.mkdtemp(prefix="goprobe-livekills.", dir="/tmp")
    os.chmod(tmp, 0o755)
    idle = []

    def run(item):
        what, plan, seed = item
        with lock:
            place = idle.pop()
        mine = collections.Counter()
        try:
            shutil.rmtree(place.store, ignore_errors=True)
            if what == "full":
                full_ring(place, random.Random(seed), mine)
            else:
                Life(place, random.Random(seed), plan, mine).run()
        except Exception as e:
            with lock:
                wrong.append("%s: %s: %s" % (" ".join(plan) or what,
                                             type(e).__name__, e))
                print("# " + wrong[-1].replace("\n", "\n# "), flush=True)
            place.give_up()
        with lock:
            counts.update(mine)
            counts["done"] += 1
            if counts["done"] % 20 == 0:
                print("# %s of %d: %s, wrong %d" % (
                    counts["done"], len(work), told(counts), len(wrong)),
                    flush=True)
            idle.append(place)

    try:
        places = [Place(arg, tmp, i) for i in range(arg.j)]
        idle.extend(places)
        with concurrent.futures.ThreadPoolExecutor(arg.j) as pool:
            list(pool.map(run, work))
    finally:
        for place in places:
            place.remove()
        shutil.rmtree(tmp)
    tap.ok(not wrong, "%d lives: %s; every number once, %d in gaps that are "
           "told" % (len(work), told(counts), counts["lost"]))
    for w in wrong[:5]:
        tap.diag(w)
    tap.done()


def told(counts):
    return ", ".join("%s %d" % (k, n) for k, n in sorted(counts.items())
                     if k not in ("lost", "done"))


if __name__ == "__main__":
    main()
