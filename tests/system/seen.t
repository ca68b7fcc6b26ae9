# goquery seen with addresses: each one's answer, and never a false "no".
. tests/lib/tap.sh
chmod 755 "$T"

MAKE=${TESTS_DIR:-build/gcc/tests}/lib/rows2store
[ -x "$MAKE" ] || MAKE=$(ls build/*/tests/lib/rows2store 2>/dev/null | head -n 1)
[ -x "$MAKE" ] || skip_all "rows2store is not built"

# two interfaces, three days of blocks side by side, capture files' kind (2):
# gaps between them are no down-time
rows() {
	cat <<-END
	B eth0 1768435200 2 300 0 0 0 0
	R 10.0.0.1 192.0.2.1 443 6 1 1 1 1 TLS
	R 10.0.0.2 192.0.2.1 443 6 1 1 1 1 TLS
	R 2001:db8::1 2001:db8::2 53 17 1 1 1 1 DNS
	C eth0 1768435200
	B eth0 1768521600 2 300 $1 0 0 0
	R 10.0.0.1 192.0.2.9 443 6 1 1 1 1 TLS
	C eth0 1768521600
	B eth1 1768608000 2 300 0 0 0 0
	R 198.51.100.7 10.0.0.1 22 6 1 1 1 1 SSH
	C eth1 1768608000
	END
}
rows 0 | "$MAKE" "$T/store" || skip_all "rows2store does not work here"
chmod -R a+rX "$T/store"

s() { goquery -d "$T/store" -f 0 "$@"; }

run 0 "one is there" s seen 10.0.0.1 192.0.2.77
is "$out" "seen   10.0.0.1           from 2026-01-15 00:00:00 +0000 to 2026-01-17 00:05:00 +0000, 3 days, on eth0 eth1
never  192.0.2.77

Checked 2: 1 seen, 1 never
Coverage: 100.00 % of the window" "  the text"
like "$(s seen 10.0.0.2)" ', 1 day, on eth0$' "one day is no days"
like "$(s -c host=10.0.0.2 seen)" 'in 1 block, 2 packets, ' "nor one block blocks"
like "$(goquery -d "$T/store" -i eth1 --check)" '^1 interface, 1 day, 1 block, 1 row, ' \
	"nor one of anything else"
run 1 "none is there" s seen 192.0.2.77 203.0.113.0/24 2001:db8:1::/48
like "$out" "Checked 3: 0 seen, 3 never" "  and said so"
run 0 "an interface" s -i eth1 seen 198.51.100.7
run 1 "not the other" s -i eth0 seen 198.51.100.7
run 1 "outside the window" s -f 1768521600 -l 1768522000 seen 192.0.2.1
run 3 "a window that begins before the store" goquery -d "$T/store" \
	-f 1768000000 -l 1768609000 seen 192.0.2.77
like "$out" "nothing is known of the time before 2026-01-15 00:00:00" "  says so"
# nor is anything known of what follows the last block of files
after() { goquery -d "$T/store" -f 1768608000 -l 1768609000 "$@"; }
for asked in "seen 192.0.2.77" "seen -c dport=444"; do
	run 3 "a window that ends after the store: $asked" after $asked
	like "$out" "nothing is known of the time after 2026-01-17 00:05:00" "  says so"
	run 3 "  in csv" after -e csv $asked
	like "$err" "nothing is known of the time after" "  says so"
	run 3 "  in json" after -e json $asked
	is "$(printf '%s' "$out" | jq -r .status)" incomplete "  says so"
done
run 3 "  or on both sides" goquery -d "$T/store" -f 1768000000 -l 1768609000 \
	seen 192.0.2.77
like "$out" "time before 2026-01-15 00:00:00 .* and after 2026-01-17 00:05:00" "  says so"
is "$(after -e json seen 192.0.2.77 | jq -r '.summary | .known_from, .known_until' | tr '\n' ' ')" \
	"2026-01-15T00:00:00Z 2026-01-17T00:05:00Z " "  json says from when to when"
run 1 "its end" after -l 1768608300 seen 192.0.2.77
run 0 "what was seen was seen" after seen 198.51.100.7
# to files nothing is added, to what a sensor captures there is
slot=$(($(date +%s) / 300 * 300 - 600))
for flags in 6 4; do
	printf 'B eth0 %s %s 300 0 0 0 0\nR %s\nC eth0 %s\n' $slot $flags \
	    '192.0.2.1 192.0.2.2 443 6 1 2 3 4 TLS' $slot |
	    "$MAKE" "$T/fresh$flags"
	fresh() { goquery -d "$T/fresh$flags" -f $slot -e json seen 192.0.2.77; }
	run 3 "some minutes behind the last block, flags $flags" fresh
done
like "$(goquery -d "$T/fresh6" -f $slot seen 192.0.2.77)" \
    "nothing is known of the time after" "  a file's: it is said"
is "$(goquery -d "$T/fresh4" -f $slot seen 192.0.2.77 | grep -c '^Note')" 0 \
    "  a sensor's: they may be on their way"
# the other interface, of files, has nothing on its way
printf 'B eth1 %s 6 300 0 0 0 0\nC eth1 %s\n' $slot $slot | "$MAKE" "$T/fresh4"
is "$(goquery -d "$T/fresh4" -f $slot seen 192.0.2.77 | grep -c '^Note')" 0 \
    "  nor of files that end with it"
slot=$((slot - 3600))
printf 'B eth0 %s 4 300 0 0 0 0\nC eth0 %s\n' $slot $slot | "$MAKE" "$T/hour"
like "$(goquery -d "$T/hour" -f $slot seen 192.0.2.77)" \
    "nothing is known of the time after" "  but not for an hour"
gap() { s -f 1768526100 -l 1768600000 "$@"; }
for asked in "seen 192.0.2.77" "seen -c dport=443" "seen -f 1768435200 --new 1768526400"; do
	run 3 "a window without a block: $asked" gap $asked
	like "$out" "nothing is known of the window" "  says so"
	run 3 "  in json" gap -e json $asked
	is "$(printf '%s' "$out" | jq -r .status)" incomplete "  says so"
	run 3 "  in csv" gap -e csv $asked
	like "$err" "nothing is known of the window" "  says so"
done
run 3 "before the store, in csv" goquery -d "$T/store" -e csv \
	-f 1768000000 -l 1768609000 seen 192.0.2.77
like "$err" "nothing is known of the time before" "  says so"

run 0 "prefixes, nested" s -e csv seen 10.0.0.0/8 10.0.0.2/32 10.0.0.0/30 \
	10.128.0.0/9 ::/0 2001:db8::2
is "$out" 'indicator,verdict,first,last,days,ifaces
10.0.0.0/8,seen,1768435200,1768608300,3,"eth0 eth1"
10.0.0.2,seen,1768435200,1768435500,1,"eth0"
10.0.0.0/30,seen,1768435200,1768608300,3,"eth0 eth1"
10.128.0.0/9,never,,,0,
::/0,seen,1768435200,1768435500,1,"eth0"
2001:db8::2,seen,1768435200,1768435500,1,"eth0"' "  csv"

printf '# a list\n192.0.2.1, 192.0.2.2\n\n10.0.0.0/29 # comment\r\n' >"$T/list"
run 0 "a list" s -e jsonl seen "@$T/list" 203.0.113.1
is "$(printf '%s\n' "$out" | jq -r '.indicator + " " + .verdict' | tr '\n' ';')" \
	"192.0.2.1 seen;192.0.2.2 never;10.0.0.0/29 seen;203.0.113.1 never;" \
	"  its addresses in order"
run 0 "json" s -e json seen "@$T/list"
is "$(printf '%s' "$out" | jq -c '[.status,.summary.checked,.summary.seen,
	.summary.never,(.indicators|length),.indicators[0].last,
	.indicators[2].days]')" '["ok",3,2,1,3,"2026-01-15T00:05:00Z",3]' "  its summary"

# as programs for both versions write an IPv4 address
printf '::ffff:192.0.2.1\n' >"$T/mapped"
for asked in ::ffff:192.0.2.1 ::ffff:c000:201 "@$T/mapped"; do
	run 0 "IPv4-mapped: $asked" s seen $asked
	like "$out" "^seen   192.0.2.1 " "  is the IPv4 address"
	like "$out" "Checked 1: 1 seen, 0 never" "  and one address"
done
for asked in "host ::ffff:192.0.2.1" "host in @$T/mapped"; do
	run 0 "IPv4-mapped: $asked" s -c "$asked" seen
done
run 0 "IPv4-mapped prefixes" s -e csv seen ::ffff:10.0.0.0/104 ::ffff:0:0/96 \
	::ffff:192.0.2.76/127 ::/80
is "$(printf '%s\n' "$out" | cut -d, -f1,2 | tr '\n' ' ')" \
	"indicator,verdict 10.0.0.0/8,seen 0.0.0.0/0,seen 192.0.2.76/31,never ::/80,never " \
	"  shorter ones are of IPv6 alone"
run 1 "IPv4-mapped, and never" s -e json seen ::ffff:192.0.2.77
is "$(printf '%s' "$out" | jq -c '[.summary.checked,(.indicators|map(.indicator))]')" \
	'[1,["192.0.2.77"]]' "  is told once"
{
	rows 0 | sed 's/2001:db8::1/::ffff:192.0.2.77/'
} | "$MAKE" "$T/mapped-rows" && chmod -R a+rX "$T/mapped-rows"
run 0 "IPv4-mapped in rows of IPv6" goquery -d "$T/mapped-rows" -f 0 -e json \
	seen ::ffff:192.0.2.77 ::ffff:192.0.2.1
is "$(printf '%s' "$out" | jq -c '[.summary.checked,.summary.never,
	(.indicators|map(.indicator + " " + .verdict))]')" \
	'[3,1,["192.0.2.77 never","::ffff:192.0.2.77 seen","192.0.2.1 seen"]]' \
	"  is told, too"

# every error is 2, so that 1 is an answer
printf '192.0.2.1\n192.0.2.999\n' >"$T/bad"
run 2 "no address" s seen "@$T/bad"
one_line "no address"
like "$err" "@.*/bad, line 2: '192.0.2.999' is no address and no prefix" "  where"
printf '10.0.0.1\0junk\n' >"$T/nul"
run 2 "a NUL byte behind an address" s seen "@$T/nul"
like "$err" "@.*/nul, line 1: a NUL byte" "  where"
run 2 "no list" s seen "@$T/none"
# of nothing there is no answer, least of all a "no"
: >"$T/nothing.txt"
printf '# to come\n\n' >"$T/comment.txt"
for word in "" "," "#10.0.0.1" "@$T/nothing.txt" "@$T/comment.txt"; do
	run 2 "no address in '$word'" s seen "$word"
	one_line "no address in '$word'"
	is "$out" "" "  no answer"
done
run 2 "one of them is empty" s seen 192.0.2.77 ""
run 2 "all lists are empty" s seen "@$T/nothing.txt" "@$T/comment.txt"
for cond in "host in @$T/nothing.txt" "host in @$T/nothing.txt and port 443" \
	"port 443 and (src @$T/nothing.txt or dst @$T/comment.txt)"; do
	run 2 "a list is: -c $cond" s -c "$cond" seen
	one_line "a list is: -c $cond"
	is "$out" "" "  no answer"
done
for cond in "not host in @$T/nothing.txt" "host in @$T/nothing.txt or 10.0.0.1" \
	"host in (@$T/nothing.txt, 10.0.0.1)" "port 443 and not @$T/nothing.txt"; do
	run 0 "but something is asked: -c $cond" s -c "$cond" seen
done
run 0 "and others have no rows" s -i eth0 -e csv -c "host in @$T/nothing.txt" sip
run 0 "one list is" s seen "@$T/nothing.txt" 10.0.0.1
# lists as other systems write them: a mark before them, or CR alone
printf '\357\273\277# a list\r\n10.0.0.1\r\n' >"$T/marked"
printf '192.0.2.77\r# a comment\r10.0.0.1\r' >"$T/returns"
for list in marked returns; do
	run 0 "a list that is $list" s seen "@$T/$list"
	run 0 "  in a condition" s -c "host in @$T/$list" seen
done
run 2 "an interface that is not there" s -i eth7 seen 10.0.0.1
run 2 "no store" goquery -d "$T/nothing" seen 10.0.0.1
run 2 "a condition beside it" s -c 'dport=1' seen 10.0.0.1
run 2 "memory" s --mem 1 seen 10.0.0.1

# never a false no
rows 17 | "$MAKE" "$T/drops" && chmod -R a+rX "$T/drops"
run 3 "packets were dropped" goquery -d "$T/drops" -f 0 seen 192.0.2.77
run 3 "  in json" goquery -d "$T/drops" -f 0 -e json seen 192.0.2.77
is "$(printf '%s' "$out" | jq -r .status)" incomplete "  is its status"
run 0 "  but what is there is there" goquery -d "$T/drops" -f 0 seen 10.0.0.1
{ rows 0 | sed 's/ 2 300 / 8 300 /'; } | "$MAKE" "$T/gaps" &&
	chmod -R a+rX "$T/gaps"
run 3 "the sensor was down in between" goquery -d "$T/gaps" -f 0 -l 1768608300 \
	seen 192.0.2.77
# without address indexes the blocks themselves are looked at
{ rows 0; echo K; } | "$MAKE" "$T/plain" && chmod -R a+rX "$T/plain"
for file in sip.gpf dip.gpf blocks.idx; do
	cp -a "$T/plain" "$T/broken"
	f=$T/broken/eth0/2026-01-15/$file
	# of the IPv4 addresses, or of a record
	at=2
	[ $file = blocks.idx ] && at=$(($(stat -c %s "$f") - 8))
	printf '\377\376\375' | dd of="$f" bs=1 seek=$at conv=notrunc 2>/dev/null
	run 3 "$file is damaged" goquery -d "$T/broken" -f 0 seen 192.0.2.77
	like "$err" "cause=damaged" "  and told"
	run 0 "  before --new" goquery -d "$T/broken" -f 0 -l 1768608300 \
		seen --new 2026-01-17
	like "$err" "cause=damaged" "  and told"
	: >"$f"
	run 3 "$file is empty" goquery -d "$T/broken" -f 0 seen 192.0.2.77 \
		2001:db8::9
	rm -f "$f"
	[ $file = blocks.idx ] ||
		run 3 "$file is gone" goquery -d "$T/broken" -f 0 seen 192.0.2.77
	rm -rf "$T/broken"
done
# with them it is they, as long as the day's own index is what it was
is "$(ls "$T"/store/eth*/*/addresses.idx | wc -l)" 3 "three address indexes"
explained() {
	goquery -d "$T/broken" -f 0 --explain "$@" 2>&1 >/dev/null |
		sed -n 's/.*read: \([0-9]*\) blocks* (\([0-9]*\) .*/\1 \2/p'
}
cp -a "$T/store" "$T/broken"
is "$(explained seen 192.0.2.77)" "0 3" "no block is read"
A=$T/broken/eth0/2026-01-15/addresses.idx
for how in flipped longer cut empty gone another; do
	cp "$T/store/eth0/2026-01-15/addresses.idx" "$A"
	case $how in
	flipped) printf '\377' | dd of="$A" bs=1 seek=70 conv=notrunc \
		2>/dev/null ;;
	longer) echo >>"$A" ;;
	cut) truncate -s -1 "$A" ;;
	empty) : >"$A" ;;
	gone) rm "$A" ;;
	another) cp "$T/store/eth0/2026-01-16/addresses.idx" "$A" ;;
	esac
	run 1 "an address index that is $how" goquery -d "$T/broken" -f 0 seen \
		192.0.2.77
	is "$(explained seen 192.0.2.77)" "1 2" "  the day's block is read instead"
	run 0 "  what is there is there" goquery -d "$T/broken" -f 0 seen \
		2001:db8::2
done
cp "$T/store/eth0/2026-01-15/addresses.idx" "$A"
printf '\377' | dd of="$T/broken/eth0/2026-01-15/sip.gpf" bs=1 seek=2 \
	conv=notrunc 2>/dev/null
run 1 "it stands for a column that is damaged" goquery -d "$T/broken" -f 0 \
	seen 192.0.2.77
run 3 "  which a look at the blocks would tell" goquery -d "$T/broken" -f 0 \
	--no-index seen 192.0.2.77
f=$T/broken/eth0/2026-01-15/blocks.idx
printf '\377' | dd of="$f" bs=1 seek=$(($(stat -c %s "$f") - 8)) conv=notrunc \
	2>/dev/null
run 3 "but not for blocks.idx" goquery -d "$T/broken" -f 0 seen 192.0.2.77
like "$err" "cause=damaged" "  which is told"
run 3 "--list of it" goquery -d "$T/broken" --list
like "$err" "iface=eth0 days=1 cause=damaged place=" "  tells it, too"
run 3 "nor without addresses" goquery -d "$T/broken" -f 0 -c 'host 192.0.2.77' \
	seen
run 0 "what is elsewhere is seen" goquery -d "$T/broken" -f 0 seen 198.51.100.7

# --- what stands beside the window decides, and not the first block or the last:
# files on the 15th and the 21st, live on the 16th and the 20th, down in between
block() { printf 'B %s %d %d %d 0 0 0 0\nR 10.0.0.1 10.0.0.2 443 6 1 1 1 1 TLS\n' "$@"; }
done_block() { block "$@"; echo "C $1 $2"; }
day() { echo $((1768435200 + ($1 - 15) * 86400)); }
{
	done_block eth0 $(day 15) 10 300
	done_block eth0 $(day 16) 4 86400
	done_block eth0 $(day 20) 4 86400
	done_block eth0 $(day 21) 10 300
} | "$MAKE" "$T/mixed"
for n in 15 16; do done_block eth0 $(day $n) 10 300; done | "$MAKE" "$T/ends"
done_block eth1 $(day 15) 10 300 | "$MAKE" "$T/ends"
run 1 "the interface that goes on" goquery -d "$T/ends" -f $(day 15) \
	-l $(($(day 16) + 300)) seen 192.0.2.77
b() { d=$1 f=$(day $2) l=$(day $3); shift 3; goquery -d "$T/$d" -f $f -l $l "$@"; }
run 3 "down behind a live block" b mixed 17 21 seen 192.0.2.77
like "$out" "eth0 down 3 d" "  and said so"
run 3 "down before a live block" b mixed 16 20 seen 192.0.2.77
like "$out" "eth0 down 3 d" "  and said so"
run 3 "down with nothing in the window" b mixed 17 19 seen 192.0.2.77
run 3 "  of a condition" b mixed 17 19 -c 'host 192.0.2.77' seen
run 1 "live all the time" b mixed 16 17 seen 192.0.2.77
like "$(b mixed 21 22 seen 10.0.0.1)" "^Coverage: 100.00 % of the window$" \
	"nothing is told of what is behind a file"

# --- an interface that was there before the window, as far as can be told
for how in damaged unreadable; do
	for n in 15 17 18 20; do
		done_block eth0 $(day $n) 4 $((n == 20 ? 300 : 86400))
	done | sed '/^[BC] eth0 '$(day 17)'/d' | "$MAKE" "$T/$how"
	for n in 15 16 17 18 19; do done_block eth1 $(day $n) 4 86400; done |
		"$MAKE" "$T/$how"
	case $how in
	damaged) printf 'no index' >"$T/$how/eth0/2026-01-15/blocks.idx" ;;
	unreadable) chmod 0 "$T/$how/eth0/2026-01-15" ;;
	esac
	run 3 "the first day is $how" b $how 17 19 seen 192.0.2.77
	like "$err$out" "eth0 down 1 d" "  which was down then"
	is "$(b $how 17 19 -i eth0 -e json sip | jq -c '[.status,
		.summary.coverage.incomplete[].cause]')" \
		'["incomplete","down"]' "  as other questions tell"
	chmod 755 "$T/$how/eth0/2026-01-15"
done

# --- what cannot be read may have blocks
done_block eth0 $(day 15) 4 300 | "$MAKE" "$T/shut"
mkdir "$T/shut/eth1"
chmod -R a+rX "$T/shut"
chmod 0 "$T/shut/eth0"
run 3 "a folder that is closed" goquery -d "$T/shut" -i any -f 0 sip
like "$out" '^Coverage: no block of the window is known; 1 place not readable' \
	"  has no block that is known"
like "$err" 'no rows; eth0 has no block that could be read$' "  or could be read"
like "$err" 'no rows; eth1 has no block at all$' "  an empty one has none"
for asked in "seen 10.0.0.1" "-c host=10.0.0.1 seen" "seen --new -1d"; do
	run 3 "$asked" goquery -d "$T/shut" -f 0 $asked
	like "$out" '^Note: no block could be read$' "  says so"
done
run 3 "an empty one" goquery -d "$T/shut" -f 0 -i eth1 seen 10.0.0.1
like "$out" '^Note: there is no block at all$' "  has none"
chmod 755 "$T/shut/eth0"
chmod 0 "$T/shut/eth0/2026-01-15"
run 3 "a day that is closed" goquery -d "$T/shut" -i eth0 -f 0 sip
like "$err" 'no rows; eth0 has no block that could be read$' "  likewise"
chmod 755 "$T/shut/eth0/2026-01-15"

# --- an index that lost records, of capture files: no gap tells
{
	for n in 0 1 2 3 4 5; do
		done_block eth0 $(($(day 15) + n * 3600)) 10 300
	done
	done_block eth0 $(day 16) 10 300
} | "$MAKE" "$T/records"
I=$T/records/eth0/2026-01-15/blocks.idx
cp "$I" "$T/whole.idx"
truncate -s $(($(stat -c %s "$I") * 2 / 5)) "$I"
h() { goquery -d "$T/records" -f $(($(day 15) + $1 * 3600)) -l $(($(day 15) + $2 * 3600)) -e csv seen 10.0.0.1; }
run 0 "what is before the cut is there" h 0 5
run 3 "what was behind a cut may be missing" h 4 5
like "$err" "cause=damaged place=\"eth0/2026-01-15/blocks.idx" "  and is told"
: >"$I"
block eth0 $(($(day 15) + 6 * 3600)) 10 300 | sed 's/10.0.0.1/10.0.0.3/' >"$T/open"
echo K >>"$T/open"
"$MAKE" "$T/records" <"$T/open"
for how in empty gone; do
	: >"$I"
	[ $how = empty ] || rm "$I"
	ok "the day has a journal" test -e \
		"$T/records/eth0/journal/$(($(day 15) + 6 * 3600)).gpj"
	run 3 "  which is no excuse for an index that is $how" h 0 7
	like "$err" "cause=damaged place=\"eth0/2026-01-15/blocks.idx" \
		"  and is told"
done
# from behind a record's head on there is nothing but zeroes
size=$(stat -c %s "$T/whole.idx")
{ head -c $((64 + (size - 64) / 6 * 3 + 100)) "$T/whole.idx"; cat /dev/zero; } |
	head -c "$size" >"$I"
run 3 "nor for one that ends in zeroes" h 4 6
like "$err" "first=2026-01-15T00:00:00Z last=2026-01-16T00:00:00Z .*cause=damaged|damaged iface=eth0 first=2026-01-15T00:00:00Z last=2026-01-16T00:00:00Z" \
	"  which may have been any block of the day"

# --- blocks that were never finished, left out
{ block eth0 $(day 15) 4 300; } | "$MAKE" "$T/unfinished"
done_block eth1 $(day 15) 4 86400 | "$MAKE" "$T/unfinished"
run 0 "an open block" b unfinished 15 16 seen 10.0.0.1
run 3 "  is missing without it" b unfinished 15 16 --no-live -i any seen 192.0.2.77
like "$out" "eth0 down" "  which is told"

# --- who is new
n() { goquery -d "$T/store" -l 1768608300 "$@"; }
run 0 "seen --new" n seen --new 2026-01-17
is "$out" "new  198.51.100.7       from 2026-01-17 00:00:00 +0000 to 2026-01-17 00:05:00 +0000, 2 packets, 2.00  B, on eth1

Checked 2 addresses since 2026-01-17 00:00:00 +0000: 1 new, 1 known before
Coverage: 100.00 % of the window
Before it: 100.00 % of the time" "  the text"
run 0 "of an interface that knows less" n -i eth1 seen --new 2026-01-17
like "$out" "Checked 2 addresses .*: 2 new, 0 known" "  both are"
like "$out" "nothing is known of the time before 2026-01-17" "  as is said"
is "$(n -i eth1 -e json seen --new 2026-01-17 | jq -r .status)" incomplete \
	"  in json, too"
run 0 "of a time before it that begins late" n -f 2026-01-16T12:00 seen \
	--new 2026-01-17
like "$out" "Checked 2 addresses .*: 2 new, 0 known" "  both are"
run 0 "csv" n -e csv seen --new 2026-01-16
is "$out" 'address,first,last,packets_rcvd,packets_sent,packets,bytes_rcvd,bytes_sent,bytes,ifaces
192.0.2.9,1768521600,1768521900,1,1,2,1,1,2,"eth0"
198.51.100.7,1768608000,1768608300,1,1,2,1,1,2,"eth1"' "  the rows"
run 0 "-n" n -e csv -n 1 seen --new 2026-01-16
is "$(printf '%s\n' "$out" | wc -l)" 2 "  the first of them"
run 0 "json" n -e json seen --new 2026-01-16
is "$(printf '%s' "$out" | jq -c '[.summary.checked,.summary.new,
	.summary.known,(.addresses|map(.address))]')" \
	'[3,2,1,["192.0.2.9","198.51.100.7"]]' "  its summary"
run 0 "jsonl" n -e jsonl seen --new 2026-01-16
is "$(printf '%s\n' "$out" | jq -r .ifaces[0] | tr '\n' ' ')" "eth0 eth1 " \
	"  where"
# several blocks and interfaces of each; $1, $2: packets dropped before and then
new() {
	cat <<-END
	B eth0 $(day 15) 2 300 $1 0 0 0
	R 10.0.0.1 10.0.0.2 443 6 1 1 1 1 TLS
	C eth0 $(day 15)
	B eth0 $(day 16) 2 300 0 0 0 0
	R 192.0.2.9 10.0.0.1 443 6 1 2 1 1 TLS
	R 2001:db8:1::9 ::c000:209 443 6 7 0 1 0 TLS
	C eth0 $(day 16)
	B eth0 $(day 17) 2 300 $2 0 0 0
	R 192.0.2.9 10.0.0.1 443 6 10 20 1 1 TLS
	R 192.0.2.8 10.0.0.1 443 6 5 0 1 0 TLS
	C eth0 $(day 17)
	B eth1 $(day 16) 2 300 0 0 0 0
	R 192.0.2.8 10.0.0.1 443 6 4 0 1 0 TLS
	R 2001:db8:2::9 2001:db8:1::9 443 6 100 0 2 0 TLS
	C eth1 $(day 16)
	END
}
new 0 0 | "$MAKE" "$T/new"
new 5 0 | "$MAKE" "$T/new5."
new 0 5 | "$MAKE" "$T/new.5"
m() { d=$1; shift; goquery -d "$T/$d" -f $(day 15) -l $(($(day 17) + 300)) "$@" seen --new $(day 16); }
is "$(m new -e csv | cut -d, -f1-3,6,9,10)" "address,first,last,packets,bytes,ifaces
2001:db8:1::9,1768521600,1768521900,3,107,\"eth0 eth1\"
2001:db8:2::9,1768521600,1768521900,2,100,\"eth1\"
192.0.2.9,1768521600,1768608300,4,33,\"eth0\"
192.0.2.8,1768521600,1768608300,2,9,\"eth0 eth1\"
::192.0.2.9,1768521600,1768521900,1,7,\"eth0\"" "what is new is summed, the most first"
like "$(m new -n 2)" "^2 of 5 new ones shown; -n all shows the rest" "  -n says how many more"
is "$(m new -e json | jq -c '[.status, .addresses[2].last]')" \
	'["ok","2026-01-17T00:05:00Z"]' "  nothing is missing"
for d in new5. new.5; do
	is "$(m $d -e json | jq -r .status)" incomplete "  but for drops, $d"
done
is "$(m new5. -e json | jq -c '[.summary.coverage, .summary.earlier |
	.incomplete | length]')" "[0,1]" "  which are told where they belong"
like "$(m new.5)" "^Coverage: .*; 5 packets dropped on eth0" "  in text, too"
# as many interfaces as need three bytes of one bit each
for i in $(seq 10 29); do
	cat <<-END
	B e$i $(day 16) 2 300 0 0 0 0
	R 192.0.2.$((i % 7)) 10.0.0.1 443 6 1 0 1 0 TLS
	C e$i $(day 16)
	END
done | "$MAKE" "$T/newmany"
is "$(m newmany -e csv | sed 1d | cut -d, -f1,10 | sort)" '10.0.0.1,"e10 e11 e12 e13 e14 e15 e16 e17 e18 e19 e20 e21 e22 e23 e24 e25 e26 e27 e28 e29"
192.0.2.0,"e14 e21 e28"
192.0.2.1,"e15 e22 e29"
192.0.2.2,"e16 e23"
192.0.2.3,"e10 e17 e24"
192.0.2.4,"e11 e18 e25"
192.0.2.5,"e12 e19 e26"
192.0.2.6,"e13 e20 e27"' "each on its own of twenty interfaces"
run 2 "--new with addresses" n seen --new -1d 10.0.0.1
run 2 "--new without seen" n -i any --new -1d talk_conv
run 2 "--new of a server" goquery --remote http://127.0.0.1:9 -i any seen \
	--new -1d
one_line "--new of a server"
run 2 "--new behind the end" n seen --new 2026-01-18
run 2 "--new before the beginning" n -f 2026-01-16 seen --new 2026-01-16
run 2 "a time that is none" n seen --new soon
# $1, $2: packets dropped on the first and on the second day; $3: commands
two_days() {
	cat <<-END
	B eth0 1768435200 8 86400 $1 0 0 0
	R 10.0.0.1 192.0.2.1 443 6 1 1 1 1 TLS
	C eth0 1768435200
	B eth0 1768521600 8 43200 $2 0 0 0
	R 192.0.2.1 10.0.0.1 443 6 1 1 1 1 TLS
	C eth0 1768521600
	B eth0 1768564800 8 43200 0 0 0 0
	R 192.0.2.1 10.0.0.1 443 6 1 1 1 1 TLS
	R 192.0.2.2 10.0.0.1 443 6 1 1 1 1 TLS
	C eth0 1768564800
	${3-}
	END
}
for index in "" K; do
	rm -rf "$T"/two*
	two_days 0 0 "$index" | "$MAKE" "$T/two"
	two_days 0 5 "$index" | "$MAKE" "$T/two.5"
	two_days 5 0 "$index" | "$MAKE" "$T/two5."
	chmod -R a+rX "$T"/two*
	how=${index:+, without indexes}
	q() { d=$1; shift; goquery -d "$T/$d" -f 1768435200 "$@"; }
	run 1 "nobody is new$how" q two -l 1768564800 seen --new 1768521600
	run 3 "  not clean after drops" q two.5 -l 1768564800 seen --new \
		1768521600
	run 1 "  but for those before" q two5. -l 1768564800 seen --new \
		1768521600
	like "$(q two5. -l 1768564800 seen --new 1768521600)" \
		"Before it: .*5 packets dropped" "  which are told"
	run 0 "within a day$how" q two -e csv -l 1768608000 seen --new \
		1768564801
	is "$(printf '%s\n' "$out" | cut -d, -f1 | sed 1d)" 192.0.2.2 \
		"  blocks before it count as before"
	run 3 "a window that nobody watched$how" q two -l 1768694400 seen \
		--new 1768608000
done
is "$(s seen 10.0.0.1 --threads 1)" "$(s seen 10.0.0.1 --threads 7)" \
	"threads change nothing"
done_testing
