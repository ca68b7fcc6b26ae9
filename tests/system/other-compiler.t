#!/bin/sh
# The programs as the other compiler makes them: sandboxes and all, they do the
# same.
BIN=$PWD/build/other/bin
export BIN
if [ ! -x "$BIN/goprobe" ]; then
	echo "1..0 # SKIP not built: make variants"
	exit 0
fi
n=0
failed=0
for t in offline live; do
	n=$((n + 1))
	if sh tests/system/$t.t >"/tmp/other.$$" 2>&1; then
		if grep -q '1..0 # SKIP' "/tmp/other.$$"; then
			echo "ok $n # SKIP $(sed -n 's/.*# SKIP //p' "/tmp/other.$$")"
		else
			echo "ok $n - $t.t"
		fi
	else
		echo "not ok $n - $t.t"
		failed=1
		grep -A4 '^not ok' "/tmp/other.$$" | sed 's/^/# /'
	fi
done
rm -f "/tmp/other.$$"
echo "1..$n"
exit $failed
