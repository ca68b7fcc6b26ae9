#!/usr/bin/env python3
"""Scores the names of applications against what other programs say.

usage: l7.py [-b BIN] [-H HELPERS] [-v] PCAPS

PCAPS holds capture files and, below truth/, NAME.ndpi42.csv (ndpiReader 4.2),
NAME.ndpi.csv (nDPI's own published results, of a later version) and NAME.csv
(tshark).  A flow counts where all of them agree: both nDPI give the same label
and tshark names one of its parts.  Prints TAP, the score of small common
protocols one by one, and every flow that got another label.

  -b BIN      folder with goprobe and goquery: the names through the chain
  -H HELPERS  folder with l7dump: the names of single flows
  -v          also the flows on which only the two nDPI agree
"""
import argparse
import collections
import concurrent.futures
import csv
import ipaddress
import os
import re
import shutil
import subprocess
import sys
import tempfile

WANTED = 0.97
CUT, CUT_WANTED = 256, 0.68
# where tshark says otherwise than nDPI what they both mean
TSHARK = {
    "nbns": "netbios", "nbdgm": "netbios", "nbss": "netbios",
    "db-lsp-disc": "dropbox", "db-lsp": "dropbox", "gquic": "quic",
    "iec60870_104": "iec60870", "iec60870_101": "iec60870",
    "isakmp": "ipsec", "esp": "ipsec", "ah": "ipsec", "udpencap": "ipsec",
    "bt-dht": "bittorrent", "bt-utp": "bittorrent", "mbtcp": "modbus",
    "modbus": "modbus", "giop": "corba", "nntp": "usenet",
    "wow": "worldofwarcraft", "krb5": "kerberos", "pgsql": "postgresql",
    "tds": "mssqltds", "smb": "smbv1", "smb2": "smbv23", "dcerpc": "dcerpc",
    "ftp": "ftpcontrol", "ftp-data": "ftpdata", "rdp": "rdp", "pop": "pop3",
    "imf": "smtp", "ssl": "tls", "wg": "wireguard", "aim": "oscar",
    "cflow": "netflow", "rpc": "rpc", "nfs": "nfs", "sip": "sip",
    "h225": "h323", "h245": "h323", "h323": "h323", "skinny": "ciscoskinny",
    "cldap": "ldap", "dhcp": "dhcp", "bootp": "dhcp", "dtls": "dtls",
    "memcache": "memcached", "rtitcp": "rtps", "zmtp": "zeromq",
    "amqp": "amqp", "doip": "doip", "tpkt": "rdp", "vnc": "vnc",
    "s7comm": "s7comm", "cql": "cassandra", "resp": "redis",
    "mongo": "mongodb", "xmpp": "jabber", "msmms": "rtsp", "vrrp": "vrrp",
    "whois": "whoisdas", "lpd": "printer", "enip": "ethernetip",
    "openvpn": "openvpn", "dnp3": "dnp3", "smpp": "smpp", "gtpv2": "gtp",
    "gtp": "gtp", "radius": "radius", "diameter": "diameter",
    "rtmpt": "rtmp", "rlogin": "rsh", "tns": "oracle", "mdns": "mdns",
}
SMALL = ("DNS HTTP TLS QUIC SSH SMTP IMAP POP3 FTP_CONTROL NTP DHCP SNMP SIP "
         "RDP SMBv1 SMBv23 MySQL PostgreSQL BitTorrent WireGuard OpenVPN MQTT "
         "LDAP Kerberos Syslog TFTP SSDP MDNS LLMNR NetBIOS STUN RTP Radius "
         "Telnet VNC RTSP CoAP Modbus").split()
NUMBER = {"TCP": 6, "UDP": 17, "ICMP": 1, "ICMPV6": 58, "IGMP": 2, "SCTP": 132}
ALIAS = {"dcerpc": "dcerpc", "facebookmessenger": "messenger"}

Flow = collections.namedtuple("Flow", "file key label got bytes agree shark")


def plain(text):
    text = re.sub(r"[^a-z0-9]", "", text.lower())
    return ALIAS.get(text, text)


def parts(label):
    return [plain(p) for p in label.rstrip("?").split(".")]


def flow_key(proto, a, aport, b, bport):
    return (proto, frozenset(((ipaddress.ip_address(a), int(aport or 0)),
                              (ipaddress.ip_address(b), int(bport or 0)))))


def read_ndpi(path):
    """Labels by flow; those that occur twice with different ones are left."""
    flows, twice = {}, set()
    with open(path) as f:
        for r in csv.DictReader(f):
            if r["tunnel"]:
                continue
            try:
                proto = NUMBER.get(r["l4"]) or int(r["l4"])
                key = flow_key(proto, r["a"], r["aport"], r["b"], r["bport"])
            except ValueError:
                continue
            if flows.setdefault(key, r["ndpi"]) != r["ndpi"]:
                twice.add(key)
    return {k: v for k, v in flows.items() if k not in twice}


def read_tshark(path):
    flows = {}
    with open(path) as f:
        for r in csv.DictReader(f):
            key = flow_key(int(r["proto"]), r["a"], r["aport"], r["b"],
                           r["bport"])
            names = [x.split("=")[0] for x in r["l7"].split(";") if x]
            flows[key] = (names, int(r["frbytes_ab"]) + int(r["frbytes_ba"]))
    return flows


def dump(arg, name, snaplen):
    out = subprocess.run([os.path.join(arg.H, "l7dump"), "-s", str(snaplen),
                          os.path.join(arg.pcaps, name)],
                         capture_output=True, text=True)
    if out.returncode not in (0, 1, 3):
        raise RuntimeError("l7dump %s: exit %d" % (name, out.returncode))
    flows, sums = {}, collections.Counter()
    for line in out.stdout.splitlines():
        proto, a, aport, b, bport, label, _, size = line.split(",")
        flows[flow_key(int(proto), a, aport, b, bport)] = label
        sums[label] += int(size)
    return flows, sums


def score_file(arg, name, snaplen=262144):
    base = os.path.join(arg.pcaps, "truth", name)
    got, sums = dump(arg, name, snaplen)
    old = read_ndpi(base + ".ndpi42.csv")
    new = read_ndpi(base + ".ndpi.csv") if os.path.exists(
        base + ".ndpi.csv") else None
    shark = read_tshark(base + ".csv")
    flows = []
    for key, label in old.items():
        if key not in shark or plain(label) == "unknown":
            continue
        names, size = shark[key]
        by_shark = any(TSHARK.get(n, plain(n)) in parts(label) for n in names)
        by_new = new is not None and key in new and \
            parts(new[key]) == parts(label)
        agree = "all" if by_shark and by_new else \
            "nDPI" if by_new else "4.2 and tshark" if by_shark else ""
        if agree:
            flows.append(Flow(name, key, label, got.get(key, "none"), size,
                              agree, ",".join(names)))
    return flows, sums


def right(f):
    return parts(f.got) == parts(f.label)


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def ok(self, fine, what):
        self.n += 1
        self.failed += not fine
        print("%sok %d - %s" % ("" if fine else "not ", self.n, what))


def share(flows):
    """Right ones by flow and by bytes."""
    size = sum(f.bytes for f in flows)
    good = [f for f in flows if right(f)]
    return (len(good) / len(flows) if flows else 0,
            sum(f.bytes for f in good) / size if size else 0)


def describe(f):
    (proto, ends) = f.key
    ends = sorted(ends)
    return "%s %d %s: %s, tshark %s; got %s, %d bytes" % (
        f.file, proto, " ".join("%s:%d" % e for e in ends), f.label,
        f.shark or "-", f.got, f.bytes)


def report(tap, flows, arg):
    groups = {g: [f for f in flows if f.agree == g]
              for g in ("all", "nDPI", "4.2 and tshark")}
    by_flow, by_bytes = share(groups["all"])
    for g, fs in groups.items():
        print("# %s agree: %d flows, %.2f %% right, %.2f %% of bytes" % (
            (g, len(fs)) + tuple(100 * s for s in share(fs))))
    guesses = [f for f in groups["all"] if right(f) and f.got.endswith("?")]
    print("# %d of the right ones are marked as guesses" % len(guesses))
    tap.ok(len(groups["all"]) > 500, "%d flows on which nDPI's published "
           "results, ndpiReader 4.2 and tshark agree" % len(groups["all"]))
    tap.ok(by_flow >= WANTED, "%.2f %% of these flows" % (100 * by_flow))
    tap.ok(by_bytes >= WANTED, "%.2f %% of their bytes" % (100 * by_bytes))
    for name in SMALL:
        fs = [f for f in flows if plain(name) in parts(f.label)]
        three = [f for f in fs if f.agree == "all"]
        print("# %-11s %4d of %4d where all agree, %4d of %4d where two do" % (
            name, sum(map(right, three)), len(three),
            sum(right(f) for f in fs if f.agree != "all"),
            len(fs) - len(three)))
    for f in flows:
        if not right(f) and (f.agree == "all" or arg.v):
            print("# other: " + describe(f))


def report_cut(tap, flows):
    """Of the same flows those that are named by what they say, not guessed."""
    fs = [f for f in flows if f.agree == "all"]
    sure = sum(right(f) and not f.got.endswith("?") for f in fs) / len(fs)
    tap.ok(sure >= CUT_WANTED, "%.2f %% of them by content, of %d bytes of "
           "each packet" % (100 * sure, CUT))


def through_chain(tap, arg, names, sums):
    """All captures in one run; the same bytes under the same names."""
    tmp = tempfile.mkdtemp(prefix="l7.")
    os.chmod(tmp, 0o755)
    store = os.path.join(tmp, "store")
    argv = [os.path.join(arg.b, "goprobe"), "-d", store, "-i", "all"]
    for n in names:
        argv += ["-r", os.path.join(arg.pcaps, n)]
    run = subprocess.run(argv, capture_output=True, text=True)
    tap.ok(run.returncode in (0, 1, 3), "all captures through the chain: %s" %
           run.stderr.strip().splitlines()[-1][:200])
    out = subprocess.run([os.path.join(arg.b, "goquery"), "-d", store, "-i",
                          "all", "-f", "0", "-l", "2106-01-01", "-e", "csv",
                          "apps_l7"],
                         capture_output=True, text=True).stdout
    chain = {r["l7proto"]: int(r["bytes"])
             for r in csv.DictReader(out.splitlines())}
    shutil.rmtree(tmp)
    total = sum(sums.values())
    same = sum(min(chain.get(k, 0), v) for k, v in sums.items())
    tap.ok(sum(chain.values()) == total, "%d bytes are %d in the store" % (
        total, sum(chain.values())))
    # addresses and ports of different captures meet there
    tap.ok(same >= 0.95 * total, "%.2f %% of all bytes have the name that "
           "they have flow by flow" % (100 * same / total))


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    ap.add_argument("-b", default="build/bin")
    ap.add_argument("-H", default="build/gcc/tests/lib")
    ap.add_argument("-v", action="store_true")
    ap.add_argument("pcaps")
    arg = ap.parse_args()
    end = ".ndpi42.csv"
    names = sorted(n[:-len(end)] for n in os.listdir(
        os.path.join(arg.pcaps, "truth")) if n.endswith(end))
    tap, flows, sums = Tap(), [], collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for fs, s in pool.map(lambda n: score_file(arg, n), names):
            flows += fs
            sums += s
        cut = [f for fs, _ in pool.map(lambda n: score_file(arg, n, CUT),
                                       names) for f in fs]
    report(tap, flows, arg)
    report_cut(tap, cut)
    through_chain(tap, arg, names, sums)
    print("1..%d" % tap.n)
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
