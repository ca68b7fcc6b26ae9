#!/usr/bin/env python3
"""Speed of goprobe-export, beside clickhouse-client with the same rows.

usage: export.py [-b BIN] [-H HELPERS] [-d DIR] [-s SCALE] [-n ROUNDS] [-m FILE]

A store of 3 days (a million rows times SCALE) is shipped to Debian's server,
started here on a free loopback port as an unprivileged user.  Then the rows
are read back as a file in RowBinary and clickhouse-client inserts it into the
same, emptied table; its file lies in the page cache.  Both take turns.  Wall
time from start to exit, for all rows; CPU time is the client's own, the
server's stands beside it.

Then what querier/export/SIZING.md counts with: bytes a row in the store, on the
wire and at the server, and what one attempt (two inserts and two counts) costs
beside its rows: the same rows shipped in many small attempts and in few.
"""
import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, "tests/lib")
import clickhouse

COLUMNS = ("day,time,site,iface,version,sip,dip,dport,proto,l7proto,category,"
           "bytes_rcvd,bytes_sent,packets_rcvd,packets_sent,record,attempt")


def cpu_of(pid):
    with open("/proc/%d/stat" % pid) as text:
        f = text.read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")


def timed(server, argv, **options):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    served = cpu_of(server.process.pid)
    begun = time.monotonic()
    r = subprocess.run(argv, stderr=subprocess.PIPE, text=True, **options)
    took = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if r.returncode:
        sys.exit("%s: %s" % (argv[0], r.stderr))
    return (took, after.ru_utime + after.ru_stime - before.ru_utime -
            before.ru_stime, cpu_of(server.process.pid) - served)


def figures(run):
    with open(run + "/status") as text:
        return {f[0]: f[1] for f in (line.split(" ", 1) for line in text)
                if len(f) > 1}


def disk_bytes(server, table):
    return int(server.ask("SELECT sum(bytes_on_disk) FROM system.parts WHERE "
                          "active AND database = 'goprobe' AND table = '%s'" %
                          table))


def parts_of(server, table):
    return int(server.ask("SELECT count() FROM system.parts WHERE active AND "
                          "database = 'goprobe' AND table = '%s'" % table))


def store_bytes(store):
    return sum(os.path.getsize(os.path.join(top, name))
               for top, _, names in os.walk(store) for name in names)


def fresh(server, export, ini):
    server.ask("DROP DATABASE IF EXISTS goprobe")
    subprocess.run([export, "-c", ini, "--init", "single"], check=True,
                   stderr=subprocess.DEVNULL)


def sizes(server, export, store, folder, rows):
    """Lines of a table: bytes a row, and an attempt's cost."""
    run = folder + "/run"
    os.makedirs(run)
    os.chmod(run, 0o777)
    cpu, attempts, own = {}, {}, {}
    for batch in (250000, 1000):
        ini = "%s/ini%d" % (folder, batch)
        with open(ini, "w") as out:
            out.write("[site]\nname = bench\n[export]\nurl = %s\n"
                      "batch_rows = %d\n" % (server.url(), batch))
        fresh(server, export, ini)
        got = timed(server, [export, "-c", ini, "-d", store, "-s",
                             "%s/small%d" % (folder, batch), "--once"],
                    env=dict(os.environ, RUNTIME_DIRECTORY=run))
        f = figures(run)
        wall, own[batch], cpu[batch] = got
        attempts[batch] = int(f["attempts"])
        if batch == 250000:
            wire = int(f["bytes"]) / rows
            raw = disk_bytes(server, "flows") / rows
            server.ask("OPTIMIZE TABLE goprobe.flows FINAL")
            merged = disk_bytes(server, "flows") / rows
            block = disk_bytes(server, "blocks") / int(server.ask(
                "SELECT count() FROM goprobe.blocks"))
        else:
            parts = parts_of(server, "flows")
    more = attempts[1000] - attempts[250000]
    return [
        "", "| bytes | |", "|---|---:|",
        "| a row in the store | %.1f |" % (store_bytes(store) / rows),
        "| a row on the wire, gzip | %.1f |" % wire,
        "| a row at the server, as inserted | %.1f |" % raw,
        "| a row at the server, merged to a part a day | %.1f |" % merged,
        "| a row of the table of blocks | %.0f |" % block,
        "", "One attempt beside its rows: %.1f ms of the server's CPU, %.1f ms "
        "of the exporter's (%d attempts instead of %d, %.0f a second one after "
        "the other; %d parts were there at the end)." % (
            1000 * (cpu[1000] - cpu[250000]) / more,
            1000 * (own[1000] - own[250000]) / more, attempts[1000],
            attempts[250000], attempts[1000] / wall, parts)]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-b", dest="bin", default="build/bin")
    p.add_argument("-H", dest="helpers", default="build/gcc/tests/bench")
    p.add_argument("-d", dest="dir", default="build/bench")
    p.add_argument("-s", dest="scale", type=float, default=1)
    p.add_argument("-n", dest="rounds", type=int, default=3)
    p.add_argument("-m", dest="markdown")
    p.add_argument("-r", dest="batch", type=int, default=250000)
    a = p.parse_args()
    folder = os.path.abspath(a.dir) + "/export"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for part in ("", "/..", "/../.."):
        os.chmod(folder + part, 0o755)
    store = folder + "/store"
    subprocess.run([a.helpers + "/genflows", "store", store, "3",
                    str(int(1158 * a.scale)), "11"], check=True)
    server = clickhouse.Server(folder + "/ch")
    server.configure()
    server.start()
    export = os.path.abspath(a.bin) + "/goprobe-export"
    ini = folder + "/ini"
    with open(ini, "w") as out:
        out.write("[site]\nname = bench\n[export]\nurl = %s\nbatch_rows = %d\n"
                  % (server.url(), a.batch))
    results = {"goprobe-export": [], "clickhouse-client": []}
    try:
        for i in range(a.rounds):
            fresh(server, export, ini)
            results["goprobe-export"].append(timed(
                server, [export, "-c", ini, "-d", store, "-s",
                         "%s/state%d" % (folder, i), "--once"]))
            rows = int(server.ask("SELECT count() FROM goprobe.flows"))
            file = folder + "/rows"
            if i == 0:
                with open(file, "wb") as out:
                    subprocess.run(
                        ["clickhouse-client", "--host", "127.0.0.1", "--port",
                         str(server.tcp), "--query", "SELECT %s FROM "
                         "goprobe.flows ORDER BY time, record, version, sip, "
                         "dip FORMAT RowBinary" % COLUMNS], check=True,
                        stdout=out)
            server.ask("DROP TABLE goprobe.flows")
            subprocess.run([export, "-c", ini, "--init", "single"], check=True,
                           stderr=subprocess.DEVNULL)
            with open(file, "rb") as rows_in:
                results["clickhouse-client"].append(timed(
                    server, ["clickhouse-client", "--host", "127.0.0.1",
                             "--port", str(server.tcp), "--query",
                             "INSERT INTO goprobe.flows (%s) FORMAT RowBinary"
                             % COLUMNS], stdin=rows_in))
            got = int(server.ask("SELECT count() FROM goprobe.flows"))
            if got != rows:
                sys.exit("%d rows of %d" % (got, rows))
        more = sizes(server, export, store, folder, rows)
    finally:
        server.stop()
    lines = ["%d rows, %d rounds, batch_rows %d; median (lowest to highest)" %
             (rows, a.rounds, a.batch), "",
             "| program | rows/s | spread | CPU s | server's CPU s |",
             "|---|---:|---|---:|---:|"]
    rate = {}
    for name, runs in results.items():
        rates = sorted(rows / r[0] for r in runs)
        rate[name] = statistics.median(rates)
        lines.append("| %s | %.0f | %.0f to %.0f | %.2f | %.2f |" % (
            name, rate[name], rates[0], rates[-1],
            statistics.median(r[1] for r in runs),
            statistics.median(r[2] for r in runs)))
    lines += ["", "goprobe-export reaches %.0f %% of clickhouse-client's rate."
              % (100 * rate["goprobe-export"] / rate["clickhouse-client"])]
    lines += more
    print("\n".join(lines))
    if a.markdown:
        with open(a.markdown, "a") as out:
            out.write("\n## Export, %s\n\n`make bench-export`, on a machine "
                      "of %d cores with load %.1f; %s\n" % (
                          time.strftime("%Y-%m-%d"), os.cpu_count(),
                          os.getloadavg()[0], "\n".join(lines)))
    shutil.rmtree(folder, ignore_errors=True)


main()
