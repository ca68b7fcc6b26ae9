"""goprobe-export beside a real ClickHouse: what the store has committed is at
the server once, whatever happens to either on the way.

  -b BIN     folder of the programs
  -n ROUNDS  kills of exporter and server each (default 6)
  -p PARTS   comma list of: ship grafana hours faults daemon resume anew broken
             damaged unusable outage kills cluster replica tls
  SEED       environment, printed
"""

import argparse
import contextlib
import ctypes
import ctypes.util
import gzip
import http.client
import http.server
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, "tests/lib")
import clickhouse
import dashboards
from tap import ok, is_, diag, skip_all, done

CORPUS = os.environ.get("PCAP_CORPUS", "../shared/pcaps")
DATA = "tests/data"
SITE = "lab's \\ \"1\""  # what must be escaped is

# what queries count: rows whose (record, attempt) was committed, of each
# record the smallest attempt
COMMITTED = ("(record, attempt) GLOBAL IN (SELECT record, min(attempt) FROM "
             "goprobe.blocks GROUP BY record)")
ROWS = ("SELECT toUnixTimestamp(time), iface, "
        "IPv6NumToString(sip), IPv6NumToString(dip), version, dport, "
        "toUInt8(proto), l7proto, sum(bytes_rcvd), sum(bytes_sent), "
        "sum(packets_rcvd), sum(packets_sent) FROM goprobe.flows WHERE " +
        COMMITTED + " GROUP BY time, iface, version, sip, dip, dport, proto, "
        "l7proto FORMAT TabSeparatedRaw")


class World:
    def __init__(self, args):
        self.bin = os.path.abspath(args.bin)
        self.rounds = args.rounds
        self.t = tempfile.mkdtemp(prefix="goprobe-test.")
        os.chmod(self.t, 0o755)
        self.seed = int(os.environ.get("SEED", str(int(time.time()))))
        diag("SEED=%d" % self.seed)
        self.random = random.Random(self.seed)
        self.servers, self.daemons = [], []
        self.n_states = 0
        self.protocols = protocol_numbers()

    def path(self, name):
        return os.path.join(self.t, name)

    def program(self, name):
        return os.path.join(self.bin, name)

    def server(self, name, **options):
        s = clickhouse.Server(self.path(name), **options)
        self.servers.append(s)
        return s

    def end(self):
        for p in self.daemons:
            if p.poll() is None:
                p.kill()
                p.wait()
        for s in self.servers:
            s.stop()
        shutil.rmtree(self.t, ignore_errors=True)

    # ---- exporter

    def ini(self, url, more=""):
        name = self.path("ini.%d" % self.random.getrandbits(40))
        with open(name, "w") as out:
            out.write("[site]\nname = %s\n[export]\nurl = %s\n%s" %
                      (SITE, url, more))
        return name

    def state(self):
        self.n_states += 1
        return self.path("state%d" % self.n_states)

    def export(self, ini, store, state, *more, **options):
        return subprocess.run(
            [self.program("goprobe-export"), "-c", ini, "-d", store, "-s",
             state, *(more or ("--once",))],
            capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=300, **options)

    def export_with(self, runner, ini, store, state):
        return subprocess.run(
            [*runner, self.program("goprobe-export"), "-c", ini, "-d", store,
             "-s", state, "--once"], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=300)

    def start(self, ini, store, state):
        return subprocess.Popen(
            [self.program("goprobe-export"), "-c", ini, "-d", store, "-s",
             state, "--once"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    # ---- stores and what is in them

    def replay(self, store, iface, pcap):
        return subprocess.run([self.program("goprobe"), "-d", store, "-i",
                               iface, "-r", pcap], capture_output=True)

    def local_rows(self, store):
        out = subprocess.run(
            [self.program("goquery"), "-d", store, "-i", "any", "-f", "0",
             "-l", "2106-01-01", "-n", "all", "-e", "csv", "--no-live",
             "time,iface,sip,dip,dport,proto,l7proto"],
            capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
        rows = []
        for line in out.splitlines()[1:]:
            f = line.split(",")
            proto = self.protocols.get(f[5], f[5])
            rows.append((f[0], f[1], f[2], f[3], f[4], proto, f[6],
                         f[10], f[11], f[7], f[8]))
        return sorted(rows)


def protocol_numbers():
    # what Debian's file has not, and IANA's registry has
    numbers = {"manet": "138", "AGGFRAG": "144", "NSH": "145", "Homa": "146"}
    with open("/etc/protocols") as text:
        for line in text:
            f = line.split()
            if len(f) > 2 and not line.startswith("#"):
                numbers[f[2]] = f[1]
    return numbers


def remote_rows(server, sql=ROWS):
    rows = []
    for line in server.ask(sql).splitlines():
        f = line.split("\t")
        for i in (2, 3):
            if f[4] == "4":
                f[i] = f[i].replace("::ffff:", "")
        rows.append((f[0], f[1], f[2], f[3], f[5], f[6], f[7], f[8], f[9],
                     f[10], f[11]))
    return sorted(rows)


def same(w, server, store, what):
    local, remote = w.local_rows(store), remote_rows(server)
    if not ok(local == remote and local, "%s: %d rows at the server, each "
              "once" % (what, len(local))):
        diag("%d local, %d remote" % (len(local), len(remote)))
        for row in sorted(set(local) ^ set(remote))[:6]:
            diag(("only local  " if row in set(local) else "only remote ") +
                 repr(row))


def fresh_tables(server):
    server.ask("DROP DATABASE IF EXISTS goprobe")


def init(w, server, kind="single", *more):
    ini = w.ini(server.url())
    r = subprocess.run([w.program("goprobe-export"), "-c", ini, "--init",
                        kind, *more], capture_output=True, text=True)
    return r


# ---- parts -------------------------------------------------------------------

def part_ship(w, server, store):
    for kind in ("single", "sharded", "replicated", "modern"):
        printed = subprocess.run([w.program("goprobe-export"), "-c",
                                  "/dev/null", "--schema", kind],
                                 capture_output=True, text=True).stdout
        with open("etc/clickhouse/%s.sql" % kind) as text:
            is_(printed, text.read(), "etc/clickhouse/%s.sql is what --schema "
                "prints" % kind)
    r = w.export(w.ini(server.url()), store, w.state())
    ok(r.returncode == 1 and "goprobe.flows" in r.stderr and
       r.stderr.count("\n") == 1, "no tables: one line, status 1")
    is_(init(w, server).returncode, 0, "--init makes the tables")
    is_(init(w, server).returncode, 0, "and again is no error")

    with open(w.path("pw"), "w") as out:
        out.write("s3cret-word\n")
    os.chmod(w.path("pw"), 0o600)
    ini = w.ini(server.url(), "user = sensor\npassword_file = %s\n"
                "batch_rows = 1000\n" % w.path("pw"))
    state = w.state()
    r = w.export(ini, store, state)
    is_(r.returncode, 0, "ships") or diag(r.stderr)
    same(w, server, store, "shipped")
    n = server.ask("SELECT count() FROM goprobe.flows")
    r = w.export(ini, store, state)
    ok(r.returncode == 0 and "shipped" not in r.stderr,
       "a second run has nothing to ship")
    r = w.export(ini, store, w.state())
    ok(r.returncode == 0 and "shipped" not in r.stderr,
       "nor one that has lost its ledger: it asks the server")
    for top, _, files in os.walk(state + "/shipped"):
        for name in files:
            path = os.path.join(top, name)
            os.truncate(path, os.path.getsize(path) * 2 // 3)
    r = w.export(ini, store, state)
    ok(r.returncode == 0 and "shipped" not in r.stderr,
       "nor one whose ledger is torn")
    is_(server.ask("SELECT count() FROM goprobe.flows"), n,
        "the server's rows are as many as before")

    w.replay(store, "late", DATA + "/disorder.pcap")
    w.replay(store, "office", DATA + "/office.pcap")
    r = w.export(ini, store, state)
    is_(r.returncode, 0, "further records of shipped days")
    same(w, server, store, "later records")
    is_(server.ask("SELECT min(a) FROM (SELECT uniq(attempt) AS a FROM "
                   "goprobe.blocks GROUP BY record)"), "1\n",
        "each record was committed by one attempt")

    r = w.export(w.ini(server.url(), "user = sensor\npassword_file = %s\n" %
                       w.path("pw")), store, state)
    is_(r.returncode, 0, "the password from its file")
    with open(w.path("pw"), "w") as out:
        out.write("wrong-w0rd\n")
    r = w.export(ini, store, state)
    ok(r.returncode == 1 and r.stderr.count("\n") == 1 and
       "wrong-w0rd" not in r.stderr, "a wrong password: one line without it")
    os.chmod(w.path("pw"), 0o644)
    r = w.export(ini, store, state)
    ok(r.returncode == 1 and "others" in r.stderr and
       r.stderr.count("\n") == 1, "a password that others can read is refused")
    r = w.export(w.ini(server.url() + "?user=x"), store, w.state())
    ok(r.returncode == 2 and "url" in r.stderr, "a query in the url is refused")
    for url in ("nonsense", "ftp://127.0.0.1/", "https://127.0.0.1:99999/"):
        r = w.export(w.ini(url), store, w.state())
        ok(r.returncode == 2 and r.stderr.count("\n") == 1 and
           "[export] url: " in r.stderr, "%s is a wrong INI file" % url)
    r = w.export(w.ini("http://a.invalid/"), store, w.state())
    ok(r.returncode == 1 and r.stderr.count("\n") == 1,
       "a host that does not exist: one line")
    r = w.export(w.ini("http://127.0.0.1:%d/" % clickhouse.free_port()), store,
                 w.state())
    ok(r.returncode == 1 and r.stderr.count("\n") == 1,
       "nobody listens: one line")
    r = w.export(w.ini("http://[fe80::1%%25lo]:%d/" % clickhouse.free_port()),
                 store, w.state())
    ok(r.returncode == 1 and r.stderr.count("\n") == 1,
       "nor at an interface's own address") or diag(
           "%d %s" % (r.returncode, r.stderr))
    part_check(w, server)
    other = w.ini(server.url(), "database = elsewhere\n")
    r = w.export(other, store, state)
    ok(r.returncode == 1 and "another target" in r.stderr,
       "a ledger of another target is refused")


def part_check(w, server):
    """-t says what a start would; -T has no password."""
    os.chmod(w.path("pw"), 0o600)

    def conf(text):
        name = w.path("check.ini")
        with open(name, "w") as out:
            out.write(text)
        return name

    def run(option, text):
        return subprocess.run([w.program("goprobe-export"), "-c", conf(text),
                               option], capture_output=True, text=True)
    name = "[site]\nname = x\n"
    here = name + "[export]\nurl = http://127.0.0.1/\n"
    for text, status, word in (
            ("[export]\nurl = http://127.0.0.1/\n", 2, "[site] name"),
            (name + "[export]\nurl = ftp://x y/\n", 2, "url"),
            (name + "[export]\nurl = http://u:s3cret@127.0.0.1/\n", 2, "url"),
            (name + "[export]\nurl = http://127.0.0.1/#s3cret\n", 2, "url"),
            (name + "[export]\nurl = http://[fe80::1%25nowhere]/\n", 1, "url"),
            (here + "password_file = /nowhere\n", 1, "password_file"),
            (here + "password_file = %s\n" % w.path("pw"), 2,
             "user does not say"),
            (name + "[export]\nurl = https://127.0.0.1/\nca_file = "
             "/nowhere.pem\n", 1, "/nowhere.pem"),
            (here + "metrics = /nowhere/x.prom\n", 1, "/nowhere")):
        r = run("-t", text)
        ok(r.returncode == status and word in r.stderr and
           r.stderr.count("\n") == 1 and "s3cret" not in r.stderr,
           "-t refuses what a start does: " + word) or diag(repr(r))
    is_(run("-t", "[export]\nbatch_rows = 1000\n").returncode, 0,
        "without url nothing is to be started")
    is_(run("-t", name + "[export]\nurl = http://a.invalid/\n").returncode, 0,
        "and no address is asked for")
    for url in ("http://u:s3cret@h:8123/p", "u:s3/cr3t@h", "http://h/?user=a&"
                "password=s3cret"):
        r = run("-T", "[export]\nurl = %s\n[remote]\nurl = %s\n" % (url, url))
        ok(r.returncode == 0 and "s3" not in r.stdout and "***" in r.stdout,
           "-T prints no password of a url") or diag(r.stdout)
    ok("\nurl = http://h:8123/p@th\n" in run(
        "-T", "[export]\nurl = http://h:8123/path\n").stdout.replace(
            "path", "p@th"), "and other ones as they are")


def write_pcap(path, packets):
    """(time, source's and destination's last byte): UDP to port 53."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for t, src, dst in packets:
            data = struct.pack(">BBHHHBBH4s4sHHHH", 0x45, 0, 28, 1, 0, 64, 17,
                               0, bytes((10, 0, 0, src)), bytes((10, 0, 1, dst)),
                               40000, 53, 8, 0)
            out.write(struct.pack("<IIII", t, 0, len(data), len(data)) + data)


HOUR = 1767261600  # 2026-01-01 10:00 UTC
# of each hour the commit with most records, of those the smallest attempt
BEST = ("(record, attempt) GLOBAL IN (SELECT argMax(record, records), "
        "argMax(attempt, records) FROM (SELECT iface, time, record, "
        "min(attempt) AS attempt, any(records) AS records FROM goprobe.rollups "
        "GROUP BY iface, time, record) GROUP BY iface, time)")


def hour_rows(server):
    return sorted(tuple(line.split("\t")) for line in server.ask(
        "SELECT toUnixTimestamp(time), replaceOne(IPv6NumToString(sip), "
        "'::ffff:', ''), replaceOne(IPv6NumToString(dip), '::ffff:', ''), "
        "sum(packets_rcvd), sum(packets_sent), sum(bytes_rcvd), "
        "sum(bytes_sent), count() FROM goprobe.hours WHERE " + BEST +
        " GROUP BY time, sip, dip FORMAT TabSeparated").splitlines())


def local_hours(w, store):
    out = subprocess.run(
        [w.program("goquery"), "-d", store, "-i", "a", "-f", str(HOUR), "-l",
         str(HOUR + 3 * 3600), "-n", "all", "-e", "csv", "--no-live", "--bin",
         "1h", "time,sip,dip"], capture_output=True, text=True,
        stdin=subprocess.DEVNULL).stdout
    rows = [line.split(",") for line in out.splitlines()[1:]]
    return sorted((f[0], f[1], f[2], f[3], f[4], f[6], f[7], "1")
                  for f in rows)


def same_hours(w, server, store, what):
    local, remote = local_hours(w, store), hour_rows(server)
    if not ok(local == remote and local, "%s: %d sums at the server, each "
              "once" % (what, len(local))):
        for row in sorted(set(local) ^ set(remote))[:6]:
            diag(("only local  " if row in set(local) else "only remote ") +
                 repr(row))


def part_hours(w, server, store):
    """Three hours in which much repeats, and one in which nothing does."""
    store = w.path("hours-store")
    write_pcap(w.path("a.pcap"), [
        (HOUR + slot * 300 + 7, 1 + host % 5, 1 + host) for slot in range(36)
        for host in range(40)] + [
        (HOUR + 3 * 3600 + slot * 300, 100 + slot, 1 + host)
        for slot in range(12) for host in range(20)])
    w.replay(store, "a", w.path("a.pcap"))
    fresh_tables(server)
    init(w, server)
    state, proxy = w.state(), Proxy(server)
    ini = w.ini(proxy.url(), "hourly = yes\ntimeout = 5\n")
    r = w.export(w.ini(proxy.url()), store, state)
    ok(r.returncode == 0 and server.ask("SELECT count() FROM goprobe.hours") ==
       "0\n", "not without being asked for")
    for mood in ("empty", "lost", "cut"):
        proxy.mood = mood
        is_(w.export(ini, store, state).returncode, 1, mood + ": status 1")
    proxy.mood = "fine"
    for _ in range(3):
        p = w.start(ini, store, state)
        time.sleep(w.random.uniform(0, 0.4))
        p.kill()
        p.wait()
    r = w.export(ini, store, state)
    is_(r.returncode, 0, "hours are shipped") or diag(r.stderr)
    same_hours(w, server, store, "three of four")
    is_(server.ask("SELECT count() FROM goprobe.rollups WHERE covers NOT IN "
                   "(SELECT record FROM goprobe.blocks)"), "0\n",
        "and sum committed records")
    is_(server.ask("SELECT uniqExact(time), uniqExact(covers) FROM "
                   "goprobe.rollups"), "3\t36\n", "all of their hour")
    n = server.ask("SELECT count() FROM goprobe.hours")
    is_(w.export(ini, store, state).returncode, 0, "again")
    is_(w.export(ini, store, w.state()).returncode, 0, "with a lost ledger")
    is_(server.ask("SELECT count() FROM goprobe.hours"), n, "nothing is new")
    write_pcap(w.path("b.pcap"), [(HOUR + 3700, 1, 1 + host)
                                  for host in range(50)])
    subprocess.run([w.program("goprobe"), "--append", "-d", store, "-i", "a",
                    "-r", w.path("b.pcap")], capture_output=True)
    is_(w.export(ini, store, state, "--clean").returncode, 0,
        "a late record, and --clean")
    same_hours(w, server, store, "its hour is another sum")
    is_(server.ask("SELECT max(records) FROM goprobe.rollups"), "13\n",
        "of thirteen records")
    good = server.ask("SELECT count() FROM goprobe.hours WHERE (record, "
                      "attempt) IN (SELECT record, attempt FROM "
                      "goprobe.rollups)")
    for _ in range(100):
        every = server.ask("SELECT count() FROM goprobe.hours")
        if every == good:
            break
        time.sleep(0.1)
    is_(every, good, "rows of lost attempts are removed")
    r = subprocess.run([w.program("goprobe-writer"), "-d", store,
                        "--rebuild-rollups"], capture_output=True, text=True)
    if r.returncode == 2:
        ok(True, "from roll-ups # SKIP this writer makes none")
    else:
        is_(r.returncode, 0, "roll-ups in the store") or diag(r.stderr)
        fresh_tables(server)
        init(w, server)
        is_(w.export(ini, store, w.state()).returncode, 0, "shipped again")
        same_hours(w, server, store, "with the store's roll-ups")
    hours_in_trouble(w, server, proxy)
    proxy.shutdown()


def age_dead(state, seconds):
    """Attempts given up, as if so long ago; how many."""
    with open(state + "/dead", "rb") as f:
        data = f.read()
    out = b""
    for at in range(0, len(data), 64):
        dead = bytearray(data[at:at + 56])
        since, = struct.unpack_from("<q", dead, 40)
        struct.pack_into("<q", dead, 40, since - seconds)
        out += bytes(dead) + checksum(bytes(dead))
    with open(state + "/dead", "r+b") as f:
        f.write(out)
    return len(data) // 64


def hours_in_trouble(w, server, proxy):
    """Sums larger than an insert that the server has memory for."""
    store, state, run = w.path("sums"), w.state(), w.path("sums-run")
    write_pcap(w.path("s.pcap"), [
        (HOUR + slot * 300 + 7, 1 + k % 40, 1 + k // 40) for slot in range(2)
        for k in range(1200)])
    w.replay(store, "a", w.path("s.pcap"))
    fresh_tables(server)
    init(w, server)
    is_(w.export(w.ini(proxy.url()), store, state).returncode, 0,
        "blocks without their hour")
    proxy.mood = "nohours"
    ini = w.ini(proxy.url(), "hourly = yes\nbatch_rows = 1000\ninterval = 1\n")
    is_(w.export(ini, store, state).returncode, 1, "no room for hours")
    is_(age_dead(state, 7200), 1, "an attempt was given up")
    is_(w.export(ini, store, state).returncode, 1, "nor later")
    is_(age_dead(state, 0), 1, "the first one's rows were removed meanwhile")
    os.mkdir(run)
    os.chmod(run, 0o777)
    proxy.mood, proxy.most = "picky", 600 * 110
    d = Daemon(w, ini, store, state, run)
    wait_for(20, "a server with little memory gets smaller inserts of sums",
             lambda: server.ask("SELECT count() FROM goprobe.rollups") ==
             "2\n") or d.show()
    d.end()
    same_hours(w, server, store, "they")
    proxy.mood = "nosums"  # rows go out, their commit does not
    fresh_tables(server)
    init(w, server)
    state = w.state()
    is_(w.export(ini, store, state).returncode, 1, "no commit of an hour")
    server.ask("TRUNCATE TABLE goprobe.hours")
    proxy.mood = "fine"
    is_(w.export(ini, store, state).returncode, 0, "the server lost its rows")
    same_hours(w, server, store, "sent again")


# with old data: nothing is of late, nothing came before
MAY_BE_EMPTY = {"Largest export lag", "Rows and blocks arriving", "Scanners",
                "Uploads"}


def part_grafana(w, server, store):
    """Each query of the dashboard, as Grafana would ask it."""
    d, faults = dashboards.structure("etc/grafana/goprobe-clickhouse.json")
    is_(faults, [], "the dashboard is whole")
    fresh_tables(server)
    init(w, server)
    r = w.export(w.ini(server.url()), store, w.state())
    is_(r.returncode, 0, "there is something to show") or diag(r.stderr)
    first, last = (int(n) for n in server.ask(
        "SELECT toUInt32(min(time)), toUInt32(max(time)) FROM goprobe.blocks"
        ).split())
    every = {"database": "goprobe", "site": None, "iface": None,
             "top": "25", "known_days": "7"}
    some = dict(every, site=[SITE, "nowhere"], iface=["days", "office"])
    answers = {}
    for title, sql in dashboards.clickhouse_queries(d):
        try:
            answer = answers[title] = server.ask(dashboards.expand(
                sql, first, last, 300, every) + " FORMAT TSVWithNames")
            fewer = server.ask(dashboards.expand(
                sql, first, last, 3600, some) + " FORMAT TSVWithNames")
            ok(answer.count("\n") > 1 or title in MAY_BE_EMPTY,
               "%s: %d rows, %d of two interfaces" % (
                   title, answer.count("\n") - 1, fewer.count("\n") - 1))
        except RuntimeError as e:
            ok(False, title) or diag(str(e))
    out = subprocess.run(
        [w.program("goquery"), "-d", store, "-i", "any", "-f", str(first),
         "-l", str(last + 300), "-e", "json", "-n", "25", "--no-live",
         "talk_conv"], capture_output=True, text=True,
        stdin=subprocess.DEVNULL).stdout
    local = json.loads(out)
    total = local["summary"]["totals"]
    is_(answers["Data volume"].split()[1], str(total["bytes"]),
        "the data volume is goquery's")
    is_(sorted(int(line.split("\t")[2]) for line in
               answers["Top talkers"].splitlines()[1:]),
        sorted(row["bytes"] for row in local["rows"]),
        "the top talkers' bytes are goquery's")


def checksum(data):
    """As the ledger's entries have it."""
    lib = ctypes.CDLL(ctypes.util.find_library("xxhash") or "libxxhash.so.0")
    lib.XXH3_64bits.restype = ctypes.c_uint64
    return struct.pack("<Q", lib.XXH3_64bits(data, ctypes.c_size_t(len(data))))


class Proxy(http.server.ThreadingHTTPServer):
    """Stands before the server and does what servers should not."""

    def __init__(self, server):
        super().__init__(("127.0.0.1", 0), Handler)
        self.server, self.mood = server, "fine"
        self.bodies = None  # of inserts of rows, once it is a list
        self.count = self.inserts = self.most = 0
        self.hook = None  # called before an insert of rows
        self.ttl = None  # what is said of that of flows
        self.engine = None  # SQL in the place of what the server has
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self):
        return "http://127.0.0.1:%d/" % self.server_address[1]

    def handle_error(self, request, client_address):
        pass


def places_of(data):
    """(day, interface) of each row of RowBinary."""
    rows, at = [], 0

    def text():
        nonlocal at
        n = data[at]  # names here are shorter than 128
        at += 1 + n
        return data[at - n:at]
    while at < len(data):
        day = data[at] | data[at + 1] << 8
        at += 6
        text()
        iface = text()
        at += 1 + 16 + 16 + 2 + 1
        text()
        text()
        at += 8 * 4 + 16 + 16
        rows.append((day, iface))
    return rows


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while True:
                n = int(self.rfile.readline(), 16)
                data += self.rfile.read(n)
                self.rfile.readline()
                if n == 0:
                    return data
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, data):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def forward(self, data, path=None):
        c = http.client.HTTPConnection("127.0.0.1", self.server.server.http,
                                       timeout=60)
        headers = {k: v for k, v in self.headers.items()
                   if k.lower() in ("content-encoding", "authorization")}
        c.request("POST", path or self.path, data, headers)
        r = c.getresponse()
        got = r.status, r.read()
        c.close()
        return got

    def do_POST(self):
        mood = self.server.mood
        self.server.count += 1
        data = self.body()
        insert = "INSERT" in self.path
        self.server.inserts += insert
        if "INTO+goprobe.flows" in self.path.replace("%20", "+"):
            if self.server.hook:
                self.server.hook()
            if self.server.bodies is not None:
                self.server.bodies.append((self.headers["Content-Encoding"],
                                           data))
        if self.server.ttl and b"engine_full" in data:
            return self.answer(200, self.server.ttl)
        if self.server.engine and b"engine_full" in data:
            data = data.replace(b"engine_full", self.server.engine)
        if mood == "away":
            self.close_connection = True
            return None
        if mood == "parts":
            if "INTO+goprobe.flows" in self.path.replace("%20", "+"):
                self.server.most -= 1
                if self.server.most >= 0:
                    return self.answer(500, b"Code: 252, e.displayText() = DB"
                                       b"::Exception: Too many parts\n")
            return self.answer(*self.forward(data))
        if mood in NOT_INTO:
            if "INTO+goprobe." + NOT_INTO[mood] in self.path.replace("%20",
                                                                     "+"):
                return self.answer(500, b"Code: 252, Too many parts\n")
            return self.answer(*self.forward(data))
        if not insert and mood in ("empty", "half", "lost", "late", "rot",
                                   "full", "picky"):
            return self.answer(*self.forward(data))
        if mood == "fine":
            return self.answer(*self.forward(data))
        if mood == "empty":  # says yes and does nothing
            return self.answer(200, b"")
        if mood == "nonsense":
            return self.answer(200, b"<html>Please log in\x1b[31m\n</html>")
        if mood == "teapot":
            return self.answer(418, b"x" * 100000)
        if mood == "full":
            return self.answer(500, b"Code: 243, e.displayText() = DB::Except"
                               b"ion: Cannot reserve 1.00 MiB, not enough spa"
                               b"ce\n")
        if mood == "picky":  # has memory for some rows only
            if len(gzip.decompress(data)) > self.server.most:
                return self.answer(500, b"Code: 241, Memory limit exceeded\n")
            return self.answer(*self.forward(data))
        if mood == "gateway":
            return self.answer(502, b"")
        if mood == "lost":  # done, but nobody hears of it
            self.forward(data)
            self.close_connection = True
            return None
        if mood == "rot":
            data = bytearray(data)
            data[len(data) // 2] ^= 0x40
            return self.answer(*self.forward(bytes(data)))
        if mood == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"1")
            self.close_connection = True
            return None
        if mood == "flood":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for _ in range(1024):
                    self.wfile.write(b"10000\r\n" + b"7" * 65536 + b"\r\n")
            except OSError:
                pass
            self.close_connection = True
            return None
        if mood == "hang":
            time.sleep(4)
            self.close_connection = True
            return None
        return self.answer(500, b"?")


NOT_INTO = {"nocommit": "blocks", "nohours": "hours", "nosums": "rollups"}
MOODS = ("empty", "nonsense", "teapot", "full", "gateway", "lost", "rot",
         "cut", "flood", "hang")


def part_faults(w, server, store):
    fresh_tables(server)
    is_(init(w, server).returncode, 0, "tables again")
    store = w.path("faults-store")  # what goes first has rows
    for name in ("office", "days", "links"):
        w.replay(store, name, "%s/%s.pcap" % (DATA, name))
    proxy = Proxy(server)
    state = w.state()
    ini = w.ini(proxy.url(), "timeout = 2\nbatch_rows = 1000\n")
    for mood in MOODS:
        proxy.mood = mood
        r = w.export(ini, store, state)
        ok(r.returncode == 1 and r.stderr.count("\n") == 1 and
           all(c == "\n" or " " <= c <= "~" for c in r.stderr),
           "%s: one printable line, status 1" % mood) or diag(
               "%d %r" % (r.returncode, r.stderr))
        is_(server.ask("SELECT count() FROM goprobe.blocks WHERE (record, "
                       "attempt) NOT IN (SELECT record, attempt FROM "
                       "goprobe.flows) AND rows > 0"), "0\n",
            "%s: nothing is committed that is not there" % mood)
    proxy.mood = "fine"
    r = w.export(ini, store, state)
    is_(r.returncode, 0, "and then it is well again") or diag(r.stderr)
    same(w, server, store, "after %d kinds of trouble" % len(MOODS))
    every = int(server.ask("SELECT count() FROM goprobe.flows"))
    good = int(server.ask("SELECT count() FROM goprobe.flows WHERE " +
                          COMMITTED))
    ok(every > good, "%d rows of lost attempts lie there and do not count" %
       (every - good))
    r = w.export(ini, store, state, "--clean")
    is_(r.returncode, 0, "--clean") or diag(r.stderr)
    for _ in range(100):
        left = int(server.ask("SELECT count() FROM goprobe.flows"))
        if left == good:
            break
        time.sleep(0.1)
    is_(left, good, "after --clean they are gone")
    same(w, server, store, "cleaned")
    proxy.shutdown()


def wait_for(seconds, what, condition):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return ok(True, what)
        time.sleep(0.05)
    return ok(False, what + ": not within %d s" % seconds)


class Daemon:
    """goprobe-export as systemd runs it, its log in a file."""

    def __init__(self, w, ini, store, state, run, **more):
        self.w, self.run = w, run
        os.makedirs(run, exist_ok=True)
        self.supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.supervisor.bind("")  # the kernel's choice
        self.supervisor.setblocking(False)
        self.log = w.path("log%d" % w.random.getrandbits(40))
        with open(self.log, "w") as out:
            self.p = subprocess.Popen(
                [w.program("goprobe-export"), "-c", ini, "-d", store, "-s",
                 state], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                umask=0o027, env=dict(
                    os.environ, RUNTIME_DIRECTORY=run, NOTIFY_SOCKET="@" +
                    self.supervisor.getsockname()[1:].decode(), **more))
        w.daemons.append(self.p)

    def told(self):
        """What the supervisor has heard since it was asked last."""
        text = ""
        try:
            while True:
                text += self.supervisor.recv(4096).decode() + "\n"
        except BlockingIOError:
            return text

    def said(self, text):
        with open(self.log) as log:
            return text in log.read()

    def figure(self, name):
        try:
            with open(self.run + "/status") as f:
                for line in f:
                    if line.startswith(name + " "):
                        return line.split(" ", 1)[1].strip().strip('"')
        except FileNotFoundError:
            pass
        return None

    def status(self):
        r = subprocess.run([self.w.program("goprobe-export"), "-c",
                            "/dev/null", "--status"], capture_output=True,
                           text=True, env=dict(os.environ,
                                               RUNTIME_DIRECTORY=self.run))
        return r.returncode, r.stdout + r.stderr

    def show(self):
        with open(self.log) as log:
            for line in log.read().splitlines()[-8:]:
                diag(line)

    def end(self):
        begun = time.monotonic()
        self.p.terminate()
        try:
            self.p.wait(30)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
        return self.p.returncode, time.monotonic() - begun


def inherits_nothing(w, server, store):
    """Whatever who started it had open, and had closed."""
    with open(w.path("inherited"), "w") as file:
        p = subprocess.Popen(
            ["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh",
             w.program("goprobe-export"), "-c", w.ini(server.url()), "-d",
             store, "-s", w.state()], pass_fds=[file.fileno()])
    w.daemons.append(p)
    try:
        wait_for(20, "it ships without standard descriptors", lambda: int(
            server.ask("SELECT count() FROM goprobe.blocks")) > 0)
        folder, has = "/proc/%d/fd/" % p.pid, {}
        for n in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                has[n] = os.readlink(folder + n)
        ok(all(has.get(n) == "/dev/null" for n in "012"),
           "which are opened to nowhere") or diag(repr(has))
        ok(w.path("inherited") not in has.values(),
           "what was open to its caller is not to it") or diag(repr(has))
    except PermissionError:
        ok(True, "descriptors of the running one # SKIP needs root")
    finally:
        p.terminate()
        p.wait()


def ends_before_waiting(w, server, store):
    """Told to end just before it waits."""
    lib = w.path("latewait.so")
    is_(subprocess.run([os.environ.get("CC", "gcc"), "-D_GNU_SOURCE", "-shared",
                        "-fPIC", "-o", lib, "tests/lib/latewait.c"]
                       ).returncode, 0, "latewait.so")
    d = Daemon(w, w.ini(server.url(), "interval = 60\n"), store, w.state(),
               w.path("wait-run"), LD_PRELOAD=lib,
               ASAN_OPTIONS="verify_asan_link_order=0")
    wait_for(20, "all is shipped", lambda: "all blocks shipped" in d.told())
    status, took = d.end()
    ok(status == 0 and took < 10, "told to end before it waits it does not, "
       "but ends in %.1f s" % took)


def part_daemon(w, server, store):
    """Goes on by itself, and says how it does."""
    fresh_tables(server)
    is_(init(w, server).returncode, 0, "tables of a daemon")
    inherits_nothing(w, server, store)
    ends_before_waiting(w, server, store)
    fresh_tables(server)
    is_(init(w, server).returncode, 0, "tables again")
    store = w.path("daemon-store")
    for name in ("office", "days"):
        w.replay(store, name, "%s/%s.pcap" % (DATA, name))
    proxy = Proxy(server)
    run, state = w.path("run"), w.state()
    for folder in (run, state):
        os.mkdir(folder, 0o700)  # and who starts it as root need not care
    if os.geteuid() == 0:
        os.chown(run, clickhouse.NOBODY, clickhouse.NOBODY)
        os.chmod(run, 0o777)
    common = "interval = 1\ntimeout = 5\nmetrics = %s/export.prom\n" % run
    ini = w.ini(proxy.url(), common + "[store]\nretain_days = 10\n")
    r = subprocess.run([w.program("goprobe-export"), "--status"],
                       capture_output=True, text=True,
                       env=dict(os.environ, RUNTIME_DIRECTORY=run))
    ok(r.returncode == 1 and r.stderr.count("\n") == 1,
       "no exporter has run: one line, status 1")

    proxy.mood = "full"
    d = Daemon(w, ini, store, state, run)
    begun = time.monotonic()
    wait_for(20, "a full server is in the status",
             lambda: "not enough space" in (d.figure("error") or ""))
    status, text = d.status()
    ok(status == 3 and "Lag:" in text and "not enough space" in text and
       "it is behind" in text, "--status tells the lag and why") or diag(text)
    ok("soon be removed by retention" in text and
       d.said("retention will remove them"),
       "and that retention will not wait") or diag(text)
    every = int(d.figure("left_records"))
    ok(every > 3, "%d blocks are left" % every)
    days = {n for name in ("office", "days")
            for n in os.listdir(store + "/" + name) if n.startswith("20")}
    is_(d.figure("left_days"), str(len(days)),
        "a day of two interfaces is one day")
    ok(" rows of %d days, from " % len(days) in text, "and said to be") or \
        diag(text)
    gone = os.path.join(store, "days", min(
        n for n in os.listdir(store + "/days") if n.startswith("20")))
    os.rename(gone, w.path("gone"))  # as retention begins
    wait_for(20, "a day that was removed before is told",
             lambda: d.said("was removed before it was shipped whole"))
    wait_for(5, "and counted", lambda: int(d.figure("gone") or 0) > 0
             ) or d.show()
    took = time.monotonic() - begun
    ok(proxy.inserts <= 3 + took, "%d tries in %.1f s: it waits longer each "
       "time" % (proxy.inserts, took))
    status, took = d.end()
    ok(status == 0 and took < 3, "asked to end it does, in %.1f s" % took)
    ok(d.status()[0] == 3 and "has ended" in d.status()[1],
       "and --status says so")

    for bound, near in (("max_bytes = 1", 1), ("min_free = 1000T", 1),
                        ("max_bytes = 1000T\nmin_free = 1", 0)):
        w.export(w.ini(proxy.url(), common + "[store]\n%s\n" % bound), store,
                 state, env=dict(os.environ, RUNTIME_DIRECTORY=run))
        is_(d.figure("left_going"), str(near), bound.replace("\n", ", ") +
            ": retention is %s" % ("near" if near else "far"))
    big = w.path("big-store")
    subprocess.run([os.path.join(os.environ.get("TESTS_DIR",
                                                "build/gcc/tests"),
                                 "bench/genflows"), "store", big, "1", "20",
                    "7"], check=True, capture_output=True)
    proxy.mood, proxy.most, proxy.bodies = "picky", 600 * 110, []
    d = Daemon(w, w.ini(proxy.url(), common + "batch_rows = 1000\n"), big,
               w.state(), run)
    wait_for(30, "a server with little memory gets smaller inserts",
             lambda: d.figure("left_records") == "0") or d.show()
    ok(1 <= int(d.figure("given_up") or 0) <= 2, "after %s attempts that were "
       "too large" % d.figure("given_up"))
    ok(int(d.figure("attempts")) > 4 and d.figure("error") == "",
       "all of it was shipped, in %s" % d.figure("attempts"))
    d.end()
    inserts = [places_of(gzip.decompress(body)) for how, body in proxy.bodies
               if how == "gzip"]
    ok(len(inserts) == len(proxy.bodies) and
       all(len(set(rows)) == 1 and len(rows) <= 1000 for rows in inserts),
       "each insert: gzip, one day of one interface, at most %d rows" %
       max(len(rows) for rows in inserts))
    fresh_tables(server)
    init(w, server)
    os.unlink(run + "/status")
    proxy.bodies, proxy.mood, proxy.most = [], "parts", 1
    d = Daemon(w, w.ini(proxy.url(), common + "batch_rows = 1000\n"), big,
               w.state(), run)
    wait_for(30, "a server with too many parts merges them meanwhile",
             lambda: d.figure("left_records") == "0") or d.show()
    is_(d.figure("given_up"), "1", "an attempt was given up")
    d.end()
    most = max(len(places_of(gzip.decompress(body)))
               for how, body in proxy.bodies[4:])
    ok(most > 500, "and inserts are as large as before: %d rows" % most)
    proxy.bodies = None

    proxy.mood = "fine"
    d = Daemon(w, w.ini(proxy.url(), common), store, state, run)
    wait_for(20, "a server that is well again",
             lambda: d.figure("left_records") == "0")
    w.replay(store, "fresh", DATA + "/office.pcap")
    wait_for(20, "what is new is shipped by the next look", lambda: server.ask(
        "SELECT count() > 0 FROM goprobe.blocks WHERE iface = 'fresh'") ==
        "1\n")
    wait_for(5, "nothing is left", lambda: d.figure("left_records") == "0" and
             int(d.figure("records")) > 0)
    status, text = d.status()
    ok(status == 0 and "Left:     nothing" in text, "--status: all is well"
       ) or diag(text)
    is_([oct(os.stat(run + "/" + name).st_mode & 0o777) for name in
         ("export.prom", "status")], ["0o644", "0o640"],
        "metrics are for all, whatever the umask")
    with open(run + "/export.prom") as f:
        r = subprocess.run([sys.executable, "tests/lib/promcheck.py"], stdin=f,
                           capture_output=True, text=True)
    is_(r.returncode, 0, "metrics for Prometheus: " +
        r.stdout.split("\n")[0]) or diag(r.stdout)
    metrics = dashboards.read_metrics(run + "/export.prom")
    dash, faults = dashboards.structure("etc/grafana/goprobe-prometheus.json")
    more, shown = dashboards.prometheus(
        dash, metrics, lambda n: not n.startswith("goprobe_export_"))
    is_(faults + more, [], "its dashboard asks for what is published")
    server.signal(signal.SIGSTOP)
    w.replay(store, "fresh2", DATA + "/office.pcap")
    time.sleep(1.5)
    status, took = d.end()
    ok(status == 0 and took < 3, "while the server hangs it ends in %.1f s" %
       took)
    server.signal(signal.SIGCONT)
    for text in ("", "goprobe-export-status 1\nwritten x\nend\n",
                 "goprobe-export-status 1\n" + "x" * 20000 + "\nend\n"):
        os.unlink(run + "/status")
        with open(run + "/status", "w") as out:
            out.write(text)
        status, text = d.status()
        ok(status == 1 and text.count("\n") == 1, "a status that is none: "
           "one line") or diag(text)
    proxy.shutdown()


def day_of(store, iface):
    return os.path.join(store, iface, min(
        n for n in os.listdir(os.path.join(store, iface))
        if n.startswith("20")))


def uncommitted(w, server, proxy, ini, store, state):
    """Rows are there, their commit is not."""
    fresh_tables(server)
    init(w, server)
    proxy.mood = "nocommit"
    r = w.export(ini, store, state)
    proxy.mood = "fine"
    ok(r.returncode == 1 and os.path.exists(state + "/attempt"),
       "an attempt that was sent and not committed") or diag(r.stderr)
    with open(state + "/attempt", "rb") as f:
        return f.read()


def flip(path, part=2 / 3):
    with open(path, "r+b") as f:
        at = int(os.path.getsize(path) * part)
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 0xff]))


def part_resume(w, server, store):
    """A commit that failed, and what has changed when it is sent again."""
    store, proxy = w.path("resume-store"), Proxy(server)
    w.replay(store, "a", DATA + "/office.pcap")
    ini = w.ini(proxy.url(), "timeout = 5\n")
    state = w.state()
    uncommitted(w, server, proxy, ini, store, state)
    fresh_tables(server)
    init(w, server)
    r = w.export(ini, store, state)
    is_(r.returncode, 0, "the server has lost its tables meanwhile") or diag(
        r.stderr)
    is_(server.ask("SELECT sum(unreadable) FROM goprobe.blocks"), "0\n",
        "what the store can give is not called unreadable")
    same(w, server, store, "all was sent again")

    state = w.state()
    uncommitted(w, server, proxy, ini, store, state)
    index = day_of(store, "a") + "/blocks.idx"
    mode = os.stat(index).st_mode
    os.chmod(index, 0)
    w.replay(store, "b", DATA + "/days.pcap")
    r = w.export(ini, store, state)
    ok(r.returncode == 1 and "blocks.idx: Permission denied" in r.stderr and
       "retention" not in r.stderr, "an index that cannot be read: status 1, "
       "and nobody says that retention took it") or diag(r.stderr)
    is_(server.ask("SELECT DISTINCT iface FROM goprobe.blocks"), "b\n",
        "other interfaces are shipped")
    os.chmod(index, mode)
    r = w.export(ini, store, state)
    is_(r.returncode, 0, "it can be read again") or diag(r.stderr)
    same(w, server, store, "and is shipped")

    shutil.rmtree(store + "/b")
    column = day_of(store, "a") + "/sip.gpf"
    for old in (False, True):
        state = w.state()
        flip(column)
        data = uncommitted(w, server, proxy, ini, store, state)
        flip(column)
        if old:  # as versions wrote it that knew of nothing unreadable
            n, = struct.unpack_from("<Q", data, 48)
            with open(state + "/attempt", "wb") as f:
                f.write(data[:56 + n * 16] + checksum(data[:56 + n * 16]))
        r = w.export(ini, store, state)
        is_(r.returncode, 0, "an attempt without an unreadable block") or diag(
            r.stderr)
        got = server.ask("SELECT count(), sum(unreadable), sum(rows = 0), "
                         "uniq(attempt), any(hex(attempt)) FROM goprobe.blocks"
                         ).split()
        if old:
            is_(got[:4], ["3", "0", "0", "1"], "of an older version: all of "
                "it is sent again")
            same(w, server, store, "and all of it is there")
        else:
            is_(got, ["3", "1", "1", "1", data[32:48].hex().upper()],
                "is committed as it was sent")
    proxy.shutdown()


def part_anew(w, server, store):
    """A day that was removed and written anew is another one, though its index
    is as large as before."""
    fresh_tables(server)
    init(w, server)
    store, state, ini = w.path("anew-store"), w.state(), w.ini(server.url())
    sizes = []
    for turn in (1, 2):
        shutil.rmtree(store, ignore_errors=True)
        w.replay(store, "a", DATA + "/office.pcap")
        sizes.append(os.path.getsize(day_of(store, "a") + "/blocks.idx"))
        for what in ("ships", "and again"):
            r = w.export(ini, store, state)
            ok(r.returncode == 0 and ("shipped" in r.stderr) ==
               (what == "ships"), "store %d: %s" % (turn, what)
               ) or diag(r.stderr)
            is_(server.ask("SELECT count(), uniqExact(record) FROM "
                           "goprobe.blocks"), "%d\t%d\n" % (3 * turn, 3 * turn),
                "its blocks are there, once")
    is_(sizes[1], sizes[0], "the indexes are of one size")


def part_broken(w, server, store):
    """Files that cannot be used, of the store and of the ledger."""
    fresh_tables(server)
    init(w, server)
    store, state, run = w.path("broken-store"), w.state(), w.path("broken-run")
    os.mkdir(run)
    os.chmod(run, 0o777)
    w.replay(store, "a", DATA + "/office.pcap")
    index = day_of(store, "a") + "/blocks.idx"
    flip(index)
    ini = w.ini(server.url(), "interval = 1\n")
    for what in ("a damaged index", "and again"):
        r = w.export(ini, store, state)
        ok(r.returncode == 1 and r.stderr.count("blocks.idx at ") == 1,
           what + ": its place once, status 1") or diag(r.stderr)
    is_(server.ask("SELECT count() FROM goprobe.blocks"), "2\n",
        "what it still has is shipped")
    d = Daemon(w, ini, store, state, run)
    written = set()
    wait_for(10, "some looks", lambda: written.add(d.figure("written")) or
             len(written) > 2)
    with open(d.log) as log:
        is_(log.read().count("blocks.idx at "), 1, "the log has it once")
    status, text = d.status()
    ok(status == 3 and "blocks.idx at " in text and "cannot be read" in text,
       "--status has it") or diag(text)
    is_(d.figure("unreadable"), "1", "it is counted once")
    told = d.told()
    ok("blocks.idx" in told and "server" not in told, "and the supervisor does "
       "not hear of a server") or diag(told)
    flip(index)
    wait_for(10, "mended it is shipped by the next look",
             lambda: d.figure("error") == "")
    d.end()
    same(w, server, store, "mended")

    n = server.ask("SELECT count() FROM goprobe.flows")
    w.replay(store, "b", DATA + "/office.pcap")
    day = day_of(state + "/shipped", "a")
    for path, again in ((day, 0), (os.path.dirname(day), 1)):
        mode = os.stat(path).st_mode
        os.chmod(path, 0)
        r = w.export(ini, store, state)
        ok(r.returncode == 0 and r.stderr.count("server is asked") == 1,
           "a ledger that cannot be read is told") or diag(r.stderr)
        r = w.export(ini, store, state)
        is_((r.returncode, r.stderr.count("\n")), (0, again),
            "%d times more" % again)
        if again:
            os.chmod(path, mode)
    same(w, server, store, "with every interface")
    is_(int(server.ask("SELECT count() FROM goprobe.flows")), 2 * int(n),
        "nothing was sent twice")
    os.rename(store + "/b", w.path("b-away"))
    is_(w.export(ini, store, state).returncode, 0, "an interface is away")
    is_(os.listdir(state + "/shipped"), ["a"], "the ledger has forgotten it")
    os.rename(w.path("b-away"), store + "/b")
    r = w.export(ini, store, state)
    ok(r.returncode == 0 and "shipped blocks" not in r.stderr,
       "it is back, and the server has it") or diag(r.stderr)
    same(w, server, store, "still")
    is_(int(server.ask("SELECT count() FROM goprobe.flows")), 2 * int(n),
        "and nothing was sent twice")


def part_damaged(w, server, store):
    """Several blocks of a batch that cannot be read."""
    fresh_tables(server)
    init(w, server)
    store, state = w.path("damaged-store"), w.state()
    w.replay(store, "a", DATA + "/office.pcap")
    column = day_of(store, "a") + "/sip.gpf"
    flip(column, 0)
    flip(column, 2 / 3)
    r = w.export(w.ini(server.url()), store, state)
    ok(r.returncode == 0 and r.stderr.count("cannot be read") == 1 and
       "as unreadable blocks=2" in r.stderr,
       "two blocks are damaged: one line") or diag(r.stderr)
    is_(server.ask("SELECT count(), sum(unreadable), sum(rows > 0) FROM "
                   "goprobe.blocks"), "3\t2\t1\n", "the third is shipped")
    is_(os.path.getsize(state + "/dead"), 64, "by the second attempt")


def large(path):
    """No file of the ledger is so large."""
    with open(path, "wb") as f:
        f.truncate(2 << 20)
    above = os.stat(os.path.dirname(path))
    os.chown(path, above.st_uid, above.st_gid)


def part_unusable(w, server, store):
    """Attempts that the ledger cannot give any more."""
    store, state, proxy = w.path("unusable-store"), w.state(), Proxy(server)
    w.replay(store, "a", DATA + "/office.pcap")
    ini = w.ini(proxy.url(), "timeout = 5\n")
    uncommitted(w, server, proxy, ini, store, state)
    large(state + "/attempt")
    r = w.export(ini, store, state)
    ok(r.returncode == 0 and "is given up" in r.stderr,
       "an attempt that cannot be read holds up none") or diag(r.stderr)
    same(w, server, store, "another one")

    fresh_tables(server)
    init(w, server)
    state = w.state()
    proxy.hook = lambda: time.sleep(3)
    p = w.start(ini, store, state)
    wait_for(10, "an attempt is under way",
             lambda: os.path.exists(state + "/attempt"))
    p.kill()
    p.wait()
    proxy.hook = None
    large(state + "/dead")
    r = w.export(ini, store, state)
    is_(r.returncode, 0, "nor does a list of those given up") or diag(r.stderr)
    same(w, server, store, "of which it is then the first")
    is_(os.path.getsize(state + "/dead"), 64, "in a new list")
    proxy.shutdown()


def part_closed(w, server, store):
    """A folder that cannot be opened keeps no other from being shipped."""
    fresh_tables(server)
    init(w, server)
    store, state, ini = w.path("closed-store"), w.state(), w.ini(server.url())
    w.replay(store, "a", DATA + "/office.pcap")
    w.replay(store, "b", DATA + "/days.pcap")
    folder = os.path.join(store, "b")
    mode = os.stat(folder).st_mode & 0o7777
    os.chmod(folder, 0)
    r = w.export(ini, store, state)
    is_((r.returncode, r.stderr.count("cannot be opened")), (0, 1),
        "what can be read is shipped, the rest is told once"
        ) or diag(r.stderr)
    is_(server.ask("SELECT DISTINCT iface FROM goprobe.blocks"), "a\n",
        "that is all of it")
    os.chmod(folder, mode)
    other = os.path.join(store, "other")
    os.mkdir(other, 0o700)
    if os.getuid() == 0:
        os.chown(other, 65534, 65534)
    r = w.export(ini, store, state)
    is_((r.returncode, re.findall(r"iface=(\w+) cannot be opened", r.stderr)),
        (0, ["other"]), "open again, beside somebody's") or diag(r.stderr)
    same(w, server, store, "all of it")


def next_tries(w, ini, store):
    """When the first failure of each of many says that the next try is."""
    pauses, daemons = [], []
    for i in range(8):
        run = w.path("tries-run%d" % i)
        os.mkdir(run)
        os.chmod(run, 0o777)
        daemons.append(Daemon(w, ini, store, w.state(), run))
    wait_for(20, "eight fail", lambda: all(d.said("next try") for d in daemons))
    for d in daemons:
        d.end()
        with open(d.log) as log:
            pauses += re.findall(r"; next try in (\d+) s", log.read())[:1]
    ok(len(pauses) == 8 and set(pauses) <= {"1", "2"},
       "and try again in some time: %s s" % " ".join(pauses))


def part_outage(w, server, store):
    """What is known while no server answers."""
    fresh_tables(server)
    init(w, server)
    store, state, run = w.path("outage-store"), w.state(), w.path("outage-run")
    os.mkdir(run)
    os.chmod(run, 0o777)
    w.replay(store, "office", DATA + "/office.pcap")
    proxy = Proxy(server)
    ini = w.ini(proxy.url(), "interval = 1\ntimeout = 3\n[store]\n"
                "retain_days = 10\n")
    is_(w.export(ini, store, state).returncode, 0, "all is shipped")
    proxy.mood = "away"
    w.replay(store, "days", DATA + "/days.pcap")
    d = Daemon(w, ini, store, state, run)
    wait_for(10, "what is new is known to be left",
             lambda: d.figure("left_records") == "6")
    status, text = d.status()
    ok("it is behind" in text and "soon be removed by retention" in text and
       d.said("retention will remove them"), "and that retention will not wait"
       ) or diag(text)
    for iface in ("office", "days"):
        os.rename(day_of(store, iface), w.path("away-" + iface))
    wait_for(20, "a day that went is told",
             lambda: d.said("iface=days day=2026-01-14 was removed before"))
    wait_for(5, "and counted", lambda: d.figure("gone") == "2")
    ok(not d.said("iface=office"), "one that was shipped is not")
    d.end()
    proxy.mood = "fine"
    is_(w.export(ini, store, state).returncode, 0, "the server is back")
    is_(server.ask("SELECT iface, count() FROM goprobe.blocks GROUP BY iface "
                   "ORDER BY iface"), "days\t4\noffice\t3\n",
        "and gets the rest")
    overtaken(w, server, proxy, run)
    proxy.mood = "away"
    next_tries(w, ini, store)
    proxy.shutdown()


def overtaken(w, server, proxy, run):
    """Retention takes a day while those before it are shipped."""
    fresh_tables(server)
    init(w, server)
    store, state, n = w.path("overtaken-store"), w.state(), [0]
    w.replay(store, "days", DATA + "/days.pcap")

    def take():
        n[0] += 1
        if n[0] == 2:
            os.rename(store + "/days/2026-01-16", w.path("taken"))
    proxy.hook = take
    d = Daemon(w, w.ini(proxy.url(), "interval = 1\ntimeout = 5\n"), store,
               state, run)
    wait_for(20, "a day that goes before its turn is told",
             lambda: d.said("iface=days day=2026-01-16 was removed before"))
    wait_for(5, "and counted", lambda: d.figure("gone") == "2") or d.show()
    d.end()
    proxy.hook = None
    not_kept(w, server, proxy, run)


def not_kept(w, server, proxy, run):
    """Of a table whose rows leave after some years, as newer servers know."""
    store = w.path("old-store")
    w.replay(store, "a", DATA + "/office.pcap")
    write_pcap(w.path("old.pcap"), [(HOUR - 4 * 366 * 86400, 1, 2)])
    w.replay(store, "b", w.path("old.pcap"))
    ini = w.ini(proxy.url(), "interval = 1\ntimeout = 5\n")
    for ttl in (b"day + toIntervalYear(3)\n", b"day + toIntervalDay(1096)\n"):
        fresh_tables(server)
        init(w, server)
        proxy.ttl = ttl
        d = Daemon(w, ini, store, w.state(), run)
        wait_for(10, "days that it keeps are shipped", lambda: server.ask(
            "SELECT DISTINCT iface FROM goprobe.blocks") == "a\n")
        wait_for(5, "others are told", lambda: d.said(
            "are not shipped: a TTL of the server's table"))
        wait_for(5, "and not left", lambda: d.figure("left_records") == "0")
        shutil.move(store + "/b", w.path("b"))
        time.sleep(2)
        is_(d.figure("gone"), "0", "nor missed when retention takes them")
        shutil.move(w.path("b"), store + "/b")
        d.end()
    for ttl in (None, b"\n", b"day + toIntervalYear(3) or 1\n", b"nonsense"):
        fresh_tables(server)
        init(w, server)
        proxy.ttl = ttl
        is_(w.export(ini, store, w.state()).returncode, 0, "without such a TTL")
        same(w, server, store, "all of it")
    proxy.ttl = None
    whole = "toIntervalYear(3)"
    for ttl in (whole, whole + " TO VOLUME \\'cold\\'", whole + " WHERE site = "
                "\\'a\\'", whole + " RECOMPRESS CODEC(ZSTD(9))", whole +
                " GROUP BY site SET rows = sum(rows)", "toIntervalMonth(1) TO "
                "DISK \\'slow\\', day + " + whole):
        fresh_tables(server)
        init(w, server)
        proxy.engine = ("'MergeTree PARTITION BY day ORDER BY (site, iface) "
                        "TTL day + %s SETTINGS index_granularity = 8192'" %
                        ttl).encode()
        is_(w.export(ini, store, w.state()).returncode, 0, ttl)
        is_(server.ask("SELECT uniq(iface) FROM goprobe.blocks"),
            "1\n" if ttl == whole else "2\n", "takes all that it keeps")
    proxy.engine = None


def part_kills(w, server, store):
    fresh_tables(server)
    is_(init(w, server).returncode, 0, "tables again")
    state = w.state()
    ini = w.ini(server.url(), "timeout = 1\nbatch_rows = 2000\n")
    begun = time.monotonic()
    r = w.export(ini, store, w.state())
    took = time.monotonic() - begun
    is_(r.returncode, 0, "unkilled: %.2f s" % took)
    fresh_tables(server)
    init(w, server)

    # one that came to its end before it was hit begins again with nothing
    kills = {"exporter": 0, "server": 0, "stopped": 0}
    n = 0
    while n < 3 * w.rounds or (not all(kills.values()) and n < 20 * w.rounds):
        kind = ("exporter", "server", "stopped")[n % 3]
        n += 1
        p = w.start(ini, store, state)
        time.sleep(w.random.uniform(0, took / 2))
        if kind == "exporter":
            p.kill()
        elif kind == "server":
            server.kill()
        else:  # in the middle of an insert, past the client's patience
            server.signal(signal.SIGSTOP)
            time.sleep(1.5)
            server.signal(signal.SIGCONT)
        p.wait(60)
        kills[kind] += p.returncode != 0
        if kind == "server":
            server.start()
        if p.returncode == 0:
            fresh_tables(server)
            init(w, server)
            state = w.state()
    diag("ended by it: %r" % kills)
    ok(all(kills.values()), "every kind of kill hit at least once")
    r = w.export(ini, store, state)
    is_(r.returncode, 0, "and then to the end") or diag(r.stderr)
    same(w, server, store, "after %d kills" % n)
    is_(server.ask("SELECT count() FROM (SELECT record FROM goprobe.blocks "
                   "GROUP BY record HAVING uniq(attempt) > 1)"), "0\n",
        "no record was committed by two attempts")
    diag("%s rows, %s of them counted" % (
        server.ask("SELECT count() FROM goprobe.flows").strip(),
        server.ask("SELECT count() FROM goprobe.flows WHERE " +
                   COMMITTED).strip()))


def part_cluster(w, server, store):
    two = [w.server("shard%d" % i, cluster="probes", shard=i)
           for i in (1, 2)]
    for s in two:
        s.configure([[two[0]], [two[1]]])
        s.start()
        r = init(w, s, "sharded", "--cluster", "probes")
        is_(r.returncode, 0, "shard %d has its tables" % s.shard) or diag(
            r.stderr)
    state = w.state()
    ini = w.ini(two[0].url(), "batch_rows = 2000\n")
    r = w.export(ini, store, state)
    is_(r.returncode, 0, "ships to two shards") or diag(r.stderr)
    for s in two:
        same(w, s, store, "asked at shard %d" % s.shard)
    parts = [int(s.ask("SELECT count() FROM goprobe.flows_local"))
             for s in two]
    ok(min(parts) > 0, "both have rows: %r" % parts)
    two[1].stop()
    state = w.state()
    r = w.export(w.ini(two[0].url(), "user = skips\n"), store, state)
    ok(r.returncode == 1 and "commits at the server" in r.stderr,
       "a shard is away, and the profile leaves those out") or diag(r.stderr)
    is_(os.listdir(state + "/shipped"), [], "half of the commits is no answer")
    ok(not os.path.exists(state + "/dead"), "and nothing is sent anew")
    two[0].stop()


def zookeeper_serves(port):
    """It listens before it does."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as s:
            s.sendall(b"srvr")
            return s.recv(10) == b"Zookeeper "
    except OSError:
        return False


def has_zookeeper():
    return os.path.exists("/usr/share/java/zookeeper.jar") and \
        shutil.which("java")


def start_zookeeper(w):
    folder = w.path("zk")
    os.makedirs(folder)
    port = clickhouse.free_port()
    with open(folder + "/zoo.cfg", "w") as out:
        out.write("tickTime=500\ndataDir=%s\nclientPort=%d\n"
                  "clientPortAddress=127.0.0.1\nadmin.enableServer=false\n" %
                  (folder, port))
    if os.geteuid() == 0:
        os.chown(folder, clickhouse.NOBODY, clickhouse.NOBODY)
    classpath = ":".join("/usr/share/java/" + n for n in
                         sorted(os.listdir("/usr/share/java"))
                         if n.endswith(".jar"))
    with open(folder + "/out", "w") as out:
        p = subprocess.Popen(
            ["java", "-Xmx256m", "-cp", classpath,
             "org.apache.zookeeper.server.quorum.QuorumPeerMain",
             folder + "/zoo.cfg"], stdin=subprocess.DEVNULL, stdout=out,
            stderr=out, cwd=folder, **clickhouse.unprivileged())
    until = time.monotonic() + 60
    while time.monotonic() < until and p.poll() is None:
        if zookeeper_serves(port):
            return p, port
        time.sleep(0.1)
    return p, port


def part_replica(w, server, store):
    if not has_zookeeper():
        ok(True, "replicated tables # SKIP no ZooKeeper is installed")
        return
    zookeeper, port = start_zookeeper(w)
    try:
        if not ok(zookeeper_serves(port), "ZooKeeper serves"):
            return
        pair = [w.server("replica%d" % i, cluster="probes", replica=i,
                         zookeeper=port) for i in (1, 2)]
        for s in pair:
            s.configure([pair])
            s.start()
            r = init(w, s, "replicated", "--cluster", "probes")
            is_(r.returncode, 0, "replica %d has its tables" % s.replica
                ) or diag(r.stderr)
        state = w.state()
        ini = w.ini(pair[0].url(), "batch_rows = 2000\ntimeout = 2\n")
        r = w.export(ini, store, state)
        is_(r.returncode, 0, "ships to a replicated table") or diag(r.stderr)
        same(w, pair[0], store, "asked at replica 1")
        for _ in range(100):
            if remote_rows(pair[1]) == w.local_rows(store):
                break
            time.sleep(0.2)
        same(w, pair[1], store, "asked at replica 2")
        pair[0].kill()
        w.replay(store, "late2", DATA + "/office.pcap")
        r = w.export(w.ini(pair[0].url(), "timeout = 2\n"), store, state)
        is_(r.returncode, 1, "replica 1 is dead")
        pair[0].start()
        r = w.export(ini, store, state)
        is_(r.returncode, 0, "and back again") or diag(r.stderr)
        same(w, pair[0], store, "after its return")
        for s in pair:
            s.stop()
    finally:
        zookeeper.kill()
        zookeeper.wait()


def openssl(*argv):
    subprocess.run(["openssl", *argv], check=True, capture_output=True)


def make_certificates(t):
    def authority(name):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                "-subj", "/CN=" + name, "-keyout", t(name + ".key"), "-out",
                t(name + ".pem"))

    def leaf(ca, name, alt):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name,
                "-keyout", t(name + ".key"), "-out", t(name + ".csr"))
        with open(t("ext"), "w") as out:
            out.write("subjectAltName=" + alt)
        openssl("x509", "-req", "-in", t(name + ".csr"), "-CA", t(ca + ".pem"),
                "-CAkey", t(ca + ".key"), "-CAcreateserial", "-days", "2",
                "-extfile", t("ext"), "-out", t(name + ".pem"))
    authority("ca")
    authority("otherca")
    leaf("ca", "server", "IP:127.0.0.1")
    leaf("ca", "wronghost", "DNS:elsewhere.example")
    leaf("ca", "client", "DNS:sensor.example")


def system_authorities(t, **names):
    """A folder to lie over the system's: name or hash to certificate."""
    folder = tempfile.mkdtemp(prefix="certs.", dir=t(""))
    os.chmod(folder, 0o755)
    for ca, name in names.items():
        if name == "hash":
            name = subprocess.run(
                ["openssl", "x509", "-noout", "-hash", "-in", t(ca + ".pem")],
                check=True, capture_output=True, text=True
                ).stdout.strip() + ".0"
        shutil.copy(t(ca + ".pem"), os.path.join(folder, name))
    return folder


def with_authorities(folder):
    """What runs a program that sees that folder; None where nothing can."""
    argv = ["unshare", "-m", "--propagation", "private", "sh", "-c",
            'mount --bind "$0" /etc/ssl/certs && exec "$@"', folder]
    if os.geteuid() != 0 or not os.path.isdir("/etc/ssl/certs") or \
            subprocess.run(argv + ["true"], stderr=subprocess.DEVNULL
                           ).returncode != 0:
        return None
    return argv


def part_tls(w, server, store):
    if not shutil.which("openssl"):
        ok(True, "TLS # SKIP no openssl")
        return
    fresh_tables(server)
    init(w, server)
    make_certificates(w.path)
    proxy = Proxy(server)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(w.path("server.pem"), w.path("server.key"))
    context.load_verify_locations(w.path("ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    proxy.socket = context.wrap_socket(proxy.socket, server_side=True)
    url = proxy.url().replace("http:", "https:")
    client = "cert_file = %s\nkey_file = %s\n" % (w.path("client.pem"),
                                                   w.path("client.key"))
    ca = "ca_file = %s\n" % w.path("ca.pem")
    for what, more in (
            ("a server whose CA is unknown", client),
            ("a CA that is not its own", client + "ca_file = %s\n" %
             w.path("otherca.pem")),
            ("no client certificate", ca),
            ("a CA file that is missing", client + "ca_file = /nowhere.pem\n"),
            ("a CA file that is none", client + "ca_file = /etc/protocols\n")):
        r = w.export(w.ini(url, more), store, w.state())
        ok(r.returncode == 1 and r.stderr.count("\n") == 1,
           what + " is refused in one line") or diag(r.stderr)
        if "a CA file" in what:
            ok("ca_file: " in r.stderr, "  with its key") or diag(r.stderr)
    openssl("rsa", "-aes256", "-passout", "pass:abcd", "-in",
            w.path("client.key"), "-out", w.path("locked.key"))
    r = w.export(w.ini(url, ca + client.replace("client.key", "locked.key")),
                 store, w.state())
    ok(r.returncode == 1 and "private key" in r.stderr,
       "a key that wants a password is refused") or diag(
           "%d %s" % (r.returncode, r.stderr))
    other = client + "ca_file = %s\n" % w.path("otherca.pem")
    system_trust(w, store, url, client, other)
    is_(server.ask("SELECT count() FROM goprobe.flows"), "0\n",
        "and nothing came through")
    r = w.export(w.ini(url, client + ca), store, w.state())
    is_(r.returncode, 0, "both certificates hold") or diag(r.stderr)
    same(w, server, store, "over TLS")
    proxy.shutdown()


def system_trust(w, store, url, client, other):
    """ca_file alone says who is trusted, and no folder is looked into."""
    runner = with_authorities(system_authorities(w.path, ca="hash"))
    if runner is None:
        ok(True, "the system's authorities # SKIP needs root, mount "
           "namespaces and /etc/ssl/certs")
        return
    for what, more in (("ca_file", other), ("no ca_file", client)):
        for sandbox in ("full", "off"):
            r = w.export_with(runner, w.ini(url, more + "sandbox = %s\n" %
                                            sandbox), store, w.state())
            ok(r.returncode == 1 and "certificate" in r.stderr and
               r.stderr.count("\n") == (2 if sandbox == "off" else 1),
               "a folder of the system's vouches for nobody: %s, sandbox = %s"
               % (what, sandbox)) or diag("%d %s" % (r.returncode, r.stderr))


def make_store(w):
    store = w.path("store")
    for name in ("office", "days", "fragments", "links", "disorder"):
        w.replay(store, name, "%s/%s.pcap" % (DATA, name))
    if os.path.isdir(CORPUS):
        names = sorted(n for n in os.listdir(CORPUS)
                       if n.endswith((".pcap", ".pcapng", ".cap")))
        for i, name in enumerate(w.random.sample(names, min(25, len(names)))):
            w.replay(store, "c%d" % (i % 4), os.path.join(CORPUS, name))
    return store


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-b", dest="bin", default="build/bin")
    parser.add_argument("-n", dest="rounds", type=int, default=6)
    parser.add_argument("-p", dest="parts",
                        default="ship,grafana,hours,faults,daemon,resume,anew,"
                        "broken,damaged,unusable,closed,outage,kills,"
                        "cluster,replica,tls")
    args = parser.parse_args()
    if not clickhouse.SERVER:
        skip_all("no clickhouse-server is installed")
    w = World(args)
    try:
        server = w.server("ch")
        server.configure()
        server.start()
        store = make_store(w)
        for part in args.parts.split(","):
            begun = time.monotonic()
            globals()["part_" + part](w, server, store)
            diag("part %s: %.1f s" % (part, time.monotonic() - begun))
    finally:
        w.end()
    done()


if __name__ == "__main__":
    main()
