#!/bin/sh
# Looking after a store: --list, --check, --prune, --clean, --wipe, --repair,
# --rebuild-rollups.
# LONG=1: the list with 500 interfaces of 365 days.
. tests/lib/tap.sh

MANYDAYS=${TESTS_DIR:-build/gcc/tests}/lib/manydays
[ -x "$MANYDAYS" ] || skip_all "$MANYDAYS is not built"
S=$T/store
if [ "$(id -u)" = 0 ]; then own() { chown -R nobody:nogroup "$1"; }; else own() { :; }; fi
ini() { printf "[store]\n$1" >"$T/ini"; }
# It is noon.  For a quarter of an hour behind midnight the writer does not take
# the day before for over, and a test may begin just before.
today=$(date -u +%Y-%m-%d)
ok "wallclock.so" ${CC:-gcc} -shared -fPIC -O2 -o "$T/wallclock.so" tests/lib/wallclock.c
python3 -c 'import struct, sys, time
sys.stdout.buffer.write(struct.pack("=q", (int(sys.argv[1]) - int(time.time())) * 10**9))' \
    "$(date -u -d "$today 12:00" +%s)" >"$T/noon"
at_noon() { LD_PRELOAD=$T/wallclock.so WALLCLOCK=$T/noon "$@"; }
day() { date -u -d "$today -$1 day" +%Y-%m-%d; }
writer() { at_noon goprobe-writer -c "$T/ini" -d "$S" "$@"; }
query() { goquery --config "$T/ini" -d "$S" "$@"; }
fresh() {
	rm -rf "$S"
	at_noon "$MANYDAYS" "$S" "$@" || exit 1
	own "$S"
}
ini ""

# --- list
fresh 3 10 4
run 0 "--list" query --list
like "$out" '^ +iface +first block +last block +days +flows +packets' "a table"
is "$(printf '%s\n' "$out" | wc -l | tr -d ' ')" 5 "a line for each and the sum"
run 0 "--list -e csv" query --list -e csv
is "$(printf '%s\n' "$out" | sed 1d | cut -d, -f1,4,5,6 | tr '\n' ' ')" \
    "eth0,10,40,120 eth1,10,40,120 eth2,10,40,120 " "days, blocks, flows"
csv=$out
want=$(query -i eth1 -f 0 -e csv iface 2>/dev/null | sed 1d | cut -d, -f2-)
is "$(printf '%s\n' "$csv" | grep '^eth1' | cut -d, -f7-12)" "$want" \
    "packets and bytes are those of a question"
first=$(date -u -d "$(day 10)" +%s)
is "$(printf '%s\n' "$csv" | grep '^eth1' | cut -d, -f2)" "$first" "first block"
run 0 "--list -e json" query --list -e json
is "$(printf '%s\n' "$out" | jq -r '.interfaces[1] | [.iface, .days, .flows] | @csv')" \
    '"eth1",10,120' "json"
run 0 "-e jsonl" query --list -e jsonl -i 'eth*,!eth0'
is "$(printf '%s\n' "$out" | jq -r .iface | tr '\n' ' ')" "eth1 eth2 " "-i chooses"
run 2 "a query beside it" query --list talk_conv
one_line "that"
run 0 "a round of retention" writer --prune
ok "makes summaries" test -s "$S/eth1/days.sum"
run 0 "with them" query --list -e csv
is "$out" "$csv" "the list is the same"
run 0 "check" query --check
like "$out" '^3 interfaces, 30 days, 120 blocks, 360 rows, 0 open batches: no damage$' \
    "finds nothing"

# --- prune and clean
ini "retain_days = 4\n"
run 0 "--prune --dry-run" writer --prune --dry-run
is "$(printf '%s\n' "$out" | grep -c 'would be removed.*age')" 18 "six days of three interfaces"
run 0 "again" query --list -e csv
is "$out" "$csv" "nothing was removed"
run 0 "--prune" writer --prune
is "$(printf '%s\n' "$out" | head -n 3 | cut -d' ' -f1 | tr '\n' ' ')" \
    "eth0/$(day 10) eth1/$(day 10) eth2/$(day 10) " "the oldest day of all interfaces first"
is "$(query --list -e csv | sed 1d | cut -d, -f1,4 | tr '\n' ' ')" "eth0,4 eth1,4 eth2,4 " \
    "four days are left"
run 0 "once more" writer --prune
is "$out" "0 days removed, 0 bytes" "there is nothing to do"
run 2 "--clean with no time" writer --clean soon --yes
one_line "that"
run 2 "--clean with a day to come" writer --clean 2099-01-01 --yes
like "$err" '2099-01-01: no time in the past' "says so"
one_line "that"
printf 'n\n' | writer --clean -2d >/dev/null 2>"$T/asked"
like "$(cat "$T/asked")" 'Remove all days.*\[y/N\].*Nothing was removed' "--clean asks"
is "$(query --list -e csv | sed 1d | cut -d, -f4 | sort -u)" 4 "and does not without a yes"
run 0 "--clean DAY --yes" writer --clean "$(day 2)" --yes
is "$(query --list -e csv | sed 1d | cut -d, -f4 | sort -u)" 2 "days that ended by then are gone"
run 0 "check" query --check

# --- a clock that is three years ahead
fresh 2 6
python3 -c 'import struct, sys
at = struct.unpack("=q", open(sys.argv[1], "rb").read())[0]
sys.stdout.buffer.write(struct.pack("=q", at + 3 * 365 * 86400 * 10**9))' "$T/noon" >"$T/ahead"
ahead() { LD_PRELOAD=$T/wallclock.so WALLCLOCK=$T/ahead goprobe-writer -c "$T/ini" -d "$S" "$@"; }
run 0 "--prune" ahead --prune
is "$out" "0 days removed, 0 bytes" "removes nothing by age"
like "$err" '12 days stay: by the clock all finished days are past retain_days' "and says so"
one_line "that"
run 0 "--clean DAY --yes" ahead --clean "$(day 4)" --yes
like "$out" '^4 days removed' "does what it is told"

# --- max_bytes
fresh 1 6
size=$(query --list -e csv | sed 1d | cut -d, -f13)
ini "max_bytes = $((size / 2))\n"
run 0 "max_bytes" writer --prune
is "$(query --list -e csv | sed 1d | cut -d, -f4)" 3 "half of it is left"
ini "min_free = 9000T\n"
run 0 "min_free that nobody has" writer --prune
is "$(query --list -e csv | sed 1d | cut -d, -f4)" 1 "the newest finished day stays"
like "$err" 'still [0-9]+ bytes beyond its bounds' "and that is told"

# --- damage: found, named, repaired
ini ""
fresh 2 3 20
query -i any -f 0 -e csv time,iface,sip,dip,dport,proto,l7proto 2>/dev/null |
    sort >"$T/all"
D=$S/eth0/$(day 2)
flip() { printf '\377' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
flip "$D/dip.gpf" $(($(wc -c <"$D/dip.gpf") / 2))
run 3 "a question" query -i any -f 0 -e csv time,iface,sip,dip,dport,proto,l7proto
is "$(printf '%s\n' "$out" | wc -l | tr -d ' ')" $(($(wc -l <"$T/all") - 3)) \
    "a damaged chunk costs its block"
is "$(printf '%s\n' "$out" | sort | comm -23 - "$T/all")" "" "  and nothing else"
is "$(printf '%s\n' "$err" | grep -c 'cause=damaged.*dip.gpf at')" 1 "one line names it"
run 3 "--check" query --check
like "$err" "damaged iface=eth0 first=.* place=\"eth0/$(day 2)/dip.gpf at [0-9]+\"" "names the place"
one_line "--check"
run 0 "--repair --dry-run" writer --repair --dry-run
like "$out" '1 day would be written anew with 19 records, 1 block marked as lost' "tells"
run 3 "--check" query --check
run 0 "--repair" writer --repair
run 0 "--check" query --check
run 0 "the question" query -i any -f 0 -e csv time,iface,sip,dip,dport,proto,l7proto
is "$(printf '%s\n' "$out" | wc -l | tr -d ' ')" $(($(wc -l <"$T/all") - 3)) \
    "has every good row, without an error"
like "$err" 'cause=lost-rows' "and says that some were lost"
run 0 "text" query -i eth0 -f -9d talk_conv
like "$out" 'rows of 1 block lost to damage on eth0' "says it too"
ok "what was replaced is kept" test -s "$D/blocks.idx.damaged"

# --- what is announced is what is done, to the last line
fresh 2 3 20
run 0 "--rebuild-index" writer --rebuild-index
half=$(($(wc -c <"$D/blocks.idx") / 2))
flip "$D/blocks.idx" $half
flip "$D/blocks.idx" $((half + 1))
run 0 "--repair --dry-run" writer --repair --dry-run
said=$out
like "$said" "eth0/$(day 2)/blocks.idx at [0-9]+: record that cannot be read is taken out" \
    "  announces"
run 0 "--repair" writer --repair
is "$out" "$(printf '%s\n' "$said" | sed 's/would be //')" "  does just that"

# --- an index that is gone
fresh 2 3 20
run 0 "--rebuild-index" writer --rebuild-index
mv "$D/blocks.idx" "$T/index"
run 3 "a question over a day without its index" query -i eth0 -f -9d -e csv time
is "$(printf '%s\n' "$err" | grep -c "cause=damaged.*eth0/$(day 2)/blocks.idx")" 1 \
    "  one line names it"
run 0 "  another interface's" query -i eth1 -f -9d -e csv time
run 3 "--check" query --check
like "$err" "damaged iface=eth0 .*place=\"eth0/$(day 2)/blocks.idx" "  names the place"
one_line "  that"
run 1 "--repair" writer --repair
like "$out" "eth0/$(day 2)/blocks.idx: index is gone: put back a copy" "  tells"
run 3 "--check" query --check
mv "$T/index" "$D/blocks.idx"
run 0 "--check with it" query --check

# --- address indexes: made, counted, checked, taken away, made again
fresh 2 3 20
run 0 "--rebuild-index" writer --rebuild-index
is "$(ls "$S"/eth?/*/addresses.idx | wc -l | tr -d ' ')" 6 "one a day"
run 0 "--check" query --check
is "$(query --list -e csv | sed -n 's/^eth0,.*,\([0-9]*\),[0-9]*,[0-9]*$/\1/p')" \
    "$(find "$S"/eth0/*-* -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')" \
    "--list counts their bytes"
A=$S/eth0/$(day 2)/addresses.idx
cp "$A" "$T/good"
cp "$S/eth1/$(day 2)/addresses.idx" "$A"
run 3 "--check of another interface's" query --check
like "$err" "place=\"eth0/$(day 2)/addresses.idx\" error=.*not of this day" "  says so"
run 0 "a question" query -i eth0 -f -9d -c 'host 10.0.0.1' -e csv time
with=$out
run 0 "  without it" query -i eth0 -f -9d -c 'host 10.0.0.1' -e csv --no-index time
is "$with" "$out" "  has the same answer"
cp "$T/good" "$A"
flip "$A" 70
run 3 "--check of a damaged one" query --check
like "$err" "addresses.idx" "  names it"
run 0 "--repair --dry-run" writer --repair --dry-run
like "$out" "eth0/$(day 2)/addresses.idx: address index that does not hold is taken away" "  tells"
ok "  and leaves it" test -e "$A"
run 0 "--repair" writer --repair
ok "  takes it away" test ! -e "$A"
run 0 "--check" query --check
run 0 "--rebuild-index" writer --rebuild-index
ok "makes it again" cmp "$T/good" "$A"

# --- roll-ups: without, damaged, made anew
rolled() {
	query -i e -f 0 -l 2026-02-01 -e csv --explain "$@" talk_conv
}
goprobe -d "$T/r" -i e -r tests/data/office.pcap 2>/dev/null
S0=$S
S=$T/r
D=$S/e/2026-01-15
run 0 "--no-rollups" rolled --no-rollups
blocks=$(query -i e -f 0 -l 2026-02-01 -e csv --no-rollups talk_conv)
run 0 "a question" rolled
like "$err" 'roll-ups: 1 in place of 3 blocks, 0 unreadable' "is answered from a roll-up"
is "$out" "$blocks" "with the same answer"
flip "$D/rollups.gpf" 300
run 0 "a question over a damaged one" rolled
like "$err" 'roll-ups: 0 in place of 0 blocks, 1 unreadable' "reads blocks"
is "$out" "$blocks" "and lacks nothing"
run 3 "--check" query --check
like "$err" 'place="e/2026-01-15/rollups.gpf at [0-9]+"' "names the place"
run 0 "--rebuild-rollups --dry-run" writer --rebuild-rollups --dry-run
like "$out" '^1 day would be looked at$' "tells"
run 3 "--check" query --check
run 0 "--rebuild-rollups" writer --rebuild-rollups
like "$out" '^1 day looked at, roll-ups of 1 written$' "tells"
run 0 "--check" query --check
run 0 "a question" rolled
like "$err" 'roll-ups: 1 in place of 3 blocks, 0 unreadable' "is answered from a roll-up"
rm "$D/rollups.gpf" "$D/rollups.idx"
run 0 "a question without any" rolled
is "$out" "$blocks" "has the same answer"
run 0 "--check" query --check

# --- days that are sorted
S=$T/sorted
ok "a day of small blocks" "${TESTS_DIR:-build/gcc/tests}/bench/genflows" store "$S" 1 40
own "$S"
counters() {
	query -i b -f 1700006400 -l 1700092800 -e csv --explain -c 'bytes>5000' sip
}
run 0 "a condition on counters" counters
is "$(printf '%s\n' "$err" | grep -c 'roll-ups:')" 0 "is answered from blocks"
blocks=$out
for how in yes no; do
	ini "sorted_days = $how\n"
	run 0 "--rebuild-rollups with sorted_days = $how" writer --rebuild-rollups
	run 0 "a condition on counters" counters
	is "$(printf '%s\n' "$err" | grep -c 'roll-ups: 1 in place of 288 blocks, 0 unreadable')" \
	    "$([ $how = no ]; echo $?)" "reads the day's rows if they are in order"
	is "$out" "$blocks" "and has the same answer"
	run 0 "--check" query --check
done
for how in none lz4; do
	ini "sorted_days = yes\ncompression = $how\n"
	run 0 "--rebuild-rollups with compression = $how" writer --rebuild-rollups
	wc -c <"$S/b/2023-11-15/rollups.gpf" >>"$T/sizes"
done
ok "does as that says" awk '/^[0-9]/ { n[++i] = $1 }
    END { exit !(i == 2 && n[2] < n[1]) }' "$T/sizes"
S=$S0

# --- two writers, wipe
flock "$S/goDB-writer.lock" sleep 30 &
holder=$!
release() { kill $holder 2>/dev/null; }
at_exit release
wait_for 5 sh -c "! flock -n '$S/goDB-writer.lock' true"
for command in --repair --rebuild-rollups "--wipe --yes" --prune; do
	run 1 "$command while somebody writes" writer $command -S "$T"
	like "$err" 'store is locked by goprobe-writer, maintenance \(pid' "  names who"
	is "$out" "" "  and tells nothing that it did"
done
kill $(pgrep -P $holder) $holder 2>/dev/null
wait $holder 2>/dev/null
run 0 "--wipe --dry-run" writer --wipe --dry-run
like "$out" '2 interfaces would be removed, [1-9]' "tells"
run 0 "--wipe --yes" writer --wipe --yes
run 0 "--list" query --list -e csv
is "$(printf '%s\n' "$out" | wc -l | tr -d ' ')" 1 "an empty store"
fresh 2 2
mkdir "$S/backup"
echo evidence >"$S/backup/case17.tar"
echo evidence >"$S/eth0/README"
run 1 "--wipe --dry-run among somebody's files" writer --wipe --dry-run
like "$err" 'backup/case17.tar and 1 more would be left: not of the store' "tells"
run 1 "--wipe --yes" writer --wipe --yes
like "$out" '^2 interfaces removed, [1-9]' "removes the store's"
like "$err" 'backup/case17.tar and 1 more are left: not of the store' "and nothing else"
one_line "that"
is "$(cat "$S/backup/case17.tar" "$S/eth0/README" | wc -l | tr -d ' ')" 2 "they are whole"
is "$(find "$S/eth0" "$S/eth1" -type f 2>/dev/null)" "$S/eth0/README" "nothing of the store is left"
fresh 2 2
mkdir -m 700 "$S/backup"
run 1 "--wipe --yes beside a folder that is closed" writer --wipe --yes
like "$out" '^2 interfaces removed, [1-9]' "removes the others"
like "$err" 'backup is left: not of the store' "and names it"
ok "names stay for what it may hold" test -s "$S/goDB-l7proto.names"
fresh 2 2
mkdir "$S/empty"
own "$S/empty"
run 0 "--wipe --dry-run beside an empty folder" writer --wipe --dry-run
like "$out" '^2 interfaces would be removed' "which is none"
run 0 "--wipe --yes" writer --wipe --yes
like "$out" '^2 interfaces removed' "as when it goes"
ok "and it goes" sh -c '! [ -e "$1/empty" ]' - "$S"
run 2 "two commands at once" writer --wipe --repair
run 2 "--dry-run of nothing" writer --dry-run

# --- a folder that is not the store's, and one that is
if [ "$(id -u)" = 0 ]; then
	fresh 1 2
	mkdir -m 700 "$S/admin"
	run 0 "--prune beside a folder of root's" writer --prune
	run 0 "--repair" writer --repair
	like "$out" '^admin: passed over, it is of another user' "says so"
	run 0 "--rebuild-rollups --dry-run" writer --rebuild-rollups --dry-run
	is "$out" "2 days would be looked at" "counts without it"
	run 3 "a question" query -i any -f 0 iface
	like "$err" 'iface=admin .*error=.Permission denied' "cannot know whose it was"
	run 0 "goprobe" goprobe -d "$S" -i eth9 -r tests/data/days.pcap
	like "$err" "$S: admin: passed over, it is of another user" "says so"
	is "$(query --list -i eth9 -e csv 2>/dev/null | grep -c ^eth9)" 1 "and stores"
	chmod 744 "$S/admin"
	run 0 "--prune beside one of which only names can be read" writer --prune
	run 0 "--prune --dry-run" writer --prune --dry-run
	run 0 "--rebuild-rollups" writer --rebuild-rollups
	is "$err" "" "without a word of it"
	run 0 "goprobe" goprobe -d "$S" -i eth7 -r tests/data/days.pcap
	like "$err" "$S: admin: passed over, it is of another user" "says so"
	is "$(query --list -i eth7 -e csv 2>/dev/null | grep -c ^eth7)" 1 "and stores"
	mkdir -p "$S/eth0/journal"
	chown root:root "$S/eth0/journal"
	chmod 700 "$S/eth0/journal"
	run 1 "--prune with a folder of the store's that it cannot read" writer --prune
	is "$err" "goprobe-writer: $S: eth0/journal: Permission denied" "names it"
	run 1 "goprobe" goprobe -d "$S" -i eth8 -r tests/data/days.pcap
	like "$err" "$S: eth0/journal: Permission denied" "names it"
	chmod 000 "$S/eth0"
	run 1 "--prune with an interface that it cannot read" writer --prune
	is "$err" "goprobe-writer: $S: eth0: Permission denied" "names it"
else
	pass "another user's folder # SKIP needs root"
fi

# --- a disk that cannot be written
if [ "$(id -u)" = 0 ]; then
	fresh 1 2
	mkdir "$T/ro"
	mount --bind "$S" "$T/ro" && mount -o remount,ro,bind "$T/ro"
	if [ $? = 0 ]; then
		unmount() { umount "$T/ro"; }
		at_exit unmount
		run 0 "a read-only store is read" goquery -d "$T/ro" --check
		run 1 "but not written" goprobe-writer -c "$T/ini" -d "$T/ro" --prune
		like "$err" 'Read-only file system' "and says why"
		run 1 "nor by goprobe" goprobe -d "$T/ro" -i eth9 -r tests/data/days.pcap
		like "$err" 'Read-only file system' "and says why"
	else
		pass "read-only store # SKIP bind mounts are not possible here"
	fi
fi

# --- a disk of another machine, as its file system says
fresh 1 2
ok "nfs.so" ${CC:-gcc} -std=c11 -D_GNU_SOURCE -shared -fPIC -o "$T/nfs.so" tests/lib/nfs.c
mkdir "$T/bin"
cp "$BIN/goprobe" "$BIN/goprobe-capture" "$T/bin/"
cp "$BIN/goprobe-writer" "$T/bin/real-writer"
# the launcher gives its children an environment of its own
printf '#!/bin/sh\nLD_PRELOAD="%s" exec "%s" "$@"\n' "$T/nfs.so" "$T/bin/real-writer" \
    >"$T/bin/goprobe-writer"
chmod 755 "$T/bin" "$T/bin"/*
for command in "$T/bin/goprobe -d $S -i eth9 -r tests/data/days.pcap" \
    "$T/bin/goprobe-writer -c $T/ini -d $S --repair" \
    "$T/bin/goprobe-writer -c $T/ini -d $S --prune"; do
	run 1 "${command##*/bin/}" $command
	like "$err" "$S: the store is on a network file system \(NFS\): it must be on a local one" \
	    "  says why"
	one_line "  that"
done
run 0 "goquery reads it" env LD_PRELOAD="$T/nfs.so" goquery -d "$S" --check

# --- a sensor that is running
live() {
	[ "$(id -u)" = 0 ] && getent passwd goprobe-capture >/dev/null &&
	    ip netns add "gpm$$" 2>/dev/null
}
if live; then
	drop_net() { ip netns del "gpm$$"; }
	at_exit drop_net
	nsenter --net="/run/netns/gpm$$" ip link set lo up
	fresh 2 9
	chown -R goprobe:goprobe-read "$S"
	chmod 755 "$S"
	ini "retain_days = 5\n"
	nsenter --net="/run/netns/gpm$$" goprobe -c "$T/ini" -d "$S" lo \
	    >"$T/live.out" 2>"$T/live.err" &
	sensor=$!
	stop_sensor() { kill $sensor 2>/dev/null && wait $sensor; }
	at_exit stop_sensor
	ok "a sensor" wait_for 20 grep -q 'capture connected' "$T/live.err"
	run 1 "--wipe" writer --wipe --yes
	like "$err" 'store is locked by goprobe-writer \(pid [0-9]+\)' "is refused, naming the writer"
	run 1 "--repair" writer --repair
	like "$err" 'store is locked by goprobe-writer \(pid [0-9]+\)' "so is --repair"
	run 0 "--prune --dry-run" writer --prune --dry-run
	is "$(printf '%s\n' "$out" | grep -c age)" 8 "needs no lock"
	run 0 "--prune" writer --prune
	like "$out" '^8 days removed, [1-9][0-9]* bytes$' "is done by the running writer"
	is "$(grep -c 'day removed iface=.* cause=age' "$T/live.err")" 8 "which says so"
	run 0 "--clean" writer --clean "$(day 2)" --yes
	like "$out" '^6 days removed' "too"
	run 0 "--check beside it" query --check
	run 0 "--list" query --list -e csv
	is "$(printf '%s\n' "$out" | sed 1d | grep ^eth | cut -d, -f1,4 | tr '\n' ' ')" \
	    "eth0,2 eth1,2 " "what is left"
	ok "the writer goes on" wait_for 20 sh -c \
	    "goquery --config '$T/ini' -d '$S' --status -e json | jq -e '.interfaces[0].frames > 0'"
	stop_sensor
	is "$(grep -c 'error\|killed' "$T/live.err")" 0 "no error"

	# --- what is announced is what the running writer does
	fresh 2 9
	chown -R goprobe:goprobe-read "$S"
	nsenter --net="/run/netns/gpm$$" goprobe -c "$T/ini" -d "$S" lo \
	    >"$T/announced.out" 2>"$T/announced.err" &
	sensor=$!
	ok "a sensor" wait_for 20 grep -q 'capture connected' "$T/announced.err"
	run 0 "--clean --dry-run" writer --clean "$(day 8)" --dry-run
	said=$(printf '%s\n' "$out" | tail -n 1)
	like "$said" '^8 days would be removed, [1-9]' "announces what retention takes, too"
	run 0 "--clean" writer --clean "$(day 8)" --yes
	is "$out" "$(echo "$said" | sed 's/would be //')" "does just that"
	run 0 "--clean of more" writer --clean "$(day 2)" --yes
	stop_sensor

	# --- the roots of two file systems
	two_stores() {
		mkdir "$T/one" "$T/two" && mount -t tmpfs tmpfs "$T/one" &&
		    mount -t tmpfs tmpfs "$T/two" && cp -a "$S/." "$T/one/" && cp -a "$S/." "$T/two/"
	}
	unmount_both() { umount "$T/one" "$T/two" 2>/dev/null; }
	at_exit unmount_both
	ok "two stores" two_stores
	is "$(stat -c %i "$T/one")" "$(stat -c %i "$T/two")" "have one inode number"
	days_of() { ls -d "$1"/eth?/*-* | wc -l | tr -d ' '; }
	nsenter --net="/run/netns/gpm$$" goprobe -c "$T/ini" -d "$T/one" lo \
	    >"$T/live.out" 2>"$T/live.err" &
	sensor=$!
	ok "a sensor of the first" wait_for 20 grep -q 'capture connected' "$T/live.err"
	flock "$T/two/goDB-writer.lock" sleep 30 &
	holder=$!
	wait_for 5 sh -c "! flock -n '$T/two/goDB-writer.lock' true"
	S=$T/two
	run 1 "--clean of the second" writer --clean "$(day 1)" --yes
	like "$err" 'store is locked by' "is not done by the first one's writer"
	is "$(days_of "$T/one") $(days_of "$T/two")" "4 4" "nothing is removed"
	kill $(pgrep -P $holder) $holder 2>/dev/null
	wait $holder 2>/dev/null
	python3 - "$T/one" "/run/goprobe/launcher.$sensor.sock" >"$T/older" <<-'END'
		import os, socket, struct, sys, time
		s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		s.connect(sys.argv[2])
		s.send(struct.pack("=IHHQQ", 0x31485047, 6, 0, int(time.time()), os.stat(sys.argv[1]).st_ino))
		print(*struct.unpack("=IHHQQ", s.recv(24))[1:3])
	END
	is "$(cat "$T/older")" "1 3" "a command that names an inode number alone is refused"
	is "$(days_of "$T/one")" 4 "  and nothing removed"
	S=$T/one
	mkdir "$S/eth0/$(day 2)/folder"
	run 1 "--clean of a day that cannot go" writer --clean "$(day 1)" --yes
	like "$out" '^1 day removed' "removes the other one"
	like "$err" "$S: 1 day could not be removed: the writer's log says why" "and says so"
	one_line "that"
	stop_sensor
	S=$S0
else
	pass "a running sensor # SKIP needs root, its users and network namespaces"
fi

# --- many interfaces, many days
ini ""
ifaces=${LONG:+500}
days=${LONG:+365}
if [ "$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 4000000 ] 2>/dev/null; then
	S=$(mktemp -d /dev/shm/goprobe-test.XXXXXX)/s
	chmod 755 "${S%/s}"
	remove_many() { rm -rf "${S%/s}"; }
	at_exit remove_many
fi
fresh "${ifaces:-40}" "${days:-60}" 1 0
python3 - "$BIN" "$T/ini" "$S" >"$T/figures" <<'END'
import resource, subprocess, sys, time
bin, ini, store = sys.argv[1:]
def run(*what):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    out = subprocess.run(what, capture_output=True, text=True, check=True).stdout
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return out, wall, cpu
lists = [bin + "/goquery", "--config", ini, "-d", store, "--list", "-e", "csv"]
first = run(*lists)
print("# list without summaries: %.3f s, %.3f s of CPU" % first[1:])
round = run(bin + "/goprobe-writer", "-c", ini, "-d", store, "--prune")
print("# a round of retention: %.3f s, %.3f s of CPU, at most %d MB" % (round[1], round[2],
      resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024))
runs = [run(*lists) for _ in range(5)]
print("# list with them: " + ", ".join("%.3f" % r[1] for r in runs) + " s; CPU " +
      ", ".join("%.3f" % r[2] for r in runs) + " s")
print("same", all(r[0] == first[0] for r in runs))
print("quick", min(r[1] for r in runs) < 1)
END
grep '^#' "$T/figures"
is "$(sed -n 's/^same //p' "$T/figures")" True "summaries change nothing of $(ls "$S" | grep -c '^eth') interfaces"
is "$(sed -n 's/^quick //p' "$T/figures")" True "the list takes less than a second"
done_testing
