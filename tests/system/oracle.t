#!/bin/sh
# goquery's answers to random questions, against SQLite's over the same rows.
# TAP_SEED=n asks them once more.  PCAP_CORPUS names a folder of captures.
CORPUS=${PCAP_CORPUS:-../shared/pcaps}
HELPERS=${TESTS_DIR:-build/$(basename "${CC:-gcc}")/tests}
if [ ! -x "$HELPERS/lib/rows2store" ]; then
	echo "1..0 # SKIP no tests/lib/rows2store; make tests"
	exit 0
fi
exec python3 tests/system/oracle.py -b "${BIN:-build/bin}" -H "$HELPERS" \
	-n "${ORACLE_QUERIES:-700}" "$CORPUS"
