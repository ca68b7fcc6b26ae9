#!/bin/sh
# Real packets over a veth pair between two namespaces: what was sent is in the
# live view and, after the stop, in the store; who runs with what privilege.
. tests/lib/tap.sh

[ "$(id -u)" = 0 ] || skip_all "needs root"
getent passwd goprobe-capture >/dev/null || skip_all "users are missing: make users"
. tests/lib/veth.sh
veth_pair || skip_all "needs network namespaces"
cleanup() {
	[ -n "${launcher:-}" ] && kill "$launcher" 2>/dev/null && wait "$launcher"
}
at_exit cleanup

veth_no_arp

counter() { # NAMESPACE INTERFACE rx|tx packets|bytes
	in_net $1 ip -s -j link show $2 | jq -r ".[0].stats64.$3.$4"
}
# start STORE IFACE...: sensor in namespace $B
start() {
	store=$1
	shift
	: >"$T/sensor.err" # what an earlier one said is not this one's word
	nsenter --net=/run/netns/$B "$BIN/goprobe" -d "$store" "$@" 2>"$T/sensor.err" &
	launcher=$!
	wait_for 20 grep -q 'capturing on' "$T/sensor.err"
}
stop() {
	kill -TERM "$launcher"
	wait "$launcher"
	status=$?
	launcher=
}
sum() { # STORE IFACE CONDITION COLUMN
	sum_of "$4" goquery -d "$1" -i "$2" -f -1d -e csv -c "$3" proto
}

# --- privileges while it runs
ok "sensor starts" start "$T/s" vb
for program in goprobe-capture goprobe-writer; do
	pid=$(pgrep -P "$launcher" -x "$program" || pgrep -P "$launcher" -f "^$program")
	status() { awk -v k="$1:" '$1 == k { $1 = ""; print substr($0, 2) }' "/proc/$pid/status"; }
	user=goprobe
	[ $program = goprobe-capture ] && user=goprobe-capture
	u=$(id -u $user)
	is "$(status Uid)" "$u $u $u $u" "$program: user $user"
	is "$(status Groups)" "" "$program: no further group"
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		is "$(status $set)" 0000000000000000 "$program: $set empty"
	done
	is "$(status Seccomp)" 2 "$program: seccomp filter"
	is "$(status NoNewPrivs)" 1 "$program: no new privileges"
done

# --- counted traffic: 3000 requests, answered
rx0=$(counter $B vb rx packets) rxb0=$(counter $B vb rx bytes)
tx0=$(counter $B vb tx packets) txb0=$(counter $B vb tx bytes)
in_net $A ping -q -n -i 0.001 -c 500 -s 200 10.99.0.2 >/dev/null
nsenter --net=/run/netns/$B python3 tests/lib/echo.py serve 10.99.0.2 7777 &
echo_pid=$!
serving() { in_net $B ss -Hlun 'sport = :7777' | grep -q .; }
wait_for 20 serving
in_net $A python3 tests/lib/echo.py ask 10.99.0.2 7777 3000
kill $echo_pid
wait $echo_pid 2>/dev/null
sleep 1
live() { [ "$(sum "$T/s" vb 'dport=7777' 2)" = 3000 ]; }
ok "3000 requests in the live view within 15 s" wait_for 15 live
is "$(sum "$T/s" vb 'dport=7777' 3)" 3000 "and 3000 answers"
is "$(sum "$T/s" vb 'proto=ICMP' 2)" 500 "500 echo requests"
is "$(sum "$T/s" vb 'proto=ICMP' 3)" 500 "500 echo replies"
is "$(goquery -d "$T/s" -i vb -f -1d -e csv -c dport=7777 sip,dip | tail -1 | cut -d, -f1,2)" \
    "10.99.0.1,10.99.0.2" "the client is sip"
stop
is "$status" 0 "SIGTERM ends it with 0"
rx1=$(counter $B vb rx packets) rxb1=$(counter $B vb rx bytes)
tx1=$(counter $B vb tx packets) txb1=$(counter $B vb tx bytes)
is "$(sum "$T/s" vb 'dport=7777' 4)" 6000 "all of it is stored"
all="sip=0.0.0.0/0 or sip=::/0"
is "$(sum "$T/s" vb "$all" 2)" $((rx1 - rx0)) "packets received, as the interface counts"
is "$(sum "$T/s" vb "$all" 3)" $((tx1 - tx0)) "packets sent"
is "$(sum "$T/s" vb "$all" 5)" $((rxb1 - rxb0)) "bytes received, link header included"
is "$(sum "$T/s" vb "$all" 6)" $((txb1 - txb0)) "bytes sent"
is "$(ls "$T/s/vb/journal" | wc -l | tr -d ' ')" 0 "no journal is left"

# --- started in the middle of traffic, stopped in the middle of it
nsenter --net=/run/netns/$A python3 tests/lib/numbered.py va 10.99.1 100000 15000 >"$T/sent" &
sender=$!
sleep 1
ok "start under traffic" start "$T/s2" vb
rx0=$(counter $B vb rx packets)
many() { [ "$(counter $B vb rx packets)" -gt $((rx0 + 21000)) ]; }
ok "which goes on" wait_for 60 many
stop
at_stop=$(sed -n 's/.*kernel_at_stop=\([0-9]*\).*/\1/p' "$T/sensor.err")
wait $sender
stored=$(sum "$T/s2" vb 'net 10.99.1.0/24' 4)
is "$stored" "$(goquery -d "$T/s2" -i vb -f -1d -e csv dip,dport -c 'net 10.99.1.0/24' | tail -n +2 | wc -l | tr -d ' ')" \
    "no number twice"
# the kernel's count has the frames that are no IP in it
nonip=$(sed -n 's/.* non-ip=\([0-9]*\).*/\1/p' "$T/sensor.err")
ok "stored $stored, counted by the kernel at the signal ${at_stop:-none}" \
    test "$at_stop" -gt 20000 -a "$at_stop" -le $((stored + nonip))
# numbers are consecutive: a hole would be a lost packet
is "$(goquery -d "$T/s2" -i vb -f -1d -e csv -n all dip,dport -c 'net 10.99.1.0/24' |
    tail -n +2 | awk -F'[.,]' '{ print $4 * 50000 + $5 }' | sort -n |
    awk 'NR > 1 && $1 != p + 1 { h++ } { p = $1 } END { print h + 0 }')" 0 \
    "no hole in the numbers"

# --- 100,000 numbered packets from start to end
ok "start" start "$T/s3" vb
in_net $A python3 tests/lib/numbered.py va 10.99.1 100000 0 >"$T/sent"
sleep 1
stop
is "$(sum "$T/s3" vb 'net 10.99.1.0/24' 4)" 100000 "100000 numbered packets"
is "$(goquery -d "$T/s3" -i vb -f -1d -e csv -n all dip,dport -c 'net 10.99.1.0/24' | tail -n +2 | wc -l | tr -d ' ')" \
    100000 "each once"

# --- a dead writer, a dead capture
ok "start" start "$T/s4" vb
nsenter --net=/run/netns/$A python3 tests/lib/numbered.py va 10.99.1 60000 10000 >"$T/sent" &
sender=$!
for k in 1 2 3; do
	sleep 1.3
	kill -9 "$(pgrep -P "$launcher" -f '^goprobe-writer')"
done
wait $sender
sleep 1
stop
is "$(sum "$T/s4" vb 'net 10.99.1.0/24' 4)" 60000 \
    "kill -9 of the writer, three times: nothing lost, nothing twice"

# --- one that is dead when the sensor is told to end, or about to be started
writer_pid() { pgrep -P "$launcher" -f '^goprobe-writer'; }
for k in 0 6; do
	ok "start" start "$T/w$k" vb
	while [ $k -gt 0 ]; do
		wait_for 20 writer_pid >/dev/null
		last=$(writer_pid)
		kill -9 "$last"
		is_dead() { [ "$(writer_pid)" != "$last" ]; }
		wait_for 20 is_dead
		k=$((k - 1))
	done
	in_net $A python3 tests/lib/numbered.py va 10.99.1 1000 0 >"$T/sent"
	[ "$store" = "$T/w6" ] || kill -9 "$(writer_pid)"
	stop
	[ "$store" = "$T/w0" ] || # where the capture may say so
	    is $status 0 "a dead writer is no reason to end with another status"
	is "$(sum "$store" vb 'net 10.99.1.0/24' 4)" 1000 "all is stored"
	is "$(ls "$store/vb/journal" | wc -l | tr -d ' ')" 0 "in finished blocks"
done

# --- the writer dies when a capture was told to leave and had not answered
ok "start" start "$T/s8" vb
nsenter --net=/run/netns/$A python3 tests/lib/numbered.py va 10.99.1 12000 3000 >"$T/sent" &
sender=$!
sleep 1.2
capture=$(pgrep -P "$launcher" -f ^goprobe-capture)
kill -STOP "$capture"
nsenter --net=/run/netns/$B "$BIN/goprobe-capture" -S "/run/goprobe/launcher.$launcher.sock" vb 2>"$T/second.err" &
second=$!
connected() { [ "$(grep -c 'capture connected' "$T/sensor.err")" -ge 2 ]; }
ok "a second capture" wait_for 10 connected
sleep 0.3
kill -9 "$(pgrep -P "$launcher" -f '^goprobe-writer')"
kill -CONT "$capture"
wait $sender
sleep 1
kill -TERM $second 2>/dev/null
wait $second
is $? 0 "the second capture ends with 0"
stop
is "$(sum "$T/s8" vb 'net 10.99.1.0/24' 4)" 12000 "nothing lost, nothing twice"
like "$(cat "$T/sensor.err")" 'capture takes over iface=vb' "the second took over"

# --- two interfaces at once, a second writer, lo
run 1 "no such interface" in_net $B "$BIN/goprobe" -d "$T/s5" nosuch0
is "$err" "goprobe: nosuch0: no such interface" "is named"
ok "no store was made" test ! -e "$T/s5"
ok "two interfaces" start "$T/s5" vb lo
run 1 "a second sensor on the same store" in_net $B timeout 30 "$BIN/goprobe" -d "$T/s5" lo
like "$err" 'locked|owns|held' "names the first"
in_net $B ping -q -n -c 10 -i 0.01 127.0.0.1 >/dev/null
in_net $A ping -q -n -c 10 -i 0.01 10.99.0.2 >/dev/null
sleep 1
stop
is "$(sum "$T/s5" lo proto=ICMP 4)" 20 "lo counts each packet once"
is "$(sum "$T/s5" vb proto=ICMP 4)" 20 "vb beside it"
is "$(goquery -d "$T/s5" -i any -f -1d -e csv iface | tail -n +2 | cut -d, -f1 | sort | tr '\n' ' ')" \
    "lo vb " "both in one answer"

# --- the launcher dies: its children finish and leave
ok "start" start "$T/s6" vb
in_net $A ping -q -n -c 10 -i 0.01 10.99.0.2 >/dev/null
children=$(pgrep -P "$launcher")
kill -9 "$launcher"
wait "$launcher" 2>/dev/null
launcher=
gone() { for p in $children; do [ -e "/proc/$p" ] && return 1; done; return 0; }
ok "they are gone within 20 s" wait_for 20 gone
is "$(sum "$T/s6" vb proto=ICMP 4)" 20 "and everything is stored"
is "$(ls "$T/s6/vb/journal" | wc -l | tr -d ' ')" 0 "in finished blocks"

# --- a capture that cannot hand on what it has, at the very end
ok "sensor starts" start "$T/s7" vb
capture=$(pgrep -P "$launcher" -f ^goprobe-capture)
kill -STOP "$capture"
kill -TERM "$launcher"
sleep 0.5
kill -KILL "$capture"
stop
is $status 1 "its death is the sensor's exit status"
like "$(cat "$T/sensor.err")" 'goprobe-capture was killed by signal 9' "and told"

# --- who may ask
chmod 755 "$T"
run 1 "an outsider is refused" setpriv --reuid=65534 --regid=65534 \
    --clear-groups "$BIN/goquery" -d "$T/s" -i vb raw
like "$err" 'goprobe-read' "and told which group to ask for"
one_line "outsider"
gid=$(getent group goprobe-read | cut -d: -f3)
run 0 "a member of the group asks" setpriv --reuid=65534 --regid=65534 \
    --groups="$gid" "$BIN/goquery" -d "$T/s" -i vb -f -1d raw
done_testing
