#!/usr/bin/env python3
"""Speed of questions, beside other programs on the same rows.

usage: query.py [-b BIN] [-H HELPERS] [-d DIR] [-s SCALE] [-n ROUNDS]
                [-6 PERCENT] [-i IFACES] [-m FILE] [QUESTION...]

Rows come from genflows: 30 days of 5-minute blocks, about 10 million rows
times SCALE, the same into a goDB store, a ClickHouse table (Debian's server,
started here on a free loopback port as an unprivileged user and stopped by
its pid), an SQLite table and nfdump's files; they are kept in DIR.

Each round asks every program every question, one after the other.  Wall time
is from start to exit of the program; of ClickHouse from the HTTP request to
the end of its answer, so without the start of a client.  The like of that is
"libgodb": a program that stays (asked.c) and is asked through a pipe.  Files are in the
page cache unless the table says cold.  Ours, ClickHouse's and SQLite's
answers must be the same, or the run fails.

Then a year of a small sensor, 10 million rows in 105,120 blocks times SCALE:
a needle, 40,000 indicators, who is new; ours with and without address indexes,
whose answers must be the same.  QUESTION "year" asks these alone.

  -s SCALE    4.32 makes the 43 million rows of a busier sensor (1)
  -6 PERCENT  of the pairs talk IPv6 (20)
  -i IFACES   interfaces of the goDB store, asked together (1)
  -m FILE     append the tables as Markdown
  -q          ours alone

The last tables say how near the limits that is: bytes that were read and
decoded a second, of what memory gives when it is read in order, and groups'
rows a second, of the cache lines it gives in no order (membw); and which of
the aims were reached.
"""
import argparse
import csv
import http.client
import os
import random
import re
import shutil
import socket
import sqlite3
import statistics
import struct
import subprocess
import sys
import time

DAYS, MEAN, SEED = 30, 1158, 11
FIRST_S = 1700006400
LAST_DAY_S = FIRST_S + (DAYS - 1) * 86400
NOBODY = 65534
SLOW_S = 4          # programs that take longer are asked once
PROTOS = {"TCP": "6", "UDP": "17", "ICMP": "1", "IPSEC-ESP": "50",
          "IPv6-ICMP": "58"}
UNITS = {"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
ROW = struct.Struct("<I16s16sHBHQQQQ")
SUMS = "sum(pr), sum(ps), sum(br), sum(bs)"
BYTES = "sum(br) + sum(bs)"


class Question:
    """One question in each program's language."""

    def __init__(self, name, text, ours, sql, nfdump=None, cold=False):
        self.name, self.text, self.ours, self.sql = name, text, ours, sql
        self.nfdump, self.cold = nfdump, cold


def group_by(columns, where="", top=True):
    return "select %s, %s from f %s group by %s%s" % (
        columns, SUMS, "where " + where if where else "", columns,
        " order by %s desc, %s limit 10" % (BYTES, columns) if top else "")


def questions(needle):
    day = "ts >= %d and ts < %d" % (LAST_DAY_S, LAST_DAY_S + 86400)
    host = "(sip = {0} or dip = {0})".format("ADDR")
    return [
        Question("filter", "sum of `proto=TCP & dport=443`",
                 ["-c", "proto=TCP & dport=443", "proto"],
                 group_by("proto", "proto = 6 and dport = 443"),
                 ["-A", "proto", "proto tcp and port 443"], True),
        Question("pairs", "top 10 (sip,dip)", ["-n", "10", "talk_conv"],
                 group_by("sip, dip"),
                 ["-q", "-A", "srcip,dstip", "-s", "record/bytes", "-n",
                  "10"], True),
        Question("apps", "top 10 (dport,proto)", ["-n", "10", "apps_port"],
                 group_by("dport, proto"),
                 ["-q", "-A", "proto,dstport", "-s", "record/bytes", "-n",
                  "10"]),
        Question("src", "top 10 sip", ["-n", "10", "talk_src"],
                 group_by("sip"), ["-q", "-s", "srcip/bytes", "-n", "10"]),
        Question("flows", "top 10 (sip,dip,dport,proto) of 5 minutes each",
                 ["-n", "10", "-s", "bytes", "sip,dip,dport,proto,time"],
                 group_by("sip, dip, dport, proto, ts")),
        Question("day", "top 10 (sip,dip) of one day",
                 ["-f", str(LAST_DAY_S), "-n", "10", "talk_conv"],
                 group_by("sip, dip", day),
                 ["-q", "-A", "srcip,dstip", "-s", "record/bytes", "-n",
                  "10"]),
        Question("daysrc", "top 10 sip of one day",
                 ["-f", str(LAST_DAY_S), "-n", "10", "talk_src"],
                 group_by("sip", day),
                 ["-q", "-s", "srcip/bytes", "-n", "10"]),
        Question("needle", "who talked to a rare host, 30 days",
                 ["-c", "host " + needle, "-n", "10", "talk_conv"],
                 group_by("sip, dip", host),
                 ["-q", "-A", "srcip,dstip", "-s", "record/bytes", "-n",
                  "10", "host " + needle], True),
        Question("series", "sums per 5 minutes", ["-n", "all", "time"],
                 group_by("ts", top=False) + " order by ts"),
    ]


class Run:
    def __init__(self, wall, rss, answer):
        self.wall, self.rss, self.answer = wall, rss, answer


# ---- programs ---------------------------------------------------------------

class Ours:
    name = "goquery"

    def __init__(self, arg, folder):
        self.arg, self.store = arg, os.path.join(folder, "store")

    def load(self):
        subprocess.run([helper(self.arg, "genflows"), "store",
                        self.store + ".new"] + shape(self.arg), check=True)
        os.rename(self.store + ".new", self.store)

    def bytes(self):
        return tree_bytes(self.store)

    def ask(self, q):
        return self.timed(q)

    def timed(self, q, *more):
        return timed(self.arg, self.argv(q, *more))

    def argv(self, q, *more):
        argv = [os.path.join(self.arg.b, "goquery"), "-d", self.store, "-i",
                "any", "-e", "csv", *more]
        return argv + (q.ours if "-f" in q.ours else ["-f", "0"] + q.ours)

    def touched(self, q):
        """Bytes that a question reads and decodes, and rows it looks at."""
        r = subprocess.run(self.argv(q) + ["--explain"], capture_output=True,
                           text=True, check=True)
        read = re.search(r"read: .*, ([\d.]+) +(\w+), ([\d.]+) +(\w+) "
                         "decoded", r.stderr)
        rows = re.search(r"rows: \d+ looked at, (\d+) met", r.stderr)
        return (float(read[1]) * UNITS[read[2]] +
                float(read[3]) * UNITS[read[4]], int(rows[1]))

    def rolled(self, q):
        """Whether roll-ups are read."""
        r = subprocess.run(self.argv(q) + ["--explain"], capture_output=True,
                           text=True, check=True)
        return re.search(r"roll-ups: [1-9]", r.stderr) is not None

    def rows(self, q, answer):
        """Rows as tuples of text: keys, then the four sums."""
        lines = [x for x in answer.splitlines()
                 if not x.startswith("goquery: ")]
        table = list(csv.DictReader(lines))
        out = []
        for r in table:
            keys = [v for k, v in r.items()
                    if not k.startswith(("packets", "bytes"))]
            keys = [PROTOS.get(k, k) for k in keys]
            out.append(tuple(keys) + (r["packets_rcvd"], r["packets_sent"],
                                      r["bytes_rcvd"], r["bytes_sent"]))
        return out

    def forget(self):
        forget_tree(self.store)

    def close(self):
        pass


class Blocks(Ours):
    """The same store, read as if it had no roll-ups."""
    name = "goquery --no-rollups"

    def bytes(self):
        return tree_bytes(self.store) - sum(
            os.path.getsize(p) for p in files_of(self.store)
            if os.path.basename(p).startswith("rollups."))

    def ask(self, q):
        return self.timed(q, "--no-rollups")


class Asked:
    """A question of a program that stays (asked.c)."""

    def __init__(self, arg, store, ours, *words):
        """ours: what goquery is told, its options in pairs."""
        o = dict(zip(ours[:-1:2], ours[1:-1:2]))
        self.process = subprocess.Popen(
            [helper(arg, "asked"), store, o.get("-f", "0"), ours[-1],
             o.get("-n", "0").replace("all", "0"), o.get("-c", ""), *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self):
        p, lines = self.process, []
        start = time.monotonic()
        p.stdin.write("\n")
        p.stdin.flush()
        for line in iter(p.stdout.readline, "\n"):
            if not line:
                raise RuntimeError("asked: exit %d" % p.wait())
            lines.append(line)
        wall = time.monotonic() - start
        with open("/proc/%d/status" % p.pid) as f:
            rss = int(re.search(r"VmHWM:\s*(\d+)", f.read())[1])
        return Run(wall, rss, "".join(lines))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Library:
    name = "libgodb"
    words = ()

    def __init__(self, arg, folder):
        self.arg, self.store = arg, os.path.join(folder, "store")
        self.asked = {}

    def ask(self, q):
        if q.name not in self.asked:
            self.asked[q.name] = Asked(self.arg, self.store, q.ours,
                                       *self.words)
        return self.asked[q.name].ask()

    def rows(self, q, answer):
        return [tuple(x.split("\t")) for x in answer.splitlines()]

    def bytes(self):
        return tree_bytes(self.store)

    def forget(self):
        forget_tree(self.store)

    def close(self):
        for asked in self.asked.values():
            asked.close()


class LibraryBlocks(Library):
    name = "libgodb, no roll-ups"
    words = ("no-rollups",)
    bytes = Blocks.bytes


class ClickHouse:
    name = "ClickHouse 18.16"
    CONFIG = """<yandex>
<logger><level>warning</level><log>%(d)s/log</log>
<errorlog>%(d)s/err</errorlog></logger>
<listen_host>127.0.0.1</listen_host><http_port>%(http)d</http_port>
<tcp_port>%(tcp)d</tcp_port><path>%(d)s/data/</path>
<tmp_path>%(d)s/tmp/</tmp_path><mark_cache_size>1000000000</mark_cache_size>
<users_config>%(d)s/users.xml</users_config>
<default_profile>default</default_profile>
<default_database>default</default_database></yandex>"""
    USERS = """<yandex><profiles><default>
<max_memory_usage>16000000000</max_memory_usage>
</default></profiles><users><default><password></password>
<networks><ip>127.0.0.1</ip></networks><profile>default</profile>
<quota>default</quota></default></users><quotas><default/></quotas></yandex>"""

    def __init__(self, arg, folder):
        self.arg, self.d = arg, os.path.abspath(os.path.join(folder, "ch"))
        self.process = None

    def start(self):
        if self.process:
            return
        os.makedirs(self.d, exist_ok=True)
        ports = free_ports(2)
        self.port = ports[0]
        with open(os.path.join(self.d, "config.xml"), "w") as f:
            f.write(self.CONFIG % {"d": self.d, "http": ports[0],
                                   "tcp": ports[1]})
        with open(os.path.join(self.d, "users.xml"), "w") as f:
            f.write(self.USERS)
        drop = {}
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", str(NOBODY), self.d], check=True)
            drop = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        self.process = subprocess.Popen(
            ["clickhouse-server",
             "--config-file=" + os.path.join(self.d, "config.xml")],
            cwd=self.d, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, **drop)
        for _ in range(300):
            try:
                self.sql("select 1")
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        raise RuntimeError("clickhouse-server does not start, see %s/err" %
                           self.d)

    def sql(self, text, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        c.request("POST", "/?query=" + quote(text), body or b"")
        r = c.getresponse()
        answer = r.read().decode()
        if r.status != 200:
            raise RuntimeError("ClickHouse: " + answer)
        return answer

    def load(self):
        self.start()
        self.sql("drop table if exists f")
        self.sql("create table f (ts UInt32, sip FixedString(16), dip "
                 "FixedString(16), dport UInt16, proto UInt8, l7 UInt16, br "
                 "UInt64, bs UInt64, pr UInt64, ps UInt64) engine = MergeTree "
                 "partition by toYYYYMM(toDateTime(ts)) "
                 "order by (ts, sip, dip)")
        with subprocess.Popen([helper(self.arg, "genflows"), "rows", "-"] +
                              shape(self.arg),
                              stdout=subprocess.PIPE) as rows:
            self.sql("insert into f format RowBinary", rows.stdout)
        self.sql("optimize table f final")
        with open(os.path.join(self.d, "loaded"), "w"):
            pass

    def loaded(self):
        return os.path.exists(os.path.join(self.d, "loaded"))

    def bytes(self):
        return int(self.sql("select sum(bytes_on_disk) from system.parts "
                            "where table = 'f' and active"))

    def ask(self, q):
        text = q.sql.replace("select sip, dip", "select IPv6NumToString(sip) "
                             "as sa, IPv6NumToString(dip) as da", 1)
        text = text.replace("select sip,", "select IPv6NumToString(sip) as "
                            "sa,", 1)
        text = text.replace("ADDR", "IPv6StringToNum('%s')" %
                            as_v6(self.arg.needle))
        self.low_water()
        start = time.monotonic()
        answer = self.sql(text + " format TSV")
        wall = time.monotonic() - start
        return Run(wall, self.peak(), answer)

    def low_water(self):
        with open("/proc/%d/clear_refs" % self.process.pid, "w") as f:
            f.write("5")

    def peak(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(re.search(r"VmHWM:\s*(\d+)", f.read())[1])

    def rows(self, q, answer):
        return [tuple(x.replace("::ffff:", "") for x in line.split("\t"))
                for line in answer.splitlines()]

    def forget(self):
        self.sql("system drop mark cache")
        forget_tree(self.d)

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait()


class Sqlite:
    name = "SQLite, no index"

    def __init__(self, arg, folder):
        self.arg, self.db = arg, os.path.join(folder, "rows.db")

    def load(self):
        if os.path.exists(self.db + ".new"):
            os.unlink(self.db + ".new")
        db = sqlite3.connect(self.db + ".new", isolation_level=None)
        db.execute("pragma journal_mode = off")
        db.execute("pragma synchronous = off")
        db.execute("begin")
        db.execute("create table f (ts int, sip blob, dip blob, dport int, "
                   "proto int, l7 int, br int, bs int, pr int, ps int)")
        with subprocess.Popen([helper(self.arg, "genflows"), "rows", "-"] +
                              shape(self.arg),
                              stdout=subprocess.PIPE) as rows:
            while True:
                data = rows.stdout.read(ROW.size * 65536)
                if not data:
                    break
                db.executemany("insert into f values (?,?,?,?,?,?,?,?,?,?)",
                               ROW.iter_unpack(data))
        db.execute("commit")
        db.close()
        os.rename(self.db + ".new", self.db)

    def bytes(self):
        return os.path.getsize(self.db)

    def ask(self, q):
        text = q.sql.replace("select sip, dip", "select hex(sip), hex(dip)", 1)
        text = text.replace("select sip,", "select hex(sip),", 1)
        text = text.replace("ADDR", "x'%s'" % packed(self.arg.needle).hex())
        return timed(self.arg, ["sqlite3", "-separator", "\t", self.db, text])

    def rows(self, q, answer):
        out = []
        for line in answer.splitlines():
            out.append(tuple(unhex(x) if len(x) == 32 else x
                             for x in line.split("\t")))
        return out

    def forget(self):
        forget_tree(self.db)

    def close(self):
        pass


class Nfdump:
    name = "nfdump 1.7.1"

    def __init__(self, arg, folder):
        self.arg, self.d = arg, os.path.join(folder, "nf")

    def load(self):
        new = self.d + ".new"
        shutil.rmtree(new, ignore_errors=True)
        os.makedirs(new)
        path = self.d + ".pcap"     # nfpcapd reads no pipe
        subprocess.run([helper(self.arg, "genflows"), "pcap", path] +
                       shape(self.arg), check=True)
        subprocess.run(["nfpcapd", "-y", "-S", "1", "-t", "300", "-r", path,
                        "-w", new], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        os.unlink(path)
        os.rename(new, self.d)

    def bytes(self):
        return tree_bytes(self.d)

    def ask(self, q):
        if not q.nfdump:
            return None
        where = self.d
        if "-f" in q.ours:
            where = os.path.join(self.d, time.strftime(
                "%Y/%m/%d", time.gmtime(LAST_DAY_S)))
        return timed(self.arg, ["nfdump", "-R", where] + q.nfdump)

    def rows(self, q, answer):
        return None         # other records: not to be compared

    def forget(self):
        forget_tree(self.d)

    def close(self):
        pass


# ---- helpers ----------------------------------------------------------------

def helper(arg, name):
    return os.path.abspath(os.path.join(arg.H, name))


def shape(arg):
    return [str(DAYS), str(max(1, round(MEAN * arg.s))), str(SEED),
            str(arg.v6), str(arg.ifaces)]


def server(n):
    """Address of the n-th popular server, as traffic_address makes it."""
    mask = (1 << 64) - 1
    z = (n + 0x9e3779b97f4a7c15) & mask
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 & mask
    z = (z ^ z >> 27) * 0x94d049bb133111eb & mask
    z ^= z >> 31
    return socket.inet_ntoa(struct.pack(
        ">I", (z & 0xffffffff) % 0x5fffffff + 0x20000000))


def quote(text):
    return "".join(c if c.isalnum() else "%%%02x" % ord(c) for c in text)


def as_v6(text):
    return text if ":" in text else "::ffff:" + text


def packed(text):
    if ":" in text:
        return socket.inet_pton(socket.AF_INET6, text)
    return b"\0" * 10 + b"\xff\xff" + socket.inet_aton(text)


def unhex(text):
    b = bytes.fromhex(text)
    if b[:12] == b"\0" * 10 + b"\xff\xff":
        return socket.inet_ntoa(b[12:])
    return socket.inet_ntop(socket.AF_INET6, b)


def free_ports(n):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def files_of(path):
    if os.path.isfile(path):
        yield path
    for folder, _, names in os.walk(path):
        for name in names:
            yield os.path.join(folder, name)


def tree_bytes(path):
    return sum(os.path.getsize(p) for p in files_of(path))


def forget_tree(path):
    """Out of the page cache, without touching what others have in it."""
    for p in files_of(path):
        fd = os.open(p, os.O_RDONLY)
        os.fdatasync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def remember_tree(path):
    for p in files_of(path):
        with open(p, "rb") as f:
            while f.read(1 << 20):
                pass


def timed(arg, argv, fine=("0",)):
    r = subprocess.run([helper(arg, "timed"), "1"] + argv,
                       capture_output=True, text=True, check=True)
    wall, _, _, rss, status = r.stdout.split()
    if status not in fine:
        raise RuntimeError("%s: exit %s: %s" % (argv, status, r.stderr))
    return Run(int(wall) / 1e6, int(rss), r.stderr)


def spread(values, form):
    values = sorted(values)
    if len(values) == 1:
        return form % values[0]
    return form % statistics.median(values) + " [%s-%s]" % (
        form % values[0], form % values[-1])


def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    return "%s, %d cores, Linux %s, load %.1f" % (
        model[1] if model else os.uname().machine, os.cpu_count() or 0,
        os.uname().release, os.getloadavg()[0])


def count_rows(arg, folder):
    path = os.path.join(folder, "rows.count")
    if not os.path.exists(path):
        r = subprocess.run([helper(arg, "genflows"), "rows", "/dev/null"] +
                           shape(arg), check=True, capture_output=True,
                           text=True)
        with open(path, "w") as f:
            f.write(r.stderr.split()[0])
    with open(path) as f:
        return int(f.read())


# ---- rounds -----------------------------------------------------------------

def prepare(arg, folder):
    """Programs that are here, with their rows."""
    out = []
    for kind, needs, done in (
            (Ours, None, "store"), (Blocks, None, "store"),
            (Library, None, "store"), (LibraryBlocks, None, "store"),
            (ClickHouse, "clickhouse-server", None),
            (Sqlite, "sqlite3", "rows.db"), (Nfdump, "nfdump", "nf")):
        if needs and (arg.q or not shutil.which(needs)):
            continue
        p = kind(arg, folder)
        if kind is ClickHouse:
            p.start()
            done = "ch/loaded"
        start = time.monotonic()
        if not os.path.exists(os.path.join(folder, done)):
            print("loading %s ..." % p.name, end=" ", flush=True,
                  file=sys.stderr)
            p.load()
            print("%.0f s" % (time.monotonic() - start), file=sys.stderr)
        out.append(p)
    return out


def same_answers(q, answers, errors):
    """Ours against the others'."""
    ours = answers.get("goquery")
    for name, rows in answers.items():
        if rows is not None and rows != ours:
            bad = [(a, b) for a, b in zip(ours, rows) if a != b]
            errors.append("%s: goquery and %s differ: %d and %d rows, %s" % (
                q.name, name, len(ours), len(rows), bad[:1]))


def rounds(arg, programs, qs, errors, cold=False):
    runs = {}
    for turn in range(arg.n):
        for q in qs:
            answers = {}
            for p in programs:
                have = runs.setdefault((q.name, p.name), [])
                if have and have[0].wall > SLOW_S and p.name != "goquery":
                    continue
                if cold:
                    p.forget()
                run = p.ask(q)
                if run:
                    have.append(run)
                    answers[p.name] = p.rows(q, run.answer)
            if turn == 0:
                same_answers(q, answers, errors)
    return runs


def table(report, programs, qs, runs, n_rows, what):
    report("")
    report("| question%s | program | time ms | Mrows/s | peak MiB | of ours |"
           % what)
    report("|---|---|---|---|---|---|")
    for q in qs:
        ours = statistics.median(r.wall for r in runs[q.name, "goquery"])
        n = n_rows / DAYS if "-f" in q.ours else n_rows
        for p in programs:
            rs = runs.get((q.name, p.name))
            if not rs:
                continue
            mid = statistics.median(r.wall for r in rs)
            report("| %s | %s | %s | %.1f | %d | %s |" % (
                q.text if p.name == "goquery" else "", p.name,
                spread([r.wall * 1e3 for r in rs], "%.1f"), n / mid / 1e6,
                statistics.median(r.rss for r in rs) / 1024,
                "" if p.name == "goquery" else "%.1f x" % (mid / ours)))


# ---- a year ------------------------------------------------------------------

YEAR_DAYS, YEAR_MEAN = 365, 100
YEAR_LAST_S = FIRST_S + YEAR_DAYS * 86400


def year_questions(folder):
    """Text, and the end of the command line."""
    rnd = random.Random(SEED)
    path = os.path.join(folder, "indicators.txt")
    with open(path, "w") as f:
        for _ in range(40000):
            f.write(socket.inet_ntoa(struct.pack(">I", rnd.getrandbits(32))) +
                    "\n")
    return [
        ("a host that was never there, a year",
         ["-i", "b", "-c", "host 192.0.2.77", "talk_conv"]),
        ("a rare host, a year",
         ["-i", "b", "-c", "host " + server(150000), "talk_conv"]),
        ("a network, a year",
         ["-i", "b", "-c", "net 198.51.100.0/24", "talk_conv"]),
        ("seen, 40,000 addresses, a year", ["seen", "@" + path]),
        ("seen --new, a day against a year",
         ["seen", "--new", str(YEAR_LAST_S - 86400)]),
        ("top 10 sip of one day",
         ["-i", "b", "-f", str(YEAR_LAST_S - 86400), "-n", "10", "talk_src"]),
    ]


def year(arg, report, errors):
    folder = os.path.join(arg.d, "year.%g" % arg.s)
    store = os.path.join(folder, "store")
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(store):
        print("a year of goquery ...", file=sys.stderr)
        subprocess.run([helper(arg, "genflows"), "store", store + ".new",
                        str(YEAR_DAYS), str(max(1, round(YEAR_MEAN * arg.s))),
                        str(SEED)], check=True)
        os.rename(store + ".new", store)
    sizes = {}
    for p in files_of(store):
        name = os.path.basename(p)
        sizes[name] = sizes.get(name, 0) + os.path.getsize(p)
    remember_tree(store)
    report("")
    report("## A year, %s" % time.strftime("%Y-%m-%d", time.gmtime()))
    report("")
    report("%s; %d MB, of which blocks.idx %.1f, addresses.idx %.1f MB" % (
        machine(), sum(sizes.values()) / 1e6,
        sizes.get("blocks.idx", 0) / 1e6,
        sizes.get("addresses.idx", 0) / 1e6))
    report("")
    report("| question | time ms | peak MiB | --no-index ms | of it |")
    report("|---|---|---|---|---|")
    for text, argv in year_questions(folder):
        year_question(arg, store, text, argv, report, errors)


def year_question(arg, store, text, argv, report, errors):
    kinds = ("", "--no-index")
    whole = [os.path.join(arg.b, "goquery"), "-d", store, "-e", "csv", "-l",
             str(YEAR_LAST_S)] + \
        ([] if "-f" in argv or "--new" in argv else ["-f", "0"]) + argv
    ask = {x: lambda x=x: timed(arg, whole + [x] * bool(x), ("0", "1"))
           for x in kinds}
    paired(arg, text, ask, report, errors)
    if argv[-1] != "talk_conv":
        return
    asked = {x: Asked(arg, store, argv, *[x[2:]] * bool(x)) for x in kinds}
    paired(arg, text + ", libgodb", {x: asked[x].ask for x in kinds}, report,
           errors)
    for a in asked.values():
        a.close()


def paired(arg, text, ask, report, errors):
    """With address indexes and without, in turn."""
    runs = {x: [] for x in ask}
    for turn in range(arg.n):
        for x in ask:
            runs[x].append(ask[x]())
        if len({runs[x][turn].answer for x in ask}) > 1:
            errors.append("%s: --no-index answers otherwise" % text)
    with_index, without = runs.values()
    report("| %s | %s | %d | %s | %.1f x |" % (
        text, spread([r.wall * 1e3 for r in with_index], "%.1f"),
        statistics.median(r.rss for r in with_index) / 1024,
        spread([r.wall * 1e3 for r in without], "%.1f"),
        statistics.median(r.wall for r in without) /
        statistics.median(r.wall for r in with_index)))


def memory_limits(arg):
    """Bytes a second in order and lines a second in no order, all threads."""
    r = subprocess.run([helper(arg, "membw"), str(os.cpu_count() or 1)],
                       capture_output=True, text=True, check=True)
    return [float(x) for x in r.stdout.split()]


def limits(report, arg, ours, qs, runs):
    in_order, no_order = memory_limits(arg)
    report("")
    report("Memory gives %.1f GB/s in order and %.0f M cache lines/s in no "
           "order, all threads." % (in_order / 1e9, no_order / 1e6))
    report("")
    report("| question | MB read and decoded | GB/s | of memory's | Mrows/s "
           "grouped | of lines |")
    report("|---|---|---|---|---|---|")
    for q in qs:
        mid = statistics.median(r.wall for r in runs[q.name, "goquery"])
        touched, rows = ours.touched(q)
        report("| %s | %.0f | %.2f | %.0f %% | %.1f | %.0f %% |" % (
            q.text, touched / 1e6, touched / mid / 1e9,
            100 * touched / mid / in_order, rows / mid / 1e6,
            100 * rows / mid / no_order))


def aims(report, programs, qs, runs, n_rows):
    """Which aims were reached: time beside others, memory, bytes a row."""
    wanted = {ClickHouse.name: 4, "nfdump 1.7.1": 15}
    lines = []
    for q in qs:
        walls = {p.name: statistics.median(r.wall for r in runs[q.name, p.name])
                 for p in programs if runs.get((q.name, p.name))}
        rss = {p.name: statistics.median(r.rss for r in runs[q.name, p.name])
               for p in programs if runs.get((q.name, p.name))}
        if q.name in ("day", "daysrc"):
            wall = walls[Ours.name]
            lines.append((wall < 0.010, "%s: %.1f ms, under 10" % (
                q.text, wall * 1e3)))
        for name, factor in wanted.items():
            if name not in walls:
                continue
            ratio = walls[name] / walls[Blocks.name]
            lines.append((ratio >= factor, "%s: %.1f x %s, %d wanted" % (
                q.text, ratio, name, factor)))
        if ClickHouse.name in walls:
            share = rss[Ours.name] / rss[ClickHouse.name]
            lines.append((share <= 0.5, "%s: %.2f of %s's memory, half wanted" % (
                q.text, share, ClickHouse.name)))
            ratio = walls[ClickHouse.name] / walls[Ours.name]
            within = walls[ClickHouse.name] / walls[LibraryBlocks.name]
            lines.append((within >= 4, "%s, libgodb: %.1f x %s, 4 wanted" % (
                q.text, within, ClickHouse.name)))
            if programs[0].rolled(q):
                within = walls[ClickHouse.name] / walls[Library.name]
                lines.append((within >= 10, "%s, libgodb, by roll-ups: %.1f x "
                              "%s, 10 wanted" % (q.text, within,
                                                 ClickHouse.name)))
                lines.append((ratio >= 10, "%s, by roll-ups: %.1f x %s, 10 "
                              "wanted" % (q.text, ratio, ClickHouse.name)))
    for p, most in ((programs[0], 24), (programs[1], 18)):
        size = p.bytes() / n_rows
        lines.append((size <= most, "%s: %.1f bytes a row, %d wanted" % (
            p.name, size, most)))
    report("")
    report("%d of %d aims are reached%s" % (
        sum(x[0] for x in lines), len(lines),
        "." if all(x[0] for x in lines) else "; not:"))
    if not all(x[0] for x in lines):
        report("")
    for reached, text in lines:
        if not reached:
            report("- " + text)


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    ap.add_argument("-b", default="build/bin")
    ap.add_argument("-H", default="build/gcc/tests/bench")
    ap.add_argument("-d", default="build/bench")
    ap.add_argument("-s", type=float, default=1)
    ap.add_argument("-n", type=int, default=5)
    ap.add_argument("-6", dest="v6", type=int, default=20)
    ap.add_argument("-i", dest="ifaces", type=int, default=1)
    ap.add_argument("-m")
    ap.add_argument("-q", action="store_true")
    ap.add_argument("names", nargs="*")
    arg = ap.parse_args()
    folder = "query.%g" % arg.s
    if (arg.v6, arg.ifaces) != (20, 1):
        folder += ".%d.%d" % (arg.v6, arg.ifaces)
    folder = os.path.join(arg.d, folder)
    os.makedirs(folder, exist_ok=True)
    arg.needle = server(20000)
    lines, errors = [], []

    def report(text):
        print(text, flush=True)
        lines.append(text)

    programs = []
    try:
        if not arg.names or "year" in arg.names:
            year(arg, report, errors)
        if arg.names == ["year"]:
            return finish(arg, lines, errors)
        programs = prepare(arg, folder)
        n_rows = count_rows(arg, folder)
        qs = [q for q in questions(arg.needle)
              if not arg.names or q.name in arg.names]
        report("## Questions, %s" % time.strftime("%Y-%m-%d", time.gmtime()))
        report("")
        report("%s; %d rows in %d blocks, %d %% of the pairs IPv6, "
               "interfaces: %d; %d rounds, medians [lowest-highest]" % (
                   machine(), n_rows, DAYS * 288 * arg.ifaces, arg.v6,
                   arg.ifaces, arg.n))
        report("")
        report("| program | bytes per row |")
        report("|---|---|")
        for p in programs:
            report("| %s | %.1f |" % (p.name, p.bytes() / n_rows))
        runs = rounds(arg, programs, qs, errors)
        table(report, programs, qs, runs, n_rows, "")
        limits(report, arg, programs[0], qs, runs)
        if not arg.names:
            aims(report, programs, qs, runs, n_rows)
        qs = [q for q in qs if q.cold]
        fast = [p for p in programs
                if p.name in (Ours.name, Blocks.name, ClickHouse.name)]
        runs = rounds(arg, fast, qs, errors, True)
        table(report, fast, qs, runs, n_rows, ", cold")
    finally:
        for p in programs:
            p.close()
    return finish(arg, lines, errors)


def finish(arg, lines, errors):
    for e in errors:
        print("query.py: " + e, file=sys.stderr)
    if arg.m and not errors:
        with open(arg.m, "a") as f:
            f.write("\n" + "\n".join(lines) + "\n")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
