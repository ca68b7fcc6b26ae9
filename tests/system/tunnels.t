#!/bin/sh
# Interfaces without Ethernet in front of IP, as a router has them: tun, and
# the kernel's own tunnels where it has them.  Both families, both directions.
# And a VRF and an IFB, where the kernel does not tell the directions.
. tests/lib/tap.sh
. tests/lib/veth.sh
[ "$(id -u)" = 0 ] || skip_all "needs root"
getent passwd goprobe-capture >/dev/null || skip_all "needs the sensor's users"
veth_pair || skip_all "needs network namespaces"
printf '[capture]\nl7 = off\nsnapshot_interval = 1\n' >"$T/s.ini"

# watched IFACE COMMAND...: captures in $B while the command runs
watched() {
	iface=$1
	shift
	: >"$T/err"
	nsenter --net=/run/netns/$B "$BIN/goprobe" -c "$T/s.ini" \
	    -d "$T/$iface" "$iface" 2>"$T/err" &
	launcher=$!
	ok "$iface: sensor starts" wait_for 20 grep -q 'capturing on' "$T/err"
	"$@"
	sleep 1
	kill -TERM "$launcher"
	wait "$launcher"
	is $? 0 "$iface: ends with 0"
}
# counts IFACE CONDITION: packets received and sent
counts() {
	goquery -d "$T/$1" -i "$1" -f -1h -e csv -c "$2" proto |
	    tail -n +2 | cut -d, -f2,3
}

# --- tun: what the program behind it writes comes in
cat >"$T/tun.py" <<'P'
import fcntl, os, select, socket, struct, sys, time
sys.path.insert(0, "tests/lib")
from pcapgen import ip, udp
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", b"tun9", 0x1001))
for i in range(200):
    os.write(tun, ip("10.77.0.9", "10.77.0.1", 17, udp(5000, 53))[1])
for i in range(100):
    os.write(tun, ip("fd77::9", "fd77::1", 17, udp(5000, 53))[1])
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
# the kernel drops what goes out until it has seen, some time, that we are here
left, end = 50, time.monotonic() + 20
while left > 0 and time.monotonic() < end:
    out.sendto(b"x", ("10.77.0.9", 54))
    while select.select([tun], [], [], 0.5)[0]:
        if os.read(tun, 65536)[0] >> 4 == 4:
            left -= 1
            break
P
if in_net $B ip tuntap add tun9 mode tun 2>/dev/null; then
	in_net $B ip addr add 10.77.0.1/24 dev tun9
	in_net $B ip link set tun9 up
	watched tun9 in_net $B python3 "$T/tun.py"
	is "$(counts tun9 'dport=53 and proto=UDP and net 10.0.0.0/8')" "200,0" \
	    "tun: IPv4 comes in"
	is "$(counts tun9 'dport=53 and proto=UDP and net fd00::/8')" "100,0" \
	    "tun: IPv6"
	is "$(counts tun9 'dport=54 and proto=UDP')" "0,50" "tun: and goes out"
else
	ok "tun # SKIP no /dev/net/tun" true
fi

# --- tunnels between the two namespaces
in_net $A sysctl -qw net.ipv6.conf.va.disable_ipv6=0
in_net $B sysctl -qw net.ipv6.conf.vb.disable_ipv6=0
in_net $A ip addr add fd99::1/64 dev va nodad
in_net $B ip addr add fd99::2/64 dev vb nodad
# tunnel KIND OPTION...: a link of this kind on both sides
tunnel() {
	kind=$1
	shift
	case $kind in
	*6*) a=fd99::1 b=fd99::2 ;;
	*) a=10.99.0.1 b=10.99.0.2 ;;
	esac
	in_net $A ip link add t9 type "$kind" local $a remote $b "$@" 2>/dev/null &&
	    in_net $B ip link add t9 type "$kind" local $b remote $a "$@" || return 1
	for side in "$A 1" "$B 2"; do
		set -- $side
		in_net $1 ip addr add 10.78.0.$2/24 dev t9
		in_net $1 ip link set t9 up
	done
}
for kind in ipip gre "sit mode any" "ip6tnl mode any" ip6gre; do
	name=${kind%% *}
	if ! tunnel $kind; then
		ok "$name # SKIP not in this kernel" true
		continue
	fi
	rm -rf "$T/t9"
	watched t9 in_net $A sh -c 'ping -q -c 20 -i 0.02 10.78.0.2 >"$0"' "$T/ping"
	is "$(counts t9 'proto=ICMP')" "20,20" "$name: both ways"
	in_net $A ip link del t9
	in_net $B ip link del t9
done

# --- vrf: whatever came in the kernel calls sent, so that flows are counted
if in_net $B ip link add vr9 type vrf table 9 2>/dev/null; then
	in_net $B ip link set vr9 up
	in_net $B ip link set vb master vr9
	watched vr9 in_net $A sh -c 'ping -q -c 20 -i 0.02 10.99.0.2 >"$0"' "$T/ping"
	like "$(cat "$T/err")" 'capturing iface=vr9 .* direction=flow ' "vrf: by flow"
	is "$(counts vr9 'proto=ICMP and sip=10.99.0.1')" "20,20" "vrf: both ways"
else
	ok "vrf # SKIP not in this kernel" true
fi

# --- ifb: where a shaper leads or copies an interface's packets
mirrored() { # PARENT
	in_net $B tc filter add dev vb parent $1 protocol all u32 \
	    match u32 0 0 action mirred egress mirror dev if9
}
if in_net $B ip link add if9 type ifb 2>/dev/null &&
    in_net $B ip link set if9 up &&
    in_net $B tc qdisc add dev vb clsact 2>/dev/null &&
    mirrored ffff:fff2 2>/dev/null && mirrored ffff:fff3; then
	watched if9 in_net $A sh -c 'ping -q -c 20 -i 0.02 10.99.0.2 >"$0"' "$T/ping"
	like "$(cat "$T/err")" 'capturing iface=if9 .* direction=flow ' "ifb: by flow"
	is "$(counts if9 'proto=ICMP and sip=10.99.0.1')" "20,20" "ifb: both ways"
else
	ok "ifb # SKIP not in this kernel" true
fi
done_testing
