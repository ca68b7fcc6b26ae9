#!/usr/bin/env python3
"""Fail closed: each step of each sandbox is made to fail (tests/lib/deny.c),
and the program must leave with an error before it says READY or answers.

The same program without a denial gets READY or answers, so that this can fail.
"""
import fcntl
import os
import pwd
import socket
import struct
import subprocess
import sys
import tempfile

BIN = os.path.abspath(os.environ.get("BIN", "build/bin"))
TESTS = os.environ.get("TESTS_DIR", "build/gcc/tests")
DENY = os.path.abspath(TESTS + "/lib/deny")
LANDLOCK = ["landlock_create_ruleset", "landlock_add_rule",
            "landlock_restrict_self"]
ROOT_DROP = ["setgroups", "setresgid", "setresuid", "capset", "prctl"]
USER_DROP = ["prctl"]  # who has no capability need not drop one
MAGIC, WELCOME = 0x31485047, 1

count = failed = 0


def ok(good, what, more=""):
    global count, failed
    count += 1
    print(f"{'' if good else 'not '}ok {count} - {what}")
    if not good:
        failed += 1
        print(f"# {more}")


def demote(uid, gid):
    def become():
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    return become


def run(argv, deny, fds=(), who=None, answer=None):
    """The program as its supervisor starts it: (status, stderr, said READY,
    stdout).  fds: (name, descriptor) in order."""
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind("")
    notify.settimeout(0.02)
    name = notify.getsockname().decode().replace("\0", "@", 1)
    # descriptors to 3, 4, ...; LISTEN_PID is who execs
    script = 'LISTEN_PID=$$ exec "$@"'
    high = [os.dup(fd) for _, fd in fds]
    base = 64
    moved = []
    for fd in high:
        moved.append(fcntl.fcntl(fd, fcntl.F_DUPFD, base))
        os.close(fd)

    def child():
        for i, fd in enumerate(moved):
            os.dup2(fd, 3 + i, inheritable=True)
        if who:
            who()

    env = dict(os.environ, NOTIFY_SOCKET=name, LISTEN_FDS=str(len(fds)),
               LISTEN_FDNAMES=":".join(n for n, _ in fds))
    full = ([DENY, deny] if deny else []) + argv
    p = subprocess.Popen(["sh", "-c", script, "sh"] + full, env=env,
                         preexec_fn=child, close_fds=False,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    for fd in moved:
        os.close(fd)
    ready = False
    if answer:
        answer(p)
    for _ in range(500):
        try:
            ready |= b"READY=1" in notify.recv(4096)
            break
        except socket.timeout:
            if p.poll() is not None:
                break
    if ready:
        p.kill()  # how it ends is not the question
    try:
        out, err = p.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        p.kill()
        out, err = p.communicate()
        err += "(hung)"
    notify.close()
    return p.returncode, err, ready, out


def judge(title, deny, result):
    status, err, ready, out = result
    if deny is None:
        ok(ready or (status == 0 and out), f"{title}: works when it may",
           f"status {status}, {err}")
    else:
        ok(status not in (0, 77, 127) and status > 0 and not ready and
           not out and len(err.strip().splitlines()) == 1,
           f"{title}: leaves without {deny}",
           f"status {status}, ready {ready}, out {out[:80]!r}, err {err!r}")


def writer(folder, who):
    for deny in [None, "seccomp"] + LANDLOCK + USER_DROP + ["prlimit64"]:
        ours, theirs = socket.socketpair(socket.AF_UNIX,
                                         socket.SOCK_SEQPACKET)
        store = tempfile.mkdtemp(dir=folder)
        os.chown(store, *who) if os.geteuid() == 0 else None
        fd = os.open(store, os.O_RDONLY | os.O_DIRECTORY)
        judge("writer", deny, run(
            [f"{BIN}/goprobe-writer", "-d", store], deny,
            [("store", fd), ("offline", theirs.fileno())],
            demote(*who) if os.geteuid() == 0 else None))
        os.close(fd)
        ours.close()
        theirs.close()


def capture(who):
    """A writer's end that welcomes, so that READY is all that is left."""
    as_root = who is None
    drops = ROOT_DROP if as_root else USER_DROP
    title = "capture as root" if as_root else "capture as a user"
    for deny in [None, "seccomp"] + LANDLOCK[::2] + drops + ["prlimit64"]:
        ours, theirs = socket.socketpair(socket.AF_UNIX,
                                         socket.SOCK_SEQPACKET)
        r, w = os.pipe()
        ours.settimeout(5)

        def welcome(p):
            theirs.close()
            try:
                if ours.recv(256):
                    ours.send(struct.pack("=IHHQQ", MAGIC, WELCOME, 0, 0, 1))
            except OSError:
                pass  # it left before

        judge(title, deny, run(
            [f"{BIN}/goprobe-capture", "--offline", "--append", "-i", "x",
             "--", "-"], deny, [("writer", theirs.fileno()), ("input", r)],
            who, welcome))
        ours.close()
        os.close(r)
        os.close(w)


def goquery(store, who, title):
    drops = USER_DROP if who or os.geteuid() else ROOT_DROP
    for deny in [None, "seccomp"] + LANDLOCK + drops + ["prlimit64",
                                                        "close_range"]:
        judge(title, deny, run(
            [f"{BIN}/goquery", "-d", store, "-i", "x", "-f", "2023-11-01",
             "-e", "csv", "raw"], deny, (), who))


def export(folder, store, who, title):
    """A server that never answers: READY is said before it is asked."""
    server = socket.create_server(("127.0.0.1", 0))
    ini = f"{folder}/export.ini"
    with open(ini, "w") as f:
        f.write("[site]\nname = x\n[export]\nurl = http://127.0.0.1:%d/\n" %
                server.getsockname()[1])
    os.chmod(ini, 0o644)
    drops = USER_DROP if who or os.geteuid() else ROOT_DROP
    for deny in [None, "seccomp"] + LANDLOCK + drops + ["prlimit64"]:
        state = tempfile.mkdtemp(dir=folder)
        os.chmod(state, 0o777) if who else None
        judge(title, deny, run(
            [f"{BIN}/goprobe-export", "-c", ini, "-d", store, "-s", state],
            deny, (), who))
    server.close()


def whole(folder):
    """The launcher says so as well, and nothing is stored."""
    for deny in ["seccomp", "landlock_restrict_self"]:
        store = f"{folder}/whole-{deny}"
        r = subprocess.run([DENY, deny, f"{BIN}/goprobe", "-d", store, "-i",
                            "x", "-r", "tests/data/office.pcap"],
                           capture_output=True, text=True)
        ok(r.returncode == 1 and not os.path.exists(f"{store}/x"),
           f"goprobe: leaves without {deny}, nothing stored", r.stderr)


def main():
    with tempfile.TemporaryDirectory(prefix="closed.") as folder:
        os.chmod(folder, 0o755)
        nobody = pwd.getpwnam("nobody")
        ids = (nobody.pw_uid, nobody.pw_gid)
        if os.geteuid() != 0:
            ids = (os.geteuid(), os.getegid())
        probe = subprocess.run([DENY, "vhangup", "/bin/true"])
        if probe.returncode:
            print("1..0 # SKIP no seccomp here")
            return 0
        store = f"{folder}/store"
        subprocess.run([f"{BIN}/goprobe", "-d", store, "-i", "x", "-r",
                        "tests/data/office.pcap"], check=True,
                       stderr=subprocess.DEVNULL)
        subprocess.run(["chmod", "-R", "a+rX", store], check=True)
        writer(folder, ids)
        if os.geteuid() == 0:
            try:
                pwd.getpwnam("goprobe-capture")
                capture(None)
            except KeyError:
                print("# user goprobe-capture is missing: make users")
            capture(demote(*ids))
            goquery(store, None, "goquery as root")
            goquery(store, demote(*ids), "goquery as a user")
            export(folder, store, None, "goprobe-export as root")
            export(folder, store, demote(*ids), "goprobe-export as a user")
        else:
            capture(lambda: None)
            goquery(store, None, "goquery as a user")
            export(folder, store, None, "goprobe-export as a user")
        whole(folder)
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
