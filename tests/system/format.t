#!/bin/sh
# FORMAT.md is enough to read a store: readstore.py, written from it, and
# goquery give the same rows.
. tests/lib/tap.sh

D=tests/data
command -v python3 >/dev/null || skip_all "no python3"

# goquery's csv with protocols by number, in the other's order of columns
by_goquery() {
	goquery -d "$1" -i any -f 0 -l 2106-01-01 -n all -e csv \
	    time,iface,sip,dip,dport,proto,l7proto | awk -F, '
	BEGIN {
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
by_python() { python3 tests/lib/readstore.py "$1" | tail -n +2 | sort; }

n=0
for f in office days fragments disorder links; do
	n=$((n + 1))
	ok "$f is stored" goprobe -d "$T/s" -i "if$n" -r $D/$f.pcap
done
by_goquery "$T/s" >"$T/a"
by_python "$T/s" >"$T/b"
rows=$(wc -l <"$T/a")
if [ "$rows" -gt 100 ]; then pass "$rows rows"; else fail "$rows rows"; fi
if diff "$T/a" "$T/b" >"$T/diff"; then
	pass "both readers agree on every row"
else
	fail "both readers agree on every row"
	head -5 "$T/diff" | diag
fi
done_testing
