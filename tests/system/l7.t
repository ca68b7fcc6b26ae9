#!/bin/sh
# Names of applications on real captures, against nDPI's own results, ndpiReader
# and tshark (tests/system/l7.py).  PCAP_CORPUS names the folder of captures.
CORPUS=${PCAP_CORPUS:-../shared/pcaps}
HELPERS=${TESTS_DIR:-build/${CC:-gcc}/tests}/lib
skip() {
	echo "1..0 # SKIP $*"
	exit 0
}
[ -d "$CORPUS/truth" ] || skip "no captures in $CORPUS; set PCAP_CORPUS"
[ -x "$HELPERS/l7dump" ] || skip "not built: make tests"
"$HELPERS/l7dump" "$CORPUS/zeek-dnssec-dnskey.pcap" >/dev/null 2>&1
[ $? != 99 ] || skip "built without layer 7"
exec python3 tests/system/l7.py -b "${BIN:-build/bin}" -H "$HELPERS" "$CORPUS"
