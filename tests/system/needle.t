#!/bin/sh
# Address indexes change no answer, spare what they promise, and are left out
# when they are damaged or of something else (needle.py).
HELPERS=${TESTS_DIR:-build/$(basename "${CC:-gcc}")/tests}
if [ ! -x "$HELPERS/lib/rows2store" ]; then
	echo "1..0 # SKIP no tests/lib/rows2store; make tests"
	exit 0
fi
exec python3 tests/system/needle.py -b "${BIN:-build/bin}" -H "$HELPERS" \
	-n "${NEEDLE_QUESTIONS:-${LONG:+4000}}"
