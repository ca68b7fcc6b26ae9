#!/bin/sh
# A kill storm over the sensor as systemd runs it: KILLS (25, with LONG=1 100)
# times kill -9 at random phases over all its processes, with stops, starts,
# reloads, upgrades and daemon-reload in between, while numbered packets arrive.  Nothing
# is stored twice, and whatever is missing lies in a gap that answers report.
# TEST_SEED repeats the order of events.
. tests/lib/tap.sh
. tests/lib/machine.sh

KILLS=${KILLS:-${LONG:+100}}
KILLS=${KILLS:-25}
TEST_SEED=${TEST_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "# TEST_SEED=$TEST_SEED KILLS=$KILLS"
SNAPSHOT=1 WAIT=2

machine_tree
machine_install
ok "boot" machine_boot || done_testing
machine_link vb va
machine_link vc vd
cat >"$ROOT/etc/goprobe/goprobe.ini" <<END
[capture]
snapshot_interval = $SNAPSHOT
l7_wait = $WAIT
flows_max = 65536
[interface vb]
[interface vc]
END
ok "start" machine systemctl start goprobe.target

for pair in va:10.99.1 vd:10.99.2; do
	nsenter --net="/run/netns/$PEER" python3 tests/lib/numbered.py ${pair%:*} \
	    ${pair#*:} 10000000 500 "$T/${pair%:*}.log" >"$T/${pair%:*}.sent" &
	senders="${senders:-} $!"
done
sleep 2 # each interface has had its first snapshot

# `KIND SECONDS` a line, by the seed
python3 - "$TEST_SEED" "$KILLS" >"$T/plan" <<'END'
import random, sys
r = random.Random(int(sys.argv[1]))
n = int(sys.argv[2])
i = 0
while n > 0:
    what = r.choices(["writer", "vb", "vc", "all", "both"],
                     [35, 25, 15, 10, 15])[0]
    n -= {"all": 3, "both": 2}.get(what, 1)
    print(what, "%.3f" % r.uniform(0.05, 1.6))
    i += 1
    if i % 4 == 0:
        print(r.choice(["restart-writer", "daemon-reload", "stop-start",
                        "reload", "stop-writer", "upgrade"]), "%.3f" % r.uniform(0.1, 1))
END
kill_unit() { machine systemctl kill -s KILL "$@" 2>>"$T/kill.err"; }
kills=0
: >"$T/vb.events" && : >"$T/vc.events"
while read -r what pause; do
	sleep "$pause"
	case $what in
	vb | vc) date +%s.%N >>"$T/$what.events" ;;
	both) date +%s.%N >>"$T/vb.events" ;;
	all | stop-*) date +%s.%N | tee -a "$T/vb.events" >>"$T/vc.events" ;;
	esac
	case $what in
	writer) kill_unit goprobe-writer.service ;;
	vb | vc) kill_unit "goprobe-capture@$what.service" ;;
	both) kill_unit goprobe-writer.service goprobe-capture@vb.service ;;
	all) kill_unit goprobe-writer.service 'goprobe-capture@*.service' ;;
	restart-writer) machine systemctl restart goprobe-writer ;;
	daemon-reload) machine systemctl daemon-reload ;;
	stop-start) machine systemctl restart goprobe.target ;;
	reload) machine systemctl reload goprobe.target ;;
	stop-writer) machine systemctl stop goprobe-writer ;;
	upgrade) machine /usr/libexec/goprobe/goprobe-apply upgrade ;;
	esac </dev/null
	case $what in
	*-*) ;;
	reload | upgrade) ;;
	both) kills=$((kills + 2)) ;;
	all) kills=$((kills + 3)) ;;
	*) kills=$((kills + 1)) ;;
	esac
done <"$T/plan"
echo "# $kills kills: $(cut -d' ' -f1 "$T/plan" | tr '\n' ' ')"
# three deaths in ten minutes turn layer 7 off, which --status rightly tells
quiet() {
	machine goquery --status -e json >"$T/status.json" 2>"$T/status.err" ||
		jq -e '.problems | length > 0 and all(.[]; tostring | test("layer 7 is off"))' \
		    "$T/status.json"
}
ok "after the storm the status is fresh within 30 s" wait_for 30 quiet
sleep 2
kill $senders
for s in $senders; do wait "$s"; done
machine systemctl stop goprobe.target
stopped() { [ "$(machine pgrep -c goprobe)" = 0 ]; }
ok "stop" wait_for 20 stopped
is "$(machine systemctl --failed --plain --no-legend)" "" "no unit has failed"

bound=$(python3 -c "print($SNAPSHOT + $WAIT + 4)")
for pair in vb:va:10.99.1 vc:vd:10.99.2; do
	iface=${pair%%:*} net=${pair##*:}
	side=${pair#*:} side=${side%:*}
	machine goquery -i "$iface" -f -1d -e csv -n all -c "net $net.0/24" \
	    dip,dport >"$T/answer.csv" 2>"$T/answer.err"
	ok "$iface: each number once, what is missing in gaps of at most $bound s a kill" \
	    python3 tests/lib/gaps.py "$ROOT/var/lib/goprobe" "$iface" \
	    "$T/$side.log" "$T/answer.csv" "$bound" "$T/$iface.events"
	diag <"$T/ok.out"
	gaps=$(sed -n 's/.*; \([0-9]*\) gaps.*/\1/p' "$T/ok.out")
	is "$(sed -n 's/.*cause=down.*/reported/p' "$T/answer.err" | sort -u)" \
	    "$([ "${gaps:-0}" = 0 ] || echo reported)" "$iface: answers say so"
done
is "$(machine journalctl -b --no-pager | grep -ciE 'ignoring|unknown lvalue|failed to parse')" 0 \
    "nothing in the journal is ignored"
done_testing
