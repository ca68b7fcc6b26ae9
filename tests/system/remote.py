"""goquery --remote beside a real ClickHouse: what a store answers and what the
server answers after it was shipped, question by question.

  -b BIN      folder of the programs
  -H HELPERS  folder of the tests' programs
  -n N        questions (default 150, LONG=1: 600)
  -p PARTS    comma list of: same sites hostile trouble cluster replica
  TAP_SEED    environment, printed
"""

import argparse
import collections
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, "tests/lib")
sys.path.insert(0, HERE)
import clickhouse
import oracle
from tap import ok, is_, diag, skip_all, done

CORPUS = os.environ.get("PCAP_CORPUS", "../shared/pcaps")
DATA = "tests/data"
LONG = bool(os.environ.get("LONG"))


class World:
    def __init__(self, args):
        self.bin = os.path.abspath(args.bin)
        self.helpers = os.path.abspath(args.helpers)
        self.t = tempfile.mkdtemp(prefix="goprobe-test.")
        os.chmod(self.t, 0o755)
        self.seed = int(os.environ.get("TAP_SEED", "0")) or int(time.time())
        diag("TAP_SEED=%d" % self.seed)
        self.random = random.Random(self.seed)
        self.questions = args.questions
        self.servers = []
        self.stores = {}  # by site: Rows of oracle.py
        os.environ["TZ"] = "UTC"

    def path(self, *names):
        return os.path.join(self.t, *names)

    def server(self, name, **options):
        s = clickhouse.Server(self.path(name), **options)
        self.servers.append(s)
        return s

    def end(self):
        for s in self.servers:
            s.stop()
        shutil.rmtree(self.t, ignore_errors=True)

    def ini(self, site, url, more=""):
        name = self.path("ini.%s" % re.sub("[^a-z0-9]", "", site))
        with open(name, "w") as out:
            out.write("[site]\nname = %s\nnetworks = %s\n[export]\nurl = %s\n"
                      "%s" % (site, " ".join(oracle.SITE), url, more))
        return name

    def run(self, program, *argv, **options):
        return subprocess.run([os.path.join(self.bin, program), *argv],
                              capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=120, **options)

    def export(self, site, url, store, *more):
        return self.run("goprobe-export", "-c", self.ini(site, url), "-d",
                        store, "-s", self.path("state." + str(
                            abs(hash((site, url, store))))),
                        *(more or ("--once",)))

    def make_stores(self):
        self.stores["hq"] = oracle.make_store(self.t, self.random,
                                              self.helpers, live=False)
        largest = oracle.largest  # some of those, and some others
        oracle.largest = lambda folder, n: largest(folder, 6) + \
            self.random.sample(largest(folder, 10 ** 6)[6:], 9) \
            if os.path.isdir(folder) else []
        replayed = oracle.replay(self.t, CORPUS, self.bin)
        if replayed:
            self.stores["lab"] = replayed

    def init(self, server, kind="single", *more):
        ini = self.ini("hq", server.url())
        return self.run("goprobe-export", "-c", ini, "--init", kind, *more)

    def ship(self, server):
        for site, rows in self.stores.items():
            r = self.export(site, server.url(), rows.store)
            is_(r.returncode, 0, "%s: %d rows shipped" % (site, rows.n)
                ) or diag(r.stderr)


# ---- the same answers ----------------------------------------------------------

def normal(text, site, form, all_time):
    """An answer without what may differ: time taken, names of interfaces, and
    how the end of a window that has not ended is called."""
    text = text.replace(site + "/", "")
    # a store knows what other windows had
    unknown = r"(this store has never seen|no row of this window has) an " \
        r"application named [^<\"\n]*"
    text = re.sub(r"\n(Note: |<p>Note: )" + unknown + "(</p>)?", "", text)
    if form == "txt":
        text = re.sub(r"and took .*", "and took", text)
        if all_time:
            text = re.sub(r"\nCoverage: .*", "\nCoverage", text)
            text = re.sub(r"\nNote: .* has no data.*", "", text)
    if form == "html" and all_time:
        text = re.sub(r"Coverage: .*?</p>", "</p>", text)
        text = re.sub(r"<p>Note: .* has no data.*", "", text)
        text = re.sub(r" class=\"missing\"", "", text)
    if form == "json":
        j = json.loads(text)
        j["summary"].pop("took_ns")
        j["summary"]["notes"] = [n for n in j["summary"]["notes"]
                                 if not re.match(unknown, n)]
        if all_time:
            j["summary"].pop("coverage")
            j["summary"].pop("notes")
            j["summary"].pop("window")
            j.pop("status")
        text = json.dumps(j, indent=1)
    return text


def complaints(text, site, all_time):
    """stderr, without the ends of time."""
    lines = text.replace(site + "/", "").splitlines()
    return [x for x in lines if not (all_time and "incomplete" in x) and
            "an application named" not in x]


def first_difference(a, b):
    a, b = a.splitlines(), b.splitlines()
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return "line %d: local %r, remote %r" % (i + 1, x, y)
    if len(a) != len(b):
        return "%d lines local, %d remote" % (len(a), len(b))
    return None


def compare(w, q, site, url):
    argv = q.args()
    local = w.run("goquery", *argv, "--no-live")
    argv[argv.index("-d"):argv.index("-d") + 2] = ["--remote", url]
    i = argv.index("-i") + 1
    argv[i] = ",".join("%s/%s" % (site, f) for f in argv[i].split(","))
    remote = w.run("goquery", *argv)
    # of captures nobody knows whether they went on
    all_time = site == "lab" or "0" in argv[argv.index("-f") + 1:][:1]
    why = None
    if local.returncode != remote.returncode:
        why = "status %d local, %d remote: %s" % (
            local.returncode, remote.returncode, remote.stderr.strip())
    elif local.returncode == 0:
        why = first_difference(normal(local.stdout, site, q.format, all_time),
                               normal(remote.stdout, site, q.format, all_time))
    if not why:
        a = complaints(local.stderr, site, all_time)
        b = complaints(remote.stderr, site, all_time)
        if a != b:
            why = "stderr: local %r, remote %r" % (a[:3], b[:3])
    return why, argv, local.stdout.count("\n") > 1


def ask_all(w, url, n, what):
    kinds = oracle.Kinds(w.random)
    bad = nonempty = 0
    ini = w.ini("hq", url)
    lists = w.path("lists")
    os.makedirs(lists, exist_ok=True)
    begun = time.monotonic()
    for _ in range(n):
        site = w.random.choice(sorted(w.stores))
        q = oracle.Question(
            oracle.Maker(w.random, kinds, w.stores[site], lists), ini)
        why, argv, some = compare(w, q, site, url)
        for kind in q.m.used:
            kinds.count(*kind)
        nonempty += some
        if why:
            bad += 1
            diag(" ".join(map(repr, argv)))
            diag("   " + why[:1000])
            if bad > 10:
                break
    diag("%d questions, %d with rows, %.1f s" % (
        n, nonempty, time.monotonic() - begun))
    dims = collections.defaultdict(dict)
    for (d, k), count in sorted(kinds.seen.items()):
        dims[d][k] = count
    for d, counts in dims.items():
        diag(d + ": " + ", ".join("%s %d" % x for x in counts.items()))
    is_(bad, 0, "%s: %d answers are the store's" % (what, n))
    rare = {k: c for k, c in kinds.seen.items() if c < oracle.LEAST}
    if n >= 500:
        ok(not rare, "each kind %d times: %r" % (oracle.LEAST, rare))


def part_same(w, server):
    ask_all(w, server.url(), w.questions, "one server")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-b", dest="bin", default="build/bin")
    parser.add_argument("-H", dest="helpers", default="build/gcc/tests")
    parser.add_argument("-n", dest="questions", type=int,
                        default=600 if LONG else 150)
    parser.add_argument("-p", dest="parts", default="same")
    args = parser.parse_args()
    if not clickhouse.SERVER:
        skip_all("no clickhouse-server is installed")
    w = World(args)
    try:
        server = w.server("ch")
        server.configure()
        server.start()
        w.make_stores()
        is_(w.init(server).returncode, 0, "tables")
        w.ship(server)
        for part in args.parts.split(","):
            begun = time.monotonic()
            globals()["part_" + part](w, server)
            diag("part %s: %.1f s" % (part, time.monotonic() - begun))
    finally:
        w.end()
    done()


main()
