#!/usr/bin/env python3
"""Who holds what: the sensor's processes while they run, read from /proc and
asked from inside (tests/lib/inside.c), every thread, against a golden table.

    holds.py -b BIN -h HELPERS [--write]

A row that a change adds is added to tests/data/holds.golden with --write, and
read before it is committed.  One scenario a block, one process a paragraph.
"""
import argparse
import grp
import os
import pwd
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

GOLDEN = "tests/data/holds.golden"
CAPS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
FOLDERS = ["/", "/etc", "/tmp", "/run", "/dev/shm", "/var/tmp"]
PROGRAMS = ("goprobe", "goprobe-writer", "goprobe-capture", "goquery")


def read(path):
    with open(path) as f:
        return f.read()


def user(n):
    try:
        return pwd.getpwuid(int(n)).pw_name
    except KeyError:
        return n


def group(n):
    try:
        return grp.getgrgid(int(n)).gr_name
    except KeyError:
        return n


def one(values):
    """`a` for a a a a, else all of them."""
    return values[0] if len(set(values)) == 1 else " ".join(values)


# ---- descriptors by kind

def sockets(pid):
    """inode -> kind, in the process's own network."""
    kinds = {}
    types = {"0001": "stream", "0002": "dgram", "0005": "seqpacket"}
    for line in read(f"/proc/{pid}/net/unix").splitlines()[1:]:
        f = line.split()
        flags = int(f[3], 16)
        kinds[f[6]] = "unix %s%s" % (types[f[4]],
                                     " listening" if flags & 0x10000 else "")
    for line in read(f"/proc/{pid}/net/packet").splitlines()[1:]:
        f = line.split()
        kinds[f[8]] = "packet socket"
    for line in read(f"/proc/{pid}/net/tcp").splitlines()[1:]:
        f = line.split()
        kinds[f[9]] = "TCP" if f[3] == "01" else "TCP, not connected"
    return kinds


def kind(pid, fd, known, names):
    target = os.readlink(f"/proc/{pid}/fd/{fd}")
    flags = int(re.search(r"flags:\s+(\d+)", read(f"/proc/{pid}/fdinfo/{fd}"))[1], 8)
    mode = ("read", "write", "read-write")[flags & 3]
    m = re.match(r"(socket|pipe):\[(\d+)\]", target)
    if m and m[1] == "socket":
        return known.get(m[2], "socket of another kind")
    if m:
        return f"pipe, {mode}"
    if target.startswith("anon_inode:"):
        return target[len("anon_inode:"):].strip("[]")
    if target.startswith("/memfd:"):
        return f"{target[1:].split(' ')[0]}, {mode}"
    for path, name in names:
        if target == path or target.startswith(path + "/"):
            target = name + target[len(path):]
            break
    target = re.sub(r"/\d{4}-\d\d-\d\d\b", "/DAY", target)
    target = re.sub(r"journal/\d+", "journal/SLOT", target)
    target = re.sub(r"^/sys/.*/statistics/", "sysfs statistics/", target)
    return f"{target}, {mode}"


def descriptors(pid, names):
    known = sockets(pid)
    out = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            k = kind(pid, fd, known, names)
        except FileNotFoundError:
            continue  # opened and closed meanwhile
        if int(fd) <= 2:
            k = "standard"
        out[k] = out.get(k, 0) + 1
    return out


# ---- one process

def thread_facts(pid, tid, as_started):
    st = dict(line.split(":\t", 1) for line in
              read(f"/proc/{pid}/task/{tid}/status").splitlines()
              if ":\t" in line)
    facts = [
        ("uid", one([user(u) for u in st["Uid"].split()])),
        ("gid", one([group(g) for g in st["Gid"].split()])),
        ("groups", " ".join(group(g) for g in st["Groups"].split()) or "none"),
    ]
    for cap in CAPS:
        value = int(st[cap], 16)
        facts.append((cap, "none" if value == 0 else
                      "as started" if value == as_started[cap] else
                      st[cap].strip()))
    facts.append(("no_new_privs", st["NoNewPrivs"].strip()))
    facts.append(("seccomp", {"0": "off", "1": "strict", "2": "filter"}
                  [st["Seccomp"].strip()]))
    return facts


def own_caps():
    st = dict(line.split(":\t", 1) for line in
              read("/proc/self/status").splitlines() if ":\t" in line)
    return {cap: int(st[cap], 16) for cap in CAPS}


def from_inside(helper, pid, names):
    paths = ["/etc/passwd"] + FOLDERS + [p for p, _ in names]
    r = subprocess.run([helper, str(pid)] + paths, capture_output=True,
                       text=True)
    if r.returncode:
        return None, r.stderr.strip()
    out = {}
    for line in r.stdout.splitlines():
        tid, path, may = line.split()
        out.setdefault(tid, {})[path] = may
    return out, None


def paths_facts(may, names):
    def show(p):
        return dict(names).get(p, p)

    if may is None:
        return []
    if may["/etc/passwd"] != "--":
        return [("Landlock", "off")]  # and its user's rights decide
    return [
        ("Landlock", "on"),
        ("readable", ", ".join(show(p) for p, m in may.items()
                               if m[0] == "r") or "nothing"),
        ("writable", ", ".join(show(p) for p, m in may.items()
                               if m[1] == "w") or "nothing"),
    ]


class Skip(Exception):
    pass


def describe(title, pid, names, options):
    """A paragraph of the table; threads that are alike are one."""
    lines = [f"[{title}]"]
    inside, why = from_inside(options.helper, pid, names)
    if why:
        options.blind = why
    tids = sorted(os.listdir(f"/proc/{pid}/task"), key=int)
    alike = {}
    for tid in tids:
        facts = thread_facts(pid, tid, options.caps) + \
            paths_facts(inside and inside[tid], names)
        alike.setdefault(tuple(facts), []).append(tid)
    lines.append(f"threads: {len(tids)}")
    for facts in alike:
        if len(alike) > 1:
            lines.append(f"of them: {len(alike[facts])}")
        lines += [f"{k}: {v}" for k, v in facts]
    # what belongs to a process that cannot be dumped or traced is root's
    dumpable = os.stat(f"/proc/{pid}/environ").st_uid != 0
    st_uid = thread_facts(pid, pid, options.caps)[0][1]
    lines.append("dumpable: %s" % (
        "-" if st_uid == "root" else "yes" if dumpable else "no"))
    limits = read(f"/proc/{pid}/limits")
    for name, text in (("core", "Max core file size"),
                       ("processes", "Max processes")):
        value = re.search(text + r"\s+(\S+)\s+(\S+)", limits)
        lines.append(f"limit {name}: " +
                     ("0" if value[1] == value[2] == "0" else "as started"))
    for k, n in sorted(descriptors(pid, names).items()):
        lines.append(f"fd: {n} x {k}" if n > 1 else f"fd: {k}")
    return lines


# ---- scenarios

def children(pid):
    out = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        for child in read(f"/proc/{pid}/task/{tid}/children").split():
            name = read(f"/proc/{child}/comm").strip()
            out[name[:15]] = int(child)
    return out


def wait_for(seconds, what, condition):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise Exception(f"{what}: not within {seconds} s")


def seccomp_on(pid):
    return re.search(r"^Seccomp:\s+2", read(f"/proc/{pid}/status"), re.M)


def demote(uid, gid, groups=()):
    def become():
        os.setgroups(list(groups))
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    return become


class Network:
    def __init__(self):
        self.name = f"sec{os.getpid()}"
        run = subprocess.run(["ip", "netns", "add", self.name],
                             capture_output=True)
        if run.returncode:
            raise Skip("needs network namespaces")
        self.inside = ["nsenter", f"--net=/run/netns/{self.name}"]
        sh = self.inside + ["sh", "-ec",
                            "ip link add va type veth peer name vb\n"
                            "ip link set va up\nip link set vb up"]
        subprocess.run(sh, check=True, stderr=subprocess.DEVNULL)

    def close(self):
        subprocess.run(["ip", "netns", "del", self.name])


def launch(argv, **how):
    return subprocess.Popen(argv, stdin=how.pop("stdin", subprocess.DEVNULL),
                            stdout=how.pop("stdout", subprocess.DEVNULL),
                            stderr=how.pop("stderr", subprocess.DEVNULL), **how)


def sensor(title, launcher, names, options, out):
    pids = wait_for(20, "processes", lambda: (
        lambda c: c if len(c) == 2 else None)(children(launcher)))
    for pid in pids.values():
        wait_for(20, "seccomp", lambda: seccomp_on(pid))
    time.sleep(1)
    out.append(describe(f"{title}: goprobe", launcher, names, options))
    for name in sorted(pids):
        out.append(describe(f"{title}: {name}", pids[name], names, options))


def live(options, folder, out, title, ini):
    left = 300 - time.time() % 300
    if left < 25:  # what is open while a block is committed is another story
        time.sleep(left)
    net = Network()
    store = f"{folder}/{title.replace(' ', '-')}"
    with open(f"{store}.ini", "w") as f:
        f.write(ini)
    log = open(f"{store}.err", "w+")
    p = launch(net.inside + [f"{options.bin}/goprobe", "-c", f.name, "-d",
                             store, "vb"], stderr=log)
    try:
        wait_for(20, "start", lambda: "capturing on" in read(log.name))
        status = os.readlink(next(
            f"/proc/{p.pid}/fd/{fd}" for fd in os.listdir(f"/proc/{p.pid}/fd")
            if "/run/goprobe-writer" in os.readlink(f"/proc/{p.pid}/fd/{fd}")))
        # a frame, so that what is open while it counts is open
        subprocess.run(net.inside + [sys.executable, "-c", FRAME], check=True)
        time.sleep(2.5)
        sensor(title, p.pid, [(store, "STORE"), (status, "STATUS")], options,
               out)
    finally:
        p.terminate()
        p.wait(60)
        net.close()


FRAME = """
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("va", 0))
s.send(bytes.fromhex("02000000000102000000000208004500001c000100004011"
       "000001020304050607081000003500080000") + bytes(20))
"""


def pcap(rows):
    out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)
    for i in range(rows):
        packet = struct.pack(">BBHHHBBH4s4sHHHH", 0x45, 0, 28, 1, 0, 64, 17,
                             0, struct.pack(">I", 0x0a000000 + i),
                             struct.pack(">I", 0x0b000000 + i), 1024 + i % 999,
                             53, 8, 0)
        out += struct.pack("<IIII", 1700000000, 0, len(packet), len(packet))
        out += packet
    return out


def offline(options, folder, out, title, how):
    """Stopped in the middle of its input."""
    store = f"{folder}/{title.replace(' ', '-')}"
    argv = [f"{options.bin}/goprobe", "-d", f"{store}/s", "-i", "x", "-r", "-"]
    os.mkdir(store)
    os.chmod(store, 0o777)
    p = launch(argv, stdin=subprocess.PIPE, **how)
    try:
        p.stdin.write(pcap(20000))
        p.stdin.flush()
        sensor(title, p.pid, [(f"{store}/s", "STORE")], options, out)
        p.stdin.close()
        if p.wait(60):
            raise Exception(f"{title}: status {p.returncode}")
    finally:
        p.kill()
    return f"{store}/s"


def asking(options, out, title, store, how, more=()):
    """Stopped while nobody reads the answer."""
    p = launch([f"{options.bin}/goquery", "-d", store, "-i", "x", "-f",
                "2023-11-01", "-l", "2023-12-01", "-e", "csv", "--threads=3",
                *more, "raw"],
               stdout=subprocess.PIPE, **how)
    try:
        wait_for(20, "an answer that waits", lambda: seccomp_on(p.pid) and
                 "pipe" in read(f"/proc/{p.pid}/wchan"))
        out.append(describe(title, p.pid, [(store, "STORE")], options))
    finally:
        p.kill()
        p.stdout.close()
        p.wait()


def exporting(options, folder, out, title, store, how):
    """Stopped while the server, which only listens, does not answer."""
    server = socket.create_server(("127.0.0.1", 0))
    state = f"{folder}/{title.replace(' ', '-')}"
    if how:
        os.mkdir(state)
        os.chmod(state, 0o777)
    with open(f"{state}.ini", "w") as f:
        f.write("[site]\nname = x\n[export]\nurl = http://127.0.0.1:%d/\n" %
                server.getsockname()[1])
    os.chmod(f.name, 0o644)
    p = launch([f"{options.bin}/goprobe-export", "-c", f.name, "-d", store,
                "-s", state], **how)
    try:
        wait_for(20, "a question that waits", lambda: seccomp_on(p.pid) and
                 "poll" in read(f"/proc/{p.pid}/wchan") and
                 "TCP" in descriptors(p.pid, []))
        out.append(describe(title, p.pid,
                            [(store, "STORE"), (state, "STATE")], options))
    finally:
        p.kill()
        p.wait()
        server.close()


def asking_afar(options, out, title, how):
    """Stopped while the server says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = "http://127.0.0.1:%d/" % server.getsockname()[1]
        p = launch([f"{options.bin}/goquery", "--remote", url, "-i", "any",
                    "raw"], **how)
        try:
            server.settimeout(20)
            connection, _ = server.accept()
            connection.recv(1)
            out.append(describe(title, p.pid, [], options))
            connection.close()
        finally:
            p.kill()
            p.wait()


def scenarios(options):
    out = []
    nobody = pwd.getpwnam("nobody")
    somebody = {"preexec_fn": demote(nobody.pw_uid, nobody.pw_gid)}
    analyst = {"preexec_fn": demote(
        nobody.pw_uid, nobody.pw_gid, [grp.getgrnam("goprobe-read").gr_gid])}
    with tempfile.TemporaryDirectory(prefix="holds.") as folder:
        os.chmod(folder, 0o755)
        live(options, folder, out, "live",
             "[capture]\nsnapshot_interval = 1\n")
        live(options, folder, out, "three workers",
             "[capture]\nsnapshot_interval = 1\nworkers = 3\nl7 = off\n")
        store = offline(options, folder, out, "offline as root", {})
        own = offline(options, folder, out, "offline as a user", somebody)
        asking(options, out, "goquery as root", store, {})
        asking(options, out, "goquery as an analyst", store, analyst)
        asking(options, out, "goquery --sandbox=seccomp", own, somebody,
               ["--sandbox=seccomp"])
        exporting(options, folder, out, "goprobe-export as root", store, {})
        exporting(options, folder, out, "goprobe-export as a user", own,
                  somebody)
        asking_afar(options, out, "goquery-remote as root", {})
        asking_afar(options, out, "goquery-remote as an analyst", analyst)
    return out


# ---- comparison

def compare(options, got, want):
    n = failed = 0
    if options.blind:
        print(f"# Landlock not looked at: {options.blind}")
        want = re.sub(r"\n(Landlock|readable|writable): .*", "", want)
    wanted = {p.split("\n", 1)[0]: p.split("\n") for p in
              want.strip().split("\n\n") if not p.startswith("#")}
    for paragraph in got:
        n += 1
        expected = wanted.pop(paragraph[0], [])
        if paragraph == expected:
            print(f"ok {n} - {paragraph[0]}")
            continue
        failed += 1
        print(f"not ok {n} - {paragraph[0]}")
        for line in expected:
            if line not in paragraph:
                print(f"# expected: {line}")
        for line in paragraph:
            if line not in expected:
                print(f"#      got: {line}")
    for title in wanted:
        n += 1
        failed += 1
        print(f"not ok {n} - {title}: no such process")
    return n, failed


HEAD = """# Who holds what while it runs; tests/system/holds.py reads it from /proc, and
# from inside with the system call filter suspended.  STORE and STATUS are the
# run's own folders; `as started` is what the test itself has."""


def privileged(got):
    """Whatever the golden table says: no root, no capability, but in the
    launcher, which parses nothing foreign."""
    wrong = []
    for p in got:
        if p[0].endswith(": goprobe]"):
            continue
        facts = dict(line.split(": ", 1) for line in p[1:]
                     if not line.startswith("fd: "))
        if facts["uid"] == "root" or facts["gid"] == "root" or \
                facts["seccomp"] != "filter" or \
                any(facts[c] != "none" for c in CAPS if c != "CapBnd"):
            wrong.append(p[0])
    return wrong


def main():
    ap = argparse.ArgumentParser(add_help=False)
    ap.add_argument("-b", dest="bin",
                    default=os.environ.get("BIN", "build/bin"))
    ap.add_argument("-h", dest="helper", default=os.environ.get(
        "TESTS_DIR", "build/gcc/tests") + "/lib/inside")
    ap.add_argument("--write", action="store_true")
    options = ap.parse_args()
    options.bin = os.path.abspath(options.bin)
    options.caps = own_caps()
    options.blind = None
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return 0
    try:
        pwd.getpwnam("goprobe-capture")
        got = scenarios(options)
    except KeyError:
        print("1..0 # SKIP users are missing: make users")
        return 0
    except Skip as e:
        print(f"1..0 # SKIP {e}")
        return 0
    if options.write and not options.blind:
        with open(GOLDEN, "w") as f:
            f.write(HEAD + "\n\n" +
                    "\n\n".join("\n".join(p) for p in got) + "\n")
        return 0
    n, failed = compare(options, got, read(GOLDEN))
    n += 1
    wrong = privileged(got)
    print(f"{'not ' if wrong else ''}ok {n} - no root and no capability where "
          f"foreign bytes are read {' '.join(wrong)}")
    print(f"1..{n}")
    return 1 if failed or wrong else 0


sys.exit(main())
