#!/bin/sh
# Life with interfaces: promiscuous mode, filters from the INI, links that go
# down and up, interfaces that are deleted and made again, frames longer than
# the MTU, traffic that flows already.
. tests/lib/tap.sh

# --- filters, as anyone
printf '[interface eth9]\nfilter = tcp prot 80\n' >"$T/bad.ini"
run 2 "a bad filter fails -t" goprobe -c "$T/bad.ini" -t
like "$err" '^goprobe-capture: '"$T"'/bad.ini:2: \[interface eth9\]: filter: .*syntax error.*: "tcp prot 80"$' "is named, with its place"
one_line "bad filter"
printf '[interface any]\n' >"$T/special.ini"
run 2 "nobody takes any for an interface" goprobe-writer -c "$T/special.ini" -t
is "$err" "goprobe-writer: $T/special.ini:1: 'any': no interface is captured by this name" "that is said"
printf '[writer]\nmetrics = %s/nowhere/x.prom\n' "$T" >"$T/metrics.ini"
for program in goprobe goprobe-writer; do
	run 2 "$program -t: no folder for the metrics" $program -c "$T/metrics.ini" -t
	is "$err" "$program: [writer] metrics = $T/nowhere/x.prom: folder $T/nowhere: No such file or directory" "is said"
done
printf '[writer]\nmetrics = %s/\n' "$T" >"$T/metrics.ini"
run 2 "metrics without a name" goprobe-writer -c "$T/metrics.ini" -t
is "$err" "goprobe-writer: [writer] metrics = $T/: this cannot be a file's name" "is said"
printf '[site]\nname = a\033[31mb\177\n[export]\nurl = http://a:b@\007c\n' >"$T/red.ini"
run 0 "what is printed" goprobe-writer -c "$T/red.ini" -T
like "$out" '^name = a[?][[]31mb[?]$' "is none of a terminal's commands"
like "$out" '^url = http://[*]{3}@[?]c$' "nor is a URL"
printf 'tcp port 80\nor udp\n' >"$T/filter"
printf '[capture]\nfilter_file = %s\n' "$T/filter" >"$T/good.ini"
run 0 "a filter in a file" goprobe -c "$T/good.ini" -t
printf '[capture]\nfilter = not port 22\n[interface eth1]\nfilter_file = %s\n' "$T/filter" >"$T/other.ini"
run 0 "a filter in a file instead of the inherited one" goprobe -c "$T/other.ini" -t
printf '[capture]\nfilter_file = %s\nfilter = udp\n' "$T/filter" >"$T/both.ini"
run 2 "both in one section" goprobe -c "$T/both.ini" -t
is "$err" "goprobe: $T/both.ini:3: filter and filter_file exclude each other" "are named, with their line"
{ echo 'port 53' && head -c 70000 /dev/zero | tr '\0' '\n' && echo 'or port 80'; } >"$T/filter"
run 2 "a filter file of which a part would be read" goprobe -c "$T/good.ini" -t
is "$err" "goprobe-capture: $T/good.ini:2: [capture]: filter_file $T/filter: larger than 64 KiB" "is too long"
printf 'port 53\0 or port 80' >"$T/filter"
run 2 "one with a NUL byte" goprobe -c "$T/good.ini" -t
is "$err" "goprobe-capture: $T/good.ini:2: [capture]: filter_file $T/filter: holds a NUL byte" "too"
{ printf 'tcp prot 80' && seq -f ' or port %g' 1000; } | tr -d '\n' >"$T/filter"
run 2 "a long one with an error" goprobe -c "$T/good.ini" -t
like "$err" "^goprobe-capture: $T/good.ini:2: \[capture\]: filter_file $T/filter: .*syntax error.*: \"tcp prot 80 .*[.]{3}\"\$" \
    "says which, the cause and how it begins"
one_line "long filter"
for name in any nflog nflog1 nfqueue:3 usbmon0 bluetooth0 dbus-system; do
	printf '[interface %s]\n' $name >"$T/special.ini"
	run 2 "what libpcap takes for something else: $name" goprobe -c "$T/special.ini" -t
	one_line "$name"
done
printf '[capture]\nfilter_file = %s/none\n' "$T" >"$T/none.ini"
run 2 "a filter file that is not there" goprobe -c "$T/none.ini" -t
is "$err" "goprobe-capture: $T/none.ini:2: [capture]: filter_file $T/none: No such file or directory" "is named, with its place"
mkfifo "$T/none"
run 2 "nor one that is a pipe" timeout 20 goprobe -c "$T/none.ini" -t
is "$err" "goprobe-capture: $T/none.ini:2: [capture]: filter_file $T/none: a pipe; the filter is a file" "said"
rm "$T/none"
printf '[capture]\nl7 = off\nfilter = udp port 53\n' >"$T/dns.ini"
run 0 "files are filtered too" goprobe -c "$T/dns.ini" -d "$T/f" -i x -r tests/data/office.pcap
is "$(goquery -d "$T/f" -i x -f 0 -e csv proto,dport | cut -d, -f1,2,5 | tail -n +2)" \
    "UDP,53,120" "only what the filter lets through"
printf '[capture]\nfilter = ether host 02:00:00:00:00:01\n' >"$T/mac.ini"
PYTHONPATH=tests/lib python3 -c '
import sys
from pcapgen import Capture, ip, udp
c = Capture(linktype=101)
c.add(1768435200, ip("192.0.2.1", "192.0.2.2", 17, udp(1, 53))[1])
sys.stdout.buffer.write(c.pcap())' >"$T/raw.pcap"
run 1 "a filter that a link type has no meaning for" \
    goprobe -c "$T/mac.ini" -d "$T/f2" -i x -r "$T/raw.pcap"
like "$err" 'raw.pcap: the filter means nothing for its link type' "says so"

finish_unprivileged() { done_testing; }
[ "$(id -u)" = 0 ] && getent passwd goprobe-capture >/dev/null || finish_unprivileged
NS=gpi$$
in_net() { nsenter --net=/run/netns/$NS "$@"; }
ip netns add $NS 2>/dev/null || finish_unprivileged
cleanup() {
	[ -n "${launcher:-}" ] && kill "$launcher" 2>/dev/null && wait "$launcher"
	for p in ${server:-} ${senders:-}; do kill "$p" 2>/dev/null; done
	ip netns del $NS
	ip netns del ${NS}b
}
at_exit cleanup
ip netns add ${NS}b
in_far() { nsenter --net=/run/netns/${NS}b "$@"; }
make_link() { # vb here, va in the other namespace
	in_net ip link add vb type veth peer name va netns ${NS}b || return 1
	in_net sysctl -qw net.ipv6.conf.vb.disable_ipv6=1
	in_far sysctl -qw net.ipv6.conf.va.disable_ipv6=1
	in_net ip addr add 10.99.0.2/24 dev vb
	in_far ip addr add 10.99.0.1/24 dev va
	link_up
}
link_up() {
	in_net ip link set vb up
	in_far ip link set va up
	# no ARP on the side: counters are to agree to the packet
	in_net ip neigh replace 10.99.0.1 lladdr "$(in_far ip -j link show va | jq -r '.[0].address')" dev vb nud permanent
	in_far ip neigh replace 10.99.0.2 lladdr "$(in_net ip -j link show vb | jq -r '.[0].address')" dev va nud permanent
}
start() { # STORE INI IFACE
	: >"$T/sensor.err"
	printf '[capture]\nl7 = off\nsnapshot_interval = 1\n%b\n' "$2" >"$T/s.ini"
	nsenter --net=/run/netns/$NS "$BIN/goprobe" -c "$T/s.ini" -d "$1" "$3" 2>"$T/sensor.err" &
	launcher=$!
	wait_for 20 grep -q 'capturing on' "$T/sensor.err"
}
stop() {
	kill -TERM "$launcher"
	wait "$launcher"
	status=$?
	launcher=
}
sum() { # STORE CONDITION COLUMN
	sum_of "$3" goquery -d "$1" -i vb -f -1d -e csv -c "$2" proto
}
counter() { in_net ip -s -j link show vb | jq -r ".[0].stats64.$1.$2"; }
promiscuity() { in_net ip -d -j link show vb | jq -r '.[0].promiscuity'; }
numbers() { # NETWORK [CONDITION]: the numbers that are stored, in order
	goquery -d "$T/s5" -i vb -f -1d -e csv -n all dip,dport -c "net $1.0/24" |
	    tail -n +2 | awk -F'[.,]' '{ print $4 * 50000 + $5 - 1 }' | sort -n
}
ALL='sip=0.0.0.0/0 or sip=::/0'

# --- libpcap's word for all interfaces, and a writer that takes its time
run 2 "an interface called any" timeout 20 goprobe-capture -S "$T/none.sock" any
like "$err" '^goprobe-capture: any: ' "is refused"
one_line "any"
python3 -c '
import os, socket, subprocess, sys, time
writer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
writer.bind(sys.argv[1] + "/slow.sock")
writer.listen(1)
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1] + "/notify.sock")
capture = subprocess.Popen(
    ["goprobe-capture", "-S", sys.argv[1] + "/slow.sock", "--l7", "off", "lo"],
    env=dict(os.environ, NOTIFY_SOCKET=sys.argv[1] + "/notify.sock",
             WATCHDOG_USEC="2000000"))
connection = writer.accept()[0]
time.sleep(5)
manager.setblocking(False)
fed = 0
try:
    while True:
        fed += b"WATCHDOG=1" in manager.recv(4096)
except BlockingIOError:
    pass
capture.terminate()
capture.wait()
print(fed)' "$T" >"$T/fed" 2>"$T/fed.err"
ok "$(cat "$T/fed") times the watchdog is fed meanwhile" test "$(cat "$T/fed")" -ge 2

# --- a filter that no further start would mend
printf '[capture]\nfilter = tcp prot 80\n' >"$T/wrong.ini"
run 2 "a bad filter, live" timeout 20 goprobe-capture -c "$T/wrong.ini" -S "$T/none.sock" lo
like "$err" '^goprobe-capture: lo: filter: .*syntax error' "is said"
one_line "a bad filter"
run 2 "and goprobe ends with that" timeout 20 goprobe -c "$T/wrong.ini" -d "$T/wrong" lo
printf '[capture]\nfilter = ether src 02:00:00:00:00:01\n' >"$T/wrong.ini"
if in_net ip tuntap add gptun mode tun 2>/dev/null; then
	in_net ip link set gptun up
	run 2 "a filter for another kind of interface" in_net timeout 20 \
	    "$BIN/goprobe-capture" -c "$T/wrong.ini" -S "$T/none.sock" gptun
	like "$err" '^goprobe-capture: gptun: filter: ' "is said"
	in_net ip link del gptun
else
	ok "a filter for another kind of interface # SKIP no /dev/net/tun" true
fi

# --- promiscuous, snaplen, filter
make_link || finish_unprivileged
is "$(promiscuity)" 0 "not promiscuous before"
ok "sensor starts" start "$T/s1" 'filter = udp and not port 9' vb
ok "promiscuous" test "$(promiscuity)" -gt 0
like "$(grep 'capturing iface' "$T/sensor.err")" \
    'snaplen=[0-9]* .*promiscuous=yes direction=interface .*bytes_per_flow=[0-9-]* filter=yes l7=' "what it does is said"
in_far python3 tests/lib/numbered.py va 10.99.1 1000 0 >/dev/null
in_far ping -q -c 5 -i 0.01 10.99.0.2 >/dev/null
sleep 0.5
stop
is "$(promiscuity)" 0 "not promiscuous after"
is "$(sum "$T/s1" "$ALL" 4)" 999 "the filter of the INI: 1000 ports but one"
ok "without promiscuous" start "$T/s2" 'promiscuous = no\ndirection = flow' vb
is "$(promiscuity)" 0 "not promiscuous"
like "$(grep 'capturing iface' "$T/sensor.err")" 'promiscuous=no direction=flow .*filter=no' "said"
stop

# --- frames longer than the MTU, both ways, by the interface's own counters
ok "sensor starts" start "$T/s3" '' vb
rx=$(counter rx packets) rxb=$(counter rx bytes)
tx=$(counter tx packets) txb=$(counter tx bytes)
in_net python3 tests/lib/bulk.py serve 10.99.0.2 7000 &
server=$!
serving() { in_net ss -Hltn 'sport = :7000' | grep -q .; }
wait_for 20 serving
in_far python3 tests/lib/bulk.py send 10.99.0.2 7000 100000000
wait "$server"
server=
sleep 0.5
stop
is "$(sum "$T/s3" "$ALL" 2)" $(($(counter rx packets) - rx)) "received, as the interface counts"
is "$(sum "$T/s3" "$ALL" 5)" $(($(counter rx bytes) - rxb)) "in bytes"
is "$(sum "$T/s3" "$ALL" 3)" $(($(counter tx packets) - tx)) "sent"
is "$(sum "$T/s3" "$ALL" 6)" $(($(counter tx bytes) - txb)) "in bytes"
ok "frames of $((($(counter rx bytes) - rxb) / ($(counter rx packets) - rx))) bytes on average, the MTU is 1500" \
    test $((($(counter rx bytes) - rxb) / ($(counter rx packets) - rx))) -gt 3000

# --- link down and up, deleted and made again
ok "sensor starts" start "$T/s4" '' vb
in_far python3 tests/lib/numbered.py va 10.99.1 500 0 >/dev/null
sleep 0.3
in_net ip link set vb down
sleep 0.7
in_net ip link set vb up
link_up
sleep 0.3
in_far python3 tests/lib/numbered.py va 10.99.1 500 0 >/dev/null
sleep 0.3
is "$(grep -c 'starting it again' "$T/sensor.err")" 0 "link down and up: the same process"
in_net ip link del vb
waits() { grep -q 'waiting: the interface is not there iface=vb' "$T/sensor.err"; }
ok "deleted: waits for it" wait_for 10 waits
sleep 3
lines=$(wc -l <"$T/sensor.err")
sleep 2
is "$(wc -l <"$T/sensor.err")" "$lines" "quietly"
is "$(sum "$T/s4" 'net 10.99.1.0/24' 4)" 1000 "what was seen is stored meanwhile"
make_link
again() { [ "$(grep -c 'capturing iface=vb' "$T/sensor.err")" -ge 2 ]; }
ok "made again: picked up" wait_for 10 again
in_far python3 tests/lib/numbered.py va 10.99.1 700 0 >/dev/null
sleep 0.3
stop
is "$status" 0 "stops with 0"
is "$(sum "$T/s4" 'net 10.99.1.0/24' 4)" 1700 "nothing lost, nothing twice"
ok "some $(wc -l <"$T/sensor.err") lines in all" test "$(wc -l <"$T/sensor.err")" -lt 25

# --- one that comes and goes
ok "sensor starts" start "$T/s8" '' vb
captures=1
caught_up() { [ "$(grep -c 'capturing iface=vb' "$T/sensor.err")" -gt $captures ]; }
for round in 1 2 3 4 5 6; do
	in_net ip link del vb
	make_link
	wait_for 3 caught_up && captures=$((captures + 1))
done
is $captures 7 "is picked up each time within three seconds"
is "$(grep -c 'keeps failing' "$T/sensor.err")" 0 "which is no failure"
in_far python3 tests/lib/numbered.py va 10.99.1 300 0 >/dev/null
sleep 0.3
stop
is "$(sum "$T/s8" 'net 10.99.1.0/24' 4)" 300 "and it counts"

# --- renamed, and another one has its name
rename() { # IN... FROM TO
	"$1" ip link set "$2" name "$3" 2>/dev/null && return
	"$1" ip link set "$2" down && "$1" ip link set "$2" name "$3" && "$1" ip link set "$3" up
}
ok "sensor starts" start "$T/s7" '' vb
in_far python3 tests/lib/numbered.py va 10.99.1 500 0 >/dev/null
sleep 0.3
rename in_net vb vbold
rename in_far va vaold
ok "renamed: waits for it" wait_for 10 waits
in_far python3 tests/lib/numbered.py vaold 10.99.4 200 0 >/dev/null
make_link
ok "another one has the name: picked up" wait_for 10 again
in_far python3 tests/lib/numbered.py vaold 10.99.4 200 0 >/dev/null
in_far python3 tests/lib/numbered.py va 10.99.1 700 0 >/dev/null
sleep 0.3
stop
is "$(sum "$T/s7" 'net 10.99.1.0/24' 4)" 1200 "what went over interfaces of that name"
is "$(sum "$T/s7" 'net 10.99.4.0/24' 4)" 0 "and nothing of the one that was renamed"
in_net ip link del vbold
in_net ip link set vb down
ok "starts on a link that is down" start "$T/s10" '' vb
children=$(pgrep -P "$launcher")
kill -9 "$launcher"
wait "$launcher" 2>/dev/null
launcher=
gone() { for p in $children; do [ -e "/proc/$p" ] && return 1; done; return 0; }
ok "with its launcher killed nobody waits on" wait_for 20 gone
kill $children 2>/dev/null
ok "starts on a link that is down" start "$T/s6" '' vb
ok "and says that it waits" grep -q 'waiting: the interface is down iface=vb' "$T/sensor.err"
link_up
up() { grep -q 'capturing iface=vb' "$T/sensor.err"; }
ok "until it is up" wait_for 10 up
in_far python3 tests/lib/numbered.py va 10.99.1 300 0 >/dev/null
sleep 0.3
stop
is "$(sum "$T/s6" 'net 10.99.1.0/24' 4)" 300 "and counts then"

# --- one whose frames begin otherwise from some time on, as those of a bond do
# once its first slave is no Ethernet; here tun, which is what it is told to be
cat >"$T/kinds.py" <<'P'
import fcntl, os, struct, subprocess, sys
sys.path.insert(0, "tests/lib")
from pcapgen import ip, udp
TUNSETIFF, TUNSETLINK = 0x400454ca, 0x400454cd
ETHER, NONE, FOREIGN = 1, 0xfffe, 804  # <linux/if_arp.h>; IEEE 802.15.4
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"vb", 0x1001))
# the first nibble is what tun takes for IPv4
mac = bytes.fromhex("420000000001420000000002") + b"\x08\0"
for kind, head in (ETHER, mac), (NONE, b""), (FOREIGN, b""):
    subprocess.run(["ip", "link", "set", "vb", "down"], check=True)
    fcntl.ioctl(tun, TUNSETLINK, kind)
    subprocess.run(["ip", "link", "set", "vb", "up"], check=True)
    print("kind", kind, flush=True)
    sys.stdin.readline()
    for n in range(100):
        os.write(tun, head + ip("10.99.5.9", "10.99.5.1", 17, udp(5000, 53))[1])
    print("sent", kind, flush=True)
    sys.stdin.readline()
P
said() { grep -qx "$1" "$T/kinds.out"; }
in_net ip link del vb
if in_net ip tuntap add vb mode tun 2>/dev/null; then
	mkfifo "$T/kinds"
	nsenter --net=/run/netns/$NS python3 "$T/kinds.py" <"$T/kinds" >"$T/kinds.out" 2>&1 &
	senders=$!
	exec 9>"$T/kinds"
	ok "a link of one kind" wait_for 10 said 'kind 1'
	ok "sensor starts" start "$T/s9" '' vb
	echo >&9
	ok "which sends" wait_for 10 said 'sent 1'
	echo >&9
	ok "another kind of interface under the same name" wait_for 10 said 'kind 65534'
	ok "is picked up" wait_for 10 again
	like "$(cat "$T/sensor.err")" 'vb: The interface is of another kind now' "said"
	echo >&9
	ok "and sends" wait_for 10 said 'sent 65534'
	is "$(grep -c 'is not decoded' "$T/sensor.err")" 0 "both are known"
	echo >&9
	ok "a kind that is not decoded" wait_for 10 said 'kind 804'
	captures=2
	ok "is picked up, too" wait_for 10 caught_up
	echo >&9
	ok "and sends" wait_for 10 said 'sent 804'
	stop
	is "$status" 0 "stops with 0"
	is "$(sum "$T/s9" 'net 10.99.5.0/24' 4)" 200 "and read as what it is"
	is "$(grep -c 'vb: link type .*802\.15\.4.* is not decoded: all its packets count as non-IP' "$T/sensor.err")" \
	    1 "what cannot be read is said once"
	like "$(grep 'ended iface' "$T/sensor.err" | tail -n 1)" ' packets=100 non-ip=100 ' "and counted"
	echo >&9
	exec 9>&-
	wait $senders
	senders=
	in_net ip link del vb
else
	ok "another kind of interface # SKIP no /dev/net/tun" true
fi
make_link

# --- traffic flows both ways already; numbers begin in the middle and end at
# the last: what the interface counted after the first is all there
rx=$(counter rx packets) tx=$(counter tx packets)
nsenter --net=/run/netns/${NS}b python3 tests/lib/numbered.py va 10.99.2 40000 12000 >/dev/null &
senders=$!
nsenter --net=/run/netns/$NS python3 tests/lib/numbered.py vb 10.99.3 40000 12000 >/dev/null &
senders="$senders $!"
flows() { [ "$(counter rx packets)" -gt $((rx + 2000)) ] && [ "$(counter tx packets)" -gt $((tx + 2000)) ]; }
ok "traffic" wait_for 20 flows
ok "starts under traffic" start "$T/s5" '' vb
wait $senders
senders=
sleep 0.5
stop
rx=$(($(counter rx packets) - rx)) tx=$(($(counter tx packets) - tx))
first_in=$(numbers 10.99.2 | head -1) first_out=$(numbers 10.99.3 | head -1)
ok "the first numbers are $first_in and $first_out" test "$first_in" -gt 1 -a "$first_out" -gt 1
is "$(sum "$T/s5" 'net 10.99.2.0/24' 2)" $((rx - first_in + 1)) "received: all from there on"
is "$(sum "$T/s5" 'net 10.99.3.0/24' 3)" $((tx - first_out + 1)) "sent: all from there on"
is "$(sum "$T/s5" 'net 10.99.2.0/24' 3) $(sum "$T/s5" 'net 10.99.3.0/24' 2)" "0 0" "and none on the other side"

# --- a driver that resets its device counts from 0 again
cat >"$T/reset.sh" <<'END'
mount -t sysfs none /sys &&
    mount --bind "$1" /sys/class/net/vb/statistics/rx_missed_errors || exit 99
shift
exec "$@"
END
missed() { echo "$1" >"$T/missed"; }
# resets NAME: by this name of vb
resets() {
	missed 100
	: >"$T/sensor.err"
	nsenter --net=/run/netns/$NS unshare -m sh "$T/reset.sh" "$T/missed" \
	    "$BIN/goprobe" -c "$T/s.ini" -d "$T/s-$1" "$1" 2>"$T/sensor.err" &
	launcher=$!
	ok "a sensor" wait_for 20 grep -q 'capturing on' "$T/sensor.err"
	dropped() {
		[ "$(goquery -d "$T/s-$name" --status -e json | jq '.interfaces[0].iface_drops')" = "$1" ]
	}
	name=$1
	missed 130
	ok "30 dropped by the interface" wait_for 15 dropped 30
	missed 5
	ok "5 more after a reset" wait_for 15 dropped 35
	missed 25
	stop
	is "$(goquery -d "$T/s-$1" --list -e csv | sed 1d | cut -d, -f15)" 55 "the store has all of them"
	like "$(grep 'ended iface' "$T/sensor.err")" ' iface_drops=55 ' "and so has the log"
}
missed 100
printf '[capture]\nl7 = off\nsnapshot_interval = 1\n' >"$T/s.ini"
if in_net unshare -m sh "$T/reset.sh" "$T/missed" true 2>/dev/null; then
	resets vb
	if in_net ip link property add dev vb altname vbother 2>/dev/null; then
		resets vbother
	else
		ok "an alternative name # SKIP not in this kernel" true
	fi
else
	ok "counters that are reset # SKIP /sys cannot be mounted" true
fi
done_testing
