#!/bin/sh
# kill -9 of the writer before a share of its system calls and at random
# instants; `make check-long` does all of them.
command -v strace >/dev/null || { echo "1..0 # SKIP no strace"; exit 0; }
strace -D -qq -o /dev/null true 2>/dev/null ||
	{ echo "1..0 # SKIP processes cannot be traced here"; exit 0; }
exec python3 tests/system/kills.py -b "${BIN:-build/bin}" -e 12 -n 20
