#!/bin/sh
# kill -9 of the writer before a share of its system calls and at random
# instants; with LONG=1 before every one, and at 1,000.
command -v strace >/dev/null || { echo "1..0 # SKIP no strace"; exit 0; }
strace -D -qq -o /dev/null true 2>/dev/null ||
	{ echo "1..0 # SKIP processes cannot be traced here"; exit 0; }
if [ "${LONG:-}" ]; then
	set -- -e 1 -n 1000 -j 8
else
	set -- -e 12 -n 20
fi
exec python3 tests/system/kills.py -b "${BIN:-build/bin}" "$@"
