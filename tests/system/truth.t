#!/bin/sh
# Real captures, through the whole chain, against what another program says of
# them.  They stand under licences of their own, so not in this repository:
# PCAP_CORPUS names the folder; by default it is looked for beside the tree.
# truth.py -D runs the packet loop alone and checks the counts of non-IP and
# malformed frames, too.
CORPUS=${PCAP_CORPUS:-../shared/pcaps}
if [ ! -d "$CORPUS/truth" ]; then
	echo "1..0 # SKIP no captures in $CORPUS; set PCAP_CORPUS"
	exit 0
fi
exec python3 tests/system/truth.py -b "${BIN:-build/bin}" "$CORPUS"
