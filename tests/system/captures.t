#!/bin/sh
# Every capture of the corpus through the packet loop as the sanitizers build
# it: no report, accounts that close, and the same counts as the truth's.
CORPUS=${PCAP_CORPUS:-../shared/pcaps}
FLOWDUMP=${FLOWDUMP:-build/$(basename "${CC:-gcc}")-address-undefined/tests/lib/flowdump}
if [ ! -d "$CORPUS/truth" ]; then
	echo "1..0 # SKIP no captures in $CORPUS; set PCAP_CORPUS"
	exit 0
fi
if [ ! -x "$FLOWDUMP" ]; then
	echo "1..0 # SKIP not built: make variants"
	exit 0
fi
# a report ends in a signal; an exit status would look like an answer
export ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1
exec python3 tests/system/truth.py -D "$FLOWDUMP" "$CORPUS"
