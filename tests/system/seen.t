# goquery seen with addresses: each one's answer, and never a false "no".
. tests/lib/tap.sh
chmod 755 "$T"

MAKE=${ROWS2STORE:-build/gcc/tests/lib/rows2store}
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
is "$out" "seen   10.0.0.1           from 2026-01-15 00:00:00 +0000 to 2026-01-17 00:00:00 +0000, 3 days, on eth0 eth1
never  192.0.2.77

Checked 2: 1 seen, 1 never
Coverage: 100.00 % of the window" "  the text"
run 1 "none is there" s seen 192.0.2.77 203.0.113.0/24 2001:db8:1::/48
like "$out" "Checked 3: 0 seen, 3 never" "  and said so"
run 0 "an interface" s -i eth1 seen 198.51.100.7
run 1 "not the other" s -i eth0 seen 198.51.100.7
run 1 "outside the window" s -f 1768521600 -l 1768522000 seen 192.0.2.1
run 3 "a window that begins before the store" goquery -d "$T/store" \
	-f 1768000000 -l 1768609000 seen 192.0.2.77
like "$out" "nothing is known of the time before 2026-01-15 00:00:00" "  says so"

run 0 "prefixes, nested" s -e csv seen 10.0.0.0/8 10.0.0.2/32 10.0.0.0/30 \
	10.128.0.0/9 ::/0 2001:db8::2
is "$out" 'indicator,verdict,first,last,days,ifaces
10.0.0.0/8,seen,1768435200,1768608000,3,"eth0 eth1"
10.0.0.2,seen,1768435200,1768435200,1,"eth0"
10.0.0.0/30,seen,1768435200,1768608000,3,"eth0 eth1"
10.128.0.0/9,never,,,0,
::/0,seen,1768435200,1768435200,1,"eth0"
2001:db8::2,seen,1768435200,1768435200,1,"eth0"' "  csv"

printf '# a list\n192.0.2.1, 192.0.2.2\n\n10.0.0.0/29 # comment\r\n' >"$T/list"
run 0 "a list" s -e jsonl seen "@$T/list" 203.0.113.1
is "$(printf '%s\n' "$out" | jq -r '.indicator + " " + .verdict' | tr '\n' ';')" \
	"192.0.2.1 seen;192.0.2.2 never;10.0.0.0/29 seen;203.0.113.1 never;" \
	"  its addresses in order"
run 0 "json" s -e json seen "@$T/list"
is "$(printf '%s' "$out" | jq -c '[.status,.summary.checked,.summary.seen,
	.summary.never,(.indicators|length)]')" '["ok",3,2,1,3]' "  its summary"

# every error is 2, so that 1 is an answer
printf '192.0.2.1\n192.0.2.999\n' >"$T/bad"
run 2 "no address" s seen "@$T/bad"
one_line "no address"
like "$err" "@.*/bad, line 2: '192.0.2.999' is no address and no prefix" "  where"
run 2 "no list" s seen "@$T/none"
run 2 "an interface that is not there" s -i eth7 seen 10.0.0.1
run 2 "no store" goquery -d "$T/nothing" seen 10.0.0.1
run 2 "a condition beside it" s -c 'dport=1' seen 10.0.0.1
run 2 "memory" s --mem 1 seen 10.0.0.1

# never a false no
rows 17 | "$MAKE" "$T/drops" && chmod -R a+rX "$T/drops"
run 3 "packets were dropped" goquery -d "$T/drops" -f 0 seen 192.0.2.77
run 0 "  but what is there is there" goquery -d "$T/drops" -f 0 seen 10.0.0.1
{ rows 0 | sed 's/ 2 300 / 8 300 /'; } | "$MAKE" "$T/gaps" &&
	chmod -R a+rX "$T/gaps"
run 3 "the sensor was down in between" goquery -d "$T/gaps" -f 0 -l 1768608300 \
	seen 192.0.2.77
for file in sip.gpf dip.gpf blocks.idx; do
	cp -a "$T/store" "$T/broken"
	f=$T/broken/eth0/2026-01-15/$file
	# of the IPv4 addresses, or of a record
	at=2
	[ $file = blocks.idx ] && at=$(($(stat -c %s "$f") - 8))
	printf '\377\376\375' | dd of="$f" bs=1 seek=$at conv=notrunc 2>/dev/null
	run 3 "$file is damaged" goquery -d "$T/broken" -f 0 seen 192.0.2.77
	like "$err" "cause=damaged" "  and told"
	: >"$f"
	run 3 "$file is empty" goquery -d "$T/broken" -f 0 seen 192.0.2.77 \
		2001:db8::9
	rm -f "$f"
	[ $file = blocks.idx ] ||
		run 3 "$file is gone" goquery -d "$T/broken" -f 0 seen 192.0.2.77
	rm -rf "$T/broken"
done
is "$(s seen 10.0.0.1 --threads 1)" "$(s seen 10.0.0.1 --threads 7)" \
	"threads change nothing"
done_testing
