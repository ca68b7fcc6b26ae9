#!/usr/bin/env python3
"""Speed of capture, whole chain, beside other flow programs on the same input.

usage: capture.py [-b BIN] [-H HELPERS] [-d DIR] [-s SCALE] [-n ROUNDS]
                  [-l SECONDS] [-w] [-m FILE] [offline] [live] [pauses]

offline  goprobe -r into a store, nfpcapd, softflowd and argus read the same
         capture file, one after the other, ROUNDS times; goprobe once more
         with layer 7, and ndpiReader beside it.  The set "captures" is made
         of the real ones in PCAP_CORPUS (../shared/pcaps), with payload.  CPU is user and
         system time of all processes of a program; every packet of ours is
         accounted for, or the run fails.
live     root only: a veth pair between two namespaces, the sender alone on
         core 1 as fast as it can, the program on core 0: goprobe with the
         whole chain, softflowd, nfpcapd and argus in turn, ROUNDS times
         SECONDS each (less at a smaller SCALE).  CPU is again that of all
         processes of a program, from start to end: what ours spends on the
         last block, which its end closes, encodes and commits, is in it.
         Where the boundary of a block falls into a round, it is ours that
         runs then; with -w each run of ours waits for one.
pauses   root only: the same with ours alone and 5 million flows.  Here and
         in live a histogram says how long the packet loop was away from the
         kernel's buffer, by the wall and by its own CPU time (other work on
         core 0, the writer included, lengthens the former).

  -s SCALE    0.1 makes a tenth of the packets and flows, 0.5 half of the
              seconds (1)
  -l SECONDS  a live run (20)
  -w          each live run of ours crosses the boundary of a block: waits for
              it, up to five minutes a round
  -m FILE     append the tables as Markdown
"""
import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BLOCK_S = 300
SETS = (("mix", 10000000, 200000, 1), ("scan", 5000000, 5000000, 2),
        ("elephants", 10000000, 100, 3), ("captures", 1000000, 0, 0))
CORPUS = os.environ.get("PCAP_CORPUS", "../shared/pcaps")
READER_FLOWS = 1000000      # ndpiReader takes 3.5 kB for each
LIVE_FLOWS = 200000
PAUSE_FLOWS = 5000000
PAUSE_AIM_US = {LIVE_FLOWS: 1000, PAUSE_FLOWS: 5000}
START_S = 1.5               # until a live program listens
# does what we do with layer 7
RIVAL = {"ndpiReader": "goprobe, layer 7"}
SINK = "127.0.0.1:9"        # export goes nowhere


class Run:
    """One run of one program."""

    def __init__(self, cpu, wall, rss, packets, note=""):
        self.cpu, self.wall, self.rss = cpu, wall, rss
        self.packets, self.note = packets, note


class Memory(threading.Thread):
    """Peak memory of a process and its children, looked at now and then.

    The kernel's ru_maxrss is that of one process, and of ours before exec.
    """

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.ended = pid, {}, threading.Event()
        self.start()

    def look(self, pid):
        try:
            with open("/proc/%d/status" % pid) as f:
                text = f.read()
            with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
                children = f.read().split()
        except OSError:
            return
        found = re.search(r"VmHWM:\s*(\d+)", text)
        if found:
            self.peak[pid] = int(found[1])
        for child in children:
            self.look(int(child))

    def run(self):
        while not self.ended.wait(0.03):
            self.look(self.pid)

    def stop(self):
        self.ended.set()
        self.join()
        return sum(self.peak.values())


class Bench:
    def __init__(self, arg):
        self.arg = arg
        self.tmp = tempfile.mkdtemp(prefix="bench.", dir=arg.d)
        os.chmod(self.tmp, 0o755)
        self.goprobe = os.path.abspath(os.path.join(arg.b, "goprobe"))
        self.ini = os.path.join(self.tmp, "bench.ini")
        with open(self.ini, "w") as f:
            f.write("[capture]\nl7 = off\nflows_max = 8000000\n")
        self.errors = []

    def folder(self):
        path = os.path.join(self.tmp, "out")
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        return path

    def helper(self, name):
        return os.path.abspath(os.path.join(self.arg.H, name))

    def start(self, argv):
        """A program whose output goes to a file; see finish()."""
        log = open(os.path.join(self.tmp, "log"), "w+")
        began = time.monotonic()
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log)
        return process, began, log, Memory(process.pid)

    @staticmethod
    def finish(started):
        """CPU seconds, wall seconds, peak KiB of its processes, log."""
        process, began, log, memory = started
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        log.seek(0)
        text = log.read()
        log.close()
        return usage.ru_utime + usage.ru_stime, wall, memory.stop(), text

    def fail(self, text):
        self.errors.append(text)
        print("capture.py: " + text, file=sys.stderr)

    def close(self):
        shutil.rmtree(self.tmp)


# ---- offline ----------------------------------------------------------------

def ours(bench, out, path, l7):
    return [bench.goprobe, "-c", bench.ini, "-d", os.path.join(out, "store"),
            "-i", "b", "--l7", l7, "-r", path]


def offline_programs(bench, path, flows):
    out = bench.folder()
    pid = os.path.join(out, "pid")
    flowd = ["softflowd", "-r", path, "-d", "-m", "8000000", "-n", SINK,
             "-c", "none", "-p", pid]
    programs = {
        "goprobe": ours(bench, out, path, "off"),
        "goprobe, layer 7": ours(bench, out, path, "ndpi"),
        "ndpiReader": ["ndpiReader", "-q", "-i", path],
        "nfpcapd": ["nfpcapd", "-r", path, "-w", out, "-t", "300"],
        "softflowd": flowd,
        "softflowd -6": flowd + ["-6"],
        "argus": ["argus", "-X", "-r", path, "-w", os.path.join(out, "a")],
    }
    if flows > READER_FLOWS:
        del programs["ndpiReader"]
    return programs


def make_set(bench, name, packets, flows, seed):
    path = os.path.join(bench.arg.d, "%s.%d.pcap" % (name, packets))
    if not os.path.exists(path):
        make = [bench.helper("genpcap"), name, str(packets), str(flows),
                str(seed)]
        if name == "captures":
            make = [sys.executable, os.path.join(HERE, "captures.py"), CORPUS,
                    str(packets)]
        subprocess.run(make + [path + ".new"], check=True)
        os.rename(path + ".new", path)
    with open(path, "rb") as f:     # into the page cache
        while f.read(1 << 20):
            pass
    return path


def check_ours(bench, name, packets, text):
    found = re.search(r"(\d+) packets, (\d+) rows in (\d+) blocks", text)
    if not found or int(found[1]) != packets:
        bench.fail("%s: %d packets went in: %s" % (name, packets, text))
        return ""
    over = re.search(r"(\d+) in overflow rows", text)
    return "%s rows%s" % (found[2], ", %s overflow" % over[1] if over else "")


def offline(bench, report):
    for name, packets, flows, seed in SETS:
        packets = max(1000, int(packets * bench.arg.s))
        if name == "captures" and not os.path.isdir(CORPUS):
            report("\ncaptures: skipped, there is no %s" % CORPUS)
            continue
        if name != "elephants":
            flows = max(100, int(flows * bench.arg.s))
        path = make_set(bench, name, packets, flows, seed)
        runs = {}
        for _ in range(bench.arg.n):
            for program in offline_programs(bench, path, flows):
                argv = offline_programs(bench, path, flows)[program]
                if not shutil.which(argv[0]):
                    continue
                cpu, wall, rss, text = bench.finish(bench.start(argv))
                run = Run(cpu, wall, rss, packets)
                if program.startswith("goprobe"):
                    run.note = check_ours(bench, name, packets, text)
                runs.setdefault(program, []).append(run)
        offline_table(report, name, packets, flows, runs)


def spread(values, form):
    values = sorted(values)
    return form % statistics.median(values) + " [%s-%s]" % (
        (form % values[0]).strip(), (form % values[-1]).strip())


def rate(runs):
    return statistics.median(r.packets / r.cpu for r in runs) / 1e6


def offline_table(report, name, packets, flows, runs):
    report("")
    report("%s: %d packets, %d flows (offline)" % (name, packets, flows))
    report("")
    report("| program | Mpackets per CPU second | CPU s | wall s | peak MiB "
           "| ours is | |")
    report("|---|---|---|---|---|---|---|")
    for program, rs in runs.items():
        report("| %s | %s | %.2f | %.2f | %d | %s | %s |" % (
            program, spread([r.packets / r.cpu / 1e6 for r in rs], "%.2f"),
            statistics.median(r.cpu for r in rs),
            statistics.median(r.wall for r in rs),
            statistics.median(r.rss for r in rs) / 1024,
            "-" if program == "goprobe" else
            "%.1f x" % (rate(runs[RIVAL.get(program, "goprobe")]) / rate(rs)),
            rs[-1].note))


# ---- live -------------------------------------------------------------------

class Wire:
    """va in one namespace sends, vb in the other receives."""

    def __init__(self):
        n = os.getpid()
        self.a, self.b = "bencha%d" % n, "benchb%d" % n
        for ns in (self.a, self.b):
            self.ip("netns", "add", ns)
        self.ip("link", "add", "va", "netns", self.a, "type", "veth", "peer",
                "name", "vb", "netns", self.b)
        for ns, dev in ((self.a, "va"), (self.b, "vb")):
            self.ip("-n", ns, "link", "set", "lo", "up")
            subprocess.run(self.within(ns) + [
                "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"])
            # nobody answers, nobody asks
            self.ip("-n", ns, "link", "set", dev, "arp", "off", "up")

    @staticmethod
    def ip(*words):
        subprocess.run(["ip"] + list(words), check=True)

    @staticmethod
    def within(ns):
        return ["ip", "netns", "exec", ns]

    def send(self, bench, seconds, pps=0, flows=LIVE_FLOWS):
        """Frames sent."""
        out = subprocess.run(
            self.within(self.a) + ["taskset", "-c", "1", bench.helper("send"),
                                   "va", str(seconds), str(flows),
                                   str(pps)],
            check=True, capture_output=True, text=True).stdout.split()
        return int(out[0])

    def received(self):
        out = subprocess.run(
            self.within(self.b) + ["cat", "/sys/class/net/vb/statistics/"
                                   "rx_packets"],
            check=True, capture_output=True, text=True).stdout
        return int(out)

    def close(self):
        for ns in (self.a, self.b):
            self.ip("netns", "del", ns)


def live_programs(bench):
    out = bench.folder()
    return {
        "goprobe": [bench.goprobe, "-c", bench.ini, "-d",
                    os.path.join(out, "store"), "--l7", "off", "vb"],
        "softflowd -6": ["softflowd", "-i", "vb", "-d", "-c", "none", "-6",
                         "-p", os.path.join(out, "pid"), "-m", "8000000",
                         "-n", SINK],
        "nfpcapd": ["nfpcapd", "-i", "vb", "-w", out, "-t", "300"],
        "argus": ["argus", "-X", "-i", "vb", "-w", os.path.join(out, "a")],
    }


def stop(bench, wire, started):
    """A quiet interface does not wake all of them: send a few frames more."""
    pid = started[0].pid    # not send_signal(): that reaps
    os.kill(pid, signal.SIGINT)
    for turn in range(100):
        time.sleep(0.1)
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        if turn % 10 == 5:
            wire.send(bench, 0.01, 100)
    bench.fail("%s does not stop" % started[0].args)
    os.kill(pid, signal.SIGKILL)


def boundary_in_s():
    return BLOCK_S - time.time() % BLOCK_S


def wait_for_boundary(before_s):
    while boundary_in_s() > before_s:
        time.sleep(0.5)


def next_program(names, seconds):
    """Ours when a boundary falls into the run that begins now, else last."""
    if "goprobe" in names and (len(names) == 1 or
                               START_S + 1 < boundary_in_s() < seconds):
        return "goprobe"
    return next(n for n in names if n != "goprobe")


def drops(program, text):
    """Drops of the kernel as the program tells them, or None."""
    found = {"goprobe": re.search(r"kernel_drops=(\d+)", text),
             "nfpcapd": re.search(r"dropped:? *(\d+)", text),
             "softflowd -6": re.search(r"packets dropped by libpcap: (\d+)",
                                       text),
             "argus": None}[program]
    return int(found[1]) if found else None


def count_blocks(bench, store):
    out = subprocess.run([os.path.join(os.path.dirname(bench.goprobe),
                                       "goquery"), "-d", store, "-i", "vb",
                          "-f", "-1h", "-e", "csv", "time"],
                         capture_output=True, text=True).stdout
    return max(0, len(out.splitlines()) - 1)


def turns(text):
    """Longest in us and the histogram, by either clock."""
    return {clock: (int(longest), [(name, int(n)) for name, n in
                                   (x.split(":") for x in rest.split(","))])
            for clock, longest, rest in re.findall(
                r"turns iface=\S+ clock=(\w+) longest_us=(\d+) (\S+)", text)}


def turns_table(report, flows, runs):
    """Of several runs the sum, and the longest of all."""
    runs = [t for t in runs if t]
    if not runs:
        return
    names = [name for name, _ in runs[0]["cpu"][1]]
    report("")
    report("Turns of the packet loop at %d flows (aim: %d us)" % (
        flows, PAUSE_AIM_US.get(flows, 0)))
    report("")
    report("| clock | longest us | " + " | ".join(
        ("< " + n if n != "more" else n) for n in names) + " |")
    report("|---" * (len(names) + 2) + "|")
    for clock in ("cpu", "wall"):
        report("| %s | %s | " % (clock, ", ".join(
            str(t[clock][0]) for t in runs)) + " | ".join(
                str(sum(t[clock][1][i][1] for t in runs))
                for i in range(len(names))) + " |")


def live_run(bench, wire, program, seconds, flows=LIVE_FLOWS):
    argv = wire.within(wire.b) + ["taskset", "-c", "0"] + \
        live_programs(bench)[program]
    if program == "goprobe" and flows == LIVE_FLOWS and bench.arg.w:
        wait_for_boundary(seconds / 2 + 2)
    started = bench.start(argv)
    time.sleep(START_S)
    before = wire.received()
    sent = wire.send(bench, seconds, 0, flows)
    packets = wire.received() - before
    time.sleep(1)
    stop(bench, wire, started)
    cpu, wall, rss, text = bench.finish(started)
    if started[0].returncode not in (0, -signal.SIGINT):
        bench.fail("%s: exit %d\n%s" % (program, started[0].returncode,
                                        text))
    run = Run(cpu, wall, rss, packets)
    run.drops = drops(program, text)
    run.pps = sent / seconds
    if program == "goprobe":
        seen = re.search(r"ended .* packets=(\d+)", text)
        lost = packets - int(seen[1]) if seen else packets
        blocks = count_blocks(bench, argv[argv.index("-d") + 1])
        run.turns = turns(text)
        run.note = "%s, %d blocks" % ("all counted" if lost <= 0 else
                                      "%d not counted" % lost, blocks)
        run.crossed = blocks > 1
        if lost > 0 or run.drops or (bench.arg.w and not run.crossed and
                                     flows == LIVE_FLOWS):
            bench.fail("live: %d of %d packets not counted, %s dropped, %d "
                       "blocks\n%s" % (lost, packets, run.drops, blocks, text))
    return run


def live(bench, report):
    if os.geteuid() != 0 or (os.cpu_count() or 1) < 2:
        report("\nlive: skipped, needs root and two cores")
        return
    seconds = bench.arg.l * min(1, bench.arg.s)
    programs = [name for name, argv in live_programs(bench).items()
                if name == "goprobe" or shutil.which(argv[0])]
    wire = Wire()
    runs = {name: [] for name in programs}
    try:
        for _ in range(bench.arg.n):
            left = list(programs)
            while left:
                program = next_program(left, seconds)
                left.remove(program)
                runs[program].append(live_run(bench, wire, program, seconds))
    finally:
        wire.close()
    ours = statistics.median(r.cpu / r.packets for r in runs["goprobe"])
    report("")
    report("live: veth, %d flows, 60-byte frames, %g s, %d of %d runs of "
           "ours over a block boundary" % (
               LIVE_FLOWS, seconds, sum(r.crossed for r in runs["goprobe"]),
               len(runs["goprobe"])))
    report("")
    report("| program | CPU ns per packet | Mpackets/s received | kernel "
           "drops | peak MiB | of ours | |")
    report("|---|---|---|---|---|---|---|")
    for program, rs in runs.items():
        known = [r.drops for r in rs]
        report("| %s | %s | %.2f | %s | %d | %.1f x | %s |" % (
            program, spread([r.cpu / r.packets * 1e9 for r in rs], "%.0f"),
            statistics.median(r.packets / seconds for r in rs) / 1e6,
            "not told" if None in known else max(known),
            statistics.median(r.rss for r in rs) / 1024,
            statistics.median(r.cpu / r.packets for r in rs) / ours,
            rs[-1].note))
    turns_table(report, LIVE_FLOWS, [r.turns for r in runs["goprobe"]])


def pauses(bench, report):
    if os.geteuid() != 0 or (os.cpu_count() or 1) < 2:
        report("\npauses: skipped, needs root and two cores")
        return
    flows = int(PAUSE_FLOWS * min(1, bench.arg.s))
    wire = Wire()
    try:
        run = live_run(bench, wire, "goprobe", bench.arg.l, flows)
    finally:
        wire.close()
    turns_table(report, flows, [run.turns])
    report("")
    report("%d packets, %.2f M a second, %s; %s dropped, %d MiB" % (
        run.packets, run.packets / bench.arg.l / 1e6, run.note,
        run.drops, run.rss // 1024))


# ---- report -----------------------------------------------------------------

def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    return "%s, %d cores, Linux %s, load %.1f" % (
        model[1] if model else os.uname().machine, os.cpu_count() or 0,
        os.uname().release, os.getloadavg()[0])


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    ap.add_argument("-b", default="build/bin")
    ap.add_argument("-H", default="build/gcc/tests/bench")
    ap.add_argument("-d", default="build/bench")
    ap.add_argument("-s", type=float, default=1)
    ap.add_argument("-n", type=int, default=3)
    ap.add_argument("-l", type=float, default=20)
    ap.add_argument("-w", action="store_true")
    ap.add_argument("-m")
    ap.add_argument("parts", nargs="*", default=["offline", "live", "pauses"])
    arg = ap.parse_args()
    os.makedirs(arg.d, exist_ok=True)
    bench = Bench(arg)
    lines = []

    def report(text):
        print(text, flush=True)
        lines.append(text)

    report("## Capture, %s" % time.strftime("%Y-%m-%d", time.gmtime()))
    report("")
    report("%s; scale %g, %d rounds, medians [lowest-highest]" % (
        machine(), arg.s, arg.n))
    try:
        for part in arg.parts or ["offline", "live", "pauses"]:
            {"offline": offline, "live": live,
             "pauses": pauses}[part](bench, report)
    finally:
        bench.close()
    if arg.m and not bench.errors:
        with open(arg.m, "a") as f:
            f.write("\n" + "\n".join(lines) + "\n")
    return 1 if bench.errors else 0


if __name__ == "__main__":
    sys.exit(main())
