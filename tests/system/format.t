#!/bin/sh
# FORMAT.md is enough to read a store: readstore.py, written from it, and
# goquery give the same rows.
. tests/lib/tap.sh

D=tests/data
HELPERS=${TESTS_DIR:-build/gcc/tests}
command -v python3 >/dev/null || skip_all "no python3"
[ -x "$HELPERS/bench/genflows" ] || skip_all "no genflows; make tests"

# goquery's csv with protocols by number, in the other's order of columns
by_goquery() {
	goquery -d "$1" -i any -f 0 -l 2106-01-01 -n all -e csv 2>/dev/null \
	    time,iface,sip,dip,dport,proto,l7proto | awk -F, '
	BEGIN {
		# what Debian has not, and IANA has
		number["manet"] = 138; number["AGGFRAG"] = 144
		number["NSH"] = 145; number["Homa"] = 146
		while ((getline line < "/etc/protocols") > 0) {
			split(line, f, "[ \t]+")
			if (f[1] !~ /^#/ && f[3] != "") number[f[3]] = f[2]
		}
	}
	NR > 1 {
		p = $6 in number ? number[$6] : $6
		print $1 "," $2 "," $3 "," $4 "," $5 "," p "," $7 "," \
		    $11 "," $12 "," $8 "," $9
	}' | sort
}
by_python() {
	KINDS=1 python3 tests/lib/readstore.py "$1" 2>>"$T/kinds" | tail -n +2 | sort
}
# same STORE ROWS: at least so many, and the same in both
same() {
	by_goquery "$1" >"$T/a"
	by_python "$1" >"$T/b"
	rows=$(wc -l <"$T/a" | tr -d ' ')
	ok "$rows rows" test "$rows" -ge "$2"
	if diff "$T/a" "$T/b" >"$T/diff"; then
		pass "  both readers agree on every row"
	else
		fail "  both readers agree on every row"
		head -5 "$T/diff" | diag
	fi
}

n=0
for f in office days fragments disorder links; do
	n=$((n + 1))
	ok "$f is stored" goprobe -d "$T/s" -i "if$n" -r $D/$f.pcap
done
same "$T/s" 100
# which is a file more that readstore.py knows nothing of
ok "roll-ups are there" test -s "$T/s/if1/2026-01-15/rollups.idx"

# --- a sensor's day in 288 blocks, and what that takes
G=$(mktemp -d /dev/shm/goprobe-test.XXXXXX 2>/dev/null) || mkdir "${G:=$T/g}"
remove_g() { rm -rf "$G"; }
at_exit remove_g
chmod 755 "$G" # thousands of fsyncs are not what this is about
ok "a day of a sensor" "$HELPERS/bench/genflows" store "$G" 1 300
same "$G" 80000
size=$(find "$G" -name '*.gpf' ! -name 'roll*' -o -name blocks.idx | tr '\n' '\0' | du -cb --files0-from=- | tail -1 | cut -f1)
ok "$((size * 10 / rows))/10 bytes a row, at most 18" test "$size" -le $((rows * 18))
size=$(du -sb "$G" | cut -f1)
ok "$((size * 10 / rows))/10 with all that is beside them, at most 24" test "$size" -le $((rows * 24))

# --- a large block, an empty one, an interface with an ugly name
python3 - >"$T/rows" <<'END'
import random
r = random.Random(5)
often = [r.getrandbits(50) for _ in range(500)]
slot = 1767225600
print("B %s %d 4 300 0 0 0 0" % ("a$(x)'%s\\", slot))
for i in range(66000):
    print("R 10.0.%d.%d 192.0.2.1 %d 6 %d %d 1 1 TLS" % (
        i >> 8 & 255, i & 255, i >> 16, often[i % 500],
        2 ** 64 - 1 if i == 7 else i))
for i in range(300):
    print("R 2001:db8::%x 2001:db8:%x::1 53 17 1 2 3 4 DNS" % (i, i % 7))
print("C %s %d" % ("a$(x)'%s\\", slot))
print("B quiet %d 4 300 0 0 0 0\nC quiet %d" % (slot, slot))
END
ok "they are stored" sh -c '"$1/lib/rows2store" "$2/l" <"$2/rows"' sh "$HELPERS" "$T"
same "$T/l" 66300
is "$(sort -u "$T/kinds" | tr '\n' ',')" \
    "addresses 16,addresses 17,array 1,array 2,array 3,array 4,array 5,array 6,method 0,method 1," \
    "every kind of array and chunk was read"
run 0 "address indexes" python3 tests/lib/readstore.py --addresses "$T/s"
like "$out" "^[1-9][0-9]* [1-9][0-9]*$" "  are those of the rows: $out"
done_testing
