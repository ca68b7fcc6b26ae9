#!/bin/sh
# goquery as a program: exit codes, messages, formats, sandbox, damage.
. tests/lib/tap.sh

D=tests/data
S=$T/s
HELPERS=${TESTS_DIR:-build/$(basename "${CC:-gcc}")/tests}
ask() { goquery -d "$S" -i eth0 -f 2026-01-15 -l 2026-01-16 "$@"; }

run 0 "a store" goprobe -d "$S" -i eth0 -r $D/office.pcap

# --- formats agree with each other
rows=$(ask -e csv raw | tail -n +2 | wc -l)
is "$(ask -e jsonl raw | wc -l)" "$rows" "jsonl has the rows of csv"
is "$(ask -e json raw | jq '.rows | length')" "$rows" "json has them"
is "$(ask -e json raw | jq '.summary.hits')" "$rows" "and counts them"
is "$(ask -e json raw | jq -r .status)" ok "json: status"
is "$(ask -e json sip | jq '[.rows[].bytes] | add')" \
    "$(ask -e json sip | jq .summary.totals.bytes)" "json: totals"
is "$(ask -e jsonl raw | jq -r '[.time, .sip, .dport, .proto] | @csv' | sort | md5sum)" \
    "$(ask -e json raw | jq -r '.rows[] | [.time, .sip, .dport, .proto] | @csv' | sort | md5sum)" \
    "jsonl and json: the same values"
is "$(ask -e csv -n 3 raw)" "$(ask -e csv raw | head -4)" \
    "-n 3 are the first three"
is "$(ask -n 5 -c proto=UDP talk_conv | head -4 | tr '\n' '|')" \
    "Your query: talk_conv|Conditions: proto=UDP|Sort by:    accumulated data volume (sent and received)|Interface:  eth0|" \
    "txt: head"
like "$(ask -n 5 talk_conv)" '^5 of [0-9]+ rows shown; -n all shows the rest$' \
    "txt: how many more"
like "$(ask sip)" '^Coverage: 100\.00 % of the window$' "txt: coverage"
is "$(ask -e csv --show bytes -s dports sip)" \
    "$(ask -e csv --show bytes,dports -s dports sip | cut -d, -f1-2)" \
    "--show alone says what is shown, not -s"
is "$(ask -e csv -s dports sip | head -1)" "sip,packets,bytes,dports" \
    "without it the order can be seen"
for c in "tcp" "dport < 1024 and not udp" "host 192.0.2.21 or ip6" \
    "net 198.51.100.0/24 & (port 443 | port 80)"; do
	a=$(ask -e csv -c "$c" dport | tail -n +2 | awk -F, '{s += $7} END {print s + 0}')
	b=$(ask -e csv -c "not ($c)" dport | tail -n +2 | awk -F, '{s += $7} END {print s + 0}')
	all=$(ask -e csv dport | tail -n +2 | awk -F, '{s += $7} END {print s + 0}')
	is $((a + b)) "$all" "what '$c' leaves out is the rest"
done
for z in UTC Europe/Zurich America/St_Johns; do
	is "$(TZ=$z goquery -d "$S" -i eth0 -f 2026-01-15T09:00:00Z \
	    -l 2026-01-15T09:05:00Z -e csv time | tail -n +2 | cut -d, -f1)" \
	    1768467600 "$z: the block that begins the window, and no other"
done
is "$(goquery -d "$S" -i eth0 -f 2026-01-15T09:04:59Z -l 2026-01-15T09:05:01Z -e csv time |
	tail -n +2 | wc -l)" 2 "two seconds may touch two blocks"

run 0 "a category that nobody has" ask -e csv -c 'category = Wbe or l7 = Http2' \
    sip
is "$(printf '%s\n' "$err" | sed -n '/note/s/; it.*//p')" \
    "goquery: note: this store has never seen an application of category Wbe
goquery: note: this store has never seen an application named Http2" \
    "  is told as one"

# --- where clocks change: bins and days as Python's zoneinfo has them
python3 - "$HELPERS/lib/rows2store" "$T/zones" >"$T/zones.out" 2>&1 <<'PY'
import datetime, functools, subprocess, sys, zoneinfo
UTC = datetime.timezone.utc
DAY = 86400
EPOCH = datetime.datetime(1970, 1, 1)
lines, rows_of = [], {}
# of several interfaces where threads are to ask side by side
for month, day, n in ((3, 7, 1), (3, 28, 1), (10, 24, 3), (10, 31, 1)):
    start = int(datetime.datetime(2026, month, day, 12,
                                  tzinfo=UTC).timestamp())
    rows_of.update({s: n for s in range(start, start + 44 * 3600, 300)})
slots = sorted(rows_of)
for s in slots:
    for i in range(rows_of[s]):
        lines += [f"B e{i} {s} 4 300 0 0 0 0",
                  "R 192.0.2.1 192.0.2.2 443 6 1 0 1 0 TLS", f"C e{i} {s}"]
subprocess.run([sys.argv[1], sys.argv[2]], input="\n".join(lines + [""]),
               text=True, check=True)


def ask(*args):
    out = subprocess.run(["goquery", "-d", sys.argv[2], "-x", "-i", "any",
                          "-n", "all", "-e", "csv", "--show", "rows", *args,
                          "time"], capture_output=True, text=True, check=True)
    return [[int(x) for x in l.split(",")] for l in out.stdout.split()[1:]]


@functools.cache
def clock(zone, t):
    d = datetime.datetime.fromtimestamp(t, zone).replace(tzinfo=None)
    return (d - EPOCH) // datetime.timedelta(seconds=1)


def bins(zone, size):
    """The bin of each slot, by walking there from days before."""
    found, begin, shown, twice, most, last = {}, None, 0, 0, 0, 0
    for t in sorted({s - d * DAY for s in slots for d in (0, 1, 2, 3)}):
        c = clock(zone, t)
        if t - 300 not in found:
            most = last = c
        if c <= last:
            shown, twice = last + 300, last + 300 - c
        last = c
        again = c % size == 0 and c < shown and size <= twice
        if c // size * size > most or again:
            begin = t
        most = max(most, c // size * size)
        found[t] = begin
    return found


def expect(zone, size, first, last):
    rows, of = {}, bins(zone, size)
    for t in slots:
        if first <= t < last:
            rows[of[t]] = rows.get(of[t], 0) + rows_of[t]
    return [list(x) for x in sorted(rows.items())]


def first_moment(zone, text):
    c = (datetime.datetime.fromisoformat(text) - EPOCH).total_seconds()
    t = int(c) - DAY
    while clock(zone, t) < c:
        t += 300
    return t


for name in ("Europe/Zurich", "Atlantic/Azores", "America/Havana", "UTC",
             "America/Scoresbysund", "America/New_York", "Asia/Kathmandu"):
    zone = zoneinfo.ZoneInfo(name)
    for size in ("30m", "45m", "1h", "2h", "3h", "4h", "6h", "8h", "12h", "1d"):
        n = int(size[:-1]) * {"m": 60, "h": 3600, "d": DAY}[size[-1]]
        if ask("--tz", name, "--bin", size, "-f", "0") != \
                expect(zone, n, 0, 1 << 40):
            print(name, size)
    for first, last in (("2026-03-08", "2026-03-09"),
                        ("2026-03-29", "2026-03-30"),
                        ("2026-10-25", "2026-10-26"),
                        ("2026-11-01", "2026-11-02")):
        want = expect(zone, DAY, first_moment(zone, first),
                      first_moment(zone, last))
        got = {str(ask("--tz", name, "--bin", "1d", "-f", first, "-l", last,
                       "--threads", "4")) for i in range(4)}
        if got != {str(want)}:
            print(name, first, want, got)
PY
is "$(cat "$T/zones.out")" "" "bins and days where clocks change"

# --- usage errors: exit 2, nothing on stdout
usage() {
	run 2 "usage: $*" goquery -d "$S" "$@"
	is "$out" "" "  nothing on stdout"
	like "$err" '^goquery: ' "  named"
}
usage -i eth0
usage -i eth0 talk_con
usage raw
usage -i "" raw
usage -i , -c tcp raw
usage -i '!' seen
usage -i eth0 -e xml raw
usage -i eth0 -f now -l -1d raw
usage -i eth0 -f 31.12. raw
for z in Europe zone.tab tzdata.zi Europe/Zurch; do
	usage -i eth0 --tz $z raw
	like "$err" "there is no time zone '$z'" "  by its name"
done
usage -i eth0 --sandbox=off raw
usage -clean 0
usage -i eth0 -c 'dprot = 443' raw
is "$err" "goquery: condition: column 1: unknown attribute 'dprot'; did you mean 'dport'?
    dprot = 443
    ^" "  caret and suggestion"
usage -i eth0 -c "tcp and sport = 443" raw
is "$(printf '%s\n' "$err" | tail -1)" "            ^" "  caret under it"
like "$err" 'not stored' "  and why"
usage -i eth0 -c "$(printf 'sip = \033[2J')" raw
is "$(printf '%s' "$err" | tr -d '[:print:]\n' | wc -c)" 0 \
    "  no control bytes come back"

# --- run-time errors: exit 1, one line
refused() {
	run 1 "$1" goquery "$3" "$4" "$5" "$6" raw
	is "$out" "" "  nothing on stdout"
	one_line "  $1"
	like "$err" "$2" "  says $2"
}
refused "no store" 'no store' -d "$T/none" -i eth0
refused "a file" 'not a goDB store' -d $D/office.pcap -i eth0
mkdir "$T/folder"
refused "a folder" 'not a goDB store' -d "$T/folder" -i eth0
refused "no such interface" "did you mean 'eth0'" -d "$S" -i eht0
run 1 "too little memory" goquery -d "$S" -i eth0 -f 0 --mem 10k raw
like "$err" 'needs more than 10 kB of memory: .*--mem' "names the option"
run 1 "no such configuration" goquery --config "$T/none" -d "$S" -i eth0 raw
run 1 "a full disk" sh -c "goquery -d '$S' -i eth0 -f 0 raw >/dev/full"
like "$err" 'No space left' "  says so"
run 1 "stdout closed" sh -c "goquery -d '$S' -i eth0 -f 0 raw >&-"
run 0 "a pipe that breaks" sh -c "goquery -d '$S' -i eth0 -f 0 raw | head -1"
is "$err" "" "  quietly"

# --- no rows
run 0 "no rows" goquery -d "$S" -i eth0 -f 2026-01-10 -l 2026-01-11 talk_conv
like "$out" '^Overall packets: 0\.00   , Overall data volume: 0\.00  B$' \
    "  zero totals"
like "$err" 'eth0 has blocks from 2026-01-15 09:00:00 \+0000 to 2026-01-15 09:15:00 \+0000$' "  where data is"
run 4 "--fail-empty" goquery -d "$S" -i eth0 -f 2026-01-10 -l 2026-01-11 \
    --fail-empty -e csv talk_conv
run 0 "--fail-incomplete, nothing missing" ask --fail-incomplete sip

# --- the INI names the store
printf '[store]\npath = %s\n[site]\nnetworks = 192.0.2.0/24\n' "$S" >"$T/ini"
is "$(goquery --config "$T/ini" -i eth0 -f 0 -e csv sip)" \
    "$(goquery -d "$S" -i eth0 -f 0 -e csv sip)" "store from the INI"
is "$(goquery --config "$T/ini" -i eth0 -f 0 -e csv -c 'src net site' sip)" \
    "$(goquery -d "$S" -i eth0 -f 0 -e csv -c 'sip = 192.0.2.0/24' sip)" \
    "site from the INI"
run 2 "site without networks" goquery -d "$S" -i eth0 -c 'net site' sip
run 0 "-t" goquery --config "$T/ini" -t
printf '[store]\npaht = x\n' >"$T/bad"
run 1 "-t with a mistake" goquery --config "$T/bad" -t
like "$err" ':2:' "  says the line"

# --- damage costs a block, not the answer
cp -a "$S" "$T/damaged"
python3 - "$T/damaged" <<'PY'
import glob, sys
path = glob.glob(sys.argv[1] + "/eth0/20*/bytes_sent.gpf")[0]
data = bytearray(open(path, "rb").read())
data[len(data) // 2] ^= 0xff
open(path, "r+b").write(data)
PY
run 3 "a damaged chunk" goquery -d "$T/damaged" -i eth0 -f 2026-01-15 \
    -l 2026-01-16 -c tcp -e csv time
one_line "  a damaged chunk"
like "$err" '^goquery: incomplete iface=eth0 first=2026-01-15T09:[01][05]:00Z last=2026-01-15T09:[01][05]:00Z cause=damaged place="' \
    "  says where"
is "$(printf '%s\n' "$out" | tail -n +2 | wc -l)" 2 "  the other two blocks answer"
run 3 "  in text" goquery -d "$T/damaged" -i eth0 -f 0 -c tcp time
like "$out" '^Coverage: .*1 place not readable' "  below the table"
run 3 "  in json" goquery -d "$T/damaged" -i eth0 -f 0 -c tcp -e json time
is "$(printf '%s' "$out" | jq -r '.status + " " + .summary.coverage.incomplete[0].cause')" \
    "incomplete damaged" "  as fields"
run 0 "  a column that is not needed costs nothing" goquery -d "$T/damaged" \
    -i eth0 -f 0 -c 'dport = 1' -e csv sip
run 0 "  nor do sums that the index has" goquery -d "$T/damaged" -i eth0 -f 0 \
    -e csv time
is "$out" "$(goquery -d "$S" -i eth0 -f 0 -e csv time 2>/dev/null)" \
    "  which are those of the whole store"

# --- an input cut short
run 3 "a cut capture" goprobe -d "$T/cut" -i eth0 -r $D/cut.pcap
run 0 "a cut file in the answer" goquery -d "$T/cut" -i eth0 -f 0 -e csv sip
like "$err" '^goquery: incomplete iface=eth0 .*cause=cut-file' "  is told"
run 3 "  and is an incompleteness" goquery -d "$T/cut" -i eth0 -f 0 \
    --fail-incomplete sip

# --- identity and sandbox, seen from outside while it waits for its reader
status=$(python3 - "$S" <<'PY'
import fcntl, os, subprocess, sys, time
r, w = os.pipe()
os.set_blocking(w, False)
try:
    while True:
        os.write(w, b"x")
except BlockingIOError:
    pass
os.set_blocking(w, True)
p = subprocess.Popen(["goquery", "-d", sys.argv[1], "-i", "eth0", "-f", "0",
                      "raw"], stdout=w)
for i in range(100):
    time.sleep(0.05)
    s = dict(l.rstrip("\n").split(":\t", 1)
             for l in open(f"/proc/{p.pid}/status") if ":\t" in l)
    if s["Seccomp"] == "2":
        break
print(s["Uid"].split()[0] != "0", s["Gid"].split()[0] != "0",
      s["Groups"].split(), {s[c] for c in ("CapPrm", "CapEff", "CapInh", "CapAmb")},
      s["NoNewPrivs"], s["Seccomp"])
p.kill()
p.wait()
PY
)
if [ "$(id -u)" = 0 ]; then
	is "$status" "True True [] {'0000000000000000'} 1 2" \
	    "root becomes somebody without any right"
	run 1 "an outsider" setpriv --reuid=65534 --regid=65534 --clear-groups \
	    "$BIN/goquery" -d "$S" -i eth0 raw
	one_line "  outsider"
	like "$err" 'ask to be made a member' "  which group to ask for"
	chmod 700 "$T"
	run 1 "an outsider before a closed door" setpriv --reuid=65534 \
	    --regid=65534 --clear-groups "$BIN/goquery" -d "$S" -i eth0 raw
	like "$err" 'goprobe-read' "  the usual group"
	chmod 755 "$T"
	chown -R 0:0 "$T/cut"
	run 1 "a store of group root" goquery -d "$T/cut" -i eth0 raw
	like "$err" 'group root' "  is refused with the reason"
else
	like "$status" "^True True .* 1 2$" "no new privileges, seccomp"
fi
done_testing
