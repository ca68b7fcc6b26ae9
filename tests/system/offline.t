#!/bin/sh
# Files through capture, ring, writer and store to an answer; and everything
# that can be wrong with them.
. tests/lib/tap.sh

D=tests/data
ALL='-f 0 -l 4294967295'

# rows STORE NAME [COLUMNS [MORE...]]: csv of all time
rows() {
	store=$1 name=$2 columns=${3:-raw}
	[ $# -gt 3 ] && shift 3 || set --
	goquery -d "$store" -i "$name" $ALL -e csv "$@" "$columns"
}
# total COLUMN-NUMBER: sum of a csv column
total() { awk -F, -v c="$1" 'NR > 1 { s += $c } END { printf "%d\n", s }'; }

python3 tests/lib/pcapgen.py -o "$T"
same=yes
for f in "$D"/*.pcap "$D"/*.pcapng; do
	cmp -s "$f" "$T/$(basename "$f")" || same="$f differs"
done
is "$same" yes "the generator still makes tests/data"

# --- the main job
run 0 "replay office" goprobe -d "$T/s" -i eth0 -r $D/office.pcap
like "$err" '^goprobe: 1[0-9]{3} packets' "says what it saw"
packets=$(python3 - <<'PY'
import sys
sys.path.insert(0, "tests/lib")
import pcapgen, struct
data = pcapgen.office()
at, n, size, arp = 24, 0, 0, 0
while at < len(data):
    _, _, cap, wire = struct.unpack_from("<IIII", data, at)
    if data[at + 28:at + 30] == b"\x08\x06":
        arp += 1
    else:
        n, size = n + 1, size + wire
    at += 16 + cap
print(n, size, arp)
PY
)
set -- $packets
rows "$T/s" eth0 proto >"$T/all.csv"
is "$(total 4 <"$T/all.csv")" "$1" "every IP packet is in the answer"
is "$(total 7 <"$T/all.csv")" "$2" "every byte, as long as on the wire"
like "$err" "$3 non-IP" "ARP is counted as non-IP"
is "$(ls "$T/s/eth0")" "2026-01-15
journal" "one day, one journal folder"
is "$(ls "$T/s/eth0/journal" | wc -l | tr -d ' ')" 0 "no journal is left"
is "$(ls "$T/s/eth0/2026-01-15" | tr '\n' ' ')" \
    "addresses.idx blocks.idx bytes_rcvd.gpf bytes_sent.gpf dip.gpf dport.gpf l7proto.gpf pkts_rcvd.gpf pkts_sent.gpf proto.gpf rollups.gpf rollups.idx sip.gpf " \
    "one file for each attribute, and what they sum up to"

# --- replaying twice
rows "$T/s" eth0 >"$T/before"
run 1 "a second replay is refused" goprobe -d "$T/s" -i eth0 -r $D/office.pcap
one_line "refusal"
like "$err" 'append' "and names the way out"
rows "$T/s" eth0 >"$T/after"
ok "nothing was added" cmp "$T/before" "$T/after"
run 1 "so is a stream" sh -c "goprobe -d $T/s -i eth0 -r - <$D/office.pcap"
run 1 "so is a span that reaches over it" goprobe -d "$T/s" -i eth0 -r $D/days.pcap
run 0 "another time is not" goprobe -d "$T/s" -i eth0 -r $D/disorder.pcap
run 0 "--append adds" goprobe -d "$T/s" -i eth0 --append -r $D/office.pcap
is "$(rows "$T/s" eth0 proto -c 'not host 198.51.100.7' | total 4)" \
    $((2 * $1)) "counts are double now"

# --- several files, stdin, formats
run 0 "two files" goprobe -d "$T/two" -i a -r $D/office.pcap -r $D/days.pcap
is "$(rows "$T/two" a proto | total 4)" $(($1 + 6)) "hold both"
run 0 "stdin" sh -c "goprobe -d $T/std -i a -r - <$D/office.pcap"
rows "$T/std" a >"$T/std.csv"
sed 's/,eth0,/,a,/' "$T/before" >"$T/want.csv"
ok "a stream gives the same rows" cmp "$T/std.csv" "$T/want.csv"
run 0 "pcap" goprobe -d "$T/l1" -i a -r $D/links.pcap
run 0 "pcapng" goprobe -d "$T/l2" -i a -r $D/links.pcapng
rows "$T/l1" a >"$T/l1.csv"
rows "$T/l2" a >"$T/l2.csv"
ok "give the same rows" cmp "$T/l1.csv" "$T/l2.csv"
run 0 "pcapng of interfaces and sections that differ" \
    goprobe -d "$T/l3" -i a -r $D/mixed.pcapng
rows "$T/l3" a >"$T/l3.csv"
ok "gives them, too" cmp "$T/l1.csv" "$T/l3.csv"
is "$(rows "$T/l1" a sip,dip,dport,proto | cut -d, -f1-4,7 | tail -n +2 | tr '\n' ' ')" \
    "192.0.2.1,192.0.2.2,53,UDP,6 2001:db8::1,2001:db8::2,53,UDP,2 " \
    "VLAN, QinQ, MPLS, PPPoE and options lead to one flow"

# --- time
is "$(rows "$T/two" a time -c 'dip=192.0.2.2 and dport=53' | cut -d, -f1 | tail -n +2 | tr '\n' ' ')" \
    "1768434600 1768434900 1768435200 1768521300 1768521600 1768521900 " \
    "blocks by packet time, days by UTC"
is "$(ls "$T/two/a" | tr '\n' ' ')" \
    "2026-01-14 2026-01-15 2026-01-16 journal " "files fill days"
run 0 "packets in disorder" goprobe -d "$T/dis" -i a -r $D/disorder.pcap
is "$(rows "$T/dis" a time | cut -d, -f1,4 | tail -n +2)" "$(python3 - <<'PY'
import sys, struct, collections
sys.path.insert(0, "tests/lib")
import pcapgen
data, at, n = pcapgen.disorder(), 24, collections.Counter()
while at < len(data):
    sec, _, cap, _ = struct.unpack_from("<IIII", data, at)
    n[sec // 300 * 300] += 1
    at += 16 + cap
print("\n".join("%d,%d" % kv for kv in sorted(n.items())))
PY
)" "land in their blocks"
run 0 "times at the edges" goprobe -d "$T/edge" -i a -r $D/times.pcap
is "$(rows "$T/edge" a time | cut -d, -f1,4 | tail -n +2 | tr '\n' ' ')" \
    "0,2 2147483400,1 4294966800,3 " "1970 and 2106; later ones clamped"
like "$err" '2 .*(clamped|out of range)' "and that is said"
like "$(rows "$T/edge" a proto 2>&1)" 'cause=time-range packets=2' \
    "by answers, too"

# --- what a file says that it lacks
PYTHONPATH=tests/lib python3 -c '
import struct, sys
from pcapgen import ether, ip, ng_block, ng_iface, ng_section, udp
def packet(at, lost=0):
    frame = ether(ip("192.0.2.1", "192.0.2.2", 17, udp(40000, 53, b"q" * 20)))
    units = at * 10**6
    body = struct.pack("<IIIII", 0, units >> 32, units & 0xffffffff,
                       len(frame), len(frame)) + frame + bytes(-len(frame) % 4)
    if lost:
        body += struct.pack("<HHQI", 4, 8, lost, 0)
    return ng_block("<", 6, body)
def statistics(by_iface, by_system):
    return ng_block("<", 5, struct.pack("<IQHHQHHQI", 0, 0, 5, 8, by_iface,
                                        7, 8, by_system, 0))
sys.stdout.buffer.write(ng_section("<") + ng_iface("<", 1, 0) +
    statistics(0, 7) + packet(1768434600) + packet(1768434700, 40) +
    packet(1768434900) + packet(1768435300) + statistics(30, 50))
' >"$T/lossy.pcapng"
run 0 "a file that says what it lacks" \
    goprobe -d "$T/lossy" -i a -r "$T/lossy.pcapng"
like "$err" '4 packets, .* 80 dropped when captured' "is taken at its word"
for first in 1768434600 1768434900 1768435200; do
	goquery -d "$T/lossy" -i a -f $first -l $((first + 300)) -e csv proto \
	    2>&1 >"$T/rows" | sed -n 's/.*cause=//p'
	echo "block $(total 4 <"$T/rows")"
done >"$T/told"
is "$(tr '\n' ' ' <"$T/told")" "kernel-drops packets=47 block 2 block 1 \
kernel-drops packets=3 interface-drops packets=30 block 1 " \
    "by answers, too, each in its block"
run 3 "nobody is never seen where packets are missing" \
    goquery -d "$T/lossy" $ALL -i a seen 203.0.113.9

# --- fragments
run 0 "fragments" goprobe -d "$T/frag" -i a -r $D/fragments.pcap
is "$(rows "$T/frag" a sip,dport | cut -d, -f1,2,5 | tail -n +2 | sort | tr '\n' ' ')" \
    "192.0.2.1,2049,3 192.0.2.2,0,2 192.0.2.2,2049,1 192.0.2.3,0,2 " \
    "later fragments take the first one's ports when it was seen"

PYTHONPATH=tests/lib python3 -c '
import struct, sys
from ipaddress import IPv6Address
from pcapgen import Capture, ether, udp
c = Capture(snaplen=1600)
whole = struct.pack(">BBI2x", 17, 0, 0x01020000) + udp(40000, 2049, b"f" * 1500)
ends = b"".join(IPv6Address("2001:db8::%d" % k).packed for k in (1, 2))
for at in (0, 1232):
    part = whole[at:at + 1232]
    part = struct.pack(">BBHI", 60, 0, at | (at == 0), 7) + part
    c.add(1768435200, ether((0x86dd, struct.pack(
        ">IHBB", 6 << 28, len(part), 44, 64) + ends + part)))
sys.stdout.buffer.write(c.pcap())' >"$T/options.pcap"
run 0 "IPv6 fragments with options" goprobe -d "$T/frag6" -i a -r "$T/options.pcap"
is "$(rows "$T/frag6" a proto,dport | cut -d, -f1,2,5 | tail -n +2)" \
    "UDP,2049,2" "later fragments are of the first one's protocol and port"

# --- many files
many() { # SOFT-LIMIT HARD-LIMIT N
	files=
	for k in $(seq "$3"); do files="$files -r $D/empty.pcap"; done
	sh -c 'ulimit -S -n $1 && { [ $2 = - ] || ulimit -H -n $2; } && shift 2 && exec "$@"' \
	    sh "$1" "$2" goprobe -d "$T/many$1-$3" -i a -r $D/fragments.pcap $files
}
run 0 "more files than the soft limit has room for twice" many 256 - 200
like "$err" '^goprobe: 8 packets' "are all read"
run 0 "more files than the soft limit" many 128 - 200
like "$err" '^goprobe: 8 packets' "are all read, too"
run 1 "more than the hard limit has" many 256 256 201
is "$err" "goprobe: goprobe-capture: Too many open files" "says so"
if [ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 8192 ]; then
	run 0 "2500 files" many 4096 - 2500
	like "$err" '^goprobe: 8 packets' "are all read"
fi

# --- a terminal that is gone
mkfifo "$T/fifo"
(
	trap '' HUP
	exec goprobe -d "$T/nohup" -i a -r - <"$T/fifo" 2>"$T/nohup.err"
) &
nohup=$!
exec 9>"$T/fifo"
ok "started under nohup" wait_for 20 test -e "$T/nohup/goDB-writer.lock"
kill -HUP $nohup
sleep 0.5
cat $D/fragments.pcap >&9
exec 9>&-
wait $nohup
is "$?" 0 "a hang-up that is ignored stays so"
like "$(cat "$T/nohup.err")" '^goprobe: 8 packets' "all is read"

# --- what was asked for does not arrive
for program in goprobe goprobe-capture; do
	for option in -T -V -h; do
		run 1 "$program $option to a full disk" sh -c "$program $option >/dev/full"
		is "$err" "$program: standard output: No space left on device" "is said"
	done
done

# --- bad input
run 1 "missing file" goprobe -d "$T/x1" -i a -r "$T/nothing.pcap"
is "$err" "goprobe: $T/nothing.pcap: No such file or directory" "says which"
ok "and makes no store" test ! -e "$T/x1"
run 1 "a folder for a file" goprobe -d "$T/x1" -i a -r "$T"
one_line "folder"
run 1 "no capture at all" goprobe -d "$T/x2" -i a -r $D/garbage.pcap
one_line "garbage"
like "$err" 'garbage.pcap' "garbage is named"
for magic in '\037\213\010' '(\265/\375' '\004"M\030' 'BZh9' '\3757zXZ'; do
	printf "$magic and more" >"$T/packed"
	run 1 "a compressed file" goprobe -d "$T/x2" -i a -r "$T/packed"
	like "$err" '/packed: compressed: .*zcat FILE [|] goprobe -r -' \
	    "the way to its packets is told"
done
ok "no interface of that name came to be" test ! -e "$T/x2/a"
run 1 "an empty file" goprobe -d "$T/x2" -i a -r /dev/null
one_line "empty file"
run 0 "a capture without packets" goprobe -d "$T/x3" -i a -r $D/empty.pcap
for link in '\275\0' '\377\17'; do # USB; nobody's
	{ head -c 20 $D/office.pcap; printf "$link\\0\\0"
	  tail -c +25 $D/office.pcap; } >"$T/foreign.pcap"
	rm -rf "$T/foreign"
	run 0 "a link type that is not decoded: $link" goprobe -d "$T/foreign" \
	    -i a -r "$T/foreign.pcap" -r $D/disorder.pcap
	is "$(printf '%s\n' "$err" | grep -c 'not decoded')" 1 "is said once"
	like "$err" 'foreign.pcap: link type (USB .*|DLT 4095) is not decoded' \
	    "of the file"
	like "$err" " $(($1 + $3)) non-IP" "and all of it is counted"
done
run 3 "a file cut short" goprobe -d "$T/cut" -i a -r $D/cut.pcap
like "$err" 'cut.pcap' "is named"
is "$(rows "$T/cut" a proto | total 4)" "$1" "and used up to there (ARP is cut)"
like "$err" " $(($3 - 1)) non-IP" "which is counted"
run 1 "second file is no capture" goprobe -d "$T/x4" -i a -r $D/days.pcap -r $D/garbage.pcap
mkdir "$T/notastore" && echo hello >"$T/notastore/file"
chmod 777 "$T/notastore"
[ "$(id -u)" = 0 ] && chown nobody "$T/notastore"
run 1 "a folder that is no store" goprobe -d "$T/notastore" -i a -r $D/days.pcap
one_line "no store"
is "$(ls "$T/notastore")" file "and it stays as it was"
run 1 "a file for a store" goprobe -d "$D/days.pcap" -i a -r $D/days.pcap
one_line "file for a store"
cp -a "$T/x3" "$T/newer"
sed -i 's/^format .*/format 99.0/' "$T/newer/goDB-store.format"
run 1 "a store of a newer version" goprobe -d "$T/newer" -i a -r $D/days.pcap
one_line "newer"
like "$err" 'newer' "newer: said so"
run 1 "goquery refuses it too" goquery -d "$T/newer" -i a raw
like "$err" 'newer' "goquery: newer: said so"
run 2 "no arguments" goprobe
run 2 "-r without -i" goprobe -d "$T/x5" -r $D/days.pcap
run 2 "a name that is a path" goprobe -d "$T/x5" -i ../a -r $D/days.pcap
run 2 "an interface and a file" goprobe -d "$T/x5" -i a -r $D/days.pcap eth0
run 2 "unknown option" goprobe --nonsense
run 2 "nonsense for layer 7" goprobe -d "$T/x5" -i a --l7 maybe -r $D/days.pcap
ok "and no store was made" test ! -e "$T/x5"
printf '[store]\nbad = 1\n' >"$T/bad.ini"
run 2 "a bad configuration" goprobe -c "$T/bad.ini" -d "$T/x5" -i a -r $D/days.pcap
is "$err" "goprobe: $T/bad.ini:2: unknown key 'bad' in [store]" "has its line"
run 0 "--l7 off" goprobe -d "$T/l7" -i a --l7 off -r $D/days.pcap

# --- a scan of thirty times more keys than there is room for
PYTHONPATH=tests/lib python3 -c '
import sys
from pcapgen import Capture, ether, ip, udp
c = Capture()
for i in range(30000):
    c.add(1768435200 + i / 100, ether(ip(
        "10.%d.%d.%d" % (1 + i // 62500, i // 250 % 250, i % 250 + 1),
        "10.200.0.1", 17, udp(40000, 53))))
sys.stdout.buffer.write(c.pcap())' >"$T/scan.pcap"
printf '[capture]\nl7 = off\nflows_max = 1024\n' >"$T/small.ini"
run 0 "a scan into a small flow table" goprobe -c "$T/small.ini" -d "$T/scan" -i a -r "$T/scan.pcap"
is "$(goquery -d "$T/scan" -i a -f 0 -e csv proto 2>/dev/null | tail -n +2)" \
    "UDP,0,30000,30000,0,1260000,1260000" "every packet and byte is there"
is "$(goquery -d "$T/scan" -i a -f 0 -e csv -n all sip 2>/dev/null | tail -n +2 | wc -l | tr -d ' ')" \
    30000 "each with its address"

# --- an ordinary user
if [ "$(id -u)" = 0 ]; then
	mkdir "$T/home" && chown nobody "$T/home"
	run 0 "as nobody" setpriv --reuid=65534 --regid=65534 --clear-groups \
	    "$BIN/goprobe" -d "$T/home/s" -i a -r $D/office.pcap
	is "$(stat -c %U:%a "$T/home/s")" nobody:750 "the store is theirs alone"
	cp $D/days.pcap "$T/secret.pcap" && chmod 600 "$T/secret.pcap"
	run 1 "an unreadable file" setpriv --reuid=65534 --regid=65534 \
	    --clear-groups "$BIN/goprobe" -d "$T/home/s2" -i a -r "$T/secret.pcap"
	is "$err" "goprobe: $T/secret.pcap: Permission denied" "is named"
	ok "and no store was made" test ! -e "$T/home/s2"
	run 1 "a folder that cannot be written" setpriv --reuid=65534 \
	    --regid=65534 --clear-groups "$BIN/goprobe" -d "$T/s3" -i a -r $D/days.pcap
	one_line "no permission"
	run 1 "somebody else's store" setpriv --reuid=65533 --regid=65533 \
	    --clear-groups "$BIN/goprobe" -d "$T/home/s" -i a -r $D/days.pcap
	one_line "somebody else's"
	# as below /root, where the users that they become may not look
	mkdir -m 700 "$T/closed" && cp "$BIN"/goprobe* "$T/closed/"
	run 0 "root's, where nobody else may go" "$T/closed/goprobe" \
	    -d "$T/s4" -i a -r $D/office.pcap
	like "$err" '^goprobe: 1929 packets, ' "  nothing is amiss"
	run 77 "live needs root" setpriv --reuid=65534 --regid=65534 \
	    --clear-groups "$BIN/goprobe" lo
fi

# --- a replay that is stopped: what of the file is missing, answers tell
python3 - tests/data/office.pcap "$T/long.pcap" <<'PY'
import struct, sys
data, at, packets = open(sys.argv[1], "rb").read(), 24, []
while at < len(data):
    s, us, cap, wire = struct.unpack_from("<IIII", data, at)
    packets.append((s, us, cap, wire, data[at + 16:at + 16 + cap]))
    at += 16 + cap
with open(sys.argv[2], "wb") as out:
    out.write(data[:24])
    for k in range(1200):
        out.write(b"".join(struct.pack("<IIII", s + k * 900, us, cap, wire) + p
                           for s, us, cap, wire, p in packets))
PY
goprobe -d "$T/stopped" -i e -r "$T/long.pcap" 2>"$T/err" &
replay=$!
ok "a long replay" wait_for 30 test -d "$T/stopped/e/2026-01-15"
kill -TERM $replay
wait $replay
is $? 1 "is stopped"
like "$(cat "$T/err")" '^goprobe: stopped; what was read is stored' "  and says so"
like "$(goquery -d "$T/stopped" -i e -f 0 proto)" \
    '^Coverage: .*a capture file was cut short on e' "  answers do, too"

goprobe -d "$T/again" -i e -r "$T/long.pcap" 2>"$T/err" &
replay=$!
ok "one more" wait_for 30 test -d "$T/again/e/2026-01-15"
pkill -KILL -P $replay -f '^goprobe-writer'
wait $replay
is $? 0 "its writer is killed"
like "$(tail -1 "$T/err")" '[0-9]+ rows in [0-9]+ blocks since the writer was started again,' \
    "  whose rows are not those that are told"

# --- a store that cannot be written: a full disk is waited for, until told not to
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	mkdir "$T/small"
	cat >"$T/full.sh" <<'SH'
mount -t tmpfs -o size=300k t "$2/small" || exit
"$1/goprobe" -d "$2/small/s" -i e -r "$2/long.pcap" 2>"$2/err" &
replay=$!
for i in $(seq 200); do grep -q 'No space' "$2/err" && break; sleep 0.1; done
sleep 1
kill -TERM $replay || echo "it did not wait"
start=$(date +%s)
wait $replay
echo "status $?"
[ $(($(date +%s) - start)) -le 5 ] && echo promptly
mount -o remount,size=20m "$2/small"
"$1/goprobe" -d "$2/small/s" -i f -r "$3" 2>>"$2/err.f"
"$1/goquery" -d "$2/small/s" -i e -f 0 proto >"$2/answer"
"$1/goquery" -d "$2/small/s" --check >/dev/null
echo "check $?"
umount "$2/small"
mount -t tmpfs -o size=300k t "$2/small"
"$1/goprobe" -d "$2/small/s" -i e -r "$2/long.pcap" 2>"$2/err.waits" &
replay=$!
for i in $(seq 200); do grep -q 'No space' "$2/err.waits" && break; sleep 0.1; done
sleep 1
mount -o remount,size=100m "$2/small"
wait $replay
echo "waits $?"
"$1/goquery" -d "$2/small/s" -i e -f 0 -e csv proto >"$2/waited"
SH
	is "$(unshare -m sh "$T/full.sh" "$BIN" "$T" $D/office.pcap | tr '\n' ' ')" \
	    "status 1 promptly check 0 waits 0 " \
	    "a replay that waits for a full disk is stopped"
	is "$(sed '/^goprobe-writer: /d; s/stopped: //' "$T/err")" \
	    "goprobe: the store cannot be written: No space left on device: not everything is stored" \
	    "  one line says what became of it"
	is "$(sed '1,/not everything is stored/d' "$T/err" | grep 'trying again')" "" "  and nothing goes on"
	like "$(cat "$T/answer")" '^Coverage: .*a capture file was cut short on e' \
	    "  and answers, once another writer had room"
	goprobe -d "$T/whole" -i e -r "$T/long.pcap" 2>/dev/null
	is "$(cat "$T/waited")" "$(goquery -d "$T/whole" -i e -f 0 -e csv proto)" \
	    "  one that has room again stores all"

	goprobe -d "$T/shut" -i e -r $D/office.pcap 2>/dev/null
	rm -rf "$T/shut/e"
	mkdir "$T/shut/e"
	run 1 "a folder that is not the writer's" timeout 20 goprobe -d "$T/shut" -i e -r $D/office.pcap
	one_line "ends it"
	like "$err" '^goprobe: the store cannot be written: Permission denied: not everything' "  and says why"
else
	pass "a full disk # SKIP needs root and mount namespaces"
fi
rm "$T/long.pcap"

# --- so is a stream, between packets or in the middle of one
mkfifo "$T/half"
for n in 24 3003; do
	(exec goprobe -d "$T/half$n" -i e -r - <"$T/half" 2>"$T/err") &
	replay=$!
	exec 9>"$T/half"
	head -c $n $D/office.pcap >&9
	ok "$n bytes" wait_for 20 test -e "$T/half$n/goDB-writer.lock"
	sleep 0.5
	kill -TERM $replay
	wait $replay
	is $? 1 "is stopped"
	exec 9>&-
	like "$(cat "$T/err")" 'goprobe: stopped; what was read is stored' \
	    "  and says so"
done
like "$(goquery -d "$T/half3003" -i e -f 0 proto)" \
    '^Coverage: .*a capture file was cut short on e' "  answers do, too"

# --- a capture that is killed has read no file to its end
for restarted in "" "whose writer is, too"; do
	S=$T/lost${restarted:+2}
	(exec goprobe -d "$S" -i e -r - <"$T/half" 2>"$T/err") &
	replay=$!
	exec 9>"$T/half"
	cat tests/data/days.pcap >&9
	ok "blocks of a stream" wait_for 20 sh -c 'ls "$1"/e/20*' - "$S"
	capture=$(pgrep -P $replay -f '^goprobe-capture')
	if [ -n "$restarted" ]; then
		kill -STOP $capture
		kill -KILL "$(pgrep -P $replay -f '^goprobe-writer')"
	fi
	kill -KILL $capture
	wait $replay
	is $? 1 "a capture that is killed $restarted"
	exec 9>&-
	like "$(goquery -d "$S" -i e -f 0 proto)" \
	    '^Coverage: .*a capture file was cut short on e' "  answers say so"
	run 3 "  and no address was never seen" goquery -d "$S" -f 0 seen 203.0.113.99
	run 0 "  all is whole" goquery -d "$S" --check
done

# --- nor has one that is killed with all others, which the next writer says
S=$T/lost3
(exec goprobe -d "$S" -i e -r - <"$T/half" 2>"$T/err") &
replay=$!
exec 9>"$T/half"
cat tests/data/days.pcap >&9
ok "blocks of a stream" wait_for 20 sh -c 'ls "$1"/e/20*' - "$S"
sleep 0.5 # all that has come is taken
all="$replay $(pgrep -P $replay -f '^goprobe-')"
kill -STOP $all
kill -KILL $all
wait $replay 2>/dev/null
exec 9>&-
ok "all are killed" wait_for 10 flock -n "$S/goDB-writer.lock" true
run 0 "another file" goprobe -d "$S" -i f -r tests/data/office.pcap
like "$(goquery -d "$S" -i e -f 0 proto)" \
    '^Coverage: .*a capture file was cut short on e' "answers say so"
run 0 "all is whole" goquery -d "$S" --check

# --- told to stop while the writer still starts: it is waited for
mkdir -m 777 "$T/slow" && cp "$BIN/goprobe" "$T/slow/"
cat >"$T/slow/goprobe-writer" <<'SH'
#!/bin/sh
trap 'sleep 1; : >"${0%/*}/left"; exit' TERM
echo $$ >"${0%/*}/begun"
while :; do sleep 0.1; done
SH
chmod 755 "$T/slow/goprobe-writer"
"$T/slow/goprobe" -d "$T/slow/store" -i e -r tests/data/office.pcap 2>"$T/err" &
replay=$!
ok "a writer that takes its time" wait_for 20 test -s "$T/slow/begun"
kill -TERM $replay
wait $replay
is $? 1 "stopped before it was ready"
ok "it has ended before its launcher" test -e "$T/slow/left"
is "$(cat "$T/err")" "" "quietly"
kill -KILL "$(cat "$T/slow/begun")" 2>/dev/null

done_testing
