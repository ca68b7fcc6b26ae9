#!/bin/sh
# goquery --remote beside a real ClickHouse: tests/system/remote.py.
command -v python3 >/dev/null || { echo "1..0 # SKIP no python3"; exit 0; }
HELPERS=${TESTS_DIR:-build/$(basename "${CC:-gcc}")/tests}
if [ ! -x "$HELPERS/lib/rows2store" ]; then
	echo "1..0 # SKIP no tests/lib/rows2store; make tests"
	exit 0
fi
exec python3 tests/system/remote.py -b "${BIN:-build/bin}" -H "$HELPERS" "$@"
