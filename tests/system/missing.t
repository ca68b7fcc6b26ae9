#!/bin/sh
# What an answer lacks is told in every format, each cause planted alone.
. tests/lib/tap.sh

HELPERS=${TESTS_DIR:-build/$(basename "${CC:-gcc}")/tests}
[ -x "$HELPERS/lib/rows2store" ] || skip_all "no tests/lib/rows2store; make tests"
DAY=1767225600 # 2026-01-01

# store NAME FLAGS COVERED KERNEL IFACE LATE CLAMPED [SKIPPED_SLOT [OVERFLOW]]:
# an hour of blocks; the third has the flags and counters, the others $flags;
# SKIPPED_SLOT is not there
flags=4
store() {
	for n in 0 1 2 3 4 5 6 7 8 9 10 11; do
		slot=$((DAY + n * 300))
		[ "${8:-}" = "$n" ] && continue
		if [ $n = 2 ]; then echo "B eth0 $slot $2 $3 $4 $5 $6 $7 ${9:-0}"; else
			echo "B eth0 $slot $flags 300 0 0 0 0"; fi
		echo "R 192.0.2.$n 198.51.100.7 443 6 1000 200 2 1 TLS"
		echo "C eth0 $slot"
	done | "$HELPERS/lib/rows2store" "$T/$1"
}
q() {
	name=$1
	shift
	goquery -d "$T/$name" -i eth0 -f 2026-01-01T00:00Z -l 2026-01-01T01:00Z "$@"
}

# check NAME CAUSE TEXT STATUS: it is told in every format
check() {
	run "$4" "$1: txt" q "$1" sip
	like "$out" "^Coverage: .*$3" "  below the table"
	run "$4" "  json" q "$1" -e json sip
	is "$(printf '%s' "$out" | jq -r '.status, .summary.coverage.incomplete[0].cause, (.summary.coverage.incomplete | length)' | tr '\n' ' ')" \
	    "incomplete $2 1 " "  as fields"
	for f in csv jsonl; do
		run "$4" "  $f" q "$1" -e $f sip
		one_line "  $f"
		like "$err" "^goquery: incomplete iface=eth0 first=2026-01-01T00:[0-9:]*Z last=2026-01-01T0[01]:[0-9:]*Z cause=$2" \
		    "  on the standard error"
	done
	run "$4" "  html" q "$1" -e html sip
	like "$out" "class=\"missing\".*Coverage: .*$3" "  below the table"
	run 3 "  --fail-incomplete" q "$1" --fail-incomplete -e csv sip
}

store whole 4 300 0 0 0 0
for f in txt csv json jsonl html; do
	run 0 "nothing missing, $f" q whole --fail-incomplete -e $f sip
	is "$err" "" "  nothing on the standard error"
done
is "$(q whole -e json sip | jq -r '.status, .summary.coverage.percent' | tr '\n' ' ')" \
    "ok 100 " "  nor in json"

# a month of blocks that cover a day each, but for a second
n=0
while [ $n -lt 30 ]; do
	slot=$((DAY + n * 86400))
	echo "B eth0 $slot 4 $((n == 3 ? 86399 : 86400)) 0 0 0 0"
	echo "C eth0 $slot"
	n=$((n + 1))
done | "$HELPERS/lib/rows2store" "$T/second"
month() { goquery -d "$T/second" -i eth0 -f 2026-01-01Z -l 2026-01-31Z "$@"; }
is "$(month -e json sip | jq -r '.status, .summary.coverage.percent' | tr '\n' ' ')" \
    "incomplete 99.9999 " "a second of a month is not rounded away"
run 0 "  a table" month sip
like "$out" "^Coverage: 99.99 % of the window; eth0 down 1 s" "  says so, too"

store drops 4 300 1234 0 0 0
check drops kernel-drops '1234 packets dropped on eth0' 0
store nic 4 300 0 77 0 0
check nic interface-drops '77 packets dropped by the interface on eth0' 0
store late 4 300 0 0 5 0
check late late '5 packets counted late on eth0' 0
store clamped 4 300 0 0 0 9
check clamped time-range '9 packets of a time out of range on eth0' 0
store full 4 300 0 0 0 0 none 11
check full overflow '11 packets without their addresses on eth0' 0
store cut 20 300 0 0 0 0
check cut cut-file 'a capture file was cut short on eth0' 0
store gap 4 300 0 0 0 0 7
check gap down 'eth0 down 5 min' 0
is "$(q gap -e json sip | jq -r '.summary.coverage.incomplete[0] | "\(.first) \(.last) \(.seconds)"')" \
    "2026-01-01T00:35:00Z 2026-01-01T00:40:00Z 300" "  when and how long"
like "$(q gap -e csv sip 2>&1 >/dev/null)" ' cause=down seconds=300 gaps=1$' "  in a line, too"
store early 4 120 0 0 0 0
check early down 'eth0 down 3 min' 0
store lost 36 300 0 0 0 0
check lost lost-rows 'eth0' 0

# a live sensor whose newest snapshot is 100 seconds old: one that makes them
# seldom is not down, as the configuration tells for each interface
last=$(($(date +%s) - 100))
slot=$((last / 300 * 300))
for n in 0 1; do
	echo "B eth$n $((slot - 300)) 4 300 0 0 0 0"
	echo "C eth$n $((slot - 300))"
	echo "B eth$n $slot 4 $((last - slot)) 0 0 0 0"
done | "$HELPERS/lib/rows2store" "$T/seldom"
down() {
	goquery -d "$T/seldom" -i any -f -1h -e json "$@" iface 2>/dev/null |
		jq -r '[.summary.coverage.incomplete[] | .cause, .iface] | join(" ")'
}
is "$(down)" "down eth0 down eth1" "no snapshot for 100 seconds: down"
printf '[interface eth1]\nsnapshot_interval = 200\n' >"$T/one.ini"
is "$(down --config "$T/one.ini")" "down eth0" "but not where they are 200 apart"
printf '[capture]\nsnapshot_interval = 200\n' >"$T/all.ini"
is "$(down --config "$T/all.ini")" "" "nor where that is so of all"
printf '[capture]\nsnapshot_interval = 65\n' >"$T/all.ini"
is "$(down --config "$T/all.ini")" "down eth0 down eth1" "more than 30 behind it are"

# days that retention removes, here of a store that begins three days earlier
goprobe -d "$T/pruned" -i eth0 -r tests/data/days.pcap 2>/dev/null
chmod -R a+rX "$T/pruned"
p() { goquery -d "$T/pruned" -i eth0 -f 2026-01-14 -l 2026-01-17 "$@"; }
is "$(p -e json sip | jq -r '[.summary.coverage.incomplete[]?.cause] | join(" ")')" "" \
    "before retention nothing is missing"
run 0 "goprobe-writer --clean removes days" goprobe-writer -d "$T/pruned" \
    --yes --clean 2026-01-16
is "$(p -e json sip | jq -r '.status, (.summary.coverage.incomplete[] | .cause, .first, .last)' | tr '\n' ' ')" \
    "incomplete pruned 2026-01-14T00:00:00Z 2026-01-16T00:00:00Z " "and answers say so"
run 0 "it is told" p -e csv sip
like "$err" 'incomplete iface=eth0 first=2026-01-14T00:00:00Z last=2026-01-16T00:00:00Z cause=pruned' \
    "  on the standard error"
run 3 "--fail-incomplete" p --fail-incomplete -e csv sip
like "$(p sip)" '^Coverage: .*2 days removed by retention on eth0' "  below the table"
run 3 "seen gives no false no" p seen 203.0.113.250
# the first of them comes back as a capture file: the second is still gone
w() { goquery -d "$T/pruned" -i eth0 -f $1 -l $2 -e json sip | jq -r '[.summary.coverage.incomplete[] | .cause, .first, .last, .count] | join(" ")'; }
printf 'B eth0 1768348800 10 300 0 0 0 0\nC eth0 1768348800\n' |
	"$HELPERS/lib/rows2store" "$T/pruned"
chmod -R a+rX "$T/pruned"
gone="pruned 2026-01-15T00:00:00Z 2026-01-16T00:00:00Z 1"
is "$(w 2026-01-14 2026-01-17)" "$gone" "a day behind one that came back is gone"
is "$(w 2026-01-15 2026-01-17)" "$gone" "  at the window's edge, too"
is "$(w 2026-01-14T12:00Z 2026-01-15)" "" "  not the one that came back"
run 3 "  and seen gives no false no" goquery -d "$T/pruned" -i eth0 \
    -f 2026-01-15 -l 2026-01-17 seen 203.0.113.250

# whose packets found no room in the flow table, nobody knows; neither does an
# index of addresses.  Of a file, behind which nothing else is missing.
flags=10
store files 10 300 0 0 0 0 none 11
flags=4
f() { goquery -d "$T/files" -i eth0 -f 0 -l 2026-01-02T00:00Z "$@"; }
ok "an index of addresses" test -e "$T/files/eth0/2026-01-01/addresses.idx"
for how in --no-index "-e txt"; do
	run 3 "seen gives no false no where addresses were not kept" \
	    f $how seen 203.0.113.250
	like "$out" '^Coverage: .*; 11 packets without their addresses on eth0' \
	    "  and says why"
	run 3 "  nor of a condition" f $how -c 'host 203.0.113.250' seen
	run 0 "  what was seen was seen" f $how seen 192.0.2.2
done
run 0 "--check has nothing against it" goquery -d "$T/files" --check

store damaged 4 300 0 0 0 0
python3 - "$T/damaged" <<'PY'
import glob, sys
path = glob.glob(sys.argv[1] + "/eth0/20*/bytes_sent.gpf")[0]
data = bytearray(open(path, "rb").read())
data[len(data) // 2] ^= 0xff
open(path, "r+b").write(data)
PY
check damaged damaged '1 place not readable' 3
is "$(q damaged -e json sip 2>/dev/null | jq -r '.summary.coverage.incomplete[0] | .place + " " + .error')" \
    "$(q damaged -e csv sip 2>&1 >/dev/null | sed 's/.* place="\(.*\)" error="\(.*\)"$/\1 \2/')" \
    "  where and why, in json as in a line"
is "$(q damaged -e csv sip 2>/dev/null | tail -n +2 | wc -l | tr -d ' ')" 11 "  it costs one block"
echo "B eth1 $DAY 4 3600 5 0 0 0
C eth1 $DAY" | "$HELPERS/lib/rows2store" "$T/damaged"
run 3 "  whatever else is missing" q damaged -i any -e csv sip
like "$(printf '%s\n' "$err" | tail -1)" 'iface=eth1 .*cause=kernel-drops' "  and told behind it"

# --- --list: of each interface and of all, in every format
printf '%s\n' 'B eth0 1768435200 2 300 3 40 0 0' \
    'R 10.0.0.1 192.0.2.1 443 6 1000 20 7 5 TLS' 'C eth0 1768435200' \
    'B eth0 1768608000 2 300 0 0 0 0' 'C eth0 1768608000' \
    'B eth1 1768348800 2 300 5 60 0 0' \
    'R 10.0.0.1 192.0.2.1 443 6 300 4 2 1 TLS' 'C eth1 1768348800' |
    "$HELPERS/lib/rows2store" "$T/list"
mkdir "$T/list/eth2"
chmod -R a+rX "$T/list"
is "$(goquery -d "$T/list" --list | sed 's/  *[0-9.]*  *k*B\( *[0-9]*\)$/\1/; s/  */ /g')" \
    " iface first block last block days flows packets data vol. on disk drops
 eth0 2026-01-15 00:00:00 +0000 2026-01-17 00:00:00 +0000 2 1.00 12.00 1020.00 B 43
 eth1 2026-01-14 00:00:00 +0000 2026-01-14 00:00:00 +0000 1 1.00 3.00 304.00 B 65
 eth2 none none 0 0.00 0.00 0.00 B 0
 all 2026-01-14 00:00:00 +0000 2026-01-17 00:00:00 +0000 3 2.00 15.00 1.29 kB 108" "--list"
is "$(goquery -d "$T/list" --list -e csv | cut -d, -f1-12,14-)" \
    "iface,first,last,days,blocks,flows,packets_rcvd,packets_sent,packets,bytes_rcvd,bytes_sent,bytes,kernel_drops,iface_drops
eth0,1768435200,1768608000,2,2,1,7,5,12,1000,20,1020,3,40
eth1,1768348800,1768348800,1,1,1,2,1,3,300,4,304,5,60
eth2,,,0,0,0,0,0,0,0,0,0,0,0" "  csv"
is "$(goquery -d "$T/list" --list -e json | jq -c '.interfaces[] | del(.disk_bytes) | [.[]]')" \
    '["eth0","2026-01-15T00:00:00Z","2026-01-17T00:00:00Z",2,2,1,7,5,12,1000,20,1020,3,40]
["eth1","2026-01-14T00:00:00Z","2026-01-14T00:00:00Z",1,1,1,2,1,3,300,4,304,5,60]
["eth2",null,null,0,0,0,0,0,0,0,0,0,0,0]' "  json"

# --- windows that adjoin on block boundaries count nothing twice
all=$(q whole -e csv proto | tail -1 | cut -d, -f7)
sum=0
for m in 00:00 00:15 00:30 00:45; do
	end=$(date -u -d "2026-01-01 $m UTC +15 min" +%FT%TZ)
	part=$(goquery -d "$T/whole" -i eth0 -f "2026-01-01T$m:00Z" -l "$end" -e csv proto | tail -1 | cut -d, -f7)
	sum=$((sum + part))
done
is "$sum" "$all" "four quarters are the hour"
for tz in UTC Europe/Zurich America/St_Johns; do
	like "$(q whole --tz $tz sip)" "^Window: .* \($(TZ=$tz date -d @$DAY +%Z)\)$" "the zone is printed: $tz"
done
is "$(q whole --tz Asia/Kathmandu --bin 1d -e csv time | tail -n +2 | cut -d, -f1)" \
    $((DAY - DAY % 86400 - 20700)) "days begin at local midnight"
done_testing
