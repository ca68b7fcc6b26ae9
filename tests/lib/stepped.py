#!/usr/bin/env python3
"""stepped.py BIN SHIM STORE NETNS [back]: the sensor under a wall clock that
jumps.

Starts goprobe-writer and goprobe-capture (interface vb) with SHIM preloaded
(wallclock.c), sends 100 frames into va, steps the clock 20 minutes back, sends
100 more, steps it two hours forward, sends 100 more, and stops both.  Prints
the blocks in which each hundred belongs.  `back`: a day forward and back, then
a boundary by itself, at which flows wait for their names.
"""
import os
import signal
import socket
import struct
import subprocess
import sys
import time

binary, shim, store, netns = sys.argv[1:5]
back = sys.argv[5:] == ["back"]
folder = os.path.dirname(store)
clock = os.path.join(folder, "clock")
STEPS = (86400, -86400) if back else (0, -1200, 7200)
BEGIN = 285 if back else 100    # seconds of the block


def wall(offset):
    return time.time() + offset


def set_offset(seconds):
    with open(clock, "r+b") as f:
        f.write(struct.pack("=q", int(seconds * 1e9)))


def start(argv, fds=(), names=""):
    env = dict(os.environ, LD_PRELOAD=shim, WALLCLOCK=clock)
    script = 'exec "$@"'
    if fds:
        env.update(LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names)
        script = 'LISTEN_PID=$$ exec "$@"'

    def place():
        kept = [os.dup(fd) for fd in fds]
        for i, fd in enumerate(kept):
            os.dup2(fd, 3 + i)

    return subprocess.Popen(["sh", "-c", script, "sh"] + argv, env=env,
                            preexec_fn=place,
                            pass_fds=[3 + i for i in range(len(fds))])


def send(count=100):
    subprocess.run(["nsenter", "--net=/run/netns/" + netns, "python3",
                    "tests/lib/numbered.py", "va", "10.99.1", str(count), "0"],
                   check=True, stdout=subprocess.DEVNULL)


with open(clock, "wb") as f:
    f.write(bytes(8))
# far enough from a boundary, so that none comes in between by itself
offset = BEGIN - wall(0) % 300
set_offset(offset)
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(os.path.join(folder, "w.sock"))
listener.listen(8)
listener.setblocking(False)
store_fd = os.open(store, os.O_RDONLY | os.O_DIRECTORY)
ini = os.path.join(folder, "stepped.ini")
with open(ini, "w") as f:
    f.write("[capture]\nl7 = %s\nl7_wait = 3\nsnapshot_interval = 1\n"
            "filter = net 10.99.1.0/24\n" % ("ndpi" if back else "off"))
writer = start(["setpriv", "--reuid=goprobe", "--regid=goprobe-read",
                "--clear-groups", os.path.join(binary, "goprobe-writer"),
                "-d", store], [listener.fileno(), store_fd], "listen:store")
capture = start(["nsenter", "--net=/run/netns/" + netns,
                 os.path.join(binary, "goprobe-capture"), "-c", ini, "-S",
                 os.path.join(folder, "w.sock"), "vb"])
time.sleep(1.5)
for step in STEPS:
    offset += step
    set_offset(offset)
    time.sleep(0.3)
    send()
    print(int(wall(offset)) // 300 * 300)
    time.sleep(1.7)
if back:
    time.sleep(300 - wall(offset) % 300 - 2.8)
    for count in 200, 300, 400:     # a hundred new ones each
        send(count)
        time.sleep(0.7)
    time.sleep(5.5)
for process in capture, writer:
    process.send_signal(signal.SIGTERM)
    try:
        status = process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        status = "killed"
    print("status", status)
