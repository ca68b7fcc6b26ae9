#!/bin/sh
# Flow truth by another program over a folder of captures (under licences of
# their own, so not in this repository), through the whole chain.
# GOPROBE_PCAPS names the folder.  tests/system/truth.py -D runs the packet
# loop alone and checks the counts of non-IP and malformed frames, too.
exec python3 tests/system/truth.py -b "${BIN:-build/bin}" \
	"${GOPROBE_PCAPS:-../shared/pcaps}"
