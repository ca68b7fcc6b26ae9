#!/usr/bin/env python3
"""What the sandbox costs: the same replay with `sandbox = full` and with
`sandbox = off`, in turns, so that whatever else the machine does meets both;
processor time of launcher, capture and writer together, user and system.

Prints each pair's ratio and the median with its quartiles; the aim is 2 %.
"""
import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys


def cpu_s():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime


def replay(o, how):
    store = f"{o.folder}/sandbox-store"
    ini = f"{o.folder}/{how}.ini"
    shutil.rmtree(store, ignore_errors=True)
    with open(ini, "w") as f:
        f.write(f"[writer]\nsandbox = {how}\n"
                f"[capture]\nsandbox = {how}\nl7 = {o.l7}\n")
    before = cpu_s()
    subprocess.run([f"{o.bin}/goprobe", "-c", ini, "-d", store, "-i", "x",
                    "-r", o.pcap], check=True, stderr=subprocess.DEVNULL)
    took = cpu_s() - before
    shutil.rmtree(store)
    return took


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("-b", dest="bin", default="build/bin")
    ap.add_argument("-H", dest="helpers", default="build/gcc/tests/bench")
    ap.add_argument("-d", dest="folder", default="build/bench")
    ap.add_argument("-s", dest="scale", type=float, default=1)
    ap.add_argument("-n", dest="rounds", type=int, default=10)
    ap.add_argument("--l7", default="off")
    o = ap.parse_args()
    if os.geteuid() != 0:
        sys.exit("sandbox.py: only a file of root's turns the sandbox off")
    os.makedirs(o.folder, exist_ok=True)
    o.pcap = f"{o.folder}/sandbox.pcap"
    subprocess.run([f"{o.helpers}/genpcap", "mix", str(int(2e6 * o.scale)),
                    str(int(1e5 * o.scale)), "1", o.pcap], check=True)
    replay(o, "full")  # caches
    ratios, full, off = [], [], []
    for i in range(o.rounds):
        pair = {}
        for how in ("full", "off") if i % 2 else ("off", "full"):
            pair[how] = replay(o, how)
        full.append(pair["full"])
        off.append(pair["off"])
        ratios.append(pair["full"] / pair["off"])
    q = statistics.quantiles(ratios, n=4)
    print(f"sandbox: {o.rounds} pairs, processor time "
          f"{statistics.median(full):.3f} s on, {statistics.median(off):.3f} s "
          f"off; on/off median {statistics.median(ratios):.4f}, "
          f"quartiles {q[0]:.4f} to {q[2]:.4f}, "
          f"of {min(ratios):.4f} to {max(ratios):.4f}")
    os.unlink(o.pcap)


main()
