#!/bin/sh
# `workers = N`: an interface shared by threads gives the same rows, whatever N:
# both directions, fragments, IPv4 and IPv6, tags and labels meet in one.
. tests/lib/tap.sh

[ "$(id -u)" = 0 ] || skip_all "needs root"
getent passwd goprobe-capture >/dev/null || skip_all "users are missing: make users"
NS=gpw$$
in_net() { nsenter --net=/run/netns/$NS "$@"; }
ip netns add $NS 2>/dev/null || skip_all "needs network namespaces"
cleanup() {
	[ -n "${launcher:-}" ] && kill "$launcher" 2>/dev/null && wait "$launcher"
	ip netns del $NS
}
at_exit cleanup
in_net sysctl -qw net.ipv6.conf.all.disable_ipv6=1
in_net ip link add va type veth peer name vb
for dev in va vb; do in_net ip link set $dev arp off up; done

FLOWS=300
# capture N DIRECTION: rows in $T/N.DIRECTION, what they should be in $T/expected
capture() {
	printf '[capture]\nl7 = off\nworkers = %s\ndirection = %s\nflows_max = 20000\nbuffer_mb = 4\n' \
	    "$1" "$2" >"$T/w.ini"
	: >"$T/sensor.err"
	nsenter --net=/run/netns/$NS "$BIN/goprobe" -c "$T/w.ini" -d "$T/s$1$2" vb 2>"$T/sensor.err" &
	launcher=$!
	wait_for 20 grep -q 'capturing on' "$T/sensor.err" || return 1
	pid=$(pgrep -P "$launcher" -f '^goprobe-capture')
	threads=$(ls "/proc/$pid/task" | wc -l | tr -d ' ')
	seccomp=$(cat /proc/"$pid"/task/*/status | grep -c '^Seccomp:.*2$')
	caps=$(cat /proc/"$pid"/task/*/status | grep -c '^CapEff:.*0000000000000000$')
	uids=$(cat /proc/"$pid"/task/*/status | grep '^Uid:' | sort -u | wc -l | tr -d ' ')
	processes=$(awk '/Max processes/ { print $3 }' "/proc/$pid/limits")
	in_net python3 tests/lib/deal.py vb va $FLOWS >"$T/expected"
	sleep 0.3
	kill -TERM "$launcher"
	wait "$launcher"
	status=$?
	launcher=
	goquery -d "$T/s$1$2" -i vb -f -1d -e csv -n all sip,dip,dport,proto |
	    tail -n +2 | sort >"$T/$1.$2"
}

for n in 1 2 4; do
	capture $n interface
	is "$status" 0 "workers = $n: ends with 0"
	is "$threads" "$n" "$n threads"
	is "$seccomp $caps $uids $processes" "$n $n 1 0" \
	    "each in the sandbox, without a capability, of one user; none can be added"
	sort "$T/expected" >"$T/sorted"
	ok "every row as it was sent" diff "$T/sorted" "$T/$n.interface"
	if [ $n -gt 1 ]; then
		is "$(grep -c 'worker iface=vb worker=[0-9]* packets=[1-9]' "$T/sensor.err")" $n \
		    "all of them had packets"
	fi
done
# as many as may be: a filter holds all of their descriptors
capture 64 interface
is "$status" 0 "workers = 64: ends with 0"
is "$threads $seccomp $caps" "64 64 64" "64 threads, each in the sandbox"
ok "every row as it was sent" diff "$T/sorted" "$T/64.interface"
# --- another capture of an interface that does not change hands
printf '[capture]\nl7 = off\nworkers = 2\nsnapshot_interval = 1\n' >"$T/w.ini"
: >"$T/sensor.err"
nsenter --net=/run/netns/$NS "$BIN/goprobe" -c "$T/w.ini" -d "$T/again" vb 2>"$T/sensor.err" &
launcher=$!
wait_for 20 grep -q 'capturing on' "$T/sensor.err"
in_net python3 tests/lib/numbered.py va 10.99.1 10 0 >/dev/null
sleep 2
run 75 "a second one is refused" in_net timeout 30 goprobe-capture -c "$T/w.ini" \
    -S "/run/goprobe/launcher.$launcher.sock" vb
sleep 2
kill -TERM "$launcher"
wait "$launcher"
launcher=
run 0 "what the first one saw" goquery -d "$T/again" -i vb -f -1d -e csv proto
is "$err" "" "is no less for that"

for n in 1 2 4; do
	capture $n flow
	is "$status" 0 "direction = flow, workers = $n: ends with 0"
done
ok "1 and 2 the same" cmp "$T/1.flow" "$T/2.flow"
ok "1 and 4 the same" cmp "$T/1.flow" "$T/4.flow"
is "$(wc -l <"$T/4.flow" | tr -d ' ')" $FLOWS "a row for each conversation"
done_testing
