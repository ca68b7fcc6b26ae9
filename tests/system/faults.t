#!/bin/sh
# The writer itself, as it runs, while its disk fails: the n-th call that
# writes, syncs, cuts, makes, renames or removes returns an error.  Whatever n
# is, the answer is that of a run without it, or the program says that it could
# not begin.  A few n (FAULTS), with LONG=1 all of them; tests/lib/failcall.c.
. tests/lib/tap.sh

CC=${CC:-gcc}
P=$T/bin
mkdir -p "$P"
cp "$BIN/goprobe" "$BIN/goprobe-capture" "$P/" || exit 1
cp "$BIN/goprobe-writer" "$P/real-writer"
ok "failcall.so" $CC -std=c11 -D_GNU_SOURCE -shared -fPIC -o "$T/failcall.so" \
    tests/lib/failcall.c
# the launcher gives its children an environment of its own
cat >"$P/goprobe-writer" <<END
#!/bin/sh
. "$T/fault"
export FAIL_AT FAIL_ERRNO FAIL_MORE
FAIL_PROGRAM=real-writer LD_PRELOAD="$T/failcall.so" exec "$P/real-writer" "\$@"
END
chmod -R a+rX "$T"
chmod 755 "$P"/*

# replay N ERRNO MORE: fresh store, that fault
replay() {
	rm -rf "$T/s"
	printf 'FAIL_AT=%s FAIL_ERRNO=%s FAIL_MORE=%s\n' "$1" "$2" "$3" >"$T/fault"
	timeout 60 "$P/goprobe" -d "$T/s" -i eth0 -r tests/data/days.pcap \
	    >"$T/out" 2>"$T/err" </dev/null
	status=$?
	goquery -d "$T/s" -i any -f 0 -e csv raw >"$T/csv" 2>/dev/null
}

replay 0 5 0
is $status 0 "without a fault"
cp "$T/csv" "$T/want"
calls=$(sed -n 's/^failcall //p' "$T/err")
[ "${calls:-0}" -gt 50 ] || { fail "calls are counted"; done_testing; }
pass "calls are counted: $calls"

# those of opening the store, before the writer is ready
opening=12
all=0 same=0 refused=0 wrong=0
one() {
	replay "$1" "$2" "$3"
	all=$((all + 1))
	if [ $status = 0 ] && cmp -s "$T/csv" "$T/want" &&
	    goquery -d "$T/s" --check >/dev/null 2>&1; then
		same=$((same + 1))
	elif [ $status != 0 ] && [ "$1" -le $opening ] &&
	    grep -q 'Input/output error\|No space left' "$T/err"; then
		refused=$((refused + 1))
	else
		wrong=$((wrong + 1))
		echo "# call $1, errno $2, $3 more: status $status"
		diag <"$T/err"
	fi
}
seed=${TEST_SEED:-$$}
echo "# TEST_SEED=$seed"
random() {
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	n=$((seed / 65536 % calls + 1))
}
if [ -n "${LONG:-}" ]; then
	n=1
	while [ $n -le "$calls" ]; do
		# EIO is 5, ENOSPC 28
		one $n $((n % 2 ? 5 : 28)) 0
		[ $((n % 7)) = 0 ] && one $n 28 25
		n=$((n + 1))
	done
else
	for turn in 1 2; do
		random
		one "$n" 5 0
		random
		one "$n" 28 5
	done
fi
is $wrong 0 "$all faults: $same answers the same, $refused refused to begin"
done_testing
